"""Nouns of the domain as the API shows them. Pure. Here alone is decided what of a camera is shown: no secret."""

from __future__ import annotations

from vms.domain.camera import Camera, Site
from vms.domain.interval import Interval
from vms.domain.media import StreamState
from vms.domain.rights import OF_CAMERAS, Right
from vms.logs import redact
from web.schemas import CameraOut, IntervalOut, SiteRef, StateOut, StreamOut
from web.schemas_areas import areas_out, masks_out
from web.schemas_position import position_out
from web.security.authority import Eyes
from web.states import StateBoard
from web.times import format_time

_TOLD = OF_CAMERAS | {Right.ADMIN}


def state_out(state: StreamState) -> StateOut:
    """Condition, since when (null where it was not told), and why."""
    since = format_time(state.since_ns) if state.since_ns else None
    params = {name: redact(value) for name, value in state.params.items()}
    return StateOut(condition=state.condition, since=since, why=redact(state.why), reason=state.reason, params=params)


def camera_out(camera: Camera, site: Site | None, board: StateBoard, eyes: Eyes | None = None) -> CameraOut:
    """A camera without its password. Where it is found in its network is for who administers it; `eyes` None: asks no
    person, who shows it leaves out what is not for its eyes."""
    shown = [right for right in Right if right in _TOLD and (eyes is None or eyes.camera(right, camera))]
    is_admin = Right.ADMIN in shown
    return CameraOut(
        id=camera.id,
        number=camera.number,
        slug=camera.slug,
        name=camera.name,
        site=SiteRef(id=camera.site, slug=site.slug if site else "", name=site.name if site else ""),
        enabled=camera.enabled,
        audio=camera.audio,
        transport="udp" if camera.transport == "udp" else "tcp",
        username=camera.username if is_admin else "",
        has_password=bool(camera.password),
        state=state_out(board.of_camera(camera)),
        streams=[
            StreamOut(
                name=stream.ref.name,
                url=stream.url if is_admin else "",
                record=stream.record,
                state=state_out(board.of(camera, stream.ref.name)),
            )
            for stream in camera.streams
        ],
        retention_days=camera.retention_days,
        areas=areas_out(camera.areas),
        masks=masks_out(camera.masks),
        analysis=camera.analysis,
        priority=camera.priority,
        onvif=camera.onvif if is_admin or Right.PTZ in shown else "",
        registered_at=format_time(camera.registered_ns),
        rights=shown,
        rev=camera.rev,
        **position_out(camera.position),
    )


def interval_out(interval: Interval) -> IntervalOut:
    """An interval in RFC 3339."""
    return IntervalOut.model_validate({"from": format_time(interval.start_ns), "to": format_time(interval.end_ns)})
