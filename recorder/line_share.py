"""What uploads may take of a Site's line beside live video. Pure.

Measured on lines of 2 to 10 Mb/s with loss: uploads at no more than 60 % of the line, and at 80 % of what live leaves,
cost live some 300 ms at worst; unpaced they cost it seconds. They never stop: what is never sent is lost in the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the line, of what live leaves, and the least, of the line."""

    of_line: float = 0.6
    of_rest: float = 0.8
    floor: float = 0.05


def upload_bytes_per_s(line_bytes_per_s: float, live: Iterable[float], shares: Shares | None = None) -> float:
    """What one of the Site's nodes may send. `live`: bytes a second of live video of each of its nodes, this one's
    among them; each gets the same."""
    chosen, nodes = shares or Shares(), list(live)
    rest = line_bytes_per_s - sum(nodes)
    allowed = max(chosen.floor * line_bytes_per_s, min(chosen.of_line * line_bytes_per_s, chosen.of_rest * rest))
    return allowed / max(1, len(nodes))
