"""Packets and access units made up for tests of what is sent."""

from __future__ import annotations

from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Packet

REF = StreamRef("cam2222222222222", StreamName.SUB)


def unit(*nals: bytes) -> bytes:
    """An access unit in Annex-B."""
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


def packet(
    seq: int, *, key: bool = False, run: str = "r", pts: int | None = None, kind: int = 0x65, size: int = 20
) -> Packet:
    """Number `seq` of a Run of 25 pictures a second, `pts` in pictures; one slice whose header byte is `kind`."""
    dts = seq * 3600
    shown = dts if pts is None else pts * 3600
    return Packet(REF, run, 0, seq, shown, dts, 10**18 + seq * 40_000_000, key, unit(bytes([kind]) + b"\x88" * size))
