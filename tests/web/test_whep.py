"""WHEP: one camera for any player; whose session it is, what is refused, and that nothing is kept of who went."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import World, sign_in
from tests.web.fakes import ANSWER, OFFER
from tests.web.live import SDP, another_node, operator, server, somebody_else, until
from tests.web.test_cameras import add
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from web.app import WebOptions
from web.server import WebServer

__all__ = ["operator", "server"]


async def test_whep_serves_one_camera(world: World, admin: httpx.AsyncClient) -> None:
    """201 with Location and SDP; candidates by PATCH; DELETE ends it, and a second time there is nothing."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}/whep"
    answer = await admin.post(f"{path}?stream=sub", content=OFFER, headers=SDP)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (201, ANSWER, "application/sdp")
    assert {k: world.streamer.opened[0][k] for k in ("camera", "stream", "person", "sdp")} == {
        "camera": camera["id"], "stream": "sub", "person": world.admin.id, "sdp": OFFER
    }  # fmt: skip
    location = answer.headers["location"]
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}
    assert (await admin.patch(location, content="a=candidate:1", headers=fragment)).status_code == 204
    assert world.streamer.fragments == ["a=candidate:1"]
    assert (await admin.patch(location, content="a=candidate:1", headers=SDP)).status_code == 415
    assert (await admin.delete(location)).status_code == 204
    assert (await admin.delete(location)).status_code == 404


async def test_whep_of_somebody_else_is_not_there(world: World, admin: httpx.AsyncClient) -> None:
    """PATCH and DELETE answer 404 and change nothing; without a session 401."""
    camera = await add(admin)
    location = (await admin.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)).headers["location"]
    await world.catalogue.people.put(
        Person(new_id(), "siti", "Siti", world.admin.password_hash, grants=EVERYTHING.grants)
    )
    async with world.client() as siti:
        fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}
        assert (await siti.delete(location)).status_code == 401
        await sign_in(siti, "siti")
        assert (await siti.delete(location)).status_code == 404
        assert (await siti.patch(location, content="a=x", headers=fragment)).status_code == 404
    assert world.streamer.closed == world.streamer.fragments == []


@pytest.mark.parametrize(
    ("query", "content", "headers", "status"),
    [
        ("", "hello", SDP, 400), ("", b"v=0\n\xff\xfe", SDP, 400), ("", "", SDP, 400),
        ("", '{"sdp": 1}', {"Content-Type": "application/json"}, 415), ("?stream=third", OFFER, SDP, 422),
        ("", OFFER + "a" * 2_000_000, SDP, 413),
    ],
)  # fmt: skip
async def test_bad_whep_offers(
    world: World, admin: httpx.AsyncClient, query: str, content: Any, headers: dict[str, str], status: int
) -> None:
    """Refused before a streamer hears of them."""
    camera = await add(admin)
    answer = await admin.post(f"/api/cameras/{camera['id']}/whep{query}", content=content, headers=headers)
    assert answer.status_code == status
    assert world.streamer.opened == []
    gone = await admin.post(f"/api/cameras/{new_id()}/whep", content=OFFER, headers=SDP)
    assert gone.status_code == 404


async def test_whep_through_another_web_node(
    world: World, server: WebServer, operator: httpx.AsyncClient, options: WebOptions
) -> None:
    """PATCH and DELETE reach the session wherever it was opened, of its own person alone."""
    camera = await add(operator)
    opened = await operator.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)
    place, fragment = opened.headers["Location"], {"Content-Type": "application/trickle-ice-sdpfrag"}
    async with another_node(world, options) as (_, other), somebody_else(world, server) as siti:
        for who, status in ((siti, 404), (operator, 204)):
            async with httpx.AsyncClient(base_url=other.url, cookies=who.cookies, headers=who.headers) as via:
                patched = await via.patch(place, content="a=candidate:1", headers=fragment)
                assert patched.status_code == status
                assert (await via.delete(place)).status_code == status
                assert (await via.delete("/api/whep/*")).status_code == 404


async def test_one_person_does_not_take_every_viewers_place(world: World, operator: httpx.AsyncClient) -> None:
    """Of more than 32 players of one person the oldest end."""
    camera = await add(operator)
    for _ in range(34):
        await operator.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)
    assert world.streamer.closed == ["whep1", "whep2"]


async def test_whep_sessions_that_end_by_themselves_are_forgotten(world: World, operator: httpx.AsyncClient) -> None:
    """Players that come and go for weeks push out nobody who still watches, and keep nothing."""
    camera = await add(operator)
    for _ in range(3):
        await operator.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)
    assert len(world.parts.wheps._sessions) == 3
    for session in ("whep1", "whep2", "unknown"):
        world.bus.publish("streamer.session.ended", {"session": session})
    await until(lambda: list(world.parts.wheps._sessions) == ["whep3"])
