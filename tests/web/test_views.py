"""Views: kept, shared, found again, changed by two at once, deleted; and what is no view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.web.conftest import CHEAP, PASSWORD, World, sign_in
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from web.security.passwords import hash_password

CAMERA = "a" * 16
FREE = {"columns": 3, "rows": 2, "tiles": [{"x": 0, "y": 0, "w": 2, "h": 2}, {"x": 2, "y": 0, "w": 1, "h": 1}]}


def _body(**change: Any) -> dict[str, Any]:
    body = {"name": "Sungai", "layout": {"grid": "4"}, "cameras": [CAMERA, None, None, CAMERA]}
    return body | change


@asynccontextmanager
async def other_person(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Budi, signed in."""
    await world.catalogue.people.put(
        Person(new_id(), "budi", "Budi", hash_password(PASSWORD, CHEAP), grants=EVERYTHING.grants)
    )
    async with world.client() as client:
        await sign_in(client, "budi")
        yield client


async def test_a_view_is_kept_and_found_again(admin: httpx.AsyncClient) -> None:
    """With a standard layout or a free one, in a folder, as it was given."""
    made = await admin.post("/api/views", json=_body(folder=" Malam / Sungai/", shared=True))
    assert made.status_code == 201, made.text
    view = made.json()
    assert made.headers["Location"] == f"/api/views/{view['id']}"
    assert (view["folder"], view["shared"], view["mine"], view["favourite"]) == ("Malam/Sungai", True, True, False)
    assert (view["layout"], view["cameras"], view["rev"]) == ({"grid": "4"}, [CAMERA, None, None, CAMERA], 1)
    free = (await admin.post("/api/views", json=_body(name="Bebas", layout=FREE, cameras=[None, CAMERA]))).json()
    assert free["layout"] == FREE
    assert (await admin.get(f"/api/views/{free['id']}")).json() == free
    listed = (await admin.get("/api/views")).json()
    assert [item["name"] for item in listed["items"]] == ["Bebas", "Sungai"]
    square = [{"x": x, "y": y, "w": 1, "h": 1} for y in range(2) for x in range(2)]
    drawn = _body(layout={"columns": 2, "rows": 2, "tiles": square})
    assert (await admin.post("/api/views", json=drawn)).json()["layout"] == {"grid": "4"}


async def test_two_who_change_one_view(admin: httpx.AsyncClient, world: World) -> None:
    """The second is told, and nothing is lost; a private view is nobody else's; only its owner hides it."""
    view = (await admin.post("/api/views", json=_body())).json()
    path = f"/api/views/{view['id']}"
    async with other_person(world) as budi:
        assert (await budi.get(path)).status_code == 404
        assert (await budi.delete(path)).status_code == 404
        assert (await budi.get("/api/views")).json()["items"] == []
        await admin.patch(path, json={"rev": 1, "shared": True})
        seen = (await budi.get(path)).json()
        assert (seen["mine"], seen["owner_name"], seen["rev"]) == (False, "Admin", 2)
        renamed = await budi.patch(path, json={"rev": 2, "name": "Sungai Mentaya", "folder": "Sampit"})
        assert (renamed.status_code, renamed.json()["rev"]) == (200, 3)
        late = await admin.patch(path, json={"rev": 2, "layout": {"grid": "1"}, "cameras": [CAMERA]})
        assert (late.status_code, late.json()["reason"]) == (409, "view_changed")
        hidden = await budi.patch(path, json={"rev": 3, "shared": False})
        assert (hidden.status_code, hidden.json()["reason"]) == (403, "view_owner")
        assert (await admin.get(path)).json()["name"] == "Sungai Mentaya"
        assert (await admin.delete(path, params={"rev": 2})).status_code == 409
        assert (await admin.delete(path, params={"rev": 3})).status_code == 204
        assert (await budi.get(path)).status_code == 404
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert {"view.add", "view.change", "view.remove"} <= set(actions)


async def test_favourites_are_of_a_person(admin: httpx.AsyncClient, world: World) -> None:
    """Set as often as one likes, and gone with the view."""
    view = (await admin.post("/api/views", json=_body(shared=True))).json()
    path = f"/api/views/{view['id']}"
    for _ in range(2):
        assert (await admin.put(f"{path}/favourite")).status_code == 204
    async with other_person(world) as budi:
        assert (await budi.get(path)).json()["favourite"] is False
    assert (await admin.get(path)).json()["favourite"] is True
    assert (await admin.delete(f"{path}/favourite")).status_code == 204
    assert (await admin.get(path)).json()["favourite"] is False
    await admin.put(f"{path}/favourite")
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.put(f"{path}/favourite")).status_code == 404
    assert await world.catalogue.views.favourites(world.admin.id) == set()


def _free(**change: Any) -> dict[str, Any]:
    return _body(cameras=[None, None], layout=FREE | change)


def _tile(x: Any, y: Any, w: Any, h: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "w": w, "h": h}


@pytest.mark.parametrize(
    "body",
    [
        {}, _body(name=""), _body(name="a\0b"), _body(name="x" * 101), _body(folder="x" * 201),
        _body(folder="a/b/c/d/e"),
        _body(folder="a\u202eb"), _body(shared="yes"), _body(owner="b" * 16), _body(layout=None), _body(layout={}),
        _body(layout={"grid": "5"}), _body(layout={"grid": 4}), _body(layout={"grid": "4", "columns": 2}),
        _body(cameras=[]), _body(cameras=[None] * 3), _body(cameras=["x", None, None, None]),
        _body(cameras=[None] * 65),
        _free(columns=33), _free(columns=0), _free(rows=1), _free(rows=True), _free(columns=3.0), _free(tiles=[]),
        _free(tiles=[_tile(0, 0, 2, 1), _tile(1, 0, 1, 1)]), _free(tiles=[_tile(0, 0, 0, 1), _tile(1, 0, 1, 1)]),
        _free(tiles=[_tile(-1, 0, 1, 1), _tile(1, 0, 1, 1)]), _free(tiles=[_tile(0, 0, 1, 1)]),
        _free(tiles=[_tile(0, 0, 4, 1), _tile(0, 1, 1, 1)]), _free(tiles=[{"x": 0}, _tile(0, 1, 1, 1)]),
        _free(tiles=[_tile(0, 0, 1, 1)] * 65), _free(columns=10**30),
    ],
    ids=lambda body: repr(body)[:120],
)  # fmt: skip
async def test_what_is_no_view_is_refused(admin: httpx.AsyncClient, world: World, body: dict[str, Any]) -> None:
    """A clear problem with a field, and nothing is kept."""
    answer = await admin.post("/api/views", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "input"
    assert answer.json()["field"]
    assert await world.catalogue.views.list() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "x"}, 422), ({"rev": 9, "name": "x"}, 409), ({"rev": 1, "layout": {"grid": "1"}}, 422),
        ({"rev": 1, "cameras": [None]}, 422), ({"rev": 1, "layout": {"grid": "1"}, "cameras": [None, None]}, 422),
        ({"rev": 1, "owner": "b" * 16}, 422), ({"rev": True, "name": "x"}, 422),
    ],
)  # fmt: skip
async def test_a_bad_change_changes_nothing(
    admin: httpx.AsyncClient, world: World, change: dict[str, Any], status: int
) -> None:
    """Refused, and the view is as it was; so is one that is not there."""
    view = (await admin.post("/api/views", json=_body())).json()
    before = await world.catalogue.views.list()
    assert (await admin.patch(f"/api/views/{view['id']}", json=change)).status_code == status
    assert await world.catalogue.views.list() == before
    for ident in ("b" * 16, "x", "..%2f"):
        assert (await admin.get(f"/api/views/{ident}")).status_code == 404
    assert (await admin.get("/api/views?cursor=made-up")).status_code == 422


async def test_nobody_sees_views_without_signing_in(client: httpx.AsyncClient) -> None:
    """Nor makes one."""
    assert (await client.get("/api/views")).status_code == 401
    assert (await client.post("/api/views", json=_body())).status_code in {401, 403}
