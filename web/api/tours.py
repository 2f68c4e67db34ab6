"""Tours of the wall: list, keep, change, delete. A private one is there for its owner alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right
from vms.domain.tour import Step, Tour
from vms.domain.view import View
from vms.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from web.api.errors import CHANGES, problems
from web.deps import EyesOf, PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, page
from web.scenes import page_out
from web.schemas_tours import PinOut, StepOut, TourIn, TourOut, TourPatch, ToursOut
from web.times import format_time

router = APIRouter(prefix="/api/tours", tags=["tours"])

TOURS_MAX = 500


async def tour_of(tour_id: str, who: Who, parts: PartsOf) -> Tour:
    """The tour named in the address. NotFoundError: there is none, or it is not shown to who asks."""
    tour = await parts.catalogue.tours.get(tour_id) if is_id(tour_id) else None
    if tour is None or not tour.is_seen_by(who.person.id):
        raise NotFoundError("There is no such tour.", hint="It may have been deleted.", reason="tour_gone")
    return tour


OneTour = Annotated[Tour, Depends(tour_of)]


async def _out(parts: PartsOf, who: Who, *tours: Tour) -> list[TourOut]:
    names = {person.id: person.name for person in await parts.catalogue.people.list()}
    views = {view.id: view for view in await parts.catalogue.views.list()}
    return [
        TourOut(
            id=tour.id,
            name=tour.name,
            owner=tour.owner,
            owner_name=names.get(tour.owner, ""),
            mine=tour.owner == who.person.id,
            shared=tour.shared,
            layout=tour.layout.as_json(),
            steps=[StepOut(view=step.view, camera=step.camera, dwell_s=step.dwell_s) for step in tour.steps],
            pinned=[PinOut(tile=pin.tile, camera=pin.camera) for pin in tour.pinned],
            pages=[page_out(each) for each in tour.pages(views)],
            changed_at=format_time(tour.changed_ns),
            rev=tour.rev,
        )
        for tour in tours
    ]


async def _check_views(parts: PartsOf, owner: str, steps: Iterable[Step], kept: Iterable[Step] = ()) -> None:
    """New steps name views that the tour's owner sees: everyone who is shown the tour is shown them."""
    views: dict[str, View] = {view.id: view for view in await parts.catalogue.views.list(owner)}
    known = {step.view for step in kept}
    for number, step in enumerate(steps):
        if step.view is not None and step.view not in known and step.view not in views:
            raise InputError(
                "There is no such view for the owner of the tour.",
                hint="Share the view first, or choose another.",
                field=f"steps.{number}.view",
                reason="tour_view",
            )


@router.get("", operation_id="listTours", responses=problems())
async def list_tours(
    who: Who,
    parts: PartsOf,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> ToursOut:
    """Your own tours and those that are shared, by name."""
    tours = await parts.catalogue.tours.list(who.person.id)
    shown, following = page(tours, lambda tour: (tour.name, tour.id), cursor, limit, parts=2)
    return ToursOut(items=await _out(parts, who, *shown), next=following)


@router.post("", operation_id="addTour", status_code=201, responses=problems(*CHANGES, 409))
async def add_tour(body: TourIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> TourOut:
    """Keep a tour; sharing it is for who operates."""
    if body.shared:
        eyes.need_somewhere(Right.OPERATE)
    if await parts.catalogue.tours.count_of(who.person.id) >= TOURS_MAX:
        raise ConflictError(
            f"You have {TOURS_MAX} tours already.",
            hint="Delete some first.",
            reason="tours_full",
            params={"limit": str(TOURS_MAX)},
        )
    tour = Tour(
        id=new_id(),
        name=body.name,
        owner=who.person.id,
        steps=tuple(step.step() for step in body.steps),
        pinned=tuple(pin.pin() for pin in body.pinned),
        layout=body.layout.layout(),
        shared=body.shared,
        changed_ns=parts.clock.now_ns(),
    )
    await _check_views(parts, tour.owner, tour.steps)
    await parts.catalogue.tours.add(tour)
    parts.bus.publish("tour.changed", {"tour": tour.id})
    await parts.audit.add(who.person.id, "tour.add", tour.id, name=tour.name, shared=tour.shared)
    response.headers["Location"] = f"/api/tours/{tour.id}"
    return (await _out(parts, who, tour))[0]


@router.get("/{tour_id}", operation_id="getTour", responses=problems(404))
async def get_tour(tour: OneTour, who: Who, parts: PartsOf) -> TourOut:
    """One tour."""
    return (await _out(parts, who, tour))[0]


@router.patch("/{tour_id}", operation_id="changeTour", responses=problems(*CHANGES, 404, 409))
async def change_tour(body: TourPatch, tour: OneTour, who: Who, eyes: EyesOf, parts: PartsOf) -> TourOut:
    """Change what is given. `rev` must be that of the tour as it is now: nobody's change is written over."""
    if body.shared or tour.shared:
        eyes.need_somewhere(Right.OPERATE)
    if body.rev != tour.rev:
        raise ConflictError(
            "Somebody else has changed the tour meanwhile.",
            hint="Load it again, or save yours under another name.",
            reason="tour_changed",
        )
    if body.shared is False and tour.shared and not tour.may_be_hidden_by(who.person.id):
        raise ForbiddenError(
            "Only who made the tour can take it back from the others.", hint="Save your own copy.", reason="tour_owner"
        )
    changed = replace(
        tour,
        name=tour.name if body.name is None else body.name,
        shared=tour.shared if body.shared is None else body.shared,
        layout=tour.layout if body.layout is None else body.layout.layout(),
        steps=tour.steps if body.steps is None else tuple(step.step() for step in body.steps),
        pinned=tour.pinned if body.pinned is None else tuple(pin.pin() for pin in body.pinned),
        changed_ns=parts.clock.now_ns(),
        rev=tour.rev + 1,
    )
    fields = [
        name for name in ("name", "shared", "layout", "steps", "pinned")
        if getattr(changed, name) != getattr(tour, name)
    ]  # fmt: skip
    if not fields:
        return (await _out(parts, who, tour))[0]
    await _check_views(parts, tour.owner, changed.steps, tour.steps)
    await parts.catalogue.tours.update(changed)
    parts.bus.publish("tour.changed", {"tour": tour.id})
    await parts.audit.add(who.person.id, "tour.change", tour.id, name=changed.name, fields=fields)
    return (await _out(parts, who, changed))[0]


@router.delete("/{tour_id}", operation_id="removeTour", status_code=204, responses=problems(*CHANGES, 404, 409))
async def remove_tour(
    tour: OneTour,
    who: Who,
    eyes: EyesOf,
    parts: PartsOf,
    rev: Annotated[int | None, Query(ge=1, le=2**53, description="Only this version.")] = None,
) -> None:
    """Delete a tour; with `rev`, only where nobody has changed it since."""
    if tour.shared:
        eyes.need_somewhere(Right.OPERATE)
    await parts.catalogue.tours.remove(tour.id, rev)
    parts.bus.publish("tour.changed", {"tour": tour.id})
    await parts.audit.add(who.person.id, "tour.remove", tour.id, name=tour.name)
