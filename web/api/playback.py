"""What was recorded: coverage for the timeline, HLS, bytes of Segments, and an interval as one MP4.

Also of cameras that were removed: their footage stays until its retention is over.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.requests import HTTPConnection

from vms.clock import NS_PER_S
from vms.domain.camera import Camera, StreamName
from vms.domain.ids import is_id
from vms.domain.interval import Interval
from vms.domain.rights import Right
from vms.errors import NotFoundError
from web.api.errors import problems
from web.deps import PartsOf, Who, parts_of
from web.parts import Parts
from web.playback import SegmentFile
from web.problem import HttpError
from web.ranges import ByteRange, RangeNotSatisfiableError, byte_range, content_disposition
from web.schemas import CoverageOut, GapOut
from web.security.sessions import Principal
from web.streaming import BlocksResponse
from web.times import HOUR_NS, format_time, parse_interval
from web.views import interval_out

router = APIRouter(prefix="/api/cameras/{camera_id}", tags=["footage"])

_HLS = "application/vnd.apple.mpegurl"
_MP4 = "video/mp4"
_BYTES = "application/octet-stream"
_COVERAGE_NS = 366 * 24 * HOUR_NS
_PLAYLIST_NS = 6 * HOUR_NS
_KEY_FRAMES_NS = HOUR_NS // 6
_FOOTAGE_NS = 24 * HOUR_NS
_AT_ONCE_BYTES = 4_000_000
_IMMUTABLE = "private, max-age=604800, immutable"
_BINARY = {"schema": {"type": "string", "format": "binary"}}


async def _camera_with_footage(camera_id: str, connection: HTTPConnection) -> Camera:
    camera = await parts_of(connection).catalogue.cameras.get(camera_id) if is_id(camera_id) else None
    if camera is None:
        raise NotFoundError("There is no such camera.")
    return camera


RecordedCamera = Annotated[Camera, Depends(_camera_with_footage)]
From = Annotated[str, Query(alias="from", max_length=64, description="Start, RFC 3339.")]
To = Annotated[str, Query(max_length=64, description="End, RFC 3339; not part of the interval.")]
WhichStream = Annotated[StreamName, Query()]


@router.get("/coverage", operation_id="getCoverage", responses=problems(404))
async def get_coverage(
    camera: RecordedCamera, parts: PartsOf, from_: From, to: To, stream: WhichStream = StreamName.MAIN
) -> CoverageOut:
    """What of the interval is recorded, and why the rest is not. Both together are all of it between registration and
    now; `from` and `to` of the answer are that part."""
    asked = parse_interval(from_, to, longest_ns=_COVERAGE_NS)
    found = await parts.playback.coverage(camera.id, stream, asked)
    window = found.window
    return CoverageOut.model_validate(
        {
            "from": format_time(window.start_ns if window else asked.start_ns),
            "to": format_time(window.end_ns if window else asked.start_ns),
            "recorded_s": found.recorded_ns / NS_PER_S,
            "intervals": [interval_out(interval) for interval in found.intervals],
            "gaps": [
                GapOut.model_validate(
                    {
                        "from": format_time(gap.start_ns),
                        "to": format_time(gap.end_ns),
                        "cause": gap.cause.value,
                        "state": gap.state.value,
                    }
                )
                for gap in found.gaps
            ],
        }
    )


@router.get(
    "/playlist.m3u8",
    operation_id="getPlaylist",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {_HLS: {"schema": {"type": "string"}}}, "description": "HLS VOD, version 7, fMP4."}},
)
async def get_playlist(
    camera: RecordedCamera, who: Who, parts: PartsOf, from_: From, to: To, stream: WhichStream = StreamName.MAIN
) -> Response:
    """The recording of at most six hours for an HLS player; one entry per group of pictures, with wall time."""
    interval = parse_interval(from_, to, longest_ns=_PLAYLIST_NS)
    text = await parts.playback.playlist(camera.id, stream, interval)
    parts.replays.seen(who.person.id, camera.id, stream, interval)
    return Response(text, media_type=_HLS)


@router.get(
    "/key-frames",
    operation_id="getKeyFrames",
    response_class=Response,
    responses=problems(404) | {200: {"content": {_BYTES: _BINARY}, "description": "Records, see recorder/key_stream."}},
)
async def get_key_frames(
    camera: RecordedCamera, who: Who, parts: PartsOf, from_: From, to: To, stream: WhichStream = StreamName.MAIN
) -> Response:
    """Only the key frames of at most ten minutes, for a replay that is faster than one decodes, or backwards. Records
    of a header (kind `init` or `keyf`, length u32, from and until as f64 ms since 1970, big-endian) and bytes of fMP4:
    ftyp and moov, or the fragment that begins with the key frame."""
    interval = parse_interval(from_, to, longest_ns=_KEY_FRAMES_NS)
    found = await parts.playback.key_frames(camera.id, stream, interval)
    parts.replays.seen(who.person.id, camera.id, stream, interval)
    stack, cut = ExitStack(), asyncio.Event()
    stack.enter_context(parts.bonds.tied(who.session.token_sha256, cut.set))
    stack.enter_context(parts.permits.held(who.person.id, Right.REPLAY, [camera.id], cut.set))
    return BlocksResponse(found.blocks(), 200, _BYTES, {"Cache-Control": "no-store"}, holding=stack, cut=cut)


@router.get(
    "/segments/{run}/{number}.mp4",
    operation_id="getSegment",
    response_class=Response,
    responses=problems(404, 416)
    | {
        200: {"content": {_MP4: _BINARY}, "description": "The whole Segment."},
        206: {"content": {_MP4: _BINARY}, "description": "The range."},
        304: {"description": "It has not changed."},
    },
)
async def get_segment(
    request: Request,
    camera: RecordedCamera,
    who: Who,
    parts: PartsOf,
    run: str,
    number: Annotated[int, Path(ge=0, lt=2**31)],
    view: Annotated[Literal["video"] | None, Query(description="`video`: audio no browser plays is hidden.")] = None,
) -> Response:
    """Bytes of one Segment; one range at a time. A closed Segment never changes and may be kept by the browser."""
    file = await parts.playback.segment(run, number, view) if is_id(run) else None
    if file is None or file.segment.stream.camera != camera.id:
        raise NotFoundError("There is no such segment.")
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    etag = _etag(file, view)
    if etag is not None:
        headers |= {"Cache-Control": _IMMUTABLE, "ETag": etag}
        if etag in request.headers.get("if-none-match", "").split(", "):
            return Response(status_code=304, headers=headers)
    wanted = _range(request, file.size_bytes, etag)
    if wanted.partial:
        headers["Content-Range"] = wanted.content_range
    status = 206 if wanted.partial else 200
    if wanted.length <= _AT_ONCE_BYTES:
        return Response(await file.read(wanted.start, wanted.length), status, headers, _MP4)
    headers["Content-Length"] = str(wanted.length)
    stack, cut = ExitStack(), asyncio.Event()
    stack.enter_context(parts.bonds.tied(who.session.token_sha256, cut.set))
    stack.enter_context(parts.permits.held(who.person.id, Right.REPLAY, [camera.id], cut.set))
    return BlocksResponse(file.blocks(wanted.start, wanted.length), status, _MP4, headers, holding=stack, cut=cut)


def _etag(file: SegmentFile, view: str | None) -> str | None:
    segment = file.segment
    seen = f"-{view}" if view else ""
    return f'"{segment.run}-{segment.number}-{segment.sha256[:16]}{seen}"' if file.final and segment.sha256 else None


def _range(request: Request, size: int, etag: str | None) -> ByteRange:
    header = request.headers.get("range")
    condition = request.headers.get("if-range")
    if condition is not None and condition != etag:
        header = None
    try:
        return byte_range(header, size)
    except RangeNotSatisfiableError:
        words = f"The range lies outside the {size} bytes, or is more than one."
        raise HttpError(416, "range", words, headers={"Content-Range": f"bytes */{size}"}) from None


@router.get(
    "/footage.mp4",
    operation_id="downloadFootage",
    response_class=Response,
    responses=problems(404) | {200: {"content": {_MP4: _BINARY}, "description": "One MP4, not re-encoded."}},
)
async def download_footage(
    camera: RecordedCamera, who: Who, parts: PartsOf, from_: From, to: To, stream: WhichStream = StreamName.MAIN
) -> Response:
    """The recording of at most 24 hours as a file. It begins at the key frame at or before `from`."""
    interval = parse_interval(from_, to, longest_ns=_FOOTAGE_NS)
    download = await parts.playback.footage(camera.id, stream, interval)
    site = await parts.catalogue.sites.get(camera.site)
    await _write_down(parts, who, "footage.download", camera, interval, stream)
    name = download_name(site.slug if site else "", camera.slug, interval)
    headers = {"Content-Disposition": content_disposition(name), "Cache-Control": "no-store"}
    cut = asyncio.Event()
    stack = ExitStack()
    stack.enter_context(parts.downloads.held(who.person.id))
    stack.enter_context(parts.bonds.tied(who.session.token_sha256, cut.set))
    stack.enter_context(parts.permits.held(who.person.id, Right.EXPORT, [camera.id], cut.set))
    return BlocksResponse(download.blocks(), 200, _MP4, headers, holding=stack, cut=cut)


def download_name(site: str, camera: str, interval: Interval) -> str:
    """site-camera-from-to.mp4, times in UTC; short names are letters, digits and hyphens."""
    start, end = (format_time(ns)[:19].replace("-", "").replace(":", "") for ns in (interval.start_ns, interval.end_ns))
    named = camera if not site or camera.startswith(f"{site}-") else f"{site}-{camera}"
    return f"{named}-{start}Z-{end}Z.mp4"


async def _write_down(
    parts: Parts, who: Principal, action: str, camera: Camera, interval: Interval, stream: StreamName
) -> None:
    start, end = format_time(interval.start_ns), format_time(interval.end_ns)
    await parts.audit.add(who.person.id, action, camera.id, start=start, end=end, stream=stream.value)
