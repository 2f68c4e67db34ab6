"""The Sink of a node's recorders: facts become rows in the queue, closed files become durable first. Event loop.

A file that cannot be closed now is tried again every other second, by the same code that sweeps at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from recorder.examine import examine
from recorder.rows import RowQueue
from recorder.spool import PartFile, Spool
from recorder.sweep import Sweep
from vms import logs, metrics
from vms.bus.hub import Hub
from vms.domain.camera import StreamRef
from vms.domain.footage import Fragment, IndexedSegment, Segment
from vms.domain.gap import Gap
from vms.domain.media import Run
from vms.errors import VmsError
from vms.store import Catalogue

log = logs.get(__name__)

MAX_WAITING_FRAGMENTS = 200_000
"""Above this many index entries in the queue, indices are read from the files again when their turn comes."""


class Facts:
    """See recorder.stream.Sink."""

    def __init__(
        self,
        catalogue: Catalogue,
        rows: RowQueue,
        spool: Spool,
        hub: Hub,
        executor: Executor,
        sweep: Sweep,
        on_spooled: Callable[[], None],
    ) -> None:
        self._catalogue = catalogue
        self._rows = rows
        self._spool = spool
        self._hub = hub
        self._executor = executor
        self._sweep = sweep
        self._on_spooled = on_spooled
        self._left: dict[str, tuple[Segment | None, Callable[[], None]]] = {}
        self._settling: set[asyncio.Task[None]] = set()

    def run(self, run: Run) -> None:
        """A Run's row."""
        self._rows.put(("run", run.id), lambda: self._catalogue.runs.put(run))

    def gap(self, gap: Gap) -> None:
        """A Gap's row."""
        self._rows.put(("gap", gap.id), lambda: self._catalogue.gaps.put(gap))

    def opened(self, segment: Segment) -> None:
        """A Segment's row when it opens."""
        metrics.SEGMENTS.labels("opened").inc()
        self._rows.put(_row_key(segment), lambda: self._catalogue.segments.put(segment))

    def closed(self, closed: IndexedSegment, part: PartFile, known: Callable[[], None]) -> None:
        """Settle the file on the executor, then put its row."""
        task = asyncio.ensure_future(self._settle(closed, part, known))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def left(self, key: str, row: Segment | None, known: Callable[[], None]) -> None:
        """A `.part` to be closed later; `row`: what is known of it."""
        self._left[key] = (row, known)

    def new_run(self, stream: StreamRef, run: str) -> None:
        """Ask ingest."""
        self._hub.end_run(stream, run)

    async def settled(self) -> None:
        """Wait until no file is being closed."""
        while self._settling:
            await asyncio.wait(set(self._settling))

    async def close_left(self) -> None:
        """Try to close what a disk error left open."""
        for key in list(self._left):
            row, known = self._left.pop(key)
            try:
                newer = None if row is None else await self._catalogue.segments.get(row.run, row.number)
                found = await self._sweep.finish(key, newer or row, anew=True)
            except (OSError, VmsError) as error:
                log.warning("a Segment cannot be closed yet", key=key, why=logs.redact(str(error)))
                self._left[key] = (row, known)  # behind the others
                return
            known()
            if found is not None:
                self._on_spooled()

    async def _settle(self, closed: IndexedSegment, part: PartFile, known: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._spool.settle, part, closed.segment.sha256)
        except OSError as error:
            log.warning("a Segment could not be closed", key=part.key, why=str(error))
            self.left(part.key, closed.segment, known)
            return
        metrics.SEGMENTS.labels("spooled").inc()
        self._put_closed(closed, known)

    def _put_closed(self, closed: IndexedSegment, known: Callable[[], None]) -> None:
        segment = closed.segment
        fragments: tuple[Fragment, ...] | None = closed.fragments
        if self._rows.weight > MAX_WAITING_FRAGMENTS:
            fragments = None
            known()  # the hot tail holds them too; while the catalogue is away nobody can ask for it

        async def write() -> None:
            index = fragments if fragments is not None else await self._index(segment.key)
            await self._catalogue.segments.put(segment, index)

        def done() -> None:
            known()
            self._on_spooled()

        self._rows.put(_row_key(segment), write, weight=len(fragments or ()), done=done)

    async def _index(self, key: str) -> tuple[Fragment, ...] | None:
        def read() -> tuple[Fragment, ...] | None:
            found = examine(self._spool.path(key))
            return None if found is None else found.segment.fragments

        return await asyncio.get_running_loop().run_in_executor(self._executor, read)


def _row_key(segment: Segment) -> tuple[str, str, int]:
    return ("segment", segment.run, segment.number)
