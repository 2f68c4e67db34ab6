"""Rows of Alarms: raised once for each Rule and Event, changed by one at a time, listed newest first.

What is decided (does it join, may it be acknowledged) is decided by vms/domain/alarm.py, inside the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, or_, select, update

from vms.domain.alarm import Alarm, AlarmState, again, alarm_of, joins, over
from vms.domain.event import Event
from vms.domain.ids import new_id
from vms.domain.rule import Rule, subject_of
from vms.errors import ForbiddenError, NotFoundError
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.scope import Scope, within
from vms.store.tables import alarm_events, alarms, events
from vms.store.tables.alarms import IS_LIVING_ALARM

Place = tuple[int, str]
"""Where a list goes on: raised_ns and id of the last Alarm that was read."""
_IN_STATE: dict[AlarmState, ColumnElement[bool]] = {
    AlarmState.RAISED: and_(IS_LIVING_ALARM, alarms.c.acknowledged_ns.is_(None)),
    AlarmState.ACKNOWLEDGED: and_(IS_LIVING_ALARM, alarms.c.acknowledged_ns.is_not(None), alarms.c.over_ns.is_(None)),
    AlarmState.CLOSED: and_(alarms.c.acknowledged_ns.is_not(None), alarms.c.over_ns.is_not(None)),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a text is found in, beside names of Rules and notes: Cameras, Sites and people of these ids."""

    text: str
    cameras: Collection[str] = ()
    sites: Collection[str] = ()
    people: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class WantedAlarms:
    """Which Alarms: raised in [from_ns, to_ns), in these states, of these priorities, Sites, this Camera, this Rule.
    None: whatever it is. `scope`: what who asks may see."""

    from_ns: int | None = None
    to_ns: int | None = None
    states: Collection[AlarmState] | None = None
    priorities: Collection[int] | None = None
    sites: Collection[str] | None = None
    camera: str | None = None
    rule: str | None = None
    told: Told | None = None
    scope: Scope | None = None


class Alarms:
    """What wants, or wanted, a person."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def raise_of(self, rule: Rule, event: Event, at_ns: int) -> Alarm | None:
        """The Alarm of an Event that is due by a Rule: a new one, or the former of the same Rule and thing once more.
        None where it was raised before and nothing has changed; an Event that goes on again after its end is raised
        again. ForbiddenError at a site."""
        self._guard()
        known = select(alarm_events.c.alarm).where(alarm_events.c.rule == rule.id, alarm_events.c.event == event.id)
        async with self._db.write() as connection:
            await self._db.alone(connection, f"rule.{rule.id}")
            raised = (await connection.execute(known)).scalar_one_or_none()
            if raised is not None and not await _goes_on_again(connection, raised, event.id):
                return None
            former = await _newest(connection, rule.id, subject_of(event))
            if former is not None and joins(former, at_ns, rule.cooldown_s):
                alarm = again(former, rule, event, at_ns)
                await _replace(connection, alarm)
            else:
                alarm = alarm_of(rule, event, at_ns, new_id())
                await connection.execute(insert(alarms), asdict(alarm))
            entry = {"rule": rule.id, "event": event.id, "alarm": alarm.id, "at_ns": at_ns}
            await self._db.upsert(connection, alarm_events, entry)
        return alarm

    async def end_over(self, now_ns: int) -> list[Alarm]:
        """Those whose Events have all ended since they were looked at last, with their end."""
        c = alarms.c
        of_alarm = select(events.c.end_ns).join(alarm_events, alarm_events.c.event == events.c.id)
        of_alarm = of_alarm.where(alarm_events.c.alarm == c.id)
        going_on = exists(of_alarm.where(events.c.end_ns.is_(None)))
        last = select(func.max(events.c.end_ns)).join(alarm_events, alarm_events.c.event == events.c.id)
        last = last.where(alarm_events.c.alarm == c.id)
        ended = select(alarms, last.scalar_subquery().label("end_ns"))
        ended = ended.where(IS_LIVING_ALARM, c.over_ns.is_(None), c.event.is_not(None), ~going_on)
        async with self._db.read() as connection:
            if (await connection.execute(ended.limit(1))).first() is None:
                return []
        async with self._db.write() as connection:
            # Who acknowledges one at this moment is waited for: the whole row is written.
            rows = await connection.execute(ended.with_for_update(of=alarms))
            done = [over(_alarm(row), row.end_ns or now_ns) for row in rows]
            for alarm in done:
                await _replace(connection, alarm)
        return done

    async def add(self, alarm: Alarm) -> None:
        """One that a Person raised. ForbiddenError at a site."""
        self._guard()
        async with self._db.write() as connection:
            await connection.execute(insert(alarms), asdict(alarm))

    async def change(self, alarm_id: str, decide: Callable[[Alarm], Alarm]) -> Alarm:
        """What `decide` makes of it, kept; nobody changes it in between, and what `decide` raises leaves it as it is.
        NotFoundError; ForbiddenError at a site."""
        self._guard()
        async with self._db.write() as connection:
            found = select(alarms).where(alarms.c.id == alarm_id).with_for_update()
            row = (await connection.execute(found)).first()
            if row is None:
                raise NotFoundError("There is no such alarm.", reason="alarm_gone")
            before = _alarm(row)
            after = decide(before)
            if after != before:
                await _replace(connection, after)
        return after

    async def get(self, alarm_id: str) -> Alarm | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(alarms).where(alarms.c.id == alarm_id))).first()
        return None if row is None else _alarm(row)

    async def find(self, wanted: WantedAlarms, limit: int, after: Place | None = None) -> list[Alarm]:
        """Newest first, at most `limit`; `after`: those that come behind this place."""
        c = alarms.c
        statement = select(alarms).where(*_conditions(wanted)).order_by(c.raised_ns.desc(), c.id.desc()).limit(limit)
        if after is not None:
            at_ns, alarm_id = after
            statement = statement.where(or_(c.raised_ns < at_ns, and_(c.raised_ns == at_ns, c.id < alarm_id)))
        return await self._db.rows(statement, _alarms)

    async def pressing(self, wanted: WantedAlarms, limit: int) -> list[Alarm]:
        """The most pressing first, late ones last; of one priority the one that waits longest; at most `limit`."""
        c = alarms.c
        statement = select(alarms).where(*_conditions(wanted)).order_by(c.late, c.priority, c.raised_ns, c.id)
        return await self._db.rows(statement.limit(limit), _alarms)

    async def on_displays(self, now_ns: int) -> list[Alarm]:
        """Those that nobody has acknowledged and that may be on Displays now."""
        wanting = select(alarms).where(_IN_STATE[AlarmState.RAISED], alarms.c.displays_until_ns > now_ns)
        return await self._db.rows(wanting, _alarms)

    async def count_raised(self, scope: Scope | None = None) -> dict[int, int]:
        """How many nobody has acknowledged, by priority."""
        statement = select(alarms.c.priority, func.count()).where(_IN_STATE[AlarmState.RAISED])
        if scope is not None:
            statement = statement.where(within(alarms, scope))
        async with self._db.read() as connection:
            rows = (await connection.execute(statement.group_by(alarms.c.priority))).all()
        return {int(priority): int(count) for priority, count in map(tuple, rows)}

    async def newest_ns(self) -> int | None:
        """When a Rule raised last; None: never."""
        async with self._db.read() as connection:
            found: int | None = (await connection.execute(select(func.max(alarm_events.c.at_ns)))).scalar_one()
        return found

    def _guard(self) -> None:
        options = self._db.notes.options
        if options is not None and options.role is Role.SITE:
            raise ForbiddenError("alarms are raised at the center", hint="Go there.", reason="set_at_center")


async def _goes_on_again(connection: Connection, alarm_id: str, event_id: str) -> bool:
    ended = exists(select(alarms.c.id).where(alarms.c.id == alarm_id, alarms.c.over_ns.is_not(None)))
    going = select(events.c.id).where(events.c.id == event_id, events.c.end_ns.is_(None), ended)
    return (await connection.execute(going)).first() is not None


async def _newest(connection: Connection, rule: str, subject: str) -> Alarm | None:
    c = alarms.c
    chosen = select(alarms).where(c.rule == rule, c.subject == subject)
    row = (
        await connection.execute(chosen.order_by(c.raised_ns.desc(), c.id.desc()).limit(1).with_for_update())
    ).first()
    return None if row is None else _alarm(row)


async def _replace(connection: Connection, alarm: Alarm) -> None:
    await connection.execute(update(alarms).where(alarms.c.id == alarm.id), asdict(alarm))


def _conditions(wanted: WantedAlarms) -> list[ColumnElement[bool]]:
    c = alarms.c
    chosen: list[ColumnElement[bool]] = []
    if wanted.scope is not None:
        chosen.append(within(alarms, wanted.scope))
    if wanted.from_ns is not None:
        chosen.append(c.raised_ns >= wanted.from_ns)
    if wanted.to_ns is not None:
        chosen.append(c.raised_ns < wanted.to_ns)
    if wanted.states is not None:
        chosen.append(or_(*(_IN_STATE[state] for state in wanted.states)))
    if wanted.priorities is not None:
        chosen.append(c.priority.in_(list(wanted.priorities)))
    if wanted.sites is not None:
        chosen.append(c.site.in_(list(wanted.sites)))
    if wanted.camera is not None:
        chosen.append(c.camera == wanted.camera)
    if wanted.rule is not None:
        chosen.append(c.rule == wanted.rule)
    if wanted.told is not None:
        chosen.append(_told(wanted.told))
    return chosen


def _told(told: Told) -> ColumnElement[bool]:
    c = alarms.c
    texts = (c.rule_name, c.note, c.acknowledged_note)
    named = [column.icontains(told.text, autoescape=True) for column in texts]
    people = list(told.people)
    return or_(
        *named,
        c.camera.in_(list(told.cameras)),
        c.site.in_(list(told.sites)),
        c.raised_by.in_(people),
        c.acknowledged_by.in_(people),
    )


def _alarms(rows: Iterable[Row[Any]]) -> list[Alarm]:
    return [_alarm(row) for row in rows]


def _alarm(row: Row[Any]) -> Alarm:
    values = {name: getattr(row, name) for name in Alarm.__dataclass_fields__}
    return Alarm(**values | {"displays": tuple(row.displays)})
