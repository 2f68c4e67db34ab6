"""When something holds: days of the week and hours of the day, in WIB (UTC+7, no summer time). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.interval import Interval, union
from vms.errors import InputError

DAY_MIN = 1440
_MIN_NS = 60 * NS_PER_S
_DAY_NS = DAY_MIN * _MIN_NS
_WIB_NS = 7 * 60 * _MIN_NS
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Schedule:
    """On `days` (0 Monday to 6 Sunday) from minute `from_min` (0 to 1439) to before minute `to_min` (1 to 1440) of the
    day; where `to_min` is not greater it goes on over midnight, into a day that need not be among `days`. InputError
    where it never holds."""

    days: frozenset[int] = frozenset(range(7))
    from_min: int = 0
    to_min: int = DAY_MIN

    def __post_init__(self) -> None:
        if not self.days or not self.days <= frozenset(range(7)):
            raise InputError(
                "A schedule needs days of the week, 0 to 6.", field="schedule.days", reason="schedule_days"
            )
        if not (0 <= self.from_min < DAY_MIN and 0 < self.to_min <= DAY_MIN) or self.from_min == self.to_min:
            raise InputError(
                "A schedule goes from one minute of the day to another.", field="schedule", reason="schedule_hours"
            )

    @property
    def always(self) -> bool:
        """Whether it holds all the time."""
        return len(self.days) == 7 and self.to_min - self.from_min == DAY_MIN

    def next_ns(self, at_ns: int) -> int:
        """The first moment from `at_ns` on when it holds, `at_ns` itself where it holds then."""
        first = (at_ns + _WIB_NS) // _DAY_NS - 1
        for day in range(first, first + 10):
            if (day + _EPOCH_WEEKDAY) % 7 not in self.days:
                continue
            begins_ns = day * _DAY_NS - _WIB_NS + self.from_min * _MIN_NS
            if at_ns < begins_ns + self._length_min * _MIN_NS:
                return max(at_ns, begins_ns)
        raise AssertionError("ten days hold every day of the week")

    def windows(self, interval: Interval) -> list[Interval]:
        """When it holds within an interval, in order of time; neighbours are one."""
        found = []
        for day in range((interval.start_ns + _WIB_NS) // _DAY_NS - 1, (interval.end_ns + _WIB_NS) // _DAY_NS + 1):
            if (day + _EPOCH_WEEKDAY) % 7 in self.days:
                begins_ns = day * _DAY_NS - _WIB_NS + self.from_min * _MIN_NS
                part = Interval(begins_ns, begins_ns + self._length_min * _MIN_NS).clip(interval)
                found += [] if part is None else [part]
        return union(found)

    @property
    def _length_min(self) -> int:
        return self.to_min - self.from_min + (DAY_MIN if self.to_min < self.from_min else 0)

    def holds(self, at_ns: int) -> bool:
        """Whether it holds at a time."""
        return self.next_ns(at_ns) == at_ns
