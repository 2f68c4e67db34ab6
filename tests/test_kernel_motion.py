"""Motion that was found in parts: what goes on from one window to the next is one, what is too short is left out."""

from __future__ import annotations

from vms.clock import NS_PER_S
from vms.domain.interval import Interval
from vms.domain.motion import MotionHit, MotionThread
from vms.domain.schedule import Schedule

HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
MONDAY_NS = 1_790_528_400 * NS_PER_S
"""2026-09-28T00:00 WIB."""


def hit(start_s: int, end_s: int, score: float = 0.5) -> MotionHit:
    """Strongest at its start."""
    return MotionHit(Interval(start_s * NS_PER_S, end_s * NS_PER_S), score, start_s * NS_PER_S)


def test_motion_over_the_end_of_a_window_is_one() -> None:
    """Held back, joined, told with the next; its strongest moment stays."""
    thread = MotionThread()
    assert thread.next((hit(10, 20), hit(90, 98, 0.9)), 100 * NS_PER_S) == [hit(10, 20)]
    assert thread.next((hit(102, 110), hit(150, 151)), 200 * NS_PER_S) == [
        MotionHit(Interval(90 * NS_PER_S, 110 * NS_PER_S), 0.9, 90 * NS_PER_S),
        hit(150, 151),
    ]


def test_what_does_not_go_on_is_told_later_and_what_is_short_never() -> None:
    """Three seconds and three seconds with a short rest between are long enough together."""
    thread = MotionThread(least_ms=6000)
    assert thread.next((hit(1, 3), hit(96, 99)), 100 * NS_PER_S) == []
    assert thread.next((hit(101, 104),), 200 * NS_PER_S) == [hit(96, 104)]
    assert thread.next((hit(197, 199),), 200 * NS_PER_S) == []
    assert thread.next((), None) == []


def test_windows_of_a_schedule() -> None:
    """Two to four each night; over midnight with the day it began on; always is one."""
    two_days = Interval(MONDAY_NS, MONDAY_NS + 2 * DAY_NS)
    nights = Schedule(from_min=120, to_min=240).windows(two_days)
    assert [(one.start_ns - MONDAY_NS) // HOUR_NS for one in nights] == [2, 26]
    assert all(one.duration_ns == 2 * HOUR_NS for one in nights)
    late = Schedule(frozenset({0}), 1320, 240).windows(two_days)
    assert [((one.start_ns - MONDAY_NS) // HOUR_NS, one.duration_ns // HOUR_NS) for one in late] == [(22, 6)]
    assert Schedule().windows(two_days) == [two_days]
    sunday = Schedule(frozenset({6}), 1320, 240).windows(two_days)
    assert [(one.start_ns - MONDAY_NS, one.duration_ns // HOUR_NS) for one in sunday] == [(0, 4)]
