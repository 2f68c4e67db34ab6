"""A row as the form of a camera: by the rules of the form on the page (web/camera_edit.py), so that nothing gets in by
a file that the page would refuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from vms.domain.camera import Camera, RecordMode, Site, StreamName
from vms.domain.camera_url import AddressPolicy
from vms.domain.ids import new_id
from vms.domain.slug import free_slug
from vms.errors import InputError
from web.camera_edit import changed_camera, changes, feeds_of, new_camera, onvif_of, wanted_slug
from web.schemas import CameraIn, CameraPatch
from web.sheet.rows import Row

_SAME = ("name", "transport", "enabled", "audio", "retention_days", "analysis", "priority", "latitude", "longitude")
"""Columns that are fields of the form."""
_EMPTY = {"username": "", "onvif": ""}
"""What an empty cell of them means; of others: as if it were not given, but for days and position, which it clears."""
_CLEARS = frozenset({"retention_days", "latitude", "longitude"})


def _values(said: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: said[name] for name in _SAME if name in said and (said[name] is not None or name in _CLEARS)}
    values |= {name: said[name] or empty for name, empty in _EMPTY.items() if name in said}
    if said.get("password"):
        values["password"] = said["password"]
    return values


async def made_by(
    row: Row, said: Mapping[str, Any], site: Site, taken: Collection[str], policy: AddressPolicy, now_ns: int
) -> Camera:
    """The camera that a row registers. InputError, ValidationError."""
    streams = [{"name": StreamName.MAIN, "url": _wanted(row, "main"), "record": said.get("record_main")}]
    if said.get("sub"):
        streams.append({"name": StreamName.SUB, "url": said["sub"], "record": said.get("record_sub")})
    values = _values(said) | {"name": _wanted(row, "name"), "site": site.id, "streams": streams}
    form = CameraIn.model_validate(values | ({"slug": said["slug"]} if said.get("slug") else {}))
    camera = new_id()
    feeds = await feeds_of(camera, form.streams, policy, look_up=False)
    onvif = await onvif_of(form.onvif, policy, look_up=False)
    slug = wanted_slug(form.slug, form.name, site)
    if form.slug is None:
        slug = free_slug(slug, taken)
    return new_camera(camera, form, feeds, slug, now_ns, onvif)


async def changed_by(
    row: Row, said: Mapping[str, Any], before: Camera, site: Site, policy: AddressPolicy
) -> tuple[Camera, list[str]]:
    """The camera after a row, and what of it changes. InputError, ValidationError."""
    values = _values(said) | {"rev": before.rev}
    if site.id != before.site:
        values["site"] = site.id
    streams = _streams(row, said, before)
    if streams is not None:
        values["streams"] = streams
    form = CameraPatch.model_validate(values)
    feeds = None if form.streams is None else await feeds_of(before.id, form.streams, policy, look_up=False)
    onvif = None if form.onvif is None else await onvif_of(form.onvif, policy, look_up=False)
    after = changed_camera(before, form, feeds, onvif)
    return after, changes(before, after)


def _streams(row: Row, said: Mapping[str, Any], before: Camera) -> list[dict[str, Any]] | None:
    """The streams as the row has them, the others as they are; None where it says nothing of them."""
    if not {"main", "sub", "record_main", "record_sub"} & set(said):
        return None
    given: list[dict[str, Any]] = []
    for name in StreamName:
        old = before.stream(name)
        url = said.get(name.value) if name.value in said else None if old is None else old.url
        if name is StreamName.MAIN and name.value in said:
            url = _wanted(row, "main")
        if url is None:
            continue
        record: RecordMode | None = said.get(f"record_{name}")
        given.append({"name": name, "url": url, "record": record or (None if old is None else old.record)})
    return given


def _wanted(row: Row, column: str) -> str:
    text = row.text(column)
    if not text:
        raise InputError(f"{column} is not given", field=column, reason="sheet_missing", params={"column": column})
    return text
