"""What ingest answers on the bus: watch, unwatch, states, snapshot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.ingest.rig import Rig, camera, running, with_sub
from tests.ingest.test_live import of
from tests.simulator_fixture import RunningSimulator
from vms.bus.memory import MemoryEvents
from vms.domain.camera import StreamName
from vms.domain.media import Packet, RunEnded, RunStarted, StreamCondition, StreamState
from vms.errors import CameraUnreachableError, InputError, NoResponderError

WATCH = "ingest.watch.cam1.main"
ALL = {"watcher": "w1", "quality": "all", "credit_s": 5.0}


async def items(events: MemoryEvents, count: int) -> list[Any]:
    """The next items of a media subject."""
    async with asyncio.timeout(10):
        return [(await events.get())[1]["item"] for _ in range(count)]


def listening(rig: Rig) -> MemoryEvents:
    """Subscribed before the request, as watchers do."""
    return rig.bus.subscribe("media.center.cam1.main")


async def test_a_watcher_starts_from_the_cached_group(simulator: RunningSimulator) -> None:
    """The answer holds Run, state and the group from its key frame; the event subject goes on without a hole."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(12)
        events = listening(rig)
        answer = await rig.bus.request(WATCH, ALL)
        assert answer["subject"] == "media.center.cam1.main"
        assert answer["run"] == rig.runs()[0].run
        assert answer["state"].condition is StreamCondition.LIVE
        gop = answer["gop"]
        assert gop[0].is_key
        following = [item for item in await items(events, 12) if item.seq > gop[-1].seq]
        assert [p.seq for p in [*gop, *following]] == list(range(gop[0].seq, gop[0].seq + len(gop) + len(following)))


async def test_nobody_watching_not_a_byte(simulator: RunningSimulator) -> None:
    """Nothing is published before the first watch, after the last unwatch, and after the credit is spent."""
    async with running(of(simulator)) as rig:
        events = listening(rig)
        await rig.until_packets(10)
        await rig.bus.request(WATCH, ALL)
        await items(events, 3)
        await rig.bus.request("ingest.unwatch.cam1.main", {"watcher": "w1"})
        while events._queue:
            await events.get()
        await rig.until_packets(10)
        assert not events._queue
        await rig.bus.request(WATCH, {**ALL, "credit_s": 0.3})
        await items(events, 3)
        await rig.until_packets(20)
        while events._queue:
            await events.get()
        await rig.until_packets(10)
        assert not events._queue


async def test_credit_is_renewed(simulator: RunningSimulator) -> None:
    """A renewal answers with the state alone and keeps the Packets coming; one watcher's end is not another's."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        events = listening(rig)
        await rig.bus.request(WATCH, {**ALL, "credit_s": 1.2})
        await rig.bus.request(WATCH, {**ALL, "watcher": "w2", "credit_s": 1.2})
        for _ in range(12):
            await rig.until_packets(5)
            answer = await rig.bus.request(WATCH, {**ALL, "credit_s": 1.2, "renew": True})
            assert set(answer) == {"state", "now_ns"}
        await rig.bus.request("ingest.unwatch.cam1.main", {"watcher": "w2"})
        # The cached group comes once more where no watcher said that its subscription stands.
        seqs = list(dict.fromkeys(item.seq for item in await items(events, 55)))
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert len(seqs) > 30


async def test_key_frames_only(simulator: RunningSimulator) -> None:
    """Quality key: only key frames, until a watcher of all comes."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        events = listening(rig)
        await rig.bus.request(WATCH, {**ALL, "quality": "key"})
        assert all(item.is_key for item in await items(events, 3))
        await rig.bus.request(WATCH, {**ALL, "watcher": "w2"})
        assert not all(item.is_key for item in await items(events, 6))


async def test_a_watcher_sees_the_stream_fail_and_return(simulator: RunningSimulator) -> None:
    """End of the Run, states and the new Run come in order between the Packets."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        events = listening(rig)
        await rig.bus.request(WATCH, {**ALL, "credit_s": 30})
        await items(events, 2)
        await simulator.control({"camera": "*", "stream": "*", "fault": "drop"})
        seen: list[Any] = []
        while not (len(seen) > 4 and isinstance(seen[-1], Packet)):
            seen += [item for item in await items(events, 1) if not isinstance(item, Packet) or seen]
        assert [type(item) for item in seen] == [RunEnded, StreamState, RunStarted, StreamState, Packet]
        assert seen[-1].is_key


async def test_states_and_their_changes(simulator: RunningSimulator) -> None:
    """Each change as an event, and all of them when somebody asks."""
    async with running(with_sub(of(simulator), simulator.cameras[0].sub)) as rig:
        changes = rig.bus.subscribe("ingest.state.cam1.*")
        await rig.until(lambda: len(rig.runs()) == 2)
        told = [(await changes.get())[1] for _ in range(2)]
        assert {t["state"].condition for t in told} <= {StreamCondition.CONNECTING, StreamCondition.LIVE}
        while changes._queue:
            await changes.get()
        rig.bus.publish("ingest.states.ask", {})
        told = [(await changes.get())[1] for _ in range(2)]
        assert {(str(t["state"].stream), t["state"].condition, t["node"]) for t in told} == {
            ("cam1/main", StreamCondition.LIVE, "node"),
            ("cam1/sub", StreamCondition.LIVE, "node"),
        }


async def test_snapshots(simulator: RunningSimulator) -> None:
    """A JPEG of the newest key frame: of main, or of sub where that is wide enough."""
    async with running(with_sub(of(simulator), simulator.cameras[0].sub)) as rig:
        await rig.until(lambda: bool(rig.packets(StreamName.MAIN) and rig.packets(StreamName.SUB)))
        whole = await rig.bus.request("ingest.snapshot.cam1", {"width": None})
        assert whole["jpeg"].startswith(b"\xff\xd8")
        assert whole["stream"] == "main"
        assert whole["wall_ns"] in {p.wall_ns for p in rig.packets() if p.is_key}
        small = await rig.bus.request("ingest.snapshot.cam1", {"width": 160})
        assert small["stream"] == "sub"
        with pytest.raises(InputError):
            await rig.bus.request("ingest.snapshot.cam1", {"width": "wide"})


async def test_a_snapshot_of_a_camera_that_gives_nothing_says_why() -> None:
    """The state's reason is the hint."""
    async with running(camera("rtsp://127.0.0.1:9/x")) as rig:
        await rig.until_condition(StreamCondition.UNREACHABLE)
        with pytest.raises(CameraUnreachableError) as caught:
            await rig.bus.request("ingest.snapshot.cam1", {})
        assert "refuses connections" in caught.value.hint
        answer = await rig.bus.request(WATCH, ALL)
        assert (answer["run"], answer["gop"]) == (None, [])
        assert answer["state"].condition is StreamCondition.UNREACHABLE


@pytest.mark.parametrize("subject", [WATCH, "ingest.snapshot.cam1"])
async def test_what_this_node_does_not_ingest_it_does_not_answer(simulator: RunningSimulator, subject: str) -> None:
    """A disabled camera and an unknown one have no responder."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(1)
        await rig.change(replace(of(simulator), enabled=False))
        await rig.until_condition(StreamCondition.DISABLED)
        await asyncio.sleep(0.05)
        with pytest.raises(NoResponderError):
            await rig.bus.request(subject, ALL)
        with pytest.raises(NoResponderError):
            await rig.bus.request(subject.replace("cam1", "cam9"), ALL)


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"watcher": "", "quality": "all", "credit_s": 1},
        {"watcher": 7, "quality": "all", "credit_s": 1},
        {"watcher": "w", "quality": "best", "credit_s": 1},
        {"watcher": "w", "quality": "all", "credit_s": 0},
        {"watcher": "w", "quality": "all", "credit_s": 1e9},
        {"watcher": "w", "quality": "all", "credit_s": float("nan")},
        {"watcher": "w", "quality": "all", "credit_s": "5"},
    ],
)
async def test_senseless_watches_are_refused(order: dict[str, Any]) -> None:
    """InputError, and nothing is kept of them."""
    async with running(camera("rtsp://127.0.0.1:9/x")) as rig:
        await rig.until_condition(StreamCondition.UNREACHABLE)
        with pytest.raises(InputError):
            await rig.bus.request(WATCH, order)
        assert rig.watch._watching == {}
