"""Positions of cameras and sites: kept to a millionth, both or neither, refused where they are no place on earth."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import SITE, World
from tests.web.test_cameras import add
from vms.domain.position import Position, position_of
from vms.errors import InputError
from vms.store.images import RowImage, fitting, pack, unpack
from vms.store.notes import SETTINGS

HERE = {"longitude": 113.9172, "latitude": -2.2086}
NOWHERE = {"longitude": None, "latitude": None}


def at(answer: dict[str, Any]) -> dict[str, Any]:
    """The position in an answer."""
    return {name: answer[name] for name in HERE}


async def test_a_camera_is_placed_moved_and_taken_off_the_map(world: World, admin: httpx.AsyncClient) -> None:
    """At registering or later; what is left out stays; both null take it off; whole degrees are numbers too."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}"
    assert at(camera) == NOWHERE
    placed = (await admin.patch(path, json={"rev": 1, **HERE})).json()
    assert at(placed) == HERE
    renamed = (await admin.patch(path, json={"rev": 2, "name": "Lain"})).json()
    assert at(renamed) == HERE
    moved = (await admin.patch(path, json={"rev": 3, "longitude": 114, "latitude": -2.12345678})).json()
    assert at(moved) == {"longitude": 114.0, "latitude": -2.123457}
    assert at((await admin.get(path)).json()) == at(moved)
    assert at((await admin.patch(path, json={"rev": 4, **NOWHERE})).json()) == NOWHERE
    entries, _ = await world.catalogue.audit.list()
    assert [entry.detail["fields"] for entry in entries[:1]] == [["position"]]
    streams = [{"name": "main", "url": "rtsp://10.0.0.9/main"}]
    born = await admin.post("/api/cameras", json={"site": SITE.id, "name": "Baru", "streams": streams, **HERE})
    assert at(born.json()) == HERE


async def test_a_site_is_placed_and_its_policy_stays(world: World, admin: httpx.AsyncClient) -> None:
    """By its rev, written down with what changed."""
    path = f"/api/sites/{SITE.id}"
    placed = (await admin.patch(path, json={"rev": 1, **HERE})).json()
    assert (at(placed), placed["copies"], placed["rev"]) == (HERE, "on_demand", 2)
    kept = next(site for site in (await admin.get("/api/sites")).json()["items"] if site["id"] == SITE.id)
    assert kept == placed
    assert at((await admin.patch(path, json={"rev": 2, "copies": "sub"})).json()) == HERE
    assert (await admin.patch(path, json={"rev": 2, **NOWHERE})).status_code == 409
    entries, _ = await world.catalogue.audit.list()
    changes = [entry.detail["fields"] for entry in entries if entry.action == "site.change"]
    assert changes == [["copies"], ["position"]]


BAD: list[dict[str, Any]] = [
    {"longitude": 113.9},
    {"latitude": -2.2},
    {"longitude": 113.9, "latitude": None},
    {"longitude": None, "latitude": -2.2},
    {"longitude": 180.1, "latitude": 0},
    {"longitude": -181, "latitude": 0},
    {"longitude": 0, "latitude": 90.5},
    {"longitude": 0, "latitude": -91},
    {"longitude": "113.9", "latitude": "-2.2"},
    {"longitude": True, "latitude": False},
    {"longitude": [113.9], "latitude": -2.2},
    {"longitude": 1e400, "latitude": 0},
    {"position": [113.9, -2.2]},
]


@pytest.mark.parametrize("change", BAD, ids=range(len(BAD)))
async def test_what_is_no_position_is_refused(world: World, admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """422 that names the field; nothing changes, neither at a change nor at registering."""
    camera = await add(admin)
    before = await world.snapshot()
    streams = [{"name": "main", "url": "rtsp://10.0.0.9/main"}]
    for answer in (
        await _raw(admin, "PATCH", f"/api/cameras/{camera['id']}", {"rev": 1, **change}),
        await _raw(admin, "PATCH", f"/api/sites/{SITE.id}", {"rev": 1, **change}),
        await _raw(admin, "POST", "/api/cameras", {"site": SITE.id, "name": "Lain", "streams": streams, **change}),
    ):
        assert answer.status_code in {400, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code == 400 or answer.json()["field"] in {"longitude", "latitude", "position"}
    assert await world.snapshot() == before


async def _raw(client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    import json

    text = json.dumps(body).replace("Infinity", "1e400")
    return await client.request(method, path, content=text, headers={"Content-Type": "application/json"})


def test_a_position_travels_with_its_row_and_older_rows_have_none() -> None:
    """Images of sites and cameras carry it as numbers; those of a version before fit without."""
    table = next(table for table in SETTINGS if table.name == "sites")
    values = {"id": "s" * 16, "slug": "a", "name": "A", "parent": None, "home_store": "home", "rev": 1}
    fit = fitting(RowImage(table.name, values)).values
    assert (fit["longitude"], fit["latitude"]) == (None, None)
    (image,) = unpack(pack([RowImage(table.name, {**values, "copies": "all", **HERE})]))
    assert fitting(image).values["longitude"] == HERE["longitude"]


@pytest.mark.parametrize(("longitude", "latitude"), [(None, 1.0), (1.0, None), (181.0, 0.0), (0.0, float("nan"))])
def test_a_position_is_a_place_on_earth(longitude: float | None, latitude: float | None) -> None:
    """Both or neither, in range, a number."""
    assert position_of(None, None) is None
    assert position_of(113.91234567, -2) == Position(113.912346, -2.0)
    with pytest.raises(InputError):
        position_of(longitude, latitude)
