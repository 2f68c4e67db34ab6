"""What a tile says of itself: the truth, over everything that happens to its camera. Time is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streamer.fanout import Fanout
from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.pump import Pump
from streamer.rtp import Frame
from streamer.tile import WallTile, rfc3339
from streamer.verdict import Facts, judge
from tests.streamer.conftest import settle
from tests.streamer.fake_ingest import FakeIngest, FakeStream
from tests.streamer.outlet import Outlet
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import LineClaim, StreamName, StreamRef
from vms.domain.media import Codec, StreamCondition


class Bench:
    """A tile, what it sent, and what it said."""

    def __init__(self, clock: ManualClock, *, hevc: bool = False) -> None:
        options = StreamerOptions()
        self.clock = clock
        self.ingest = FakeIngest(MemoryBus(), clock)
        self.fanout = Fanout(self.ingest.bus, clock, options)
        self.said: list[dict[str, Any]] = []
        pacer = Pacer(clock, 10**9, 10**6)
        self.pump = Pump(clock)
        self.tile = WallTile(
            3,
            clock=clock,
            fanout=self.fanout,
            pacer=pacer,
            pump=self.pump,
            options=options,
            say=self.said.append,
            hevc=hevc,
        )
        self.outlet = Outlet(clock)
        self.tile.track.bind(self.outlet)

    @property
    def payloads(self) -> list[Frame]:
        """What was sent."""
        return [frame for frame, *_ in self.outlet.frames]

    async def play(self, stream: FakeStream, seconds: float) -> None:
        """The camera sends for so long, and the tile is judged as the session does."""
        for _ in range(int(seconds * 25)):
            await self.clock.advance(0.04)
            self.ingest.step(stream)
            await settle(10)
            self.tile.refresh()

    async def wait(self, seconds: float) -> None:
        """Nothing comes."""
        for _ in range(int(seconds * 4)):
            await self.clock.advance(0.25)
            await settle(10)
            self.tile.refresh()

    def states(self) -> list[str]:
        """The states told, repetitions left out."""
        told = [m["state"] for m in self.said if m["type"] == "tile"]
        return [s for i, s in enumerate(told) if i == 0 or told[i - 1] != s]

    def last(self) -> dict[str, Any]:
        """The `tile` message told last."""
        return [m for m in self.said if m["type"] == "tile"][-1]

    async def close(self) -> None:
        """End."""
        self.tile.close()
        await self.pump.close()
        await self.fanout.close()
        await self.ingest.close()
        await self.ingest.bus.close()


@pytest.fixture
async def bench(clock: ManualClock) -> AsyncIterator[Bench]:
    """A bench."""
    built = Bench(clock)
    yield built
    await built.close()


async def test_from_empty_to_live_and_back(bench: Bench, clock: ManualClock) -> None:
    """A camera that sends is connecting, then live within its first picture; nothing chosen is empty."""
    stream = bench.ingest.add()
    stream.first_ns = clock.now_ns() - NS_PER_S
    bench.ingest.step(stream, 25)
    bench.tile.show(stream.ref, 17)
    await settle()
    await bench.play(stream, 2.2)
    assert bench.states() == ["connecting", "catching_up", "live"]
    assert bench.last() | {"since": ""} == {
        "type": "tile", "tile": 3, "camera": stream.ref.camera, "stream": "sub", "n": 17, "state": "live",
        "age_ms": bench.last()["age_ms"], "since": "", "cause": None, "why": "", "line": None, "transcoded": False,
    }  # fmt: skip
    assert 0 <= bench.last()["age_ms"] <= 80
    switched = [m for m in bench.said if m["type"] == "switched"]
    assert [(m["tile"], m["n"]) for m in switched] == [(3, 17)]
    clocks = [m for m in bench.said if m["type"] == "clock"]
    a, b = clocks[0], clocks[-1]
    ticks = (b["rtp"] - a["rtp"]) & 0xFFFFFFFF
    assert abs(ticks / 90_000 - (int(b["wall_ns"]) - int(a["wall_ns"])) / NS_PER_S) < 0.001
    bench.tile.show(None, 18)
    assert (bench.last()["state"], bench.last()["camera"], bench.last()["n"]) == ("empty", None, 18)


async def test_an_old_cache_is_catching_up(bench: Bench, clock: ManualClock) -> None:
    """The freshest picture goes out at once, and is not called live while it is older than two seconds."""
    stream = bench.ingest.add()
    bench.ingest.step(stream, 25)
    await clock.advance(5)
    bench.tile.show(stream.ref)
    await settle()
    assert len(bench.payloads) == 25
    assert bench.last()["state"] == "catching_up"
    assert bench.last()["age_ms"] >= 4000


async def test_a_camera_that_falls_silent_is_late_then_what_ingest_says(bench: Bench, clock: ManualClock) -> None:
    """Live, late after two seconds, reconnecting and offline with since and cause as ingest tells, live again."""
    stream = bench.ingest.add()
    bench.tile.show(stream.ref)
    await settle()
    await bench.play(stream, 1)
    await bench.wait(3)
    assert bench.last()["state"] == "late"
    assert bench.last()["age_ms"] > 2000
    bench.ingest.say(stream, StreamCondition.STALLED, "nothing for 3 s")
    await bench.wait(0.5)
    assert (bench.last()["state"], bench.last()["cause"]) == ("reconnecting", "stream_stalled")
    bench.ingest.end(stream)
    bench.ingest.say(stream, StreamCondition.UNREACHABLE, "no route", "camera_unreachable")
    since = rfc3339(clock.now_ns())
    await bench.wait(3)
    last = bench.last()
    assert (last["state"], last["cause"], last["why"]) == ("offline", "camera_unreachable", "no route")
    assert last["since"] == since
    bench.ingest.say(stream, StreamCondition.CONNECTING)
    await bench.wait(0.5)
    assert bench.last()["state"] == "reconnecting"
    bench.ingest.begin(stream)
    bench.ingest.say(stream, StreamCondition.LIVE)
    await bench.play(stream, 0.2)
    assert bench.states()[-1] == "live"


async def test_main_in_h265_falls_back_to_sub(bench: Bench) -> None:
    """The tile shows sub, says so, and sends not one Packet of main."""
    main = bench.ingest.add(60, StreamName.MAIN, codec=Codec.H265)
    sub = bench.ingest.add(90, StreamName.SUB, camera=main.ref.camera)
    bench.ingest.step(main, 5)
    bench.tile.show(main.ref)
    await settle()
    await bench.play(sub, 0.4)
    assert (bench.last()["state"], bench.last()["stream"]) == ("live", "sub")
    assert "sub" in bench.last()["why"]
    assert len(bench.payloads) == 10
    await bench.wait(3)
    assert not main.watchers


async def test_h265_is_shown_to_who_plays_it(clock: ManualClock) -> None:
    """A browser that offered H.265 gets main as it is."""
    bench = Bench(clock, hevc=True)
    main = bench.ingest.add(60, StreamName.MAIN, codec=Codec.H265)
    bench.ingest.step(main, 5)
    bench.tile.show(main.ref)
    await bench.play(main, 0.2)
    assert (bench.last()["state"], bench.last()["stream"]) == ("live", "main")
    assert all(frame.hevc for frame in bench.payloads)
    await bench.close()


async def test_b_frames_that_can_be_left_out_are(bench: Bench) -> None:
    """IPBB with disposable B: every third picture goes out, in order; the tile is live and says why it is coarse."""
    stream = bench.ingest.add()
    stream.pts = lambda n: n if n == 0 else n + 2 if n % 3 == 1 else n - 1
    stream.kind = lambda n: 0x65 if n == 0 else 0x61 if n % 3 == 1 else 0x01
    bench.tile.show(stream.ref)
    await settle()
    await bench.play(stream, 1.2)
    assert bench.last()["state"] == "live"
    assert "B-frames" in bench.last()["why"]
    assert len(bench.payloads) == 11


async def test_b_frames_that_others_need_are_not_shown(bench: Bench) -> None:
    """Main with referred B-frames: sub is shown; sub with such: unsupported, in plain words."""
    main = bench.ingest.add(60, StreamName.MAIN)
    sub = bench.ingest.add(90, StreamName.SUB, camera=main.ref.camera)
    main.pts = lambda n: n if n == 0 else n + 2 if n % 3 == 1 else n - 1
    bench.tile.show(main.ref)
    await settle()
    await bench.play(main, 0.3)
    assert "B-frames" in bench.last()["why"]
    await bench.play(sub, 0.2)
    assert (bench.last()["state"], bench.last()["stream"]) == ("live", "sub")
    sub.pts = main.pts
    await bench.play(sub, 0.4)
    assert bench.last()["state"] == "unsupported"
    assert "B-frames" in bench.last()["why"]


async def test_h265_alone_is_unsupported(bench: Bench) -> None:
    """Neither stream is H.264: unsupported, in plain words, nothing sent."""
    main = bench.ingest.add(60, StreamName.MAIN, codec=Codec.H265)
    bench.ingest.add(60, StreamName.SUB, camera=main.ref.camera, codec=Codec.H265)
    bench.ingest.step(main, 5)
    bench.tile.show(main.ref)
    await bench.play(main, 0.2)
    assert bench.last()["state"] == "unsupported"
    assert "H.265" in bench.last()["why"]
    assert not bench.payloads


async def test_h265_without_a_sub_stream_is_unsupported(bench: Bench) -> None:
    """There is no sub to fall back to: the same, not offline."""
    main = bench.ingest.add(60, StreamName.MAIN, codec=Codec.H265)
    bench.tile.show(main.ref)
    await settle()
    assert bench.last()["state"] == "unsupported"


async def test_a_camera_nobody_ingests_is_offline(bench: Bench, clock: ManualClock) -> None:
    """Said within a moment, and healed when a node takes it."""
    stream = bench.ingest.add()
    bench.ingest.away = True
    bench.tile.show(stream.ref)
    await settle()
    assert (bench.last()["state"], bench.last()["cause"]) == ("offline", "node_down")
    bench.ingest.away = False
    await clock.advance(2)
    stream.first_ns = clock.now_ns()
    await bench.play(stream, 0.2)
    assert bench.last()["state"] == "live"


async def test_age_is_told_every_second(bench: Bench) -> None:
    """Unchanged tiles that show something are told once a second; empty ones are not."""
    stream = bench.ingest.add()
    await bench.play(stream, 0.2)
    bench.said.clear()
    await bench.wait(3)
    assert bench.said == []
    bench.tile.show(stream.ref)
    await settle()
    await bench.play(stream, 1)
    bench.said.clear()
    await bench.play(stream, 4)
    assert 3 <= sum(m["type"] == "tile" for m in bench.said) <= 5


@pytest.mark.parametrize(
    ("fault", "state", "cause"),
    [
        ("forbidden", "forbidden", "forbidden"),
        ("no_responder", "offline", "node_down"),
        ("bus_timeout", "reconnecting", "not_reported"),
    ],
)
def test_faults(fault: str, state: str, cause: str) -> None:
    """What a tile says when ingest cannot be asked."""
    verdict = judge(Facts(shown=True, fault=fault, fault_ns=5), 10)
    assert (verdict.state, verdict.cause, verdict.since_ns) == (state, cause, 5)


async def test_main_after_sub_of_the_same_camera_costs_no_picture(bench: Bench, clock: ManualClock) -> None:
    """Enlarged it goes on with sub until main is there, or for good; back is as quiet, and all feeds are let go."""
    sub = bench.ingest.add()
    sub.first_ns = clock.now_ns()
    bench.ingest.step(sub)
    bench.tile.show(sub.ref, 1)
    await settle()
    await bench.play(sub, 1)
    main = StreamRef(sub.ref.camera, StreamName.MAIN)
    bench.tile.show(main, 2, LineClaim.FULL)
    await bench.play(sub, 1)
    assert (bench.last()["stream"], bench.last()["state"], bench.last()["n"]) == ("sub", "live", 2)
    began = len(bench.said)
    other = bench.ingest.add(name=StreamName.MAIN, camera=sub.ref.camera, grey=200)
    other.first_ns = clock.now_ns()
    bench.ingest.step(other)
    await bench.play(sub, 3)
    assert (bench.last()["stream"], bench.last()["n"]) == ("main", 2)
    bench.tile.show(sub.ref, 3)
    await bench.play(sub, 3)
    assert bench.last()["stream"] == "sub"
    assert {m["state"] for m in bench.said[began:] if m["type"] == "tile"} <= {"live", "late"}
    assert bench.fanout.watched == [sub.ref]
    bench.tile.show(None)
    await bench.wait(3)
    assert bench.fanout.watched == []
