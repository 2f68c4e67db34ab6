"""How sessions end: closed, silent, gone without a word, or in the middle of something; nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streamer.options import StreamerOptions
from tests.streamer.conftest import Studio, run_studio, settle
from tests.streamer.fake_ingest import FakeStream
from tests.streamer.player import entry, player, until
from vms.clock import ManualClock
from vms.domain.ids import new_id


@asynccontextmanager
async def studio_by_hand(clock: ManualClock, options: StreamerOptions) -> AsyncIterator[Studio]:
    """A studio on a clock moved by hand."""
    async for running in run_studio(clock, options):
        yield running


async def test_a_viewer_that_closes_is_freed_at_once(studio: Studio) -> None:
    """DTLS close_notify ends the session without any message."""
    stream = studio.ingest.add()
    studio.ingest.play(stream)
    async with player() as viewer:
        value = {"camera": stream.ref.camera, "stream": "sub", "sdp": await viewer.offer()}
        await viewer.answer((await studio.bus.request("streamer.whep.open", value))["sdp"])
        await viewer.luma()
        assert len(studio.streamer.sessions) == 1
    await until(lambda: not studio.streamer.sessions)


async def test_silence_ends_a_wall_and_no_connection_ends_any(clock: ManualClock) -> None:
    """15 s without a message, or without a connection: gone; a ping in time keeps a wall."""
    async with studio_by_hand(clock, StreamerOptions(connect_s=30)) as studio, player() as viewer:
        sdp = await viewer.offer()
        for ident in ("kept", "silent"):
            await studio.bus.request("streamer.wall.open", {"session": ident, "sdp": sdp, "tiles": []})
        whep = {"camera": new_id(), "stream": "sub", "sdp": sdp}
        await studio.bus.request("streamer.whep.open", whep)
        await clock.advance(10)
        await studio.bus.request("streamer.wall.message.kept", {"type": "ping", "t": 1})
        await clock.advance(6)
        await until(lambda: "silent" not in studio.streamer.sessions)
        assert len(studio.streamer.sessions) == 2
        await studio.bus.request("streamer.wall.message.kept", {"type": "ping", "t": 1})
        await clock.advance(15)
        await until(lambda: not studio.streamer.sessions)


async def test_what_comes_next_is_ready_and_let_go(clock: ManualClock) -> None:
    """A feed that was asked to be ready is there before it is shown, and goes when nobody asks again, or with all."""
    async with studio_by_hand(clock, StreamerOptions(connect_s=60)) as studio, player() as viewer:
        await studio.bus.request("streamer.wall.open", {"session": "w", "sdp": await viewer.offer(), "tiles": []})
        one, two = studio.ingest.add(), studio.ingest.add()

        async def warm(*streams: FakeStream) -> None:
            cameras = [{"camera": stream.ref.camera, "stream": "sub"} for stream in streams]
            await studio.bus.request("streamer.wall.message.w", {"type": "warm", "cameras": cameras})

        await warm(one, two)
        assert set(studio.streamer.fanout.watched) == {one.ref, two.ref}
        await clock.advance(6)
        await warm(one)
        await clock.advance(8)
        await until(lambda: studio.streamer.fanout.watched == [one.ref])
        await studio.bus.request("streamer.wall.close.w", {})
        await clock.advance(8)
        await until(lambda: studio.streamer.fanout.watched == [])


async def test_a_player_that_vanishes_is_freed(clock: ManualClock) -> None:
    """No RTCP for 15 s from a player that was sent something: gone, without a word from it."""
    async with studio_by_hand(clock, StreamerOptions()) as studio:
        stream = studio.ingest.add()
        studio.ingest.step(stream, 10)
        async with player() as viewer:
            value = {"camera": stream.ref.camera, "stream": "sub", "sdp": await viewer.offer()}
            await viewer.answer((await studio.bus.request("streamer.whep.open", value))["sdp"])
            await viewer.luma()
            viewer.pc.getReceivers()[0].transport._task.cancel()  # it neither reads nor answers any more
            for _ in range(70):
                await clock.advance(0.25)
            await until(lambda: not studio.streamer.sessions)


async def test_a_message_while_a_wall_ends_leaves_nothing_watched(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows and warm-ups that come while the connection is still closing acquire no feed that nobody lets go of."""
    stream = studio.ingest.add()
    async with player() as viewer:
        value = {"session": "w", "person": "ana", "sdp": await viewer.offer(), "tiles": []}
        await studio.bus.request("streamer.wall.open", value)
        session = studio.streamer.sessions["w"]
        go_on, real = asyncio.Event(), session._peer.close

        async def slow() -> None:
            await go_on.wait()
            await real()

        monkeypatch.setattr(session._peer, "close", slow)
        closing = asyncio.create_task(session.close("gone"))
        await settle()
        await studio.bus.request("streamer.wall.message.w", {"type": "show", **entry(0, stream), "n": 1})
        warm = {"camera": stream.ref.camera, "stream": "sub"}
        await studio.bus.request("streamer.wall.message.w", {"type": "warm", "cameras": [warm]})
        go_on.set()
        await closing
    assert studio.streamer.fanout.watched == []


@pytest.mark.parametrize("how", ["cancelled", "broken"])
async def test_a_close_that_goes_wrong_frees_all_the_same(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Who asked gave up in the middle, or DTLS fails: the session is forgotten, its sockets are closed."""
    async with player() as viewer:
        value = {"session": "w", "person": "ana", "sdp": await viewer.offer(), "tiles": []}
        await studio.bus.request("streamer.wall.open", value)
        session = studio.streamer.sessions["w"]
        go_on, real = asyncio.Event(), session._peer._dtls.stop

        async def strange() -> None:
            await go_on.wait()
            if how == "broken":
                raise RuntimeError("no")
            await real()

        monkeypatch.setattr(session._peer._dtls, "stop", strange)
        closing = asyncio.create_task(session.close("gone"))
        await settle()
        if how == "cancelled":
            closing.cancel()
        go_on.set()
        await asyncio.gather(closing, return_exceptions=True)
        await until(lambda: "w" not in studio.streamer.sessions)
        assert session._peer._gatherer.connection._protocols == []
