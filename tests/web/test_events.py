"""Events over HTTP: what is listed, narrowed, paged and refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_cameras import add
from vms.clock import NS_PER_S
from vms.domain.camera import StreamName
from vms.domain.event import Event, EventKind, Severity
from vms.domain.ids import new_id

T0 = 1_790_000_000 * NS_PER_S


async def put(world: World, at_s: int = 0, end_s: int | None = None, **more: Any) -> Event:
    """One in the catalogue."""
    end_ns = None if end_s is None else T0 + end_s * NS_PER_S
    event = Event(new_id(), more.pop("kind", EventKind.CAMERA_DOWN), new_id(), T0 + at_s * NS_PER_S, end_ns, **more)
    await world.catalogue.events.put(event)
    return event


async def listed(admin: httpx.AsyncClient, **params: Any) -> list[str]:
    """Ids of what is answered."""
    answer = await admin.get("/api/events", params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_an_event_has_names_times_and_words(world: World, admin: httpx.AsyncClient) -> None:
    """Whole, with the names of what it is about; no secret in what is variable."""
    camera = await add(admin)
    one = await put(
        world, 0, 60, severity=Severity.ALARM, site=SITE.id, camera=camera["id"], stream=StreamName.SUB,
        params={"cause": "camera_unreachable", "why": "rtsp://user:secret@10.0.0.1/main"},
    )  # fmt: skip
    gone = await put(world, 100, kind=EventKind.NODE_LOST, node=new_id())
    answer = (await admin.get("/api/events")).json()
    assert answer["open"] == {"notice": 0, "warning": 1, "alarm": 0}
    assert answer["next"] is None
    assert [item["id"] for item in answer["items"]] == [gone.id, one.id]
    assert "secret" not in str(answer)
    shown = answer["items"][1]
    assert shown["camera"] == {"id": camera["id"], "name": camera["name"]}
    assert (shown["start"], shown["end"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:14:20.000Z")
    assert (shown["site"]["slug"], shown["stream"], shown["severity"]) == (SITE.slug, "sub", "alarm")
    assert answer["items"][0]["node"] == {"id": gone.node, "name": None}


async def test_they_are_narrowed(world: World, admin: httpx.AsyncClient) -> None:
    """By time, site, camera, kind and whether they go on."""
    camera = new_id()
    first = await put(world, 0, 10, site=SITE.id, camera=camera)
    second = await put(world, 20, site=OTHER_SITE.id, kind=EventKind.SPOOL_FULL)
    assert await listed(admin, open=True) == [second.id]
    assert await listed(admin, open=False) == await listed(admin, camera=camera) == [first.id]
    assert await listed(admin, site=OTHER_SITE.id) == await listed(admin, kind="spool_full") == [second.id]
    assert await listed(admin, kind=["spool_full", "camera_down"]) == [second.id, first.id]
    assert await listed(admin, without="spool_full") == [first.id]
    assert await listed(admin, **{"from": "2026-09-21T14:13:35Z"}) == [second.id]
    assert await listed(admin, to="2026-09-21T14:13:35Z") == [first.id]


async def test_pages_follow_each_other(world: World, admin: httpx.AsyncClient) -> None:
    """Each once, whatever comes in between."""
    made = [(await put(world, i // 3)).id for i in range(10)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        answer = (await admin.get("/api/events", params=params)).json()
        seen += [one["id"] for one in answer["items"]]
        await put(world, 100)
        cursor = answer["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "params",
    [
        {"from": "yesterday"}, {"from": "2026-09-21T14:00:00Z", "to": "2026-09-21T13:00:00Z"}, {"site": "x"},
        {"site": "a" * 16}, {"camera": "x"}, {"open": "perhaps"}, {"limit": 0}, {"limit": 201}, {"cursor": "x"},
        {"cursor": "WyIxIiwiMiJd"}, {"kind": ["x"] * 21}, {"without": ["x"] * 21},
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(admin: httpx.AsyncClient, params: dict[str, Any]) -> None:
    """In problem details, as everywhere."""
    answer = await admin.get("/api/events", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_they_are_for_who_is_signed_in(client: httpx.AsyncClient) -> None:
    """As everything."""
    assert (await client.get("/api/events")).status_code == 401


async def test_they_are_described(admin: httpx.AsyncClient) -> None:
    """In OpenAPI, with every parameter."""
    document = (await admin.get("/api/openapi.json")).json()
    operation = document["paths"]["/api/events"]["get"]
    names = {one["name"] for one in operation["parameters"]}
    assert names == {"from", "to", "site", "camera", "kind", "without", "open", "cursor", "limit"}
    assert set(document["components"]["schemas"]["EventsOut"]["properties"]) == {"items", "next", "open"}
