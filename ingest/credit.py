"""What of one Stream may go over a thin line now: all, key frames, small pictures, nothing. Pure, as ingest/line.

Whatever is not sent is dropped, so that nothing old is ever queued; what is sent can be decoded.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from enum import Enum

from ingest.line import Line
from vms.clock import NS_PER_MS
from vms.domain.camera import LinePriority, StreamName, StreamRef

PRIORITY_MAX = 100
_MS = NS_PER_MS
_SKIPS = 2


class Act(Enum):
    """What is to be done with a unit."""

    SEND = "send"
    SKIP = "skip"
    PICTURE = "picture"


_CAMERAS = {LinePriority.LOW: -25, LinePriority.NORMAL: 0, LinePriority.HIGH: 25}


def priority_of(stream: StreamRef, camera: LinePriority = LinePriority.NORMAL) -> int:
    """0 to PRIORITY_MAX: a wall's small picture costs a fifth of a large one and is what most eyes are on. What is said
    of the camera weighs more, so that no spread (see `rank`) mixes the three."""
    return (60 if stream.name is StreamName.SUB else 40) + _CAMERAS[camera]


def rank(stream: StreamRef, priority: int) -> float:
    """0 (dropped first) to 1. Cameras of one priority differ a little, by their names and so always alike: where all do
    not fit, some stay whole instead of all of them stuttering."""
    spread = zlib.crc32(str(stream).encode()) % 21 - 10
    return min(1.0, max(0.0, (priority + spread) / PRIORITY_MAX))


@dataclass(slots=True)
class _Sent:
    """A unit under way: its number, whether it is a key frame or a small picture."""

    number: int
    key: bool
    picture: bool


class Credit:
    """One Stream on a line. `offer` each unit in order; tell `sent` of what was sent and `acked` of what arrived."""

    def __init__(self, line: Line, stream: StreamRef, priority: int) -> None:
        self._line, self._name = line, str(stream)
        self._share = share = rank(stream, priority)
        options = line.options
        self._drop_ns, self._resume_ns, self._keys_ns = (
            round(low + (high - low) * share) * _MS
            for low, high in (options.drop_ms, options.resume_ms, options.keys_ms)
        )
        self.flowing = False
        self.small = False
        self._units: deque[_Sent] = deque()
        self._last = -1
        self._refused = 0
        self._good = 0
        self._wanted = 1
        self._skipped = 0
        self._losses = line.losses
        self._given_up = (-1, False)

    def offer(self, *, is_key: bool, size: int, now_ns: int) -> Act:
        """What to do with the next unit of the Stream. What follows a key frame goes only if all before it went."""
        line = self._line
        self._look(now_ns)
        if is_key:
            return self._key(size, now_ns)
        if self.flowing:
            late = line.lost or line.draining or line.is_late(self._drop_ns, now_ns)
            if late or line.shed(self._name, now_ns):
                self._hold_back(now_ns)
                self.rest()
        return Act.SEND if self.flowing else Act.SKIP

    def _hold_back(self, now_ns: int) -> None:
        """It does not go on; but while the line is cut, or measured anew, that says nothing of what it carries."""
        if not self._line.lost and not self._line.draining:
            self._line.held_back(now_ns)

    def rest(self) -> None:
        """Nothing more until the next key frame."""
        self.flowing = False
        self._line.rest(self._name)

    def picture(self, now_ns: int) -> bool:
        """Whether a small picture may go, for who asks for nothing else."""
        self._look(now_ns)
        if self._line.lost:
            return self._probe(0, now_ns) is Act.SEND
        return not self._line.draining and self._line.excess_ns(now_ns) < self._keys_ns

    def _look(self, now_ns: int) -> None:
        self._line.look(now_ns)
        if self._line.losses != self._losses:
            self._losses = self._line.losses
            if self._units:
                self._given_up = (self._last, any(unit.key for unit in self._units))
            self._units.clear()

    def _key(self, size: int, now_ns: int) -> Act:
        line, flowed = self._line, self.flowing
        self.rest()
        if line.lost:
            return self._probe(size, now_ns)
        if line.draining:
            return Act.SKIP
        if self.small:
            return self._small(now_ns)
        excess_ns = line.excess_ns(now_ns)
        keys_ns = self._resume_ns if line.is_shed(self._name) else self._keys_ns
        if line.excess_ns(now_ns, size) >= keys_ns and excess_ns >= self._resume_ns:
            self._hold_back(now_ns)
            self._skipped += 1
            if self._skipped >= _SKIPS:
                self._refuse()
            return Act.SKIP
        self._skipped = 0
        enough = excess_ns < (self._drop_ns if flowed else self._resume_ns)
        self.flowing = enough and line.admit(self._name, self._share, now_ns)
        if not self.flowing:
            self._hold_back(now_ns)
        return Act.SEND

    def _probe(self, size: int, now_ns: int) -> Act:
        """The line is cut: a key frame now and then tells when it is back, and all that waits."""
        if not self._line.may_probe(now_ns):
            return Act.SKIP
        self._good = self._wanted
        return Act.SEND if size <= self._line.options.probe_bytes else Act.PICTURE

    def _small(self, now_ns: int) -> Act:
        """Small pictures, one under way at a time; after some that came in time a key frame is tried again."""
        if not self.idle or self._line.excess_ns(now_ns) >= self._keys_ns:
            return Act.SKIP
        if self._good < self._wanted:
            return Act.PICTURE
        self._good = 0
        return Act.SEND

    @property
    def idle(self) -> bool:
        """Whether neither a key frame nor a small picture is under way."""
        return not any(unit.key or unit.picture for unit in self._units)

    def _refuse(self) -> None:
        """A key frame came too late, or several did not go: the second time in turn asks for small pictures. One that
        was tried between these makes the next trial rarer."""
        self._refused += 1
        self._skipped = 0
        if self.small:
            self._wanted = min(self._wanted * 2, self._line.options.trials_max)
        if self.small or self._refused >= 2:
            self.small, self._good, self._refused = True, 0, 0

    def burst(self, *, size: int, key_size: int, now_ns: int) -> Act | None:
        """For a watcher that begins: the whole cached group (SEND), its key frame alone (None), or no more."""
        self._look(now_ns)
        if self.small:
            return Act.SKIP
        if self._line.fits(size, now_ns):
            self.flowing = self._line.admit(self._name, self._share, now_ns)
            return Act.SEND
        if self.flowing:
            return Act.SKIP  # it goes on for those who watch already
        excess_ns = self._line.excess_ns(now_ns)
        # An empty line carries one key frame of any size: without it nothing would ever be measured.
        alone = excess_ns < 0 or self._line.fits(key_size, now_ns)
        return None if alone and not self._line.lost and not self._line.draining else Act.SKIP

    def sent(self, number: int, size: int, now_ns: int, *, is_key: bool = False, picture: bool = False) -> None:
        """A unit was sent; numbers grow."""
        self._units.append(_Sent(number, is_key, picture))
        self._last = number
        self._line.put(self._name, number, size, now_ns)

    def acked(self, number: int, now_ns: int) -> None:
        """The far side has all up to this number. A number that was never sent here says nothing."""
        if number > self._last:
            return
        self._look(now_ns)
        last, key = self._given_up
        if number <= last:
            # No cut then, but far too much for the line; it is there again when all of that is through.
            if key:
                self._given_up = (last, False)
                self._refuse()
            return
        self._line.revive()
        took_ns: int | None = None
        while self._units and self._units[0].number <= number:
            unit = self._units.popleft()
            took_ns = self._line.take(self._name, unit.number, now_ns)
            if took_ns is not None and (unit.key or unit.picture):
                self._judge(unit, took_ns)
        if took_ns is not None:
            self._line.measure(took_ns, now_ns)

    def _judge(self, unit: _Sent, took_ns: int) -> None:
        """Learn from how a key frame or a small picture came over."""
        options = self._line.options
        best_ns = options.assumed_ms * _MS if self._line.best_ns is None else self._line.best_ns
        late = took_ns - best_ns > options.late_ms * _MS
        if unit.picture:
            self._good = 0 if late else self._good + 1
        elif late:
            self._refuse()
        else:
            self._refused = 0
            self.small, self._wanted = False, 1

    def close(self) -> None:
        """Nobody there watches any more."""
        self._line.forget(self._name)
        self._units.clear()
