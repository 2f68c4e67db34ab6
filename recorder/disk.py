"""How the spool's disk is: errors, slow writes, writes that hang. Any thread; `look` once a second says what it makes
of what came in between.

A disk that answers errors is tried by writing: so it is known to be well again while nothing is recorded. Slow is a
matter of several seconds, so that one write behind a large flush is none.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_NS_PER_S = 1_000_000_000
SLOW_WRITE_S = 0.05
"""Mean of a second's writes; into memory they take less than a millisecond."""
SLOW_SYNC_S = 2.0
HANGS_S = 3.0
_SLOW_LOOKS, _LOOKS, _CALM_LOOKS = 3, 5, 10
_WORDS = {errno.EROFS: "read_only", errno.EIO: "io", errno.ENOSPC: "no_room", errno.EDQUOT: "no_room"}


@dataclass(frozen=True, slots=True)
class DiskState:
    """`error`: what writing answers now, None where it works; `slow_ms`: how long a write takes, None where it is quick
    enough."""

    error: OSError | None = None
    slow_ms: int | None = None


class Disk:
    """Told of each write; asked once a second."""

    def __init__(self, mono_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._mono_ns = mono_ns
        self._lock = threading.Lock()
        self._error: OSError | None = None
        self._passed: OSError | None = None
        self._count, self._total_ns, self._sync_ns = 0, 0, 0
        self._under_way: dict[int, int] = {}
        self._slow: deque[bool] = deque(maxlen=_LOOKS)
        self._calm = _CALM_LOOKS
        self._slow_ms = 0

    @contextmanager
    def writing(self, *, sync: bool = False) -> Iterator[None]:
        """Around each write, or each flush to the disk (`sync`): takes its time and its OSError."""
        begun, me = self._mono_ns(), threading.get_ident()
        with self._lock:
            self._under_way[me] = begun
        try:
            yield
        except OSError as error:
            self.failed(error)
            raise
        finally:
            took = self._mono_ns() - begun
            with self._lock:
                self._under_way.pop(me, None)
                if sync:
                    self._sync_ns = max(self._sync_ns, took)
                else:
                    self._count, self._total_ns = self._count + 1, self._total_ns + took

    def failed(self, error: OSError) -> None:
        """The disk answered an error."""
        with self._lock:
            self._error = error

    def take_passed(self) -> OSError | None:
        """The error that was over when the disk was tried, told once."""
        with self._lock:
            passed, self._passed = self._passed, None
        return passed

    def hangs_ms(self) -> int | None:
        """How long the longest write that is under way takes already, None where that is nothing to speak of."""
        with self._lock:
            oldest = min(self._under_way.values(), default=None)
        took_ns = 0 if oldest is None else self._mono_ns() - oldest
        return took_ns // 1_000_000 if took_ns > HANGS_S * _NS_PER_S else None

    def look(self, probe: Callable[[], None]) -> DiskState:
        """Once a second. `probe` writes something and may raise OSError; it is asked where an error came since."""
        with self._lock:
            error, self._error = self._error, None
        found: OSError | None = None
        if error is not None:
            try:
                probe()
            except OSError as again:
                found = again
                with self._lock:  # asked again at the next look
                    self._error = again
            else:
                with self._lock:
                    self._passed = error
        return DiskState(found, self._slowness())

    def _slowness(self) -> int | None:
        with self._lock:
            count, total, sync = self._count, self._total_ns, self._sync_ns
            self._count, self._total_ns, self._sync_ns = 0, 0, 0
        mean_ns = total // count if count else 0
        is_slow = mean_ns >= SLOW_WRITE_S * _NS_PER_S or sync >= SLOW_SYNC_S * _NS_PER_S
        self._slow.append(is_slow)
        if is_slow:
            self._slow_ms = max(mean_ns, sync if sync >= SLOW_SYNC_S * _NS_PER_S else 0) // 1_000_000
        if sum(self._slow) >= _SLOW_LOOKS:
            self._calm = 0
        elif not is_slow and self._calm < _CALM_LOOKS:
            self._calm += 1
        return self._slow_ms if self._calm < _CALM_LOOKS else None


def word_of(error: OSError) -> str:
    """`read_only`, `io`, `no_room` or `other`."""
    return _WORDS.get(error.errno or 0, "other")
