"""Search: motion in a part of the picture over hours of change grids, and moments by what is told of them.

Every search is in the audit log. Footage is not read; what has no change grids yet is said, and can be filled in by a
Job (web/api/fills.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, WithJsonSchema

from vms.domain.area import polygon_of
from vms.domain.camera import Camera
from vms.domain.event import Severity
from vms.domain.event_words import kinds_called
from vms.domain.ids import is_id
from vms.domain.interval import Interval
from vms.domain.motion import MotionWanted
from vms.domain.rights import Right
from vms.domain.schedule import DAY_MIN, Schedule
from vms.errors import InputError, IntervalError
from vms.logs import redact
from vms.store.search import Moment, Place, Source, Term, WantedMoments
from vms.sync.places import Places
from web.api.errors import CHANGES, problems
from web.api.events import sites_below
from web.deps import EyesOf, PartsOf, Who
from web.motion_search import MotionSearch, days
from web.paging import decode_cursor, encode_cursor
from web.parts import Parts
from web.schemas import NamedOut, SiteRef
from web.schemas_search import MomentOut, MomentsOut, MotionSearchIn
from web.security.authority import Eyes
from web.security.sessions import Principal
from web.streaming import BlocksResponse
from web.text import clean_text
from web.times import HOUR_NS, format_time, parse_interval, parse_time

router = APIRouter(prefix="/api/search", tags=["search"])

LONGEST_NS = 31 * 24 * HOUR_NS
WINDOWS_MAX = 1_000
TERMS_MAX = 8
_WORDS_MAX = 200
_LIMIT_MAX = 200
_MANY = 64
_NDJSON = "application/x-ndjson"
_ALL_DAYS = list(range(7))


def _clean(text: str) -> str:
    return clean_text(text, limit=_WORDS_MAX)


Words = Annotated[str, AfterValidator(_clean), WithJsonSchema({"type": "string", "maxLength": _WORDS_MAX})]


@router.post(
    "/motion",
    operation_id="searchMotion",
    response_class=Response,
    responses=problems(*CHANGES, 404)
    | {200: {"content": {_NDJSON: {"schema": {"type": "string"}}}, "description": "A JSON object a line."}},
)
async def search_motion(body: MotionSearchIn, who: Who, eyes: EyesOf, parts: PartsOf) -> Response:
    """Motion in a part of the picture, over 31 days at most. Lines come as they are found: for each camera and window
    `camera, from, to, hits, missing, away, cut, searched, of`; the last is `end, hits, cut`."""
    cameras = await cameras_to_replay(parts, eyes, body.cameras)
    interval = parse_interval(body.from_, body.to, longest_ns=LONGEST_NS)
    schedule = Schedule() if body.schedule is None else body.schedule.schedule()
    windows = days(schedule.windows(_until_now(parts, interval)))
    if len(windows) * len(cameras) > WINDOWS_MAX:
        raise IntervalError("that is too much for one search", hint="Ask for fewer cameras or days.", field="to")
    polygons = tuple(polygon_of(points, f"polygons.{i}") for i, points in enumerate(body.polygons))
    wanted = MotionWanted(polygons, float(body.threshold), body.least_s * 1000)
    stack, cut = ExitStack(), asyncio.Event()
    stack.enter_context(parts.searches.held(who.person.id))
    try:
        await _write_down(
            parts, who, "search.motion", cameras, interval,
            polygons=[[list(point) for point in polygon] for polygon in polygons], threshold=float(body.threshold),
        )  # fmt: skip
    except BaseException:
        stack.close()
        raise
    stack.enter_context(parts.bonds.tied(who.session.token_sha256, cut.set))
    named = [camera.id for camera in cameras]
    stack.enter_context(parts.permits.held(who.person.id, Right.REPLAY, named, cut.set))
    lines = MotionSearch(parts, cameras, windows, wanted).lines()
    return BlocksResponse(lines, 200, _NDJSON, {"Cache-Control": "no-store"}, holding=stack, cut=cut)


async def cameras_to_replay(parts: Parts, eyes: Eyes, ids: Sequence[str]) -> list[Camera]:
    """Those that were named, removed ones too, each once. InputError: there is none; NoRightError: no replay there."""
    found = []
    for number, camera_id in enumerate(dict.fromkeys(ids)):
        camera = await parts.catalogue.cameras.get(camera_id)
        if camera is None or not eyes.sees(camera):
            raise InputError("There is no such camera.", field=f"cameras.{number}", reason="camera_gone")
        eyes.need_camera(Right.REPLAY, camera)
        found.append(camera)
    return found


def _until_now(parts: Parts, interval: Interval) -> Interval:
    """What is yet to come cannot be searched."""
    now_ns = parts.clock.now_ns()
    if interval.start_ns >= now_ns:
        raise IntervalError("from is yet to come", field="from")
    return Interval(interval.start_ns, min(interval.end_ns, now_ns))


@router.get("", operation_id="searchMoments", responses=problems())
async def search_moments(
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    q: Annotated[Words, Query(description="Words; all of them must be there.")] = "",
    from_: Annotated[str | None, Query(alias="from", max_length=64, description="Begun from this time on.")] = None,
    to: Annotated[str | None, Query(max_length=64, description="Begun before this time.")] = None,
    camera: Annotated[list[str] | None, Query(max_length=_MANY, description="Of these cameras (id).")] = None,
    site: Annotated[str | None, Query(max_length=16, description="Of this site (id) and those below it.")] = None,
    kind: Annotated[list[str] | None, Query(max_length=_MANY, description="Events of these kinds.")] = None,
    source: Annotated[list[Source] | None, Query(max_length=8, description="Told by these.")] = None,
    day: Annotated[list[int] | None, Query(max_length=7, description="Days of the week, 0 Monday, WIB.")] = None,
    from_min: Annotated[int, Query(ge=0, lt=DAY_MIN, description="From this minute of the day on, WIB.")] = 0,
    to_min: Annotated[int, Query(ge=1, le=DAY_MIN, description="Before it; not greater: over midnight.")] = DAY_MIN,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = 50,
) -> MomentsOut:
    """Events, bookmarks and alarms raised by hand, the newest first, of cameras that may be replayed. Words are looked
    for in notes, in what events are called, in names of areas, cameras, sites and people."""
    for each in camera or ():
        if not is_id(each):
            raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    from_ns = None if from_ is None else parse_time(from_, "from")
    to_ns = None if to is None else parse_time(to, "to")
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise IntervalError("to is not after from", field="to")
    wanted = WantedMoments(
        from_ns,
        to_ns,
        camera or None,
        await sites_below(parts, site),
        Schedule(frozenset(day or _ALL_DAYS), from_min, to_min),
        kind or None,
        source or tuple(Source),
        await _terms(parts, q),
        await parts.authority.scope(eyes, Right.REPLAY),
    )
    if cursor is None:
        await parts.audit.add(
            who.person.id, "search.moments", site or "", cameras=camera or [], start=from_, end=to, words=q
        )
    found = await parts.catalogue.search.find(wanted, limit + 1, _place(cursor))
    shown = found[:limit]
    following = None
    if len(found) > limit:
        at_ns, last, last_id = shown[-1].place
        following = encode_cursor((str(at_ns), last.value, last_id))
    return MomentsOut(items=await _told(parts, shown), next=following)


async def _terms(parts: Parts, words: str) -> list[Term]:
    """Each word with what it is a part of the name of."""
    texts = words.casefold().split()
    if not texts:
        return []
    if len(texts) > TERMS_MAX:
        raise InputError(f"A search has {TERMS_MAX} words at most.", field="q")
    cameras = await parts.catalogue.cameras.list(include_deleted=True)
    known = await parts.catalogue.sites.list()
    people = await parts.catalogue.people.list()
    places, found = Places(known), []
    for text in texts:
        named = [site.id for site in known if text in site.name.casefold()]
        sites = {below for site in named for below in places.below(site)}
        called = [one.id for one in cameras if text in one.name.casefold() or text in one.slug]
        who = [one.id for one in people if text in one.name.casefold() or text in one.username.casefold()]
        found.append(Term(text, called, sorted(sites), who, kinds_called(text)))
    return found


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, source, moment = decode_cursor(cursor, 3)
    if not (at.isascii() and at.isdigit() and len(at) < 20 and source in set(Source) and is_id(moment)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(at), Source(source), moment


async def _told(parts: Parts, moments: Sequence[Moment]) -> list[MomentOut]:
    sites = {site.id: site for site in await parts.catalogue.sites.list()}
    cameras = {camera.id: camera for camera in await parts.catalogue.cameras.list(include_deleted=True)}
    people = {person.id: person.name for person in await parts.catalogue.people.list()}
    shown = []
    for one in moments:
        camera = cameras.get(one.camera or "")
        site = sites.get(one.site or (camera.site if camera is not None else ""))
        shown.append(
            MomentOut(
                source=one.source,
                id=one.id,
                at=format_time(one.at_ns),
                end=None if one.end_ns is None else format_time(one.end_ns),
                camera=None if one.camera is None else NamedOut(id=one.camera, name=camera.name if camera else None),
                site=None if site is None else SiteRef(id=site.id, slug=site.slug, name=site.name),
                kind=one.kind,
                severity=Severity(one.severity) if one.severity else None,
                note=one.note,
                person=None if one.person is None else NamedOut(id=one.person, name=people.get(one.person)),
                params={name: redact(value) if isinstance(value, str) else value for name, value in one.params.items()},
            )
        )
    return shown


async def _write_down(
    parts: Parts, who: Principal, action: str, cameras: Sequence[Camera], interval: Interval, **detail: object
) -> None:
    start, end = format_time(interval.start_ns), format_time(interval.end_ns)
    named = [camera.id for camera in cameras]
    await parts.audit.add(who.person.id, action, named[0], cameras=named, start=start, end=end, **detail)
