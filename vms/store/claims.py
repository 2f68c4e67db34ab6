"""Which Segments a Hold claims, as a condition on their rows: the rule of vms/domain/hold.py in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from vms.domain.hold import MARGIN_NS
from vms.store.tables import holds, runs, segments

_CORRECTION = func.coalesce(
    select(runs.c.correction_ns).where(runs.c.id == segments.c.run).correlate(segments).scalar_subquery(), 0
)


def overlaps() -> ColumnElement[bool]:
    """Of a row of `segments` and one of `holds`: the Hold is of its Camera and of some of its time, as it was stamped
    or as a correction shows it."""
    h, s = holds.c, segments.c

    def within(start_ns: ColumnElement[Any], end_ns: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(
            h.start_ns < end_ns + MARGIN_NS,
            or_(h.end_ns.is_(None), h.end_ns > start_ns - MARGIN_NS),
        )

    corrected = within(s.start_ns + _CORRECTION, s.end_ns + _CORRECTION)
    return and_(h.camera == s.camera, or_(within(s.start_ns, s.end_ns), corrected))


def in_force(let_go_ns: int) -> ColumnElement[bool]:
    """Of a row of `holds`: it holds; `let_go_ns` as vms/domain/hold.py has it."""
    return or_(holds.c.removed_ns.is_(None), holds.c.removed_ns > let_go_ns)


def claimed(let_go_ns: int) -> ColumnElement[bool]:
    """Of a row of `segments`: some Hold claims it."""
    return exists(select(holds.c.id).where(in_force(let_go_ns), overlaps()).correlate(segments))
