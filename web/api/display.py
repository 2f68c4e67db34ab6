"""What a screen itself may ask, under an address of its own for each screen of a machine: what it is, a code to be
paired by, its control socket, and a wall session of the cameras that it is told to show. Nothing else of the API.

Its key is a cookie that the browser sends to this screen's address alone, so that one browser can be several screens.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket

from vms.clock import NS_PER_S
from vms.domain.display import CODE_TTL_NS, SCREENS_MAX, Pairing, new_code
from vms.domain.ids import is_id
from vms.errors import ConflictError, InputError, NotFoundError, TooManyError
from web.api.errors import CHANGES, problems
from web.api.live import SessionId, checked_offer, first_show
from web.api.probe import picture_of
from web.deps import Address, PartsOf, Screen, display_of, parts_of
from web.display_link import DisplayLink
from web.parts import Parts
from web.relay import Relay
from web.schemas_displays import DisplayHereOut, PairingOut
from web.schemas_live import WallIn, WallOut
from web.security.display_keys import COOKIE, KEY_MAX_AGE_S
from web.security.origin import is_secure
from web.security.throttle import place_of
from web.times import format_time

router = APIRouter(prefix="/api/display", tags=["display"])

WAITING_EACH, WAITING_ALL = 24, 500
LOOK_AGAIN_S = 3.0
_FRESH_NS = 60 * NS_PER_S
ScreenNumber = Annotated[int, Path(ge=1, le=SCREENS_MAX, description="Which screen of the machine.")]


def _keep(response: Response, request: Request, parts: Parts, screen: int, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=KEY_MAX_AGE_S,
        path=f"/api/display/{screen}",
        secure=is_secure(request.scope, parts.options.trusted_proxies, https=parts.options.https),
        httponly=True,
        samesite="strict",
    )


def _pairing(pairing: Pairing) -> PairingOut:
    return PairingOut(code=pairing.code, expires_at=format_time(pairing.expires_ns))


@cache
def build_of(static_dir: FilePath) -> str:
    """Which version of the page this node serves: the hash of its index, which names all the rest by theirs."""
    index = static_dir / "index.html"
    return hashlib.sha256(index.read_bytes()).hexdigest()[:12] if index.is_file() else ""


@router.get(
    "/{screen}",
    operation_id="getDisplayHere",
    response_model=DisplayHereOut,
    responses=problems() | {204: {"description": "This browser is neither a display nor waits to be one."}},
)
async def display_here(
    screen: ScreenNumber, request: Request, response: Response, parts: PartsOf
) -> DisplayHereOut | Response:
    """What this screen is: a display, or one that waits with a code; 204 when it is nothing yet."""
    token, who = request.cookies.get(COOKIE, ""), request.state.principal
    if who is None:
        pairing = await parts.display_keys.waiting(token)
        return Response(status_code=204) if pairing is None else DisplayHereOut(pairing=_pairing(pairing))
    _keep(response, request, parts, screen, token)
    wall = await parts.catalogue.walls.get(who.display.wall)
    return DisplayHereOut(id=who.display.id, name=who.display.name, wall=wall.name if wall else "")


@router.post("/{screen}/pairing", operation_id="startPairing", status_code=201, responses=problems(*CHANGES, 409))
async def start_pairing(
    screen: ScreenNumber, request: Request, response: Response, parts: PartsOf, address: Address
) -> PairingOut:
    """A code that is good for ten minutes, for somebody who is signed in to type; and a key that opens nothing until
    then. A screen that is a display already stays one."""
    token = request.cookies.get(COOKIE)
    if await parts.display_keys.find(token) is not None:
        raise ConflictError("This screen is a display already.", hint="Remove it first.", reason="display_already")
    waiting = await parts.display_keys.waiting(token)
    now_ns = parts.clock.now_ns()
    if waiting is not None and waiting.expires_ns - now_ns > _FRESH_NS:
        return _pairing(waiting)  # nobody who is not signed in writes to the catalogue as often as they like
    places = [place_of(each) for each in await parts.catalogue.pairings.addresses(now_ns)]
    here = places.count(place_of(address))
    if waiting is None and (here >= WAITING_EACH or len(places) >= WAITING_ALL):
        minutes = str(CODE_TTL_NS // (60 * NS_PER_S))
        raise TooManyError(
            "Too many screens wait to be paired.",
            hint=f"Codes are given back after {minutes} minutes.",
            reason="pairings_many",
            params={"minutes": minutes},
        )
    key, sha256 = (token, waiting.key_sha256) if waiting and token else parts.display_keys.new()
    pairing = Pairing(new_code(), sha256, address[:64], now_ns)
    try:
        await parts.catalogue.pairings.add(pairing)
    except ConflictError:  # one in many millions
        pairing = Pairing(new_code(), sha256, address[:64], now_ns)
        await parts.catalogue.pairings.add(pairing)
    _keep(response, request, parts, screen, key)
    return _pairing(pairing)


@router.websocket("/{screen}/control")
async def control_display(socket: WebSocket, screen: int) -> None:
    """What to show, as messages; the page says every two seconds how it is. Closed with 4401 when it is removed."""
    del screen  # the key is that of the address
    parts, who = parts_of(socket), display_of(socket)
    build = await asyncio.to_thread(build_of, parts.options.static_dir)
    await DisplayLink(socket, who.display, who.viewer.bond, parts, build).run()


@router.post(
    "/{screen}/wall/sessions",
    operation_id="openDisplayWall",
    status_code=201,
    responses=problems(*CHANGES, 504),
)
async def open_wall(screen: ScreenNumber, body: WallIn, response: Response, who: Screen, parts: PartsOf) -> WallOut:
    """A wall session as of a person, but only of cameras that the display is told to show; tiles with others stay
    empty."""
    checked_offer(body.sdp)
    if len({tile.tile for tile in body.tiles}) != len(body.tiles):
        raise InputError("A tile is named twice.", field="tiles")
    _scene, cameras = await parts.sights.scene_of(who.display)
    tiles = [first_show(t) for t in body.tiles if t.camera in cameras]
    wall_id, sdp = await parts.walls.open(who.viewer, body.sdp, tiles)
    response.headers["Location"] = f"/api/display/{screen}/wall/sessions/{wall_id}"
    await parts.audit.add(who.display.id, "wall.open", wall_id, cameras=[tile["camera"] for tile in tiles])
    return WallOut(id=wall_id, sdp=sdp)


@router.delete(
    "/{screen}/wall/sessions/{session}",
    operation_id="closeDisplayWall",
    status_code=204,
    responses=problems(*CHANGES, 404),
)
async def close_wall(screen: ScreenNumber, session: SessionId, who: Screen, parts: PartsOf) -> None:
    """End a wall of this display."""
    del screen
    await parts.walls.close(await parts.walls.of(session, who.viewer), "closed")


@router.websocket("/{screen}/wall/sessions/{session}/control")
async def control_screen_wall(socket: WebSocket, screen: int, session: str) -> None:
    """Messages of the wall. What the display is no longer told to show is taken off its tiles within seconds."""
    del screen
    parts, who = parts_of(socket), display_of(socket)
    wall, sight = await parts.walls.of(session, who.viewer), parts.sights.of(who.display.id)
    relay = Relay(
        socket, wall, parts.walls, parts.bus, sight.may, parts.clock, look_again_s=LOOK_AGAIN_S, hear=sight.hear
    )
    await relay.run()


@router.get(
    "/{screen}/cameras/{camera_id}/snapshot",
    operation_id="getDisplaySnapshot",
    response_class=Response,
    responses=problems(404, 502, 504)
    | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "description": "A JPEG."}},
)
async def snapshot(
    screen: ScreenNumber,
    camera_id: str,
    who: Screen,
    parts: PartsOf,
    width: Annotated[int | None, Query(ge=16, le=3840)] = None,
) -> Response:
    """The newest picture of a camera that the display is told to show, for where WebRTC is blocked."""
    del screen
    if not is_id(camera_id) or not await parts.sights.of(who.display.id).may([camera_id]):
        raise NotFoundError("There is no such camera.", hint="It may have been removed.", reason="camera_gone")
    return await picture_of(parts, who.display.id, camera_id, width)
