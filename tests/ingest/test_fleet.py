"""Streams among several Nodes: taken over at a key frame, given way, given up; what is told of it and what is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.ingest.rig import FAST, FakeLeases, Rig, running
from tests.ingest.test_live import MAIN, assert_whole, fault, of
from tests.simulator_fixture import RunningSimulator
from vms.domain.gap import GapCause
from vms.domain.media import EndReason, RunStarted, StreamCondition


def coming(leases: FakeLeases) -> None:
    """Another Node records it, and is to give it up; the grant takes its time."""
    leases.elsewhere, leases.coming = {MAIN}, {MAIN}
    leases.free.clear()


async def until(rig: Rig, met: object, within_s: float = 10.0) -> None:
    """Wait for what nothing publishes."""
    async with asyncio.timeout(within_s):
        while not met():  # type: ignore[operator]  # a callable
            await asyncio.sleep(0.01)


async def test_a_stream_is_taken_over_with_its_first_key_frame(simulator: RunningSimulator) -> None:
    """Nothing is told or served before; then the Run that waited, whole, under an epoch from its key frame on."""
    changed: list[int] = []
    async with running(of(simulator), prepare=coming) as rig:
        follow = rig.fleet.on_change
        rig.fleet.on_change = lambda: (changed.append(len(rig.fleet.specs)), follow())[0]
        await until(rig, lambda: rig.fleet.workers and rig.fleet.workers[MAIN]._gate is not None)
        assert rig.items == []
        assert rig.fleet.specs == {}
        rig.leases.free.set()
        await rig.until_packets(30)
        assert set(rig.fleet.specs) == {MAIN}
        assert rig.leases.live == {MAIN: True}
    grant, run = rig.leases.granted[0], rig.runs()[0].run
    assert (grant.granted_ns, grant.epoch) == (run.start_ns, run.epoch)
    assert isinstance(rig.items[0], RunStarted)
    assert [state.condition for state in rig.states()] == [StreamCondition.LIVE]
    assert_whole(rig)
    assert changed[-1] == 1


async def test_what_is_lost_ends_without_a_gap(simulator: RunningSimulator) -> None:
    """The recorder is told since when it is another node's, the bus is not, and nothing is left of it here."""
    async with running(of(simulator)) as rig:
        told: list[object] = []
        events = rig.bus.subscribe("ingest.state.>")
        await rig.until_packets(10)
        rig.leases.take_away(MAIN)
        await rig.until(lambda: rig.states()[-1].reason == "lease_lost")
        state = rig.states()[-1]
        assert (state.since_ns, state.cause) == (7, "")
        assert rig.ends()[-1].reason is EndReason.LEASE_LOST
        await until(rig, lambda: not rig.hub.states())
        assert rig.fleet.specs == {}
        assert rig.hub.run_of(MAIN) is None
        rig.bus.publish("ingest.state.end", {})
        async for subject, value in events:
            if subject.endswith(".end"):
                break
            told.append(value["state"].reason)
        assert "lease_lost" not in told


async def test_a_refused_take_over_is_tried_at_the_next_key_frame(simulator: RunningSimulator) -> None:
    """What waited is dropped; the Run that is published begins at a key frame and has no hole."""

    def refused(leases: FakeLeases) -> None:
        coming(leases)
        leases.free.set()
        leases.refused = {MAIN}

    async with running(of(simulator), prepare=refused) as rig:
        await until(rig, lambda: rig.fleet.workers and rig.fleet.workers[MAIN]._opened_ns is not None)
        await asyncio.sleep(1.0)  # two key frames are refused
        assert rig.items == []
        rig.leases.refused.clear()
        await rig.until_packets(20)
    assert rig.runs()[0].run.start_ns == rig.leases.granted[0].granted_ns
    assert_whole(rig)


async def test_a_camera_without_key_frames_stays_where_it_is(simulator: RunningSimulator) -> None:
    """After a while it is given up, and nobody ever heard of it."""
    await fault(simulator, "no_key")
    async with running(of(simulator), prepare=coming, worker=replace(FAST, take_over_s=0.6)) as rig:
        await until(rig, lambda: rig.fleet.workers)
        await until(rig, lambda: not rig.fleet.workers and not rig.leases.coming)
        assert rig.items == []


async def test_what_becomes_free_while_it_is_coming_is_told_at_once(simulator: RunningSimulator) -> None:
    """The other Node died: with a key frame or without, this node says how the camera is."""
    await fault(simulator, "no_key")
    async with running(of(simulator), prepare=coming) as rig:
        await until(rig, lambda: rig.fleet.workers)
        rig.leases.vacant[MAIN] = 5
        rig.leases.free.set()
        rig.leases.elsewhere.clear()
        rig.leases.coming.clear()
        rig.leases.on_change()
        await rig.until(lambda: rig.states() != [])
        first = rig.states()[0]
        assert (first.condition, first.cause, first.since_ns) == (StreamCondition.CONNECTING, GapCause.NODE_DOWN, 5)
        await fault(simulator, "none")
        await rig.until_packets(10)
    assert rig.runs()[0].run.epoch == 1
    assert_whole(rig)


async def test_stopping_lets_others_take_over_first(simulator: RunningSimulator) -> None:
    """It goes on until it has lost, then ends so; what is left ends with the node."""
    leaving, done = asyncio.Event(), asyncio.Event()

    def slow(leases: FakeLeases) -> None:
        async def leave() -> None:
            leaving.set()
            await done.wait()

        leases.leave = leave  # type: ignore[method-assign]  # of this test

    async with running(of(simulator), prepare=slow) as rig:
        await rig.until_packets(10)
        rig.fleet.stop()
        await leaving.wait()
        await rig.until_packets(10)
        rig.leases.take_away(MAIN)
        await rig.until(lambda: rig.ends() != [])
        assert rig.ends()[0].reason is EndReason.LEASE_LOST
        done.set()
