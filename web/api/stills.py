"""Pictures of past instants, for lists of what was found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from web.api.errors import problems
from web.api.playback import RecordedCamera
from web.deps import PartsOf, Who
from web.times import format_time, parse_time

router = APIRouter(prefix="/api/cameras/{camera_id}", tags=["footage"])

_ANSWER_S = 20.0
_KEPT_BY_BROWSERS = "private, max-age=3600"


@router.get(
    "/picture",
    operation_id="getPicture",
    response_class=Response,
    responses=problems(404, 502, 504)
    | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "description": "A JPEG."}},
)
async def get_picture(
    camera: RecordedCamera,
    who: Who,
    parts: PartsOf,
    at: Annotated[str, Query(max_length=64, description="When, RFC 3339.")],
    width: Annotated[int, Query(ge=64, le=1920, description="At most so many pixels.")] = 640,
) -> Response:
    """The recorded picture of the key frame at or before a moment; X-Captured-At says of when it is."""
    asked = {"camera": camera.id, "at_ns": parse_time(at, "at"), "width": width}
    answer = await parts.bus.request("stills.picture", asked, timeout_s=_ANSWER_S)
    parts.looks.seen(who.person.id, camera.id, int(answer["at_ns"]))
    headers = {
        "X-Captured-At": format_time(answer["at_ns"]),
        "X-Stream": str(answer["stream"]),
        "Cache-Control": _KEPT_BY_BROWSERS,
    }
    return Response(answer["jpeg"], media_type="image/jpeg", headers=headers)
