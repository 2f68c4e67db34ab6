"""A camera over real RTSP, as it lives and fails: what is published, in which order, within which time."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import replace

import pytest

from tests.ingest.rig import FAST, Rig, camera, running, with_sub
from tests.simulator_fixture import RunningSimulator
from vms.domain.camera import Camera, RecordMode, StreamName, StreamRef
from vms.domain.gap import GapCause
from vms.domain.media import EndReason, Packet, RunEnded, RunStarted, StreamCondition, StreamState
from vms.simulator import sei

MAIN = StreamRef("cam1", StreamName.MAIN)
SUB = StreamRef("cam1", StreamName.SUB)


def of(simulator: RunningSimulator, transport: str = "tcp") -> Camera:
    """The simulator's camera as it is registered."""
    return camera(simulator.cameras[0].main, simulator.username, simulator.password, transport=transport)


async def fault(simulator: RunningSimulator, kind: str, **more: object) -> None:
    """Tell the camera to fail."""
    await simulator.control({"camera": "*", "stream": "*", "fault": kind, **more})


def numbers(packets: list[Packet]) -> list[int]:
    """The frame numbers the camera wrote into its pictures."""
    found = [sei.find(p.payload) for p in packets]
    return [number for number, _ in (f for f in found if f is not None)]


def assert_whole(rig: Rig) -> None:
    """Every Run begins at a key frame, counts without a hole, and its pictures follow each other."""
    for started in rig.runs():
        packets = [p for p in rig.packets(started.run.stream.name) if p.run == started.run.id]
        assert [p.seq for p in packets] == list(range(len(packets)))
        assert packets[0].is_key
        assert packets[0].wall_ns == started.run.start_ns
        assert all(b.dts_90k > a.dts_90k and b.wall_ns > a.wall_ns for a, b in itertools.pairwise(packets))
        frames = numbers(packets)
        assert not frames or frames == list(range(frames[0], frames[0] + len(packets)))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_live(simulator: RunningSimulator, transport: str) -> None:
    """Connecting, Run, Packets in order without a hole, live; at the end the Run is ended. Nothing sent is missing."""
    async with running(of(simulator, transport)) as rig:
        await rig.until_packets(30)
    kinds = [type(item) for item in rig.items if not isinstance(item, Packet)]
    assert kinds == [StreamState, RunStarted, StreamState, RunEnded]
    assert [s.condition for s in rig.states()] == [StreamCondition.CONNECTING, StreamCondition.LIVE]
    assert rig.states()[1].cause == rig.states()[1].why == ""
    assert rig.ends()[0].reason is EndReason.NODE_DOWN
    assert rig.ends()[0].packets == len(rig.packets())
    assert_whole(rig)
    sent = [line["n"] for line in simulator.read_log(simulator.cameras[0].slug, "main") if line.get("key")]
    assert numbers(rig.packets())[0] == sent[0]
    assert rig.leases.held == set()


async def test_times_are_those_of_the_camera(simulator: RunningSimulator) -> None:
    """Wall time of a Packet is when its first bytes left the camera, within some milliseconds."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(30)
    off_ms = [(p.wall_ns - found[1]) / 1e6 for p in rig.packets() if (found := sei.find(p.payload)) is not None]
    assert len(off_ms) == len(rig.packets())
    assert abs(sorted(off_ms)[len(off_ms) // 2]) < 15


async def test_a_dropped_connection_is_taken_up_again(simulator: RunningSimulator) -> None:
    """The end of a live stream is a fault: the Run ends, the next one is of the same epoch and behind it."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        await fault(simulator, "drop")
        await rig.until(lambda: len(rig.runs()) == 2)
        await rig.until_packets(20)
    assert rig.ends()[0].reason is EndReason.CAMERA_UNREACHABLE
    assert [s.condition for s in rig.states()] == [
        StreamCondition.CONNECTING,
        StreamCondition.LIVE,
        StreamCondition.CONNECTING,
        StreamCondition.LIVE,
    ]
    assert rig.states()[2].cause == GapCause.CAMERA_UNREACHABLE
    first, second = (started.run for started in rig.runs())
    assert second.start_ns >= rig.ends()[0].end_ns
    assert first.epoch == second.epoch == 1
    assert_whole(rig)


async def test_everything_sent_before_an_orderly_end_is_published(simulator: RunningSimulator) -> None:
    """The camera closes after a unit: that unit is the last Packet of the Run."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(5)
        await fault(simulator, "close_every", seconds=0.7)
        await rig.until(lambda: len(rig.ends()) >= 2, 15)
        await fault(simulator, "none")
    await asyncio.sleep(0.3)  # the send log is written out every 100 ms
    sent: dict[int, list[int]] = {}
    for line in simulator.read_log(simulator.cameras[0].slug, "main"):
        if "n" in line:
            sent.setdefault(line["conn"], []).append(line["n"])
    ends = [e.run for e in rig.ends()[:2]]
    for run, log in zip(ends, sent.values(), strict=False):
        assert numbers([p for p in rig.packets() if p.run == run]) == log
    assert_whole(rig)


async def test_a_silent_camera_is_stalled_and_opened_anew(simulator: RunningSimulator) -> None:
    """Nothing for the time set: stalled with its cause, within a second of that; when it speaks again, live."""
    async with running(of(simulator), worker=replace(FAST, stall_s=1.0)) as rig:
        await rig.until_packets(20)
        await fault(simulator, "stall")
        began = time.monotonic()
        state = await rig.until_condition(StreamCondition.STALLED)
        assert 0.7 < time.monotonic() - began < 4
        assert state.cause == GapCause.STREAM_STALLED
        assert "silent" in state.why
        assert rig.ends()[-1].reason is EndReason.STREAM_STALLED
        await fault(simulator, "none")
        await rig.until_condition(StreamCondition.LIVE)
    assert_whole(rig)


async def test_a_watched_camera_stalls_sooner(simulator: RunningSimulator) -> None:
    """While somebody watches, the shorter limit holds; the connection is left behind, whatever libav waits for."""
    async with running(of(simulator), worker=replace(FAST, stall_s=60.0, stall_watched_s=1.0)) as rig:
        await rig.until_packets(20)
        await rig.bus.request("ingest.watch.cam1.main", {"watcher": "w", "quality": "all", "credit_s": 30})
        await fault(simulator, "stall")
        began = time.monotonic()
        await rig.until_condition(StreamCondition.STALLED, 5)
        assert time.monotonic() - began < 3
        await fault(simulator, "none")
        await rig.until_condition(StreamCondition.LIVE)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert_whole(rig)


async def test_a_wrong_password_is_tried_three_times(simulator: RunningSimulator) -> None:
    """auth_failed, never a Run, the password nowhere; then a long wait, since cameras lock accounts."""
    secret = "falsches-passwort"
    async with running(replace(of(simulator), password=secret)) as rig:
        state = await rig.until_condition(StreamCondition.AUTH_FAILED)
        assert state.cause == GapCause.AUTH_FAILED
        assert "password" in state.why
        assert secret not in repr(rig.items)
        await rig.change(of(simulator))
        await rig.until_condition(StreamCondition.LIVE)
    assert rig.leases.epochs[MAIN] == 2


async def test_a_password_changed_at_the_camera_is_noticed(simulator: RunningSimulator) -> None:
    """A live stream that drops and is then refused."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        await fault(simulator, "password")
        await fault(simulator, "drop")
        state = await rig.until_condition(StreamCondition.AUTH_FAILED)
        assert state.cause == GapCause.AUTH_FAILED
        await fault(simulator, "none")


@pytest.mark.parametrize("how", ["503", "close"])
async def test_a_camera_that_refuses_is_unreachable_until_it_does_not(simulator: RunningSimulator, how: str) -> None:
    """Unreachable since the first failure, with a reason in words; back within the cap of the waits."""
    await fault(simulator, "refuse", how=how)
    async with running(of(simulator)) as rig:
        state = await rig.until_condition(StreamCondition.UNREACHABLE)
        assert state.cause == GapCause.CAMERA_UNREACHABLE
        assert state.why
        await fault(simulator, "none")
        await rig.until_condition(StreamCondition.LIVE)
    unreachable = [s for s in rig.states() if s.condition is StreamCondition.UNREACHABLE]
    assert len({s.since_ns for s in unreachable}) == 1


async def test_nobody_at_the_address_is_unreachable() -> None:
    """A closed port, and a URL that may not be: states in plain words, no thread that spins."""
    async with running(camera("rtsp://127.0.0.1:9/x")) as rig:
        state = await rig.until_condition(StreamCondition.UNREACHABLE)
        assert "refuses connections" in state.why
        await rig.change(camera("rtsp://169.254.169.254/x"))
        state = await rig.until_condition(StreamCondition.UNSUPPORTED)
        assert "metadata" in state.why


async def test_another_resolution_is_another_run(simulator: RunningSimulator) -> None:
    """The camera changes its picture while it sends: info_changed, and the new size from its first key frame on."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(20)
        await fault(simulator, "resolution", size="192x108")
        await rig.until(lambda: len(rig.runs()) == 2, 30)
        await rig.until_packets(5)
        sizes = [(s.run.info.video.width, s.run.info.video.height) for s in rig.runs()]
        assert sizes == [(320, 180), (192, 108)]
        assert rig.ends()[0].reason is EndReason.INFO_CHANGED
        assert [s.condition for s in rig.states()] == [StreamCondition.CONNECTING, StreamCondition.LIVE]
    assert_whole(rig)


async def test_no_key_frame_is_said(simulator: RunningSimulator) -> None:
    """Pictures but no start: stalled with the cause no_keyframe, memory untouched; then live at once."""
    await fault(simulator, "no_key")
    async with running(of(simulator), worker=replace(FAST, no_key_s=1.0)) as rig:
        state = await rig.until_condition(StreamCondition.STALLED)
        assert state.cause == GapCause.NO_KEYFRAME
        assert "key frame" in state.why
        assert rig.packets() == []
        await fault(simulator, "none")
        await rig.until_condition(StreamCondition.LIVE)
    assert_whole(rig)


async def test_loss_over_udp_is_lived_through(simulator: RunningSimulator) -> None:
    """A fifth of the datagrams gone: damaged pictures, Runs that count without a hole, no end."""
    async with running(of(simulator, "udp")) as rig:
        await rig.until_packets(10)
        await fault(simulator, "loss", rate=0.2)
        await rig.until_packets(25, 20)
        await fault(simulator, "none")
        await rig.until_packets(15)
    for started in rig.runs():
        seqs = [p.seq for p in rig.packets() if p.run == started.run.id]
        assert seqs == list(range(len(seqs)))


async def test_disabling_and_removing(simulator: RunningSimulator) -> None:
    """Disabled: the Run ends so, the state says so; removed: no state is left; enabled again: a new epoch."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        await rig.change(replace(of(simulator), enabled=False))
        state = await rig.until_condition(StreamCondition.DISABLED)
        assert state.cause == GapCause.DISABLED
        assert rig.ends()[-1].reason is EndReason.DISABLED
        await rig.change(of(simulator))
        await rig.until_condition(StreamCondition.LIVE)
        assert rig.runs()[-1].run.epoch == 2
        await rig.change()
        async with asyncio.timeout(5):
            while rig.hub.states():
                await asyncio.sleep(0.01)
        assert rig.fleet.workers == {}


async def test_an_overloaded_recorder_gets_a_new_run(simulator: RunningSimulator) -> None:
    """The hub says the recorder lost of a Run: it ends as overload, the next begins at a key frame, live all along."""
    async with running(of(simulator)) as rig:
        await rig.until_packets(10)
        rig.hub.end_run(MAIN, rig.runs()[0].run.id)
        await rig.until(lambda: len(rig.runs()) == 2)
        await rig.until_packets(10)
    assert rig.ends()[0].reason is EndReason.OVERLOAD
    assert_whole(rig)


async def test_main_that_is_not_recorded_is_pulled_while_watched(simulator: RunningSimulator) -> None:
    """sub always, main on demand, and let go a while after the last viewer left."""
    cam = with_sub(of(simulator), simulator.cameras[0].sub, RecordMode.OFF)
    async with running(cam, linger_s=0.3) as rig:
        await rig.until(lambda: len(rig.packets(StreamName.SUB)) > 5)
        assert rig.packets(StreamName.MAIN) == []
        assert set(rig.fleet.workers) == {SUB}
        await rig.bus.request("ingest.watch.cam1.main", {"watcher": "w", "quality": "all", "credit_s": 30})
        await rig.until(lambda: len(rig.packets(StreamName.MAIN)) > 5)
        await rig.bus.request("ingest.unwatch.cam1.main", {"watcher": "w"})
        await rig.until(lambda: any(e.stream == MAIN for e in rig.ends()))
    assert_whole(rig)


async def test_forty_cameras_come_back_together(simulator: RunningSimulator) -> None:
    """All of them lose the camera at once: all are live again within 30 s, none at the same instant."""
    one = of(simulator)
    cams = []
    for i in range(40):
        ref = StreamRef(f"cam{i}", StreamName.MAIN)
        cams.append(replace(one, id=ref.camera, slug=ref.camera, streams=(replace(one.streams[0], ref=ref),)))
    async with running(*cams) as rig:
        await rig.until(lambda: len(rig.runs()) == 40, 30)
        await fault(simulator, "drop")
        began = time.monotonic()
        await rig.until(lambda: len(rig.runs()) == 80, 30)
        assert time.monotonic() - began < 30
        assert {e.reason for e in rig.ends()} == {EndReason.CAMERA_UNREACHABLE}
