"""What a first start puts into the catalogue: sites and cameras of the settings, and the first admin. Idempotent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import SecretStr, ValidationError

from vms.clock import Clock
from vms.domain.camera import Camera, RecordMode, Site, Stream, StreamName, StreamRef
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.slug import free_slug, slugify
from vms.errors import InputError, SettingsError
from vms.settings import CameraSettings, SiteSettings
from vms.store import Catalogue

ADMIN = "admin"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generated_password() -> str:
    """A password a person can read out: four groups of four characters without look-alikes, 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


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
        parent = None
        if item.parent is not None:
            above = await catalogue.sites.by_slug(item.parent)
            if above is None:
                raise SettingsError(
                    f"site {item.slug} names the parent {item.parent}, which is not there",
                    hint="List the parent before it under sites.",
                )
            parent = above.id
        await catalogue.sites.put(Site(new_id(), item.slug, item.name, parent))


async def ensure_cameras(catalogue: Catalogue, wanted: Sequence[CameraSettings], clock: Clock) -> int:
    """Add the cameras that are missing, by slug; returns how many were added."""
    taken = {camera.slug for camera in await catalogue.cameras.list()}
    added = 0
    for item in wanted:
        if _slug_of(item) not in taken:
            taken.add((await add_camera(catalogue, item, clock)).slug)
            added += 1
    return added


async def add_camera(catalogue: Catalogue, item: CameraSettings, clock: Clock) -> Camera:
    """Register one camera under a slug that is free."""
    taken = {camera.slug for camera in await catalogue.cameras.list()}
    camera = await new_camera(catalogue, item.model_copy(update={"slug": free_slug(_slug_of(item), taken)}), clock)
    await catalogue.cameras.add(camera)
    return camera


def camera_settings(site: str, name: str, main: str, sub: str | None, username: str, password: str) -> CameraSettings:
    """A camera as typed on a command line; InputError where it cannot be."""
    try:
        return CameraSettings(site=site, name=name, main=main, sub=sub, username=username, password=SecretStr(password))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
        raise InputError(said) from None


def _slug_of(item: CameraSettings) -> str:
    return item.slug or slugify(f"{item.site}-{item.name}")


async def new_camera(catalogue: Catalogue, item: CameraSettings, clock: Clock) -> Camera:
    """The Camera that the settings describe, registered now. SettingsError where its site is not there."""
    site = await catalogue.sites.by_slug(item.site)
    if site is None:
        raise SettingsError(
            f"camera {item.name} names the site {item.site}, which is not there", hint="Add it under sites first."
        )
    camera = new_id()
    streams = [Stream(StreamRef(camera, StreamName.MAIN), item.main, RecordMode.CONTINUOUS)]
    if item.sub:
        mode = RecordMode.CONTINUOUS if item.record_sub else RecordMode.OFF
        streams.append(Stream(StreamRef(camera, StreamName.SUB), item.sub, mode))
    return Camera(
        id=camera,
        site=site.id,
        slug=_slug_of(item),
        name=item.name,
        streams=tuple(streams),
        username=item.username,
        password=item.password.get_secret_value(),
        audio=item.audio,
        transport=item.transport,
        retention_days=item.retention_days,
        registered_ns=clock.now_ns(),
    )


async def first_admin(
    catalogue: Catalogue, given: str | None, hash_password: Callable[[str], str]
) -> FirstAdmin | None:
    """Make the admin where nobody has an account yet; None where somebody has."""
    if await catalogue.people.count():
        return None
    password = given or generated_password()
    await catalogue.people.put(Person(new_id(), ADMIN, "Admin", hash_password(password), must_change=given is None))
    return FirstAdmin(ADMIN, None if given else password)


async def set_password(
    catalogue: Catalogue, username: str, password: str, hash_password: Callable[[str], str], *, must_change: bool
) -> bool:
    """Give an account another password and end its sessions; False where there is no such account."""
    person = await catalogue.people.by_username(username)
    if person is None:
        return False
    changed = replace(person, password_hash=hash_password(password), must_change=must_change, rev=person.rev + 1)
    await catalogue.people.put(changed)
    await catalogue.sessions.delete_of(person.id)
    return True
