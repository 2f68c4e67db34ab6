"""What a crash left, put right at the start: files closed, rows to what the files say, Runs ended. Safe to repeat.

Event loop; files are read on the executor given. Every step leaves a state from which the sweep does the rest: a file
is closed before its row says so, and a row is never taken away.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from recorder.examine import SegmentFile, examine, finish
from recorder.loss import say_found, say_lost, was_never_stored
from recorder.spool import Spool
from vms import logs
from vms.domain.footage import IndexedSegment, Segment, SegmentState
from vms.domain.interval import Interval
from vms.domain.media import EndReason, Run
from vms.errors import FootageError, FootageVersionError
from vms.store import Catalogue

log = logs.get(__name__)

_FOREVER_NS = 1 << 62
_T = TypeVar("_T")


@dataclass
class Swept:
    """What was done, in files, rows (`vanished`) and Runs. `found`: had been given up for lost; `left`: to be closed
    later."""

    closed: int = 0
    entered: int = 0
    empty: int = 0
    vanished: int = 0
    removed: int = 0
    found: int = 0
    damaged: int = 0
    left: int = 0
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
        self.left: list[tuple[str, Segment | None]] = []

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

    async def finish(self, key: str, row: Segment | None = None, *, anew: bool = False) -> IndexedSegment | None:
        """Close one `.part` that nobody writes any more, and enter it; None where nothing was in it, or it is damaged
        and now lies aside. `row`: what is known of it; `anew`: a disk error was before. OSError, CatalogueError: try
        again."""
        try:
            found = await self._blocking(lambda: finish(self._spool, key, anew=anew))
        except (FootageError, OSError) as error:
            await self._damaged(key, row, error)
            return None
        if found is None:
            self.swept.empty += 1
            if row is not None:
                await self._vanished(row)
            return None
        self.swept.closed += 1
        return await self._enter(found)

    async def _part(self, key: str, row: Segment | None) -> None:
        try:
            await self.finish(key, row)
        except OSError as error:
            log.warning("a file in the spool cannot be closed yet", key=key, why=str(error))
            self.left.append((key, row))
            self.swept.left += 1

    async def _file(self, key: str, row: Segment | None) -> None:
        try:
            found = await self._blocking(lambda: examine(self._spool.path(key)))
            if found is None or not found.closed:
                raise FootageError("it is closed and not as it was written")
        except (FootageError, OSError) as error:
            with suppress(OSError):
                await self._damaged(key, row, error)
            return
        if row is None:
            segment = found.segment.segment
            row = await self._catalogue.segments.get(segment.run, segment.number)
        if row is not None and row.state in {SegmentState.STORED, SegmentState.EXPIRED}:
            if not await was_never_stored(self._catalogue, row):
                await self._blocking(lambda: self._spool.remove(key))
                self.swept.removed += 1
                return
            await say_found(self._catalogue, found.segment.segment)
            self.swept.found += 1
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

    async def _damaged(self, key: str, row: Segment | None, error: FootageError | OSError) -> None:
        """Put it aside and say what is lost. Raises an OSError that is not of this file alone."""
        if isinstance(error, OSError) and error.errno != errno.EIO:
            raise error
        log.error("a file in the spool is damaged", key=key, why=str(error))
        self.swept.damaged += 1
        if isinstance(error, FootageVersionError):
            return
        aside = await self._blocking(lambda: self._spool.set_aside(key))
        if row is not None:
            written_ns = (await self._blocking(aside.stat)).st_mtime_ns if row.state is SegmentState.OPEN else 0
            await say_lost(self._catalogue, replace(row, end_ns=max(row.end_ns, written_ns)), self._node)

    async def _blocking(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)
