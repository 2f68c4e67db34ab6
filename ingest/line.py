"""One zone as this node reaches it over a thin line: what is under way, what it takes, who makes room. Pure.

Shared by all Streams that are watched there (ingest/credit); times are monotonic, given by callers in ns. The leaf
before the line queues without limit and says nothing, so judged is the age of what is unacknowledged, and how long the
line will need for all of it: its rate counts only as measured while it is full, as a policy by any rate starves itself.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from vms.clock import NS_PER_MS, NS_PER_S

_MS = NS_PER_MS
_WINDOW_NS = 1200 * NS_PER_MS
_STAYS_NS = 8 * NS_PER_S
_PAUSE_NS = 1500 * NS_PER_MS
_KEPT_NS = 60 * NS_PER_S
_SQUEEZED_NS = 8 * NS_PER_S


@dataclass(frozen=True, slots=True)
class CreditOptions:
    """Milliseconds beyond the line's best acknowledgement time, each from the least to the most important camera:
    `drop_ms`: above it the Stream is dropped to its next key frame; at a key frame: below `resume_ms` all goes again,
    below `keys_ms` the key frame alone, else nothing. `late_ms`: a key frame that took longer was of no use.
    `lost_ms`: oldest unit unacknowledged so long: the line is cut. `fresh_s`, `near_ms`: when no acknowledgement came
    as near to the best for so long, the line is let run empty for at most `drain_ms` and measured anew: the route may
    have changed. `assumed_ms`: the best before there is any. `squeeze_ms`: above it for `shed_ms` the least important
    of the Streams makes room, then the next; they are let in again one by one, each after the least to the most of
    `wait_s`. `full_ms`: above it the line is full, and its rate can be measured; `rate_s`: how long a rate counts.
    `burst_bytes`: what may be under way after a cached group was sent at once; `probe_bytes`: the largest key frame
    that probes a line that was cut; `trials_max`: the most small pictures before a key frame is tried again."""

    drop_ms: tuple[int, int] = (400, 600)
    resume_ms: tuple[int, int] = (200, 350)
    keys_ms: tuple[int, int] = (1000, 1200)
    late_ms: int = 1300
    lost_ms: int = 4000
    fresh_s: float = 30.0
    near_ms: int = 60
    drain_ms: int = 1500
    assumed_ms: int = 500
    squeeze_ms: int = 280
    shed_ms: int = 100
    wait_s: tuple[int, int] = (2, 16)
    full_ms: int = 200
    burst_bytes: int = 64_000
    probe_bytes: int = 24_000
    trials_max: int = 16


class Rate:
    """Bytes a second of a line: the greatest of short windows of the last minute. While less is sent than the line
    carries that says too little, so it counts once the line was full. A lost packet stops everything behind it for a
    round trip, and then that comes at once: so no window alone, and none shorter than some round trips."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._last_ns = self._bytes = 0
        self._full_ns: int | None = None
        self._rates: deque[tuple[int, int]] = deque()

    def arrived(self, size: int, now_ns: int, *, full: bool) -> None:
        """A unit was acknowledged; these come in heaps. `full`: later than it would from an idle line."""
        if full:
            self._full_ns = now_ns
        if self._since_ns is None or now_ns - self._last_ns > _PAUSE_NS:
            self._since_ns, self._bytes = now_ns, 0
        elif now_ns > self._last_ns and self._last_ns - self._since_ns >= _WINDOW_NS:
            rate = self._bytes * NS_PER_S // (self._last_ns - self._since_ns)
            while self._rates and self._rates[-1][0] <= rate:
                self._rates.pop()
            self._rates.append((rate, now_ns))
            self._since_ns, self._bytes = self._last_ns, 0
        if now_ns > self._since_ns:
            self._bytes += size
        self._last_ns = now_ns

    def known(self, now_ns: int) -> int | None:
        """Bytes a second, None while it is not known."""
        while self._rates and now_ns - self._rates[0][1] > _KEPT_NS:
            self._rates.popleft()
        full = self._full_ns is not None and now_ns - self._full_ns < _KEPT_NS
        return self._rates[0][0] if full and self._rates and self._rates[0][0] else None


class Line:
    """One zone: all that was sent there and is not acknowledged, and the best acknowledgement time."""

    def __init__(self, options: CreditOptions | None = None) -> None:
        self.options = options or CreditOptions()
        self.best_ns: int | None = None
        self.lost = False
        self.losses = 0
        self._best_at_ns: int | None = None
        self._draining_ns: int | None = None
        self._under_way: OrderedDict[tuple[str, int], tuple[int, int]] = OrderedDict()
        self._bytes = 0
        self._probed_ns: int | None = None
        self._rate = Rate()
        self._flows: dict[str, float] = {}
        self._shed: dict[str, float] = {}
        self._wait_ns = self._turn_ns = self._shed_ns = 0
        self._squeezed_ns: int | None = None
        self._tried = False
        self._held: deque[int] = deque()

    def put(self, stream: str, number: int, size: int, now_ns: int) -> None:
        """A unit was sent."""
        self._under_way[stream, number] = (now_ns, size)
        self._bytes += size

    def take(self, stream: str, number: int, now_ns: int) -> int | None:
        """A unit was acknowledged; how long that took, None for one that was given up."""
        found = self._under_way.get((stream, number))
        if found is None:
            return None
        sent_ns, size = found
        full = now_ns - sent_ns - self._best_ns() > self.options.full_ms * _MS
        self._rate.arrived(size, now_ns, full=full)
        del self._under_way[stream, number]
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
        self._flows.pop(stream, None)
        self._shed.pop(stream, None)
        for key in [key for key in self._under_way if key[0] == stream]:
            self._bytes -= self._under_way.pop(key)[1]

    def excess_ns(self, now_ns: int, size: int = 0) -> int:
        """How much longer than at best what is under way takes, with `size` bytes more; negative while it is in time:
        the oldest unit until now, and the newest as far as that can be foreseen."""
        return max(self._old_ns(now_ns), self._foreseen_ns(now_ns, size))

    def is_late(self, limit_ns: int, now_ns: int) -> bool:
        """Whether the oldest unit is beyond a limit, or the newest will be by far: a rate is never quite right. A lost
        packet may hold a line up for a round trip more that carries what waits: that then comes all at once."""
        old_ns, foreseen_ns = self._old_ns(now_ns), self._foreseen_ns(now_ns, 0)
        held_up_ns = self._best_ns() if foreseen_ns < limit_ns else self._best_ns() // 3
        return old_ns > limit_ns + held_up_ns or foreseen_ns > self.options.keys_ms[0] * _MS

    def _foreseen_ns(self, now_ns: int, size: int) -> int:
        rate = self._rate.known(now_ns)
        return (self._bytes + size) * NS_PER_S // rate - self._best_ns() if rate else -self.options.lost_ms * _MS

    def admit(self, stream: str, share: float, now_ns: int) -> bool:
        """Whether a Stream may go on with all. Those that were shed come back one by one, the most important first."""
        if stream in self._shed:
            if share < max(self._shed.values()) or now_ns - self._turn_ns < self._wait_ns:
                return False
            del self._shed[stream]
            if self._tried:
                self._wait_ns //= 2  # the one before it stayed
            self._turn_ns, self._tried = now_ns, True
        self._flows[stream] = share
        return True

    def shed(self, stream: str, now_ns: int) -> bool:
        """Whether a Stream has to make room: the least important of several, one after the other."""
        options = self.options
        known = self._rate.known(now_ns) is not None
        squeezed_ns = self._foreseen_ns(now_ns, 0) if known else self._old_ns(now_ns)
        if squeezed_ns < options.squeeze_ms * _MS:
            self._squeezed_ns = None
            return False
        self._squeezed_ns = self._squeezed_ns or now_ns
        # A lost packet holds all behind it up for a round trip, and one lost again for more: that is no squeeze yet.
        held_up_ns = max(options.shed_ms * _MS, 2 * self._best_ns())
        since_ns, shed_ns = now_ns - self._squeezed_ns, now_ns - self._shed_ns
        if len(self._flows) < 2 or since_ns < held_up_ns or shed_ns < options.shed_ms * _MS:
            return False
        if stream != min(self._flows, key=self._flows.__getitem__):
            return False
        self._shed[stream] = self._flows.pop(stream)
        # Who was let in last was one too many: the next waits longer.
        failed = self._tried and now_ns - self._turn_ns < _STAYS_NS
        wait_ns = self._wait_ns * 2 if failed else self._wait_ns
        self._wait_ns = min(options.wait_s[1] * NS_PER_S, max(options.wait_s[0] * NS_PER_S, wait_ns))
        self._turn_ns = self._shed_ns = now_ns
        self._tried = False
        return True

    def _forget_shed(self) -> None:
        self._shed.clear()
        self._rate = Rate()
        self._wait_ns, self._tried = 0, False
        self._held.clear()

    def held_back(self, now_ns: int) -> None:
        """A Stream could not go on as it should."""
        if not self._held or now_ns - self._held[-1] >= NS_PER_S:
            self._held.append(now_ns)

    def squeezed(self, now_ns: int) -> bool:
        """Whether it holds Streams back again and again: a lost packet may do so once."""
        while self._held and now_ns - self._held[0] > _SQUEEZED_NS:
            self._held.popleft()
        return len(self._held) > 1 and not self.lost

    def is_shed(self, stream: str) -> bool:
        """Whether a Stream made room and was not let in again yet."""
        return stream in self._shed

    def rest(self, stream: str) -> None:
        """A Stream does not go with all now."""
        self._flows.pop(stream, None)

    def _old_ns(self, now_ns: int) -> int:
        if not self._under_way:
            return -self.options.lost_ms * _MS
        sent_ns, _ = next(iter(self._under_way.values()))
        return now_ns - sent_ns - self._best_ns()

    def _best_ns(self) -> int:
        return self.options.assumed_ms * _MS if self.best_ns is None else self.best_ns

    def revive(self) -> None:
        """Somebody over there was heard. Of what went out while the line was cut nobody knows what became of it."""
        if self.lost:
            self._under_way.clear()
            self._bytes = 0
            self.lost = False
            self.losses += 1

    def may_probe(self, now_ns: int) -> bool:
        """On a line that is cut: one probe for all Streams, now and then."""
        if self._probed_ns is not None and now_ns - self._probed_ns < self.options.lost_ms * _MS // 2:
            return False
        self._probed_ns = now_ns
        return True

    def look(self, now_ns: int) -> None:
        """Find out whether the line is cut, and whether its best time has to be measured anew."""
        options = self.options
        if self._under_way and now_ns - next(iter(self._under_way.values()))[0] > options.lost_ms * _MS:
            self._under_way.clear()
            self._bytes = 0
            self.lost = True
            self.losses += 1
            self._forget_shed()  # it was the cut that took long
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
