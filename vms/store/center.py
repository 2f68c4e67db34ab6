"""Guards what operators keep (tours, walls, displays): it lives alone or at the center; a site's node only says so."""

from __future__ import annotations

from vms.errors import ForbiddenError
from vms.store.database import Database
from vms.store.notes import Role


def at_center(database: Database, what: str) -> None:
    """ForbiddenError where the catalogue is a site's; `what` in the plural."""
    options = database.notes.options
    if options is not None and options.role is Role.SITE:
        raise ForbiddenError(f"{what} are kept at the center", hint="Change them there.", reason="set_at_center")
