"""The coverage report of a Site: what of a month its cameras recorded, day by day, and why the rest is missing. Pure.

Months and days are those of the province: WIB, UTC+7, without summer time.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.camera import Camera
from vms.domain.gap import NOBODYS_FAULT, GapCause
from vms.domain.interval import Interval, total_ns
from vms.errors import IntervalError
from web.playback import Coverage

WIB = dt.timezone(dt.timedelta(hours=7))
DAY_NS = 86_400 * NS_PER_S
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_YEARS = range(2000, 2200)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADS = {
    "en": "site,camera,name,stream,share,recorded_h,due_h,cause,count,total_h,longest_h",
    "id": "lokasi,kamera,nama,aliran,bagian,terekam_jam,seharusnya_jam,sebab,jumlah,total_jam,terpanjang_jam",
}


@dataclass(frozen=True, slots=True)
class CauseSum:
    """All Gaps of one cause."""

    cause: GapCause
    count: int
    total_ns: int
    longest_ns: int


@dataclass(frozen=True, slots=True)
class CameraReport:
    """One Stream in the month. `days`: share of each day that was recorded of what should have been, 0 to 1; None where
    nothing should have been, or has been yet."""

    camera: Camera
    recorded_ns: int
    due_ns: int
    days: tuple[float | None, ...]
    causes: tuple[CauseSum, ...]

    @property
    def share(self) -> float | None:
        """Recorded of what should have been."""
        return self.recorded_ns / self.due_ns if self.due_ns else None


def month_of(text: str) -> tuple[Interval, int]:
    """[start, end) of a month such as `2026-11`, in WIB, and how many days it has. IntervalError names the field."""
    match = _MONTH.fullmatch(text)
    if match is None or int(match[1]) not in _YEARS:
        raise IntervalError("month is not a month", hint="Write it as 2026-11.", field="month")
    first = dt.datetime(int(match[1]), int(match[2]), 1, tzinfo=WIB)
    after = (first + dt.timedelta(days=32)).replace(day=1)
    days = (after - first).days
    start_ns = int(first.timestamp()) * NS_PER_S
    return Interval(start_ns, start_ns + days * DAY_NS), days


def report_of(camera: Camera, month: Interval, days: int, found: Coverage) -> CameraReport:
    """The line of one camera."""
    missing = [(Interval(gap.start_ns, gap.end_ns), gap.cause) for gap in found.gaps]
    lost = [interval for interval, cause in missing if cause not in NOBODYS_FAULT]
    shares: list[float | None] = []
    for number in range(days):
        day = Interval(month.start_ns + number * DAY_NS, month.start_ns + (number + 1) * DAY_NS)
        recorded, gone = _within(found.intervals, day), _within(lost, day)
        shares.append(recorded / (recorded + gone) if recorded + gone else None)
    due_ns = found.recorded_ns + total_ns(lost)
    return CameraReport(camera, found.recorded_ns, due_ns, tuple(shares), _causes(missing))


def _within(intervals: Iterable[Interval], day: Interval) -> int:
    return sum(part.duration_ns for one in intervals if (part := one.clip(day)) is not None)


def _causes(missing: Sequence[tuple[Interval, GapCause]]) -> tuple[CauseSum, ...]:
    found: list[CauseSum] = []
    for cause in GapCause:
        lengths = [interval.duration_ns for interval, why in missing if why is cause]
        if lengths:
            found.append(CauseSum(cause, len(lengths), sum(lengths), max(lengths)))
    return tuple(sorted(found, key=lambda one: -one.total_ns))


def as_csv(site: str, stream: str, reports: Iterable[CameraReport], language: str) -> str:
    """RFC 4180, a line per camera and cause (one without cause where nothing is missing), with a byte order mark, which
    spreadsheets need. Text that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV injection)."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(HEADS.get(language, HEADS["en"]).split(","))
    for one in reports:
        share = "" if one.share is None else f"{one.share:.6f}"
        lead = [plain(site), plain(one.camera.slug), plain(one.camera.name), stream, share]
        lead += [_hours(one.recorded_ns), _hours(one.due_ns)]
        for cause in one.causes:
            writer.writerow([*lead, cause.cause, cause.count, _hours(cause.total_ns), _hours(cause.longest_ns)])
        if not one.causes:
            writer.writerow([*lead, "", 0, "0", "0"])
    return out.getvalue()


def plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _hours(ns: int) -> str:
    return f"{ns / (3600 * NS_PER_S):.4f}"
