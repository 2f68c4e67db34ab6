"""The audit log: append-only, one hash chain per Node. The rule of the hash is in vms/domain/audit.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, insert, select

from vms.clock import Clock
from vms.domain.audit import AuditEntry, AuditLine, ChainWalk, entry_hash
from vms.store.database import Database
from vms.store.tables import audit

_PAGE = 1000


class Audit:
    """Who did, or was refused, what. There is no way to change or remove an entry."""

    def __init__(self, database: Database, clock: Clock, node: str) -> None:
        self._db = database
        self._clock = clock
        self._node = node

    async def add(self, person: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> AuditEntry:
        """Append. `person`: id, or the name that was claimed; `detail`: plain JSON values, never a secret. What is too
        long for its column is cut, what is no text is replaced."""
        (entry,) = await self.add_all([AuditLine(person, action, subject, detail or {})])
        return entry

    async def add_all(self, lines: Sequence[AuditLine]) -> Sequence[AuditEntry]:
        """Append several, one transaction."""
        newest = select(audit).where(audit.c.node == self._node).order_by(audit.c.number.desc()).limit(1)
        entries: list[AuditEntry] = []
        async with self._db.write() as connection:
            await self._db.alone(connection, f"audit.{self._node}")
            last = (await connection.execute(newest)).first()
            number, previous = (0, "") if last is None else (last.number, last.hash)
            for line in lines:
                number += 1
                entry = AuditEntry(
                    node=self._node,
                    number=number,
                    at_ns=self._clock.now_ns(),
                    person=_kept(line.person, 100),
                    action=_kept(line.action, 64),
                    subject=_kept(line.subject, 200),
                    detail=_clean(dict(line.detail)),
                    previous=previous,
                )
                entry = replace(entry, hash=entry_hash(entry))
                previous = entry.hash
                entries.append(entry)
                values = _values(entry)
                await connection.execute(insert(audit), values)
                await self._db.notes.note(connection, audit, values)
        return entries

    async def list(self, limit: int = 100, cursor: str | None = None) -> tuple[list[AuditEntry], str | None]:
        """Newest first over all Nodes; the cursor of the next page, None at the end."""
        c = audit.c
        statement = select(audit).order_by(c.at_ns.desc(), c.node.desc(), c.number.desc()).limit(limit + 1)
        if cursor is not None:
            at_ns, node, number = _cursor(cursor)
            same, earlier = c.at_ns == at_ns, c.at_ns < at_ns
            before = (c.node < node) | ((c.node == node) & (c.number < number))
            statement = statement.where(earlier | (same & before))
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        entries = [_entry(row) for row in rows[:limit]]
        last = entries[-1] if len(rows) > limit else None
        return entries, None if last is None else f"{last.at_ns}.{last.node}.{last.number}"

    async def chains(self) -> Sequence[str]:
        """The Nodes of which there are entries here."""
        async with self._db.read() as connection:
            return sorted((await connection.execute(select(audit.c.node).distinct())).scalars())

    async def entries(self, node: str) -> AsyncIterator[AuditEntry]:
        """A Node's chain from its beginning on, a page in memory at a time."""
        after = 0
        while True:
            statement = (
                select(audit).where(audit.c.node == node, audit.c.number > after).order_by(audit.c.number).limit(_PAGE)
            )
            async with self._db.read() as connection:
                rows = (await connection.execute(statement)).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].number

    async def first_broken(self) -> int | None:
        """The first entry of this Node's chain that does not fit, None where the chain is whole."""
        walk = ChainWalk()
        async for entry in self.entries(self._node):
            walk.add(entry)
        return None if walk.fault is None else walk.fault.number


def _clean(value: Any) -> Any:
    """Plain JSON values that every database and every wire takes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_clean(str(name)): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def _kept(text: str, limit: int) -> str:
    """What a database takes of a text: no NUL, no lone surrogate, no more than the column holds."""
    return text[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _cursor(text: str) -> tuple[int, str, int]:
    at_ns, _, rest = text.partition(".")
    node, _, number = rest.rpartition(".")
    return int(at_ns), node, int(number)


def _values(entry: AuditEntry) -> dict[str, Any]:
    return {
        "node": entry.node,
        "number": entry.number,
        "at_ns": entry.at_ns,
        "person": entry.person,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        row.node, row.number, row.at_ns, row.person, row.action, row.subject, row.detail, row.previous, row.hash
    )
