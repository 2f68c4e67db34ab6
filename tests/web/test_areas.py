"""Areas and masks of a camera: kept as drawn, travelling with its row, refused where they are none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import World
from tests.web.test_cameras import add
from vms.store.images import RowImage, fitting
from vms.store.notes import SETTINGS

DOOR = {"name": "Pintu", "polygon": [[0.1, 0.5], [0.4, 0.5], [0.4, 1], [0.1, 1]], "threshold": 0.05}
MASK = [[0.8, 0], [1, 0], [1, 0.2]]


async def test_areas_and_masks_are_kept_as_they_were_drawn(world: World, admin: httpx.AsyncClient) -> None:
    """A change gives each area an id that stays; what is left out stays; an empty list takes away."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}"
    assert (camera["areas"], camera["masks"], camera["analysis"]) == ([], [], True)
    first = (await admin.patch(path, json={"rev": 1, "areas": [DOOR], "masks": [MASK]})).json()
    ident = first["areas"][0]["id"]
    assert first["areas"] == [DOOR | {"id": ident}]
    assert first["masks"] == [MASK]
    second = (await admin.patch(path, json={"rev": 2, "areas": first["areas"], "analysis": False})).json()
    assert (second["areas"], second["masks"], second["analysis"]) == (first["areas"], [MASK], False)
    assert second["rev"] == 3
    assert (await admin.get("/api/cameras")).json()["items"][0]["masks"] == [MASK]
    entries, _ = await world.catalogue.audit.list()
    assert [entry.detail["fields"] for entry in entries[:2]] == [["analysis"], ["areas", "masks"]]
    assert (await admin.patch(path, json={"rev": 3, "areas": [], "masks": []})).json()["areas"] == []


BAD: list[dict[str, Any]] = [
    {"areas": [DOOR | {"polygon": [[0, 0], [1, 1]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0]] * 33}]},
    {"areas": [DOOR | {"polygon": [[0, 0], [1, 0], [0.5, 0]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0], [1.01, 0], [0.5, 1]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0], [-0.1, 0], [0.5, 1]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0], [1, 0, 0], [0.5, 1]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0], ["1", 0], [0.5, 1]]}]},
    {"areas": [DOOR | {"polygon": [[0, 0], [True, 0], [0.5, 1]]}]},
    {"areas": [DOOR | {"polygon": None}]},
    {"areas": [DOOR | {"threshold": 0}]},
    {"areas": [DOOR | {"threshold": 1.5}]},
    {"areas": [DOOR | {"name": ""}]},
    {"areas": [DOOR | {"name": "a\nb"}]},
    {"areas": [DOOR | {"id": "../x"}]},
    {"areas": [DOOR | {"colour": "red"}]},
    {"areas": [DOOR, DOOR]},
    {"areas": [DOOR | {"name": f"n{i}"} for i in range(17)]},
    {"masks": [MASK] * 17},
    {"masks": [[[0, 0], [1, 0]]]},
    {"masks": [[[0.5, 0], [0.5, 1], [0.5, 0.5]]]},
    {"masks": {"a": MASK}},
    {"analysis": "no"},
]


@pytest.mark.parametrize("change", BAD, ids=range(len(BAD)))
async def test_what_is_no_area_or_mask_is_refused(
    world: World, admin: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    """A clear 4xx that names the field; nothing changes, neither at a change nor at registering."""
    camera = await add(admin)
    before = await world.snapshot()
    answer = await admin.patch(f"/api/cameras/{camera['id']}", json={"rev": 1, **change})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"].startswith(next(iter(change)))
    streams = [{"name": "main", "url": "rtsp://10.0.0.9/main"}]
    body = {"site": world.site.id, "name": "Lain", "streams": streams, **change}
    assert 400 <= (await admin.post("/api/cameras", json=body)).status_code < 500
    assert await world.snapshot() == before


def test_a_row_of_an_older_version_has_none() -> None:
    """Images of cameras without the columns fit: no areas, no masks, looked at."""
    table = next(table for table in SETTINGS if table.name == "cameras")
    values = {
        "id": "c" * 16, "site": "s" * 16, "slug": "a", "name": "A", "username": "", "password": b"", "enabled": True,
        "audio": False, "transport": "tcp", "registered_ns": 5, "rev": 1,
    }  # fmt: skip
    fit = fitting(RowImage(table.name, values, ())).values
    assert (fit["areas"], fit["masks"], fit["analysis"]) == ([], [], True)
