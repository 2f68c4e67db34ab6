"""What is wrong with a recorder's disk and with the Stores it fills, for the Events of its node (vms/sync/troubles.py).
Event loop; answers at once from what was seen last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recorder.disk import word_of
from recorder.recording import Recording
from recorder.spool import LEVELS
from recorder.uploader import Uploader
from vms.clock import Clock
from vms.domain.event import EventKind, Severity, event_subject
from vms.domain.event_book import Look, Trouble

_OF_LEVEL = (Severity.NOTICE, Severity.WARNING, Severity.ALARM)
_KINDS = (EventKind.SPOOL_FILLING, EventKind.SPOOL_FULL, EventKind.DISK_ERROR, EventKind.DISK_SLOW)


class DiskTroubles:
    """Of the spool's disk. `site`: the node's, None in the center."""

    def __init__(self, recording: Recording, clock: Clock, site: Callable[[], str | None], node: str) -> None:
        self._recording, self._clock, self._site, self._node = recording, clock, site, node

    def look(self) -> Look:
        """Filling, full, failing, slow; a failure that was over at once has passed."""
        disk, usage = self._recording.disk, self._recording.usage
        troubles, passing = [], []
        if usage.full or (disk.error is not None and word_of(disk.error) == "no_room"):
            troubles.append(self._trouble(EventKind.SPOOL_FULL, Severity.ALARM, {}))
        elif usage.level:
            level = min(usage.level, len(LEVELS)) - 1
            percent = round(LEVELS[level] * 100)
            troubles.append(self._trouble(EventKind.SPOOL_FILLING, _OF_LEVEL[level], {"percent": percent}))
        if disk.error is not None and word_of(disk.error) != "no_room":
            cause = {"cause": word_of(disk.error)}
            troubles.append(self._trouble(EventKind.DISK_ERROR, Severity.ALARM, cause))
        passed = self._recording.spool.disk.take_passed()
        if passed is not None and disk.error is None:
            kind = EventKind.SPOOL_FULL if word_of(passed) == "no_room" else EventKind.DISK_ERROR
            passing.append(self._trouble(kind, Severity.ALARM, {"cause": word_of(passed)}))
        slow_ms = self._recording.spool.disk.hangs_ms() or disk.slow_ms
        if slow_ms is not None:
            slow = {"write_ms": _coarse(slow_ms)}
            troubles.append(self._trouble(EventKind.DISK_SLOW, Severity.WARNING, slow))
        well = {event_subject(kind, None, None, self._node) for kind in _KINDS}
        return Look(tuple(troubles), frozenset(well - {one.subject for one in troubles}), tuple(passing))

    def _trouble(self, kind: EventKind, severity: Severity, params: Mapping[str, object]) -> Trouble:
        now_ns = self._clock.now_ns()
        return Trouble(kind, now_ns, severity, self._site(), node=self._node, params=params)


def _coarse(milliseconds: int) -> int:
    """To a power of two times 50: a new figure only where it is another order."""
    step = 50
    while step * 2 <= milliseconds:
        step *= 2
    return step


class StoreTroubles:
    """Of the Stores that Segments go to: one that does not answer, and Segments that none takes."""

    def __init__(self, uploader: Uploader, clock: Clock, site: Callable[[], str | None], node: str) -> None:
        self._uploader, self._clock, self._site, self._node = uploader, clock, site, node

    def look(self) -> Look:
        """From what the uploader met."""
        ills, kind, now_ns = self._uploader.ills, EventKind.STORE_REFUSING, self._clock.now_ns()
        troubles = tuple(
            Trouble(kind, now_ns, site=self._site(), node=self._node, params={"cause": cause, "store": store})
            for store, cause in ills.items()
            if cause
        )
        well = {event_subject(kind, None, None, self._node, store) for store, cause in ills.items() if not cause}
        return Look(troubles, frozenset(well))
