"""Views of the wall: list, keep, change, delete, favourites. A private one is there for its owner alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.domain.view import View
from vms.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from web.api.errors import CHANGES, problems
from web.deps import EyesOf, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, page
from web.schemas_views import ViewIn, ViewOut, ViewPatch, ViewsOut
from web.times import format_time

router = APIRouter(prefix="/api/views", tags=["views"])

VIEWS_MAX = 2_000


async def view_of(view_id: str, who: Who, parts: PartsOf) -> View:
    """The view named in the address. NotFoundError: there is none, or it is not shown to who asks."""
    view = await parts.catalogue.views.get(view_id) if is_id(view_id) else None
    if view is None or not view.is_seen_by(who.person.id):
        raise NotFoundError("There is no such view.", hint="It may have been deleted.", reason="view_gone")
    return view


OneView = Annotated[View, Depends(view_of)]


async def _out(parts: PartsOf, who: Who, *views: View) -> list[ViewOut]:
    favourites = await parts.catalogue.views.favourites(who.person.id)
    names = {person.id: person.name for person in await parts.catalogue.people.list()}
    return [
        ViewOut(
            id=view.id,
            name=view.name,
            folder=view.folder,
            owner=view.owner,
            owner_name=names.get(view.owner, ""),
            mine=view.owner == who.person.id,
            shared=view.shared,
            favourite=view.id in favourites,
            layout=view.layout.as_json(),
            cameras=list(view.cameras),
            changed_at=format_time(view.changed_ns),
            rev=view.rev,
        )
        for view in views
    ]


@router.get("", operation_id="listViews", responses=problems())
async def list_views(
    who: Who,
    parts: PartsOf,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> ViewsOut:
    """Your own views and those that are shared, by folder and name."""
    views = await parts.catalogue.views.list(who.person.id)
    shown, following = page(views, lambda view: (view.folder, view.name, view.id), cursor, limit, parts=3)
    return ViewsOut(items=await _out(parts, who, *shown), next=following)


@router.post("", operation_id="addView", status_code=201, responses=problems(*CHANGES, 409))
async def add_view(body: ViewIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> ViewOut:
    """Keep a view; sharing it is for who operates."""
    if body.shared:
        eyes.need_somewhere(Right.OPERATE)
    if await parts.catalogue.views.count_of(who.person.id) >= VIEWS_MAX:
        raise ConflictError(
            f"You have {VIEWS_MAX} views already.",
            hint="Delete some first.",
            reason="views_full",
            params={"limit": str(VIEWS_MAX)},
        )
    view = View(
        id=new_id(),
        name=body.name,
        owner=who.person.id,
        layout=body.layout.layout(),
        cameras=tuple(body.cameras),
        folder=body.folder,
        shared=body.shared,
        changed_ns=parts.clock.now_ns(),
    )
    await parts.catalogue.views.add(view)
    parts.bus.publish("view.changed", {"view": view.id})
    await parts.audit.add(who.person.id, "view.add", view.id, name=view.name, shared=view.shared)
    response.headers["Location"] = f"/api/views/{view.id}"
    return (await _out(parts, who, view))[0]


@router.get("/{view_id}", operation_id="getView", responses=problems(404))
async def get_view(view: OneView, who: Who, parts: PartsOf) -> ViewOut:
    """One view."""
    return (await _out(parts, who, view))[0]


@router.patch("/{view_id}", operation_id="changeView", responses=problems(*CHANGES, 404, 409))
async def change_view(body: ViewPatch, view: OneView, who: Who, eyes: EyesOf, parts: PartsOf) -> ViewOut:
    """Change what is given. `rev` must be that of the view as it is now: nobody's change is written over."""
    if body.shared or view.shared:
        eyes.need_somewhere(Right.OPERATE)
    if body.rev != view.rev:
        raise ConflictError(
            "Somebody else has changed the view meanwhile.",
            hint="Load it again, or save yours under another name.",
            reason="view_changed",
        )
    if body.shared is False and view.shared and not view.may_be_hidden_by(who.person.id):
        raise ForbiddenError(
            "Only who made the view can take it back from the others.", hint="Save your own copy.", reason="view_owner"
        )
    changed = _changed(view, body, parts.clock.now_ns())
    fields = [
        name for name in ("name", "folder", "shared", "layout", "cameras")
        if getattr(changed, name) != getattr(view, name)
    ]  # fmt: skip
    if fields:
        await parts.catalogue.views.update(changed)
        parts.bus.publish("view.changed", {"view": view.id})
        await parts.audit.add(who.person.id, "view.change", view.id, name=changed.name, fields=fields)
    return (await _out(parts, who, changed if fields else view))[0]


def _changed(view: View, body: ViewPatch, now_ns: int) -> View:
    if (body.layout is None) != (body.cameras is None):
        raise InputError("Layout and cameras change together.", field="cameras" if body.layout else "layout")
    return replace(
        view,
        name=view.name if body.name is None else body.name,
        folder=view.folder if body.folder is None else body.folder,
        shared=view.shared if body.shared is None else body.shared,
        layout=view.layout if body.layout is None else body.layout.layout(),
        cameras=view.cameras if body.cameras is None else tuple(body.cameras),
        changed_ns=now_ns,
        rev=view.rev + 1,
    )


@router.delete("/{view_id}", operation_id="removeView", status_code=204, responses=problems(*CHANGES, 404, 409))
async def remove_view(
    view: OneView,
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    rev: Annotated[int | None, Query(ge=1, le=2**53, description="Only this version.")] = None,
) -> None:
    """Delete a view; with `rev`, only where nobody has changed it since."""
    if view.shared:
        eyes.need_somewhere(Right.OPERATE)
    await parts.catalogue.views.remove(view.id, rev)
    parts.bus.publish("view.changed", {"view": view.id})
    await parts.audit.add(who.person.id, "view.remove", view.id, name=view.name)


@router.put("/{view_id}/favourite", operation_id="addFavouriteView", status_code=204, responses=problems(*CHANGES, 404))
async def add_favourite(view: OneView, who: Who, parts: PartsOf) -> None:
    """Make it a favourite of yours."""
    await parts.catalogue.views.set_favourite(who.person.id, view.id, wanted=True)


@router.delete(
    "/{view_id}/favourite", operation_id="removeFavouriteView", status_code=204, responses=problems(*CHANGES, 404)
)
async def remove_favourite(view: OneView, who: Who, parts: PartsOf) -> None:
    """It is a favourite of yours no longer."""
    await parts.catalogue.views.set_favourite(who.person.id, view.id, wanted=False)
