"""Rows of Cases and their notes. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, and_, func, insert, or_, select, update

from vms.domain.case import Case, CaseNote, CasePerson, CaseRole, case_year
from vms.errors import ConflictError, ForbiddenError, NotFoundError
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.tables import case_notes, cases

Place = tuple[int, str]
"""Where a list goes on: created_ns and id of the last Case that was read."""


class Cases:
    """Folders of what belongs together."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def find(self, limit: int, after: Place | None = None, *, is_open: bool | None = None) -> list[Case]:
        """Newest first, at most `limit`; `after`: those that come behind this place. `is_open` None: all."""
        c = cases.c
        statement = select(cases).order_by(c.created_ns.desc(), c.id.desc()).limit(limit)
        if after is not None:
            at_ns, case_id = after
            statement = statement.where(or_(c.created_ns < at_ns, and_(c.created_ns == at_ns, c.id < case_id)))
        if is_open is not None:
            statement = statement.where(c.closed_ns.is_(None) if is_open else c.closed_ns.is_not(None))
        async with self._db.read() as connection:
            return [_case(row) for row in await connection.execute(statement)]

    async def get(self, case_id: str) -> Case | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(cases).where(cases.c.id == case_id))).first()
        return None if row is None else _case(row)

    async def add(self, case: Case) -> Case:
        """Keep a new one; gives it back with its number, the next of its year. ForbiddenError at a site."""
        self._guard()
        year = case_year(case.created_ns)
        async with self._db.write() as connection:
            await self._db.alone(connection, "cases")
            last = select(func.max(cases.c.serial)).where(cases.c.year == year)
            case = replace(case, year=year, serial=((await connection.execute(last)).scalar() or 0) + 1)
            await connection.execute(insert(cases), _values(case))
        return case

    async def change(self, case: Case) -> None:
        """Replace, all but number and origin. ConflictError: the row's rev is not `case.rev - 1`. NotFoundError: there
        is none. ForbiddenError at a site."""
        self._guard()
        fixed = {"id", "year", "serial", "person", "created_ns"}
        values = {name: value for name, value in _values(case).items() if name not in fixed}
        chosen = update(cases).where(cases.c.id == case.id, cases.c.rev == case.rev - 1)
        async with self._db.write() as connection:
            if (await connection.execute(chosen.values(**values))).rowcount == 0:
                found = (await connection.execute(select(cases.c.id).where(cases.c.id == case.id))).first()
                if found is None:
                    raise NotFoundError("There is no such case.", reason="case_gone")
                raise ConflictError(
                    "Somebody else has changed this case meanwhile.", hint="Look at it again.", reason="case_changed"
                )

    async def note(self, note: CaseNote) -> None:
        """Append one. ForbiddenError at a site."""
        self._guard()
        async with self._db.write() as connection:
            await connection.execute(insert(case_notes), asdict(note))

    async def notes(self, case_id: str, limit: int) -> list[CaseNote]:
        """Of a Case, the newest first."""
        c = case_notes.c
        statement = select(case_notes).where(c.case == case_id).order_by(c.at_ns.desc(), c.id.desc()).limit(limit)
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [CaseNote(row.id, row.case, row.text, row.person, row.at_ns) for row in rows]

    def _guard(self) -> None:
        options = self._db.notes.options
        if options is not None and options.role is Role.SITE:
            raise ForbiddenError("cases are kept at the center", hint="Open it there.", reason="set_at_center")


def _values(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "year": case.year,
        "serial": case.serial,
        "title": case.title,
        "description": case.description,
        "people": [{"person": one.person, "role": one.role.value} for one in case.people],
        "person": case.person,
        "created_ns": case.created_ns,
        "closed_ns": case.closed_ns,
        "rev": case.rev,
    }


def _case(row: Row[Any]) -> Case:
    people = tuple(CasePerson(one["person"], CaseRole(one["role"])) for one in row.people)
    return Case(
        row.id,
        row.title,
        row.description,
        people,
        row.person,
        row.created_ns,
        row.year,
        row.serial,
        row.closed_ns,
        row.rev,
    )
