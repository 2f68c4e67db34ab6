"""vms.bus.hub: order, bounds, what is dropped and who is told."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.bus.hub import Hub, HubClosedError, HubSubscription
from vms.clock import ManualClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import (
    ClockState,
    Codec,
    EndReason,
    HubItem,
    Packet,
    Run,
    RunEnded,
    RunInfo,
    RunStarted,
    StreamCondition,
    StreamState,
    Track,
)

CAMERA = StreamRef("camera-a", StreamName.MAIN)
OTHER = StreamRef("camera-b", StreamName.MAIN)


def run_of(run_id: str, stream: StreamRef = CAMERA) -> RunStarted:
    """A Run that begins."""
    clock = ClockState(boot_id="", mono_ns=0, wall_ns=0, synchronized=True)
    info = RunInfo((Track(0, Codec.H264, width=640, height=360),))
    return RunStarted(Run(run_id, stream, "site", "node", 1, info, start_ns=0, clock=clock, anchor_ns=0))


def packet(
    seq: int, *, key: bool = False, size: int = 10, stream: StreamRef = CAMERA, run: str = "r1", track: int = 0
) -> Packet:
    """A Packet of `size` bytes."""
    return Packet(stream, run, track, seq, seq * 3600, seq * 3600, seq, is_key=key, payload=bytes(size))


def state(condition: StreamCondition, stream: StreamRef = CAMERA) -> StreamState:
    """A state."""
    return StreamState(stream, condition, since_ns=0)


def seqs(items: list[HubItem]) -> list[int]:
    """The seq of each Packet."""
    return [item.seq for item in items if isinstance(item, Packet)]


async def queued(subscription: HubSubscription) -> list[HubItem]:
    """All that waits in a subscription, without waiting for more."""
    return await asyncio.wait_for(subscription.get(), 5)


@pytest.fixture
def hub() -> Hub:
    """A hub on a clock that stands still."""
    return Hub(ManualClock())


async def test_items_come_in_order_to_whom_they_concern(hub: Hub) -> None:
    """A subscription of one Stream gets that Stream's items, one of all gets everything, both in order."""
    one, every = hub.subscribe("one", CAMERA), hub.subscribe("every")
    items: list[HubItem] = [
        state(StreamCondition.CONNECTING),
        run_of("r1"),
        packet(0, key=True),
        packet(0, key=True, stream=OTHER),
        packet(1),
        RunEnded(CAMERA, "r1", 2, EndReason.CAMERA_UNREACHABLE, 2),
        state(StreamCondition.UNREACHABLE),
    ]
    for item in items:
        hub.publish(item)
    assert await queued(one) == [item for item in items if item.stream == CAMERA]
    assert await queued(every) == items


async def test_who_comes_late_is_told_state_and_run_first(hub: Hub) -> None:
    """The current state and the Run under way, then Packets from now on; a Run that has ended is not told."""
    hub.publish(state(StreamCondition.LIVE))
    hub.publish(run_of("r0", OTHER))
    hub.publish(RunEnded(OTHER, "r0", 0, EndReason.DISABLED, 0))
    hub.publish(run_of("r1"))
    hub.publish(packet(0, key=True))
    late = hub.subscribe("late")
    hub.publish(packet(1))
    assert await queued(late) == [state(StreamCondition.LIVE), run_of("r1"), packet(1)]


async def test_the_end_of_a_former_run_does_not_hide_the_present_one(hub: Hub) -> None:
    """An end is matched to its Run by id."""
    hub.publish(run_of("r2"))
    hub.publish(RunEnded(CAMERA, "r1", 0, EndReason.OVERLOAD, 0))
    assert hub.run_of(CAMERA) == run_of("r2")


async def test_a_full_subscription_goes_on_at_the_next_key_frame(hub: Hub) -> None:
    """What does not fit is dropped and counted, and then everything up to a key frame that fits."""
    viewer = hub.subscribe("viewer", CAMERA, limit_bytes=30)
    for seq in range(4):
        hub.publish(packet(seq, key=seq == 0))
    assert seqs(await queued(viewer)) == [0, 1, 2]
    hub.publish(packet(4))
    hub.publish(packet(5, key=True, track=1))  # of audio every Packet is a key: no place to begin
    hub.publish(packet(6, key=True))
    hub.publish(packet(7))
    assert seqs(await queued(viewer)) == [6, 7]
    assert viewer.dropped == 3


async def test_one_stream_that_floods_costs_the_others_nothing_more(hub: Hub) -> None:
    """Skipping is per Stream: another Stream's Packet that fits is still taken."""
    every = hub.subscribe("every", limit_bytes=30)
    hub.publish(packet(0, key=True, size=20))
    hub.publish(packet(1, size=20))
    hub.publish(packet(0, key=True, size=10, stream=OTHER))
    assert [(item.stream, item.seq) for item in await queued(every) if isinstance(item, Packet)] == [
        (CAMERA, 0),
        (OTHER, 0),
    ]


async def test_runs_and_states_are_never_dropped(hub: Hub) -> None:
    """They cost nothing and carry the meaning of what follows."""
    viewer = hub.subscribe("viewer", limit_bytes=0)
    items: list[HubItem] = [run_of("r1"), state(StreamCondition.LIVE), RunEnded(CAMERA, "r1", 1, EndReason.OVERLOAD, 1)]
    hub.publish(items[0])
    hub.publish(packet(0, key=True))
    for item in items[1:]:
        hub.publish(item)
    assert await queued(viewer) == items


async def test_overload_is_told_once_and_the_run_goes_no_further(hub: Hub) -> None:
    """Ingest hears of the first loss; the recorder gets nothing more of that Run, and all of the next."""
    told: list[tuple[StreamRef, str]] = []
    hub.on_overload(CAMERA, lambda stream, run: told.append((stream, run)))
    recorder = hub.subscribe("recorder", lossless=True, limit_bytes=25)
    hub.publish(run_of("r1"))
    for seq in range(5):
        hub.publish(packet(seq, key=seq == 0))
    assert told == [(CAMERA, "r1")]
    assert seqs(await queued(recorder)) == [0, 1]
    hub.publish(packet(5, key=True))
    hub.publish(RunEnded(CAMERA, "r1", 5, EndReason.OVERLOAD, 6))
    hub.publish(run_of("r2"))
    hub.publish(packet(0, key=True, run="r2"))
    rest = await queued(recorder)
    assert [type(item) for item in rest] == [RunEnded, RunStarted, Packet]
    assert told == [(CAMERA, "r1")]


async def test_a_second_overload_is_told_again(hub: Hub) -> None:
    """Each Run that is cut short is told, and a registration that was taken back hears nothing."""
    told: list[str] = []
    hub.on_overload(CAMERA, lambda _stream, run: told.append(run))
    hub.subscribe("recorder", lossless=True, limit_bytes=0)
    for run in ("r1", "r2"):
        hub.publish(run_of(run))
        hub.publish(packet(0, key=True, run=run))
    hub.on_overload(CAMERA, None)
    hub.publish(run_of("r3"))
    hub.publish(packet(0, key=True, run="r3"))
    assert told == ["r1", "r2"]


async def test_who_has_lost_of_a_run_can_have_it_ended(hub: Hub) -> None:
    """end_run reaches ingest with Stream and Run; for a Stream that nobody ingests it is nothing."""
    told: list[tuple[StreamRef, str]] = []
    hub.on_overload(CAMERA, lambda stream, run: told.append((stream, run)))
    hub.end_run(CAMERA, "r1")
    hub.end_run(OTHER, "r2")
    assert told == [(CAMERA, "r1")]


async def test_a_viewer_that_drops_ends_no_run(hub: Hub) -> None:
    """Only a subscription that may not lose makes ingest end the Run."""
    told: list[str] = []
    hub.on_overload(CAMERA, lambda _stream, run: told.append(run))
    viewer = hub.subscribe("viewer", limit_bytes=0)
    hub.publish(packet(0, key=True))
    assert (viewer.dropped, told) == (1, [])


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.booleans()), max_size=60), st.integers(20, 100))
def test_what_a_viewer_gets_is_decodable(frames: list[tuple[bool, int, bool]], limit_bytes: int) -> None:
    """Whatever the sizes, limits and pace: a hole in seq ends at a key frame, and every lost Packet is counted."""

    async def received() -> tuple[list[Packet], int]:
        hub = Hub(ManualClock())
        viewer = hub.subscribe("viewer", CAMERA, limit_bytes=limit_bytes)
        got: list[Packet] = []
        for seq, (key, size, reads) in enumerate(frames):
            hub.publish(packet(seq, key=key or seq == 0, size=size))
            if reads or seq == len(frames) - 1:
                hub.publish(state(StreamCondition.LIVE))  # never dropped, so that there is something to get
                got += [item for item in await viewer.get() if isinstance(item, Packet)]
        return got, viewer.dropped

    got, dropped = asyncio.run(received())
    assert len(got) + dropped == len(frames)
    for before, after in itertools.pairwise(got):
        assert after.seq == before.seq + 1 or after.is_key
    assert all(p.is_key for p in got[:1])


async def test_close_wakes_who_waits_and_ends_delivery(hub: Hub) -> None:
    """What was queued is still given, then HubClosedError; later items go nowhere; closing twice is one close."""
    subscription = hub.subscribe("viewer", CAMERA)
    hub.publish(packet(0, key=True))
    subscription.close()
    subscription.close()
    hub.publish(packet(1))
    assert seqs(await queued(subscription)) == [0]
    with pytest.raises(HubClosedError):
        await subscription.get()
    waiting_for = hub.subscribe("waiting", CAMERA)
    waiting = asyncio.create_task(waiting_for.get())
    await asyncio.sleep(0)
    waiting_for.close()
    with pytest.raises(HubClosedError):
        await asyncio.wait_for(waiting, 5)


async def test_a_stream_that_is_no_longer_registered_is_forgotten(hub: Hub) -> None:
    """drop_state takes state and Run away from what newcomers are told."""
    hub.publish(state(StreamCondition.LIVE))
    hub.publish(run_of("r1"))
    assert (hub.state_of(CAMERA), hub.states()) == (state(StreamCondition.LIVE), [state(StreamCondition.LIVE)])
    hub.drop_state(CAMERA)
    assert (hub.state_of(CAMERA), hub.run_of(CAMERA), hub.states()) == (None, None, [])
