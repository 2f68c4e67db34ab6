"""Who gets a large stream (`main`) on a Site's line, and who its small one (DESIGN §7). Pure.

Small streams are there first; what is left goes to claims by rank: forced by an operator, enlarged, large; then by the
camera's priority; then to who has it already. Who has it keeps it until it no longer fits by a margin, and a newcomer
must fit by one, so that nothing flaps. A line that turns out to carry less than was said, or of which nobody said what
it carries, is tried: the last in rank goes, and comes back after a wait that doubles each time that was too much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum

from vms.clock import NS_PER_S
from vms.domain.camera import LineClaim


class Weight(IntEnum):
    """How much a tile wants it."""

    LARGE = 1
    FULL = 2
    FORCED = 3


WEIGHTS = {claim: Weight[claim.name] for claim in LineClaim}


@dataclass(frozen=True, slots=True)
class Claim:
    """A zone that wants a Stream in place of a smaller one. `key` names both; `extra_bytes_s`: what it takes more than
    what the tile shows else; `has`: it has it now."""

    key: str
    weight: Weight
    priority: int
    extra_bytes_s: int
    has: bool = False


@dataclass(frozen=True, slots=True)
class BudgetOptions:
    """`share`: of the line, for live video; the rest is for rows, requests and uploads. `margin`: of the room, by which
    a newcomer must fit, and by which who has it may be over. `squeeze_s`: a line that holds video back for so long is
    too full; `settle_s`: before another goes; `wait_s`: first and longest wait before more is tried; `stays_s`: what
    went well for so long was no mistake."""

    share: float = 0.75
    margin: float = 0.1
    squeeze_s: float = 1.5
    settle_s: float = 4.0
    wait_s: tuple[float, float] = (20.0, 600.0)
    stays_s: float = 60.0


def in_rank(claims: Iterable[Claim]) -> list[Claim]:
    """The first is served first; the same on every node that knows the same claims."""
    return sorted(claims, key=lambda claim: (-claim.weight, -claim.priority, not claim.has, claim.key))


def choose(claims: Iterable[Claim], room_bytes_s: float | None, margin: float) -> frozenset[str]:
    """Which claims fit into the room, None: without limit. What is forced is given whatever it costs, and counts."""
    given = set[str]()
    spare = 0.0 if room_bytes_s is None else max(0.0, room_bytes_s) * margin
    left = room_bytes_s
    for claim in in_rank(claims):
        if left is None:
            given.add(claim.key)
            continue
        limit = left + spare if claim.has else left - spare
        if claim.weight is Weight.FORCED or claim.extra_bytes_s <= limit:
            given.add(claim.key)
            left -= claim.extra_bytes_s
    return frozenset(given)


@dataclass(slots=True)
class Budget:
    """Of one line, over time. `line_bytes_s`: what it is said to carry, None: nobody said. `why`: why a claim is not
    given, if one is not: `full`, or `squeezed`, where less than that turned out to be too much."""

    line_bytes_s: float | None
    options: BudgetOptions = field(default_factory=BudgetOptions)
    why: str = "full"
    _given: frozenset[str] = frozenset()
    _ceiling: float | None = None
    _lift_ns: int = 0
    _wait_s: float = 0.0
    _squeezed_ns: int | None = None
    _sent_ns: int | None = None
    _lifted_ns: int | None = None

    def decide(
        self, claims: Collection[Claim], base_bytes_s: float, now_ns: int, *, squeezed: bool = False, cut: bool = False
    ) -> frozenset[str]:
        """Keys of the claims that are given. `base_bytes_s`: of all that is watched over the line whatever is decided;
        `squeezed`: the line holds video back; `cut`: it is cut, which says nothing of what it carries."""
        if cut:
            self._squeezed_ns = None
            self._given &= {claim.key for claim in claims}
            return self._given
        if squeezed:
            claims = self._lower(claims, base_bytes_s, now_ns)
        else:
            self._squeezed_ns = None
            if self._ceiling is not None and now_ns >= self._lift_ns:
                self._lift(claims, base_bytes_s, now_ns)
        said = None if self.line_bytes_s is None else self.line_bytes_s * self.options.share
        limits = [limit for limit in (said, self._ceiling) if limit is not None]
        self.why = "squeezed" if self._ceiling is not None and self._ceiling == min(limits) else "full"
        room = min(limits) - base_bytes_s if limits else None
        self._given = choose(claims, room, self.options.margin)
        return self._given

    def _load(self, claims: Iterable[Claim], base_bytes_s: float) -> float:
        return base_bytes_s + sum(claim.extra_bytes_s for claim in claims if claim.key in self._given)

    def _lower(self, claims: Collection[Claim], base_bytes_s: float, now_ns: int) -> Collection[Claim]:
        """Send the last in rank away once the line was too full for long enough; the claims as they are then."""
        options = self.options
        if self._squeezed_ns is None:
            self._squeezed_ns = now_ns
        settled = self._sent_ns is None or now_ns - self._sent_ns >= options.settle_s * NS_PER_S
        optional = [claim for claim in in_rank(claims) if claim.has and claim.weight is not Weight.FORCED]
        if not optional or not settled or now_ns - self._squeezed_ns < options.squeeze_s * NS_PER_S:
            return claims
        if self._ceiling is None or self._lifted_ns is not None:
            first, longest = options.wait_s
            soon = self._lifted_ns is not None and now_ns - self._lifted_ns < options.stays_s * NS_PER_S
            self._wait_s = min(longest, self._wait_s * 2) if soon else first
        last = optional[-1]
        self._ceiling = self._load(claims, base_bytes_s) - last.extra_bytes_s
        self._sent_ns, self._lifted_ns = now_ns, None
        self._lift_ns = now_ns + round(self._wait_s * NS_PER_S)
        return [replace(claim, has=False) if claim.key == last.key else claim for claim in claims]

    def _lift(self, claims: Collection[Claim], base_bytes_s: float, now_ns: int) -> None:
        """Let the first of those that wait in, and the next a while later; without a ceiling where nobody waits."""
        waiting = [claim for claim in in_rank(claims) if claim.key not in self._given]
        self._lifted_ns = now_ns
        if not waiting:
            self._ceiling = None
            return
        wanted = self._load(claims, base_bytes_s) - base_bytes_s + waiting[0].extra_bytes_s
        self._ceiling = base_bytes_s + (wanted + 1) / (1 - self.options.margin)
        self._lift_ns = now_ns + round(2 * self.options.settle_s * NS_PER_S)
