"""Whose turn it is at a Site of several Nodes: work that one of them does, by a Lease in the Site's own domain.

As vms/store/turns.py in the center, and as little is at stake: two at once for a moment do no harm. Event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vms import logs
from vms.clock import Clock
from vms.errors import BusError, ConflictError, NotFoundError
from vms.sync.lease_keys import Bucket

log = logs.get(__name__)

TTL_S = 180.0
"""Of the bucket: longer than the work rests between two turns, so that who has it keeps it."""
_RENEW_S = 45.0


class SiteTurns:
    """`bucket` with a time to live of TTL_S. While the service cannot be reached, who had the turn goes on with it."""

    def __init__(self, clock: Clock, bucket: Bucket, node: str) -> None:
        self._clock, self._bucket, self._me = clock, bucket, node.encode()
        self._had: set[str] = set()

    @asynccontextmanager
    async def take(self, work: str) -> AsyncIterator[bool]:
        """Whether it is the caller's, until the block ends; it does not wait."""
        mine = await self._ask(work)
        if not mine:
            yield False
            return
        keeping = asyncio.create_task(self._keep(work), name=f"turn {work}")
        try:
            yield True
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _ask(self, work: str) -> bool:
        try:
            entry = await self._bucket.get(work)
            if entry is None or entry.value is None:
                await self._bucket.create(work, self._me)
            elif entry.value == self._me:
                await self._bucket.update(work, self._me, entry.revision)
            else:
                self._had.discard(work)
                return False
        except (ConflictError, NotFoundError):  # somebody was first, or it was read old: at the next look
            self._had.discard(work)
            return False
        except BusError as error:
            log.debug("nobody says whose turn it is", work=work, why=error.message)
            return work in self._had
        if work not in self._had:
            log.info("this node's turn", work=work)
        self._had.add(work)
        return True

    async def _keep(self, work: str) -> None:
        while True:
            await self._clock.sleep(_RENEW_S)
            await self._ask(work)
