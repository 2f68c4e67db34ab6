"""Exports: cameras x time as one package that can be proved; ask, follow, cancel, download.

Making one is the exporter's work (recorder/exporter.py); here its Jobs are rows, and its bytes come over the bus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from vms.bus.base import Bus
from vms.clock import NS_PER_S
from vms.domain.camera import Camera, StreamName
from vms.domain.derivative import COMPOSITE_MAX, LONGEST_S, DerivativeKind
from vms.domain.ids import is_id, new_id
from vms.domain.interval import Interval
from vms.domain.job import WHOLE_PPM, Job, JobKind, JobState
from vms.domain.rights import Right
from vms.errors import ConflictError, InputError, IntervalError, NotFoundError, ObjectError, TooManyError
from vms.store.jobs import Place
from web.api.errors import CHANGES, problems
from web.casework import Desk, DeskOf
from web.deps import EyesOf, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from web.parts import Parts
from web.problem import HttpError
from web.ranges import RangeNotSatisfiableError, byte_range, content_disposition
from web.schemas import NamedOut
from web.schemas_exports import DerivativeIO, ExportIn, ExportOut, ExportsOut, LeftOutOut, PackageOut
from web.security.authority import Eyes
from web.streaming import BlocksResponse
from web.times import HOUR_NS, format_time, parse_interval

router = APIRouter(prefix="/api/exports", tags=["exports"])

LONGEST_NS = 7 * 24 * HOUR_NS
ALL_NS = 31 * 24 * HOUR_NS
WAITING_EACH, WAITING_ALL = 20, 200
_AHEAD_NS = 10 * NS_PER_S
_BLOCK_BYTES = 400_000
_READ_S = 25.0
_ZIP = "application/zip"
_BINARY = {"schema": {"type": "string", "format": "binary"}}


async def export_of(export_id: str, eyes: EyesOf, parts: PartsOf) -> Job:
    """The export named in the address. NotFoundError: there is none, or it holds cameras that they may not export."""
    job = await parts.catalogue.jobs.get(export_id) if is_id(export_id) else None
    if job is None or job.kind is not JobKind.EXPORT or not await _seen(eyes, parts, [job]):
        raise NotFoundError("There is no such export.", hint="It may be long over.", reason="export_unknown")
    return job


async def _seen(eyes: Eyes, parts: Parts, jobs: Sequence[Job]) -> list[Job]:
    """Those of whose cameras, removed ones too, they may export every one."""
    if eyes.everywhere:
        return list(jobs)
    cameras = await parts.catalogue.cameras.list(include_deleted=True)
    mine = {camera.id for camera in cameras if eyes.camera(Right.EXPORT, camera)}
    return [job for job in jobs if mine.issuperset(job.asked["cameras"])]


OneExport = Annotated[Job, Depends(export_of)]


@router.post("", operation_id="addExport", status_code=202, responses=problems(*CHANGES))
async def add_export(
    body: ExportIn, response: Response, who: Who, eyes: EyesOf, desk: DeskOf, parts: PartsOf
) -> ExportOut:
    """Ask for a package. It is made in the background; its `state` and `progress` are asked for here."""
    interval = _interval(parts, body.from_, body.to)
    cameras = await _cameras(parts, eyes, body.cameras, body.stream)
    eyes.need_cameras(Right.EXPORT, cameras)
    if interval.duration_ns * len(cameras) > ALL_NS:
        raise IntervalError(
            "that is more than 31 days of footage", hint="Export it in parts.", field="to", reason="export_large"
        )
    case = None if body.case is None else await desk.open_case(body.case)
    jobs = parts.catalogue.jobs
    mine, all_of_them = await jobs.under_way(JobKind.EXPORT, who.person.id), await jobs.under_way(JobKind.EXPORT)
    if mine >= WAITING_EACH or all_of_them >= WAITING_ALL:
        raise TooManyError("Too many exports wait.", hint="Wait until one of them is done.", reason="exports_many")
    if body.derivative is not None:
        _makeable(body.derivative, interval, cameras)
    asked = {
        "cameras": [camera.id for camera in cameras],
        "from_ns": interval.start_ns,
        "to_ns": interval.end_ns,
        "stream": body.stream.value,
        "reason": body.reason,
    }
    if body.derivative is not None:
        asked["derivative"] = body.derivative.model_dump(mode="json")
    job = Job(
        new_id(), JobKind.EXPORT, who.person.id, asked, parts.clock.now_ns(), case=None if case is None else case.id
    )
    await jobs.add(job)
    await parts.audit.add(
        who.person.id,
        "export.add",
        job.id,
        cameras=asked["cameras"],
        start=format_time(interval.start_ns),
        end=format_time(interval.end_ns),
        stream=body.stream.value,
        reason=body.reason,
        derivative="" if body.derivative is None else body.derivative.kind.value,
        **({} if case is None else {"case": case.number}),
    )
    parts.bus.publish("job.queued", {"job": job.id})
    response.headers["Location"] = f"/api/exports/{job.id}"
    return (await _out(desk, [job]))[0]


@router.get("", operation_id="listExports", responses=problems(404))
async def list_exports(
    eyes: EyesOf,
    desk: DeskOf,
    parts: PartsOf,
    case: Annotated[str | None, Query(max_length=16, description="Of this case (id) alone.")] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> ExportsOut:
    """Exports of everybody whose cameras you may export, the newest first; a page may hold fewer than `limit`."""
    of = None if case is None else (await desk.case(case)).id
    found = await parts.catalogue.jobs.newest(JobKind.EXPORT, limit + 1, _place(cursor), case=of)
    shown = found[:limit]
    following = encode_cursor((str(shown[-1].created_ns), shown[-1].id)) if len(found) > limit else None
    return ExportsOut(items=await _out(desk, await _seen(eyes, parts, shown)), next=following)


@router.get("/{export_id}", operation_id="getExport", responses=problems(404))
async def get_export(job: OneExport, desk: DeskOf) -> ExportOut:
    """One export."""
    return (await _out(desk, [job]))[0]


@router.delete("/{export_id}", operation_id="cancelExport", status_code=204, responses=problems(*CHANGES, 404, 409))
async def cancel_export(job: OneExport, who: Who, parts: PartsOf) -> None:
    """Cancel one that is queued or runs; what was made of it is removed."""
    if not await parts.catalogue.jobs.cancel(job.id, parts.clock.now_ns()):
        raise ConflictError("The export has ended already.", hint="Look at it again.", reason="export_ended")
    await parts.audit.add(who.person.id, "export.cancel", job.id)
    parts.bus.publish("job.changed", {"job": job.id})


@router.get(
    "/{export_id}/package",
    operation_id="downloadExport",
    response_class=Response,
    responses=problems(404, 409, 416)
    | {
        200: {"content": {_ZIP: _BINARY}, "description": "The package, a ZIP."},
        206: {"content": {_ZIP: _BINARY}, "description": "The range."},
    },
)
async def download_export(request: Request, job: OneExport, who: Who, parts: PartsOf) -> Response:
    """The package; one range at a time, so that a download that was cut off goes on."""
    if job.state is not JobState.DONE:
        raise ConflictError("The export is not done.", hint="Wait until its state is done.", reason="export_not_done")
    if not job.result:
        raise NotFoundError("The package was removed.", hint="Ask for it again.", reason="export_gone")
    size, etag = int(job.result["size_bytes"]), f'"{job.result["manifest_sha256"][:32]}"'
    header = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        header = None
    try:
        wanted = byte_range(header, size)
    except RangeNotSatisfiableError:
        words = f"The range lies outside the {size} bytes, or is more than one."
        raise HttpError(416, "range", words, headers={"Content-Range": f"bytes */{size}"}) from None
    await parts.audit.add(
        who.person.id,
        "export.download",
        job.id,
        cameras=job.asked["cameras"],
        start=format_time(int(job.asked["from_ns"])),
        end=format_time(int(job.asked["to_ns"])),
        reason=job.asked["reason"],
        bytes=[wanted.start, wanted.end],
    )
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "ETag": etag,
        "Content-Length": str(wanted.length),
        "Content-Disposition": content_disposition(package_name(job)),
    }
    if wanted.partial:
        headers["Content-Range"] = wanted.content_range
    stack, cut = ExitStack(), asyncio.Event()
    stack.enter_context(parts.downloads.held(who.person.id))
    stack.enter_context(parts.bonds.tied(who.session.token_sha256, cut.set))
    stack.enter_context(parts.permits.held(who.person.id, Right.EXPORT, job.asked["cameras"], cut.set))
    blocks = _blocks(parts.bus, job, wanted.start, wanted.end)
    return BlocksResponse(blocks, 206 if wanted.partial else 200, _ZIP, headers, holding=stack, cut=cut)


def package_name(job: Job) -> str:
    """vms-export-<from>-<id>.zip, time in UTC."""
    at = format_time(int(job.asked["from_ns"]))[:19].replace("-", "").replace(":", "")
    return f"vms-export-{at}Z-{job.id}.zip"


async def _blocks(bus: Bus, job: Job, offset: int, end: int) -> AsyncGenerator[bytes, None]:
    while offset < end:
        value = {"job": job.id, "offset": offset, "length": min(_BLOCK_BYTES, end - offset)}
        answer = await bus.request(f"exports.read.{job.node}", value, timeout_s=_READ_S)
        data = bytes(answer["data"])
        if not data:
            raise ObjectError("the package is shorter than it was")
        offset += len(data)
        yield data


def _interval(parts: Parts, start: str, end: str) -> Interval:
    interval, now_ns = parse_interval(start, end, longest_ns=LONGEST_NS), parts.clock.now_ns()
    if interval.end_ns > now_ns + _AHEAD_NS:
        raise IntervalError("to is yet to come", hint="Export what was recorded.", field="to", reason="export_ahead")
    if interval.start_ns >= now_ns:
        raise IntervalError("from is yet to come", field="from", reason="export_ahead")
    return Interval(interval.start_ns, min(interval.end_ns, now_ns))


async def _cameras(parts: Parts, eyes: Eyes, ids: Sequence[str], stream: StreamName) -> list[Camera]:
    """Each once, in the order in which they were named; also removed ones, whose footage may be there still."""
    found = []
    for camera_id in dict.fromkeys(ids):
        camera = await parts.catalogue.cameras.get(camera_id)
        if camera is None or not eyes.sees(camera) or camera.stream(stream) is None:
            is_there = camera is not None and eyes.sees(camera)
            words = f"A camera has no stream {stream}." if is_there else "There is no such camera."
            raise InputError(words, field="cameras", reason="" if is_there else "camera_gone")
        found.append(camera)
    return found


def _makeable(wanted: DerivativeIO, interval: Interval, cameras: Sequence[Camera]) -> None:
    if interval.duration_ns > LONGEST_S * NS_PER_S:
        raise IntervalError(
            "a film is at most six hours long", hint="Ask for it in parts.", field="to", reason="derivative_long"
        )
    if wanted.kind is DerivativeKind.COMPOSITE and not 2 <= len(cameras) <= COMPOSITE_MAX:
        raise InputError(
            f"one film holds 2 to {COMPOSITE_MAX} cameras", field="derivative", reason="derivative_cameras"
        )


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, job_id = decode_cursor(cursor, 2)
    if not (at.isascii() and at.isdigit() and len(at) < 20 and is_id(job_id)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(at), job_id


async def _out(desk: Desk, jobs: Sequence[Job]) -> list[ExportOut]:
    catalogue = desk.parts.catalogue
    cameras = {camera.id: camera.name for camera in await catalogue.cameras.list(include_deleted=True)}
    people = {person.id: person.name for person in await catalogue.people.list()}
    cases = await desk.refs(job.case for job in jobs)
    return [
        ExportOut(
            id=job.id,
            state=job.state,
            progress=job.progress_ppm / WHOLE_PPM,
            cameras=[NamedOut(id=one, name=cameras.get(one)) for one in job.asked["cameras"]],
            from_=format_time(job.asked["from_ns"]),
            to=format_time(job.asked["to_ns"]),
            stream=StreamName(job.asked["stream"]),
            reason=job.asked["reason"],
            derivative=DerivativeIO.model_validate(job.asked["derivative"]) if job.asked.get("derivative") else None,
            person=NamedOut(id=job.person, name=people.get(job.person)),
            case=cases.get(job.case or ""),
            created_at=format_time(job.created_ns),
            started_at=_time(job.started_ns),
            ended_at=_time(job.ended_ns),
            why=job.why,
            why_reason=job.reason,
            package=_package(job),
        )
        for job in jobs
    ]


def _package(job: Job) -> PackageOut | None:
    if job.state is not JobState.DONE or not job.result:
        return None
    result = job.result
    return PackageOut(
        name=package_name(job),
        size_bytes=result["size_bytes"],
        manifest_sha256=result["manifest_sha256"],
        signer=result["signer"],
        expires_at=_time(job.expires_ns),
        left_out=[
            LeftOutOut(
                camera=one["camera"],
                run=one["run"],
                gop=one["gop"],
                from_=format_time(one["from_ns"]),
                to=format_time(one["to_ns"]),
                why=one["why"],
            )
            for one in result.get("left_out", ())
        ],
        left_out_count=result.get("left_out_count", 0),
    )


def _time(ns: int | None) -> str | None:
    return None if ns is None else format_time(ns)
