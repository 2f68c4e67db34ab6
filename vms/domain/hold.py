"""Holds: a Case's claim on a Camera x time, past and to come: retention may not touch the footage. Pure.

Whole Segments are held: all that have a picture of that time, by the times of their Run as they were stamped and as a
later correction shows them. A Hold that is taken off holds for an hour more, so that taking it off can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.interval import Interval
from vms.errors import InputError

REASON_MAX = 500
GRACE_NS = 3600 * NS_PER_S
"""How long a Hold holds after it was taken off."""
MARGIN_NS = 2 * NS_PER_S
"""How far a picture's time can be from where its Segment says it lies: decoding order, and times of two clocks."""


@dataclass(frozen=True, slots=True)
class Hold:
    """[start_ns, end_ns) of one Camera, `end_ns` None: without an end. `site`: the Camera's, whose nodes have to know;
    `person`: the id of who held; `removed_ns`, `removed_by`: when and by whom it was taken off."""

    id: str
    case: str
    camera: str
    site: str
    start_ns: int
    end_ns: int | None
    reason: str
    person: str
    created_ns: int
    removed_ns: int | None = None
    removed_by: str | None = None
    rev: int = 1

    def __post_init__(self) -> None:
        if self.end_ns is not None and self.end_ns <= self.start_ns:
            raise InputError("A hold ends after it begins.", field="to", reason="hold_reversed")

    def holds(self, now_ns: int) -> bool:
        """Whether retention has to heed it."""
        return self.removed_ns is None or self.removed_ns > let_go_ns(now_ns)

    def covers(self, span: Interval) -> bool:
        """Whether footage that lies there has something of its time, the margin counted in."""
        ends = self.end_ns is None or span.start_ns < self.end_ns + MARGIN_NS
        return ends and span.end_ns > self.start_ns - MARGIN_NS


def let_go_ns(now_ns: int) -> int:
    """Holds that were taken off at or before this time hold nothing any more."""
    return now_ns - GRACE_NS


def is_held(camera: str, span: Interval, correction_ns: int, holds: Iterable[Hold], now_ns: int) -> bool:
    """Whether footage of a Camera is claimed: by its own times, or by those that a correction of its Run shows."""
    shown = Interval(span.start_ns + correction_ns, span.end_ns + correction_ns)
    return any(
        hold.camera == camera and hold.holds(now_ns) and (hold.covers(span) or hold.covers(shown)) for hold in holds
    )
