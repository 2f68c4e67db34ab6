"""Trying a camera before it is registered, and its picture of now."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from vms.bus.base import Value
from vms.domain.camera_url import check_credentials
from vms.domain.rights import Right
from vms.logs import redact
from web import remarks
from web.api.errors import CHANGES, problems
from web.camera_edit import check_address, parse_url
from web.deps import EyesOf, OneCamera, PartsOf, Who
from web.discoveries import ask_at
from web.parts import Parts
from web.schemas import ProbeIn, ProbeOut, RemarkOut
from web.security.authority import Eyes
from web.times import format_time
from web.uncut import uncut

router = APIRouter(prefix="/api/cameras", tags=["cameras"])

_PROBE_S = 25.0
# A picture of half a megabyte takes 2 s on a line of 2 Mb/s, beside what is watched a multiple of that.
_SNAPSHOT_S = 15.0


@router.post("/probe", operation_id="probeCamera", responses=problems(*CHANGES, 504))
async def probe_camera(body: ProbeIn, who: Who, eyes: EyesOf, parts: PartsOf) -> ProbeOut:
    """Connect to a URL once and say what it gives: codec, size, rate, key frames, one picture; or why nothing. A URL
    that may not be connected to is a 422; a camera that gives nothing is an answer with `ok: false`."""
    eyes.need(Right.ADMIN, body.site)  # from no site: from wherever somebody listens
    url = parse_url(body.url, "url")
    await check_address(url, parts.policy, "url")
    username, password = body.username, body.password.get_secret_value()
    if not username and not password:
        username, password = url.username, url.password
    check_credentials(username, password)
    request = {"url": url.bare, "username": username, "password": password, "transport": body.transport or "tcp"}
    with parts.probes.held(who.person.id):
        answer = await _ask(parts, body.site, request)
    await parts.audit.add(who.person.id, "camera.probe", url.bare, ok=bool(answer["ok"]))
    secrets = [password] if len(password) >= 3 else []  # a shorter one would tear words apart
    picture = answer.get("jpeg")
    return ProbeOut(
        ok=bool(answer["ok"]),
        code=str(answer.get("code", "")),
        message=redact(str(answer.get("message", "")), secrets),
        hint=redact(str(answer.get("hint", "")), secrets),
        reason=str(answer.get("reason", "")),
        params=_redacted(answer.get("params") or {}, secrets),
        facts=dict(answer.get("facts") or {}),
        warnings=[
            RemarkOut(
                reason=item["reason"], text=redact(item["text"], secrets), params=_redacted(item["params"], secrets)
            )
            for item in answer.get("warnings") or ()
        ]
        + (await _of_registering(body, url.bare, username, password, eyes, parts) if answer["ok"] else []),
        picture=f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" if picture else None,
    )


async def _of_registering(
    body: ProbeIn, url: str, username: str, password: str, eyes: Eyes, parts: Parts
) -> list[RemarkOut]:
    others = [one for one in eyes.seen(await uncut(parts.catalogue.cameras.list())) if one.id != body.camera]
    return [*remarks.of_login(username, password), *remarks.of_twins([url], others)]


async def _ask(parts: Parts, site: str | None, request: Value) -> Value:
    return await ask_at(parts.bus, parts.catalogue, "probe", site, request, _PROBE_S)


def _redacted(params: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, str]:
    return {name: redact(str(value), secrets) for name, value in params.items()}


@router.get(
    "/{camera_id}/snapshot",
    operation_id="getSnapshot",
    response_class=Response,
    responses=problems(404, 502, 504)
    | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "description": "A JPEG."}},
)
async def snapshot(
    camera: OneCamera, who: Who, parts: PartsOf, width: Annotated[int | None, Query(ge=16, le=3840)] = None
) -> Response:
    """The newest picture of the camera; X-Captured-At says of when."""
    return await picture_of(parts, who.person.id, camera.id, width)


async def picture_of(parts: PartsOf, viewer: str, camera_id: str, width: int | None) -> Response:
    """The answer with a camera's newest picture; that this person or display may see it was decided before."""
    answer = await parts.bus.request(f"ingest.snapshot.{camera_id}", {"width": width}, timeout_s=_SNAPSHOT_S)
    parts.viewings.saw(viewer, [camera_id])
    headers = {"X-Captured-At": format_time(answer["wall_ns"]), "X-Stream": str(answer.get("stream", ""))}
    return Response(answer["jpeg"], media_type="image/jpeg", headers=headers)
