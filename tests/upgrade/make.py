"""Makes the data folder of this version: `python -m tests.upgrade.make`. Run it once for each release, and commit.

Two simulated cameras of a tiny picture, recorded by `vms up` itself: a minute with a Gap, stopped in order, then the
home Store out of reach and kill -9, so that there are stored and spooled Segments, and two that were open. `facts.json`
says what the version knew of it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.e2e.system import PASSWORD, Node, write_config
from tests.simulator_fixture import running_simulator
from vms import __version__

FOLDER = Path(__file__).parent
TINY = {
    "cameras": 2,
    "streams": "main",
    "main_size": "160x96",
    "main_fps": 10,
    "main_kbps": 30,
    "gop_s": 1,
    "loop_s": 20,
}


async def record(data: Path, work: Path) -> int:
    """Record; the time of the kill in nanoseconds."""
    recorder = {"segment_s": 10}
    async with running_simulator(**TINY) as simulator:
        environment = {"VMS_ADMIN_PASSWORD": PASSWORD}
        config = write_config(work / "first.yaml", data, simulator, 2, {"recorder": recorder}, subs=False)
        node = Node(config, work / "first.log", environment)
        await node.start()
        await asyncio.sleep(16)
        order = {"camera": simulator.cameras[1].slug, "stream": "main"}
        await simulator.control({**order, "fault": "refuse"})
        await simulator.control({**order, "fault": "drop"})
        await asyncio.sleep(4)
        await simulator.control({**order, "fault": "none"})
        await asyncio.sleep(12)
        await node.stop()
        away = {"recorder": recorder, "home_store": {"kind": "folder", "path": "/dev/null/away"}}
        config = write_config(work / "second.yaml", data, simulator, 2, away, subs=False)
        node = Node(config, work / "second.log", environment)
        await node.start()
        await asyncio.sleep(15)
        await node.kill()
    return time.time_ns()


def tidy(data: Path, killed_ns: int) -> None:
    """One file of database, no lock, and what it holds as JSON."""
    with sqlite3.connect(data / "catalogue.db") as connection:
        connection.row_factory = sqlite3.Row
        facts: dict[str, Any] = {"version": __version__, "killed_ns": killed_ns}
        for name, query in {
            "segments": "SELECT run, number, camera, state, start_ns, end_ns, gops, lower(hex(sha256)) AS sha256,"
            " lower(hex(leaf_root)) AS leaf_root FROM segments ORDER BY start_ns, run",
            "gaps": "SELECT id, camera, cause, state, start_ns, end_ns FROM gaps ORDER BY start_ns, id",
            "cameras": "SELECT id, slug, username FROM cameras ORDER BY slug",
        }.items():
            facts[name] = [dict(row) for row in connection.execute(query)]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    for name in ("lock", "catalogue.db-wal", "catalogue.db-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.rmtree(data / "footage" / "~temp", ignore_errors=True)
    (data / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    """Make it anew."""
    data = FOLDER / f"v{__version__}"
    shutil.rmtree(data, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        killed_ns = asyncio.run(record(data, Path(work)))
    tidy(data, killed_ns)


if __name__ == "__main__":
    main()
