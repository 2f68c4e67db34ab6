"""What the audit log is told: who signed in, was refused, changed, replayed or took away what. Never a secret."""

from __future__ import annotations

from typing import Any

from vms.store.catalogue import Catalogue

NOBODY = "-"
_TEXT_MAX, _ITEMS_MAX = 1_000, 64


def bounded(value: Any) -> Any:
    """A detail of an entry: texts of at most 1000 characters, lists of at most 64 items, the last saying how many more
    there were."""
    if isinstance(value, str):
        return value if len(value) <= _TEXT_MAX else f"{value[: _TEXT_MAX - 1]}…"
    if isinstance(value, list | tuple):
        kept = [bounded(each) for each in value[:_ITEMS_MAX]]
        return kept if len(value) <= _ITEMS_MAX else [*kept, f"… {len(value) - _ITEMS_MAX}"]
    return value


class Audit:
    """Writes to the hash-chained log of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._log = catalogue.audit

    async def add(self, person: str, action: str, subject: str, **detail: Any) -> None:
        """One entry; `detail` holds plain JSON values. What is longer than a line of a log is cut, and says so."""
        kept = {name: bounded(value) for name, value in detail.items()}
        await self._log.add(person, action, subject[:_TEXT_MAX], kept)

    async def refused(self, person: str, address: str, what: str, code: str) -> None:
        """Somebody was refused something."""
        await self._log.add(person, "refused", what, {"address": address, "code": code})
