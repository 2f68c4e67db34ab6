"""Alarms: what waits for somebody, what was, as a list and as a table; raised by hand, acknowledged by one for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from vms.domain.alarm import BY_HAND, Alarm, AlarmState, acknowledge
from vms.domain.ids import is_id, new_id
from vms.domain.rights import SEEING, Right
from vms.errors import ConflictError, InputError, IntervalError, NotFoundError
from vms.store.alarms import Place, Told, WantedAlarms
from web.alarm_table import as_csv
from web.api.errors import CHANGES, problems
from web.api.events import described, sites_below
from web.deps import EyesOf, PartsOf, Who
from web.paging import decode_cursor, encode_cursor
from web.parts import Parts
from web.ranges import content_disposition
from web.schemas import NamedOut, SiteRef
from web.schemas_alarms import (
    AcknowledgedOut,
    AcknowledgementIn,
    AcknowledgementOut,
    AcknowledgementsIn,
    AlarmIn,
    AlarmOut,
    AlarmsOut,
    RaisedOut,
)
from web.security.authority import Eyes
from web.times import format_time, parse_time

router = APIRouter(prefix="/api/alarms", tags=["alarms"])

CHANGED = "alarm.changed"
_LIMIT_MAX = 200
LOG_MAX = 10_000
Ident = Annotated[str | None, Query(max_length=16)]
When = Annotated[str | None, Query(max_length=64)]


async def asked(
    eyes: EyesOf,
    parts: PartsOf,
    state: Annotated[list[AlarmState] | None, Query(max_length=3, description="In one of these states.")] = None,
    priority: Annotated[list[int] | None, Query(max_length=3, description="Of these priorities, 1 to 3.")] = None,
    from_: Annotated[When, Query(alias="from", description="Raised from this time on.")] = None,
    to: Annotated[When, Query(description="Raised before this time.")] = None,
    site: Annotated[Ident, Query(description="Of this site (id) and those below it.")] = None,
    camera: Annotated[Ident, Query(description="Of this camera (id), also a removed one.")] = None,
    rule: Annotated[Ident, Query(description="Of this rule (id), also one that is gone.")] = None,
    q: Annotated[
        str | None, Query(max_length=100, description="In notes and in names of rules, cameras, sites and people.")
    ] = None,
) -> WantedAlarms:
    """Which alarms are asked for. InputError, IntervalError."""
    for name, ident in (("camera", camera), ("rule", rule)):
        if ident is not None and not is_id(ident):
            raise InputError(f"There is no such {name}.", field=name, reason=f"{name}_gone")
    from_ns = None if from_ is None else parse_time(from_, "from")
    to_ns = None if to is None else parse_time(to, "to")
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise IntervalError("to is not after from", field="to")
    return WantedAlarms(
        from_ns=from_ns,
        to_ns=to_ns,
        states=state or None,
        priorities=priority or None,
        sites=await sites_below(parts, site),
        camera=camera,
        rule=rule,
        told=await _told(parts, q),
        scope=await parts.authority.scope(eyes),
    )


Asked = Annotated[WantedAlarms, Depends(asked)]


@router.get("", operation_id="listAlarms", responses=problems())
async def list_alarms(
    wanted: Asked,
    parts: PartsOf,
    order: Annotated[
        Literal["newest", "pressing"],
        Query(
            description="`pressing`: the most pressing, of those the one that waits longest; there is one page then."
        ),
    ] = "newest",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = 50,
) -> AlarmsOut:
    """Alarms, newest first; `raised` counts those that nobody has acknowledged."""
    place, following = _place(cursor), None
    if order == "pressing":
        shown = await parts.catalogue.alarms.pressing(wanted, limit)
    else:
        found = await parts.catalogue.alarms.find(wanted, limit + 1, place)
        shown = found[:limit]
        following = encode_cursor((str(shown[-1].raised_ns), shown[-1].id)) if len(found) > limit else None
    counts = await parts.catalogue.alarms.count_raised(wanted.scope)
    raised = RaisedOut(p1=counts.get(1, 0), p2=counts.get(2, 0), p3=counts.get(3, 0))
    return AlarmsOut(items=await _out(parts, shown), next=following, raised=raised)


@router.get(
    ".csv",
    operation_id="getAlarmsCsv",
    response_class=Response,
    responses=problems() | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV."}},
)
async def get_alarms_csv(
    wanted: Asked,
    who: Who,
    parts: PartsOf,
    language: Annotated[Literal["en", "id"], Query(description="Of the column heads.")] = "id",
) -> Response:
    """The same as a table for a spreadsheet, the newest 10,000; times in WIB."""
    found = await parts.catalogue.alarms.find(wanted, LOG_MAX)
    alarms = [one for at in range(0, len(found), _LIMIT_MAX) for one in await _out(parts, found[at : at + _LIMIT_MAX])]
    await parts.audit.add(who.person.id, "alarm.export", "", count=len(alarms))
    return Response(
        await asyncio.to_thread(as_csv, alarms, language),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition("alarms.csv")},
    )


@router.post("", operation_id="raiseAlarm", status_code=201, responses=problems(*CHANGES))
async def raise_alarm(body: AlarmIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> AlarmOut:
    """Raise one by hand: every operator sees and hears it."""
    camera = await parts.catalogue.cameras.get(body.camera)
    if camera is None or camera.deleted_ns is not None or not eyes.sees(camera):
        raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    eyes.need(Right.OPERATE, camera.site)
    now_ns = parts.clock.now_ns()
    alarm = Alarm(
        id=new_id(),
        kind=BY_HAND,
        priority=body.priority,
        raised_ns=now_ns,
        again_ns=now_ns,
        subject=camera.id,
        site=camera.site,
        camera=camera.id,
        raised_by=who.person.id,
        note=body.note,
    )
    await parts.catalogue.alarms.add(alarm)
    parts.bus.publish(CHANGED, {"ids": [alarm.id]})
    await parts.audit.add(who.person.id, "alarm.raise", alarm.id, camera=camera.id, priority=alarm.priority)
    response.headers["Location"] = f"/api/alarms/{alarm.id}"
    return (await _out(parts, [alarm]))[0]


@router.get("/{alarm_id}", operation_id="getAlarm", responses=problems(404))
async def get_alarm(alarm_id: str, eyes: EyesOf, parts: PartsOf) -> AlarmOut:
    """One alarm."""
    return (await _out(parts, [await _seen(alarm_id, eyes, parts)]))[0]


async def _seen(alarm_id: str, eyes: Eyes, parts: Parts) -> Alarm:
    """NotFoundError where there is none, or none that they may see: of a camera they do not see, or of a place."""
    alarm = await parts.catalogue.alarms.get(alarm_id) if is_id(alarm_id) else None
    if alarm is not None and alarm.camera is not None:
        camera = await parts.catalogue.cameras.get(alarm.camera)
        is_seen = camera is not None and eyes.sees(camera)
    else:
        is_seen = alarm is not None and any(eyes.at(right, alarm.site) for right in SEEING)
    if alarm is None or not is_seen:
        raise NotFoundError("There is no such alarm.", reason="alarm_gone")
    return alarm


@router.post("/{alarm_id}/acknowledgement", operation_id="acknowledgeAlarm", responses=problems(*CHANGES, 404, 409))
async def acknowledge_alarm(alarm_id: str, body: AcknowledgementIn, who: Who, eyes: EyesOf, parts: PartsOf) -> AlarmOut:
    """Take it on: it is silent for everyone. 409 where somebody else was first; saying it twice changes nothing."""
    eyes.need(Right.OPERATE, (await _seen(alarm_id, eyes, parts)).site)
    take = partial(acknowledge, person=who.person.id, at_ns=parts.clock.now_ns(), note=body.note)
    alarm = await parts.catalogue.alarms.change(alarm_id, take)
    parts.bus.publish(CHANGED, {"ids": [alarm.id]})
    await parts.audit.add(who.person.id, "alarm.acknowledge", alarm.id, camera=alarm.camera, kind=alarm.kind)
    return (await _out(parts, [alarm]))[0]


@router.post("/acknowledgements", operation_id="acknowledgeAlarms", responses=problems(*CHANGES, 404))
async def acknowledge_alarms(body: AcknowledgementsIn, who: Who, eyes: EyesOf, parts: PartsOf) -> AcknowledgedOut:
    """Take on several that have one cause. What somebody else has taken on stays theirs; where one is not there, or not
    theirs to take on, none is."""
    wanted = [await _seen(alarm_id, eyes, parts) for alarm_id in dict.fromkeys(body.alarms)]
    for alarm in wanted:
        eyes.need(Right.OPERATE, alarm.site)
    take = partial(acknowledge, person=who.person.id, at_ns=parts.clock.now_ns(), note=body.note)
    taken: list[str] = []
    try:
        for alarm in wanted:
            with suppress(ConflictError):
                await parts.catalogue.alarms.change(alarm.id, take)
                taken.append(alarm.id)
                await parts.audit.add(
                    who.person.id, "alarm.acknowledge", alarm.id, camera=alarm.camera, kind=alarm.kind
                )
    finally:  # whatever became of the others
        if taken:
            parts.bus.publish(CHANGED, {"ids": taken[:100]})
    return AcknowledgedOut(taken=len(taken), others=len(wanted) - len(taken))


async def _told(parts: Parts, text: str | None) -> Told | None:
    """A text with the ids of what has it in its name."""
    if text is None or not text.strip():
        return None
    asked = text.strip().casefold()
    cameras = await parts.catalogue.cameras.list(include_deleted=True)
    sites = await parts.catalogue.sites.list()
    people = await parts.catalogue.people.list()
    return Told(
        text.strip(),
        cameras=[one.id for one in cameras if asked in one.name.casefold()],
        sites=[one.id for one in sites if asked in one.name.casefold()],
        people=[one.id for one in people if asked in one.name.casefold()],
    )


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, alarm_id = decode_cursor(cursor, 2)
    if not (at.isascii() and at.isdigit() and len(at) < 20 and is_id(alarm_id)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(at), alarm_id


async def _out(parts: Parts, alarms: Sequence[Alarm]) -> list[AlarmOut]:
    catalogue = parts.catalogue
    sites = {site.id: SiteRef(id=site.id, slug=site.slug, name=site.name) for site in await catalogue.sites.list()}
    names = {camera.id: camera.name for camera in await catalogue.cameras.list(include_deleted=True)}
    names |= {node.id: node.name for node in await catalogue.nodes.list()}
    names |= {person.id: person.name for person in await catalogue.people.list()}
    found = await catalogue.events.by_ids({alarm.event for alarm in alarms if alarm.event is not None})
    events = {event.id: event for event in await described(parts, found)}

    def named(ident: str | None) -> NamedOut | None:
        return None if ident is None else NamedOut(id=ident, name=names.get(ident))

    return [
        AlarmOut.model_validate(
            {
                "id": alarm.id,
                "kind": alarm.kind,
                "priority": alarm.priority,
                "state": alarm.state,
                "raised": format_time(alarm.raised_ns),
                "again": format_time(alarm.again_ns),
                "times": alarm.times,
                "over": None if alarm.over_ns is None else format_time(alarm.over_ns),
                "rule": None if alarm.rule is None else NamedOut(id=alarm.rule, name=alarm.rule_name),
                "event": events.get(alarm.event or ""),
                "site": sites.get(alarm.site or ""),
                "camera": named(alarm.camera),
                "node": named(alarm.node),
                "raised_by": named(alarm.raised_by),
                "note": alarm.note,
                "sound": alarm.sound,
                "alarm_tile": alarm.alarm_tile,
                "late": alarm.late,
                "displays": list(alarm.displays),
                "acknowledgement": _acknowledgement(alarm, named(alarm.acknowledged_by)),
            }
        )
        for alarm in alarms
    ]


def _acknowledgement(alarm: Alarm, by: NamedOut | None) -> AcknowledgementOut | None:
    if by is None or alarm.acknowledged_ns is None:
        return None
    return AcknowledgementOut(by=by, at=format_time(alarm.acknowledged_ns), note=alarm.acknowledged_note)
