"""C8: what the tiles of a page say of themselves and what they show, ten times a second and frame by frame; from that,
how long after the end of a fault all are live, and whether one was ever called live with an old picture."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.e2e.glass import BARCODE

BAR_S = 5.0
STEADY_S = 2.0
FRESH_S = 1.0
# A picture of 2 s is live; a sample and a presentation may lie 0.1 s apart, and the log is that much behind.
OLD_S = 2.5
WAKE_S = 0.3
RECORD = """
(tiles) => {
  window.__heal = { samples: [], frames: [] };
  setInterval(() => {
    const now = window.__vms.tiles?.() ?? [];
    window.__heal.samples.push([Date.now(), ...tiles.map((tile) => now[tile]?.state ?? "gone")]);
  }, 100);
  for (const tile of tiles) {
    const video = document.querySelector(`[data-tile="${tile}"] video`);
    const step = () => {
      window.__heal.frames.push([tile, Date.now(), window.readBarcode(video)]);
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
  }
}
"""
TAKE = "() => ({ samples: window.__heal.samples.splice(0), frames: window.__heal.frames.splice(0) })"


@dataclass
class Seen:
    """What a page said since it was last asked. Times are ms since 1970; `samples`: the state of each tile;
    `frames`: by tile, when something was presented and which number it bore."""

    samples: list[tuple[float, list[str]]] = field(default_factory=list)
    frames: dict[int, list[tuple[float, int | None]]] = field(default_factory=dict)

    def add(self, given: Mapping[str, Any]) -> None:
        """Take more of it."""
        self.samples += [(at, states) for at, *states in given["samples"]]
        for tile, at, number in given["frames"]:
            self.frames.setdefault(tile, []).append((at, number))

    def healed_s(self, after_s: float) -> float | None:
        """Seconds from a moment until every tile is live with pictures that come, for good (2 s); None: not yet."""
        since: float | None = None
        for at, states in self.samples:
            if at < after_s * 1000:
                continue
            well = all(state == "live" for state in states) and all(
                self._fresh(tile, max(at - FRESH_S * 1000, after_s * 1000), at) for tile in range(len(states))
            )
            since = (since or at) if well else None
            if since is not None and at - since >= STEADY_S * 1000:
                return since / 1000 - after_s
        return None

    def _fresh(self, tile: int, start: float, end: float) -> bool:
        frames = self.frames.get(tile, [])
        index = bisect.bisect_right(frames, end, key=lambda frame: frame[0])
        return index > 0 and frames[index - 1][0] >= start

    def states(self) -> str:
        """The last states, for who asks why."""
        return " ".join(self.samples[-1][1]) if self.samples else "nothing"


@dataclass
class Sent:
    """What a stream sent, in its order; also across a restart of the camera."""

    units: list[tuple[int, int]]

    @classmethod
    def read(cls, folder: Path, slug: str, stream: str) -> Sent:
        """From its log."""
        units = []
        for line in (folder / f"{slug}.{stream}.jsonl").read_bytes().split(b"\n")[:-1]:
            entry = json.loads(line)
            if "n" in entry:
                units.append((entry["t_ns"], entry["n"]))
        return cls(sorted(units))

    def age_s(self, number: int, loop: int, shown_ms: float, at_ms: float) -> float | None:
        """How old at `at_ms` is what was shown at `shown_ms` with this number, if it was the newest such."""
        index = bisect.bisect_right(self.units, (int(shown_ms * 1e6), 1 << 62)) - 1
        while index >= 0:
            sent_ns, n = self.units[index]
            if n % loop == number:
                return at_ms / 1000 - sent_ns / 1e9
            index -= 1
        return None


def old_as_live(
    seen: Seen, sent: Mapping[int, Sent], loop: int, over_s: float, old_s: float = OLD_S
) -> list[tuple[int, float, float]]:
    """Samples in which a tile was called live while its picture was old: tile, when (s), age (s). A page that was
    stopped cannot have said anything else before it went on, at `over_s`."""
    found = []
    for at, states in seen.samples:
        if over_s <= at / 1000 < over_s + WAKE_S:
            continue
        for tile, state in enumerate(states):
            frames = seen.frames.get(tile, [])
            index = bisect.bisect_right(frames, at, key=lambda frame: frame[0]) - 1
            if state != "live" or index < 0 or frames[index][1] is None:
                continue
            shown_at, number = frames[index]
            assert number is not None
            age = sent[tile].age_s(number, loop, shown_at, at)
            if age is not None and age > old_s:
                found.append((tile, at / 1000, age))
    return found


async def record(page: Page, tiles: int) -> None:
    """Begin to write down what the page shows; once for each time that it is loaded."""
    await page.evaluate(BARCODE)
    await page.evaluate(RECORD, list(range(tiles)))


async def until_healed(page: Page, seen: Seen, after_s: float, limit_s: float = 60.0) -> float:
    """Seconds from a moment (of the wall clock) until every tile is live again; AssertionError after the limit."""
    try:
        async with asyncio.timeout(limit_s):
            while True:
                seen.add(await page.evaluate(TAKE))
                healed = seen.healed_s(after_s)
                if healed is not None:
                    return healed
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not healed after {limit_s} s: {seen.states()}") from None


def browser_processes(mark: str) -> list[int]:
    """The processes of the browser one of whose arguments is `mark` (its profile), and of their children."""
    parents: dict[int, int] = {}
    roots = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if mark.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                roots.add(pid)
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """SIGSTOP for the length of the block."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
