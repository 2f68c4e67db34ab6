"""Tours: kept, shared, turned into pages, changed by two at once; and what is no tour."""

from __future__ import annotations

from typing import Any

import httpx

from tests.web.conftest import World
from tests.web.test_views import other_person
from vms.domain.layout import STANDARD
from vms.domain.tour import Pin, Step, Tour
from vms.domain.view import View

A, B, C, D, E = (letter * 16 for letter in "abcde")


def _view(view_id: str, **change: Any) -> View:
    values: dict[str, Any] = {"name": "Sungai", "owner": A, "layout": STANDARD["4"], "cameras": (B, None, C, D)}
    return View(view_id, **(values | change))


def test_pages_of_views_and_cameras() -> None:
    """A view is a page of its own; cameras that follow each other share full pages around the pinned tiles."""
    steps = (Step(5, camera=A), Step(9, camera=B), Step(5, camera=C), Step(10, view=E), Step(5, camera=D))
    tour = Tour(A, "Malam", A, steps, (Pin(0, E), Pin(3, D)), STANDARD["4"])
    pages = tour.pages({E: _view(E)})
    assert [page.cameras for page in pages] == [(E, A, B, D), (E, C, A, D), (E, None, C, D), (E, D, None, D)]
    assert [page.dwell_s for page in pages] == [9, 5, 10, 5]
    assert [page.name for page in pages] == ["", "", "Sungai", ""]


def test_views_that_are_gone_or_private_are_left_out() -> None:
    """What the owner of the tour does not see, nobody sees through it; a pin beyond the view's tiles does nothing."""
    tour = Tour(A, "Malam", A, (Step(5, view=B), Step(5, view=C), Step(5, view=D)), (Pin(9, E),))
    pages = tour.pages({C: _view(C, owner=E), D: _view(D, owner=E, shared=True)})
    assert [page.view for page in pages] == [D]
    assert pages[0].cameras == (B, None, C, D)


async def _add(client: httpx.AsyncClient, **change: Any) -> dict[str, Any]:
    body = {"name": "Ronda", "steps": [{"camera": A, "dwell_s": 5}]} | change
    made = await client.post("/api/tours", json=body)
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer


async def test_a_tour_is_kept_and_found_again(admin: httpx.AsyncClient, world: World) -> None:
    """With its pages as the views are now; every change is told on the bus and written down."""
    told = world.bus.subscribe("tour.changed")
    view = {"name": "Pasar", "layout": {"grid": "4"}, "cameras": [A, B, None, None]}
    made = (await admin.post("/api/views", json=view)).json()
    steps = [{"view": made["id"], "dwell_s": 10}, {"camera": B, "dwell_s": 5}, {"camera": C, "dwell_s": 5}]
    tour = await _add(admin, steps=steps, pinned=[{"tile": 0, "camera": D}], layout={"grid": "4"})
    assert tour["steps"][0] == {"view": made["id"], "camera": None, "dwell_s": 10}
    assert [page["cameras"] for page in tour["pages"]] == [[D, B, None, None], [D, B, C, None]]
    path = f"/api/tours/{tour['id']}"
    assert (await admin.get(path)).json() == tour
    await admin.patch(f"/api/views/{made['id']}", json={"rev": 1, "cameras": [A, C, C, C], "layout": {"grid": "4"}})
    assert (await admin.get(path)).json()["pages"][0]["cameras"] == [D, C, C, C]
    changed = await admin.patch(path, json={"rev": 1, "name": "Ronda malam", "pinned": []})
    assert (changed.json()["rev"], changed.json()["pages"][0]["cameras"]) == (2, [A, C, C, C])
    late = await admin.patch(path, json={"rev": 1, "name": "x"})
    assert (late.status_code, late.json()["reason"]) == (409, "tour_changed")
    assert [item["name"] for item in (await admin.get("/api/tours")).json()["items"]] == ["Ronda malam"]
    assert (await admin.delete(path, params={"rev": 1})).status_code == 409
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404
    told.close()
    assert len([event async for event in told]) == 3
    actions = {entry.action for entry in (await world.catalogue.audit.list())[0]}
    assert {"tour.add", "tour.change", "tour.remove"} <= actions


async def test_a_private_tour_is_nobody_elses(admin: httpx.AsyncClient, world: World) -> None:
    """A shared one may be changed by all, with views that its owner sees, and hidden by its owner alone."""
    tour = await _add(admin)
    path = f"/api/tours/{tour['id']}"
    async with other_person(world) as budi:
        assert (await budi.get(path)).status_code == 404
        await admin.patch(path, json={"rev": 1, "shared": True})
        assert (await budi.get(path)).json()["mine"] is False
        private = await budi.post("/api/views", json={"name": "x", "layout": {"grid": "1"}, "cameras": [A]})
        steps = [{"view": private.json()["id"], "dwell_s": 5}]
        refused = await budi.patch(path, json={"rev": 2, "steps": steps})
        assert (refused.status_code, refused.json()["field"]) == (422, "steps.0.view")
        hidden = await budi.patch(path, json={"rev": 2, "shared": False})
        assert (hidden.status_code, hidden.json()["reason"]) == (403, "tour_owner")


BAD: list[dict[str, Any]] = [
    {"name": ""}, {"steps": []}, {"steps": [{"dwell_s": 5}]}, {"steps": [{"view": A, "camera": B, "dwell_s": 5}]},
    {"steps": [{"camera": A, "dwell_s": 1}]}, {"steps": [{"camera": A, "dwell_s": 5.5}]},
    {"steps": [{"camera": "x", "dwell_s": 5}]}, {"steps": [{"view": B, "dwell_s": 5}]},
    {"steps": [{"camera": A, "dwell_s": 3601}]}, {"steps": [{"camera": A, "dwell_s": 5}] * 201},
    {"pinned": [{"tile": 0, "camera": A}]}, {"pinned": [{"tile": 64, "camera": A}]}, {"layout": {"grid": "5"}},
    {"pinned": [{"tile": 1, "camera": A}] * 2, "layout": {"grid": "4"}}, {"shared": 1}, {"owner": A},
]  # fmt: skip


async def test_what_is_no_tour_is_refused(admin: httpx.AsyncClient, world: World) -> None:
    """A clear problem with a field, and nothing is kept."""
    for change in BAD:
        body = {"name": "Ronda", "steps": [{"camera": A, "dwell_s": 5}]} | change
        answer = await admin.post("/api/tours", json=body)
        assert answer.status_code == 422, change
        assert answer.json().get("field") or answer.json().get("errors"), change
    assert await world.catalogue.tours.list() == []
