"""Copies that a Site doomed before it had heard of a Hold: what of them is still here is footage again. Event loop; the
Store blocks on the executor that is given.

A regency that is cut off goes on expiring by what it knows. Its rows come with the line: expired Segments, Copies in
the center that are to be deleted. Those that a Hold claims are taken back, their index read from the closing box.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import replace

from recorder.found import found_segment
from vms import logs
from vms.domain.footage import CopyState, Segment, SegmentState
from vms.errors import FootageError, ObjectError, ObjectUnavailableError
from vms.objects.base import ObjectInfo, ObjectStore
from vms.store import Catalogue

log = logs.get(__name__)


async def reprieve(catalogue: Catalogue, store: ObjectStore, executor: Executor, let_go_ns: int, batch: int) -> int:
    """One batch of a Store, the oldest first; how many are footage again. ObjectUnavailableError."""
    taken_back = 0
    due = await catalogue.due_copies.of(store.name, CopyState.DOOMED, batch, let_go_ns=let_go_ns, held=True)
    for segment in due:
        try:
            await _take_back(catalogue, store, executor, segment)
        except ObjectUnavailableError:
            raise
        except (ObjectError, FootageError) as error:
            log.warning("held footage cannot be taken back", key=segment.key, why=logs.redact(str(error)))
            continue
        log.info("held footage is taken back", key=segment.key)
        taken_back += 1
    return taken_back


async def _take_back(catalogue: Catalogue, store: ObjectStore, executor: Executor, segment: Segment) -> None:
    listed = ObjectInfo(segment.key, segment.size_bytes, 0)
    found = await asyncio.get_running_loop().run_in_executor(executor, found_segment, store, listed)
    for copy in await catalogue.copies.of(segment.run, segment.number):
        if copy.store == store.name and copy.state is CopyState.DOOMED:
            await catalogue.copies.put(replace(copy, state=CopyState.VERIFIED, rev=copy.rev + 1))
    if segment.state is SegmentState.EXPIRED:
        row = replace(segment, state=SegmentState.STORED, rev=segment.rev + 1)
        await catalogue.segments.put(row, found.fragments)
