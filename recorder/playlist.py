"""HLS playlists over byte ranges of Segments: pure text, one entry per GOP.

RFC 8216 with protocol version 7 (EXT-X-MAP in media playlists with fMP4, byte ranges, independent segments). A
discontinuity stands where decode times do not go on: at another Run, at a missing Segment, at a hole within one. The
wall time is said at the start, after each discontinuity and at each Segment, so that a player never drifts from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from math import ceil

from recorder.video_view import VIDEO
from vms.domain.footage import GopSegment
from vms.domain.interval import Interval
from vms.domain.media import CLOCK_HZ

HOLE_90K = CLOCK_HZ // 5
"""Decode times that jump by more than this within a Segment are a discontinuity."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def playlist(
    segments: Iterable[GopSegment],
    window: Interval,
    *,
    prefix: str,
    corrections: Mapping[str, int] | None = None,
    views: Collection[str] = (),
) -> str | None:
    """All GOPs that reach into the window (shown times), in order; None where there is none. `segments` in order of
    time; `corrections`: what to add to the wall times of a Run; `prefix`: what stands before `<run>/<number>.mp4`;
    `views`: Runs of which a player gets the video view."""
    known = corrections or {}
    lines: list[str] = []
    longest_90k = 0
    run, number, expected_90k = "", -1, 0
    for indexed in segments:
        segment = indexed.segment
        shift_ns = known.get(segment.run, 0)
        uri = f"{prefix}{segment.run}/{segment.number}.mp4" + (f"?view={VIDEO}" if segment.run in views else "")
        before, started = len(lines), False
        for gop in indexed.gops:
            start_ns = gop.wall_ns + shift_ns
            if start_ns >= window.end_ns:
                break
            if start_ns + gop.duration_90k * 100_000 // 9 <= window.start_ns:
                continue
            same = segment.run == run and segment.number in {number, number + 1}
            joins = same and abs(gop.dts_90k - expected_90k) <= HOLE_90K
            if not joins:
                if lines:
                    lines.append("#EXT-X-DISCONTINUITY")
                lines.append(f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{segment.init_bytes}@0"')
            if not joins or not started:
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{rfc3339(start_ns)}")
                started = True
            lines.append(
                f"#EXTINF:{gop.duration_90k / CLOCK_HZ:.6f},\n"
                f"#EXT-X-BYTERANGE:{gop.size_bytes}@{gop.offset_bytes}\n"
                f"{uri}"
            )
            longest_90k = max(longest_90k, gop.duration_90k)
            run, number, expected_90k = segment.run, segment.number, gop.dts_90k + gop.duration_90k
        if before == len(lines) and lines and indexed.gops and indexed.gops[0].wall_ns + shift_ns >= window.end_ns:
            break
    if not lines:
        return None
    head = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(longest_90k / CLOCK_HZ))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    return "\n".join([*head, *lines, "#EXT-X-ENDLIST", ""])


def rfc3339(at_ns: int) -> str:
    """UTC with milliseconds, rounded."""
    at_ms = (at_ns + 500_000) // 1_000_000
    return (_EPOCH + dt.timedelta(milliseconds=at_ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
