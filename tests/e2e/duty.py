"""C10: an operator's tour of duty by keys, as fast as asked: switches, layouts, zooms, replays, tours, pushes, drawers
and other pages; and what the page holds then, after all that is unreachable was collected.

Waits are for locators: a handle of an element, which other waits give, would keep its page from being collected.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from playwright.async_api import CDPSession, Page

from tests.e2e.browser import Screen
from tests.e2e.system import System

# What the page makes is counted without being kept.
COUNT = """
  window.__made = { peers: [], sources: [] };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.__made.peers.push(new WeakRef(this)); }
  };
  window.MediaSource = class extends MediaSource {
    constructor(...given) { super(...given); window.__made.sources.push(new WeakRef(this)); }
  };
"""
HELD = """() => {
  const left = (list, open) => list.map((ref) => ref.deref()).filter((one) => one && open(one)).length;
  return [
    left(window.__made.peers, (peer) => peer.connectionState !== "closed"),
    left(window.__made.sources, () => true),
    window.__made.peers.length,
    window.__made.sources.length,
  ];
}"""
GO = "(url) => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); }"
QUIET = """() => {
  const tiles = window.__vms?.tiles?.() ?? [];
  return tiles.length === 4 && tiles.every((tile) => tile.state === "live" || !tile.camera);
}"""
GRIDS = ("4", "9", "6", "1", "9")
MB = 1_000_000


@dataclass(frozen=True)
class Held:
    """What the page holds: heap in bytes, nodes and listeners of the document, connections open, MediaSources alive."""

    heap_bytes: int
    nodes: int
    listeners: int
    connections: int
    sources: int
    connections_made: int
    sources_made: int

    def line(self) -> str:
        """For the terminal."""
        return (
            f"heap {self.heap_bytes / MB:.1f} MB, {self.nodes} nodes, {self.listeners} listeners, "
            f"{self.connections}/{self.connections_made} connections, {self.sources}/{self.sources_made} players"
        )


@dataclass
class Duty:
    """One operator at one page. `pause_s`: between two keys."""

    screen: Screen
    system: System
    pause_s: float
    rng: random.Random
    cameras: int
    done: Counter[str] = field(default_factory=Counter)
    cdp: CDPSession | None = None

    @property
    def page(self) -> Page:
        """The page."""
        return self.screen.page

    async def held(self) -> Held:
        """Collected first, twice: what finalizers let go goes with the second."""
        if self.cdp is None:
            self.cdp = await self.page.context.new_cdp_session(self.page)
            await self.cdp.send("Performance.enable")
            await self.cdp.send("HeapProfiler.enable")
        for _ in range(2):
            await self.cdp.send("HeapProfiler.collectGarbage")
            await asyncio.sleep(0.2)
        found = await self.cdp.send("Performance.getMetrics")
        figures = {each["name"]: int(each["value"]) for each in found["metrics"]}
        counts = await self.page.evaluate(HELD)
        return Held(figures["JSHeapUsedSize"], figures["Nodes"], figures["JSEventListeners"], *counts)

    async def press(self, *keys: str) -> None:
        """One after the other."""
        for key in keys:
            await self.page.keyboard.press(key)
            await asyncio.sleep(self.pause_s)

    async def switch(self) -> None:
        """Another camera on a tile."""
        await self.press(self.rng.choice(("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")))
        for digit in str(self.rng.randint(1, self.cameras)):
            await self.page.keyboard.press(digit)
        await self.press("Enter")

    async def layout(self) -> None:
        """Another layout."""
        await self.press("g", *self.rng.choice(GRIDS))

    async def fresh(self) -> None:
        """The usual wall: a camera on each tile."""
        await self.page.evaluate(GO, "/wall?grid=4")
        await asyncio.sleep(self.pause_s)

    async def zoom(self) -> None:
        """Into the picture, about in it, and out again; and the tile over the whole wall."""
        await self.fresh()
        await self.press("+", "+", "+", "Shift+ArrowLeft", "-", "-", "-", "Enter", "Enter", "Escape")

    async def replay(self) -> None:
        """What was, in the tile, further back, and live again."""
        await self.fresh()
        await self.press("p")
        await asyncio.sleep(4 * self.pause_s + 0.5)
        await self.press("]", "[", " ", " ", "p")

    async def tour(self) -> None:
        """Begun, stepped, paused, left."""
        await self.press("t")
        await self.page.locator("[data-tours] [data-at='0']").wait_for(timeout=5000)
        await self.press("1")
        await self.page.locator("[data-tours]").wait_for(state="detached", timeout=5000)
        await self.press(".", ".", ",", " ", " ", "t")

    async def push(self) -> None:
        """This wall onto a screen."""
        await self.press("d")
        await self.page.locator("[data-push] [data-at='0']").wait_for(timeout=5000)
        await self.press("1")
        await self.page.locator("[data-push]").wait_for(state="detached", timeout=5000)

    async def drawers(self) -> None:
        """Each opened and closed."""
        await self.press("c", "c", "v", "v", "e", "e", "l", "l", "?", "Escape", "i", "i")

    async def recordings(self) -> None:
        """The recordings' page, and back."""
        await self.fresh()
        wall = self.page.url
        await self.press("r")
        await self.page.locator("[data-replay]").wait_for(timeout=10_000)
        await asyncio.sleep(4 * self.pause_s + 0.5)
        await self.press("j", "l", "k")
        await self._back(wall)

    async def screens(self) -> None:
        """The page of the screens, and back."""
        wall = self.page.url
        await self.page.evaluate(GO, "/displays")
        await self.page.wait_for_url("**/displays")
        await asyncio.sleep(4 * self.pause_s + 0.5)
        await self._back(wall)

    async def _back(self, wall: str) -> None:
        await self.page.evaluate(GO, wall)
        await self.page.locator("[data-tile='0']").wait_for(timeout=10_000)

    async def round(self) -> None:
        """Five switches and one of each of the rest, in any order."""
        acts: list[Callable[[], Awaitable[None]]] = [self.switch] * 5
        acts += [self.layout, self.zoom, self.replay, self.tour, self.push, self.drawers, self.recordings, self.screens]
        self.rng.shuffle(acts)
        for act in acts:
            await act()
            self.done[act.__name__] += 1
            await asyncio.sleep(self.pause_s)


async def prepare(system: System, *, display: bool) -> None:
    """Views, a tour of them and, where asked for, a screen that is never there, as an operator would have them."""
    ids = [camera["id"] for camera in system.cameras]
    made = []
    for number in range(3):
        cameras = [ids[(number * 4 + tile) % len(ids)] for tile in range(4)]
        body = {"name": f"Jaga {number}", "layout": {"grid": "4"}, "cameras": cameras}
        made.append((await system.http.post("/api/views", json=body)).raise_for_status().json()["id"])
    steps = [{"view": view, "dwell_s": 8} for view in made]
    (await system.http.post("/api/tours", json={"name": "Keliling", "steps": steps})).raise_for_status()
    if display:
        async with httpx.AsyncClient(base_url=system.url, trust_env=False) as screen:
            code = (await screen.post("/api/display/1/pairing")).raise_for_status().json()["code"]
            body = {"code": code, "name": "Kiri", "new_wall": "Ruang utama"}
            (await system.http.post("/api/displays", json=body)).raise_for_status()


@dataclass
class Shift:
    """What was held early and at the end, and what was done between."""

    early: Held
    late: Held
    done: Counter[str]
    minutes: float

    @property
    def grown_bytes(self) -> int:
        """By which the heap grew."""
        return self.late.heap_bytes - self.early.heap_bytes


async def shift(
    duty: Duty, *, early_s: float, seconds: float, say: Callable[[str], None] = lambda _line: None
) -> Shift:
    """Rounds until the time is over; what is held is taken after the first round that ends later than `early_s`, and at
    the end, each time on the same quiet wall."""
    began = time.monotonic()
    early: Held | None = None
    while early is None or time.monotonic() - began < seconds:
        await duty.round()
        if early is None and time.monotonic() - began >= early_s:
            early = await quiet(duty)
            say(f"{time.monotonic() - began:.0f} s: {early.line()}")
        elif early is not None:
            say(f"{time.monotonic() - began:.0f} s: {(await duty.held()).line()}")
    return Shift(early, await quiet(duty), duty.done, (time.monotonic() - began) / 60)


async def quiet(duty: Duty) -> Held:
    """Four tiles that are live, nothing else."""
    await duty.press("Escape", "Escape")
    await duty.fresh()
    await duty.page.wait_for_function(QUIET, timeout=20_000)
    return await duty.held()
