"""What becomes of a camera's form: a Camera, with user and password taken out of the URLs, or a refusal that names
the field. Only the check of host names asks DNS; everything else is pure."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vms.domain.area import check_areas
from vms.domain.camera import Camera, RecordMode, Site, Stream, StreamName, StreamRef
from vms.domain.camera_url import (
    AddressPolicy,
    CameraUrl,
    check_credentials,
    literal_address,
    parse_camera_url,
    parse_device_url,
)
from vms.domain.slug import slugify
from vms.errors import CameraUrlError, InputError
from web.schemas import CameraIn, CameraPatch, StreamIn
from web.schemas_areas import areas_of, masks_of
from web.schemas_position import position_changed, position_given

_RESOLVE_S = 3.0
_NOT_PLAIN = frozenset({"rev", "streams", "username", "password", "areas", "masks", "onvif", "longitude", "latitude"})


@dataclass(frozen=True)
class Feeds:
    """The streams of a form, their URLs bare, and the user and password that stood in them."""

    streams: tuple[Stream, ...]
    hosts: frozenset[tuple[str, int]]
    username: str = ""
    password: str = field(default="", repr=False)


async def check_address(url: CameraUrl, policy: AddressPolicy, name: str, *, look_up: bool = True) -> None:
    """CameraUrlError where no camera may be at the URL's host. A name that nobody knows here passes: the camera's site
    may know it, and whoever connects resolves it again and asks the same policy."""
    try:
        policy.check_literal(url)
        if literal_address(url.host) is not None or not look_up:
            return
        loop = asyncio.get_running_loop()
        lookup = loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(lookup, _RESOLVE_S)
        except (OSError, UnicodeError, TimeoutError):
            return
        addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
        if addresses and all(policy.why_refused(address) for address in addresses):
            policy.check(addresses[0])
    except CameraUrlError as error:
        error.field = name
        raise


def parse_url(text: str, name: str) -> CameraUrl:
    """parse_camera_url, with the field of the form in the error."""
    try:
        return parse_camera_url(text)
    except CameraUrlError as error:
        error.field = name
        raise


async def onvif_of(text: str, policy: AddressPolicy, *, look_up: bool = True) -> str:
    """The URL of an ONVIF device as it is stored, empty for none; CameraUrlError names the field `onvif`."""
    if not text:
        return ""
    try:
        url = parse_device_url(text)
    except CameraUrlError as error:
        error.field = "onvif"
        raise
    await check_address(url, policy, "onvif", look_up=look_up)
    return url.bare


async def feeds_of(camera: str, given: Sequence[StreamIn], policy: AddressPolicy, *, look_up: bool = True) -> Feeds:
    """Take the streams of a form apart and check where they lead; without `look_up` addresses alone, not names."""
    streams: list[Stream] = []
    urls: list[CameraUrl] = []
    for number, item in enumerate(given):
        name = f"streams.{number}.url"
        if any(stream.ref.name is item.name for stream in streams):
            raise InputError(f"The stream {item.name} is given twice.", field=f"streams.{number}.name", reason="value")
        url = parse_url(item.url, name)
        await check_address(url, policy, name, look_up=look_up)
        record = item.record or (RecordMode.CONTINUOUS if item.name is StreamName.MAIN else RecordMode.OFF)
        streams.append(Stream(StreamRef(camera, item.name), url.bare, record))
        urls.append(url)
    logins = {(url.username, url.password) for url in urls if url.username or url.password}
    if len(logins) > 1:
        raise InputError(
            "The URLs hold different users or passwords.", hint="A camera has one login for all its streams.",
            field="streams", reason="logins_differ",
        )  # fmt: skip
    username, password = next(iter(logins), ("", ""))
    hosts = frozenset((url.host.lower(), url.port) for url in urls)
    return Feeds(tuple(streams), hosts, username, password)


def wanted_slug(given: str | None, name: str, site: Site) -> str:
    """The short name: as given, else made of site and name."""
    if given is not None:
        return given
    plain = slugify(name)
    return plain if plain.startswith(f"{site.slug}-") else slugify(f"{site.slug}-{plain}")


def new_camera(camera: str, form: CameraIn, feeds: Feeds, slug: str, now_ns: int, onvif: str = "") -> Camera:
    """The camera a form describes. User and password of their own fields win over those in the URLs."""
    username, password = form.username, form.password.get_secret_value()
    if not username and not password:
        username, password = feeds.username, feeds.password
    check_credentials(username, password)
    areas = areas_of(form.areas)
    check_areas(areas)
    return Camera(
        id=camera,
        site=form.site,
        slug=slug,
        name=form.name,
        streams=feeds.streams,
        username=username,
        password=password,
        enabled=form.enabled,
        audio=form.audio,
        transport=form.transport,
        retention_days=form.retention_days,
        registered_ns=now_ns,
        areas=areas,
        masks=masks_of(form.masks),
        analysis=form.analysis,
        priority=form.priority,
        onvif=onvif,
        position=position_given(form),
    )


def changed_camera(camera: Camera, form: CameraPatch, feeds: Feeds | None, onvif: str | None = None) -> Camera:
    """The camera after a change; its `rev` is one more. A password that is kept is not sent to another host: it must
    be given again, else whoever may edit could have it sent to a machine of theirs."""
    given = form.model_fields_set - _NOT_PLAIN
    plain = {name: getattr(form, name) for name in given if name == "retention_days" or getattr(form, name) is not None}
    username, password = camera.username, camera.password
    if feeds is not None and (feeds.username or feeds.password):
        username, password = feeds.username, feeds.password
    if form.username is not None:
        username = form.username
    is_new_password = form.password is not None or bool(feeds and feeds.password)
    if form.password is not None:
        password = form.password.get_secret_value()
    elsewhere = feeds is not None and not feeds.hosts <= _hosts_of(camera)
    if onvif and not {parse_device_url(onvif).host.lower()} <= _names_of(camera, feeds):
        elsewhere = True
    if elsewhere and password and not is_new_password:
        words = "The address leads to another host: give the camera's password again."
        raise InputError(words, field="password", reason="password_again")
    check_credentials(username, password)
    areas = camera.areas if form.areas is None else areas_of(form.areas)
    check_areas(areas)
    return replace(
        camera,
        **plain,
        username=username,
        password=password,
        streams=camera.streams if feeds is None else feeds.streams,
        areas=areas,
        masks=camera.masks if form.masks is None else masks_of(form.masks),
        onvif=camera.onvif if onvif is None else onvif,
        position=position_changed(camera.position, form),
        rev=form.rev + 1,
    )


def _hosts_of(camera: Camera) -> frozenset[tuple[str, int]]:
    urls = [parse_camera_url(stream.url) for stream in camera.streams]
    return frozenset((url.host.lower(), url.port) for url in urls)


def _names_of(camera: Camera, feeds: Feeds | None) -> set[str]:
    known = {parse_device_url(camera.onvif).host.lower()} if camera.onvif else set()
    return known | {host for host, _ in (_hosts_of(camera) if feeds is None else feeds.hosts)}


def changes(before: Camera, after: Camera) -> list[str]:
    """Names of the fields that differ, for the audit log; no values, since one of them is a password."""
    names = (
        "site", "slug", "name", "streams", "username", "password", "enabled", "audio", "transport", "retention_days",
        "areas", "masks", "analysis", "priority", "onvif", "ptz", "position",
    )  # fmt: skip
    return [name for name in names if getattr(before, name) != getattr(after, name)]
