"""What waits for a Lease: the first Run of a connection, while the grant is asked for. Event loop; pure."""

from __future__ import annotations

from ingest.runs import Made, RunBroken
from vms.domain.media import Packet, RunStarted

MAX_BYTES = 32 * 1024 * 1024


class Gate:
    """One Run from its beginning. Bounded: a grant takes milliseconds, and what is too much ends the wait."""

    def __init__(self, started: RunStarted) -> None:
        self.run = started.run.id
        self.items: list[Made] = [started]
        self._bytes = 0

    def add(self, item: Packet | RunBroken) -> bool:
        """Keep the next item; False when it is too much."""
        if isinstance(item, Packet):
            self._bytes += len(item.payload)
        self.items.append(item)
        return self._bytes <= MAX_BYTES
