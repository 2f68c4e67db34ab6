"""Timelines over the API: many cameras in one bounded answer, by rights, with what happened beside what is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from recorder.playback import Playback
from tests.store.samples import INFO
from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_rights import camera_at, signed_in
from vms.clock import NS_PER_S
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.domain.event import Event, EventKind, Severity
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.grant import LeaseGrant
from vms.domain.ids import new_id
from vms.domain.media import ClockState, EndReason, Run
from vms.domain.rights import Grant, PersonRole
from web.api.timeline import STEPS_MAX
from web.times import format_time

DAY_S = 86_400
NODE = "n" * 16


class Past:
    """A month of one camera, ending now; seconds count from its start."""

    def __init__(self, world: World, camera: str, days: int = 30) -> None:
        self.world, self.camera = world, camera
        self.from_ns = world.clock.now_ns() - days * DAY_S * NS_PER_S
        self.stream = StreamRef(camera, StreamName.MAIN)

    def ns(self, seconds: float) -> int:
        """Wall time."""
        return self.from_ns + round(seconds * NS_PER_S)

    async def register(self) -> None:
        """As if it had been there from the start."""
        stream = Stream(self.stream, "rtsp://192.0.2.1/main")
        await self.world.catalogue.cameras.add(
            Camera(self.camera, SITE.id, "pasar", "Pasar", (stream,), registered_ns=self.from_ns)
        )

    async def run(self, start_s: float, end_s: float) -> None:
        """A Run of one Segment."""
        run, start, end = new_id(), self.ns(start_s), self.ns(end_s)
        clock = ClockState("boot", 5, start, synchronized=True)
        await self.world.catalogue.runs.put(
            Run(run, self.stream, SITE.id, NODE, 1, INFO, start, clock, start, end, EndReason.STREAM_STALLED)
        )
        await self.world.catalogue.segments.put(
            Segment(run, 0, self.stream, SITE.id, NODE, 1, start, end, SegmentState.STORED, 800, 1000, "ab" * 32,
                    "cd" * 32, "", 0, 2, 3)
        )  # fmt: skip

    async def gap(self, start_s: float, end_s: float | None, cause: GapCause = GapCause.CAMERA_UNREACHABLE) -> None:
        """A Gap row."""
        end = None if end_s is None else self.ns(end_s)
        state = GapState.OPEN if end is None else GapState.CLOSED
        await self.world.catalogue.gaps.put(
            Gap(new_id(), self.stream, SITE.id, NODE, self.ns(start_s), end, cause, state)
        )

    async def event(self, start_s: float, end_s: float | None, kind: EventKind = EventKind.MOTION) -> None:
        """An Event of it."""
        end = None if end_s is None else self.ns(end_s)
        await self.world.catalogue.events.put(
            Event(new_id(), kind, NODE, self.ns(start_s), end, Severity.NOTICE, SITE.id, self.camera)
        )

    async def asked(self, client: httpx.AsyncClient, from_s: float, to_s: float, **params: Any) -> dict[str, Any]:
        """The timeline of the camera."""
        times = {"from": format_time(self.ns(from_s)), "to": format_time(self.ns(to_s))}
        answer = await client.get("/api/timeline", params={"cameras": self.camera, **times, **params})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
async def past(world: World) -> AsyncIterator[Past]:
    """With the real read side in place of the fake one."""
    found = Past(world, new_id())
    await found.register()
    playback = Playback(world.catalogue, {}, world.bus, world.clock)
    world.parts.playback = playback
    yield found
    await playback.close()


async def test_a_month_of_a_camera(past: Past, admin: httpx.AsyncClient) -> None:
    """Runs and gaps of a month, motion as a density, events and bookmarks; bounded by the step."""
    await past.run(0, 10 * DAY_S)
    await past.gap(10 * DAY_S, 11 * DAY_S)
    await past.run(11 * DAY_S, 30 * DAY_S - 3600)
    await past.gap(30 * DAY_S - 3600, None, GapCause.NODE_DOWN)
    await past.event(12 * DAY_S, 12 * DAY_S + 3600)
    await past.event(13 * DAY_S, None, EventKind.CAMERA_DOWN)
    await past.event(14 * DAY_S, 14 * DAY_S + 60, EventKind.CAMERA_DOWN)
    mark = {"camera": past.camera, "at": format_time(past.ns(5 * DAY_S)), "note": "Motor merah"}
    assert (await admin.post("/api/bookmarks", json=mark)).status_code == 201
    body = await past.asked(admin, 0, 30 * DAY_S, step=1800)
    (strip,) = body["cameras"]
    day = DAY_S * 1000
    assert (body["step_ms"], body["motion_step_ms"]) == (1_800_000, 1_800_000)
    assert (strip["start"], strip["end"]) == (0, 30 * day)
    assert strip["recorded"] == [[0, 10 * day], [11 * day, 30 * day - 3_600_000]]
    assert [(one["start"], one["end"], one["cause"], one["open"]) for one in strip["gaps"]] == [
        (10 * day, 11 * day, "camera_unreachable", False),
        (30 * day - 3_600_000, 30 * day, "node_down", True),
    ]
    assert strip["motion"] == [[12 * 48, 100], [12 * 48 + 1, 100]]
    assert sorted((one["start"], one["end"]) for one in strip["events"]) == [
        (13 * day, None),
        (14 * day, 14 * day + 60_000),
    ]
    assert [(one["at"], one["note"]) for one in strip["bookmarks"]] == [(5 * day, "Motor merah")]
    assert strip["holds"] == []


async def test_what_is_shorter_than_a_step_is_gathered_and_seen_close_up(past: Past, admin: httpx.AsyncClient) -> None:
    """A hundred gaps of a second in an hour are one in a month, and a hundred in that hour."""
    at = 5 * DAY_S
    await past.run(0, at)
    for number in range(100):
        await past.gap(at + number * 30, at + number * 30 + 1)
        await past.run(at + number * 30 + 1, at + (number + 1) * 30)
    await past.run(at + 3000, 30 * DAY_S)
    far = (await past.asked(admin, 0, 30 * DAY_S, step=3600))["cameras"][0]
    assert [(one["count"], one["missing_ms"]) for one in far["gaps"]] == [(100, 100_000)]
    assert far["recorded"] == [[0, 30 * DAY_S * 1000]]
    near = (await past.asked(admin, at, at + 3600, step=0.5))["cameras"][0]
    assert [one["count"] for one in near["gaps"]] == [1] * 100
    assert len(near["recorded"]) == 100


async def test_an_open_gap_of_who_has_the_stream_no_more_ends_at_the_next_grant(
    past: Past, admin: httpx.AsyncClient
) -> None:
    """A node that died cannot close its Gap; in a month as close up."""
    await past.world.catalogue.grants.put(LeaseGrant(past.stream, 1, NODE, past.ns(0)))
    await past.world.catalogue.grants.put(LeaseGrant(past.stream, 2, "m" * 16, past.ns(3 * DAY_S)))
    await past.run(0, 2 * DAY_S)
    await past.gap(2 * DAY_S, None, GapCause.NODE_DOWN)
    gaps = (await past.asked(admin, 0, 20 * DAY_S))["cameras"][0]["gaps"]
    assert [(one["end"], one["cause"]) for one in gaps][:2] == [
        (3 * DAY_S * 1000, "node_down"),
        (20 * DAY_S * 1000, "unknown"),
    ]


async def test_who_may_replay_sees_it(world: World, admin: httpx.AsyncClient) -> None:
    """Cameras of others are not there; one that may only be watched is refused, and all with it."""
    mine, other = await camera_at(admin, SITE.id, "Pasar"), await camera_at(admin, OTHER_SITE.id, "Dermaga")
    times = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    async with signed_in(world, Grant(PersonRole.OPERATOR, SITE.id)) as operator:
        assert (await operator.get("/api/timeline", params={"cameras": mine, **times})).status_code == 200
        both = await operator.get("/api/timeline", params={"cameras": f"{mine},{other}", **times})
        assert (both.status_code, both.json()["reason"]) == (404, "camera_gone")
    async with signed_in(world, Grant(PersonRole.VIEWER, SITE.id)) as viewer:
        answer = await viewer.get("/api/timeline", params={"cameras": mine, **times})
        assert answer.status_code == (403 if answer.json().get("reason") == "no_right" else 200)
    async with world.client() as stranger:
        assert (await stranger.get("/api/timeline", params={"cameras": mine, **times})).status_code == 401


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"cameras": ""}, "cameras"), ({"cameras": "a,b"}, "cameras"), ({"cameras": "../../etc"}, "cameras"),
        ({"cameras": ",".join(new_id() for _ in range(17))}, "cameras"),
        ({"cameras": ",".join("a" * 16 for _ in "ab")}, "cameras"),
        ({"to": "2025-01-01T00:00:00Z"}, "to"), ({"to": "2029-01-01T00:00:00Z"}, "to"), ({"from": "now"}, "from"),
        ({"step": "0"}, "step"), ({"step": "-1"}, "step"), ({"step": "nan"}, "step"), ({"step": "inf"}, "step"),
        ({"stream": "third"}, "stream"), ({"cameras": "a" * 3000}, "cameras"),
    ],
)  # fmt: skip
async def test_bad_input(admin: httpx.AsyncClient, params: dict[str, str], field: str) -> None:
    """A clear 422 that names the field, and repeats nothing that was sent."""
    asked = {"cameras": "a" * 16, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", **params}
    answer = await admin.get("/api/timeline", params=asked)
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert field in {body.get("field"), *(one.get("field") for one in body.get("errors", []))}
    assert "etc" not in answer.text


async def test_an_answer_is_bounded(past: Past, admin: httpx.AsyncClient) -> None:
    """However fine a step is asked for."""
    body = await past.asked(admin, 0, 30 * DAY_S, step=0.001)
    assert 30 * DAY_S * 1000 / body["step_ms"] <= STEPS_MAX
    unknown = await admin.get(
        "/api/timeline", params={"cameras": "b" * 16, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    )
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "camera_gone")
