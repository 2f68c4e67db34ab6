"""Accounts: opened, changed, closed, and what ends with that; the last admin stays one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.web.conftest import PASSWORD, SITE, World, sign_in
from tests.web.fakes import OFFER
from tests.web.live import SDP, closed, control, heard, open_wall
from tests.web.test_cameras import add
from tests.web.test_server import serving
from vms.domain.ids import new_id
from web.security.authority import LOOK_AGAIN_S

OPERATOR = {"role": "operator", "site": SITE.id, "until": None}


async def opened(admin: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """A new account with a password that was given."""
    body = {"username": "rina", "name": "Rina", "password": PASSWORD, "grants": [OPERATOR]} | changes
    answer = await admin.post("/api/people", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@asynccontextmanager
async def grown_up(world: World, client: httpx.AsyncClient, username: str = "rina") -> AsyncIterator[httpx.AsyncClient]:
    """The person signed in, past the first change of password."""
    await sign_in(client, username)
    new = f"{PASSWORD}-2"
    answer = await client.post("/api/session/password", json={"old": PASSWORD, "new": new})
    assert answer.status_code == 204, answer.text
    yield client


async def test_an_account_is_opened_with_a_password_that_is_shown_once(world: World, admin: httpx.AsyncClient) -> None:
    """It opens the door, must be changed, and no answer holds it again."""
    made = await opened(admin, password=None)
    assert len(made["password"]) >= 16
    assert (await admin.get(f"/api/people/{made['id']}")).json()["password"] is None
    assert made["password"] not in (await admin.get("/api/people")).text
    async with world.client() as rina:
        await sign_in(rina, "rina", made["password"])
        assert (await rina.get("/api/cameras")).json()["code"] == "password_change_required"
        said = (await rina.get("/api/session")).json()
        assert said["rights"] == ["audio", "live", "operate", "ptz", "replay"]
    entries = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert "person.add" in entries


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"name": " "}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "rina"}, "password"),
        ({"language": "jv"}, "language"),
        ({"grants": [{"role": "root"}]}, "grants.0.role"),
        ({"grants": [{"role": "viewer", "site": "a" * 16}]}, "grants.0.site"),
        ({"grants": [{"role": "viewer", "until": "tomorrow"}]}, "grants.0.until"),
        ({"exceptions": [{"camera": "a" * 16, "right": "live", "allow": True}]}, "exceptions.0.camera"),
        ({"grants": [OPERATOR] * 101}, "grants"),
        ({"is_admin": True}, "is_admin"),
    ],
)
async def test_bad_accounts_are_refused(
    world: World, admin: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    """422 with the field, and nobody new."""
    body = {"username": "rina", "name": "Rina", "password": PASSWORD} | change
    answer = await admin.post("/api/people", json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.text
    assert PASSWORD not in answer.text
    assert await world.catalogue.people.count() == 1


async def test_a_name_is_taken_once_and_a_change_written_over_never(world: World, admin: httpx.AsyncClient) -> None:
    """409 for another account of the same name, and for a change of what somebody else has changed."""
    made = await opened(admin)
    again = await admin.post("/api/people", json={"username": "RINA", "name": "Other", "password": PASSWORD})
    assert (again.status_code, again.json()["reason"]) == (409, "username_taken")
    path, body = f"/api/people/{made['id']}", {"name": "Rina Wati", "rev": made["rev"]}
    assert (await admin.patch(path, json=body)).json()["name"] == "Rina Wati"
    assert (await admin.patch(path, json=body)).status_code == 409


async def test_the_last_admin_stays_one(world: World, admin: httpx.AsyncClient) -> None:
    """Neither closed nor without the grant, until somebody else has it for good."""
    path, rev = f"/api/people/{world.admin.id}", world.admin.rev
    ending = {"role": "admin", "site": None, "until": "2100-01-01T00:00:00Z"}
    changes: list[dict[str, Any]] = [{"enabled": False}, {"grants": []}, {"grants": [ending]}]
    for change in changes:
        answer = await admin.patch(path, json=change | {"rev": rev})
        assert (answer.status_code, answer.json()["reason"]) == (409, "last_admin")
    await opened(admin, grants=[{"role": "admin", "site": None}])
    assert (await admin.patch(path, json={"grants": [OPERATOR], "rev": rev})).status_code == 200
    assert (await admin.get("/api/people")).status_code == 403


async def test_sign_ins_are_listed_and_ended(world: World, admin: httpx.AsyncClient) -> None:
    """One, all, and all with another password; none of it opens a door with what it shows."""
    made = await opened(admin)
    path = f"/api/people/{made['id']}"
    async with world.client() as one, world.client() as two:
        await sign_in(one, "rina")
        await sign_in(two, "rina")
        listed = (await admin.get(f"{path}/sessions")).json()["items"]
        assert len(listed) == 2
        assert not any(entry["here"] for entry in listed)
        assert (await admin.delete(f"{path}/sessions/{listed[0]['id']}")).status_code == 204
        states = [(await client.get("/api/session")).status_code for client in (one, two)]
        assert sorted(states) == [200, 204]
        assert (await admin.post(f"{path}/password", json={})).json()["password"]
        assert (await one.get("/api/session")).status_code == (await two.get("/api/session")).status_code == 204
        assert (await admin.delete(f"{path}/sessions/{new_id()}")).status_code == 404


async def test_what_is_taken_away_ends_within_seconds(world: World, admin: httpx.AsyncClient) -> None:
    """A tile turns forbidden, a WHEP session ends, and the rest of the wall goes on; a closed account ends all."""
    camera = await add(admin)
    made = await opened(admin)
    path = f"/api/people/{made['id']}"
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as rina, grown_up(world, rina):
        tiles = [{"tile": 0, "camera": camera["id"], "stream": "main"}]
        wall = await open_wall(rina, tiles=tiles)
        whep = await rina.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)
        assert whep.status_code == 201, whep.text
        async with control(server, rina, wall) as socket:
            await heard(socket)
            rev = (await admin.get(path)).json()["rev"]
            none = await admin.patch(path, json={"grants": [], "rev": rev})
            assert none.status_code == 200, none.text
            told: dict[str, Any] = {}
            while told.get("state") != "forbidden":
                await world.clock.advance(LOOK_AGAIN_S)
                try:
                    told = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
                except TimeoutError:
                    continue
            assert told["tile"] == 0
            shows = [m for m in world.streamer.messages if m.get("type") == "show"]
            assert shows[-1]["camera"] is None
            location = whep.headers["location"]
            assert (await rina.delete(location)).status_code == 404
            await admin.patch(path, json={"enabled": False, "rev": none.json()["rev"]})
            assert await closed(socket) == 4401
