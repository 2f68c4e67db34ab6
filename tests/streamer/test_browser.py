"""Walls in a real Chromium: sixteen videos on one connection, switches without renegotiation, the truth of states."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import pytest

from tests.streamer.browser import running_viewer
from tests.streamer.conftest import Studio
from tests.streamer.fake_ingest import FakeStream
from vms.domain.media import Codec, StreamCondition

pytestmark = pytest.mark.browser


def tile(index: int, stream: FakeStream) -> dict[str, Any]:
    """An entry of `tiles`."""
    return {"tile": index, "camera": stream.ref.camera, "stream": str(stream.ref.name)}


async def test_sixteen_tiles_play_and_switch_without_renegotiation(studio: Studio) -> None:
    """All 16 present pictures soon after opening; any tile switches at once, to the camera asked for; no loss."""
    cameras = [studio.ingest.add(60 + 8 * i) for i in range(8)]
    studio.ingest.play(*cameras, ahead=35)
    async with running_viewer(studio.bus) as viewer:
        began = time.monotonic()
        await viewer.open(16, [tile(i, cameras[i % 7]) for i in range(16)])
        await viewer.until("() => wall.frames.every(f => f.length > 0)")
        opened_s = time.monotonic() - began
        description = await viewer.page.evaluate("() => wall.pc.remoteDescription.sdp")
        firsts, lives = [], []
        for n in range(20):
            target = cameras[(n * 3 + 7) % 8]
            at = n % 16
            result = await viewer.page.evaluate(
                "([t, c, n]) => switchTile(t, c, 'sub', n)", [at, target.ref.camera, n + 1]
            )
            firsts.append(result["first"])
            lives.append(result["live"])
            shade = await viewer.page.evaluate("t => grey(t)", at)
            assert abs(shade - (target.grey - 16) * 255 / 219) < 4
        assert opened_s < 4
        assert statistics.median(firsts) < 200
        assert statistics.median(lives) < 400
        assert await viewer.page.evaluate("() => wall.pc.remoteDescription.sdp") == description
        assert sum(s["lost"] for s in await viewer.page.evaluate("() => stats()")) == 0
        assert not viewer.errors


async def test_what_tiles_say_is_what_is_seen(studio: Studio) -> None:
    """Live tiles show pictures of the age they say; a silent camera is late and frozen; it comes back by itself."""
    ingest = studio.ingest
    good, bad = ingest.add(80), ingest.add(140)
    ingest.play(good, bad)
    async with running_viewer(studio.bus) as viewer:
        await viewer.open(4, [tile(0, good), tile(2, bad)], codecs=False)
        state = "(i, s) => wall.messages.findLast(m => m.type === 'tile' && m.tile === i)?.state === s"
        await viewer.until(f"() => ({state})(0, 'live') && ({state})(2, 'live')")
        # a ping, as of a control socket that opens, brings what empty tiles are
        await viewer.tell("message", {"type": "ping", "t": 1})
        await viewer.until(f"() => ({state})(1, 'empty') && ({state})(3, 'empty')")
        assert (await viewer.frames())[1::2] == [0, 0]
        run, bad.run = bad.run, None  # falls silent, and ingest has not noticed
        await viewer.until(f"() => ({state})(2, 'late')", seconds=5)
        late = await viewer.frames()
        await viewer.page.wait_for_timeout(500)
        after = await viewer.frames()
        assert after[2] == late[2]
        assert after[0] > late[0]
        bad.run = run
        ingest.end(bad)
        ingest.say(bad, StreamCondition.UNREACHABLE, "no route", "camera_unreachable")
        await viewer.until(f"() => ({state})(2, 'offline')")
        ingest.begin(bad)
        ingest.say(bad, StreamCondition.LIVE)
        await viewer.until(f"() => ({state})(2, 'live')")
        await viewer.until(f"() => wall.frames[2].length > {after[2] + 5}")
        assert await viewer.page.evaluate("() => wall.pc.connectionState") == "connected"
        assert not viewer.errors


async def test_a_tile_is_heard(studio: Studio) -> None:
    """A browser that offered a sound plays that of the tile which is listened to."""
    stream = studio.ingest.add(sound=Codec.PCMA)
    studio.ingest.play(stream)
    async with running_viewer(studio.bus) as viewer:
        await viewer.open(1, [tile(0, stream)], sound=True)
        await viewer.until("() => wall.frames[0].length > 3")
        assert await viewer.page.evaluate("() => energy()") == 0
        # An element must play it, or nothing is decoded.
        await viewer.page.evaluate("""() => {
          const audio = document.createElement('audio');
          audio.srcObject = new MediaStream([wall.pc.getReceivers().at(-1).track]);
          document.body.append(audio);
          audio.play().catch(() => {});
        }""")
        await viewer.tell("message", {"type": "listen", "tile": 0})
        await viewer.until("async () => await energy() > 0.01")
        assert not viewer.errors


async def test_a_closed_page_is_freed(studio: Studio) -> None:
    """The viewer closes its tab: session, feed and watch go without a message from it."""
    stream = studio.ingest.add()
    studio.ingest.play(stream)
    async with running_viewer(studio.bus) as viewer:
        await viewer.open(1, [tile(0, stream)])
        await viewer.until("() => wall.frames[0].length > 3")
        await viewer.page.goto("about:blank")
        async with asyncio.timeout(8):
            while studio.streamer.sessions or studio.streamer.fanout.watched:
                await asyncio.sleep(0.05)
    assert not stream.watchers
