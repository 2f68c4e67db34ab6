"""Something of everything in a catalogue, through the API: for tests that look at every page, or ask every route."""

from __future__ import annotations

from typing import Any

import httpx

from tests.web.conftest import PASSWORD, SITE, World
from tests.web.screens import pair
from tests.web.test_cameras import form
from vms.clock import NS_PER_S
from vms.domain.camera import StreamName, StreamRef
from vms.domain.event import Event, EventKind, Severity
from vms.domain.ids import new_id
from vms.domain.media import StreamCondition, StreamState
from web.times import format_time


async def made(admin: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """One of them."""
    answer = await admin.post(f"/api/{path}", json=body)
    assert answer.status_code in {201, 202}, (path, answer.text)
    return dict(answer.json())


async def furnish(world: World, admin: httpx.AsyncClient) -> dict[str, str]:
    """Ids of what is there then, one of each kind. `admin` is signed in."""
    cameras = [await made(admin, "cameras", **form(name=name)) for name in ("Pasar Besar", "Dermaga", "Gerbang")]
    now_ns = world.clock.now_ns()
    conditions = (StreamCondition.LIVE, StreamCondition.UNREACHABLE, StreamCondition.AUTH_FAILED)
    for camera, condition in zip(cameras, conditions, strict=True):
        for stream in StreamName:
            world.ingest.states.append(StreamState(StreamRef(camera["id"], stream), condition, now_ns))
        event = Event(
            new_id(), EventKind.CAMERA_DOWN, new_id(), now_ns - 60 * NS_PER_S, None,
            severity=Severity.WARNING, site=SITE.id, camera=camera["id"], params={"cause": "camera_unreachable"},
        )  # fmt: skip
        await world.catalogue.events.put(event)
    world.ingest.tell()
    first, when = cameras[0]["id"], format_time(now_ns - 30 * NS_PER_S)
    people = {"grants": [{"role": "operator", "site": SITE.id, "until": None}], "password": PASSWORD}
    person = await made(admin, "people", username="rina", name="Rina", **people)
    case = await made(admin, "cases", title="Perampokan pasar", description="Baris satu")
    await made(admin, f"cases/{case['id']}/notes", text="Saksi menelepon")
    bookmark = await made(admin, "bookmarks", camera=first, at=when, note="Pintu terbuka", case=case["id"])
    view = await made(admin, "views", name="Pagi", layout={"grid": "1"}, cameras=[first], shared=True)
    tour = await made(admin, "tours", name="Ronda", steps=[{"camera": first, "dwell_s": 5}])
    rule = await made(admin, "rules", name="Gerak di dermaga", kinds=["motion"], priority=1, cooldown_s=60)
    alarm = await made(admin, "alarms", camera=first, note="Asap", priority=1)
    export = await made(
        admin, "exports", cameras=[first], reason="Kasus 12/2026",
        **{"from": format_time(now_ns - 90 * NS_PER_S), "to": format_time(now_ns - 40 * NS_PER_S)},
    )  # fmt: skip
    async with world.client() as screen:
        display = await pair(admin, screen)
    return {
        "camera": first, "person": person["id"], "case": case["id"], "tour": tour["id"], "rule": rule["id"],
        "alarm": alarm["id"], "site": SITE.id, "bookmark": bookmark["id"], "view": view["id"],
        "export": export["id"], "display": display["id"], "wall": display["wall"],
    }  # fmt: skip
