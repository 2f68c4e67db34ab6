"""The arbiter of a Site's line: which large streams cross it (ingest/budget). Event loop only.

Each node of the Site asks for what is watched of its own cameras, and tells the others; all reckon with the same claims
and come to the same end, each for its own. On a single machine, and at the center, there is no line and no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ingest.budget import Budget, BudgetOptions, Claim, Weight
from vms import metrics
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef

_OTHERS_NS = 6 * NS_PER_S
_TELL_S = 2.0
# Before a camera was measured.
_ASSUMED = {StreamName.MAIN: 500_000, StreamName.SUB: 60_000}


@dataclass(frozen=True, slots=True)
class LineOptions:
    """`bytes_s`: what the Site's line is said to carry towards the center, None: nobody said."""

    bytes_s: float | None = None
    budget: BudgetOptions = field(default_factory=BudgetOptions)


@dataclass(frozen=True, slots=True)
class Asked:
    """A zone beyond the line asks for a Stream: whatever else is watched (`weight` None), or as far as it fits; `has`:
    it has it now."""

    stream: StreamRef
    zone: str
    weight: Weight | None = None
    has: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a claim is told, with its reasons: `why` full or squeezed where it is not given. Bytes a second: `bytes_s`
    of the Stream, `small_bytes_s` of the small one, `used_bytes_s` of all that crosses the line now, `line_bytes_s` of
    what may."""

    given: bool
    why: str
    forced: bool
    bytes_s: int
    small_bytes_s: int
    used_bytes_s: int
    line_bytes_s: int | None

    def as_value(self) -> dict[str, Any]:
        """For the bus."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class _Other:
    heard_ns: int
    base_bytes_s: float
    squeezed: bool
    cut: bool
    claims: list[Claim]


class Arbiter:
    """One per node. `rate_of`: bytes a second of a Stream as measured, None while unknown; `priority_of`: as ingest.
    credit has it; `exists`: whether there is such a Stream."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        node: str,
        zone: str,
        rate_of: Callable[[StreamRef], float | None],
        priority_of: Callable[[StreamRef], int],
        exists: Callable[[StreamRef], bool],
        options: LineOptions,
    ) -> None:
        self._bus, self._clock, self._node = bus, clock, node
        self._rate_of, self._priority_of, self._exists = rate_of, priority_of, exists
        self._budget = Budget(options.bytes_s, options.budget)
        self._line_bytes_s = None if options.bytes_s is None else int(options.bytes_s * options.budget.share)
        self._others: dict[str, _Other] = {}
        self._told: tuple[Any, ...] = ()
        self._told_ns = 0
        self.subject = f"line.claims.{zone}"

    def decide(self, asked: Iterable[Asked], *, squeezed: bool, cut: bool) -> dict[StreamRef, dict[str, Verdict]]:
        """The verdict on each of this node's claims, by Stream and zone. To be asked often."""
        everything, now_ns = list(asked), self._clock.mono_ns()
        plain = {(each.stream, each.zone) for each in everything if each.weight is None}
        base = float(sum(self._bytes_s(stream) for stream, _ in plain))
        own: dict[str, Asked] = {}
        claims: list[Claim] = []
        for each in everything:
            if each.weight is None or (each.stream, each.zone) in plain:
                continue
            small = 0 if self._small(each) in plain else self._small_bytes_s(each.stream)
            base += small
            extra = max(1, self._bytes_s(each.stream) - small)
            key = f"{each.stream}@{each.zone}"
            own[key] = each
            claims.append(Claim(key, each.weight, self._priority_of(each.stream), extra, each.has))
        self._tell(base, claims, now_ns, squeezed=squeezed, cut=cut)
        others = [each for each in self._others.values() if now_ns - each.heard_ns <= _OTHERS_NS]
        claims += [claim for other in others for claim in other.claims]
        base += sum(other.base_bytes_s for other in others)
        squeezed = squeezed or any(other.squeezed for other in others)
        cut = cut or any(other.cut for other in others)
        given = self._budget.decide(claims, base, now_ns, squeezed=squeezed, cut=cut)
        used = int(base + sum(claim.extra_bytes_s for claim in claims if claim.key in given))
        metrics.LINE_MAINS.labels("yes").set(sum(key in given for key in own))
        metrics.LINE_MAINS.labels("no").set(sum(key not in given for key in own))
        verdicts: dict[StreamRef, dict[str, Verdict]] = {}
        for key, each in own.items():
            verdicts.setdefault(each.stream, {})[each.zone] = self._verdict(each, used, given=key in given)
        return verdicts

    def _verdict(self, asked: Asked, used: int, *, given: bool) -> Verdict:
        return Verdict(
            given=given,
            why="" if given else self._budget.why,
            forced=asked.weight is Weight.FORCED,
            bytes_s=self._bytes_s(asked.stream),
            small_bytes_s=self._small_bytes_s(asked.stream),
            used_bytes_s=used,
            line_bytes_s=self._line_bytes_s,
        )

    @staticmethod
    def _small(asked: Asked) -> tuple[StreamRef, str]:
        return StreamRef(asked.stream.camera, StreamName.SUB), asked.zone

    def _bytes_s(self, stream: StreamRef) -> int:
        measured = self._rate_of(stream)
        return _ASSUMED[stream.name] if measured is None else int(measured)

    def _small_bytes_s(self, stream: StreamRef) -> int:
        small = StreamRef(stream.camera, StreamName.SUB)
        return self._bytes_s(small) if stream.name is StreamName.MAIN and self._exists(small) else 0

    def _tell(self, base: float, claims: list[Claim], now_ns: int, *, squeezed: bool, cut: bool) -> None:
        """The other nodes of the Site: what is new at once, else every two seconds; nothing where nothing is asked."""
        state = (squeezed, cut, tuple((claim.key, claim.weight, claim.has) for claim in claims))
        if not base and not claims and not self._told:
            return
        if state == self._told and now_ns - self._told_ns < _TELL_S * NS_PER_S:
            return
        self._told, self._told_ns = state if base or claims else (), now_ns
        rows = [[each.key, int(each.weight), each.priority, each.extra_bytes_s, each.has] for each in claims]
        value = {"node": self._node, "base": base, "squeezed": squeezed, "cut": cut, "claims": rows}
        self._bus.publish(self.subject, value)

    def hear(self, value: Value) -> None:
        """What another node of the Site told; what cannot be read, as of another version, is passed over."""
        node = str(value.get("node", self._node))
        if node == self._node:
            return
        try:
            claims = [
                Claim(str(key), Weight(weight), int(priority), int(extra), bool(has))
                for key, weight, priority, extra, has in value["claims"]
            ]
            base = float(value["base"])
        except (KeyError, TypeError, ValueError):
            return
        now_ns = self._clock.mono_ns()
        self._others = {name: other for name, other in self._others.items() if now_ns - other.heard_ns <= _OTHERS_NS}
        self._others[node] = _Other(now_ns, base, value.get("squeezed") is True, value.get("cut") is True, claims)
