"""What a first start puts into the catalogue: sites and cameras of the settings, and the first admin. Idempotent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr, ValidationError

from vms import logs
from vms.clock import Clock
from vms.domain.camera import Camera, RecordMode, Site, StreamName
from vms.domain.camera_url import AddressPolicy
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.position import Position, position_of
from vms.domain.rights import EVERYTHING
from vms.domain.slug import free_slug, slugify
from vms.errors import InputError, SettingsError
from vms.settings import CameraSettings, SiteSettings
from vms.store import Catalogue
from web import camera_edit
from web.schemas import CameraIn
from web.security.passwords import generated_password
from web.text import check_new_password, clean_name

log = logs.get(__name__)

ADMIN = "admin"


@dataclass(frozen=True)
class FirstAdmin:
    """The admin of a first start; `password` only where it was generated and must be shown once."""

    username: str
    password: str | None


async def ensure_sites(catalogue: Catalogue, wanted: Sequence[SiteSettings]) -> None:
    """Add the sites that are missing; those that exist keep what was changed on the page."""
    for item in wanted:
        if await catalogue.sites.by_slug(item.slug) is not None:
            continue
        try:
            name = clean_name(item.name)
        except ValueError as error:
            raise SettingsError(f"the name of site {item.slug} {error}", hint="Correct it under sites.") from None
        parent = None
        if item.parent is not None:
            above = await catalogue.sites.by_slug(item.parent)
            if above is None:
                raise SettingsError(
                    f"site {item.slug} names the parent {item.parent}, which is not there",
                    hint="List the parent before it under sites.",
                )
            parent = above.id
        position = _position(item)
        site = Site(new_id(), item.slug, name, parent, item.home_store, copies=item.copies, position=position)
        await catalogue.sites.put(site)


def _position(item: SiteSettings) -> Position | None:
    try:
        return position_of(item.longitude, item.latitude)
    except InputError as error:
        words = f"site {item.slug}: {error.message.removesuffix('.')}"
        raise SettingsError(words, hint="Correct it under sites.") from None


async def ensure_cameras(
    catalogue: Catalogue, wanted: Sequence[CameraSettings], clock: Clock, policy: AddressPolicy
) -> int:
    """Add the cameras that were never there, by slug; returns how many were added. One that somebody removed stays
    removed, also while the settings go on naming it."""
    ever = await catalogue.cameras.list(include_deleted=True)
    taken = {camera.slug for camera in ever if camera.deleted_ns is None}
    removed = {camera.slug for camera in ever} - taken
    added = 0
    for item in wanted:
        slug = _slug_of(item)
        if slug in removed:
            log.info("a camera of the settings was removed before and is left out", camera=slug)
        elif slug not in taken:
            taken.add((await add_camera(catalogue, item, clock, policy)).slug)
            added += 1
    return added


async def add_camera(catalogue: Catalogue, item: CameraSettings, clock: Clock, policy: AddressPolicy) -> Camera:
    """Register one camera under a slug that is free."""
    taken = {camera.slug for camera in await catalogue.cameras.list()}
    free = item.model_copy(update={"slug": free_slug(_slug_of(item), taken)})
    camera = await new_camera(catalogue, free, clock, policy)
    return await catalogue.cameras.add(camera)


def camera_settings(site: str, name: str, main: str, sub: str | None, username: str, password: str) -> CameraSettings:
    """A camera as typed on a command line; SettingsError where it cannot be."""
    try:
        return CameraSettings(site=site, name=name, main=main, sub=sub, username=username, password=SecretStr(password))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
        raise SettingsError(said, hint="See vms camera add --help.") from None


def _slug_of(item: CameraSettings) -> str:
    return item.slug or slugify(f"{item.site}-{item.name}")


async def new_camera(catalogue: Catalogue, item: CameraSettings, clock: Clock, policy: AddressPolicy) -> Camera:
    """The Camera that the settings describe, registered now, by the rules of the form on the page: user and password
    are taken out of its URLs. SettingsError, which names it, where its site is not there or a rule is broken."""
    site = await catalogue.sites.by_slug(item.site)
    if site is None:
        raise SettingsError(
            f"camera {item.name!r} names the site {item.site!r}, which is not there", hint="Add it under sites first."
        )
    camera, slug = new_id(), _slug_of(item)
    try:
        form = CameraIn.model_validate(_form(item, site) | {"slug": slug})
        # Names are looked up by who connects: a start must not wait for DNS.
        feeds = await camera_edit.feeds_of(camera, form.streams, policy, look_up=False)
        onvif = await camera_edit.onvif_of(form.onvif, policy, look_up=False)
        return camera_edit.new_camera(camera, form, feeds, slug, clock.now_ns(), onvif)
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"camera {item.name!r}: {_key_of(first['loc'])} {said}", hint="Correct it.") from None
    except InputError as error:
        where = f"{_key_of(error.field.split('.'))}: " if error.field else ""
        message = error.message.removesuffix(".")
        raise SettingsError(f"camera {item.name!r}: {where}{message}", hint=error.hint or "Correct it.") from None


def _form(item: CameraSettings, site: Site) -> dict[str, Any]:
    streams: list[dict[str, Any]] = [{"name": StreamName.MAIN, "url": item.main, "record": RecordMode.CONTINUOUS}]
    if item.sub:
        mode = RecordMode.CONTINUOUS if item.record_sub else RecordMode.OFF
        streams.append({"name": StreamName.SUB, "url": item.sub, "record": mode})
    same = item.model_dump(
        include={
            "name",
            "username",
            "password",
            "transport",
            "audio",
            "retention_days",
            "analysis",
            "priority",
            "onvif",
            "longitude",
            "latitude",
        }
    )
    same |= item.model_dump(mode="json", include={"areas", "masks"})
    return same | {"site": site.id, "streams": streams}


def _key_of(location: Sequence[str | int]) -> str:
    """The key of the settings that a field of the form is made from."""
    parts = [str(part) for part in location]
    return {"0": "main", "1": "sub"}.get(parts[1], parts[0]) if len(parts) > 1 else parts[0]


async def first_admin(
    catalogue: Catalogue, given: str | None, hash_password: Callable[[str], str]
) -> FirstAdmin | None:
    """Make the admin where nobody has an account yet; None where somebody has. SettingsError: the given password may
    not be chosen."""
    if await catalogue.people.count():
        return None
    if given is not None:
        try:
            check_new_password(given, ADMIN)
        except ValueError as error:
            raise SettingsError(f"the admin's password {error}", hint="Set another VMS_ADMIN_PASSWORD.") from None
    password = generated_password() if given is None else given
    await catalogue.people.put(
        Person(new_id(), ADMIN, "Admin", hash_password(password), must_change=given is None, grants=EVERYTHING.grants)
    )
    return FirstAdmin(ADMIN, password if given is None else None)


async def set_password(
    catalogue: Catalogue, username: str, password: str, hash_password: Callable[[str], str], *, must_change: bool
) -> bool:
    """Give an account another password and end its sessions; False where there is no such account. InputError: it may
    not be chosen."""
    person = await catalogue.people.by_username(username)
    if person is None:
        return False
    try:
        check_new_password(password, username)
    except ValueError as error:
        raise InputError(f"the password {error}", hint="Choose another.", field="password") from None
    changed = replace(person, password_hash=hash_password(password), must_change=must_change, rev=person.rev + 1)
    await catalogue.people.put(changed)
    await catalogue.sessions.delete_of(person.id)
    return True
