"""Half-open intervals of wall time in nanoseconds, and arithmetic on sorted lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """[start_ns, end_ns), UTC; never empty, never reversed."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise ValueError(f"interval is empty or reversed: {self.start_ns} to {self.end_ns}")

    @property
    def duration_ns(self) -> int:
        """Length in nanoseconds."""
        return self.end_ns - self.start_ns

    def clip(self, window: Interval) -> Interval | None:
        """The part inside the window, None where there is none."""
        start, end = max(self.start_ns, window.start_ns), min(self.end_ns, window.end_ns)
        return Interval(start, end) if start < end else None


def union(intervals: Iterable[Interval], *, join_ns: int = 0) -> list[Interval]:
    """Sorted, disjoint intervals that cover the same time; neighbours at most `join_ns` apart become one."""
    merged: list[Interval] = []
    for item in sorted(intervals):
        if merged and item.start_ns <= merged[-1].end_ns + join_ns:
            if item.end_ns > merged[-1].end_ns:
                merged[-1] = Interval(merged[-1].start_ns, item.end_ns)
        else:
            merged.append(item)
    return merged


def subtract(window: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """What of the window the given intervals leave."""
    left: list[Interval] = []
    at_ns = window.start_ns
    for item in union(taken):
        if item.end_ns <= at_ns:
            continue
        if item.start_ns >= window.end_ns:
            break
        if item.start_ns > at_ns:
            left.append(Interval(at_ns, item.start_ns))
        at_ns = item.end_ns
    if at_ns < window.end_ns:
        left.append(Interval(at_ns, window.end_ns))
    return left


def total_ns(intervals: Iterable[Interval]) -> int:
    """The time covered, overlaps counted once."""
    return sum(item.duration_ns for item in union(intervals))
