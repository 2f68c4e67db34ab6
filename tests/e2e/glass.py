"""What a person sees: reads the barcode of every frame that Chromium presents, and finds its age in the send log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.e2e.sends import Sends, read_sends

BARCODE = (Path(__file__).parent / "barcode.js").read_text(encoding="utf-8").replace("export function", "function")
LOG_FLUSH_S = 0.3
WATCH = """
(tiles) => {
  window.__seen = [];
  for (const tile of tiles) {
    const video = document.querySelector(`[data-tile="${tile}"] video`);
    const step = (now, meta) => {
      const at = performance.timeOrigin + Math.max(now, meta.expectedDisplayTime || 0);
      window.__seen.push([tile, window.readBarcode(video), at, meta.rtpTimestamp ?? -1]);
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
  }
}
"""


@dataclass(frozen=True)
class Seen:
    """One presented frame: tile, barcode (None: unreadable), wall time of presentation, RTP timestamp."""

    tile: int
    k: int | None
    at_ms: float
    rtp: int


async def watch(page: Page, tiles: Sequence[int]) -> None:
    """Begin to record every presented frame of these tiles."""
    await page.evaluate(BARCODE)
    await page.evaluate(WATCH, list(tiles))


async def seen(page: Page) -> list[Seen]:
    """What has been presented since."""
    return [Seen(*row) for row in await page.evaluate("() => window.__seen.splice(0)")]


def ages_ms(frames: Sequence[Seen], sends: Sends, loop: int) -> list[float]:
    """Presentation minus send, per frame whose barcode could be read."""
    ages = []
    for frame in frames:
        if frame.k is None:
            continue
        n = sends.shown(frame.k, loop, int(frame.at_ms * 1e6))
        if n is not None:
            ages.append(frame.at_ms - sends.t_ns[n] / 1e6)
    return ages


async def wall_with(page: Page, url: str, tiles: int, limit_s: float = 20) -> float:
    """Open the wall and wait until so many tiles have presented a frame; returns how long it took, in seconds."""
    started = time.monotonic()
    await page.goto(url, wait_until="commit")
    await page.wait_for_function(
        "(n) => window.__vms && window.__vms.tiles && window.__vms.tiles().filter(t => t.frames > 0).length >= n",
        arg=tiles,
        timeout=limit_s * 1000,
        polling="raf",
    )
    return time.monotonic() - started


async def tile_cameras(page: Page) -> dict[int, str]:
    """Which camera each tile shows."""
    tiles: list[dict[str, Any]] = await page.evaluate("() => window.__vms.tiles()")
    return {tile["tile"]: tile["camera"] for tile in tiles if tile["camera"]}


async def delays(page: Page, system: Any, tiles: Sequence[int], *, frames: int, fps: int, loop_s: int) -> list[float]:
    """Ages in ms of so many presented frames (all tiles together)."""
    shows = await tile_cameras(page)
    slugs = {camera["id"]: camera["slug"] for camera in system.cameras}
    await watch(page, tiles)
    got: list[Seen] = []
    while len(got) < frames:
        await asyncio.sleep(0.5)
        got += await seen(page)
    await asyncio.sleep(LOG_FLUSH_S)
    ages: list[float] = []
    for tile in tiles:
        sends = read_sends(system.simulator.send_log, slugs[shows[tile]], "sub")
        ages += ages_ms([frame for frame in got if frame.tile == tile], sends, fps * loop_s)
    return ages
