"""The port of Leases: the right of one Node to ingest one Stream, with an epoch that grows with every grant."""

from __future__ import annotations

from typing import Protocol

from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant


class Leases(Protocol):
    """Who may ingest what."""

    async def acquire(self, stream: StreamRef) -> LeaseGrant:
        """The right to ingest a Stream, under a new epoch. VmsError when it cannot be had now."""

    async def release(self, stream: StreamRef) -> None:
        """Give the right back; harmless where it is not held."""
