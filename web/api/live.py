"""Live: the wall's session with its WebSocket, and WHEP for any standard player (draft-ietf-wish-whep).

Nothing of media is known here: offers and messages go to a streamer over the bus.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket

from vms.domain.camera import StreamName, StreamRef
from vms.domain.rights import Right
from vms.errors import InputError, NotFoundError
from web.api.errors import CHANGES, problems
from web.deps import EyesOf, OneCamera, PartsOf, Who, parts_of, principal_of
from web.problem import HttpError
from web.relay import Relay
from web.schemas import SDP_MAX
from web.schemas_live import TileIn, WallIn, WallOut
from web.security.authority import LOOK_AGAIN_S

router = APIRouter(prefix="/api", tags=["live"])

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
# 64 videos and a sound.
_MEDIA_MAX = 65
_SdpBody = {"requestBody": {"required": True, "content": {_SDP: {"schema": {"type": "string"}}}}}
_FragmentBody = {"requestBody": {"required": True, "content": {_FRAGMENT: {"schema": {"type": "string"}}}}}
SessionId = Annotated[str, Path(max_length=64)]


def checked_offer(sdp: str) -> str:
    """An offer that is worth a streamer's time; 400 else (RFC 9725 §4.2)."""
    lines = sdp.replace("\r\n", "\n")
    if not lines.startswith("v=0\n"):
        raise HttpError(400, "sdp", "This is not an SDP offer.")
    if len(sdp) > SDP_MAX or lines.count("\nm=") > _MEDIA_MAX:
        raise HttpError(400, "sdp", "The SDP offer is too large.")
    if "a=fingerprint:" not in lines or "a=ice-ufrag:" not in lines:
        raise HttpError(400, "sdp", "The SDP offer has no ICE user name or no DTLS fingerprint.")
    return sdp


def first_show(tile: TileIn) -> dict[str, Any]:
    """A tile of the offer, for the streamer."""
    claim = {} if tile.claim is None else {"claim": tile.claim.value}
    return {"tile": tile.tile, "camera": tile.camera, "stream": tile.stream.value} | claim


async def _sdp_of(request: Request, media_type: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise HttpError(415, "media_type", f"The body must be {media_type}.")
    body = await request.body()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise HttpError(400, "sdp", "The body is not UTF-8 text.") from None


@router.post("/wall/sessions", operation_id="openWall", status_code=201, responses=problems(*CHANGES, 504))
async def open_wall(body: WallIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> WallOut:
    """Open a wall: one offer with a receive-only video per tile. Join its WebSocket within 15 s; tiles are switched
    by messages there and never by another offer."""
    checked_offer(body.sdp)
    if len({tile.tile for tile in body.tiles}) != len(body.tiles):
        raise InputError("A tile is named twice.", field="tiles")
    known = {camera.id: camera for camera in await parts.catalogue.cameras.list()}
    wanted = [(number, tile, tile.camera) for number, tile in enumerate(body.tiles) if tile.camera is not None]
    for number, _, camera in wanted:
        if camera not in known or not eyes.sees(known[camera]):
            raise InputError("There is no such camera.", field=f"tiles.{number}.camera", reason="camera_gone")
    # One that may be known of and not watched costs its own tile and not the wall.
    may = {camera for _, _, camera in wanted if eyes.camera(Right.LIVE, known[camera])}
    tiles = [first_show(tile) for _, tile, camera in wanted if camera in may]
    wall_id, sdp = await parts.walls.open(who.viewer, body.sdp, tiles)
    response.headers["Location"] = f"/api/wall/sessions/{wall_id}"
    await parts.audit.add(who.person.id, "wall.open", wall_id, cameras=[tile["camera"] for tile in tiles])
    return WallOut(id=wall_id, sdp=sdp, forbidden=[tile.tile for _, tile, camera in wanted if camera not in may])


@router.delete("/wall/sessions/{session}", operation_id="closeWall", status_code=204, responses=problems(*CHANGES, 404))
async def close_wall(session: SessionId, who: Who, parts: PartsOf) -> None:
    """End a wall of one's own."""
    await parts.walls.close(await parts.walls.of(session, who.viewer), "closed")


@router.websocket("/wall/sessions/{session}/control")
async def control_wall(socket: WebSocket, session: str) -> None:
    """Messages of the wall in both directions, JSON text; when it closes the session waits 15 s for another."""
    parts, who = parts_of(socket), principal_of(socket)
    wall = await parts.walls.of(session, who.viewer)

    async def may(cameras: Collection[str]) -> set[str]:
        return await parts.authority.allowed(who.person.id, Right.LIVE, cameras)

    async def hear(cameras: Collection[str]) -> set[str]:
        return await parts.authority.allowed(who.person.id, Right.AUDIO, cameras)

    await Relay(socket, wall, parts.walls, parts.bus, may, parts.clock, look_again_s=LOOK_AGAIN_S, hear=hear).run()


@router.post(
    "/cameras/{camera_id}/whep",
    operation_id="openWhep",
    status_code=201,
    response_class=Response,
    openapi_extra=_SdpBody,
    responses=problems(*CHANGES, 404, 504)
    | {201: {"content": {_SDP: {"schema": {"type": "string"}}}, "description": "The answer; Location is the session."}},
)
async def open_whep(
    request: Request,
    camera: OneCamera,
    who: Who,
    parts: PartsOf,
    stream: Annotated[StreamName, Query()] = StreamName.MAIN,
) -> Response:
    """Watch one camera with a standard player."""
    sdp = checked_offer(await _sdp_of(request, _SDP))
    if camera.stream(stream) is None:
        raise NotFoundError(f"The camera has no stream {stream}.")
    session, answer = await parts.wheps.open(who, StreamRef(camera.id, stream), sdp)
    await parts.audit.add(who.person.id, "camera.watch", camera.id, stream=stream.value)
    headers = {"Location": f"/api/whep/{session}", "Accept-Patch": _FRAGMENT}
    return Response(answer, 201, media_type=_SDP, headers=headers)


@router.patch(
    "/whep/{session}",
    operation_id="patchWhep",
    status_code=204,
    openapi_extra=_FragmentBody,
    responses=problems(*CHANGES, 404),
)
async def patch_whep(request: Request, session: SessionId, who: Who, parts: PartsOf) -> None:
    """More ICE candidates (RFC 8840)."""
    await parts.wheps.patch(session, who, await _sdp_of(request, _FRAGMENT))


@router.delete("/whep/{session}", operation_id="closeWhep", status_code=204, responses=problems(*CHANGES, 404))
async def close_whep(session: SessionId, who: Who, parts: PartsOf) -> None:
    """End a session of one's own."""
    await parts.wheps.close(session, who)
