"""HLS playlists as text."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from recorder.playlist import playlist, rfc3339
from tests.store.samples import T0, at, fragments, segment
from vms.domain.footage import GopSegment, gops_of
from vms.domain.interval import Interval


def recorded(count: int = 3, *, run: str = "r" * 16, start_s: float = 0, seconds: float = 4) -> list[GopSegment]:
    """Segments of one Run without a hole, GOPs of 2 s."""
    return [
        GopSegment(
            segment(start_s + i * seconds, start_s + (i + 1) * seconds, run=run, number=i),
            gops_of(fragments(start_s + i * seconds, seconds, dts_90k=round(i * seconds * 90_000))),
        )
        for i in range(count)
    ]


def text(segments: list[GopSegment], start_s: float = 0, end_s: float = 1000, **more: object) -> str:
    """The playlist, which must be there."""
    made = playlist(segments, Interval(at(start_s), at(end_s)), prefix="/s/", **more)  # type: ignore[arg-type]  # by name
    assert made is not None
    return made


def test_one_entry_per_gop_and_one_map_per_run() -> None:
    """A Run is one stretch: one map, no discontinuity, the wall time said at each Segment."""
    made = text(recorded())
    lines = made.splitlines()
    assert lines[:6] == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    assert lines[6] == f'#EXT-X-MAP:URI="/s/{"r" * 16}/0.mp4",BYTERANGE="800@0"'
    assert lines[7] == f"#EXT-X-PROGRAM-DATE-TIME:{rfc3339(T0)}"
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert made.endswith("\n")
    assert (made.count("#EXTINF:2.000000,"), made.count("#EXT-X-MAP"), made.count("DISCONTINUITY")) == (6, 1, 0)
    assert made.count("PROGRAM-DATE-TIME") == 3


def test_ranges_are_the_gops() -> None:
    """Each entry's range is its GOP, and those of a Segment follow each other."""
    (one,) = recorded(1)
    ranges = [(int(b), int(a)) for a, b in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text([one]))]
    assert ranges == [(gop.offset_bytes, gop.size_bytes) for gop in one.gops]
    assert ranges[1][0] == sum(ranges[0])


def test_only_gops_that_reach_into_the_window() -> None:
    """The GOP under way at the start is in, one that begins at the end is not; nothing at all is None."""
    made = text(recorded(), 3.5, 6)
    assert re.findall(r"DATE-TIME:(\S+)", made) == [rfc3339(at(2)), rfc3339(at(4))]
    assert made.count("#EXTINF") == 2
    assert playlist(recorded(), Interval(at(100), at(200)), prefix="") is None
    assert playlist([], Interval(at(100), at(200)), prefix="") is None


def test_another_run_is_a_discontinuity() -> None:
    """With its own map and time."""
    made = text([*recorded(2), *recorded(1, run="q" * 16, start_s=9)])
    after = made[made.index("#EXT-X-DISCONTINUITY\n") :].splitlines()
    assert after[1] == f'#EXT-X-MAP:URI="/s/{"q" * 16}/0.mp4",BYTERANGE="800@0"'
    assert after[2] == f"#EXT-X-PROGRAM-DATE-TIME:{rfc3339(at(9))}"
    assert made.count("DISCONTINUITY") == 1


def test_a_missing_segment_is_a_discontinuity() -> None:
    """Within a Run too, where a Segment was lost or has expired."""
    segments = recorded(3)
    assert text([segments[0], segments[2]]).count("#EXT-X-DISCONTINUITY") == 1


def test_a_hole_within_a_segment_is_a_discontinuity() -> None:
    """Where decode times jump."""
    (one,) = recorded(1)
    late = tuple(replace(gop, dts_90k=gop.dts_90k + (90_000 if i else 0)) for i, gop in enumerate(one.gops))
    assert text([replace(one, gops=late)]).count("#EXT-X-DISCONTINUITY") == 1


def test_shown_time_is_corrected_time() -> None:
    """A Run's correction moves it in the window and in what is said."""
    made = text(recorded(1), 100, 200, corrections={"r" * 16: 100 * 10**9})
    assert re.findall(r"DATE-TIME:(\S+)", made) == [rfc3339(at(100))]


def test_times_are_rounded_to_milliseconds() -> None:
    """RFC 3339 in UTC, the next second where it rounds up to it."""
    assert rfc3339(1_790_000_000_123_456_789) == "2026-09-21T14:13:20.123Z"
    assert rfc3339(1_790_000_000_999_600_000) == "2026-09-21T14:13:21.000Z"


def test_six_hours_are_quick() -> None:
    """10,800 GOPs in some tens of milliseconds of CPU."""
    segments = recorded(360, seconds=60)
    started = time.process_time()
    made = text(segments, 0, 6 * 3600)
    spent_s = time.process_time() - started
    assert made.count("#EXTINF") == 10_800
    assert spent_s < 0.5
