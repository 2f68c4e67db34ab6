"""Rows of Rules. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from vms import logs
from vms.domain.rule import Rule
from vms.domain.schedule import Schedule
from vms.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.tables import meta, rules

_FIRST = "rules.first"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A row that no Rule can be made of: damaged, or of a newer version. It raises nothing, and the others go on."""

    id: str
    name: str
    rev: int
    why: str


class Rules:
    """Which Events become Alarms."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def read(self) -> tuple[list[Rule], list[BrokenRule]]:
        """All, by name; and the rows that no Rule can be made of."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(rules).order_by(rules.c.name, rules.c.id))
        return _sorted(_rule(row) for row in rows)

    async def list(self) -> list[Rule]:
        """All that can be read, by name."""
        return (await self.read())[0]

    async def get(self, rule_id: str) -> Rule | BrokenRule | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(rules).where(rules.c.id == rule_id))).first()
        return None if row is None else _rule(row)

    async def has_begun(self) -> bool:
        """Whether this catalogue ever had Rules, which may all be deleted by now."""
        async with self._db.read() as connection:
            return (await connection.execute(select(meta.c.name).where(meta.c.name == _FIRST))).first() is not None

    async def begin_with(self, first: Sequence[Rule]) -> bool:
        """Keep these where this catalogue never had Rules; says whether it did. Rules that were all deleted stay so."""
        self._guard()
        async with self._db.write() as connection:
            await self._db.alone(connection, _FIRST)
            if (await connection.execute(select(meta.c.name).where(meta.c.name == _FIRST))).first() is not None:
                return False
            await connection.execute(insert(meta), {"name": _FIRST, "value": b"1"})
            if first:
                await connection.execute(insert(rules), [_values(rule) for rule in first])
        return True

    async def add(self, rule: Rule) -> None:
        """Keep a new one. ForbiddenError at a site."""
        self._guard()
        async with self._db.write() as connection:
            await connection.execute(insert(rules), _values(rule))

    async def update(self, rule: Rule) -> None:
        """Replace. ConflictError: the row's rev is not `rule.rev - 1`. NotFoundError: there is none. ForbiddenError at
        a site."""
        self._guard()
        statement = update(rules).where(rules.c.id == rule.id, rules.c.rev == rule.rev - 1)
        async with self._db.write() as connection:
            if (await connection.execute(statement, _values(rule))).rowcount == 0:
                await _why_not(connection, rule.id)

    async def remove(self, rule_id: str, rev: int | None = None) -> None:
        """Delete, where `rev` is given only that version; its Alarms stay. ConflictError, NotFoundError, ForbiddenError
        as above."""
        self._guard()
        statement = delete(rules).where(rules.c.id == rule_id)
        if rev is not None:
            statement = statement.where(rules.c.rev == rev)
        async with self._db.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                await _why_not(connection, rule_id)

    def _guard(self) -> None:
        options = self._db.notes.options
        if options is not None and options.role is Role.SITE:
            raise ForbiddenError("rules are kept at the center", hint="Change them there.", reason="set_at_center")


async def _why_not(connection: Connection, rule_id: str) -> None:
    row = (await connection.execute(select(rules.c.rev).where(rules.c.id == rule_id))).first()
    if row is None:
        raise NotFoundError("there is no such rule", hint="Somebody may have deleted it.", reason="rule_gone")
    raise ConflictError("somebody else has changed the rule meanwhile", hint="Load it again.", reason="rule_changed")


def _values(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "enabled": rule.enabled,
        "kinds": [str(kind) for kind in rule.kinds],
        "sites": list(rule.sites),
        "cameras": list(rule.cameras),
        "areas": list(rule.areas),
        "days": sorted(rule.schedule.days),
        "from_min": rule.schedule.from_min,
        "to_min": rule.schedule.to_min,
        "min_duration_s": rule.min_duration_s,
        "priority": rule.priority,
        "sound": rule.sound,
        "alarm_tile": rule.alarm_tile,
        "displays": list(rule.displays),
        "display_s": rule.display_s,
        "cooldown_s": rule.cooldown_s,
        "since_ns": rule.since_ns,
        "rev": rule.rev,
    }


def _sorted(found: Iterable[Rule | BrokenRule]) -> tuple[list[Rule], list[BrokenRule]]:
    well: list[Rule] = []
    broken: list[BrokenRule] = []
    for one in found:
        if isinstance(one, Rule):
            well.append(one)
        else:
            broken.append(one)
    return well, broken


def _rule(row: Row[Any]) -> Rule | BrokenRule:
    try:
        return Rule(
            id=row.id,
            name=row.name,
            kinds=_texts(row.kinds),
            enabled=row.enabled,
            sites=_texts(row.sites),
            cameras=_texts(row.cameras),
            areas=_texts(row.areas),
            schedule=Schedule(frozenset(row.days), row.from_min, row.to_min),
            min_duration_s=row.min_duration_s,
            priority=row.priority,
            sound=row.sound,
            alarm_tile=row.alarm_tile,
            displays=_texts(row.displays),
            display_s=row.display_s,
            cooldown_s=row.cooldown_s,
            since_ns=row.since_ns,
            rev=row.rev,
        )
    except (InputError, TypeError, ValueError) as error:
        return BrokenRule(row.id, str(row.name), row.rev, logs.redact(str(error) or type(error).__name__))


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts. TypeError: it is none."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("not a list of texts")
    return tuple(value)
