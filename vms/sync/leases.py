"""Leases of a single node: every asking is granted, and every grant is a row with a new epoch. Event loop.

The rows are the same as in a cluster, so that footage of a single machine can join one: an epoch owns media time from
its grant to the next of the same Stream.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from vms.bus.leases import Allotment
from vms.clock import Clock
from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant
from vms.store.catalogue import Catalogue


class CatalogueLeases:
    """See vms.bus.leases.Leases."""

    def __init__(self, catalogue: Catalogue, clock: Clock, node: str) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._catalogue = catalogue
        self._clock = clock
        self._node = node
        self._held: dict[StreamRef, LeaseGrant] = {}

    def allot(self, streams: Collection[StreamRef]) -> Allotment:
        """All: there is nobody else."""
        return Allotment(frozenset(streams))

    async def acquire(self, stream: StreamRef, from_ns: int | None = None) -> LeaseGrant:
        """A new epoch at every call, so at every start of the process too. CatalogueError when it cannot be written:
        without its row an epoch would be given twice."""
        granted_ns = self._clock.now_ns() if from_ns is None else from_ns
        grant = await self._catalogue.grants.next(stream, self._node, granted_ns)
        self._held[stream] = grant
        return grant

    async def release(self, stream: StreamRef) -> None:
        """Forget it; the row stays."""
        self._held.pop(stream, None)

    def tell(self, stream: StreamRef, *, live: bool) -> None:
        """Nobody asks."""

    def give_up(self, stream: StreamRef) -> None:
        """Nothing is coming."""

    def vacant_ns(self, _stream: StreamRef) -> int | None:
        """The recorder knows itself since when nothing was recorded."""
        return None

    def successor(self, _stream: StreamRef) -> LeaseGrant | None:
        """Nobody."""
        return None

    async def leave(self) -> None:
        """Nobody takes over."""

    def held(self) -> dict[StreamRef, LeaseGrant]:
        """What this node holds now."""
        return dict(self._held)
