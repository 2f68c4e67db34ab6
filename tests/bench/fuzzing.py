"""E3: 20,000 requests by the OpenAPI document, and a million runs of each reader of foreign bytes, in processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.bench.report import Row
from tests.fuzz import openapi
from tests.fuzz.run import EACH, Found, many
from tests.fuzz.targets import TARGETS

REQUESTS = int(os.environ.get("VMS_FUZZ_REQUESTS", "20000"))
RUNS = int(os.environ.get("VMS_FUZZ_RUNS", "1000000"))
PIECE = 500  # hundreds that a process takes at a time


def requests(folder: str) -> openapi.Tally:
    """So many of all operations; in a process of its own."""
    made = openapi.Tally()
    service = openapi.Service(Path(folder))
    try:
        for number in range(1, 1_000):
            if made.requests >= REQUESTS:
                break
            found = openapi.fuzz(service, each=int(os.environ.get("VMS_FUZZ_EACH", "20")), number=number)
            made.requests += found.requests
            made.faults += found.faults
            made.slowest_s = max(made.slowest_s, found.slowest_s)
            for status, count in found.statuses.items():
                made.statuses[status] = made.statuses.get(status, 0) + count
    finally:
        service.close()
    return made


async def everything(folder: Path) -> Sequence[Row]:
    """Counts, the slowest of each, and faults, which are printed."""
    loop = asyncio.get_running_loop()
    hundreds = RUNS // EACH
    with ProcessPoolExecutor(os.cpu_count() or 1, multiprocessing.get_context("spawn")) as processes:
        asked = loop.run_in_executor(processes, requests, str(folder))
        pieces = {
            name: [
                loop.run_in_executor(processes, many, name, first, min(PIECE, hundreds - first))
                for first in range(0, hundreds, PIECE)
            ]
            for name in TARGETS
        }
        tally = await asked
        found = {name: _added(await asyncio.gather(*each)) for name, each in pieces.items()}
    for fault in [*tally.faults, *(fault for one in found.values() for fault in one.faults)][:50]:
        print(fault, flush=True)
    print("answers: " + ", ".join(f"{count} of {status}" for status, count in sorted(tally.statuses.items())))
    rows = [
        Row("E3.requests", "requests by the OpenAPI document", tally.requests, "", tally.requests),
        Row("E3.faults", "answers of 500, or after more than a second", len(tally.faults), "", tally.requests),
        Row("E3.slowest", "the slowest answer", tally.slowest_s * 1000, "ms", tally.requests),
    ]
    for name, one in found.items():
        kind = TARGETS[name].kind
        rows.append(
            Row(f"E3.{name}", f"{kind}: crashes and hangs of the reader `{name}`", len(one.faults), "", one.runs)
        )
        rows.append(Row(f"E3.{name}_slowest", f"{kind}: its slowest run", one.slowest_s * 1000, "ms", one.runs))
    return rows


def _added(pieces: Sequence[Found]) -> Found:
    whole = Found()
    for piece in pieces:
        whole.runs += piece.runs
        whole.faults += piece.faults
        whole.slowest_s = max(whole.slowest_s, piece.slowest_s)
    return whole
