"""Rows of one catalogue into another, table by table, until both say the same. Async; the comparison is pure.

Both sides are read in the order of their keys, and only what is missing or older is written: so a run that was cut off
goes on by comparing, and one after which nothing is left to do is the proof. A row that has a greater rev here was
changed here since, and stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vms.store import Catalogue
from vms.store.table_rows import Key, Row, TableRows

_BATCH = 500


@dataclass(slots=True)
class TableTold:
    """What the comparison of a table found. `old`: rows of the old catalogue; `same` of them are here as they were,
    `newer` were changed here since; `digest`: SHA-256 over the old rows, `here` over what is here of them."""

    table: str
    old: int = 0
    same: int = 0
    newer: int = 0
    missing: list[Key] = field(default_factory=list)
    digest: str = ""
    here: str = ""

    @property
    def ok(self) -> bool:
        """Every row is there."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Difference:
    """One batch: rows to be written, keys that only the new side has, pairs that are fine."""

    write: tuple[Row, ...]
    extra: tuple[Key, ...]
    fine: tuple[tuple[Row, Row], ...]


def difference(table: str, old: Sequence[Row], new: Sequence[Row]) -> Difference:
    """Of the rows of one stretch of keys on both sides."""
    here = {TableRows.key_of(table, row): row for row in new}
    write, fine = [], []
    for row in old:
        known = here.pop(TableRows.key_of(table, row), None)
        if known is None or not _stands(row, known):
            write.append(row)
        else:
            fine.append((row, known))
    return Difference(tuple(write), tuple(here), tuple(fine))


class Rows:
    """Between two catalogues. `tell` is called with a table and how many of its rows were looked at."""

    def __init__(self, old: Catalogue, new: Catalogue, tell: Callable[[str, int], None], batch: int = _BATCH) -> None:
        self._old, self._new = old.table_rows, new.table_rows
        self._tell, self._batch = tell, batch

    async def bring(self) -> int:
        """Write what is missing or older, then take away what people removed meanwhile; how many rows were written."""
        written = 0
        for table in TableRows.tables():
            async for part in self._parts(table):
                if part.write:
                    await self._new.put(table, _parents_first(part.write))
                    written += len(part.write)
        for table in reversed(TableRows.tables()):
            if not TableRows.keeps_all(table):
                async for part in self._parts(table):
                    if part.extra:
                        await self._new.remove(table, part.extra)
        return written

    async def compare(self) -> list[TableTold]:
        """Row for row."""
        return [await self._compare(table) for table in TableRows.tables()]

    async def _compare(self, table: str) -> TableTold:
        told = TableTold(table)
        old, here = hashlib.sha256(), hashlib.sha256()
        async for part in self._parts(table):
            told.missing += [TableRows.key_of(table, row) for row in part.write]
            told.old += len(part.write) + len(part.fine)
            for row in part.write:
                old.update(_plain(row))
            for row, known in part.fine:
                as_it_was = row == known
                told.same += as_it_was
                told.newer += not as_it_was
                line = _plain(row)
                old.update(line)
                here.update(line if as_it_was else _plain(known))
        told.digest, told.here = old.hexdigest(), here.hexdigest()
        return told

    async def _parts(self, table: str) -> AsyncIterator[Difference]:
        after: Key | None = None
        seen = 0
        limit = None if table == "sites" else self._batch  # Sites name each other, in any order of their ids
        while True:
            old = await self._old.page(table, after=after, limit=limit)
            last = TableRows.key_of(table, old[-1]) if old and len(old) == limit else None
            yield difference(table, old, await self._new.page(table, after=after, upto=last))
            seen += len(old)
            self._tell(table, seen)
            if last is None:
                return
            after = last


def _stands(old: Row, here: Row) -> bool:
    return old == here or here.get("rev", 0) > old.get("rev", 0)


def _parents_first(rows: Sequence[Row]) -> list[Row]:
    """Rows that name another of their table come after it."""
    if not rows or "parent" not in rows[0]:
        return list(rows)
    by_id = {row["id"]: row for row in rows}

    def depth(row: Row) -> int:
        above, steps = row["parent"], 0
        while above in by_id and steps < len(by_id):
            above, steps = by_id[above]["parent"], steps + 1
        return steps

    return sorted(rows, key=depth)


def _plain(row: Row) -> bytes:
    return json.dumps(dict(row), sort_keys=True, default=_hex, separators=(",", ":")).encode() + b"\n"


def _hex(value: Any) -> str:
    return bytes(value).hex()
