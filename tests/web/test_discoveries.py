"""Looking for cameras by the API: a Job that is followed and cancelled, devices that are described, who may do it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_cameras import SECRET, add
from tests.web.test_rights import signed_in
from vms.bus.base import Value
from vms.domain.rights import Grant, PersonRole
from vms.errors import CameraUnreachableError

FOUND = {"url": "http://10.0.0.5/onvif/device_service", "name": "", "model": "M1", "how": "scan", "clock_off_s": 90.0}
FEEDS = [
    {"name": "a", "url": "rtsp://10.0.0.5/main", "codec": "h265", "width": 1920, "height": 1080, "fps": 25, "gop": 250},
    {"name": "b", "url": "rtsp://10.0.0.5/third", "codec": "mjpeg", "width": 320, "height": 180, "fps": 5, "gop": 0},
    {"name": "c", "url": "rtsp://10.0.0.5/sub", "codec": "h265", "width": 640, "height": 360, "fps": 25, "gop": 50},
]


class Site:
    """A site's node that looks: one device at 10.0.0.5; waits between looks where it is told to."""

    def __init__(self, world: World) -> None:
        self.looks: list[dict[str, Any]] = []
        self.go = asyncio.Event()
        self.go.set()
        world.bus.serve("ingest.discover.sampit", self._look)
        world.bus.serve("ingest.describe.sampit", self._describe)

    async def _look(self, value: Value) -> Value:
        self.looks.append({key: value[key] for key in value if key != "_subject"})
        await self.go.wait()
        there = "10.0.0.5" in value.get("addresses", ())
        return {"found": [FOUND | {"address": "10.0.0.5"}] if there else [], "elsewhere": int("multicast" in value)}

    async def _describe(self, value: Value) -> Value:
        if value["password"] != "admin":
            return {
                "ok": False,
                "message": f"refused {value['password']}",
                "hint": "",
                "reason": "onvif_auth",
                "params": {},
            }
        return {
            "ok": True, "maker": "A", "model": "M1", "firmware": "1", "serial": "2", "clock_off_s": 90.0, "ptz": True,
            "elsewhere": 0, "feeds": FEEDS,
        }  # fmt: skip


async def ended(client: httpx.AsyncClient, job: str) -> dict[str, Any]:
    """The search once it is over."""
    async with asyncio.timeout(5):
        while (now := (await client.get(f"/api/discoveries/{job}")).json())["state"] == "running":
            await asyncio.sleep(0)
    found: dict[str, Any] = now
    return found


async def test_a_range_is_looked_through_from_the_site(world: World, admin: httpx.AsyncClient) -> None:
    """By multicast, then some dozens of addresses a look; what is registered already is named."""
    site = Site(world)
    camera = await add(admin)
    body = {"site": SITE.id, "ranges": ["10.0.0.0/25"], "ports": [80, 80, 554]}
    begun = await admin.post("/api/discoveries", json=body)
    assert begun.status_code == 202, begun.text
    done = await ended(admin, begun.json()["id"])
    assert (done["state"], done["progress"], done["elsewhere"]) == ("done", 1.0, 1)
    assert [len(look.get("addresses", ())) for look in site.looks] == [0, 64, 62]
    assert site.looks[1]["ports"] == [80, 554]
    (one,) = done["found"]
    assert one["cameras"] == [{"id": camera["id"], "name": "Pasar Besar"}]
    entries, _ = await world.catalogue.audit.list()
    assert "camera.discover" in {entry.action for entry in entries}
    assert len(await world.catalogue.cameras.list()) == 1


async def test_a_search_is_cancelled(world: World, admin: httpx.AsyncClient) -> None:
    """No further look is asked for; twice is a conflict; only a few run at once."""
    site = Site(world)
    site.go.clear()
    body = {"site": SITE.id, "ranges": ["10.0.0.0/24"]}
    jobs = [(await admin.post("/api/discoveries", json=body)).json()["id"] for _ in range(4)]
    assert (await admin.post("/api/discoveries", json=body)).json()["reason"] == "discoveries_many"
    for job in jobs:
        assert (await admin.delete(f"/api/discoveries/{job}")).status_code == 204
    site.go.set()
    assert [(await ended(admin, job))["state"] for job in jobs] == ["cancelled"] * 4
    assert (await admin.delete(f"/api/discoveries/{jobs[0]}")).status_code == 409
    assert len(site.looks) == 4


async def test_what_goes_wrong_is_said(world: World, admin: httpx.AsyncClient) -> None:
    """Nobody at the site answers."""
    world.bus.serve("ingest.discover.sampit", _broken)
    job = (await admin.post("/api/discoveries", json={"site": SITE.id})).json()["id"]
    done = await ended(admin, job)
    assert (done["state"], done["reason"]) == ("failed", "onvif_silent")


async def _broken(_value: Value) -> Value:
    raise CameraUnreachableError("The network is away.", reason="onvif_silent", params={"place": "x"})


async def test_a_device_is_described_with_what_will_disappoint(world: World, admin: httpx.AsyncClient) -> None:
    """Which streams it would be, and warnings; a refusal without the password."""
    Site(world)
    camera = await add(admin)
    body = {"site": SITE.id, "url": FOUND["url"], "username": "admin", "password": "admin"}
    told = (await admin.post("/api/discoveries/describe", json=body)).json()
    assert (told["ok"], told["main"], told["sub"]) == (True, "rtsp://10.0.0.5/main", "rtsp://10.0.0.5/sub")
    reasons = {warning["reason"]: warning["params"] for warning in told["warnings"]}
    assert reasons == {
        "twin": {"camera": camera["name"]}, "default_login": {}, "clock_off": {"seconds": "90"}, "h265": {},
        "long_gop": {"seconds": "10"},
    }  # fmt: skip
    refused = await admin.post("/api/discoveries/describe", json=body | {"password": SECRET})
    assert (refused.json()["ok"], refused.json()["reason"]) == (False, "onvif_auth")
    assert SECRET not in refused.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ranges": ["10.0.0.0/8"]}, "ranges"), ({"ranges": ["127.0.0.1"]}, "ranges"), ({"ranges": ["x"]}, "ranges"),
        ({"multicast": False}, "ranges"), ({"ports": []}, "ports"), ({"ports": [0]}, "ports.0"),
        ({"ports": ["80"]}, "ports.0"),
        ({"ports": list(range(1, 10))}, "ports"), ({"ranges": ["10.0.0.1"] * 17}, "ranges"),
        ({"site": "aaaaaaaaaaaaaaaa"}, "site"),
        ({"multicast": "yes"}, "multicast"), ({"x": 1}, "x"),
    ],
)  # fmt: skip
async def test_bad_searches_are_refused(admin: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    """With the field, before anything is asked of the site."""
    answer = await admin.post("/api/discoveries", json={"site": SITE.id} | body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://127.0.0.1/x", "http://169.254.169.254/x", "rtsp://10.0.0.1/x"]
)
async def test_only_devices_where_cameras_may_be_are_asked(admin: httpx.AsyncClient, url: str) -> None:
    """The rules of addresses hold here too."""
    answer = await admin.post("/api/discoveries/describe", json={"site": SITE.id, "url": url})
    assert (answer.status_code, answer.json()["field"]) == (422, "url")


async def test_each_admin_looks_at_their_own_site(world: World, admin: httpx.AsyncClient) -> None:
    """Not from another's node, and another's search is not there."""
    Site(world)
    job = (await admin.post("/api/discoveries", json={"site": SITE.id})).json()["id"]
    await ended(admin, job)
    async with signed_in(world, Grant(PersonRole.ADMIN, OTHER_SITE.id)) as client:
        for site in (SITE.id, None):
            assert (await client.post("/api/discoveries", json={"site": site})).status_code == 403
            body = {"site": site, "url": FOUND["url"]}
            assert (await client.post("/api/discoveries/describe", json=body)).status_code == 403
        assert (await client.get(f"/api/discoveries/{job}")).status_code == 404
        assert (await client.delete(f"/api/discoveries/{job}")).status_code == 404


async def test_a_camera_that_is_tried_is_compared_with_the_others(world: World, admin: httpx.AsyncClient) -> None:
    """Its address is registered already, its login is the maker's; the one that is changed is no double of itself."""
    camera = await add(admin)
    body = {"url": "rtsp://10.0.0.5/main", "username": "admin", "password": "12345"}
    told = (await admin.post("/api/cameras/probe", json=body)).json()
    assert {warning["reason"] for warning in told["warnings"]} == {"twin", "default_login"}
    again = (await admin.post("/api/cameras/probe", json=body | {"camera": camera["id"]})).json()
    assert {warning["reason"] for warning in again["warnings"]} == {"default_login"}
    assert world.ingest.probes[-1]["url"] == body["url"]
