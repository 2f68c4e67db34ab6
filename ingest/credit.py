"""What may go over a thin line now: pure, no clock and no bus of its own; times are monotonic, given by callers in ns.

A `Line` is one zone as this node reaches it, shared by all Streams that are watched there: what is under way, and how
long an acknowledgement takes at best. A `Credit` is one Stream on it. Judged is the age of what is unacknowledged, not
an estimate of the rate: the leaf before the line queues without limit and says nothing, and a policy by rate starves
itself. Whatever is not sent is dropped, so that nothing old is ever queued.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum

from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.camera import StreamName, StreamRef

PRIORITY_MAX = 100
_MS = NS_PER_MS


@dataclass(frozen=True, slots=True)
class CreditOptions:
    """Milliseconds beyond the line's best acknowledgement time, each from the least to the most important camera:
    `drop_ms`: above it the Stream is dropped to its next key frame; at a key frame: below `resume_ms` all goes again,
    below `keys_ms` the key frame alone, else nothing. `late_ms`: a key frame that took longer was of no use.
    `lost_ms`: oldest unit unacknowledged so long: the line is cut. `fresh_s`, `near_ms`: when no acknowledgement came
    as near to the best for so long, the line is let run empty for at most `drain_ms` and measured anew: the route may
    have changed. `assumed_ms`: the best before there is any. `burst_bytes`: what may be under way after a cached group
    was sent at once; `probe_bytes`: the largest key frame that probes a line that was cut; `trials_max`: the most small
    pictures before a key frame is tried again."""

    drop_ms: tuple[int, int] = (400, 600)
    resume_ms: tuple[int, int] = (200, 350)
    keys_ms: tuple[int, int] = (1000, 1200)
    late_ms: int = 1300
    lost_ms: int = 4000
    fresh_s: float = 30.0
    near_ms: int = 60
    drain_ms: int = 1500
    assumed_ms: int = 500
    burst_bytes: int = 64_000
    probe_bytes: int = 24_000
    trials_max: int = 32


class Act(Enum):
    """What is to be done with a unit."""

    SEND = "send"
    SKIP = "skip"
    PICTURE = "picture"


def default_priority(stream: StreamRef) -> int:
    """0 to PRIORITY_MAX: a wall's small picture costs a fifth of a large one and is what most eyes are on."""
    return 60 if stream.name is StreamName.SUB else 40


def rank(stream: StreamRef, priority: int) -> float:
    """0 (dropped first) to 1. Cameras of one priority differ a little, by their names and so always alike: where all do
    not fit, some stay whole instead of all of them stuttering."""
    spread = zlib.crc32(str(stream).encode()) % 21 - 10
    return min(1.0, max(0.0, (priority + spread) / PRIORITY_MAX))


class Line:
    """One zone: all that was sent there and is not acknowledged, and the best acknowledgement time."""

    def __init__(self, options: CreditOptions | None = None) -> None:
        self.options = options or CreditOptions()
        self.best_ns: int | None = None
        self.lost = False
        self._best_at_ns: int | None = None
        self._draining_ns: int | None = None
        self._under_way: OrderedDict[tuple[str, int], tuple[int, int]] = OrderedDict()
        self._bytes = 0

    def put(self, stream: str, number: int, size: int, now_ns: int) -> None:
        """A unit was sent."""
        self._under_way[stream, number] = (now_ns, size)
        self._bytes += size

    def take(self, stream: str, number: int, now_ns: int) -> int | None:
        """A unit was acknowledged; how long that took, None for one that was given up."""
        self.lost = False
        found = self._under_way.pop((stream, number), None)
        if found is None:
            return None
        sent_ns, size = found
        self._bytes -= size
        return now_ns - sent_ns

    def measure(self, took_ns: int, now_ns: int) -> None:
        """Take the acknowledgement time of the newest unit of a Stream."""
        if self.best_ns is None or took_ns <= self.best_ns + self.options.near_ms * _MS:
            self._best_at_ns = now_ns
        if self.best_ns is None or took_ns < self.best_ns:
            self.best_ns = took_ns

    def forget(self, stream: str) -> None:
        """Nobody there watches the Stream any more."""
        for key in [key for key in self._under_way if key[0] == stream]:
            self._bytes -= self._under_way.pop(key)[1]

    def excess_ns(self, now_ns: int) -> int:
        """How much longer than at best the oldest unit is under way; negative while it is in time."""
        if not self._under_way:
            return -self.options.lost_ms * _MS
        sent_ns, _ = next(iter(self._under_way.values()))
        best_ns = self.options.assumed_ms * _MS if self.best_ns is None else self.best_ns
        return now_ns - sent_ns - best_ns

    def look(self, now_ns: int) -> None:
        """Find out whether the line is cut, and whether its best time has to be measured anew."""
        options = self.options
        if self._under_way and now_ns - next(iter(self._under_way.values()))[0] > options.lost_ms * _MS:
            self._under_way.clear()
            self._bytes = 0
            self.lost = True
        if self._draining_ns is not None:
            if not self._under_way or now_ns - self._draining_ns > options.drain_ms * _MS:
                self._draining_ns = self.best_ns = self._best_at_ns = None
        elif self._best_at_ns is not None and now_ns - self._best_at_ns > options.fresh_s * NS_PER_S:
            self._draining_ns = now_ns

    @property
    def draining(self) -> bool:
        """Whether nothing may be sent so that the line runs empty."""
        return self._draining_ns is not None

    def fits(self, size: int, now_ns: int) -> bool:
        """Whether so many bytes may go at once."""
        free = self._bytes + size <= self.options.burst_bytes
        return free and not self.lost and not self.draining and self.excess_ns(now_ns) < self.options.resume_ms[0] * _MS


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
        share = rank(stream, priority)
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
        self._wanted = 2
        self._probed_ns: int | None = None

    def offer(self, *, is_key: bool, size: int, now_ns: int) -> Act:
        """What to do with the next unit of the Stream. What follows a key frame goes only if all before it went."""
        line = self._line
        self._look(now_ns)
        if is_key:
            return self._key(size, now_ns)
        if self.flowing and (line.lost or line.draining or line.excess_ns(now_ns) > self._drop_ns):
            self.flowing = False
        return Act.SEND if self.flowing else Act.SKIP

    def picture(self, now_ns: int) -> bool:
        """Whether a small picture may go, for who asks for nothing else."""
        self._look(now_ns)
        if self._line.lost:
            return self._probe(0, now_ns) is Act.SEND
        return not self._line.draining and self._line.excess_ns(now_ns) < self._keys_ns

    def _look(self, now_ns: int) -> None:
        self._line.look(now_ns)
        if self._line.lost:
            if any(unit.key for unit in self._units):
                self._refuse()
            self._units.clear()

    def _key(self, size: int, now_ns: int) -> Act:
        line, self.flowing = self._line, False
        if line.lost:
            return self._probe(size, now_ns)
        if line.draining:
            return Act.SKIP
        self._probed_ns = None
        excess_ns = line.excess_ns(now_ns)
        if excess_ns >= self._keys_ns:
            if not self.small:
                self._refuse()
            return Act.SKIP
        if self.small:
            return self._small()
        self.flowing = excess_ns < self._resume_ns
        return Act.SEND

    def _probe(self, size: int, now_ns: int) -> Act:
        """The line is cut: a key frame now and then tells when it is back, and all that waits."""
        if self._probed_ns is not None and now_ns - self._probed_ns < self._line.options.lost_ms * _MS // 4:
            return Act.SKIP
        self._probed_ns = now_ns
        self._good = self._wanted
        return Act.SEND if size <= self._line.options.probe_bytes else Act.PICTURE

    def _small(self) -> Act:
        """Small pictures, one under way at a time; after some that came in time a key frame is tried again."""
        if not self.idle:
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
        """A key frame did not go, or came too late: the second in turn asks for small pictures. One that was tried
        between these makes the next trial rarer."""
        self._refused += 1
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
            self.flowing = True
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
        if not self._units:
            self._line.lost = False
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
            self.small, self._wanted = False, 2

    def close(self) -> None:
        """Nobody there watches any more."""
        self._line.forget(self._name)
        self._units.clear()
