"""One feed per watched Stream: doubles, holes, credit, errors of the bus, linger."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from streamer.fanout import Fanout
from streamer.options import StreamerOptions
from tests.streamer.conftest import settle
from tests.streamer.fake_ingest import GOP, FakeIngest
from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.media import Packet, StreamCondition


class Taker:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.restarts = 0

    def push(self, packet: Packet) -> None:
        """See Sink."""
        self.packets.append(packet)

    def restart(self) -> None:
        """See Sink."""
        self.restarts += 1


@pytest.fixture
async def ingest(clock: ManualClock) -> AsyncIterator[FakeIngest]:
    """An ingest that moves by hand."""
    fake = FakeIngest(MemoryBus(), clock)
    yield fake
    await fake.close()
    await fake.bus.close()


@pytest.fixture
async def fanout(ingest: FakeIngest, clock: ManualClock) -> AsyncIterator[Fanout]:
    """The feeds."""
    feeds = Fanout(ingest.bus, clock, StreamerOptions())
    yield feeds
    await feeds.close()


async def test_viewers_of_one_stream_share_a_feed(ingest: FakeIngest, fanout: Fanout) -> None:
    """Two viewers, one watch; it begins with the cached GOP and goes on with what follows, nothing twice."""
    stream = ingest.add()
    ingest.step(stream, 7)
    feed = fanout.acquire(stream.ref)
    assert fanout.acquire(stream.ref) is feed
    taker = Taker()
    feed.sinks.add(taker)
    await settle()
    assert ingest.watches == 1
    assert [p.seq for p in feed.gop] == list(range(7))
    ingest.step(stream, 3)
    ingest.bus.publish(f"media.center.{stream.ref.camera}.sub", {"item": stream.gop[-1]})
    await settle()
    assert [p.seq for p in taker.packets] == [7, 8, 9]
    assert [p.seq for p in feed.gop] == list(range(10))


async def test_a_key_frame_begins_the_cache_anew(ingest: FakeIngest, fanout: Fanout) -> None:
    """The cache holds the Packets since the last key frame only."""
    stream = ingest.add()
    ingest.step(stream, GOP - 1)
    feed = fanout.acquire(stream.ref)
    await settle()
    ingest.step(stream, 3)
    await settle()
    assert [p.seq for p in feed.gop] == [GOP, GOP + 1]


async def test_the_feed_lingers_then_unwatches(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """Who comes back within two seconds finds the feed; then ingest is told that nobody watches."""
    stream = ingest.add()
    feed = fanout.acquire(stream.ref)
    await settle()
    fanout.release(feed)
    await clock.advance(1.5)
    assert fanout.acquire(stream.ref) is feed
    fanout.release(feed)
    await clock.advance(1.5)
    assert stream.watchers
    await clock.advance(1)
    await settle()
    assert not stream.watchers
    assert not fanout.watched


async def test_credit_is_renewed(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """Every half credit, without the GOP."""
    stream = ingest.add()
    fanout.acquire(stream.ref)
    await settle()
    for _ in range(40):
        ingest.step(stream)
        await clock.advance(0.5)
    assert ingest.renewals == 4
    assert ingest.watches == 1


async def test_a_hole_is_filled_from_the_cached_gop(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """Lost Packets: the feed asks for the cached GOP, its viewers begin again from it, nothing broken goes through."""
    stream = ingest.add()
    ingest.step(stream, 5)
    feed = fanout.acquire(stream.ref)
    taker = Taker()
    await settle()
    feed.sinks.add(taker)
    await clock.advance(1)
    ingest.step(stream, 2, lose=True)
    ingest.step(stream, 1)
    await settle()
    assert ingest.watches == 2
    assert taker.restarts == 1
    assert taker.packets == []
    assert [p.seq for p in feed.gop] == list(range(8))
    ingest.step(stream, 1)
    await settle()
    assert [p.seq for p in taker.packets] == [8]


async def test_after_a_hole_a_key_frame_is_enough(ingest: FakeIngest, fanout: Fanout) -> None:
    """Just asked, so not asked again: what is broken is dropped, the next key frame goes through."""
    stream = ingest.add()
    ingest.step(stream, 5)
    feed = fanout.acquire(stream.ref)
    taker = Taker()
    await settle()
    feed.sinks.add(taker)
    ingest.step(stream, 2, lose=True)
    ingest.step(stream, GOP - 5)
    await settle()
    assert ingest.watches == 1
    assert [p.seq for p in taker.packets] == [GOP, GOP + 1]
    assert [p.seq for p in feed.gop] == [GOP, GOP + 1]


async def test_states_and_runs_are_told(ingest: FakeIngest, fanout: Fanout) -> None:
    """A state, the end of a Run and the next Run reach who listens; the old picture stays until there is a new one."""
    stream = ingest.add()
    ingest.step(stream, 3)
    feed = fanout.acquire(stream.ref)
    await settle()
    told = []
    feed.changes.add(lambda: told.append((feed.run is not None, feed.state and feed.state.condition)))
    ingest.say(stream, StreamCondition.UNREACHABLE)
    ingest.end(stream)
    await settle()
    assert len(feed.gop) == 3
    ingest.begin(stream)
    await settle()
    assert feed.gop == []
    assert told == [(True, "unreachable"), (False, "unreachable"), (True, "unreachable")]


async def test_no_ingest_is_a_fault_until_there_is_one(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """Nobody answers: said so, and asked again within two seconds."""
    stream = ingest.add()
    ingest.step(stream, 3)
    ingest.away = True
    feed = fanout.acquire(stream.ref)
    await settle()
    assert feed.fault == "no_responder"
    ingest.away = False
    await clock.advance(2)
    await settle()
    assert feed.fault == ""
    assert len(feed.gop) == 3


async def test_ingest_that_goes_away_and_returns(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """After a renewal that fails the feed goes on where it was; it restarts only where something is missing."""
    stream = ingest.add()
    ingest.step(stream, 3)
    feed = fanout.acquire(stream.ref)
    taker = Taker()
    await settle()
    feed.sinks.add(taker)
    ingest.away = True
    await clock.advance(5)
    assert feed.fault == "no_responder"
    ingest.away = False
    await clock.advance(2)
    assert (feed.fault, taker.restarts) == ("", 0)
    ingest.away = True
    await clock.advance(5)
    ingest.step(stream, 2)
    ingest.away = False
    await clock.advance(2)
    await settle()
    assert taker.restarts == 1
    assert len(feed.gop) == 5


async def test_a_camera_without_key_frames_fills_no_memory(ingest: FakeIngest, clock: ManualClock) -> None:
    """Beyond its bounds the cache is dropped; who watches goes on, who comes waits for a key frame."""
    feeds = Fanout(ingest.bus, clock, StreamerOptions(gop_max_packets=10))
    stream = ingest.add()
    feed = feeds.acquire(stream.ref)
    taker = Taker()
    feed.sinks.add(taker)
    await settle()
    ingest.step(stream, 30)
    await settle()
    assert len(taker.packets) == 30
    assert feed.gop == []
    await feeds.close()


async def test_a_feed_survives_what_it_cannot_read(ingest: FakeIngest, fanout: Fanout, clock: ManualClock) -> None:
    """Nonsense on the bus: the feed says that it failed, and asks again."""
    stream = ingest.add()
    ingest.step(stream, 3)
    feed = fanout.acquire(stream.ref)
    await settle()
    ingest.bus.publish(f"media.center.{stream.ref.camera}.sub", {"nonsense": True})
    await settle()
    assert feed.fault == "error"
    await clock.advance(2)
    await settle()
    assert feed.fault == ""
    ingest.step(stream, 1)
    await settle()
    assert len(feed.gop) == 4


async def test_a_viewer_that_fails_to_hear_ends_nobody_elses_feed(ingest: FakeIngest, fanout: Fanout) -> None:
    """One callback raises at every change: the others are told, Packets go on, a new Run too."""
    stream = ingest.add()
    feed = fanout.acquire(stream.ref)
    heard: list[object] = []

    def broken() -> None:
        raise RuntimeError("no")

    feed.changes |= {broken, lambda: heard.append(feed.run)}
    taker = Taker()
    feed.sinks.add(taker)
    await settle()
    ingest.step(stream, 3)
    ingest.end(stream)
    ingest.begin(stream)
    ingest.step(stream, 2)
    await settle()
    assert len(taker.packets) == 5
    assert heard[-1] == stream.run
    assert feed.fault == ""


async def test_a_silent_feed_is_asked_again_soon(
    ingest: FakeIngest, fanout: Fanout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing comes an answer is waited for half as long: what was asked while a line was cut never has one."""
    limits, request = [], ingest.bus.request

    async def asked(subject: str, value: Value, *, timeout_s: float = 5.0) -> Value:
        limits.append(timeout_s)
        return await request(subject, value, timeout_s=timeout_s)

    monkeypatch.setattr(ingest.bus, "request", asked)
    stream = ingest.add()
    ingest.step(stream, 7)
    fanout.acquire(stream.ref)
    await settle()
    await clock.advance(4)
    await settle()
    assert (limits[0], limits[-1]) == (5.0, 2.5)
