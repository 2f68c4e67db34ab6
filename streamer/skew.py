"""How far the clock of another node is ahead of ours, pure: so that the age of its Packets can be told on our clock.

Each request that says the time of the other node bounds it: the answer was made between asking and hearing (NTP, RFC
5905 §8, without its guess that both ways take equally long). So does each unit: it cannot arrive before it was sent.
Taken is the smallest correction within the bounds of the last minute or so: exactly none while both clocks agree.
"""

from __future__ import annotations

from collections import deque

KEPT = 12


class Skew:
    """`ns`: their clock minus ours."""

    def __init__(self) -> None:
        self.ns = 0
        self._bounds: deque[tuple[int, int]] = deque(maxlen=KEPT)

    def restart(self) -> None:
        """Another node, or its clock was set: what was measured says nothing any more."""
        self._bounds.clear()
        self.ns = 0

    def asked(self, began_ns: int, ended_ns: int, theirs_ns: int) -> None:
        """A request went at `began_ns` and was answered at `ended_ns`, both on our clock; they said `theirs_ns`."""
        low, high = theirs_ns - ended_ns, theirs_ns - began_ns
        if self._bounds and (high < max(b[0] for b in self._bounds) or low > min(b[1] for b in self._bounds)):
            self._bounds.clear()  # one of the clocks was set
        self._bounds.append((low, high))
        self._choose()

    def arrived(self, sent_ns: int, now_ns: int) -> None:
        """A unit sent at `sent_ns` on their clock is here."""
        if not self._bounds:
            return
        low, high = self._bounds[-1]
        if sent_ns - now_ns > low:
            self._bounds[-1] = (min(sent_ns - now_ns, high), high)
            self._choose()

    def _choose(self) -> None:
        low, high = max(b[0] for b in self._bounds), min(b[1] for b in self._bounds)
        self.ns = min(max(0, low), high) if low <= high else (low + high) // 2
