"""Searches over HTTP: motion line by line, moments page by page, footage that nobody looked at; and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.store.samples import run
from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.fakes import JPEG, FakeCoverage
from tests.web.test_cameras import add
from tests.web.test_rights import signed_in
from vms.bus.base import Value
from vms.clock import NS_PER_S
from vms.domain.audit import AuditEntry
from vms.domain.bookmark import Bookmark
from vms.domain.camera import StreamName, StreamRef
from vms.domain.event import Event, EventKind
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from vms.domain.job import JobKind, JobState
from vms.domain.rights import Grant, PersonRole
from vms.errors import NotFoundError
from vms.store.catalogue import Catalogue
from web.times import format_time

NODE = "n" * 16
HOUR_NS = 3600 * NS_PER_S


async def entries_of(world: World) -> list[AuditEntry]:
    """The audit log, oldest first."""
    return (await world.catalogue.audit.list())[0][::-1]


class FakeNode:
    """A node that saw cameras: answers with one hit a window, and knows all but the last hour of it."""

    def __init__(self, world: World) -> None:
        self.asked: list[dict[str, Any]] = []
        world.bus.serve(f"analysis.search.{NODE}", self._search)

    async def _search(self, value: Value) -> Value:
        self.asked.append({name: part for name, part in value.items() if name != "_subject"})
        start, end = value["from_ns"] // 1_000_000, value["to_ns"] // 1_000_000
        hit = [start + 10_000, start + 20_000, 0.123456, start + 12_000]
        return {"hits": [hit], "known": [[start, end - 3_600_000]], "cut": False}


async def recorded(catalogue: Catalogue, camera: str, now_ns: int) -> None:
    """A Run of the camera on our node, under way."""
    main, start_ns = StreamRef(camera, StreamName.MAIN), now_ns - 100 * HOUR_NS
    await catalogue.runs.put(replace(run(), stream=main, start_ns=start_ns, end_ns=None, node=NODE))


async def lines(client: httpx.AsyncClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The whole answer."""
    answer = await client.post("/api/search/motion", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_motion_is_told_line_by_line(world: World, admin: httpx.AsyncClient) -> None:
    """Each camera and day, what was found and what nobody looked at; the end; and one line of audit."""
    camera = (await add(admin))["id"]
    now_ns, node = world.clock.now_ns(), FakeNode(world)
    await recorded(world.catalogue, camera, now_ns)
    whole = Interval(now_ns - 30 * HOUR_NS, now_ns)
    world.playback.covered = FakeCoverage(whole, [whole])
    polygon = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.6]]
    body = {"cameras": [camera], "from": format_time(whole.start_ns), "to": format_time(now_ns + HOUR_NS)}
    told = await lines(admin, body | {"polygons": [polygon], "threshold": 0.05})
    assert [line.get("searched") for line in told] == [1, 2, None]
    assert told[-1] == {"end": True, "hits": 2, "cut": False}
    first = told[0]
    assert (first["camera"], first["of"], first["away"]) == (camera, 2, False)
    assert first["hits"] == [
        {
            "from": format_time(whole.start_ns + 10 * NS_PER_S),
            "to": format_time(whole.start_ns + 20 * NS_PER_S),
            "score": 0.1235,
            "peak_at": format_time(whole.start_ns + 12 * NS_PER_S),
            "recorded": True,
        }
    ]
    assert first["missing"][0]["from"] == format_time(whole.start_ns + 23 * HOUR_NS)
    assert (node.asked[0]["threshold"], node.asked[0]["polygons"]) == (0.05, [polygon])
    assert node.asked[1]["to_ns"] == now_ns
    entries = [entry for entry in await entries_of(world) if entry.action == "search.motion"]
    assert [entry.detail["cameras"] for entry in entries] == [[camera]]
    assert entries[0].detail["start"] == format_time(whole.start_ns)


async def test_only_certain_hours_are_looked_through(world: World, admin: httpx.AsyncClient) -> None:
    """Two to four each night in the province; a node that is away is said, and all its footage is missing."""
    camera = (await add(admin))["id"]
    now_ns = world.clock.now_ns()
    await recorded(world.catalogue, camera, now_ns)
    body = {"cameras": [camera], "from": format_time(now_ns - 48 * HOUR_NS), "to": format_time(now_ns)}
    night = {"days": list(range(7)), "from_min": 120, "to_min": 240}
    told = await lines(admin, body | {"schedule": night})
    assert [line["from"][11:16] for line in told[:-1]] == ["19:00", "19:00"]
    assert all(line["away"] and line["hits"] == [] for line in told[:-1])


async def test_motion_needs_replay_of_every_camera(world: World, admin: httpx.AsyncClient) -> None:
    """Whom it is not shown to is told that there is none; who may not replay is refused; nothing is asked of a node."""
    mine, other = [(await add(admin, site=site.id))["id"] for site in (SITE, OTHER_SITE)]
    node = FakeNode(world)
    span = {"from": format_time(world.clock.now_ns() - HOUR_NS), "to": format_time(world.clock.now_ns())}
    grants = Grant(PersonRole.INVESTIGATOR, SITE.id), Grant(PersonRole.VIEWER, OTHER_SITE.id)
    async with signed_in(world, *grants) as client:
        assert (await client.post("/api/search/motion", json={"cameras": [mine], **span})).status_code == 200
        both = await client.post("/api/search/motion", json={"cameras": [mine, other], **span})
        assert both.status_code == 403
    async with signed_in(world, Grant(PersonRole.VIEWER, SITE.id)) as client:
        assert (await client.post("/api/search/motion", json={"cameras": [mine], **span})).status_code == 403
    assert node.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"cameras": []}, {"cameras": ["x"]}, {"cameras": ["a" * 16]}, {"cameras": ["a" * 16] * 17}, {"threshold": 0},
        {"threshold": float("nan")}, {"threshold": "1"}, {"polygons": [[[0, 0], [1, 1]]]}, {"least_s": -1},
        {"polygons": [[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]]}, {"polygons": [[[0, 0], [2, 0], [1, 1]]]},
        {"to": "2000-01-01T00:00:00Z"}, {"from": "yesterday"}, {"from": "2199-01-01T00:00:00Z"},
        {"schedule": {"days": [], "from_min": 0, "to_min": 60}},
        {"schedule": {"days": [0], "from_min": 60, "to_min": 60}},
        {"surprise": 1},
    ],
)  # fmt: skip
async def test_bad_searches_are_refused(world: World, admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """A clear 422, and nobody is asked anything."""
    camera, node = (await add(admin))["id"], FakeNode(world)
    span = {"from": format_time(world.clock.now_ns() - HOUR_NS), "to": format_time(world.clock.now_ns())}
    body = json.dumps({"cameras": [camera], **span} | change)
    answer = await admin.post("/api/search/motion", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert node.asked == []


async def test_moments_are_found_by_words_and_paged(world: World, admin: httpx.AsyncClient) -> None:
    """With names; words of events in both languages; each search once in the audit log."""
    camera = (await add(admin))["id"]
    now_ns = world.clock.now_ns()
    for number in range(3):
        mark = Bookmark(new_id(), camera, now_ns - number * NS_PER_S, f"tas merah {number}", world.admin.id, now_ns)
        await world.catalogue.bookmarks.add(mark)
    event = Event(new_id(), EventKind.PICTURE_COVERED, NODE, now_ns, now_ns + 1, site=SITE.id, camera=camera)
    await world.catalogue.events.put(event)
    first = (await admin.get("/api/search", params={"q": "Tas merah", "limit": 2})).json()
    assert [one["note"] for one in first["items"]] == ["tas merah 0", "tas merah 1"]
    assert first["items"][0]["camera"]["id"] == camera
    assert (first["items"][0]["site"]["slug"], first["items"][0]["person"]["name"]) == (SITE.slug, "Admin")
    rest = (await admin.get("/api/search", params={"q": "Tas merah", "limit": 2, "cursor": first["next"]})).json()
    assert ([one["note"] for one in rest["items"]], rest["next"]) == (["tas merah 2"], None)
    for word in ("tertutup", "covered"):
        assert [one["id"] for one in (await admin.get("/api/search", params={"q": word})).json()["items"]] == [event.id]
    entries = [entry for entry in await entries_of(world) if entry.action == "search.moments"]
    assert [entry.detail["words"] for entry in entries] == ["Tas merah", "tertutup", "covered"]


async def test_moments_of_others_are_not_found(world: World, admin: httpx.AsyncClient) -> None:
    """What may not be replayed is in no list, whatever it is called."""
    other = (await add(admin, site=OTHER_SITE.id))["id"]
    await world.catalogue.bookmarks.add(Bookmark(new_id(), other, world.clock.now_ns(), "rahasia", world.admin.id, 1))
    async with signed_in(world, Grant(PersonRole.INVESTIGATOR, SITE.id)) as client:
        for params in ({}, {"q": "rahasia"}, {"camera": other}, {"q": OTHER_SITE.name}):
            assert (await client.get("/api/search", params=params)).json()["items"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"q": "x" * 201}, {"q": "a b c d e f g h i"}, {"q": "a\u202eb"}, {"camera": "x"}, {"site": "a" * 16},
        {"from": "x"}, {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, {"source": "rumour"},
        {"day": 7}, {"from_min": 1440}, {"from_min": 60, "to_min": 60}, {"cursor": "x"}, {"limit": 0},
    ],
)  # fmt: skip
async def test_bad_questions_are_refused(admin: httpx.AsyncClient, params: dict[str, Any]) -> None:
    """A clear 422."""
    answer = await admin.get("/api/search", params=params)
    assert answer.status_code == 422, answer.text


async def test_pictures_of_past_instants(world: World, admin: httpx.AsyncClient) -> None:
    """A JPEG and of when it is; none where nothing is recorded."""
    camera = (await add(admin))["id"]
    asked: list[Value] = []

    async def picture(value: Value) -> Value:
        asked.append(value)
        if value["width"] == 64:
            raise NotFoundError("nothing is recorded at this moment", reason="not_recorded")
        return {"jpeg": JPEG, "at_ns": value["at_ns"] - NS_PER_S, "stream": "sub"}

    world.bus.serve("stills.picture", picture)
    url = f"/api/cameras/{camera}/picture"
    answer = await admin.get(url, params={"at": "2026-11-24T00:00:02Z", "width": 320})
    assert (answer.content, answer.headers["x-captured-at"]) == (JPEG, "2026-11-24T00:00:01.000Z")
    assert asked[0]["camera"] == camera
    assert (await admin.get(url, params={"at": "2026-11-24T00:00:02Z", "width": 64})).status_code == 404
    assert (await admin.get(url, params={"at": "now"})).status_code == 422
    assert (await admin.get(url, params={"at": "2026-11-24T00:00:02Z", "width": 9999})).status_code == 422


async def test_footage_that_nobody_looked_at_is_a_job(world: World, admin: httpx.AsyncClient) -> None:
    """Queued, told on the bus, listed with how far it is, cancelled once; operators may not ask for it."""
    camera = (await add(admin))["id"]
    now_ns = world.clock.now_ns()
    told = world.bus.subscribe("job.queued")
    body = {"cameras": [camera], "from": format_time(now_ns - HOUR_NS), "to": format_time(now_ns)}
    made = await admin.post("/api/search/fills", json=body)
    assert made.status_code == 202
    job = made.json()
    assert (job["state"], job["progress"], job["grids"], job["cameras"][0]["id"]) == ("queued", 0, None, camera)
    assert (await told.get())[1] == {"job": job["id"]}
    taken = await world.catalogue.jobs.take(JobKind.FILL, NODE, now_ns)
    assert taken is not None
    await world.catalogue.jobs.progress(job["id"], 250_000)
    (listed,) = (await admin.get("/api/search/fills")).json()["items"]
    assert (listed["state"], listed["progress"]) == (JobState.RUNNING.value, 0.25)
    assert (await admin.get("/api/exports")).json()["items"] == []
    assert (await admin.delete(f"/api/search/fills/{job['id']}")).status_code == 204
    assert (await admin.delete(f"/api/search/fills/{job['id']}")).status_code == 409
    assert (await admin.delete(f"/api/search/fills/{'a' * 16}")).status_code == 404
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id)) as client:
        assert (await client.post("/api/search/fills", json=body)).status_code == 403
    actions = [entry.action for entry in await entries_of(world)]
    assert (actions.count("fill.add"), actions.count("fill.cancel")) == (1, 1)


async def test_a_person_has_so_many_searches_at_once(world: World, admin: httpx.AsyncClient) -> None:
    """The next one is told to wait."""
    camera = (await add(admin))["id"]
    span = {"from": format_time(world.clock.now_ns() - HOUR_NS), "to": format_time(world.clock.now_ns())}
    held = [world.parts.searches.held(world.admin.id) for _ in range(3)]
    for one in held:
        one.__enter__()
    assert (await admin.post("/api/search/motion", json={"cameras": [camera], **span})).status_code == 429
    for one in held:
        one.__exit__(None, None, None)
    assert (await admin.post("/api/search/motion", json={"cameras": [camera], **span})).status_code == 200
