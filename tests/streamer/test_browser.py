"""Walls in a real Chromium: sixteen videos on one connection, switches without renegotiation, the truth of states."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

from tests.streamer.browser import running_viewer
from tests.streamer.conftest import Studio
from tests.streamer.fake_ingest import FakeStream

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
        stats = await viewer.page.evaluate("() => stats()")
        print("opened", opened_s, "first", sorted(firsts), "live", sorted(lives), stats)
        assert opened_s < 4
        assert statistics.median(firsts) < 200
        assert statistics.median(lives) < 400
        assert await viewer.page.evaluate("() => wall.pc.remoteDescription.sdp") == description
        assert sum(s["lost"] for s in stats) == 0
        assert not viewer.errors
