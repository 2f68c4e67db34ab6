"""Cameras by file: import with a dry run, taking it back, export. What a line does is decided in web/sheet/."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from vms.domain.camera import Site
from vms.domain.ids import is_id
from vms.domain.rights import Right
from vms.errors import InputError
from web.api.errors import CHANGES, problems
from web.deps import EyesOf, PartsOf, Who
from web.problem import HttpError
from web.schemas_sheet import SheetFaultOut, SheetLineOut, SheetOut, SheetSiteOut, SheetUndoneOut
from web.security.limits import SHEET_TYPES
from web.sheet.carry_out import carry_out, take_back, write_down
from web.sheet.csv_rows import read_csv
from web.sheet.plan import Desk, Fate, Judged, Plan, plan
from web.sheet.rows import Row
from web.sheet.write import write_csv, write_yaml
from web.sheet.yaml_rows import read_cameras
from web.text import TextError, clean_name
from web.times import format_time

router = APIRouter(prefix="/api/cameras", tags=["cameras"])

_READERS: Mapping[str, Callable[[bytes], list[Row]]] = {"text/csv": read_csv, "application/yaml": read_cameras}
_TEXT = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"text/csv": _TEXT, "application/yaml": _TEXT}}}
_Yes = Annotated[bool, Query()]


@router.post("/import", operation_id="importCameras", openapi_extra=_BODY, responses=problems(*CHANGES, 409))
async def import_cameras(
    request: Request,
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    dry_run: _Yes = False,
    whole: _Yes = False,
    make_sites: _Yes = False,
) -> SheetOut:
    """Register and change cameras by a file, CSV or YAML, one a line. `dry_run`: only say what would become of each;
    `whole`: do nothing where one line is refused, else the others are carried out; `make_sites`: make the sites that
    are named and not there. A file that cannot be read at all is a 422; lines that cannot are `refused`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in SHEET_TYPES:
        raise HttpError(415, "media_type", "The body must be text/csv or application/yaml.")
    rows = await asyncio.to_thread(_READERS[media_type], await request.body())
    desk = Desk(parts.catalogue, eyes, parts.policy, parts.clock, make_sites=make_sites)
    async with parts.sheets.one_at_a_time:
        found = await plan(rows, desk)
        if dry_run or not found.changes or (whole and found.counts[Fate.REFUSED]):
            return _out(found, {}, undo=None, applied=not dry_run and not found.changes)
        done = await carry_out(found, parts.catalogue)
    parts.bus.publish("cameras.changed", {"camera": done.cameras[0].id})  # who hears it reads all of them
    counts = {fate.value: found.counts[fate] for fate in Fate}
    await write_down(parts.catalogue, who.person.id, "camera.import", done.cameras, **counts)
    undo = parts.sheets.keep(who.person.id, done)
    return _out(found, {one.row.line: one for one in done.judged}, undo=undo, applied=True)


def _out(found: Plan, done: Mapping[int, Judged], *, undo: str | None, applied: bool) -> SheetOut:
    names = {site.id: site.name for site in found.sites}
    return SheetOut(
        applied=applied,
        new=found.counts[Fate.NEW],
        changed=found.counts[Fate.CHANGED],
        unchanged=found.counts[Fate.UNCHANGED],
        refused=found.counts[Fate.REFUSED],
        sites=[SheetSiteOut(slug=one.slug, name=one.name, parent=_parent(one, names)) for one in found.sites],
        lines=[_line(one, is_done=one.row.line in done) for one in found.judged],
        undo=undo,
    )


def _parent(site: Site, names: Mapping[str, str]) -> str | None:
    return None if site.parent is None else names.get(site.parent, "")


def _line(one: Judged, *, is_done: bool) -> SheetLineOut:
    camera = one.camera
    registered = camera is not None and (is_done or one.before is not None)
    return SheetLineOut(
        line=one.row.line,
        fate=one.fate,
        site=one.site.name if one.site is not None else _shown(one.row.text("site")),
        name=camera.name if camera is not None else _shown(one.row.text("name")),
        slug=camera.slug if camera is not None else "",
        camera=camera.id if camera is not None and registered else None,
        fields=list(one.fields),
        faults=[
            SheetFaultOut(
                column=fault.column, line=fault.line, place=fault.place, message=fault.message, reason=fault.reason,
                params=dict(fault.params),
            )
            for fault in one.faults
        ],
    )  # fmt: skip


def _shown(text: str) -> str:
    """A name that nobody has accepted yet, where it can be shown."""
    try:
        return clean_name(text)
    except TextError:
        return ""


@router.post("/import/{undo}/undo", operation_id="undoImport", responses=problems(*CHANGES, 404, 409))
async def undo_import(undo: str, who: Who, parts: PartsOf) -> SheetUndoneOut:
    """Take an import back: remove what it registered, put back what it changed. What somebody has changed since stays,
    and so do sites. Once, within ten minutes, by who imported."""
    async with parts.sheets.one_at_a_time:
        done = parts.sheets.take(who.person.id, undo)
        back, kept = await take_back(done, parts.catalogue, parts.clock.now_ns())
    if back:
        parts.bus.publish("cameras.changed", {"camera": back[0].id})
    await write_down(parts.catalogue, who.person.id, "camera.import_undo", back)
    return SheetUndoneOut(undone=len(back), kept=kept)


@router.get(
    "/export",
    operation_id="exportCameras",
    response_class=Response,
    responses=problems()
    | {200: {"content": {"text/csv": _TEXT, "application/yaml": _TEXT}, "description": "The file."}},
)
async def export_cameras(
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    form: Annotated[Literal["csv", "yaml"], Query(alias="format")] = "csv",
    site: Annotated[str | None, Query(max_length=16, description="Only cameras of this site (id).")] = None,
) -> Response:
    """The cameras that you administer as a file that `importCameras` reads; never a password."""
    if site is not None and (not is_id(site) or await parts.catalogue.sites.get(site) is None):
        raise InputError("There is no such site.", field="site", reason="site_gone")
    sites = {one.id: one for one in await parts.catalogue.sites.list()}
    cameras = [one for one in await parts.catalogue.cameras.list(site) if eyes.camera(Right.ADMIN, one)]
    data = await asyncio.to_thread(write_csv if form == "csv" else write_yaml, cameras, sites)
    await parts.audit.add(who.person.id, "camera.export", site or "-", cameras=len(cameras))
    day = format_time(parts.clock.now_ns())[:10]
    headers = {"Content-Disposition": f'attachment; filename="cameras-{day}.{form}"', "Cache-Control": "no-store"}
    media_type = "text/csv; charset=utf-8" if form == "csv" else "application/yaml"
    return Response(data, media_type=media_type, headers=headers)
