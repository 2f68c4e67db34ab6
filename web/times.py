"""Times of the API: RFC 3339 text to nanoseconds and back, and the intervals that requests name. Pure.

Offsets are accepted, times without one are not; epoch seconds, NaN and dates out of range are refused in plain words.
"""

from __future__ import annotations

import datetime as dt
import re

from vms.clock import NS_PER_S
from vms.domain.interval import Interval
from vms.errors import IntervalError

HOUR_NS = 3600 * NS_PER_S
_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_YEARS = range(1970, 2200)


def parse_time(text: str, field: str) -> int:
    """Nanoseconds of an RFC 3339 time (§5.6) with up to nine digits of fraction; IntervalError names the field."""
    match = _RFC3339.fullmatch(text) if len(text) <= 40 else None
    hint = "Write it as 2026-01-31T08:00:00Z, or with an offset such as %2B07:00 (a plain + means a space in a URL)."
    if match is None:
        raise IntervalError(f"{field} is not an RFC 3339 time", hint=hint, field=field)
    day, clock, fraction, offset = match.groups()
    try:
        at = dt.datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}").astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise IntervalError(f"{field} is no date and time that exists", hint=hint, field=field) from None
    if at.year not in _YEARS:
        raise IntervalError(f"{field} is outside {_YEARS.start} to {_YEARS.stop - 1}", field=field)
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1) * NS_PER_S + int(
        (fraction or "").ljust(9, "0")
    )


def format_time(ns: int) -> str:
    """RFC 3339 in UTC with `Z`: milliseconds, and finer digits only where there are any."""
    seconds, rest = divmod(ns, NS_PER_S)
    digits = f"{rest:09d}"
    while len(digits) > 3 and digits.endswith("000"):
        digits = digits[:-3]
    return f"{dt.datetime.fromtimestamp(seconds, tz=dt.UTC):%Y-%m-%dT%H:%M:%S}.{digits}Z"


def parse_interval(start: str, end: str, *, longest_ns: int) -> Interval:
    """[from, to) of a request, not reversed, not empty, not longer than `longest_ns`."""
    start_ns, end_ns = parse_time(start, "from"), parse_time(end, "to")
    if end_ns <= start_ns:
        raise IntervalError("to is not after from", field="to")
    if end_ns - start_ns > longest_ns:
        raise IntervalError(
            f"the interval is longer than {longest_ns // HOUR_NS} hours", hint="Ask for it in parts.", field="to"
        )
    return Interval(start_ns, end_ns)
