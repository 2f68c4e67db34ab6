"""What happened: events that go on and those that are over, newest first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query

from vms.domain.event import Event
from vms.domain.ids import is_id
from vms.errors import InputError, IntervalError
from vms.logs import redact
from vms.store.events import Place, Wanted
from vms.sync.places import Places
from web.api.errors import problems
from web.deps import EyesOf, PartsOf
from web.paging import decode_cursor, encode_cursor
from web.parts import Parts
from web.schemas import EventOut, EventsOut, NamedOut, OpenOut, SiteRef
from web.times import format_time, parse_time

router = APIRouter(prefix="/api/events", tags=["events"])

_LIMIT_MAX = 200
_KINDS_MAX = 20
Text = Annotated[str | None, Query(max_length=64)]


@router.get("", operation_id="listEvents", responses=problems())
async def list_events(
    eyes: EyesOf,
    parts: PartsOf,
    from_: Annotated[str | None, Query(alias="from", max_length=64, description="Not over before this time.")] = None,
    to: Annotated[str | None, Query(max_length=64, description="Begun before this time.")] = None,
    site: Annotated[str | None, Query(max_length=16, description="Of this site (id) and those below it.")] = None,
    camera: Annotated[str | None, Query(max_length=16, description="Of this camera (id).")] = None,
    kind: Annotated[list[str] | None, Query(max_length=_KINDS_MAX, description="Of these kinds.")] = None,
    without: Annotated[list[str] | None, Query(max_length=_KINDS_MAX, description="Not of these kinds.")] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Only those that go on, or are over.")] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = 50,
) -> EventsOut:
    """Events by their start, newest first; `open` counts those that go on."""
    sites = await sites_below(parts, site)
    if camera is not None and not is_id(camera):
        raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    scope = await parts.authority.scope(eyes)
    wanted = Wanted(_time(from_, "from"), _time(to, "to"), sites, camera, kind or None, is_open, without or None, scope)
    if wanted.from_ns is not None and wanted.to_ns is not None and wanted.to_ns <= wanted.from_ns:
        raise IntervalError("to is not after from", field="to")
    found = await parts.catalogue.events.find(wanted, limit + 1, _place(cursor))
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = encode_cursor((str(shown[-1].start_ns), shown[-1].id))
    counts = await parts.catalogue.events.count_open(sites, scope)
    return EventsOut(
        items=await described(parts, shown),
        next=following,
        open=OpenOut.model_validate(dict.fromkeys(OpenOut.model_fields, 0) | {k.value: n for k, n in counts.items()}),
    )


async def sites_below(parts: Parts, site: str | None) -> Collection[str] | None:
    """Ids of a Site that was asked for and of those below it; None: none was. InputError where it is not there."""
    if site is None:
        return None
    known = await parts.catalogue.sites.list()
    if all(one.id != site for one in known):
        raise InputError("There is no such site.", field="site", reason="site_gone")
    return sorted(Places(known).below(site))


def _time(text: str | None, field: str) -> int | None:
    return None if text is None else parse_time(text, field)


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    start, event_id = decode_cursor(cursor, 2)
    if not (start.isascii() and start.isdigit() and len(start) < 20 and is_id(event_id)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(start), event_id


async def described(parts: Parts, events: list[Event]) -> list[EventOut]:
    """With names and words, and without anything secret."""
    sites = {site.id: site for site in await parts.catalogue.sites.list()}
    cameras = {camera.id: camera.name for camera in await parts.catalogue.cameras.list(include_deleted=True)}
    nodes = {node.id: node.name for node in await parts.catalogue.nodes.list()}
    shown = []
    for event in events:
        site = sites.get(event.site or "")
        shown.append(
            EventOut(
                id=event.id,
                kind=event.kind,
                severity=event.severity.value,
                start=format_time(event.start_ns),
                end=None if event.end_ns is None else format_time(event.end_ns),
                site=None if site is None else SiteRef(id=site.id, slug=site.slug, name=site.name),
                camera=_named(event.camera, cameras),
                stream=event.stream,
                node=_named(event.node, nodes),
                params={
                    name: redact(value) if isinstance(value, str) else value for name, value in event.params.items()
                },
            )
        )
    return shown


def _named(ident: str | None, names: dict[str, str]) -> NamedOut | None:
    return None if ident is None else NamedOut(id=ident, name=names.get(ident))
