"""Change grids of footage that has none: Jobs that look at its key frames; ask, follow, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vms.domain.ids import is_id, new_id
from vms.domain.job import WHOLE_PPM, Job, JobKind
from vms.domain.rights import Right
from vms.errors import ConflictError, NotFoundError, TooManyError
from web.api.errors import CHANGES, problems
from web.api.search import LONGEST_NS, cameras_to_replay
from web.deps import EyesOf, PartsOf, Who
from web.parts import Parts
from web.schemas import NamedOut
from web.schemas_search import FillIn, FillOut, FillsOut
from web.security.authority import Eyes
from web.times import format_time, parse_interval

router = APIRouter(prefix="/api/search/fills", tags=["search"])

WAITING_MAX = 20


@router.post("", operation_id="addFill", status_code=202, responses=problems(*CHANGES))
async def add_fill(body: FillIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> FillOut:
    """Have footage looked at that nobody has looked at yet, slowly, in the background. What has grids is left out."""
    cameras = await cameras_to_replay(parts, eyes, body.cameras)
    interval = parse_interval(body.from_, body.to, longest_ns=LONGEST_NS)
    jobs = parts.catalogue.jobs
    if await jobs.under_way(JobKind.FILL) >= WAITING_MAX:
        raise TooManyError("Too much footage waits to be looked at.", hint="Wait a while.", reason="fills_many")
    named = [camera.id for camera in cameras]
    asked = {"cameras": named, "from_ns": interval.start_ns, "to_ns": interval.end_ns}
    job = Job(new_id(), JobKind.FILL, who.person.id, asked, parts.clock.now_ns())
    await jobs.add(job)
    start, end = format_time(interval.start_ns), format_time(interval.end_ns)
    await parts.audit.add(who.person.id, "fill.add", job.id, cameras=named, start=start, end=end)
    parts.bus.publish("job.queued", {"job": job.id})
    response.headers["Location"] = f"/api/search/fills/{job.id}"
    return (await _out(parts, [job]))[0]


@router.get("", operation_id="listFills", responses=problems())
async def list_fills(eyes: EyesOf, parts: PartsOf, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> FillsOut:
    """The newest of everybody, of whose cameras you may replay every one."""
    found = await parts.catalogue.jobs.newest(JobKind.FILL, limit)
    return FillsOut(items=await _out(parts, await _seen(eyes, parts, found)))


@router.delete("/{fill_id}", operation_id="cancelFill", status_code=204, responses=problems(*CHANGES, 404, 409))
async def cancel_fill(fill_id: str, who: Who, eyes: EyesOf, parts: PartsOf) -> None:
    """Stop one that is queued or runs; what was looked at stays so."""
    job = await parts.catalogue.jobs.get(fill_id) if is_id(fill_id) else None
    if job is None or job.kind is not JobKind.FILL or not await _seen(eyes, parts, [job]):
        raise NotFoundError("There is no such job.", hint="It may be long over.", reason="fill_unknown")
    if not await parts.catalogue.jobs.cancel(job.id, parts.clock.now_ns()):
        raise ConflictError("It has ended already.", hint="Search again.", reason="fill_ended")
    await parts.audit.add(who.person.id, "fill.cancel", job.id)
    parts.bus.publish("job.changed", {"job": job.id})


async def _seen(eyes: Eyes, parts: Parts, jobs: Sequence[Job]) -> list[Job]:
    if eyes.everywhere:
        return list(jobs)
    cameras = await parts.catalogue.cameras.list(include_deleted=True)
    mine = {camera.id for camera in cameras if eyes.camera(Right.REPLAY, camera)}
    return [job for job in jobs if mine.issuperset(job.asked["cameras"])]


async def _out(parts: Parts, jobs: Sequence[Job]) -> list[FillOut]:
    cameras = {camera.id: camera.name for camera in await parts.catalogue.cameras.list(include_deleted=True)}
    people = {person.id: person.name for person in await parts.catalogue.people.list()}
    return [
        FillOut(
            id=job.id,
            state=job.state,
            progress=job.progress_ppm / WHOLE_PPM,
            cameras=[NamedOut(id=one, name=cameras.get(one)) for one in job.asked["cameras"]],
            from_=format_time(job.asked["from_ns"]),
            to=format_time(job.asked["to_ns"]),
            person=NamedOut(id=job.person, name=people.get(job.person)),
            created_at=format_time(job.created_ns),
            ended_at=None if job.ended_ns is None else format_time(job.ended_ns),
            grids=job.result.get("grids"),
            why=job.why,
            why_reason=job.reason,
        )
        for job in jobs
    ]
