"""The port of Leases: the right of one Node to ingest one Stream, with an epoch that grows with every grant.

Implemented on the catalogue for a single machine (vms/sync/leases.py) and on a key-value service for a Site of several
Nodes (vms/sync/site_leases.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant


@dataclass(frozen=True, slots=True)
class Allotment:
    """What a Node has to do with the Streams there are. `mine`: it holds them, or gets them when it asks. `coming`:
    another Node holds and records them, and this one is to have them: it connects, and takes them with its first key
    frame, so that nothing is missed between the two."""

    mine: frozenset[StreamRef] = frozenset()
    coming: frozenset[StreamRef] = frozenset()


class Leases(Protocol):
    """Who may ingest what. `on_change` is called when `allot` would say something else than it last did."""

    on_change: Callable[[], None]

    def allot(self, streams: Collection[StreamRef]) -> Allotment:
        """What of all the Streams there are to ingest falls to this Node now."""

    async def acquire(self, stream: StreamRef, from_ns: int | None = None) -> LeaseGrant:
        """The right to ingest a Stream. `from_ns`: wall time of the first key frame, where it is taken from a Node that
        records it; it is granted from then on. VmsError when it cannot be had now."""

    async def release(self, stream: StreamRef) -> None:
        """It is not ingested any more; harmless where it is not held."""

    def tell(self, stream: StreamRef, /, *, live: bool) -> None:
        """Whether a held Stream gives anything: one that does not can move at once."""

    def give_up(self, stream: StreamRef, /) -> None:
        """A coming Stream gave no key frame: it stays where it is for a while."""

    def vacant_ns(self, stream: StreamRef, /) -> int | None:
        """Since when (wall time) nobody held a Stream that was taken over from a Node that is gone; None otherwise."""

    def successor(self, stream: StreamRef, /) -> LeaseGrant | None:
        """Who holds a Stream that this Node held, where that is known."""

    async def leave(self) -> None:
        """This Node stops: let others take what it holds while it still goes on; bounded in time."""
