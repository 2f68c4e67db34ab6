"""SSRCs of one viewer, drawn at random and none twice (RFC 3550 §8): video, RTX and sound share one key, and with the
nonces of AES-GCM (RFC 7714 §8.1) two streams of one SSRC would give it away. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable


class Ssrcs:
    """`taken`: those that are in use already."""

    def __init__(self, taken: Iterable[int] = (), random: Callable[[int], int] = secrets.randbits) -> None:
        self._taken = {0, *taken}
        self._random = random

    def draw(self) -> int:
        """Another one, not 0."""
        while (ssrc := self._random(32)) in self._taken:
            pass
        self._taken.add(ssrc)
        return ssrc
