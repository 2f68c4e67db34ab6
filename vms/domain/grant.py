"""Grants of a Lease: the right of one Node to ingest one Stream, with its fencing epoch."""

from __future__ import annotations

from dataclasses import dataclass

from vms.domain.camera import StreamRef


@dataclass(frozen=True, slots=True)
class LeaseGrant:
    """An epoch owns media time from `granted_ns` to the next grant of the same Stream."""

    stream: StreamRef
    epoch: int
    node: str
    granted_ns: int
