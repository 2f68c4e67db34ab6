"""A node with ingest and recorder alone: prints `live N` once N streams are live, ends on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from vms import logs, settings
from vms.app import running_node
from vms.clock import SystemClock
from vms.domain.media import StreamCondition


async def _run(config: Path, wanted: int) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    async with running_node(settings.load(config), SystemClock(), services={"ingest", "recorder"}) as node:
        while sum(s.condition is StreamCondition.LIVE for s in node.hub.states()) < wanted and not asked.is_set():
            await asyncio.sleep(0.2)
        print(f"live {wanted}", flush=True)
        await asked.wait()


if __name__ == "__main__":
    logs.configure("WARNING")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(Path(sys.argv[1]), int(sys.argv[2])))
