"""Holds: footage that retention may not touch, for a Case. Hold, look, take off, put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from vms.domain.camera import Camera
from vms.domain.hold import GRACE_NS, Hold, let_go_ns
from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.errors import ConflictError, InputError, IntervalError, NotFoundError
from web.api.errors import CHANGES, problems
from web.casework import Desk, DeskOf, OneCase, need_open
from web.deps import EyesOf, PartsOf, Who
from web.parts import Parts
from web.schemas import NamedOut
from web.schemas_cases import HOLD_CAMERAS_MAX, HoldOut, HoldsIn, HoldsOut
from web.security.authority import Eyes
from web.times import format_time, parse_time

router = APIRouter(prefix="/api", tags=["holds"])

HOLDS_MAX = 2000


@router.get("/holds", operation_id="listHolds", responses=problems(403))
async def list_holds(
    eyes: EyesOf,
    desk: DeskOf,
    parts: PartsOf,
    cameras: Annotated[str, Query(max_length=2000, description="Ids, joined by commas; removed ones too.")],
    from_: Annotated[str, Query(alias="from", max_length=64)],
    to: Annotated[str, Query(max_length=64)],
) -> HoldsOut:
    """What is held of cameras within [from, to). Of which case it is, only who sees the case is told."""
    from_ns, to_ns = parse_time(from_, "from"), parse_time(to, "to")
    if to_ns <= from_ns:
        raise IntervalError("to is not after from", field="to")
    ids = list(dict.fromkeys(cameras.split(",")))
    if len(ids) > HOLD_CAMERAS_MAX:
        raise InputError(f"More than {HOLD_CAMERAS_MAX} cameras.", field="cameras")
    eyes.need_cameras(Right.REPLAY, await _cameras(parts, eyes, ids))
    let_go = let_go_ns(parts.clock.now_ns())
    found = await parts.catalogue.holds.in_force(let_go, cameras=ids, from_ns=from_ns, to_ns=to_ns)
    return HoldsOut(items=await _out(desk, found))


@router.get("/cases/{case_id}/holds", operation_id="listCaseHolds", responses=problems(404))
async def list_case_holds(case: OneCase, desk: DeskOf, parts: PartsOf) -> HoldsOut:
    """All that a case holds or held, what was held last first."""
    return HoldsOut(items=await _out(desk, await parts.catalogue.holds.of_case(case.id)))


@router.post("/cases/{case_id}/holds", operation_id="addHolds", status_code=201, responses=problems(*CHANGES, 404, 409))
async def add_holds(body: HoldsIn, case: OneCase, who: Who, eyes: EyesOf, desk: DeskOf, parts: PartsOf) -> HoldsOut:
    """Hold cameras x time, what is yet to be recorded too. Retention heeds it from now on, at sites that are cut off
    as soon as they hear of it."""
    need_open(case)
    cameras = await _cameras(parts, eyes, list(dict.fromkeys(body.cameras)))
    for camera in cameras:
        eyes.need_camera(Right.REPLAY, camera)
        eyes.need(Right.INVESTIGATE, camera.site)
    start_ns = parse_time(body.from_, "from")
    end_ns = None if body.to is None else parse_time(body.to, "to")
    now_ns = parts.clock.now_ns()
    if len(await parts.catalogue.holds.of_case(case.id)) + len(cameras) > HOLDS_MAX:
        raise ConflictError("The case has too many holds.", hint="Open another case.", reason="holds_many")
    rows = [
        Hold(new_id(), case.id, one.id, one.site, start_ns, end_ns, body.reason, who.person.id, now_ns)
        for one in cameras
    ]
    await parts.catalogue.holds.put(*rows)
    await parts.audit.add(
        who.person.id,
        "hold.add",
        case.id,
        number=case.number,
        holds=[row.id for row in rows],
        cameras=[row.camera for row in rows],
        start=format_time(start_ns),
        end=None if end_ns is None else format_time(end_ns),
        reason=body.reason,
    )
    _told(parts, rows[0])
    return HoldsOut(items=await _out(desk, rows))


@router.delete("/holds/{hold_id}", operation_id="removeHold", status_code=204, responses=problems(*CHANGES, 404))
async def remove_hold(hold_id: str, who: Who, desk: DeskOf, parts: PartsOf) -> None:
    """Take a hold off. It holds for an hour more, and can be put back until then."""
    hold, number = await _own(desk, hold_id)
    if hold.removed_ns is not None:
        return
    row = replace(hold, removed_ns=parts.clock.now_ns(), removed_by=who.person.id, rev=hold.rev + 1)
    await _put(parts, who.person.id, "hold.remove", row, number)


@router.post("/holds/{hold_id}/restore", operation_id="restoreHold", responses=problems(*CHANGES, 404, 409))
async def restore_hold(hold_id: str, who: Who, desk: DeskOf, parts: PartsOf) -> HoldOut:
    """Put back a hold that was taken off less than an hour ago. ConflictError later: footage may be gone already."""
    hold, number = await _own(desk, hold_id)
    if not hold.holds(parts.clock.now_ns()):
        raise ConflictError("The hold was taken off too long ago.", hint="Hold the footage anew.", reason="hold_let_go")
    if hold.removed_ns is not None:
        hold = replace(hold, removed_ns=None, removed_by=None, rev=hold.rev + 1)
        await _put(parts, who.person.id, "hold.restore", hold, number)
    return (await _out(desk, [hold]))[0]


async def _put(parts: Parts, person: str, action: str, hold: Hold, number: str) -> None:
    await parts.catalogue.holds.put(hold)
    await parts.audit.add(
        person,
        action,
        hold.case,
        number=number,
        holds=[hold.id],
        cameras=[hold.camera],
        start=format_time(hold.start_ns),
        end=None if hold.end_ns is None else format_time(hold.end_ns),
        reason=hold.reason,
    )
    _told(parts, hold)


async def _own(desk: Desk, hold_id: str) -> tuple[Hold, str]:
    """A hold that the caller may take off, and the number of its case: an owner of the case, or who held."""
    hold = await desk.parts.catalogue.holds.get(hold_id) if is_id(hold_id) else None
    case = None if hold is None else await desk.parts.catalogue.cases.get(hold.case)
    if hold is None or case is None or not desk.sees(case):
        raise NotFoundError("There is no such hold.", hint="It may not be yours.", reason="hold_gone")
    if hold.person != desk.person:
        desk.need_owner(case)
    return hold, case.number


async def _cameras(parts: Parts, eyes: Eyes, ids: Sequence[str]) -> list[Camera]:
    """Also removed ones, whose footage may be there still."""
    found = []
    for camera_id in ids:
        camera = await parts.catalogue.cameras.get(camera_id) if is_id(camera_id) else None
        if camera is None or not eyes.sees(camera):
            raise InputError("There is no such camera.", field="cameras", reason="camera_gone")
        found.append(camera)
    return found


def _told(parts: Parts, hold: Hold) -> None:
    parts.bus.publish("case.changed", {"case": hold.case})


async def _out(desk: Desk, holds: Sequence[Hold]) -> list[HoldOut]:
    catalogue = desk.parts.catalogue
    cases = await desk.refs(hold.case for hold in holds)
    cameras = {camera.id: camera.name for camera in await catalogue.cameras.list(include_deleted=True)}
    people = {person.id: person.name for person in await catalogue.people.list()}
    shown = []
    for hold in holds:
        case = cases.get(hold.case)
        until_ns = None if hold.removed_ns is None else hold.removed_ns + GRACE_NS
        shown.append(
            HoldOut(
                id=hold.id,
                case=None if case is None else case.id,
                case_number=None if case is None else case.number,
                camera=hold.camera,
                camera_name=cameras.get(hold.camera),
                from_=format_time(hold.start_ns),
                to=None if hold.end_ns is None else format_time(hold.end_ns),
                reason="" if case is None else hold.reason,
                person=None if case is None else NamedOut(id=hold.person, name=people.get(hold.person)),
                created_at=format_time(hold.created_ns),
                removed_at=None if hold.removed_ns is None else format_time(hold.removed_ns),
                holds_until=None if until_ns is None else format_time(until_ns),
            )
        )
    return shown
