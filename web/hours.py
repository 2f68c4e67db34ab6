"""A week of cameras hour by hour: what of each hour was recorded of what should have been, and why the rest is missing.
Pure. Days are those of the province: WIB, as in web/report.py."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.gap import NOBODYS_FAULT, GapCause
from vms.domain.interval import Interval
from vms.errors import IntervalError
from web.playback import Strip
from web.report import DAY_NS, WIB

HOUR_NS = 3600 * NS_PER_S
WEEK_DAYS, DAY_HOURS = 7, 24
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Hour:
    """`share`: recorded of what should have been, 0 to 1; None where nothing should have been, or has been yet.
    `cause`: of most that is missing, None where nothing is."""

    share: float | None
    cause: GapCause | None


def week_of(text: str) -> Interval:
    """Seven days in WIB from the day that is named, such as `2026-11-23`. IntervalError names the field."""
    hint = "Write its first day as 2026-11-23."
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError(text)
        first = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=WIB)
    except ValueError:
        raise IntervalError("week is not a day", hint=hint, field="week") from None
    if first.year not in _YEARS:
        raise IntervalError(f"week is outside {_YEARS.start} to {_YEARS.stop - 1}", hint=hint, field="week")
    start_ns = int(first.timestamp()) * NS_PER_S
    return Interval(start_ns, start_ns + WEEK_DAYS * DAY_NS)


def hours_of(strip: Strip, week: Interval) -> list[Hour]:
    """The hours of the week. Of Gaps that are drawn as one the missing time is shared out evenly over them."""
    count = WEEK_DAYS * DAY_HOURS
    lost: list[dict[GapCause, float]] = [{} for _ in range(count)]
    for lack in strip.lacks:
        dense = lack.missing_ns / (lack.end_ns - lack.start_ns)
        for at, part_ns in _parts(lack.start_ns, lack.end_ns, week, count):
            lost[at][lack.cause] = lost[at].get(lack.cause, 0.0) + part_ns * dense
    within = [0] * count
    if strip.window is not None:
        for at, part_ns in _parts(strip.window.start_ns, strip.window.end_ns, week, count):
            within[at] = part_ns
    return [_hour(within_ns, causes) for within_ns, causes in zip(within, lost, strict=True)]


def _hour(within_ns: int, causes: dict[GapCause, float]) -> Hour:
    faults = {cause: ns for cause, ns in causes.items() if cause not in NOBODYS_FAULT}
    missing = sum(faults.values())
    due = within_ns - (sum(causes.values()) - missing)
    named = faults or causes
    cause = max(named, key=lambda one: named[one]) if named else None
    if due < 1:
        return Hour(None, cause)
    return Hour(round(max(0.0, 1 - missing / due), 4), cause)


def _parts(start_ns: int, end_ns: int, week: Interval, count: int) -> Sequence[tuple[int, int]]:
    """How much of an interval lies in which hour."""
    start_ns, end_ns = max(start_ns, week.start_ns), min(end_ns, week.end_ns)
    found = []
    at = (start_ns - week.start_ns) // HOUR_NS
    while start_ns < end_ns and at < count:
        until_ns = min(end_ns, week.start_ns + (at + 1) * HOUR_NS)
        found.append((at, until_ns - start_ns))
        start_ns, at = until_ns, at + 1
    return found
