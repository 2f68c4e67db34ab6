"""Bounds how much costly work runs at once, for each person and in all; who comes too much is told so, not queued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from vms.errors import TooManyError


class Slots:
    """`each` for one person, `total` for everybody. Event loop only."""

    def __init__(self, words: str, *, reason: str, each: int, total: int) -> None:
        self._words = words
        self._reason = reason
        self._each = each
        self._total = total
        self._held: Counter[str] = Counter()

    @contextmanager
    def held(self, person: str) -> Iterator[None]:
        """Hold one slot for the length of a block; TooManyError where there is none."""
        if self._held[person] >= self._each or self._held.total() >= self._total:
            raise TooManyError(self._words, hint="Wait until one of them is done.", reason=self._reason)
        self._held[person] += 1
        try:
            yield
        finally:
            self._held[person] -= 1
            if not self._held[person]:
                del self._held[person]
