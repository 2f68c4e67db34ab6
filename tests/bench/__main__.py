"""`python -m tests.bench [A1 A3 …]`: takes the figures of those bars, or of all, one after the other."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench import (
    analysis,
    catalogue,
    completeness,
    cost,
    displays,
    duty,
    exports,
    fanout,
    fuzzing,
    heal,
    importing,
    kill,
    lines,
    lossy,
    replaying,
    schedules,
    searching,
    seek,
    switching_wall,
    timeline,
    vanish,
    wall,
)
from tests.bench.report import FILE, Row, line, write

Bench = Callable[[Path], Awaitable[Sequence[Row]]]
BENCHES: dict[str, Bench] = {
    "A1": wall.first_pictures,
    "A2": wall.delay,
    "A3": wall.switching_tile,
    "A4": completeness.tcp_and_udp,
    "A5": kill.at_random,
    "A6": cost.beside_ffmpeg,
    "A7": seek.random_instants,
    "B6": lines.once_for_all,
    "B7": lines.thin_line,
    "B8": lines.back_fill,
    "B10": catalogue.ten_million,
    "C1": switching_wall.one_tile,
    "C2": switching_wall.sixteen_tiles,
    "C3": fanout.cost,
    "C4": fanout.added_delay,
    "C5": fanout.many_tiles,
    "C6": vanish.without_a_word,
    "C7": lossy.behind_a_line,
    "C8": heal.through_faults,
    "C9": displays.pushed_and_back,
    "C10": duty.tour_of_duty,
    "C11": analysis.picture_health,
    "D1": replaying.in_step,
    "D2": replaying.first_pictures,
    "D3": timeline.month_of_sixteen,
    "D4": timeline.thumbnails,
    "D5": searching.a_day_of_four,
    "D6": exports.an_hour,
    "D7": exports.random_exports,
    "D8": exports.random_changes,
    "D9": schedules.against_holds,
    "E3": fuzzing.everything,
    "E6": importing.thousand,
}


async def _take(name: str) -> bool:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vms-bench-") as folder:
        try:
            rows = await BENCHES[name](Path(folder))
        except Exception as error:
            print(f"{name:<16} NOT TAKEN: {type(error).__name__}: {error}", flush=True)
            return False
    write(rows)
    for row in rows:
        print(line(row), flush=True)
    print(f"{name:<16} took {time.monotonic() - started:.0f} s", flush=True)
    return True


def main() -> int:
    """Run; 1 when a figure could not be taken, 2 for an id that is not known."""
    asked = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        print(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    taken = [asyncio.run(_take(name)) for name in asked]
    print(f"written to {FILE}")
    return 0 if all(taken) else 1


raise SystemExit(main())
