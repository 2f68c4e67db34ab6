"""Bytes a second of one Stream, as its camera sends them now: over whole groups of pictures, slowly. Pure."""

from __future__ import annotations

from vms.clock import NS_PER_S
from vms.domain.media import Packet

_LEAST_NS = NS_PER_S
_LONGEST_NS = 20 * NS_PER_S
_WEIGHT = 0.3


class StreamRate:
    """`add` each Packet; `bytes_s`: None before the first second of whole groups."""

    __slots__ = ("_bytes", "_since_ns", "bytes_s")

    def __init__(self) -> None:
        self.bytes_s: float | None = None
        self._since_ns: int | None = None
        self._bytes = 0

    def add(self, packet: Packet) -> None:
        """The next Packet; sound does not cross a line, and is not counted."""
        if packet.track != 0:
            return
        since_ns = self._since_ns
        if packet.is_key and (since_ns is None or packet.wall_ns - since_ns >= _LEAST_NS):
            if since_ns is not None and packet.wall_ns - since_ns <= _LONGEST_NS:
                measured = self._bytes * NS_PER_S / (packet.wall_ns - since_ns)
                before = measured if self.bytes_s is None else self.bytes_s
                self.bytes_s = before + (measured - before) * _WEIGHT
            self._since_ns, self._bytes = packet.wall_ns, 0
        self._bytes += len(packet.payload)

    def restart(self) -> None:
        """Another Run: what comes is not what followed."""
        self._since_ns, self._bytes = None, 0
