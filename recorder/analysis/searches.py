"""Answers searches for motion over the grids of this node (`analysis.search.<node>`): a day of one Camera at a time.

Event loop; files are read and looked through on an executor of its own, `search`, one thread, behind everything else.
Times asked and given are shown times: wall time plus the correction of the Run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import numpy as np

from recorder.analysis.change import GRID_BYTES
from recorder.analysis.grids import Grid, Grids, Rows
from recorder.analysis.priority import modest
from recorder.analysis.search import Sought, find, known, where
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.area import polygon_of
from vms.domain.camera import StreamName, StreamRef
from vms.domain.interval import Interval
from vms.errors import InputError
from vms.store import Catalogue

SPAN_MAX_NS = 25 * 3600 * NS_PER_S
POLYGONS_MAX = 8
Shift = tuple[int, int, int]
"""[from_ms, to_ms) in wall time, and what to add to it in ms."""


class MotionSearches:
    """Of one node. `fresh`: grids of a Camera that are not on disk yet."""

    def __init__(self, node: str, grids: Grids, catalogue: Catalogue, fresh: Callable[[str], Sequence[Grid]]) -> None:
        self._subject = f"analysis.search.{node}"
        self._grids, self._catalogue, self._fresh = grids, catalogue, fresh

    def serve(self, bus: Bus, stack: ExitStack) -> None:
        """Until the stack is left."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="search", initializer=modest)
        stack.callback(partial(pool.shutdown, wait=False, cancel_futures=True))
        stack.callback(bus.serve(self._subject, partial(self._search, pool)).close)

    async def _search(self, pool: ThreadPoolExecutor, value: Value) -> Value:
        """`hits`: start_ms, end_ms, score, peak_ms of each; `known`: start_ms and end_ms of what there are grids of."""
        camera, interval, sought = _asked(value)
        shifts = await self._shifts(camera, interval)
        fresh = list(self._fresh(camera))
        work = partial(self._look, camera, interval, sought, fresh, shifts)
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def _shifts(self, camera: str, interval: Interval) -> list[Shift]:
        """Of the Runs whose clock was wrong; hardly ever any."""
        found: list[Shift] = []
        for stream in (StreamRef(camera, name) for name in StreamName):
            low_ns, high_ns = await self._catalogue.runs.correction_range(stream)
            if low_ns == high_ns == 0:
                continue
            wide = Interval(max(0, interval.start_ns - high_ns), interval.end_ns - low_ns)
            for run in await self._catalogue.runs.in_interval(stream, wide):
                if run.correction_ns:
                    end_ns = wide.end_ns if run.end_ns is None else run.end_ns
                    shift = run.start_ns // NS_PER_MS, end_ns // NS_PER_MS, run.correction_ns // NS_PER_MS
                    found.append(shift)
        return found

    def _look(
        self, camera: str, interval: Interval, sought: Sought, fresh: Sequence[Grid], shifts: Sequence[Shift]
    ) -> Value:
        from_ms, to_ms = interval.start_ns // NS_PER_MS, interval.end_ns // NS_PER_MS
        wide_ms = [shift for _, _, shift in shifts] + [0]
        early_ns, late_ns = interval.start_ns - max(wide_ms) * NS_PER_MS, interval.end_ns - min(wide_ms) * NS_PER_MS
        rows = _with(self._grids.rows(camera, max(0, early_ns), late_ns), fresh)
        rows = _shown(rows, shifts, from_ms, to_ms)
        hits, is_cut = find(rows, sought, from_ms, to_ms)
        return {
            "hits": [[hit.start_ms, hit.end_ms, hit.score, hit.peak_ms] for hit in hits],
            "known": [list(one) for one in known(rows[0])],
            "cut": is_cut,
        }


def _asked(value: Value) -> tuple[str, Interval, Sought]:
    camera, from_ns, to_ns = value.get("camera"), value.get("from_ns"), value.get("to_ns")
    if not isinstance(camera, str) or not isinstance(from_ns, int) or not isinstance(to_ns, int):
        raise InputError("a search needs camera, from_ns and to_ns")
    if not 0 <= from_ns < to_ns <= from_ns + SPAN_MAX_NS:
        raise InputError("a search of a day at most", field="to_ns")
    threshold, least_ms, polygons = value.get("threshold"), value.get("least_ms", 0), value.get("polygons", [])
    if not isinstance(threshold, float) or not 0 < threshold <= 1 or not isinstance(least_ms, int):
        raise InputError("a search needs a threshold above 0, up to 1")
    if len(polygons) > POLYGONS_MAX:
        raise InputError(f"a search has {POLYGONS_MAX} polygons at most", field="polygons")
    drawn = [polygon_of(points) for points in polygons]
    return camera, Interval(from_ns, to_ns), Sought(where(drawn), threshold, least_ms)


def _with(rows: Rows, fresh: Sequence[Grid]) -> Rows:
    """Those in memory are the newest; one that was written meanwhile is there twice, which changes nothing."""
    if not fresh:
        return rows
    times = np.array([at_ns // NS_PER_MS for at_ns, _ in fresh], np.int64)
    grids = np.frombuffer(b"".join(grid for _, grid in fresh), np.uint8).reshape(len(fresh), GRID_BYTES)
    return np.concatenate([rows[0], times]), np.concatenate([rows[1], grids])


def _shown(rows: Rows, shifts: Sequence[Shift], from_ms: int, to_ms: int) -> Rows:
    times, grids = rows[0].copy(), rows[1]
    for start_ms, end_ms, shift_ms in shifts:
        times[(rows[0] >= start_ms) & (rows[0] < end_ms)] += shift_ms
    times, first = np.unique(times, return_index=True)
    inside = (times >= from_ms) & (times < to_ms)
    return times[inside], grids[first[inside]]
