"""Leases of a single node: every asking is granted, and every grant is a row with a new epoch. Event loop.

The rows are the same as in a cluster, so that footage of a single machine can join one: an epoch owns media time from
its grant to the next of the same Stream.
"""

from __future__ import annotations

from vms.clock import Clock
from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant
from vms.store.catalogue import Catalogue


class CatalogueLeases:
    """See vms.bus.leases.Leases."""

    def __init__(self, catalogue: Catalogue, clock: Clock, node: str) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._node = node
        self._held: dict[StreamRef, LeaseGrant] = {}

    async def acquire(self, stream: StreamRef) -> LeaseGrant:
        """A new epoch at every call, so at every start of the process too. CatalogueError when it cannot be written:
        without its row an epoch would be given twice."""
        grant = await self._catalogue.grants.next(stream, self._node, self._clock.now_ns())
        self._held[stream] = grant
        return grant

    async def release(self, stream: StreamRef) -> None:
        """Forget it; the row stays."""
        self._held.pop(stream, None)

    def held(self) -> dict[StreamRef, LeaseGrant]:
        """What this node holds now."""
        return dict(self._held)
