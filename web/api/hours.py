"""A week of a Site's cameras, a cell for each camera and hour."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vms.clock import NS_PER_S
from vms.domain.camera import StreamName
from vms.domain.ids import is_id
from vms.domain.rights import Right
from vms.errors import NotFoundError
from web.api.errors import problems
from web.api.report import SiteId
from web.deps import EyesOf, PartsOf
from web.hours import hours_of, week_of
from web.schemas_timeline import CameraHoursOut, SiteHoursOut
from web.times import format_time

router = APIRouter(prefix="/api/sites/{site_id}", tags=["footage"])

_AT_ONCE = 16


@router.get("/hours", operation_id="getSiteHours", responses=problems(404))
async def get_site_hours(
    site_id: SiteId,
    eyes: EyesOf,
    parts: PartsOf,
    week: Annotated[str, Query(max_length=10, description="Its first day, such as 2026-11-23, in WIB.")],
    stream: Annotated[StreamName, Query()] = StreamName.MAIN,
) -> SiteHoursOut:
    """Hour by hour what of seven days each camera recorded, of what it should have, and why the rest is missing."""
    interval = week_of(week)
    site = await parts.catalogue.sites.get(site_id) if is_id(site_id) else None
    if site is None:
        raise NotFoundError("There is no such site.", hint="It may have been removed.", reason="site_gone")
    there = await parts.catalogue.cameras.list(site.id, include_deleted=True)
    wanted = [
        camera
        for camera in sorted(there, key=lambda one: one.name)
        if eyes.camera(Right.REPLAY, camera)
        and camera.stream(stream) is not None
        and (camera.deleted_ns is None or camera.deleted_ns > interval.start_ns)
    ]
    rows = []
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        for camera, strip in zip(some, await parts.playback.strips(some, stream, interval, NS_PER_S), strict=True):
            hours = hours_of(strip, interval)
            rows.append(
                CameraHoursOut(
                    id=camera.id,
                    slug=camera.slug,
                    name=camera.name,
                    removed=camera.deleted_ns is not None,
                    hours=[hour.share for hour in hours],
                    causes=["" if hour.cause is None else hour.cause.value for hour in hours],
                )
            )
    return SiteHoursOut.model_validate(
        {
            "site": site.id,
            "week": week,
            "from": format_time(interval.start_ns),
            "to": format_time(interval.end_ns),
            "cameras": rows,
        }
    )
