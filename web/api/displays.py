"""Walls and displays from the operator's side: pair, push, take back, identify, rename, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from vms.clock import NS_PER_S
from vms.domain.camera import Camera
from vms.domain.display import Display, Kind, Showing, Wall, clean_code
from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.errors import ConflictError, InputError, NotFoundError
from web.api.display import build_of
from web.api.errors import CHANGES, problems
from web.deps import Address, EyesOf, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, page
from web.parts import Parts
from web.scenes import Scenes, cameras_of, veiled
from web.schemas_displays import (
    DisplayOut,
    DisplayPatch,
    DisplaysOut,
    PairIn,
    SceneOut,
    ShowIn,
    WallNameIn,
    WallSetOut,
    WallSetsOut,
)
from web.security.authority import Eyes
from web.times import format_time

router = APIRouter(prefix="/api", tags=["displays"])

DISPLAYS_MAX, WALLS_MAX = 500, 100
_NAMED_MAX = 20


async def display_of(display_id: str, parts: PartsOf) -> Display:
    """The display named in the address. NotFoundError."""
    display = await parts.catalogue.displays.get(display_id) if is_id(display_id) else None
    if display is None:
        raise NotFoundError("There is no such display.", hint="It may have been removed.", reason="display_gone")
    return display


async def wall_of(wall_id: str, parts: PartsOf) -> Wall:
    """The wall named in the address. NotFoundError."""
    wall = await parts.catalogue.walls.get(wall_id) if is_id(wall_id) else None
    if wall is None:
        raise NotFoundError("There is no such wall.", hint="It may have been removed.", reason="wall_gone")
    return wall


OneDisplay = Annotated[Display, Depends(display_of)]
OneWall = Annotated[Wall, Depends(wall_of)]


async def _out(parts: Parts, eyes: Eyes, *displays: Display) -> list[DisplayOut]:
    """With what of their scenes is seen by who asks."""
    scenes, now_ns, found = Scenes(parts.catalogue, parts.roster), parts.clock.now_ns(), []
    known = await scenes.cameras()
    for display in displays:
        state = parts.display_board.of(display.id)
        seen_ns = max(state.seen_ns, display.seen_ns or 0)
        showing = display.now(now_ns)
        current = state.build == build_of(parts.options.static_dir) if state.on and state.build else None
        found.append(
            DisplayOut(
                id=display.id,
                name=display.name,
                wall=display.wall,
                scene=_seen(await scenes.of(showing), eyes, known),
                earlier=bool(display.earlier) or showing.kind is not Kind.NOTHING,
                online=state.on,
                seen_at=format_time(seen_ns) if seen_ns else None,
                tiles=state.tiles,
                live=state.live,
                current=current,
                width=state.width,
                height=state.height,
                paired_at=format_time(display.paired_ns),
                rev=display.rev,
            )
        )
    return found


def _seen(scene: SceneOut, eyes: Eyes, known: Mapping[str, Camera]) -> SceneOut:
    if eyes.everywhere:
        return scene
    return veiled(scene, {one for one in cameras_of(scene) & known.keys() if not eyes.sees(known[one])})


def _told(parts: Parts) -> None:
    parts.bus.publish("display.changed", {})


@router.get("/displays", operation_id="listDisplays", responses=problems())
async def list_displays(
    eyes: EyesOf,
    parts: PartsOf,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> DisplaysOut:
    """All displays by name: what each shows, and how it is."""
    displays = await parts.catalogue.displays.list()
    shown, following = page(displays, lambda display: (display.name, display.id), cursor, limit, parts=2)
    return DisplaysOut(items=await _out(parts, eyes, *shown), next=following)


@router.post("/displays", operation_id="pairDisplay", status_code=201, responses=problems(*CHANGES, 404, 409))
async def pair_display(
    body: PairIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf, address: Address
) -> DisplayOut:
    """Make the browser that shows the code a display of a wall."""
    if (body.wall is None) == (body.new_wall is None):
        raise InputError("Name a wall, or a new one.", field="wall")
    if body.wall is not None:
        await wall_of(body.wall, parts)
    if len(await parts.catalogue.displays.list()) >= DISPLAYS_MAX:
        raise _full(DISPLAYS_MAX)
    guesser = f"code {who.person.id}"
    parts.throttle.begin(guesser, address)
    now_ns = parts.clock.now_ns()
    code = clean_code(body.code)
    pairing = None if code is None else await parts.catalogue.pairings.by_code(code, now_ns)
    if pairing is None:
        await parts.audit.refused(who.person.id, address, "display.pair", "wrong_code")
        raise InputError(
            "No screen shows this code.", hint="Codes change after ten minutes.", field="code", reason="code_wrong"
        )
    parts.throttle.succeed(guesser, address)
    new_wall = None if body.new_wall is None else await _new_wall(parts, body.new_wall)
    wall = new_wall.id if new_wall is not None else body.wall or ""
    display = Display(new_id(), body.name, wall, pairing.key_sha256, paired_ns=now_ns)
    await parts.catalogue.displays.pair(display, new_wall)
    _told(parts)
    if new_wall is not None:
        await parts.audit.add(who.person.id, "wall.add", new_wall.id, name=new_wall.name)
    await parts.audit.add(
        who.person.id, "display.pair", display.id, name=display.name, wall=wall, address=pairing.address
    )
    response.headers["Location"] = f"/api/displays/{display.id}"
    return (await _out(parts, eyes, display))[0]


def _full(limit: int) -> ConflictError:
    return ConflictError(
        f"There are {limit} of them already.",
        hint="Remove some first.",
        reason="displays_full",
        params={"limit": str(limit)},
    )


async def _new_wall(parts: Parts, name: str) -> Wall:
    """One that is not kept yet."""
    if len(await parts.catalogue.walls.list()) >= WALLS_MAX:
        raise _full(WALLS_MAX)
    return Wall(new_id(), name)


@router.get("/displays/{display_id}", operation_id="getDisplay", responses=problems(404))
async def get_display(display: OneDisplay, eyes: EyesOf, parts: PartsOf) -> DisplayOut:
    """One display."""
    return (await _out(parts, eyes, display))[0]


@router.patch("/displays/{display_id}", operation_id="changeDisplay", responses=problems(*CHANGES, 404, 409))
async def change_display(body: DisplayPatch, display: OneDisplay, who: Who, eyes: EyesOf, parts: PartsOf) -> DisplayOut:
    """Rename it, or give it to another wall."""
    changed = replace(display, name=body.name or display.name, wall=body.wall or display.wall, rev=body.rev + 1)
    if body.wall is not None:
        await wall_of(body.wall, parts)
    await parts.catalogue.displays.update([changed])
    _told(parts)
    await parts.audit.add(who.person.id, "display.change", display.id, name=changed.name, wall=changed.wall)
    return (await _out(parts, eyes, changed))[0]


@router.delete(
    "/displays/{display_id}", operation_id="removeDisplay", status_code=204, responses=problems(*CHANGES, 404)
)
async def remove_display(display: OneDisplay, who: Who, parts: PartsOf) -> None:
    """Remove it: its key opens nothing any more, and what it has open ends."""
    await parts.catalogue.displays.remove(display.id)
    _told(parts)
    await parts.audit.add(who.person.id, "display.remove", display.id, name=display.name)


async def _showing(body: ShowIn, who: Who, eyes: Eyes, parts: Parts) -> Showing:
    """What is asked for, if it is there and shown to who asks; a screen shows nobody what who pushes may not watch.
    InputError, NoRightError."""
    person, found, subject = who.person.id, True, body.subject or ""
    if body.kind is Kind.VIEW:
        view = await parts.catalogue.views.get(subject)
        found = view is not None and view.is_seen_by(person)
    elif body.kind is Kind.TOUR:
        tour = await parts.catalogue.tours.get(subject)
        found = tour is not None and tour.is_seen_by(person)
    elif body.kind is Kind.CAMERA:
        camera = await parts.catalogue.cameras.get(subject)
        found = camera is not None and camera.deleted_ns is None
    if not found:
        raise InputError(
            "What should be shown is not there.", hint="It may have been deleted.", field="subject", reason="show_gone"
        )
    now_ns = parts.clock.now_ns()
    showing = Showing(
        body.kind,
        body.subject,
        None if body.layout is None else body.layout.layout(),
        tuple(body.cameras),
        body.text or "",
        body.colour,
        None if body.for_s is None else now_ns + body.for_s * NS_PER_S,
        person,
        now_ns,
    )
    scenes = Scenes(parts.catalogue, parts.roster)
    wanted, known = cameras_of(await scenes.of(showing)), await scenes.cameras()
    eyes.need_cameras(Right.LIVE, [known[camera] for camera in sorted(wanted & known.keys())])
    return showing


async def _push(parts: Parts, who: Who, eyes: Eyes, displays: Sequence[Display], showing: Showing) -> list[DisplayOut]:
    changed = [display.pushed(showing) for display in displays]
    await parts.catalogue.displays.update(changed)
    _told(parts)
    names = [display.name for display in displays]
    await parts.audit.add(
        who.person.id,
        "display.show",
        displays[0].id if displays else "",
        kind=showing.kind.value,
        what=showing.subject,
        displays=names[:_NAMED_MAX],
        count=len(names),
    )
    return await _out(parts, eyes, *changed)


def _unchanged(display: Display, rev: int) -> None:
    if rev != display.rev:
        raise ConflictError(
            "Somebody else has changed the display meanwhile.",
            hint="Look at what it shows now, and try again.",
            reason="display_changed",
        )


@router.put("/displays/{display_id}/showing", operation_id="showOnDisplay", responses=problems(*CHANGES, 404, 409))
async def show_on_display(body: ShowIn, display: OneDisplay, who: Who, eyes: EyesOf, parts: PartsOf) -> DisplayOut:
    """Push a view, tour, camera, tiles or message to it, or nothing."""
    if body.rev is not None:
        _unchanged(display, body.rev)
    return (await _push(parts, who, eyes, [display], await _showing(body, who, eyes, parts)))[0]


@router.delete(
    "/displays/{display_id}/showing", operation_id="takeBackFromDisplay", responses=problems(*CHANGES, 404, 409)
)
async def take_back(
    display: OneDisplay,
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    rev: Annotated[int | None, Query(ge=1, le=2**53, description="Only if it is still this version.")] = None,
) -> DisplayOut:
    """Take back what was pushed last: what it showed before comes again."""
    if rev is not None:
        _unchanged(display, rev)
    changed = display.taken_back(parts.clock.now_ns())
    await parts.catalogue.displays.update([changed])
    _told(parts)
    await parts.audit.add(who.person.id, "display.take_back", display.id, name=display.name)
    return (await _out(parts, eyes, changed))[0]


@router.post(
    "/displays/{display_id}/identify",
    operation_id="identifyDisplay",
    status_code=204,
    responses=problems(*CHANGES, 404),
)
async def identify_display(display: OneDisplay, who: Who, parts: PartsOf) -> None:
    """It shows its name large for a while."""
    del who
    parts.bus.publish("display.identify", {"displays": [display.id]})


@router.get("/walls", operation_id="listWalls", responses=problems())
async def list_walls(who: Who, parts: PartsOf) -> WallSetsOut:
    """All walls by name, and how many displays each has."""
    del who
    displays = await parts.catalogue.displays.list()
    return WallSetsOut(items=[_wall(wall, displays) for wall in await parts.catalogue.walls.list()], next=None)


def _wall(wall: Wall, displays: Sequence[Display]) -> WallSetOut:
    count = sum(display.wall == wall.id for display in displays)
    return WallSetOut(id=wall.id, name=wall.name, displays=count, rev=wall.rev)


@router.post("/walls", operation_id="addWall", status_code=201, responses=problems(*CHANGES, 409))
async def add_wall(body: WallNameIn, response: Response, who: Who, parts: PartsOf) -> WallSetOut:
    """A new wall, without a display yet."""
    wall = await _new_wall(parts, body.name)
    await parts.catalogue.walls.add(wall)
    await parts.audit.add(who.person.id, "wall.add", wall.id, name=wall.name)
    _told(parts)
    response.headers["Location"] = f"/api/walls/{wall.id}"
    return WallSetOut(id=wall.id, name=wall.name, displays=0, rev=1)


@router.patch("/walls/{wall_id}", operation_id="changeWall", responses=problems(*CHANGES, 404, 409))
async def change_wall(body: WallNameIn, wall: OneWall, who: Who, parts: PartsOf) -> WallSetOut:
    """Rename it."""
    changed = Wall(wall.id, body.name, (body.rev or wall.rev) + 1)
    await parts.catalogue.walls.update(changed)
    _told(parts)
    await parts.audit.add(who.person.id, "wall.change", wall.id, name=body.name)
    return _wall(changed, await parts.catalogue.displays.list())


@router.delete("/walls/{wall_id}", operation_id="removeWall", status_code=204, responses=problems(*CHANGES, 404, 409))
async def remove_wall(wall: OneWall, who: Who, parts: PartsOf) -> None:
    """Remove a wall that has no display."""
    await parts.catalogue.walls.remove(wall.id)
    _told(parts)
    await parts.audit.add(who.person.id, "wall.remove", wall.id, name=wall.name)


@router.put("/walls/{wall_id}/showing", operation_id="showOnWall", responses=problems(*CHANGES, 404, 409))
async def show_on_wall(body: ShowIn, wall: OneWall, who: Who, eyes: EyesOf, parts: PartsOf) -> DisplaysOut:
    """Push the same to all displays of a wall, or to none where one of them changes at that moment."""
    if body.rev is not None:
        raise InputError("A rev is that of one display.", hint="Leave it out for a wall.", field="rev")
    displays = await parts.catalogue.displays.list(wall.id)
    shown = await _push(parts, who, eyes, displays, await _showing(body, who, eyes, parts))
    return DisplaysOut(items=shown, next=None)


@router.delete("/walls/{wall_id}/showing", operation_id="takeBackFromWall", responses=problems(*CHANGES, 404, 409))
async def take_back_wall(wall: OneWall, who: Who, eyes: EyesOf, parts: PartsOf) -> DisplaysOut:
    """Take back what was pushed last, on each display of a wall."""
    now_ns = parts.clock.now_ns()
    changed = [display.taken_back(now_ns) for display in await parts.catalogue.displays.list(wall.id)]
    await parts.catalogue.displays.update(changed)
    _told(parts)
    await parts.audit.add(who.person.id, "wall.take_back", wall.id, name=wall.name)
    return DisplaysOut(items=await _out(parts, eyes, *changed), next=None)


@router.post(
    "/walls/{wall_id}/identify", operation_id="identifyWall", status_code=204, responses=problems(*CHANGES, 404)
)
async def identify_wall(wall: OneWall, who: Who, parts: PartsOf) -> None:
    """Every display of the wall shows its name large for a while."""
    del who
    displays = await parts.catalogue.displays.list(wall.id)
    parts.bus.publish("display.identify", {"displays": [display.id for display in displays]})
