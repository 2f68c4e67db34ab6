"""Timelines: what of an interval several cameras recorded, and what else is known of it, as it is drawn.

Answered from rows alone; nothing is finer than a step, so that an answer is bounded however long the interval.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.camera import Camera, StreamName
from vms.domain.hold import let_go_ns
from vms.domain.ids import is_id
from vms.domain.interval import Interval
from vms.domain.rights import Right
from vms.errors import InputError
from vms.store.bookmarks import WantedBookmarks
from vms.store.scope import Scope
from web.api.errors import problems
from web.casework import DeskOf
from web.deps import EyesOf, PartsOf
from web.drawing import Drawing, densities, grouped
from web.parts import Parts
from web.schemas_timeline import TimelineOut
from web.security.authority import Eyes, no_camera
from web.times import format_time, parse_interval

router = APIRouter(prefix="/api/timeline", tags=["footage"])

CAMERAS_MAX = 16
STEPS_MAX = 4000
_LONGEST_NS = 366 * 86_400 * NS_PER_S
_STEPS_ASKED = 1000
_MOTION_STEPS = 1500
_EVENTS_MAX = 4000
_BOOKMARKS_MAX = 1000


@router.get("", operation_id="getTimeline", response_model=TimelineOut, responses=problems(404))
async def get_timeline(
    eyes: EyesOf,
    desk: DeskOf,
    parts: PartsOf,
    cameras: Annotated[str, Query(max_length=17 * CAMERAS_MAX, description="Ids, separated by commas; 16 at most.")],
    from_: Annotated[str, Query(alias="from", max_length=64, description="Start, RFC 3339.")],
    to: Annotated[str, Query(max_length=64, description="End, RFC 3339; not part of the interval.")],
    step: Annotated[float | None, Query(gt=0, le=366 * 86_400, description="Seconds of a pixel.")] = None,
    stream: Annotated[StreamName, Query()] = StreamName.MAIN,
) -> Response:
    """What of the interval each camera recorded, why the rest is missing, and where something happened."""
    asked = parse_interval(from_, to, longest_ns=_LONGEST_NS)
    wanted = await _cameras(parts, eyes, cameras)
    step_ns = _step_ns(asked, step)
    motion_ns = max(step_ns, -(-asked.duration_ns // _MOTION_STEPS // NS_PER_MS) * NS_PER_MS, NS_PER_S)
    ids, now_ns, rows = [camera.id for camera in wanted], parts.clock.now_ns(), parts.catalogue.timelines
    scope = WantedBookmarks(asked.start_ns, asked.end_ns, scope=Scope(ids))
    strips, motion, happened, marked, held = await asyncio.gather(
        parts.playback.strips(wanted, stream, asked, step_ns),
        rows.motion(ids, asked, motion_ns, now_ns),
        rows.happenings(ids, asked, step_ns, now_ns, _EVENTS_MAX + 1),
        parts.catalogue.bookmarks.find(scope, _BOOKMARKS_MAX + 1),
        parts.catalogue.holds.in_force(let_go_ns(now_ns), cameras=ids, from_ns=asked.start_ns, to_ns=asked.end_ns),
    )
    numbers = {case: ref.number for case, ref in (await desk.refs(hold.case for hold in held)).items()}
    steps = -(-asked.duration_ns // motion_ns)
    dense = {camera: densities(some, motion_ns, steps) for camera, some in motion.items()}
    events, marks = grouped(happened[:_EVENTS_MAX]), grouped(marked[:_BOOKMARKS_MAX])
    made = Drawing(asked, dense, events, marks, grouped(held), numbers)
    body = {
        "from": format_time(asked.start_ns),
        "to": format_time(asked.end_ns),
        "step_ms": step_ns // NS_PER_MS,
        "motion_step_ms": motion_ns // NS_PER_MS,
        "more": len(happened) > _EVENTS_MAX or len(marked) > _BOOKMARKS_MAX,
        "cameras": [made.strip(one) for one in strips],
    }
    # Not by way of the model: tens of thousands of numbers that were just reckoned need no look at each.
    return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _cameras(parts: Parts, eyes: Eyes, text: str) -> list[Camera]:
    """Those that were asked for, removed ones too. InputError: none, too many, twice the same; NotFoundError and
    NoRightError as for one camera."""
    ids = text.split(",")
    if len(ids) > CAMERAS_MAX or len(set(ids)) < len(ids) or not all(map(is_id, ids)):
        raise InputError(
            "cameras are not 1 to 16 ids, each once, separated by commas", hint="Such as ?cameras=a,b.", field="cameras"
        )
    there = await parts.roster.cameras()
    known = [there.get(camera) or await parts.catalogue.cameras.get(camera) for camera in ids]
    found = [camera for camera in known if camera is not None]
    if len(found) < len(ids):
        raise no_camera()
    eyes.need_cameras(Right.REPLAY, found)
    return found


def _step_ns(asked: Interval, step_s: float | None) -> int:
    """As asked, but no more steps than an answer may have; whole milliseconds."""
    least_ns = -(-asked.duration_ns // STEPS_MAX)
    wanted_ns = asked.duration_ns // _STEPS_ASKED if step_s is None else round(step_s * NS_PER_S)
    return -(-max(least_ns, wanted_ns, NS_PER_MS) // NS_PER_MS) * NS_PER_MS
