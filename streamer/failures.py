"""One viewer's trouble is not the others': what it raises is counted, and said at most once a second. Event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from vms import logs, metrics
from vms.clock import Clock

log = logs.get(__name__)


class Failures:
    """`words`: what did not work; `where`: of the counter of what is dropped."""

    def __init__(self, clock: Clock, words: str, where: str) -> None:
        self._clock, self._words = clock, words
        self._counter = metrics.DROPS.labels(where)
        self._throttle = logs.Throttle()

    def note(self, error: Exception, **facts: str) -> None:
        """One more."""
        self._counter.inc()
        silent = self._throttle.admit(self._clock.mono_ns())
        if silent is not None:
            log.error(self._words, times=silent + 1, exc_info=error, **facts)

    def each(self, calls: Iterable[Callable[..., None]], *values: Any, **facts: str) -> None:
        """Call all of them, whatever some raise."""
        for call in list(calls):
            try:
                call(*values)
            except Exception as error:  # noqa: BLE001  whatever one raises, the others are still to be called
                self.note(error, **facts)
