"""Screens of a wall in Chromium, in processes of their own with profiles that stay: paired, pushed to, killed, back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, Playwright, async_playwright
from playwright.async_api import TimeoutError as LateError

from tests.e2e.browser import CHROMIUM, FLAGS
from tests.e2e.system import System

COOKIES_ON_DISK_S = 35.0
"""Chromium writes a new cookie to its profile within half a minute; what is killed before has none."""
LIVE = """
(cameras) => {
  const tiles = window.__vms?.tiles?.() ?? [];
  return cameras.every((id, tile) => !id || (tiles[tile]?.camera === id && tiles[tile].firstFrameAt !== null));
}
"""


@dataclass
class Screen:
    """One browser that is a screen; `folder` is its profile."""

    playwright: Playwright
    folder: Path
    url: str
    number: int = 1
    context: BrowserContext | None = None
    page: Page | None = None
    errors: list[str] = field(default_factory=list)

    async def start(self) -> Page:
        """Open the browser at its page."""
        args = [*FLAGS, "--kiosk"]
        self.context = await self.playwright.chromium.launch_persistent_context(
            str(self.folder), executable_path=CHROMIUM, args=args, viewport={"width": 1366, "height": 768}
        )
        self.page = self.context.pages[0] if self.context.pages else await self.context.new_page()
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        await self.page.goto(f"{self.url}/display?screen={self.number}", wait_until="commit")
        return self.page

    async def stop(self) -> None:
        """Close it properly."""
        if self.context is not None:
            await self.context.close()
            self.context = None

    async def kill(self) -> None:
        """End its process as a power cut would: the one that holds this profile, and no other."""
        pids = [pid for pid in map(_pid_of, Path("/proc").glob("[0-9]*")) if pid and _holds(pid, self.folder)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                _kill(pid)
        if self.context is not None:
            with contextlib.suppress(Exception):
                await self.context.close()
        self.context = None

    async def code(self) -> str:
        """The code that it shows."""
        assert self.page is not None
        shown = await self.page.wait_for_selector("[data-code]")
        return str(await shown.get_attribute("data-code"))

    async def shows(self, cameras: list[str | None], limit_s: float = 20) -> float:
        """Wait until every tile with a camera has presented a picture of it; when, in seconds of the wall clock: the
        last of the first pictures."""
        assert self.page is not None
        await self.page.wait_for_function(LIVE, arg=cameras, timeout=limit_s * 1000, polling="raf")
        at: list[float] = await self.page.evaluate(
            "(n) => window.__vms.tiles().slice(0, n).filter((tile) => tile.camera).map((tile) => tile.firstFrameAt)",
            len(cameras),
        )
        return max(at) / 1000


def _pid_of(path: Path) -> int | None:
    return int(path.name) if path.name.isdigit() else None


def _holds(pid: int, folder: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"--user-data-dir={folder}".encode() in words


def _kill(pid: int) -> None:
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def running_screen(folder: Path, url: str, number: int = 1) -> AsyncIterator[Screen]:
    """A screen with a fresh profile."""
    folder.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        screen = Screen(playwright, folder, url, number)
        await screen.start()
        try:
            yield screen
        finally:
            await screen.stop()


async def pair(system: System, screen: Screen, name: str = "Kiri") -> dict[str, Any]:
    """Make it a display of a new wall, and wait until it knows."""
    body = {"code": await screen.code(), "name": name, "new_wall": "Ruang utama"}
    display: dict[str, Any] = (await system.http.post("/api/displays", json=body)).raise_for_status().json()
    assert screen.page is not None
    await screen.page.wait_for_selector(f'[data-display="{display["id"]}"]')
    return display


async def push(system: System, display: str, body: dict[str, Any]) -> float:
    """Push something; when that began, in seconds of the wall clock."""
    at = time.time()
    (await system.http.put(f"/api/displays/{display}/showing", json=body)).raise_for_status()
    return at


async def views_of(system: System, count: int, tiles: int = 4) -> list[dict[str, Any]]:
    """Saved views, no two that follow each other with a camera on the same tile."""
    ids, made = [camera["id"] for camera in system.cameras], []
    for number in range(count):
        cameras = [ids[(number * tiles + tile) % len(ids)] for tile in range(tiles)]
        body = {"name": f"Uji {number}", "layout": {"grid": str(tiles)}, "cameras": cameras}
        made.append((await system.http.post("/api/views", json=body)).raise_for_status().json())
    return made


@dataclass
class Pushes:
    """Milliseconds from the push to the first picture of the last tile; how many never came."""

    ms: list[float] = field(default_factory=list)
    missed: int = 0


async def push_views(system: System, screen: Screen, display: str, *, count: int, tiles: int = 4) -> Pushes:
    """Push one view after the other."""
    views, found = await views_of(system, 5, tiles), Pushes()
    for number in range(count):
        view = views[number % len(views)]
        began = await push(system, display, {"kind": "view", "subject": view["id"]})
        try:
            found.ms.append((await screen.shows(view["cameras"], 5) - began) * 1000)
        except LateError:
            found.missed += 1
        await asyncio.sleep(0.3)
    return found
