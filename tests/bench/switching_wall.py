"""C1 and C2: cameras switched on a real wall in Chromium, one tile at a time and all sixteen at once."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.bench.report import Row, percentile
from tests.e2e import glass, switching
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

SWITCHES = int(os.environ.get("VMS_BENCH_SWITCHES_C1", "200"))
LAYOUTS = int(os.environ.get("VMS_BENCH_LAYOUTS", "40"))
LOOP_S = 20
# What the page makes is kept, so that its connections and sockets can be asked from outside.
KEEP = """
  window.__pcs = []; window.__sockets = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.__pcs.push(this); }
  };
  window.WebSocket = class extends WebSocket {
    constructor(...given) { super(...given); window.__sockets.push(this); }
  };
"""
FREEZES = """async () => {
  let freezes = 0;
  for (const pc of window.__pcs)
    for (const report of (await pc.getStats()).values())
      if (report.type === "inbound-rtp") freezes += report.freezeCount ?? 0;
  return freezes;
}"""
# One message of sixteen cameras; milliseconds until the last tile presents a picture of its new camera.
SWITCH_ALL = """async ([cameras, n]) => {
  const socket = window.__sockets.findLast((s) => s.url.includes("/control") && s.readyState === 1);
  const began = performance.timeOrigin + performance.now();
  const first = new Array(cameras.length).fill(null), from = new Array(cameras.length).fill(null);
  const hear = (event) => {
    const said = JSON.parse(event.data);
    if (said.type === "switched" && said.n === n + said.tile) from[said.tile] = said.rtp;
  };
  socket.addEventListener("message", hear);
  const seen = window.__seen;
  seen.length = 0;
  const tiles = cameras.map((camera, tile) => ({ tile, camera, stream: "sub", n: n + tile }));
  socket.send(JSON.stringify({ type: "show", tiles }));
  while (first.includes(null) && performance.timeOrigin + performance.now() - began < 5000) {
    await new Promise((resolve) => setTimeout(resolve, 4));
    for (const [tile, , at, rtp] of seen)
      if (first[tile] === null && from[tile] !== null && rtp >= 0 && ((rtp - from[tile]) >>> 0) < 0x80000000)
        first[tile] = at - began;
  }
  socket.removeEventListener("message", hear);
  return first;
}"""


async def one_tile(folder: Path) -> Sequence[Row]:
    """C1. Key frames every 2 s and every 4 s, and 1080p every 2 s."""
    rows: list[Row] = []
    large = {"sub_size": "1920x1080", "sub_kbps": 3000, "main_size": "320x180", "main_kbps": 200}
    for name, words, live, options in (
        ("", "key frames every 2 s", 250, {"gop_s": 2}),
        (".4s", "key frames every 4 s", 400, {"gop_s": 4}),
        (".1080p", "1080p, key frames every 2 s", 250, {"gop_s": 2, **large}),
    ):
        place = folder / (name or "plain")
        place.mkdir()
        rows += await _switched(place, f"C1{name}", words, live, options)
    return rows


async def _switched(folder: Path, name: str, words: str, live: int, options: Mapping[str, Any]) -> list[Row]:
    async with running_system(folder, simulator=options) as system:
        await system.until_live()
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            await screen.page.add_init_script(KEEP)
            await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", 4)
            await screen.page.wait_for_timeout(3000)
            before = await screen.page.evaluate(FREEZES)
            found = await switching.measure(screen.page, system, count=SWITCHES, seed=4, fps=15, loop_s=LOOP_S)
            freezes = await screen.page.evaluate(FREEZES) - before
    n = len(found.first_ms)
    return [
        Row(f"{name}.first_p50", f"click to first new picture, {words} (bar 60)", percentile(found.first_ms, 0.5), "ms",
            n),
        Row(f"{name}.first_p95", "the same, p95 (bar 150)", percentile(found.first_ms, 0.95), "ms", n),
        Row(f"{name}.live_p95", f"click to at live, p95 (bar {live})", percentile(found.live_ms, 0.95), "ms", n),
        Row(f"{name}.missed", "switches without a new picture at live", found.missed, "", SWITCHES),
        Row(f"{name}.freezes", "freezes as the browser counts them (bar 0)", freezes, "", SWITCHES),
    ]  # fmt: skip


async def sixteen_tiles(folder: Path) -> Sequence[Row]:
    """C2. Two sets of sixteen cameras in turn, by one message, at moments unrelated to key frames."""
    cameras = {"cameras": 32, "main_size": "320x180", "main_kbps": 200, "main_fps": 5}
    async with running_system(folder, cameras=32, simulator=cameras) as system:
        await system.until_live(120)
        sets = [[camera["id"] for camera in system.cameras[at : at + 16]] for at in (0, 16)]
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            await screen.page.add_init_script(KEEP)
            await glass.wall_with(screen.page, f"{system.url}/wall?grid=16&tiles={','.join(sets[0])}", 16, 60)
            await screen.page.wait_for_timeout(3000)
            connections = await screen.page.evaluate("() => window.__pcs.length")
            all_ms, last_ms, missed = await _layouts(screen.page, sets)
            more = await screen.page.evaluate("() => window.__pcs.length") - connections
    return [
        Row("C2.all_p95", "one message to all 16 pictures, p95 (bar 500)", percentile(last_ms, 0.95), "ms",
            len(last_ms)),
        Row("C2.tile_p95", "the same, of each tile", percentile(all_ms, 0.95), "ms", len(all_ms)),
        Row("C2.missed", "tiles without a new picture", missed, "", LAYOUTS * 16),
        Row("C2.connections", "connections made meanwhile (bar 0)", more, "", LAYOUTS),
    ]  # fmt: skip


async def _layouts(page: Page, sets: Sequence[Sequence[str]]) -> tuple[list[float], list[float], int]:
    rng = random.Random(5)
    each: list[float] = []
    last: list[float] = []
    missed = 0
    await glass.watch(page, range(16))
    for turn in range(LAYOUTS):
        first = await page.evaluate(SWITCH_ALL, [sets[(turn + 1) % 2], 1_000_000 + turn * 16])
        there = [value for value in first if value is not None]
        missed += len(first) - len(there)
        each += there
        if len(there) == len(first):
            last.append(max(there))
        await asyncio.sleep(2.5 + rng.random() * 2)
    return each, last, missed
