"""The simulator's send log: which access unit was wholly written when, on which connection."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Sends:
    """One stream's log."""

    t_ns: dict[int, int] = field(default_factory=dict)
    by_conn: dict[int, list[tuple[int, bool]]] = field(default_factory=dict)

    def owed(self, until_ns: int) -> set[int]:
        """What must be replayable: everything from the first key frame of each connection on, sent until then."""
        found: set[int] = set()
        for units in self.by_conn.values():
            first = next((i for i, (_, key) in enumerate(units) if key), len(units))
            found.update(n for n, _ in units[first:] if self.t_ns[n] <= until_ns)
        return found

    def last_before(self, at_ns: int) -> int | None:
        """The number of the last unit sent before a moment."""
        sent = [n for n, t in self.t_ns.items() if t <= at_ns]
        return max(sent, default=None)

    def shown(self, k: int, loop: int, at_ns: int) -> int | None:
        """The number behind a barcode `k` seen at a moment: the latest such unit sent until then."""
        numbers = self._sorted()
        i = bisect.bisect_right(numbers, (at_ns, 1 << 62)) - 1
        while i >= 0:
            n = numbers[i][1]
            if n % loop == k:
                return n
            i -= 1
        return None

    def _sorted(self) -> list[tuple[int, int]]:
        if not hasattr(self, "_cache") or len(self._cache) != len(self.t_ns):
            self._cache = sorted((t, n) for n, t in self.t_ns.items())
        return self._cache


def read_sends(folder: Path, slug: str, stream: str) -> Sends:
    """Read what has been flushed so far; a torn last line is left out."""
    sends = Sends()
    file = folder / f"{slug}.{stream}.jsonl"
    if not file.exists():
        return sends
    for line in file.read_bytes().split(b"\n")[:-1]:
        entry = json.loads(line)
        if "n" in entry:
            sends.t_ns.setdefault(entry["n"], entry["t_ns"])
            sends.by_conn.setdefault(entry["conn"], []).append((entry["n"], entry["key"]))
    return sends
