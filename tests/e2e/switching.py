"""A3: one tile switched by key, again and again; from the key to the first new picture, and to a picture at live."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

from tests.e2e.glass import LOG_FLUSH_S, Seen, seen, watch
from tests.e2e.sends import Sends, read_sends

AT_LIVE_MS = 160.0
HALF = 1 << 31
LISTEN = """
(tile) => {
  window.__enters = []; window.__switches = [];
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") window.__enters.push(performance.timeOrigin + event.timeStamp);
  }, true);
  let last = -1;
  const look = () => {
    const now = window.__vms.tiles()[tile];
    if (now.switchedRtp !== null && now.n !== last) {
      last = now.n;
      window.__switches.push([now.n, now.camera, now.switchedRtp]);
    }
    requestAnimationFrame(look);
  };
  look();
}
"""


@dataclass
class Switches:
    """Milliseconds from the key, per switch; `missed`: no new picture or never at live within the wait."""

    first_ms: list[float] = field(default_factory=list)
    live_ms: list[float] = field(default_factory=list)
    missed: int = 0


async def measure(page: Page, system: Any, *, count: int, seed: int, fps: int, loop_s: int) -> Switches:
    """Switch the chosen tile (0) between cameras 5 to 10 so many times, at moments unrelated to key frames."""
    rng = random.Random(seed)
    found = Switches()
    slugs = {camera["id"]: camera["slug"] for camera in system.cameras}
    await watch(page, [0])
    await page.evaluate(LISTEN, 0)
    await page.evaluate("() => { window.__switches.length = 0 }")
    for turn in range(count):
        await page.keyboard.press(str(5 + turn % 5))
        await page.keyboard.press("Enter")
        await asyncio.sleep(1.2 + rng.random() * 0.8)
        frames = await seen(page)
        pressed = (await page.evaluate("() => window.__enters.splice(0)"))[-1]
        switches = await page.evaluate("() => window.__switches.splice(0)")
        if not switches:
            found.missed += 1
            continue
        _, camera, rtp = switches[-1]
        await asyncio.sleep(LOG_FLUSH_S)
        _judge(found, frames, pressed, rtp, read_sends(system.simulator.send_log, slugs[camera], "sub"), fps * loop_s)
    return found


def _judge(found: Switches, frames: list[Seen], pressed: float, rtp: int, sends: Sends, loop: int) -> None:
    new = [f for f in frames if f.at_ms >= pressed and f.rtp >= 0 and (f.rtp - rtp) % (1 << 32) < HALF]
    live = next((f for f in new if (age := _age_ms(f, sends, loop)) is not None and age <= AT_LIVE_MS), None)
    if not new or live is None:
        found.missed += 1
        return
    found.first_ms.append(new[0].at_ms - pressed)
    found.live_ms.append(live.at_ms - pressed)


def _age_ms(frame: Seen, sends: Sends, loop: int) -> float | None:
    if frame.k is None:
        return None
    n = sends.shown(frame.k, loop, int(frame.at_ms * 1e6))
    return None if n is None else frame.at_ms - sends.t_ns[n] / 1e6
