"""How old and how much footage may be, and which of it goes: days per camera, bytes per camera, Site and Store. Pure.

Only what is given is ever chosen, and it is given none that is held or unsent (vms/store/segments.py): held footage
counts against no quota, so that a Hold neither takes room from other footage nor is a reason for it to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.camera import Camera
from vms.domain.footage import Segment, SegmentState

DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Quota:
    """Together these Cameras may have so many bytes."""

    cameras: tuple[Camera, ...]
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest Segments of a Camera that may go, in order; `whole`: there are no more of it."""

    segments: Sequence[Segment]
    whole: bool = True


def too_old_ns(camera: Camera, now_ns: int, default_days: int) -> int:
    """What of a camera ended before this time goes."""
    days = default_days if camera.retention_days is None else camera.retention_days
    return now_ns - days * DAY_NS


def oldest_of(batches: Iterable[Batch], excess_bytes: int) -> list[Segment]:
    """The oldest stored Segments that together are at least `excess_bytes`; none where nothing is too much. None that
    is younger than the last of a Batch that is not whole: older ones may come behind it."""
    found = list(batches)
    upto_ns = min((batch.segments[-1].start_ns for batch in found if not batch.whole), default=None)
    chosen: list[Segment] = []
    stored = (one for batch in found for one in batch.segments if one.state is SegmentState.STORED)
    for segment in sorted(stored, key=lambda one: (one.start_ns, one.run, one.number)):
        if excess_bytes <= 0 or (upto_ns is not None and segment.start_ns > upto_ns):
            break
        chosen.append(segment)
        excess_bytes -= segment.size_bytes
    return chosen
