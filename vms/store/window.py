"""What a statement asks of a Stream and an interval, as parameters: such statements are made once, when their module is
loaded, because making one takes longer than running it. `values` binds the parameters. Pure.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, Table, and_, bindparam, or_

from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.interval import Interval
from vms.store.tables.base import ID_CHARS

OVERLAP_NS = 600 * NS_PER_S
"""Segments that overlap others of their Stream by less than this are found all the same, however long they are."""

CAMERA = bindparam("of_camera", type_=String(ID_CHARS))
STREAM = bindparam("of_stream", type_=String(8))
START_NS = bindparam("from_ns", type_=BigInteger)
EARLY_NS = bindparam("early_ns", type_=BigInteger)
END_NS = bindparam("to_ns", type_=BigInteger)


def values(stream: StreamRef, interval: Interval | None = None) -> dict[str, Any]:
    """The parameters of a statement that names them."""
    asked: dict[str, Any] = {"of_camera": stream.camera, "of_stream": stream.name.value}
    if interval is not None:
        asked |= {"from_ns": interval.start_ns, "to_ns": interval.end_ns, "early_ns": interval.start_ns - OVERLAP_NS}
    return asked


def of_stream(table: Table | Any) -> ColumnElement[bool]:
    """The rows of the Stream."""
    return and_(table.c.camera == CAMERA, table.c.stream == STREAM)


def not_ended_before(table: Table) -> ColumnElement[bool]:
    """Which rows of the Stream overlap the interval, where a row without an end goes on. Each branch names the Stream
    by itself, so that both are range scans of the index on (camera, stream, end_ns)."""
    c = table.c
    ended, going = and_(of_stream(table), c.end_ns > START_NS), and_(of_stream(table), c.end_ns.is_(None))
    return and_(or_(ended, going), c.start_ns < END_NS)
