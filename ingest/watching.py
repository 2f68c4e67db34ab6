"""Who watches one Stream, from where, until when and how much of it; and what of that goes over a line. Event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.arbiter import Asked, Verdict
from ingest.bridge import QUALITIES, Bridge
from ingest.budget import WEIGHTS, Weight
from vms.bus.base import Value
from vms.bus.hub import HubSubscription
from vms.clock import NS_PER_S
from vms.domain.camera import LineClaim, StreamName, StreamRef
from vms.domain.media import HubItem
from vms.domain.slug import slugify
from vms.errors import InputError

MAX_CREDIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a watcher asks for. `sound`: it listens too; `weight`: it takes the small stream where the line has no room
    for this one; None: this Stream and no other."""

    watcher: str
    zone: str
    quality: str
    credit_s: float
    sound: bool
    weight: Weight | None


@dataclass(slots=True)
class Watching:
    """`orders`: by watcher, with the end of their credit (monotonic); `verdicts`: on the claims of zones beyond the
    line, by zone."""

    stream: StreamRef
    subscription: HubSubscription
    known: tuple[HubItem | None, ...]
    orders: dict[str, tuple[int, Order]] = field(default_factory=dict)
    bridges: dict[str, Bridge] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    def take(self, order: Order, now_ns: int) -> None:
        """A new order, or one renewed."""
        self.orders[order.watcher] = now_ns + int(order.credit_s * NS_PER_S), order

    def expire(self, now_ns: int) -> None:
        """Drop who did not renew, and the bridges that nobody needs any more; the others at the quality wanted."""
        for watcher in [w for w, (until_ns, _) in self.orders.items() if until_ns <= now_ns]:
            del self.orders[watcher]
        wanted: dict[str, int] = {}
        heard: set[str] = set()
        for _, order in self.orders.values():
            if self.may_have(order.zone):
                wanted[order.zone] = max(wanted.get(order.zone, 0), QUALITIES.index(order.quality))
            if order.sound:
                heard.add(order.zone)
        for zone in [zone for zone in self.bridges if zone not in wanted]:
            self.bridges.pop(zone).close()
        for zone, bridge in self.bridges.items():
            bridge.quality = QUALITIES[wanted[zone]]
            bridge.sound = zone in heard

    def may_have(self, zone: str) -> bool:
        """Whether the zone gets the Stream; all do that nobody decides about."""
        verdict = self.verdicts.get(zone)
        return verdict is None or verdict.given

    def asked(self, home: str) -> Iterator[Asked]:
        """What goes over the line, or would."""
        zones: dict[str, list[Weight | None]] = {}
        for _, order in self.orders.values():
            if order.zone != home:
                zones.setdefault(order.zone, []).append(order.weight)
        for zone, weights in zones.items():
            claims = [weight for weight in weights if weight is not None]
            weight = max(claims) if len(claims) == len(weights) else None
            verdict = self.verdicts.get(zone)
            has = zone in self.bridges or (verdict is not None and verdict.given)
            yield Asked(self.stream, zone, weight, has=has)


def stream_of(value: Value) -> StreamRef:
    """The Stream that a subject names."""
    _, _, camera, name = str(value["_subject"]).split(".")
    return StreamRef(camera, StreamName(name))


def order_of(value: Mapping[str, Any], home: str) -> Order:
    """The order of a request. InputError."""
    watcher, quality, credit_s = value.get("watcher"), value.get("quality", "all"), value.get("credit_s")
    zone, claim = value.get("zone", home), value.get("claim")
    if not isinstance(watcher, str) or not watcher or quality not in QUALITIES:
        raise InputError("A watch names its watcher, and the quality all, key or snapshot.")
    if not isinstance(credit_s, int | float) or not 0 < credit_s <= MAX_CREDIT_S:
        raise InputError(f"The credit of a watch is more than 0 and at most {MAX_CREDIT_S:g} seconds.")
    if not isinstance(zone, str) or slugify(zone) != zone:
        raise InputError("The zone of a watch is center or the short name of a site.", field="zone")
    if claim is not None and claim not in [*LineClaim]:
        raise InputError("A claim is large, full or forced.", field="claim")
    weight = None if claim is None else WEIGHTS[LineClaim(claim)]
    return Order(watcher, zone, str(quality), float(credit_s), value.get("sound") is True, weight)
