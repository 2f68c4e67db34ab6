"""Nouns to fill a catalogue with."""

from __future__ import annotations

from vms.clock import NS_PER_S
from vms.domain.camera import Camera, RecordMode, Site, Stream, StreamName, StreamRef
from vms.domain.footage import Fragment, Segment, SegmentState
from vms.domain.ids import new_id
from vms.domain.media import ClockState, Codec, Run, RunInfo, Track

T0 = 1_790_000_000 * NS_PER_S
SITE = Site("s" * 16, "sampit", "Sampit")
STREAM = StreamRef("c" * 16, StreamName.MAIN)
INFO = RunInfo((Track(0, Codec.H264, b"\0\0\0\1\x67\x42", 1280, 720), Track(1, Codec.AAC, b"\x12\x10", 0, 0, 48000, 2)))


def camera(slug: str = "sampit-pasar-01", **changes: object) -> Camera:
    """A camera of the site with two streams."""
    camera_id = new_id()
    streams = (
        Stream(StreamRef(camera_id, StreamName.MAIN), "rtsp://192.0.2.1/main"),
        Stream(StreamRef(camera_id, StreamName.SUB), "rtsp://192.0.2.1/sub", RecordMode.OFF),
    )
    values: dict[str, object] = {"name": "Pasar", "username": "admin", "password": "rahasia-123", "registered_ns": T0}
    return Camera(camera_id, SITE.id, slug, streams=streams, **(values | changes))  # type: ignore[arg-type]  # by name


def run(start_s: float = 0, end_s: float | None = None, *, run_id: str | None = None, rev: int = 1) -> Run:
    """A Run of STREAM; seconds count from T0."""
    return Run(
        id=run_id or new_id(),
        stream=STREAM,
        site=SITE.id,
        node="n" * 16,
        epoch=1,
        info=INFO,
        start_ns=at(start_s),
        clock=ClockState("boot", 5, at(start_s), synchronized=True, offset_ns=-3),
        anchor_ns=at(start_s),
        end_ns=None if end_s is None else at(end_s),
        rev=rev,
    )


def segment(
    start_s: float,
    end_s: float,
    *,
    run: str = "r" * 16,
    number: int = 0,
    state: SegmentState = SegmentState.STORED,
    rev: int = 1,
    stream: StreamRef = STREAM,
) -> Segment:
    """A Segment of STREAM; seconds count from T0."""
    return Segment(
        run=run,
        number=number,
        stream=stream,
        site=SITE.id,
        node="n" * 16,
        epoch=1,
        start_ns=at(start_s),
        end_ns=at(end_s),
        state=state,
        init_bytes=800,
        size_bytes=1000,
        sha256="ab" * 32,
        leaf_root="cd" * 32,
        first_gop=3,
        gops=2,
        rev=rev,
    )


def fragments(
    start_s: float = 0, seconds: float = 60, *, every: int = 10, step_s: float = 0.2, dts_90k: int = 0
) -> list[Fragment]:
    """An index as the recorder writes it: steps of 0.2 s, each tenth of them a key fragment."""
    made, offset = [], 800
    for i in range(round(seconds / step_s)):
        size = 30_000 + (i * 7919) % 5000 + (20_000 if i % every == 0 else 0)
        wall = at(start_s) + round(i * step_s * NS_PER_S) + (i * 37) % 11
        made.append(Fragment(offset, size, dts_90k + round(i * step_s * 90_000), 18_000, wall, i % every == 0))
        offset += size
    return made


def at(seconds: float) -> int:
    """Wall time in nanoseconds, counted from T0."""
    return T0 + round(seconds * NS_PER_S)
