"""The rights matrix: each route of the application with each role at the person's own site, at another and at none; and
what lists, walls and WHEP give to whom. Which route asks what is written a second time here, by its address alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from tests.web.conftest import CHEAP, OTHER_SITE, PASSWORD, SITE, World, sign_in
from tests.web.fakes import OFFER
from tests.web.test_cameras import add
from vms.bus.base import Value
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import GIVES, CameraException, Grant, PersonRole, Right
from web.security.passwords import hash_password
from web.security.route_rules import RULES, On, rule_of

ROLES = (None, *PersonRole)
HASH = hash_password(PASSWORD, CHEAP)
# What an address of a camera asks, by what follows the id; the longest that fits counts.
_CAMERA = {
    "": None,
    "/snapshot": Right.LIVE,
    "/whep": Right.LIVE,
    "/ptz": Right.LIVE,
    "/ptz/": Right.PTZ,
    "/coverage": Right.REPLAY,
    "/picture": Right.REPLAY,
    "/playlist.m3u8": Right.REPLAY,
    "/key-frames": Right.REPLAY,
    "/segments/": Right.REPLAY,
    "/thumbnail": Right.REPLAY,
    "/footage.mp4": Right.EXPORT,
}


def routes(world: World) -> Iterator[tuple[str, str, str]]:
    """Operation, method and path of each route of the API that a person calls."""
    for context in iter_route_contexts(world.app.routes):
        path = context.path or ""
        if path.startswith("/api/") and not path.startswith("/api/display/"):
            for method in sorted(context.methods or ()):
                yield str(getattr(context.original_route, "operation_id", None)), method, path


@asynccontextmanager
async def signed_in(
    world: World, *grants: Grant, exceptions: tuple[CameraException, ...] = ()
) -> AsyncIterator[httpx.AsyncClient]:
    """A person with these grants."""
    name = f"p{new_id()}"
    await world.catalogue.people.put(Person(new_id(), name, name, HASH, grants=grants, exceptions=exceptions))
    async with world.client() as client:
        await sign_in(client, name)
        yield client


async def camera_at(admin: httpx.AsyncClient, site: str, name: str) -> str:
    """A new camera there."""
    body = {"name": name, "site": site, "streams": [{"name": "main", "url": "rtsp://10.0.0.1/x"}]}
    answer = await admin.post("/api/cameras", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _refused(answer: httpx.Response) -> bool:
    """Whether rights kept the caller out: refused, or told that the camera or site is not there."""
    if answer.status_code in {401, 403}:
        return True
    gone = {"camera_gone", "site_gone"}
    return answer.status_code == 404 and answer.json().get("reason") in gone


def _right_of_camera(method: str, rest: str) -> Right | None:
    if not rest and method in {"PATCH", "DELETE"}:
        return Right.ADMIN
    return _CAMERA[max((known for known in _CAMERA if rest.startswith(known)), key=len)]


def _may(operation: str, method: str, path: str, given: frozenset[Right], *, own: bool) -> bool | None:
    """What must be; None: the route lets everybody signed in come, and its own tests say what they get."""
    there = given if own else frozenset()
    if path.startswith("/api/cameras/{camera_id}"):
        right = _right_of_camera(method, path.removeprefix("/api/cameras/{camera_id}"))
        seen = bool(there & {Right.LIVE, Right.REPLAY, Right.ADMIN})
        return seen and (right is None or right in there)
    if path.startswith("/api/sites/{site_id}"):
        return (Right.ADMIN if method == "PATCH" else Right.REPLAY) in there
    if path.startswith(("/api/displays", "/api/walls")) or (path.startswith("/api/rules") and method == "GET"):
        return Right.OPERATE in given
    if path.startswith("/api/exports"):
        return Right.EXPORT in given
    if operation == "listHolds":
        return Right.REPLAY in given
    if path.startswith(("/api/cases", "/api/holds")):
        return Right.INVESTIGATE in given
    if path.startswith("/api/search"):
        return (Right.INVESTIGATE if "fills" in path else Right.REPLAY) in given
    if path.startswith("/api/discoveries"):
        return Right.ADMIN in given
    if path.startswith(("/api/people", "/api/rules")):
        return False  # these grants are at a site; such things ask for all
    if operation in {"addCamera", "probeCamera", "tryOnvif", "importCameras", "undoImport", "exportCameras"}:
        return Right.ADMIN in given
    return Right.LIVE in given if operation == "openWall" else None


async def test_each_route_with_each_role_at_each_place(world: World, admin: httpx.AsyncClient) -> None:
    """Who has no right gets nothing, who has one is not kept out: over all routes, roles and places."""
    wanted = [route for route in routes(world) if _may(*route, frozenset(), own=True) is not None]
    wanted.sort(key=lambda route: route[1] == "DELETE")  # an admin's own camera is gone only then
    checked, leaks = 0, []
    for role in ROLES:
        grants = () if role is None else (Grant(role, SITE.id),)
        given: frozenset[Right] = frozenset() if role is None else GIVES[role]
        cameras = {site: await camera_at(admin, site, f"{role} {site}") for site in (SITE.id, OTHER_SITE.id)}
        async with signed_in(world, *grants) as client:
            for operation, method, path in wanted:
                for site, camera in cameras.items():
                    address = path.replace("{camera_id}", camera).replace("{site_id}", site)
                    address = re.sub(r"{(number|screen)}", "1", address)
                    address = re.sub(r"{\w+}", "a" * 16, address)
                    answer = await client.request(method, address, json=None if method == "GET" else {})
                    may = _may(operation, method, path, given, own=site == SITE.id)
                    checked += 1
                    if _refused(answer) is may:
                        leaks.append((str(role), operation, "own" if site == SITE.id else "other", answer.status_code))
    print(f"{checked} requests of {len(wanted)} routes")
    assert not leaks
    assert checked > 400


def test_every_route_has_a_rule(world: World) -> None:
    """A route without a rule is refused to all; so is none left over."""
    found = [
        (context.original_route, context.path)
        for context in iter_route_contexts(world.app.routes)
        if isinstance(context.original_route, APIRoute | APIWebSocketRoute)
    ]
    named = {str(getattr(route, "operation_id", None) or route.name) for route, _ in found}
    missing = [path for route, path in found if rule_of(route) is None]
    assert len(found) > 60
    assert missing == []
    assert set(RULES) - named == set()
    assert all(rule.right is not None for rule in RULES.values() if rule.on in {On.SOMEWHERE, On.EVERYWHERE, On.SITE})


async def test_lists_hold_what_is_seen(world: World, admin: httpx.AsyncClient) -> None:
    """Cameras and sites of others are not in any list; addresses of one's own are shown to admins alone."""
    mine = await camera_at(admin, SITE.id, "Pasar")
    await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id)) as operator:
        found = (await operator.get("/api/cameras")).json()["items"]
        assert [(one["id"], one["streams"][0]["url"], one["username"]) for one in found] == [(mine, "", "")]
        assert found[0]["rights"] == ["live", "replay", "ptz", "audio"]
        (site,) = (await operator.get("/api/sites")).json()["items"]
        assert (site["id"], site["rights"]) == (SITE.id, ["live", "replay", "ptz", "audio", "operate"])
        assert (await operator.get("/api/session")).json()["everywhere"] == []
    async with signed_in(world) as nobody:
        assert (await nobody.get("/api/cameras")).json()["items"] == []
        assert (await nobody.get("/api/sites")).json()["items"] == []
        assert (await nobody.get("/api/session")).json()["rights"] == []
    async with signed_in(world, Grant(PersonRole.AUDITOR)) as auditor:
        assert (await auditor.get("/api/cameras")).json()["items"] == []


async def test_an_exception_gives_or_takes_one_right_on_one_camera(world: World, admin: httpx.AsyncClient) -> None:
    """Live of a camera elsewhere is given alone; replay of one of one's own is taken; both for as long as was said."""
    mine, other = await camera_at(admin, SITE.id, "Pasar"), await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    until_ns = world.clock.now_ns() + 60_000_000_000
    exceptions = (
        CameraException(other, Right.LIVE, allow=True, until_ns=until_ns),
        CameraException(mine, Right.REPLAY, allow=False, until_ns=until_ns),
    )
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id), exceptions=exceptions) as client:
        assert {one["id"] for one in (await client.get("/api/cameras")).json()["items"]} == {mine, other}
        assert {one["id"] for one in (await client.get("/api/sites")).json()["items"]} == {SITE.id, OTHER_SITE.id}
        assert (await client.get(f"/api/cameras/{mine}/coverage", params=span)).status_code == 403
        assert (await client.get(f"/api/cameras/{other}/coverage", params=span)).status_code == 403
        await world.clock.advance(61.0)
        assert (await client.get(f"/api/cameras/{mine}/coverage", params=span)).status_code == 200
        assert (await client.get(f"/api/cameras/{other}/coverage", params=span)).status_code == 404


async def test_one_camera_that_may_not_be_watched_costs_its_own_tile(world: World, admin: httpx.AsyncClient) -> None:
    """It is named, the others are shown; a camera that is not there is refused with the whole wall."""
    cameras = [await camera_at(admin, SITE.id, name) for name in ("Pasar", "Dermaga")]
    exceptions = (CameraException(cameras[0], Right.LIVE, allow=False),)
    tiles = [{"tile": tile, "camera": camera} for tile, camera in enumerate(cameras)]
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id), exceptions=exceptions) as client:
        answer = await client.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": tiles})
        assert (answer.status_code, answer.json()["forbidden"]) == (201, [0])
        assert [tile["camera"] for tile in world.streamer.opened[0]["tiles"]] == [cameras[1]]
        tiles[1]["camera"] = new_id()
        assert (await client.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": tiles})).status_code == 422
    assert len(world.streamer.opened) == 1


async def test_who_steers_keeps_a_camera_by_their_role(world: World, admin: httpx.AsyncClient) -> None:
    """An admin before an operator, an operator before whom an exception lets steer; and each is told who is above."""
    camera = str((await add(admin, onvif="http://10.0.0.5/onvif/device_service", site=SITE.id))["id"])
    told: list[int] = []

    async def serve(value: Value) -> Value:
        told.append(value["priority"])
        return {"taken": False, "holder": {"person": "x", "name": "Budi", "priority": 50, "left_s": 9.0}}

    world.bus.serve(f"ingest.ptz.{camera}", serve)
    steers = (CameraException(camera, Right.PTZ, allow=True),)
    above: list[bool] = []
    for role, exceptions in ((PersonRole.ADMIN, ()), (PersonRole.OPERATOR, ()), (PersonRole.VIEWER, steers)):
        async with signed_in(world, Grant(role, SITE.id), exceptions=exceptions) as client:
            moved = await client.post(f"/api/cameras/{camera}/ptz/move", json={"pan": 1})
            above.append(moved.json()["holder"]["above"])
    assert told == sorted(told, reverse=True)
    assert len(set(told)) == 3
    assert above == [False, False, True]


async def test_a_grant_ends_by_itself(world: World, admin: httpx.AsyncClient) -> None:
    """From its end on it gives nothing."""
    camera = await camera_at(admin, SITE.id, "Pasar")
    ends_ns = world.clock.now_ns() + 60_000_000_000
    async with signed_in(world, Grant(PersonRole.VIEWER, None, ends_ns)) as client:
        assert (await client.get(f"/api/cameras/{camera}")).status_code == 200
        await world.clock.advance(61.0)
        assert (await client.get(f"/api/cameras/{camera}")).status_code == 404


@pytest.mark.parametrize("what", ["camera", "tiles"])
async def test_a_screen_shows_nobody_what_who_pushes_may_not_watch(
    world: World, admin: httpx.AsyncClient, what: str
) -> None:
    """A push that names a camera of another site is refused as a whole."""
    other = await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    wall = (await admin.post("/api/walls", json={"name": "Dinding"})).json()["id"]
    body = {"kind": "camera", "subject": other} if what == "camera" else {
        "kind": "tiles", "layout": {"grid": "1"}, "cameras": [other]
    }  # fmt: skip
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id)) as operator:
        answer = await operator.put(f"/api/walls/{wall}/showing", json=body)
        assert answer.status_code in {403, 404}, answer.text
    assert (await admin.put(f"/api/walls/{wall}/showing", json=body)).status_code == 200
