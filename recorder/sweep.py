"""What a crash left, put right at the start: files closed, rows to what the files say, Runs ended. Safe to repeat.

Event loop; files are read on the executor given. Every step leaves a state from which the sweep does the rest: a file
is closed before its row says so, and a row is never taken away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TypeVar

from recorder.examine import SegmentFile, examine, finish
from recorder.spool import Spool
from vms import logs
from vms.domain.footage import IndexedSegment, Segment, SegmentState
from vms.domain.interval import Interval
from vms.domain.media import EndReason, Run
from vms.errors import FootageError
from vms.store import Catalogue

log = logs.get(__name__)

_FOREVER_NS = 1 << 62
_T = TypeVar("_T")


@dataclass
class Swept:
    """What was done."""

    closed: int = 0
    entered: int = 0
    empty: int = 0
    vanished: int = 0
    removed: int = 0
    damaged: int = 0
    runs: int = 0


class Sweep:
    """One sweep of a node's spool. `is_live`: whether a Run is under way in this process."""

    def __init__(
        self, catalogue: Catalogue, spool: Spool, node: str, executor: Executor, is_live: Callable[[Run], bool]
    ) -> None:
        self._catalogue = catalogue
        self._spool = spool
        self._node = node
        self._executor = executor
        self._is_live = is_live
        self.swept = Swept()

    async def run(self) -> Swept:
        """Sweep all. CatalogueError, OSError: try again."""
        segments = self._catalogue.segments
        rows = {
            row.key: row
            for state in (SegmentState.OPEN, SegmentState.SPOOLED)
            for row in await segments.by_state(state, self._node)
        }
        for key, is_part in await self._blocking(lambda: list(self._spool.files())):
            row = rows.pop(key, None)
            if is_part:
                await self._part(key, row)
            elif row is None or row.state is SegmentState.OPEN:
                await self._file(key, row)
        for row in rows.values():
            if row.state is SegmentState.OPEN:
                await self._vanished(row)
        await self._end_runs()
        await self._blocking(self._spool.measure)
        return self.swept

    async def finish(self, key: str) -> IndexedSegment | None:
        """Close one `.part` that nobody writes any more, and enter it; None where nothing was in it."""
        found = await self._blocking(lambda: finish(self._spool, key))
        if found is None:
            return None
        return await self._enter(found)

    async def _part(self, key: str, row: Segment | None) -> None:
        try:
            found = await self.finish(key)
        except FootageError as error:
            self._damaged(key, error)
            return
        if found is not None:
            self.swept.closed += 1
            return
        self.swept.empty += 1
        if row is not None:
            await self._vanished(row)

    async def _file(self, key: str, row: Segment | None) -> None:
        try:
            found = await self._blocking(lambda: examine(self._spool.path(key)))
        except FootageError as error:
            self._damaged(key, error)
            return
        if found is None or not found.closed:
            self._damaged(key, FootageError("it is closed and not as it was written"))
            return
        if row is None:
            segment = found.segment.segment
            row = await self._catalogue.segments.get(segment.run, segment.number)
        if row is not None and row.state in {SegmentState.STORED, SegmentState.EXPIRED}:
            await self._blocking(lambda: self._spool.remove(key))
            self.swept.removed += 1
            return
        await self._enter(found)
        self.swept.entered += 1

    async def _enter(self, found: SegmentFile) -> IndexedSegment:
        segment, run = found.segment.segment, found.head.run
        if await self._catalogue.runs.get(run.id) is None:
            await self._catalogue.runs.put(run)
        row = await self._catalogue.segments.get(segment.run, segment.number)
        if row is not None:
            segment = replace(segment, rev=row.rev + 1)
        await self._catalogue.segments.put(segment, found.segment.fragments)
        return IndexedSegment(segment, found.segment.fragments)

    async def _vanished(self, row: Segment) -> None:
        """Its file never reached the disk: of its time nothing is recorded, and the ledger's Gap takes it."""
        gone = replace(row, state=SegmentState.EXPIRED, end_ns=row.start_ns, rev=row.rev + 1)
        await self._catalogue.segments.put(gone)
        self.swept.vanished += 1

    async def _end_runs(self) -> None:
        for run in await self._catalogue.runs.open_on(self._node):
            if self._is_live(run):
                continue
            segments = await self._catalogue.segments.in_interval(run.stream, Interval(run.start_ns, _FOREVER_NS))
            ends = [segment.end_ns for segment in segments if segment.run == run.id]
            ended = replace(run, end_ns=max([run.start_ns, *ends]), end_reason=EndReason.NODE_DOWN, rev=run.rev + 1)
            await self._catalogue.runs.put(ended)
            self.swept.runs += 1

    def _damaged(self, key: str, error: FootageError) -> None:
        log.error("a file in the spool is damaged and left as it is", key=key, why=error.message)
        self.swept.damaged += 1

    async def _blocking(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)
