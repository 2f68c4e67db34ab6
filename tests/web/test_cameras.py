"""Cameras: list, register, change, remove, try, and their picture of now."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.fakes import JPEG
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import StreamCondition, StreamState

SECRET = "hunter22hunter"


def form(**changes: Any) -> dict[str, Any]:
    """A camera to register."""
    body: dict[str, Any] = {
        "site": SITE.id,
        "name": "Pasar Besar",
        "streams": [
            {"name": "main", "url": f"rtsp://operator:{SECRET}@10.0.0.5:554/main"},
            {"name": "sub", "url": f"rtsp://operator:{SECRET}@10.0.0.5/sub"},
        ],
    }
    return body | changes


async def add(admin: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """Register, and give the camera back."""
    answer = await admin.post("/api/cameras", json=form(**changes))
    assert answer.status_code == 201, answer.text
    camera: dict[str, Any] = answer.json()
    return camera


async def test_registering_splits_the_login_off_and_tells_everybody(world: World, admin: httpx.AsyncClient) -> None:
    """URLs come back bare, the password not at all; it is in the catalogue, and ingest and recorder hear of it."""
    changed = world.bus.subscribe("cameras.changed")
    camera = await add(admin)
    stored = await world.catalogue.cameras.get(camera["id"])
    assert stored is not None
    assert (stored.username, stored.password, stored.registered_ns) == ("operator", SECRET, world.clock.now_ns())
    assert SECRET not in str(camera)
    assert camera["slug"] == "sampit-pasar-besar"
    assert camera["site"] == {"id": SITE.id, "slug": "sampit", "name": "Sampit"}
    assert (camera["username"], camera["has_password"], camera["rev"]) == ("operator", True, 1)
    assert [(s["name"], s["url"], s["record"]) for s in camera["streams"]] == [
        ("main", "rtsp://10.0.0.5/main", "continuous"),
        ("sub", "rtsp://10.0.0.5/sub", "off"),
    ]
    why = {"why": "Nothing was reported yet.", "reason": "not_told", "params": {}}
    assert camera["state"] == {"condition": "connecting", "since": None, **why}
    assert (await changed.get())[1] == {"camera": camera["id"]}
    assert (await admin.get(f"/api/cameras/{camera['id']}")).json() == camera
    entries, _ = await world.catalogue.audit.list()
    assert (entries[0].action, entries[0].subject) == ("camera.add", camera["id"])
    assert SECRET not in repr(entries)


async def test_short_names_are_unique(admin: httpx.AsyncClient) -> None:
    """The same name twice gets a number; a short name asked for that is taken is a conflict."""
    slugs = [(await add(admin))["slug"] for _ in range(3)]
    assert slugs == ["sampit-pasar-besar", "sampit-pasar-besar-2", "sampit-pasar-besar-3"]
    assert (await add(admin, name="Sampit Pelabuhan"))["slug"] == "sampit-pelabuhan"
    refused = await admin.post("/api/cameras", json=form(slug="sampit-pasar-besar"))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "Kamera 🎥 é", "../../etc", "=1+1", "'; DROP TABLE"])
async def test_names_are_kept_as_text(admin: httpx.AsyncClient, name: str) -> None:
    """What looks dangerous is a name like any other: it comes back as JSON text, its short name is plain."""
    camera = await add(admin, name=f"  {name} ")
    assert camera["name"] == name
    assert set(camera["slug"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


async def test_list_pages_through_everything_once(admin: httpx.AsyncClient) -> None:
    """By site name and short name, in pages that neither repeat nor lose; of one site on demand."""
    for number in range(7):
        await add(admin, name=f"Kamera {number}", site=(SITE if number % 2 else OTHER_SITE).id)
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (await admin.get("/api/cameras", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [(c["site"]["name"], c["slug"]) for c in seen] == sorted((c["site"]["name"], c["slug"]) for c in seen)
    assert len({c["id"] for c in seen}) == len(seen) == 7
    of_site = (await admin.get("/api/cameras", params={"site": SITE.id})).json()
    assert {c["site"]["slug"] for c in of_site["items"]} == {"sampit"}
    sites = (await admin.get("/api/sites")).json()
    assert {s["slug"]: s["cameras"] for s in sites["items"]} == {"kapuas": 4, "sampit": 3}
    assert sites["next"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=xx", "cursor=bnVsbA", "site=zz", "site='"]
)
async def test_bad_list_query_is_refused(admin: httpx.AsyncClient, query: str) -> None:
    """422 with the field."""
    answer = await admin.get(f"/api/cameras?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == query.partition("=")[0]


async def test_change_touches_only_what_is_given(world: World, admin: httpx.AsyncClient) -> None:
    """The rest stays, the password too; `rev` counts up and an old one is a conflict."""
    camera = await add(admin, retention_days=30)
    changed = world.bus.subscribe("cameras.changed")
    path = f"/api/cameras/{camera['id']}"
    answer = await admin.patch(path, json={"rev": 1, "name": "Pasar Baru", "retention_days": None})
    assert answer.status_code == 200
    after = answer.json()
    assert after == camera | {"name": "Pasar Baru", "retention_days": None, "rev": 2}
    stored = await world.catalogue.cameras.get(camera["id"])
    assert stored is not None
    assert stored.password == SECRET
    assert (await changed.get())[1] == {"camera": camera["id"]}
    stale = await admin.patch(path, json={"rev": 1, "name": "Other"})
    assert stale.status_code == 409
    same = await admin.patch(path, json={"rev": 2, "name": "Pasar Baru"})
    assert same.json()["rev"] == 2
    assert (await admin.patch(path, json={"rev": 2, "priority": "high"})).json()["priority"] == "high"
    assert (await admin.patch(path, json={"rev": 3, "priority": "urgent"})).status_code == 422
    assert (await admin.patch(path, json={"rev": 3, "password": ""})).json()["has_password"] is False


async def test_kept_password_follows_to_no_other_host(world: World, admin: httpx.AsyncClient) -> None:
    """Another path of the same host is fine; another host needs the password again."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}"
    near = [{"name": "main", "url": "rtsp://10.0.0.5/other"}]
    assert (await admin.patch(path, json={"rev": 1, "streams": near})).status_code == 200
    far = [{"name": "main", "url": "rtsp://10.0.0.6/other"}]
    refused = await admin.patch(path, json={"rev": 2, "streams": far})
    assert (refused.status_code, refused.json()["field"]) == (422, "password")
    again = await admin.patch(path, json={"rev": 2, "streams": far, "password": "another one"})
    assert again.status_code == 200
    stored = await world.catalogue.cameras.get(camera["id"])
    assert stored is not None
    assert (stored.username, stored.password) == ("operator", "another one")


async def test_disabled_camera_says_so(world: World, admin: httpx.AsyncClient) -> None:
    """Whatever was heard of it last."""
    camera = await add(admin, enabled=False)
    world.parts.board.take({"state": StreamState(StreamRef(camera["id"], StreamName.MAIN), StreamCondition.LIVE, 5)})
    shown = (await admin.get(f"/api/cameras/{camera['id']}")).json()
    assert {shown["state"]["condition"], *(s["state"]["condition"] for s in shown["streams"])} == {"disabled"}


async def test_removed_camera_is_gone_and_its_name_free(world: World, admin: httpx.AsyncClient) -> None:
    """204, then 404 for everything of it; the catalogue keeps the row for its footage."""
    camera = await add(admin)
    changed = world.bus.subscribe("cameras.changed")
    path = f"/api/cameras/{camera['id']}"
    assert (await admin.delete(path)).status_code == 204
    assert (await changed.get())[1] == {"camera": camera["id"]}
    for answer in (await admin.get(path), await admin.delete(path), await admin.patch(path, json={"rev": 2})):
        assert answer.status_code == 404
    assert (await admin.get(f"{path}/snapshot")).status_code == 404
    stored = await world.catalogue.cameras.get(camera["id"])
    assert stored is not None
    assert stored.deleted_ns is not None
    assert (await add(admin))["slug"] == camera["slug"]


async def test_states_are_those_that_ingest_told(world: World, admin: httpx.AsyncClient) -> None:
    """At the start by question, later by event; text of a camera is redacted."""
    camera = await add(admin)
    ref = StreamRef(camera["id"], StreamName.MAIN)
    world.ingest.states = [StreamState(ref, StreamCondition.LIVE, 1_790_000_000_500_000_000)]
    world.ingest.tell()
    await world.clock.advance(0)
    shown = (await admin.get(f"/api/cameras/{camera['id']}")).json()
    assert shown["state"] == {
        "condition": "live",
        "since": "2026-09-21T14:13:20.500Z",
        "why": "",
        "reason": "",
        "params": {},
    }
    why = f"401 for rtsp://operator:{SECRET}@10.0.0.5/main"
    state = StreamState(ref, StreamCondition.AUTH_FAILED, 1_790_000_001_000_000_000, why)
    world.bus.publish(f"ingest.state.{camera['id']}.main", {"state": state})
    await world.clock.advance(0)
    shown = (await admin.get(f"/api/cameras/{camera['id']}")).json()
    assert shown["state"]["condition"] == shown["streams"][0]["state"]["condition"] == "auth_failed"
    assert SECRET not in str(shown)


async def test_states_wait_for_ingest(world: World) -> None:
    """The board asks now and then; what nobody says any more is forgotten, but not at the first time."""
    ref = StreamRef("aaaaaaaaaaaaaaaa", StreamName.MAIN)
    asks = world.bus.subscribe("ingest.states.ask")
    world.ingest.states = [StreamState(ref, StreamCondition.LIVE, 7)]
    await world.clock.advance(31)
    assert await asks.get() == ("ingest.states.ask", {})
    world.ingest.tell()
    await world.clock.advance(31)
    assert world.parts.board._heard[ref].state.condition is StreamCondition.LIVE
    await world.clock.advance(31)
    assert ref not in world.parts.board._heard


async def test_probe_says_what_a_url_gives(world: World, admin: httpx.AsyncClient) -> None:
    """Ingest gets the bare URL and the login apart; facts, warnings and picture come back."""
    remark = {"reason": "long_gop", "text": f"Set it. {SECRET}", "params": {"seconds": "10"}}
    world.ingest.answer |= {"facts": {"codec": "h265"}, "warnings": (remark,)}
    body = {"url": f"rtsp://operator:{SECRET}@10.0.0.5/main", "transport": "udp"}
    answer = await admin.post("/api/cameras/probe", json=body)
    assert answer.status_code == 200
    told = {"url": "rtsp://10.0.0.5/main", "username": "operator", "password": SECRET, "transport": "udp"}
    assert world.ingest.probes == [told]
    probe = answer.json()
    assert probe["picture"] == "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    assert [(item["reason"], item["params"]) for item in probe["warnings"]] == [("long_gop", {"seconds": "10"})]
    assert SECRET not in answer.text


async def test_probe_of_a_camera_that_gives_nothing(world: World, admin: httpx.AsyncClient) -> None:
    """It is an answer, not an error; the password is taken out of whatever the camera said."""
    message = f"The camera refused operator with {SECRET}"
    said = {"reason": "refuses", "params": {"place": f"10.0.0.5:{SECRET}"}}
    world.ingest.answer = {"ok": False, "code": "auth_failed", "message": message, "hint": "", "facts": {}} | said
    answer = await admin.post("/api/cameras/probe", json={"url": "rtsp://10.0.0.5/x", "password": SECRET})
    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["code"], answer.json()["picture"]) == (False, "auth_failed", None)
    assert answer.json()["reason"] == "refuses"
    assert SECRET not in answer.text


async def test_picture_of_now(admin: httpx.AsyncClient) -> None:
    """A JPEG with the time it was captured; what goes wrong says so without the camera's login."""
    camera = await add(admin)
    answer = await admin.get(f"/api/cameras/{camera['id']}/snapshot", params={"width": 320})
    assert (answer.content, answer.headers["content-type"]) == (JPEG, "image/jpeg")
    assert answer.headers["x-captured-at"] == "2026-09-21T14:13:20.123Z"
    failed = await admin.get(f"/api/cameras/{camera['id']}/snapshot", params={"width": 16})
    assert (failed.status_code, failed.json()["code"]) == (502, "camera_unreachable")
    assert "hunter22" not in failed.text
    assert (await admin.get(f"/api/cameras/{camera['id']}/snapshot", params={"width": 1})).status_code == 422


async def test_numbers_stay(admin: httpx.AsyncClient) -> None:
    """Given in order of registration; those of removed cameras are never given again, and no change can touch one."""
    made = [await add(admin, name=name) for name in ("B", "A", "C")]
    assert [camera["number"] for camera in made] == [1, 2, 3]
    await admin.delete(f"/api/cameras/{made[2]['id']}")
    assert (await add(admin, name="D"))["number"] == 4
    changed = await admin.patch(f"/api/cameras/{made[0]['id']}", json={"rev": 1, "name": "Z"})
    assert changed.json()["number"] == 1
    refused = await admin.patch(f"/api/cameras/{made[0]['id']}", json={"rev": 2, "number": 9})
    assert refused.status_code == 422
