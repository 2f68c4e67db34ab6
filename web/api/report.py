"""What of a month a Site's cameras recorded: as JSON for the page, as CSV for a spreadsheet."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from vms.clock import NS_PER_S
from vms.domain.camera import Camera, Site, StreamName
from vms.domain.ids import is_id
from vms.domain.interval import Interval
from vms.domain.rights import Right
from vms.errors import NotFoundError
from web.api.errors import problems
from web.deps import EyesOf, PartsOf
from web.parts import Parts
from web.ranges import content_disposition
from web.report import CameraReport, as_csv, month_of, report_of
from web.schemas import CameraCoverageOut, CauseOut, SiteCoverageOut
from web.security.authority import Eyes
from web.times import format_time

router = APIRouter(prefix="/api/sites/{site_id}", tags=["footage"])

_AT_ONCE = 4
SiteId = Annotated[str, Path(max_length=64)]
Month = Annotated[str, Query(max_length=7, description="Such as 2026-11, in WIB.")]
WhichStream = Annotated[StreamName, Query()]


@router.get("/coverage", operation_id="getSiteCoverage", responses=problems(404))
async def get_site_coverage(
    site_id: SiteId, eyes: EyesOf, parts: PartsOf, month: Month, stream: WhichStream = StreamName.MAIN
) -> SiteCoverageOut:
    """Day by day what of the month each camera recorded, of what it should have, and why the rest is missing."""
    interval, days = month_of(month)
    site, reports = await _reports(parts, eyes, site_id, interval, days, stream)
    return SiteCoverageOut.model_validate(
        {
            "site": site.id,
            "month": month,
            "from": format_time(interval.start_ns),
            "to": format_time(interval.end_ns),
            "cameras": [_out(report) for report in reports],
        }
    )


@router.get(
    "/coverage.csv",
    operation_id="getSiteCoverageCsv",
    response_class=Response,
    responses=problems(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV."}},
)
async def get_site_coverage_csv(
    site_id: SiteId,
    eyes: EyesOf,
    parts: PartsOf,
    month: Month,
    stream: WhichStream = StreamName.MAIN,
    language: Annotated[Literal["en", "id"], Query(description="Of the column heads.")] = "id",
) -> Response:
    """The same as a table for a spreadsheet."""
    interval, days = month_of(month)
    site, reports = await _reports(parts, eyes, site_id, interval, days, stream)
    name = f"{site.slug}-{month}-{stream}.csv"
    return Response(
        as_csv(site.name, stream.value, reports, language),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition(name)},
    )


async def _reports(
    parts: Parts, eyes: Eyes, site_id: str, month: Interval, days: int, stream: StreamName
) -> tuple[Site, list[CameraReport]]:
    """Of the cameras with the stream that they may replay, those removed in the month or later too, by name."""
    site = await parts.catalogue.sites.get(site_id) if is_id(site_id) else None
    if site is None:
        raise NotFoundError("There is no such site.", hint="It may have been removed.")
    there = await parts.catalogue.cameras.list(site.id, include_deleted=True)
    cameras = [camera for camera in there if eyes.camera(Right.REPLAY, camera)]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(camera: Camera) -> CameraReport:
        async with turn:
            found = await parts.playback.coverage(camera.id, stream, month)
        return report_of(camera, month, days, found)

    wanted = [
        c for c in cameras if c.stream(stream) is not None and (c.deleted_ns is None or c.deleted_ns > month.start_ns)
    ]
    return site, list(await asyncio.gather(*(one(camera) for camera in sorted(wanted, key=lambda c: c.name))))


def _out(report: CameraReport) -> CameraCoverageOut:
    return CameraCoverageOut(
        id=report.camera.id,
        slug=report.camera.slug,
        name=report.camera.name,
        removed=report.camera.deleted_ns is not None,
        recorded_s=report.recorded_ns / NS_PER_S,
        due_s=report.due_ns / NS_PER_S,
        days=list(report.days),
        causes=[
            CauseOut(
                cause=one.cause.value,
                count=one.count,
                total_s=one.total_ns / NS_PER_S,
                longest_s=one.longest_ns / NS_PER_S,
            )
            for one in report.causes
        ],
    )
