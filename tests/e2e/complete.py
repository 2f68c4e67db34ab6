"""A4: what was wholly written from the first key frame after each PLAY, against what can be replayed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.replayable import replayable
from tests.e2e.sends import read_sends
from tests.e2e.system import System, running_system

SETTLE_S = 3.0
WINDOW_NS = 300 * 1_000_000_000


@dataclass(frozen=True)
class Completeness:
    """Counted over all cameras of a run. `doubled`: units replayable more than once."""

    owed: int
    missing: int
    doubled: int
    missing_of: dict[str, list[int]]


async def _units(system: System, camera: dict[str, Any], start_ns: int, end_ns: int) -> tuple[set[int], int]:
    """Every number that can be replayed, and how often one came twice in one playlist. (Playlists that follow each
    other share the group of pictures at their border: that is no doubling.)"""
    found: set[int] = set()
    doubled = 0
    at_ns = start_ns
    while at_ns < end_ns:
        units = await replayable(system.http, camera["id"], at_ns, min(end_ns, at_ns + WINDOW_NS))
        numbers = {unit.n for unit in units}
        doubled += len(units) - len(numbers)
        found |= numbers
        at_ns += WINDOW_NS
    return found, doubled


async def measure(folder: Path, *, seconds: float, cameras: int, transport: str, close_every_s: float) -> Completeness:
    """Record so long, let the last fragments be written, and compare what was sent until then."""
    options = {"cameras": cameras, "streams": "main"}
    async with running_system(folder, cameras=cameras, simulator=options, subs=False, transport=transport) as system:
        started_ns = time.time_ns()
        await system.until_live()
        first = system.simulator.cameras[0].slug
        if close_every_s:
            await system.simulator.control({"camera": first, "fault": "close_every", "seconds": close_every_s})
        await asyncio.sleep(seconds)
        ended_ns = time.time_ns()
        await asyncio.sleep(SETTLE_S)
        return await _compare(system, started_ns, ended_ns)


async def _compare(system: System, started_ns: int, ended_ns: int) -> Completeness:
    owed_all, doubled, missing_of = 0, 0, {}
    end_ns = time.time_ns() + 1_000_000_000
    for camera in system.cameras:
        owed = read_sends(system.simulator.send_log, camera["slug"], "main").owed(ended_ns)
        have, twice = await _units(system, camera, started_ns - 10_000_000_000, end_ns)
        owed_all += len(owed)
        doubled += twice
        if lost := sorted(owed - have):
            missing_of[camera["slug"]] = lost
    return Completeness(owed_all, sum(len(lost) for lost in missing_of.values()), doubled, missing_of)
