"""Thumbnails: a small picture of a past moment, out of what was stored; else out of the footage itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vms.clock import NS_PER_S
from vms.domain.sprite import EVERY_NS, HOUR_NS
from vms.errors import VmsError
from web.api.errors import problems
from web.api.playback import RecordedCamera
from web.deps import PartsOf, Who
from web.parts import Parts
from web.times import format_time, parse_time

router = APIRouter(prefix="/api/cameras/{camera_id}", tags=["footage"])

_JPEG = "image/jpeg"
_NEAR_NS = 2 * EVERY_NS
_WIDTH = 160
_STAYS = "private, max-age=86400, immutable"
_PASSES = "private, max-age=10"
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/thumbnail",
    operation_id="getThumbnail",
    response_class=Response,
    responses=problems(404)
    | {
        200: {"content": {_JPEG: _BINARY}, "description": "JPEG; `X-Captured-At` is its time."},
        204: {"description": "There is no picture so near."},
        304: {"description": "It has not changed."},
    },
)
async def get_thumbnail(
    request: Request,
    camera: RecordedCamera,
    who: Who,
    parts: PartsOf,
    at: Annotated[str, Query(max_length=64, description="The moment, RFC 3339.")],
    within: Annotated[float, Query(ge=1, le=86_400, description="How far away, in seconds, it may be.")] = 60,
) -> Response:
    """The picture nearest to a moment, 160 pixels wide. Privacy masks are not in it."""
    at_ns, within_ns = parse_time(at, "at"), round(within * NS_PER_S)
    found = await parts.playback.thumbnails.nearest(camera.id, at_ns, within_ns)
    stays = found is not None and abs(found[0] - at_ns) <= _NEAR_NS and parts.clock.now_ns() - at_ns > HOUR_NS
    if found is None or abs(found[0] - at_ns) > _NEAR_NS:
        made = await _made(parts, camera.id, at_ns)  # of the hour that goes on, or of footage that came late
        found = made if made is not None and abs(made[0] - at_ns) <= within_ns else found
    if found is None:  # nothing may be recorded then
        return Response(status_code=204, headers={"Cache-Control": _PASSES})
    parts.looks.seen(who.person.id, camera.id, at_ns)
    etag = f'"{camera.id}-{found[0]}"'
    headers = {
        "Cache-Control": _STAYS if stays else _PASSES,
        "ETag": etag,
        "X-Captured-At": format_time(found[0]),
    }
    if etag in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return Response(found[1], headers=headers, media_type=_JPEG)


async def _made(parts: Parts, camera: str, at_ns: int) -> tuple[int, bytes] | None:
    """Of the key frame of then; None: there is none, or nobody answers."""
    try:
        answer = await parts.bus.request("stills.picture", {"camera": camera, "at_ns": at_ns, "width": _WIDTH})
    except VmsError:
        return None
    return int(answer["at_ns"]), bytes(answer["jpeg"])
