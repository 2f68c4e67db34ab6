"""What the audit log is told: who signed in, was refused, changed, replayed or took away what. Never a secret."""

from __future__ import annotations

from typing import Any

from vms.store.catalogue import Catalogue

NOBODY = "-"


class Audit:
    """Writes to the hash-chained log of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._log = catalogue.audit

    async def add(self, person: str, action: str, subject: str, **detail: Any) -> None:
        """One entry; `detail` holds plain JSON values."""
        await self._log.add(person, action, subject, detail)

    async def refused(self, person: str, address: str, what: str, code: str) -> None:
        """Somebody was refused something."""
        await self._log.add(person, "refused", what, {"address": address, "code": code})
