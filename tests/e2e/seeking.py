"""A7: seeks to random recorded instants of one `main`, judged by the barcode of the first frame presented after.

The first is made the moment the page has opened, its own first window still loading. One has come when a frame within
one of the asked is presented and the page says so. A frame of the old playback presented in the same refresh as the
seek is nobody's fault; every other frame before the asked one is a stray.
"""

from __future__ import annotations

import asyncio
import bisect
import random
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from playwright.async_api import Page

from tests.e2e.glass import BARCODE
from tests.e2e.replayable import Unit, replayable, rfc3339

READY = "() => window.__vms && window.__vms.replay && window.__vms.replay.ready"
LIMIT_S = 5.0
SECOND_WITHIN_MS = 300.0
# In: ms to seek to first or null, how long to wait then, ms, barcodes wanted, limit in s. Out: ms it took or null, the
# barcode before the seek, those presented after.
SEEK = """
async ([first, wait, ms, want, limit]) => {
  if (first !== null) {
    window.__vms.replay.seek(first);
    await new Promise((done) => setTimeout(done, wait));
  }
  const before = window.readBarcode(document.querySelector("video"));
  const started = performance.now();
  const late = () => performance.now() - started >= limit * 1000;
  window.__vms.replay.seek(ms);
  const presented = [];
  while (!late()) {
    const video = document.querySelector("video");
    const at = await new Promise((done) => {
      const timer = setTimeout(() => done(null), 200);
      if (video) video.requestVideoFrameCallback((now) => { clearTimeout(timer); done(now); });
    });
    if (at === null) continue;
    const k = window.readBarcode(document.querySelector("video"));
    presented.push(k);
    if (!want.includes(k)) continue;
    // Barcodes come again with every loop of the camera; the page says which one this is.
    const said = () => window.__vms.replay.state === "ready" && Math.abs(window.__vms.replay.shownAt() - ms) < 2000;
    while (!said() && !late()) await new Promise((done) => setTimeout(done, 10));
    return [late() ? null : at - started, before, presented];
  }
  return [null, before, presented];
}
"""


@dataclass
class Seeks:
    """Milliseconds per seek; `strays`: other frames presented first; `missed`: never within one frame."""

    ms: list[float] = field(default_factory=list)
    strays: int = 0
    missed: list[str] = field(default_factory=list)


class _Asker:
    """Asks the page for random instants of what was recorded, and knows which barcodes answer."""

    def __init__(self, page: Page, units: list[Unit], *, seed: int, loop: int) -> None:
        self.random = random.Random(seed)
        self.found = Seeks()
        self._page, self._units, self._loop = page, units, loop
        self._times = [unit.shown_ns for unit in units]

    def instant_ns(self) -> int:
        """Any but of the last five seconds."""
        return self.random.randrange(self._times[0], self._times[-1] - 5 * 10**9)

    async def ask(self, *, first_ns: int | None = None, wait_ms: float = 0.0) -> None:
        """Seek (after a first seek and a wait) and count what came."""
        at_ns = self.instant_ns()
        i = bisect.bisect_right(self._times, at_ns) - 1
        wanted = sorted({unit.n % self._loop for unit in self._units[max(0, i - 1) : i + 2]})
        first = None if first_ns is None else first_ns / 1e6
        took, before, ks = await self._page.evaluate(SEEK, [first, wait_ms, at_ns / 1e6, wanted, LIMIT_S])
        if took is None:
            self.found.missed.append(f"{wanted}: {before}, {ks[:8]}")
            return
        self.found.ms.append(took)
        others = ks[:-1]
        if others and before is not None and others[0] in (before, (before + 1) % self._loop):
            others = others[1:]
        self.found.strays += len(others)


async def _recorded(system: Any, camera: str) -> list[Unit]:
    now_ns = time.time_ns()
    return await replayable(system.http, camera, now_ns - 3600 * 10**9, now_ns)


async def _open(page: Page, url: str) -> None:
    await page.goto(url, wait_until="commit")
    await page.wait_for_function(READY, timeout=20_000)
    await page.evaluate(BARCODE)


async def measure(page: Page, system: Any, slug: str, *, count: int, seed: int, fps: int, loop_s: int) -> Seeks:
    """Seek so often within what the camera has recorded so far, less the last five seconds."""
    camera = system.camera(slug)["id"]
    asker = _Asker(page, await _recorded(system, camera), seed=seed, loop=fps * loop_s)
    await _open(page, f"{system.url}/cameras/{camera}/recordings")
    for _ in range(count):
        await asker.ask()
        await asyncio.sleep(asker.random.uniform(0.3, 1.0))
    return asker.found


async def openings(page: Page, system: Any, slug: str, *, count: int, seed: int, fps: int, loop_s: int) -> Seeks:
    """Open the page so often, playing or at rest, and seek at once; every second time another seek follows soon."""
    camera = system.camera(slug)["id"]
    asker = _Asker(page, await _recorded(system, camera), seed=seed, loop=fps * loop_s)
    for i in range(count):
        at_rest = f"?t={quote(rfc3339(asker.instant_ns()))}" if i // 2 % 2 else ""
        await page.goto("about:blank")
        await _open(page, f"{system.url}/cameras/{camera}/recordings{at_rest}")
        if i % 2:
            await asker.ask(first_ns=asker.instant_ns(), wait_ms=asker.random.uniform(0, SECOND_WITHIN_MS))
        else:
            await asker.ask()
    return asker.found
