"""A5: kill -9 of a recording node at random moments; what each stream's tail lost, and whether all agrees after."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

import av

from tests.e2e.replayable import replayable
from tests.e2e.sends import read_sends
from tests.e2e.system import System, running_system

TAIL_BAR_S = 0.5
LOG_FLUSH_S = 0.4
LOOK_BACK_NS = 40 * 1_000_000_000


@dataclass
class Kills:
    """What the kills did. `tails_s`: per kill and stream."""

    kills: int = 0
    tails_s: list[float] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


async def measure(folder: Path, *, kills: int, cameras: int, seed: int) -> Kills:
    """Kill so many times, 2 to 7 s of recording between, or 11 to 16 s, when unwatched Streams are read in gulps;
    Segments of 10 s, so that cuts and uploads are hit too."""
    rng = random.Random(seed)
    found = Kills()
    options = {"cameras": cameras, "streams": "main"}
    recorder = {"segment_s": 10}
    async with running_system(folder, cameras=cameras, simulator=options, subs=False, recorder=recorder) as system:
        for number in range(kills):
            await system.until_live()
            await asyncio.sleep(rng.uniform(2, 7) + (9 if number % 3 == 2 else 0))
            await system.node.kill()
            killed_ns = time.time_ns()
            await asyncio.sleep(LOG_FLUSH_S)
            await system.node.start()
            await system.sign_in()
            found.tails_s += await _tails(system, killed_ns)
            found.kills += 1
        await system.until_live()
        await asyncio.sleep(2)
        await system.node.stop()
        check(system.data, found)
    return found


async def _tails(system: System, killed_ns: int) -> list[float]:
    tails = []
    for camera in system.cameras:
        sends = read_sends(system.simulator.send_log, camera["slug"], "main")
        last = sends.last_before(killed_ns)
        assert last is not None
        units = await replayable(system.http, camera["id"], killed_ns - LOOK_BACK_NS, killed_ns + 2_000_000_000)
        kept = [unit.n for unit in units if unit.n <= last]
        assert kept, f"nothing of {camera['slug']} before the kill can be replayed"
        tails.append((sends.t_ns[last] - sends.t_ns[max(kept)]) / 1e9)
    return tails


def check(data: Path, found: Kills) -> None:
    """Every file can be read whole; rows, spool and Store say the same."""
    with sqlite3.connect(f"file:{data / 'catalogue.db'}?mode=ro", uri=True) as rows:
        rows.row_factory = sqlite3.Row
        known = {_path(data, row): row for row in rows.execute("SELECT * FROM segments WHERE state != 'expired'")}
    there = {path for root in (data / "spool", data / "footage") for path in root.rglob("*.mp4*") if _is_footage(path)}
    found.disagreements += [f"no row for {path.relative_to(data)}" for path in there - set(known)]
    found.disagreements += [f"no file for {path.relative_to(data)}" for path in set(known) - there]
    for path in there & set(known):
        _check_file(path, known[path], found)


def _is_footage(path: Path) -> bool:
    return path.suffix == ".mp4" or path.name.endswith(".mp4.part")


def _path(data: Path, row: sqlite3.Row) -> Path:
    from vms.domain.camera import StreamName, StreamRef
    from vms.domain.footage import footage_key

    key = footage_key(row["site"], StreamRef(row["camera"], StreamName(row["stream"])), row["start_ns"], row["run"])
    state = row["state"]
    return data / ("footage" if state == "stored" else "spool") / (key + (".part" if state == "open" else ""))


def _check_file(path: Path, row: sqlite3.Row, found: Kills) -> None:
    try:
        with av.open(str(path)) as container:
            units = sum(1 for packet in container.demux(container.streams.video[0]) if packet.size)
    except av.FFmpegError as error:
        found.unreadable.append(f"{path.name}: {error}")
        return
    if not units:
        found.unreadable.append(f"{path.name}: empty")
    data = path.read_bytes()
    if len(data) != row["size_bytes"] or hashlib.sha256(data).digest() != bytes(row["sha256"]):
        found.disagreements.append(f"{path.name} is not what its row says")
