"""Cameras: list, register, change, remove. Each change tells ingest and recorder by `cameras.changed`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vms.domain.camera import Camera, Site
from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.domain.slug import free_slug
from vms.errors import ConflictError, InputError
from web.api.errors import CHANGES, problems
from web.camera_edit import changed_camera, changes, feeds_of, new_camera, onvif_of, wanted_slug
from web.deps import EyesOf, OneCamera, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, page
from web.parts import Parts
from web.schemas import CameraIn, CameraOut, CameraPatch, CamerasOut
from web.views import camera_out

router = APIRouter(prefix="/api/cameras", tags=["cameras"])

_SLUG_TRIES = 5


async def _site(parts: Parts, site_id: str) -> Site:
    site = await parts.catalogue.sites.get(site_id) if is_id(site_id) else None
    if site is None:
        raise InputError("There is no such site.", field="site", reason="site_gone")
    return site


async def _taken(parts: Parts) -> set[str]:
    return {camera.slug for camera in await parts.catalogue.cameras.list()}


@router.get("", operation_id="listCameras", responses=problems())
async def list_cameras(
    eyes: EyesOf,
    parts: PartsOf,
    site: Annotated[str | None, Query(max_length=16, description="Only cameras of this site (id).")] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> CamerasOut:
    """Cameras by site name and short name, with their states."""
    if site is not None:
        await _site(parts, site)
    sites = {item.id: item for item in await parts.catalogue.sites.list()}
    cameras = eyes.seen(await parts.catalogue.cameras.list(site))
    names = {item.id: item.name for item in sites.values()}
    shown, following = page(
        cameras, lambda camera: (names.get(camera.site, ""), camera.slug, camera.id), cursor, limit, parts=3
    )
    return CamerasOut(
        items=[camera_out(camera, sites.get(camera.site), parts.board, eyes) for camera in shown], next=following
    )


@router.post("", operation_id="addCamera", status_code=201, responses=problems(*CHANGES, 409))
async def add_camera(body: CameraIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> CameraOut:
    """Register a camera. Nothing is connected to before; try it with `probeCamera` first."""
    site = await _site(parts, body.site)
    eyes.need(Right.ADMIN, site.id)
    camera_id = new_id()
    feeds = await feeds_of(camera_id, body.streams, parts.policy)
    onvif, slug = await onvif_of(body.onvif, parts.policy), wanted_slug(body.slug, body.name, site)
    camera = new_camera(camera_id, body, feeds, slug, parts.clock.now_ns(), onvif)
    camera = await _add(parts, camera, is_free_to_choose=body.slug is None)
    await _told(parts, who.person.id, "camera.add", camera, ["all"])
    response.headers["Location"] = f"/api/cameras/{camera.id}"
    return camera_out(camera, site, parts.board, eyes)


async def _add(parts: Parts, camera: Camera, *, is_free_to_choose: bool) -> Camera:
    """Add it, under the next free short name where nobody asked for one; two people may register at the same time."""
    for _ in range(_SLUG_TRIES):
        taken = await _taken(parts)
        if camera.slug in taken and not is_free_to_choose:
            break
        camera = replace(camera, slug=free_slug(camera.slug, taken))
        try:
            return await parts.catalogue.cameras.add(camera)
        except ConflictError:
            continue
    raise ConflictError(f"The short name {camera.slug} is taken.", hint="Choose another.")


async def _told(parts: Parts, person: str, action: str, camera: Camera, fields: list[str]) -> None:
    parts.bus.publish("cameras.changed", {"camera": camera.id})
    await parts.audit.add(person, action, camera.id, slug=camera.slug, fields=fields)


@router.get("/{camera_id}", operation_id="getCamera", responses=problems(404))
async def get_camera(camera: OneCamera, eyes: EyesOf, parts: PartsOf) -> CameraOut:
    """One camera."""
    return camera_out(camera, await parts.catalogue.sites.get(camera.site), parts.board, eyes)


@router.patch("/{camera_id}", operation_id="changeCamera", responses=problems(*CHANGES, 404, 409))
async def change_camera(body: CameraPatch, camera: OneCamera, who: Who, eyes: EyesOf, parts: PartsOf) -> CameraOut:
    """Change what is given. `rev` must be that of the camera as it is now."""
    if body.rev != camera.rev:
        raise ConflictError("The camera has changed meanwhile.", hint="Load it again and repeat the change.")
    site = await _site(parts, body.site or camera.site)
    eyes.need(Right.ADMIN, site.id)
    feeds = None if body.streams is None else await feeds_of(camera.id, body.streams, parts.policy)
    onvif = None if body.onvif is None else await onvif_of(body.onvif, parts.policy)
    changed = changed_camera(camera, body, feeds, onvif)
    if changed.slug != camera.slug and changed.slug in await _taken(parts):
        raise ConflictError(f"The short name {changed.slug} is taken.", hint="Choose another.")
    fields = changes(camera, changed)
    if not fields:
        return camera_out(camera, site, parts.board, eyes)
    await parts.catalogue.cameras.update(changed)
    await _told(parts, who.person.id, "camera.change", changed, fields)
    return camera_out(changed, site, parts.board, eyes)


@router.delete("/{camera_id}", operation_id="removeCamera", status_code=204, responses=problems(*CHANGES, 404))
async def remove_camera(camera: OneCamera, who: Who, parts: PartsOf) -> None:
    """Remove a camera: it is no longer recorded or shown; its footage stays until its retention is over."""
    await parts.catalogue.cameras.remove(camera.id, parts.clock.now_ns())
    await _told(parts, who.person.id, "camera.remove", camera, ["all"])
