"""The Packets of one Stream since its last key frame, so that a viewer starts at once. Event loop only.

Bounded: over the cap the group is forgotten and the next key frame awaited, since a group with a hole is of no use.
"""

from __future__ import annotations

from ingest.rates import StreamRate
from vms.domain.media import HubItem, Packet, Run, RunEnded, RunStarted

MAX_BYTES = 16 * 1024 * 1024
MAX_PACKETS = 1500


class GopCache:
    """The current Run and its group of pictures; `rate`: of the Stream, as measured."""

    __slots__ = ("_bytes", "_packets", "rate", "run")

    def __init__(self) -> None:
        self.run: Run | None = None
        self._packets: list[Packet] = []
        self._bytes = 0
        self.rate = StreamRate()

    def add(self, item: HubItem) -> None:
        """Take an item in the order of the hub."""
        if isinstance(item, Packet):
            self.rate.add(item)
            if item.is_key and item.track == 0:
                self._packets, self._bytes = [item], len(item.payload)
            elif self._packets:
                self._packets.append(item)
                self._bytes += len(item.payload)
                if self._bytes > MAX_BYTES or len(self._packets) > MAX_PACKETS:
                    self.clear()
        elif isinstance(item, RunStarted):
            self.run = item.run
            self.rate.restart()
            self.clear()
        elif isinstance(item, RunEnded):
            self.run = None
            self.clear()

    def clear(self) -> None:
        """Forget the group."""
        self._packets, self._bytes = [], 0

    def packets(self) -> list[Packet]:
        """The group, from its key frame; empty until one came."""
        return list(self._packets)

    def key(self) -> Packet | None:
        """The key frame of the group."""
        return self._packets[0] if self._packets else None
