"""What timelines of several Cameras are drawn from: ends of Runs, Gap rows and Events, each one question for all
Cameras and answered by an index. A month of a Camera is half a thousand such rows, and forty thousand Segments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from vms.clock import NS_PER_S
from vms.domain.camera import StreamName, StreamRef
from vms.domain.event import EventKind, Severity
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.store.database import Database
from vms.store.tables import events, gaps, runs, segments
from vms.store.tables.base import ID_CHARS
from vms.store.tables.events import IS_OPEN_EVENT
from vms.store.tables.footage import IS_CORRECTED

_CAMERAS = bindparam("of_cameras", type_=String(ID_CHARS), expanding=True)
_STREAM = bindparam("of_stream", type_=String(8))
_FROM = bindparam("from_ns", type_=BigInteger)
_TO = bindparam("to_ns", type_=BigInteger)
_EARLY = bindparam("early_ns", type_=BigInteger)
_STEP = bindparam("step_ns", type_=BigInteger)
_NOW = bindparam("now_ns", type_=BigInteger)
_LASTS_NS = 86_400 * NS_PER_S
"""Events that ended, and began longer than this before the window, are not looked for."""
_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}
_SEVERITIES = list(Severity)
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A Run, as far as coverage needs it, in wall times. `end_ns` of one under way (`is_open`): of its last Segment."""

    camera: str
    node: str
    start_ns: int
    end_ns: int
    correction_ns: int
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Events of one kind of a Camera that began in the same step: `count` of them, from the first start to the last
    end (None while one goes on), `lasted_ns` together. `id`: of one of them."""

    camera: str
    kind: str
    start_ns: int
    end_ns: int | None
    lasted_ns: int
    count: int
    severity: Severity
    id: str


class Timelines:
    """Questions about many Cameras at once."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def corrections(self, cameras: Collection[str], stream: StreamName) -> tuple[int, int]:
        """The least and the greatest correction of the Cameras' Runs in nanoseconds, 0 included."""
        async with self._db.read() as connection:
            values = {"of_cameras": list(cameras), "of_stream": stream.value}
            low, high = tuple((await connection.execute(_CORRECTIONS, values)).one())
        return min(0, low or 0), max(0, high or 0)

    async def stretches(
        self, cameras: Collection[str], stream: StreamName, interval: Interval
    ) -> dict[str, list[Stretch]]:
        """Runs that overlap the interval by their wall times, by Camera, in order of start."""
        found = await self._db.rows(_STRETCHES, _stretches, _values(cameras, stream, interval))
        return _by_camera(found, lambda one: one.camera)

    async def gaps(self, cameras: Collection[str], stream: StreamName, interval: Interval) -> dict[str, list[Gap]]:
        """Gap rows that overlap the interval, open ones too, by Camera, in order of start."""
        found = await self._db.rows(_GAPS, _gaps, _values(cameras, stream, interval))
        return _by_camera(found, lambda one: one.stream.camera)

    async def happenings(
        self, cameras: Collection[str], interval: Interval, step_ns: int, now_ns: int, limit: int
    ) -> list[Happening]:
        """Events but of motion that overlap the interval, those of a kind that began in one step as one; at most
        `limit`, the first of each Camera."""
        values = _times(cameras, interval) | {"step_ns": step_ns, "now_ns": now_ns}
        found = await self._db.rows(_HAPPENINGS.limit(limit), _happenings, values)
        return [*await self._db.rows(_STILL, _happenings, _times(cameras, interval) | {"now_ns": now_ns}), *found]

    async def motion(
        self, cameras: Collection[str], interval: Interval, step_ns: int, now_ns: int
    ) -> dict[str, list[tuple[int, int]]]:
        """Motion by Camera: in which step of the interval Events of it began (below 0: before it), and how long they
        lasted together, in nanoseconds."""
        values = _times(cameras, interval) | {"step_ns": step_ns, "now_ns": now_ns}
        found = await self._db.rows(_MOTION, _motion, values)
        return {camera: [(step, ns) for _, step, ns in rows] for camera, rows in _by_camera(found, _first).items()}


def _values(cameras: Collection[str], stream: StreamName, interval: Interval) -> dict[str, Any]:
    return {
        "of_cameras": list(cameras),
        "of_stream": stream.value,
        "from_ns": interval.start_ns,
        "to_ns": interval.end_ns,
    }


def _times(cameras: Collection[str], interval: Interval) -> dict[str, Any]:
    return {
        "of_cameras": list(cameras),
        "from_ns": interval.start_ns,
        "to_ns": interval.end_ns,
        "early_ns": interval.start_ns - _LASTS_NS,
    }


def _first(row: tuple[str, int, int]) -> str:
    return row[0]


def _by_camera(found: Iterable[_Out], camera_of: Any) -> dict[str, list[_Out]]:
    by: dict[str, list[_Out]] = defaultdict(list)
    for one in found:
        by[camera_of(one)].append(one)
    return dict(by)


def _overlapping(table: Table, columns: Sequence[ColumnElement[Any]]) -> Any:
    """Two range scans of the index on (camera, stream, end_ns): rows that ended, rows that go on."""
    c = table.c
    of_streams = and_(c.camera.in_(_CAMERAS), c.stream == _STREAM, c.start_ns < _TO)
    ended = select(*columns).where(of_streams, c.end_ns > _FROM)
    going = select(*columns).where(of_streams, c.end_ns.is_(None))
    both = union_all(ended, going).subquery()
    return select(both).order_by(both.c.camera, both.c.start_ns)


def _runs_statement() -> Any:
    c, d = runs.c, segments.c
    last = select(d.end_ns).where(d.run == c.id).order_by(d.number.desc()).limit(1).scalar_subquery()
    ends = func.coalesce(c.end_ns, last, c.start_ns).label("until_ns")
    return _overlapping(
        runs, [c.camera, c.node, c.start_ns, ends, c.correction_ns, c.end_ns.is_(None).label("is_open")]
    )


def _of_window(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """A range scan of the index on (camera, start_ns)."""
    c = events.c
    ends = or_(c.end_ns.is_(None), c.end_ns > _FROM)
    return and_(c.camera.in_(_CAMERAS), c.start_ns >= _EARLY, c.start_ns < _TO, ends, *more)


def _lasted() -> ColumnElement[int]:
    """Of the part in the window."""
    c = events.c
    start = case((c.start_ns < _FROM, _FROM), else_=c.start_ns)
    end = func.coalesce(c.end_ns, _NOW)
    return func.sum(case((end > start, end - start), else_=0))


def _happening_columns(step: ColumnElement[Any]) -> Select[Any]:
    c = events.c
    rank = func.max(case(_RANKS, value=c.severity, else_=0))
    end = func.max(func.coalesce(c.end_ns, bindparam("forever", (1 << 62), type_=BigInteger)))
    columns = (c.camera, c.kind, func.min(c.start_ns), end, _lasted(), func.count(), rank, func.min(c.id))
    return select(*columns, step.label("step_of")).group_by(c.camera, c.kind, _BY_STEP)


_STEP_OF = (events.c.start_ns - _FROM) // _STEP
_BY_STEP: ColumnElement[Any] = literal_column("step_of")
_OTHERS = events.c.kind != EventKind.MOTION.value
_GAPS = _overlapping(gaps, list(gaps.c))
_STRETCHES = _runs_statement()
_CORRECTIONS = select(func.min(runs.c.correction_ns), func.max(runs.c.correction_ns)).where(
    IS_CORRECTED, runs.c.camera.in_(_CAMERAS), runs.c.stream == _STREAM
)
_HAPPENINGS = _happening_columns(_STEP_OF).where(_of_window(_OTHERS)).order_by(events.c.camera)
_STILL = _happening_columns(events.c.id).where(
    IS_OPEN_EVENT, events.c.end_ns.is_(None), events.c.camera.in_(_CAMERAS), events.c.start_ns < _EARLY, _OTHERS
)
_MOTION = (
    select(events.c.camera, _STEP_OF.label("step_of"), _lasted())
    .where(_of_window(events.c.kind == EventKind.MOTION.value))
    .group_by(events.c.camera, _BY_STEP)
)


def _stretches(rows: Iterable[Row[Any]]) -> list[Stretch]:
    return [
        Stretch(camera, node, start_ns, end_ns, correction_ns or 0, bool(is_open))
        for camera, node, start_ns, end_ns, correction_ns, is_open in map(tuple, rows)
    ]


def _gaps(rows: Iterable[Row[Any]]) -> list[Gap]:
    return [
        Gap(
            row.id,
            StreamRef(row.camera, StreamName(row.stream)),
            row.site,
            row.node,
            row.start_ns,
            row.end_ns,
            GapCause(row.cause),
            GapState(row.state),
            row.rev,
        )
        for row in rows
    ]


def _happenings(rows: Iterable[Row[Any]]) -> list[Happening]:
    return [
        Happening(camera, kind, start, None if end >= 1 << 62 else end, int(lasted), count, _SEVERITIES[rank], event)
        for camera, kind, start, end, lasted, count, rank, event, _ in map(tuple, rows)
    ]


def _motion(rows: Iterable[Row[Any]]) -> list[tuple[str, int, int]]:
    return [(camera, int(step), int(lasted)) for camera, step, lasted in map(tuple, rows)]
