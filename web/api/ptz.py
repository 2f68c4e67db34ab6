"""Steering a camera: move, stop, presets, patrol, who holds it; and trying an ONVIF device before it is registered.

Orders go to the node that ingests the camera. One line of audit when somebody takes a camera, not one a movement.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from vms.bus.base import Value
from vms.domain.camera import Camera
from vms.domain.camera_url import CameraUrl, check_credentials, parse_camera_url, parse_device_url
from vms.domain.person import Person
from vms.domain.ptz import TOKEN_MAX, PatrolStep, PtzPlan
from vms.domain.rights import Right
from vms.errors import InputError, NoResponderError, NotFoundError
from vms.logs import redact
from web.api.errors import CHANGES, problems
from web.camera_edit import onvif_of
from web.deps import EyesOf, OneCamera, PartsOf, Who
from web.parts import Parts
from web.schemas_ptz import (
    HeldCameraOut,
    HeldCamerasOut,
    HeldOut,
    HolderOut,
    OnvifTryIn,
    OnvifTryOut,
    PatrolIn,
    PatrolOut,
    PatrolStepOut,
    PtzGotoIn,
    PtzMoveIn,
    PtzOut,
    PtzPositionOut,
    PtzPresetIn,
    PtzPresetOut,
    PtzPresetPatch,
)
from web.security.authority import Eyes
from web.uncut import uncut

router = APIRouter(prefix="/api", tags=["ptz"])

_ORDER_S = 8.0
_TRY_S = 25.0
PresetToken = Annotated[str, Path(min_length=1, max_length=TOKEN_MAX)]
_PROBLEMS = (404, 409, 502, 504)


async def steered(camera: OneCamera) -> Camera:
    """The camera named in the address, which has an ONVIF device."""
    if not camera.onvif:
        raise NotFoundError(
            "This camera cannot be steered.", hint="Give its ONVIF address in its settings.", reason="ptz_none"
        )
    return camera


Steered = Annotated[Camera, Depends(steered)]


class Orders:
    """Of one person to one camera. `priority`: how surely they keep it."""

    def __init__(self, camera: Camera, person: Person, priority: int, parts: Parts) -> None:
        self._camera, self._person, self._parts = camera, person, parts
        self.priority = priority

    async def __call__(self, op: str, **more: Any) -> Value:
        """Give one; the node's answer. TooManyError, BusError and what the node raises."""
        self._parts.steering.count(self._person.id)
        by = {"person": self._person.id, "name": self._person.name, "priority": self.priority}
        subject = f"ingest.ptz.{self._camera.id}"
        return await self._parts.bus.request(subject, {"op": op, **by, **more}, timeout_s=_ORDER_S)

    async def held(self, op: str, **more: Any) -> HeldOut:
        """Give one, and tell who has the camera now."""
        return self.holder_of(await self(op, **more))

    def holder_of(self, answer: Value) -> HeldOut:
        """Who has the camera, by the node's answer."""
        holder = answer.get("holder")
        return HeldOut(holder=None if holder is None else _holder(holder, self.priority))


def orders_of(camera: Steered, who: Who, eyes: EyesOf, parts: PartsOf) -> Orders:
    """Of who calls, to the camera named in the address."""
    return Orders(camera, who.person, eyes.steering(camera), parts)


Order = Annotated[Orders, Depends(orders_of)]


@router.get("/ptz", operation_id="listSteered", responses=problems())
async def list_steered(eyes: EyesOf, parts: PartsOf) -> HeldCamerasOut:
    """Which cameras are steered now, and by whom."""
    held = parts.steering.held()
    known = await parts.roster.cameras() if held else {}
    steered = [known[ident] for ident in sorted(held.keys() & known.keys()) if eyes.sees(known[ident])]
    return HeldCamerasOut(
        items=[HeldCameraOut(camera=one.id, holder=_holder(held[one.id], eyes.steering(one))) for one in steered]
    )


@router.get("/cameras/{camera_id}/ptz", operation_id="getPtz", responses=problems(404, 502, 504))
async def get_ptz(camera: Steered, order: Order) -> PtzOut:
    """Presets, patrol, position and holder of a camera that can be steered."""
    answer = await order("look")
    names = dict(camera.ptz.names)
    presets = [PtzPresetOut(token=one["token"], name=names.get(one["token"], one["name"])) for one in answer["presets"]]
    place = answer.get("position")
    return PtzOut(
        presets=presets,
        position=None if place is None else PtzPositionOut(**place),
        patrol=_patrol(camera.ptz),
        holder=order.holder_of(answer).holder,
    )


@router.post("/cameras/{camera_id}/ptz/move", operation_id="movePtz", responses=problems(*CHANGES, *_PROBLEMS))
async def move(body: PtzMoveIn, camera: Steered, who: Who, order: Order, parts: PartsOf) -> HeldOut:
    """Go on with a speed; the first move takes the camera for 15 s, each further one keeps it. 409: somebody else has
    it."""
    answer = await order("move", **body.model_dump())
    if answer.get("taken"):
        await parts.audit.add(who.person.id, "ptz.take", camera.id)
    return order.holder_of(answer)


@router.post("/cameras/{camera_id}/ptz/stop", operation_id="stopPtz", responses=problems(*CHANGES, 404, 502, 504))
async def stop(order: Order) -> HeldOut:
    """Stand still."""
    return await order.held("stop")


@router.delete(
    "/cameras/{camera_id}/ptz/holder", operation_id="releasePtz", responses=problems(*CHANGES, 404, 502, 504)
)
async def release(order: Order) -> HeldOut:
    """Let go of a camera before the time runs out; it stands still. Nothing happens where somebody else has it."""
    return await order.held("release")


@router.post(
    "/cameras/{camera_id}/ptz/presets",
    operation_id="addPreset",
    status_code=201,
    responses=problems(*CHANGES, *_PROBLEMS),
)
async def add_preset(body: PtzPresetIn, camera: Steered, who: Who, order: Order, parts: PartsOf) -> PtzPresetOut:
    """Keep where the camera looks now."""
    answer = await order("keep", label=body.name)
    token = str(answer["preset"])
    await _plan(parts, camera, replace(camera.ptz, names=camera.ptz.named(token, body.name)))
    await parts.audit.add(who.person.id, "ptz.preset.add", camera.id, preset=token, name=body.name)
    return PtzPresetOut(token=token, name=body.name)


@router.patch(
    "/cameras/{camera_id}/ptz/presets/{token}",
    operation_id="changePreset",
    status_code=204,
    responses=problems(*CHANGES, *_PROBLEMS),
)
async def change_preset(
    token: PresetToken, body: PtzPresetPatch, camera: Steered, who: Who, order: Order, parts: PartsOf
) -> None:
    """Another name, or another direction."""
    known = await _known(order, camera, token)
    if body.here:
        await order("keep", label=body.name or known, preset=token)
    if body.name is not None:
        await _plan(parts, camera, replace(camera.ptz, names=camera.ptz.named(token, body.name)))
    await parts.audit.add(who.person.id, "ptz.preset.change", camera.id, preset=token, name=body.name, here=body.here)
    _tell(parts, camera)


@router.delete(
    "/cameras/{camera_id}/ptz/presets/{token}",
    operation_id="removePreset",
    status_code=204,
    responses=problems(*CHANGES, *_PROBLEMS),
)
async def remove_preset(token: PresetToken, camera: Steered, who: Who, order: Order, parts: PartsOf) -> None:
    """The camera forgets it; so does its patrol."""
    name = await _known(order, camera, token)
    await order("forget", preset=token)
    steps = tuple(step for step in camera.ptz.steps if step.preset != token)
    plan = PtzPlan(camera.ptz.patrolling and bool(steps), steps, camera.ptz.named(token, None))
    await _plan(parts, camera, plan)
    await parts.audit.add(who.person.id, "ptz.preset.remove", camera.id, preset=token, name=name)
    _tell(parts, camera)


@router.post(
    "/cameras/{camera_id}/ptz/presets/{token}/goto",
    operation_id="gotoPreset",
    responses=problems(*CHANGES, *_PROBLEMS),
)
async def goto(token: PresetToken, body: PtzGotoIn, camera: Steered, who: Who, order: Order, parts: PartsOf) -> HeldOut:
    """Look at a preset; takes the camera as a move does."""
    held = await order.held("goto", preset=token, take_over=body.take_over)
    await parts.audit.add(who.person.id, "ptz.goto", camera.id, preset=token)
    return held


@router.put("/cameras/{camera_id}/ptz/patrol", operation_id="setPatrol", responses=problems(*CHANGES, 404, 409))
async def set_patrol(body: PatrolIn, camera: Steered, who: Who, parts: PartsOf) -> PatrolOut:
    """The round that the camera makes while nobody steers it, and whether it makes it."""
    if body.on and not body.steps:
        raise InputError("A patrol has at least one preset.", field="steps", reason="patrol_empty")
    steps = tuple(PatrolStep(step.preset, step.dwell_s) for step in body.steps)
    plan = PtzPlan(body.on, steps, camera.ptz.names)
    await _plan(parts, camera, plan)
    await parts.audit.add(who.person.id, "ptz.patrol", camera.id, on=body.on, steps=len(steps))
    _tell(parts, camera)
    return _patrol(plan)


@router.post("/cameras/onvif", operation_id="tryOnvif", responses=problems(*CHANGES, 404, 504))
async def try_onvif(body: OnvifTryIn, who: Who, eyes: EyesOf, parts: PartsOf) -> OnvifTryOut:
    """Ask an ONVIF device once what it can: profiles, PTZ, presets; or say why it gives nothing (`ok: false`)."""
    eyes.need(Right.ADMIN, body.site)  # from no site: from wherever somebody listens
    try:
        url = await onvif_of(body.url, parts.policy)
    except InputError as error:
        error.field = "url"
        raise
    username, password = body.username, body.password.get_secret_value()
    if body.camera is not None and not password:
        username, password = await _kept_login(parts, eyes, body, parse_device_url(url))
    check_credentials(username, password)
    request = {"url": url, "username": username, "password": password}
    with parts.probes.held(who.person.id):
        answer = await _try(parts, body.site, request)
    await parts.audit.add(who.person.id, "camera.onvif", url, ok=bool(answer["ok"]))
    secrets = [password] if len(password) >= 3 else []
    return OnvifTryOut(
        ok=bool(answer["ok"]),
        message=redact(str(answer.get("message", "")), secrets),
        hint=redact(str(answer.get("hint", "")), secrets),
        reason=str(answer.get("reason", "")),
        params={name: redact(str(value), secrets) for name, value in (answer.get("params") or {}).items()},
        profiles=[str(one) for one in answer.get("profiles") or ()],
        ptz=bool(answer.get("ptz")),
        presets=[str(one) for one in answer.get("presets") or ()],
    )


async def _kept_login(parts: Parts, eyes: Eyes, body: OnvifTryIn, url: CameraUrl) -> tuple[str, str]:
    """The camera's own, for a device at a host and site where the camera is already; else whoever may edit could have
    the password tried at a machine of theirs."""
    camera = None if body.camera is None else await parts.catalogue.cameras.get(body.camera)
    if camera is None or not eyes.sees(camera):
        raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    eyes.need_camera(Right.ADMIN, camera)
    hosts = {parse_camera_url(stream.url).host.lower() for stream in camera.streams}
    if camera.onvif:
        hosts.add(parse_device_url(camera.onvif).host.lower())
    if url.host.lower() not in hosts or body.site not in {None, camera.site}:
        words = "The address leads to another host: give the camera's password again."
        raise InputError(words, field="password", reason="password_again")
    return body.username or camera.username, camera.password


async def _try(parts: Parts, site: str | None, request: Value) -> Value:
    """By a node of the Site, or of one above it. Without a Site: by any, where there is one machine."""
    sites = {known.id: known for known in await uncut(parts.catalogue.sites.list())}
    at = None if site is None else sites.get(site)
    if site is not None and at is None:
        raise InputError("There is no such site.", field="site", reason="site_gone")
    while at is not None:
        above = None if at.parent is None else sites.get(at.parent)
        try:
            return await parts.bus.request(f"ingest.onvif.{at.slug}", request, timeout_s=_TRY_S)
        except NoResponderError:
            if above is None:
                raise
        at = above
    return await parts.bus.request("ingest.onvif.any", request, timeout_s=_TRY_S)


async def _known(order: Orders, camera: Camera, token: str) -> str:
    """The name of a preset that the camera has. NotFoundError."""
    answer = await order("look")
    name = next((str(one["name"]) for one in answer["presets"] if one["token"] == token), None)
    if name is None:
        raise NotFoundError("The camera has no such preset.", reason="preset_gone")
    return dict(camera.ptz.names).get(token, name)


async def _plan(parts: Parts, camera: Camera, plan: PtzPlan) -> None:
    if plan != camera.ptz:
        await parts.catalogue.cameras.update(replace(camera, ptz=plan, rev=camera.rev + 1))
        parts.bus.publish("cameras.changed", {"camera": camera.id})


def _tell(parts: Parts, camera: Camera) -> None:
    """Pages that show the camera's presets ask again."""
    parts.bus.publish("ptz.presets", {"camera": camera.id})


def _patrol(plan: PtzPlan) -> PatrolOut:
    steps = [PatrolStepOut(preset=step.preset, dwell_s=step.dwell_s) for step in plan.steps]
    return PatrolOut(on=plan.patrolling, steps=steps)


def _holder(value: Value, priority: int) -> HolderOut:
    """As somebody of this priority is told of them."""
    above = int(value["priority"]) > priority
    return HolderOut(person=str(value["person"]), name=str(value["name"]), left_s=float(value["left_s"]), above=above)
