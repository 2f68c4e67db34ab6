"""Bookmarks: moments of a camera that people marked; list, mark, note, delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from vms.domain.bookmark import Bookmark, moment
from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.errors import ForbiddenError, InputError, IntervalError, NotFoundError
from vms.store.bookmarks import Place, WantedBookmarks
from vms.sync.places import Places
from web.api.errors import CHANGES, problems
from web.casework import Desk, DeskOf
from web.deps import EyesOf, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from web.parts import Parts
from web.schemas import NamedOut, SiteRef
from web.schemas_bookmarks import BookmarkIn, BookmarkOut, BookmarkPatch, BookmarksOut
from web.times import format_time, parse_time

router = APIRouter(prefix="/api/bookmarks", tags=["bookmarks"])


async def bookmark_of(bookmark_id: str, eyes: EyesOf, parts: PartsOf) -> Bookmark:
    """The bookmark named in the address. NotFoundError: there is none, or it is of a camera they may not replay."""
    bookmark = await parts.catalogue.bookmarks.get(bookmark_id) if is_id(bookmark_id) else None
    camera = None if bookmark is None else await parts.catalogue.cameras.get(bookmark.camera)
    if bookmark is None or camera is None or not eyes.camera(Right.REPLAY, camera):
        raise NotFoundError("There is no such bookmark.", hint="It may have been deleted.", reason="bookmark_gone")
    return bookmark


OneBookmark = Annotated[Bookmark, Depends(bookmark_of)]


@router.get("", operation_id="listBookmarks", responses=problems(404))
async def list_bookmarks(
    eyes: EyesOf,
    desk: DeskOf,
    parts: PartsOf,
    from_: Annotated[str | None, Query(alias="from", max_length=64, description="Moments from this time on.")] = None,
    to: Annotated[str | None, Query(max_length=64, description="Moments before this time.")] = None,
    camera: Annotated[str | None, Query(max_length=16, description="Of this camera (id), also a removed one.")] = None,
    site: Annotated[str | None, Query(max_length=16, description="Of this site (id) and those below it.")] = None,
    case: Annotated[str | None, Query(max_length=16, description="Of this case (id).")] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> BookmarksOut:
    """Marked moments, the newest first."""
    if camera is not None and not is_id(camera):
        raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    from_ns = None if from_ is None else parse_time(from_, "from")
    to_ns = None if to is None else parse_time(to, "to")
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise IntervalError("to is not after from", field="to")
    wanted = WantedBookmarks(
        from_ns,
        to_ns,
        camera,
        await _sites(parts, site),
        await parts.authority.scope(eyes, Right.REPLAY),
        None if case is None else (await desk.case(case)).id,
    )
    found = await parts.catalogue.bookmarks.find(wanted, limit + 1, _place(cursor))
    shown = found[:limit]
    following = encode_cursor((str(shown[-1].at_ns), shown[-1].id)) if len(found) > limit else None
    return BookmarksOut(items=await _out(desk, shown), next=following)


@router.post("", operation_id="addBookmark", status_code=201, responses=problems(*CHANGES))
async def add_bookmark(
    body: BookmarkIn, response: Response, who: Who, eyes: EyesOf, desk: DeskOf, parts: PartsOf
) -> BookmarkOut:
    """Mark a moment. Nothing of its footage is kept longer for it."""
    camera = await parts.catalogue.cameras.get(body.camera)
    if camera is None or not eyes.sees(camera):
        raise InputError("There is no such camera.", field="camera", reason="camera_gone")
    eyes.need_camera(Right.REPLAY, camera)
    now_ns = parts.clock.now_ns()
    at_ns = moment(parse_time(body.at, "at"), now_ns)
    case = None if body.case is None else await desk.open_case(body.case)
    bookmark = Bookmark(new_id(), camera.id, at_ns, body.note, who.person.id, now_ns, None if case is None else case.id)
    await parts.catalogue.bookmarks.add(bookmark)
    detail = {"camera": camera.id, "at": format_time(at_ns)} | ({} if case is None else {"case": case.number})
    await parts.audit.add(who.person.id, "bookmark.add", bookmark.id, **detail)
    _told(parts, bookmark)
    response.headers["Location"] = f"/api/bookmarks/{bookmark.id}"
    return (await _out(desk, [bookmark]))[0]


@router.get("/{bookmark_id}", operation_id="getBookmark", responses=problems(404))
async def get_bookmark(bookmark: OneBookmark, desk: DeskOf) -> BookmarkOut:
    """One bookmark."""
    return (await _out(desk, [bookmark]))[0]


@router.patch("/{bookmark_id}", operation_id="changeBookmark", responses=problems(*CHANGES, 404))
async def change_bookmark(
    body: BookmarkPatch, bookmark: OneBookmark, who: Who, desk: DeskOf, parts: PartsOf
) -> BookmarkOut:
    """Write another note, or put it into another case; the moment stays."""
    changed = bookmark if body.note is None else replace(bookmark, note=body.note)
    if "case" in body.model_fields_set and body.case != bookmark.case:
        await _need_case(desk, bookmark)
        changed = replace(changed, case=None if body.case is None else (await desk.open_case(body.case)).id)
    fields = [name for name in ("note", "case") if getattr(changed, name) != getattr(bookmark, name)]
    if fields:
        await parts.catalogue.bookmarks.change(changed)
        await parts.audit.add(who.person.id, "bookmark.change", bookmark.id, camera=bookmark.camera, fields=fields)
        _told(parts, bookmark)
    return (await _out(desk, [changed]))[0]


@router.delete("/{bookmark_id}", operation_id="removeBookmark", status_code=204, responses=problems(*CHANGES, 404))
async def remove_bookmark(bookmark: OneBookmark, who: Who, desk: DeskOf, parts: PartsOf) -> None:
    """Delete a bookmark; its footage is not touched."""
    await _need_case(desk, bookmark)
    await parts.catalogue.bookmarks.remove(bookmark.id)
    at = format_time(bookmark.at_ns)
    await parts.audit.add(who.person.id, "bookmark.remove", bookmark.id, camera=bookmark.camera, at=at)
    _told(parts, bookmark)


async def _need_case(desk: Desk, bookmark: Bookmark) -> None:
    """Nobody takes a bookmark out of a case that they do not see."""
    case = None if bookmark.case is None else await desk.parts.catalogue.cases.get(bookmark.case)
    if case is not None and not desk.sees(case):
        raise ForbiddenError("It belongs to a case that is not yours.", reason="case_not_yours")


def _told(parts: Parts, bookmark: Bookmark) -> None:
    parts.bus.publish("bookmark.changed", {"bookmark": bookmark.id, "camera": bookmark.camera})


async def _sites(parts: Parts, site: str | None) -> Collection[str] | None:
    if site is None:
        return None
    known = await parts.catalogue.sites.list()
    if all(one.id != site for one in known):
        raise InputError("There is no such site.", field="site", reason="site_gone")
    return sorted(Places(known).below(site))


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, bookmark_id = decode_cursor(cursor, 2)
    if not (at.isascii() and at.isdigit() and len(at) < 20 and is_id(bookmark_id)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(at), bookmark_id


async def _out(desk: Desk, bookmarks: Sequence[Bookmark]) -> list[BookmarkOut]:
    parts = desk.parts
    cases = await desk.refs(bookmark.case for bookmark in bookmarks)
    sites = {site.id: site for site in await parts.catalogue.sites.list()}
    cameras = {camera.id: camera for camera in await parts.catalogue.cameras.list(include_deleted=True)}
    people = {person.id: person.name for person in await parts.catalogue.people.list()}
    shown = []
    for bookmark in bookmarks:
        camera = cameras.get(bookmark.camera)
        site = sites.get(camera.site) if camera else None
        shown.append(
            BookmarkOut(
                id=bookmark.id,
                camera=NamedOut(id=bookmark.camera, name=camera.name if camera else None),
                site=None if site is None else SiteRef(id=site.id, slug=site.slug, name=site.name),
                at=format_time(bookmark.at_ns),
                note=bookmark.note,
                person=NamedOut(id=bookmark.person, name=people.get(bookmark.person)),
                case=cases.get(bookmark.case or ""),
                created_at=format_time(bookmark.created_ns),
            )
        )
    return shown
