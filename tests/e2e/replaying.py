"""D1, D2: several cameras replayed on one clock, judged by the barcodes on the screen.

At every sample the page tells the barcode that each tile shows and where its clock stands; which picture a barcode is
comes from the footage itself (tests/e2e/replayable.py). A tile in a gap shows none and is not compared.
"""

from __future__ import annotations

import asyncio
import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

from tests.e2e.glass import BARCODE
from tests.e2e.replayable import Unit, replayable, rfc3339

READY = "() => window.__vms && window.__vms.replay && window.__vms.replay.ready && window.__vms.replay.tiles"
SETTLE_MS = 1000.0
FULL = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
KEYS = (8.0, 16.0, 32.0, 64.0, -1.0, -4.0, -16.0, -64.0)
# Samples from now on: [the page's clock, its speed, ms since the last order, barcode of each tile or null].
SAMPLE = """
(every) => {
  window.__samples = [];
  window.__ordered = performance.now();
  let last = 0;
  const look = (now) => {
    requestAnimationFrame(look);
    if (now - last < every) return;
    last = now;
    const replay = window.__vms.replay;
    const tiles = replay.tiles();
    const ks = tiles.map((tile, index) => {
      if (!tile || tile.state !== "showing") return null;
      return window.readBarcode(document.querySelector(`[data-tile="${index}"] canvas`));
    });
    window.__samples.push([replay.at(), replay.rate(), performance.now() - window.__ordered, ks]);
  };
  requestAnimationFrame(look);
}
"""
# Seek, and how long until every tile shows the picture wanted of it (its barcodes; [] where it is in a gap), ms.
SEEK = """
async ([ms, wanted, limit]) => {
  const began = performance.now();
  window.__ordered = began;
  window.__vms.replay.seek(ms);
  const shown = (index) => window.readBarcode(document.querySelector(`[data-tile="${index}"] canvas`));
  const there = () => wanted.every((ks, index) => !ks.length || ks.includes(shown(index)));
  const said = () => window.__vms.replay.tiles().every((tile, index) => !wanted[index].length || tile.shownAt !== null);
  while (performance.now() - began < limit) {
    await new Promise((done) => requestAnimationFrame(done));
    if (said() && there()) return performance.now() - began;
  }
  return null;
}
"""
GO = """
(ms) => {
  window.__vms.replay.seek(ms);
  window.__ordered = performance.now();
  window.__samples.length = 0;
}
"""


@dataclass
class Spread:
    """Differences in ms between any two tiles by speed; `keys`: samples on key frames, and those of them in which a
    tile showed another than its last key frame before the clock; `torn`: barcodes of no picture near the clock;
    `absent`: of `asked` tiles with footage at the clock's instant, those that showed nothing of it."""

    by_rate: dict[float, list[float]] = field(default_factory=dict)
    keys: int = 0
    wrong_keys: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    asked: int = 0
    absent: int = 0

    def shares(self) -> list[float]:
        """All differences as they count for the bar: divided by the speed where it is above 1."""
        return [ms / max(1.0, rate) for rate, found in self.by_rate.items() for ms in found]


class Footage:
    """What each tile's camera recorded, to tell a picture by its barcode and the clock."""

    def __init__(self, units: Sequence[list[Unit]], loop: int) -> None:
        self.units = units
        self._times = [[unit.shown_ns for unit in each] for each in units]
        self._loop = loop

    def near(self, tile: int, k: int, at_ns: int) -> Unit | None:
        """The picture with that barcode nearest to an instant, within half a loop of the camera."""
        units, times = self.units[tile], self._times[tile]
        i = bisect.bisect_right(times, at_ns)
        window = units[max(0, i - self._loop // 2) : i + self._loop // 2]
        found = [unit for unit in window if unit.n % self._loop == k]
        return min(found, key=lambda unit: abs(unit.shown_ns - at_ns), default=None)

    def wanted(self, tile: int, at_ns: int, *, slack: int = 1) -> list[int]:
        """Barcodes that answer a seek: of that instant's picture, and one beside it; none in a gap."""
        times = self._times[tile]
        i = bisect.bisect_right(times, at_ns) - 1
        if i < 0 or i + 1 >= len(times) or times[i + 1] - times[i] > 1_000_000_000:
            return []
        return sorted({unit.n % self._loop for unit in self.units[tile][max(0, i - slack) : i + 1 + slack]})

    def keys_between(self, tile: int, from_ns: int, to_ns: int) -> set[int]:
        """Numbers of the key frames that are the last before some instant of an interval."""
        times = self._times[tile]
        first, last = bisect.bisect_right(times, from_ns), bisect.bisect_right(times, to_ns)
        before = next((unit for unit in reversed(self.units[tile][:first]) if unit.is_key), None)
        inside = [unit for unit in self.units[tile][first:last] if unit.is_key]
        return {unit.n for unit in [*([before] if before else []), *inside]}

    def covers(self, at_ns: int) -> bool:
        """Whether the clock stands well within what is known of all cameras."""
        return max(t[0] for t in self._times) + 10**9 < at_ns < min(t[-1] for t in self._times) - 10**9

    def random_ns(self, rng: random.Random) -> int:
        """An instant of the time that all cameras were there, less five seconds at both ends."""
        first, last = max(times[0] for times in self._times), min(times[-1] for times in self._times)
        return rng.randrange(first + 5 * 10**9, last - 5 * 10**9)


async def opened(page: Page, system: Any, slugs: Sequence[str], loop: int, from_ns: int, to_ns: int) -> Footage:
    """The replay of these cameras' `sub`, at rest; what they recorded in an interval."""
    ids = [system.camera(slug)["id"] for slug in slugs]
    units = [await replayable(system.http, one, from_ns, to_ns, "sub") for one in ids]
    footage = Footage(units, loop)
    start = rfc3339(max(each[0].shown_ns for each in units) + 5 * 10**9)
    await page.goto(f"{system.url}/replay?cameras={','.join(ids)}&stream=sub&paused=1&at={start}")
    await page.wait_for_function(READY, timeout=20_000)
    await page.evaluate(BARCODE)
    return footage


async def _order(page: Page, rate: float) -> None:
    """Play at a speed, as a person chooses it."""
    await page.locator("[data-rate]").select_option(str(int(rate) if rate == int(rate) else rate))
    await page.evaluate("() => { window.__ordered = performance.now(); document.activeElement.blur(); }")
    if await page.locator("[data-play]").get_attribute("data-play") == "false":
        await page.locator("[data-play]").click()
        await page.evaluate("() => document.activeElement.blur()")


async def in_step(page: Page, footage: Footage, *, seconds: float, seed: int, each_s: float = 6.0) -> Spread:
    """Seeks and speeds at random for so long; what was seen from a second after each order on."""
    rng, found = random.Random(seed), Spread()
    await page.evaluate(SAMPLE, 100)
    loop = asyncio.get_running_loop()
    until, turn = loop.time() + seconds, 0
    while loop.time() < until:
        rate = rng.choice(KEYS) if turn % 3 == 2 else (1.0 if turn == 0 else rng.choice(FULL))
        turn += 1
        await _order(page, rate)
        await page.evaluate(GO, footage.random_ns(rng) / 1e6)
        await asyncio.sleep(each_s)
        for sample in await page.evaluate("() => window.__samples.splice(0)"):
            _judge(found, footage, sample, rate)
    return found


def _judge(found: Spread, footage: Footage, sample: Sequence[Any], rate: float) -> None:
    at_ms, told, since_ms, ks = sample
    if since_ms < SETTLE_MS or told != rate:
        return
    at_ns, fast = int(at_ms * 1e6), rate < 0 or rate > 4
    if not footage.covers(at_ns):
        return  # what was recorded later, or before, is not known here
    shown: list[int] = []
    for tile, k in enumerate(ks):
        there = bool(footage.wanted(tile, at_ns))
        found.asked += there
        if k is None:
            found.absent += there
            continue
        unit = footage.near(tile, k, at_ns)
        if unit is None:
            found.torn.append(f"tile {tile}, {k} at {at_ms:.0f}")
            continue
        shown.append(unit.shown_ns)
        if fast:
            slack_ns = int(150e6 * abs(rate))
            low, high = (at_ns - slack_ns, at_ns) if rate > 0 else (at_ns, at_ns + slack_ns)
            found.keys += 1
            if unit.n not in footage.keys_between(tile, low, high):
                found.wrong_keys.append(f"tile {tile}, {rate:g}x: {(at_ns - unit.shown_ns) / 1e9:.2f} s behind")
    if not fast and len(shown) > 1:
        found.by_rate.setdefault(rate, []).append((max(shown) - min(shown)) / 1e6)


async def seeks(page: Page, footage: Footage, *, count: int, seed: int, limit_s: float = 5.0) -> list[float | None]:
    """Seek at rest to instants at random; ms until all first pictures are there, None where they never were."""
    rng = random.Random(seed)
    took: list[float | None] = []
    for _ in range(count):
        at_ns = footage.random_ns(rng)
        wanted = [footage.wanted(tile, at_ns) for tile in range(len(footage.units))]
        took.append(await page.evaluate(SEEK, [at_ns / 1e6, wanted, limit_s * 1000]))
        await asyncio.sleep(rng.uniform(0.3, 0.8))
    return took
