"""What is taken away while it is in use: sound, tiles of a wall that comes and goes, downloads, screens, sign-ins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from tests.web.conftest import CHEAP, OTHER_SITE, PASSWORD, SITE, World, sign_in
from tests.web.live import control, heard, open_wall
from tests.web.screens import pair, push
from tests.web.test_playback import FROM, TO, put_segment
from tests.web.test_rights import HASH, camera_at, signed_in
from tests.web.test_server import serving
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import CameraException, Grant, PersonRole, Right
from web.security.authority import LOOK_AGAIN_S
from web.security.passwords import hash_password

OPERATOR = Grant(PersonRole.OPERATOR, SITE.id)


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that comes within moments."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


async def change(world: World, client: httpx.AsyncClient, *grants: Grant) -> None:
    """The client's person has these grants from now on."""
    person = await world.catalogue.people.get((await client.get("/api/session")).json()["person"]["id"])
    assert person is not None
    assert await world.catalogue.people.put(replace(person, grants=grants, rev=person.rev + 1))


async def test_sound_does_not_follow_its_tile_to_a_camera_that_may_not_be_heard(
    world: World, admin: httpx.AsyncClient
) -> None:
    """Nor for a moment, nor after another socket took over the wall whose tile is listened to."""
    loud, quiet = await camera_at(admin, SITE.id, "Pasar"), await camera_at(admin, SITE.id, "Bank")
    deaf = CameraException(quiet, Right.AUDIO, allow=False)
    await world.catalogue.people.put(Person(new_id(), "rina", "Rina", HASH, grants=(OPERATOR,), exceptions=(deaf,)))
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client, "rina")
        wall = await open_wall(client, tiles=[{"tile": 0, "camera": loud, "stream": "sub"}])
        async with control(server, client, wall) as socket:
            await socket.send(json.dumps({"type": "listen", "tile": 0}))
            await until(lambda: {"type": "listen", "tile": 0} in world.streamer.messages)
        async with control(server, client, wall) as socket:
            show = {"type": "show", "tile": 0, "camera": quiet, "stream": "sub", "n": 1}
            await socket.send(json.dumps(show))
            await until(lambda: show in world.streamer.messages)
    said = [m for m in world.streamer.messages if m["type"] in {"listen", "show"}]
    assert said == [{"type": "listen", "tile": 0}, {"type": "listen", "tile": None}, show]


async def test_a_wall_that_comes_and_goes_is_looked_at_too(world: World, admin: httpx.AsyncClient) -> None:
    """Whose socket is gone when the right ends does not watch on: the session ends within seconds."""
    camera = await camera_at(admin, SITE.id, "Pasar")
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        wall = await open_wall(client, tiles=[{"tile": 0, "camera": camera, "stream": "sub"}])
        async with control(server, client, wall) as socket:
            await heard(socket)
        await until(lambda: world.parts.walls._walls[wall].leaving)
        await change(world, client)
        await world.clock.advance(LOOK_AGAIN_S)
        await until(lambda: wall in world.streamer.closed)


async def test_a_view_that_is_pushed_is_given_no_more_than_who_pushed_it_may_watch(
    world: World, admin: httpx.AsyncClient
) -> None:
    """A camera that is put into it later is not shown, nor is any when the right has gone."""
    mine, other = await camera_at(admin, SITE.id, "Pasar"), await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    async with signed_in(world, OPERATOR) as operator, world.client() as screen:
        display = await pair(operator, screen)
        body = {"name": "Pagi", "layout": {"grid": "4"}, "cameras": [mine, None, None, None], "shared": True}
        view = (await operator.post("/api/views", json=body)).json()
        await push(operator, display, kind="view", subject=view["id"])
        assert await world.parts.sights.cameras_of(display["id"]) == {mine}
        more = {"layout": {"grid": "4"}, "cameras": [mine, other, None, None], "rev": view["rev"]}
        assert (await operator.patch(f"/api/views/{view['id']}", json=more)).status_code == 200
        assert await world.parts.sights.cameras_of(display["id"]) == {mine}
        await change(world, operator)
        assert await world.parts.sights.cameras_of(display["id"]) == frozenset()


async def test_a_list_of_screens_does_not_name_what_is_not_seen(world: World, admin: httpx.AsyncClient) -> None:
    """An operator of another place learns that there is something on it, and not what camera."""
    other = await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    async with signed_in(world, OPERATOR) as operator, world.client() as screen:
        display = await pair(admin, screen)
        assert (await push(admin, display, kind="camera", subject=other))["scene"]["name"] == "Pelabuhan"
        for answer in (await operator.get("/api/displays"), await operator.get(f"/api/displays/{display['id']}")):
            assert answer.status_code == 200
            assert "Pelabuhan" not in answer.text
        assert "Pelabuhan" in (await admin.get("/api/displays")).text


async def test_a_download_is_cut_when_the_right_is_taken_away(world: World, admin: httpx.AsyncClient) -> None:
    """Within seconds, though the sign-in goes on; of a removed camera it goes on as long as the right does."""
    camera = await camera_at(admin, SITE.id, "Pasar")
    investigator = Grant(PersonRole.INVESTIGATOR, SITE.id)
    await world.catalogue.people.put(Person(new_id(), "rina", "Rina", HASH, grants=(investigator,)))
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client, "rina")
        world.playback.download = put_segment(world, camera, data=bytes(60_000_000))
        url = f"/api/cameras/{camera}/footage.mp4"
        async with client.stream("GET", url, params={"from": FROM, "to": TO}) as answer:
            blocks = answer.aiter_raw()
            await anext(blocks)
            assert (await admin.delete(f"/api/cameras/{camera}")).status_code == 204
            await world.parts.permits.look()
            await anext(blocks)
            await change(world, client, OPERATOR)
            await world.clock.advance(LOOK_AGAIN_S)
            with pytest.raises(httpx.RemoteProtocolError):
                async for _block in blocks:
                    pass
        assert (await client.get("/api/session")).status_code == 200


async def test_a_report_leaves_out_what_may_not_be_replayed(world: World, admin: httpx.AsyncClient) -> None:
    """An exception counts there too."""
    await camera_at(admin, SITE.id, "Pasar")
    hidden = await camera_at(admin, SITE.id, "Bank")
    taken = CameraException(hidden, Right.REPLAY, allow=False)
    async with signed_in(world, OPERATOR, exceptions=(taken,)) as operator:
        for name in ("coverage", "coverage.csv"):
            answer = await operator.get(f"/api/sites/{SITE.id}/{name}", params={"month": "2026-09"})
            assert answer.status_code == 200, answer.text
            assert "Pasar" in answer.text
            assert "Bank" not in answer.text


@pytest.mark.parametrize("path", ["/api/cameras/probe", "/api/cameras/onvif"])
async def test_who_administers_one_site_tries_nothing_from_elsewhere(
    world: World, admin: httpx.AsyncClient, path: str
) -> None:
    """Without a site any node would do it, in the network of another regency."""
    url = "rtsp://10.0.0.1/x" if path.endswith("probe") else "http://10.0.0.1/onvif/device_service"
    async with signed_in(world, Grant(PersonRole.ADMIN, SITE.id)) as client:
        for site in ({}, {"site": OTHER_SITE.id}):
            assert (await client.post(path, json={"url": url} | site)).status_code == 403
    assert world.ingest.probes == []


async def test_two_admins_who_end_each_other_at_once_leave_one(world: World, admin: httpx.AsyncClient) -> None:
    """Who comes second is told that nobody else is left."""
    other = Person(new_id(), "budi", "Budi", HASH, grants=world.admin.grants)
    await world.catalogue.people.put(other)
    changes = [admin.patch(f"/api/people/{one.id}", json={"grants": [], "rev": 1}) for one in (world.admin, other)]
    answers = await asyncio.gather(*changes)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [bool(one.grants) for one in await world.catalogue.people.list()].count(True) == 1


async def test_a_sign_in_under_way_ends_with_its_password(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed while the old one was looked at: that opens nothing."""
    verify = world.parts.passwords.verify

    async def slow(password: str, stored: str | None) -> bool:
        found = await verify(password, stored)
        changed = replace(world.admin, password_hash=hash_password("another one here", CHEAP), rev=2)
        await world.catalogue.people.put(changed)
        await world.catalogue.sessions.delete_of(world.admin.id)
        return found

    monkeypatch.setattr(world.parts.passwords, "verify", slow)
    answer = await client.post("/api/session", json={"username": "admin", "password": PASSWORD})
    assert (answer.status_code, answer.json()["reason"]) == (401, "signin_wrong")
    assert await world.catalogue.sessions.of(world.admin.id) == []


async def test_a_sign_in_that_was_ended_does_not_come_back_with_a_new_password(
    world: World, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended by an admin while the old password was looked at."""
    verify = world.parts.passwords.verify

    async def slow(password: str, stored: str | None) -> bool:
        await world.catalogue.sessions.delete_of(world.admin.id)
        return await verify(password, stored)

    monkeypatch.setattr(world.parts.passwords, "verify", slow)
    await admin.post("/api/session/password", json={"old": PASSWORD, "new": "another one here"})
    assert await world.catalogue.sessions.of(world.admin.id) == []


async def test_a_kept_password_is_tried_at_no_other_site(world: World, admin: httpx.AsyncClient) -> None:
    """The same address is another machine there."""
    camera = await camera_at(admin, SITE.id, "Pasar")
    body = {"url": "http://10.0.0.1/onvif/device_service", "camera": camera, "site": OTHER_SITE.id}
    answer = await admin.post("/api/cameras/onvif", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "password_again")


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/people"), ("GET", "/api/people")])
async def test_a_refusal_is_written_down_once(world: World, method: str, path: str) -> None:
    """Whatever was wanted."""
    async with signed_in(world, OPERATOR) as operator:
        assert (await operator.request(method, path, json={})).status_code == 403
    said = [entry.subject for entry in (await world.catalogue.audit.list())[0] if entry.action == "refused"]
    assert said == [f"{method} {path}"]
