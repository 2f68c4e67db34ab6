"""Thumbnails over the API: the nearest one with its time, caching, what is made where none is stored, who looked."""

from __future__ import annotations

from typing import Any

import httpx

from tests.web.conftest import World
from tests.web.fakes import JPEG
from tests.web.test_cameras import add
from vms.bus.base import Value
from vms.clock import NS_PER_S
from vms.errors import NotFoundError
from web.times import format_time


async def asked(client: httpx.AsyncClient, camera: str, at_ns: int, **params: Any) -> httpx.Response:
    """The picture of then."""
    return await client.get(f"/api/cameras/{camera}/thumbnail", params={"at": format_time(at_ns)} | params)


async def test_the_nearest_one_with_its_time(world: World, admin: httpx.AsyncClient) -> None:
    """It may stay with the browser; the same again is not sent again; scrubbing is written down once."""
    camera = (await add(admin))["id"]
    at_ns = world.clock.now_ns() - 86_400 * NS_PER_S
    world.playback.thumbnails.pictures = {at_ns: JPEG, at_ns + 10 * NS_PER_S: b"later"}
    answer = await asked(admin, camera, at_ns + 4 * NS_PER_S)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert answer.headers["x-captured-at"] == format_time(at_ns)
    assert answer.headers["cache-control"].startswith("private, max-age=86400")
    again = await admin.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await asked(admin, camera, at_ns + 9 * NS_PER_S)).content == b"later"
    written = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert written.count("footage.thumbnails") == 1


async def test_what_is_not_stored_is_made(world: World, admin: httpx.AsyncClient) -> None:
    """Of footage itself, for a while; a stored one that is further away is better than none; else there is none."""
    camera, now_ns = (await add(admin))["id"], world.clock.now_ns()
    nothing = await asked(admin, camera, now_ns)
    assert (nothing.status_code, nothing.content) == (204, b"")
    wanted: list[Value] = []

    async def still(value: Value) -> Value:
        wanted.append(value)
        return {"jpeg": b"made", "at_ns": value["at_ns"] - NS_PER_S, "stream": "sub"}

    world.bus.serve("stills.picture", still)
    made = await asked(admin, camera, now_ns)
    assert (made.content, made.headers["x-captured-at"]) == (b"made", format_time(now_ns - NS_PER_S))
    assert made.headers["cache-control"] == "private, max-age=10"
    assert wanted[0]["width"] == 160
    world.playback.thumbnails.pictures = {now_ns - 50 * NS_PER_S: JPEG}

    async def gone(_value: Value) -> Value:
        raise NotFoundError("nothing is recorded at this moment")

    world.bus.serve("stills.picture", gone)
    assert (await asked(admin, camera, now_ns)).content == JPEG
    assert (await asked(admin, camera, now_ns, within=30)).status_code == 204


async def test_bad_input(world: World, admin: httpx.AsyncClient) -> None:
    """No camera, no time, no sense."""
    camera = (await add(admin))["id"]
    path = f"/api/cameras/{camera}/thumbnail"
    at = {"at": "2026-01-01T00:00:00Z"}
    for params in ({}, {"at": "now"}, at | {"within": "0"}, at | {"within": "nan"}, at | {"within": "1e9"}):
        assert (await admin.get(path, params=params)).status_code == 422
    assert (await asked(admin, "b" * 16, 0)).status_code == 404
    async with world.client() as stranger:
        assert (await asked(stranger, camera, 0)).status_code == 401
