"""Which nodes there are: each says every 2 s that it is alive and what it is; whoever wants to know listens.

Nothing is kept: a node that was silent for 10 s is not there, and one that speaks again is back. Event loop only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.service import Service

SUBJECT = "node.alive"
EVERY_S = 2.0
SILENT_S = 10.0
LINE_FACT = "line_mbps"
"""Among the facts of a regency's node: what its line carries towards the center, where the settings say so."""
STORES_FACT = "stores"
"""Among them: names of the Stores that the node's settings have."""
Facts = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while a node runs. `site`: id of the Site whose cameras it has, None in the center and on a
    single machine; `zone`: center, or the Site's slug."""

    node: str
    name: str
    zone: str = "center"
    site: str | None = None
    services: tuple[str, ...] = ()
    version: str = ""
    boot_id: str = ""


class Alive(Service):
    """Says that this node is alive. `facts`: what changes, as `spool_ratio` and `streams`; asked each time."""

    name = "alive"

    def __init__(self, *, bus: Bus, clock: Clock, identity: Identity, facts: Facts) -> None:
        super().__init__(clock)
        self._bus, self._identity, self._facts = bus, identity, facts

    async def run_once(self) -> None:
        """Until stopped."""
        self.ready()
        while True:
            self._say()
            if not await self.pause(EVERY_S):
                return

    def _say(self) -> None:
        own = self._identity
        value = {
            **self._facts(),
            "node": own.node,
            "name": own.name,
            "zone": own.zone,
            "site": own.site,
            "services": list(own.services),
            "version": own.version,
            "boot_id": own.boot_id,
            "now_ns": self.clock.now_ns(),
        }
        self._bus.publish(SUBJECT, value)


@dataclass(frozen=True, slots=True)
class Seen:
    """A node as it said last; `heard_ns` wall, `heard_mono_ns` monotonic, both on our clock. `facts`: all it said."""

    identity: Identity
    heard_ns: int
    heard_mono_ns: int
    facts: Value


class Presence:
    """The nodes that were heard, gone ones too. `on_return` is called with a node that is new or was silent."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._seen: dict[str, Seen] = {}
        self._listening: tuple[int, int] | None = None
        self.on_return: Callable[[str], None] = lambda _node: None

    async def listen(self) -> None:
        """Until cancelled."""
        events = self._bus.subscribe(SUBJECT, limit=4096)
        self._listening = self._clock.now_ns(), self._clock.mono_ns()
        try:
            async for _, value in events:
                self.take(value)
        finally:
            events.close()

    def take(self, value: Value) -> None:
        """One `node.alive`."""
        node, site = str(value["node"]), value.get("site")
        returned = not self.is_alive(node)
        identity = Identity(
            node,
            str(value.get("name", "")),
            str(value.get("zone", "center")),
            None if site is None else str(site),
            tuple(str(service) for service in value.get("services", ())),
            str(value.get("version", "")),
            str(value.get("boot_id", "")),
        )
        self._seen[node] = Seen(identity, self._clock.now_ns(), self._clock.mono_ns(), value)
        if returned:
            self.on_return(node)

    def of(self, node: str) -> Seen | None:
        """What a node said last; None for one that was never heard."""
        return self._seen.get(node)

    def is_alive(self, node: str) -> bool:
        """Whether it was heard in the last 10 s."""
        seen = self._seen.get(node)
        return seen is not None and self._clock.mono_ns() - seen.heard_mono_ns <= SILENT_S * NS_PER_S

    def has_listened(self) -> bool:
        """Whether it has been listened for long enough that a node which was not heard is not there."""
        since = self._listening
        return since is not None and self._clock.mono_ns() - since[1] > SILENT_S * NS_PER_S

    def silent_ns(self, node: str) -> int | None:
        """When a node that is not there was heard last (wall time), or since when it was listened for in vain; None for
        one that is there, or may be."""
        if self.is_alive(node):
            return None
        seen = self._seen.get(node)
        if seen is not None:
            return seen.heard_ns
        since = self._listening
        return since[0] if since is not None and self.has_listened() else None

    def nodes(self) -> list[Seen]:
        """All that were ever heard here, by zone and name."""
        return sorted(self._seen.values(), key=lambda seen: (seen.identity.zone, seen.identity.name))

    def zones(self) -> dict[str, list[Seen]]:
        """The nodes that are alive, by zone."""
        found: dict[str, list[Seen]] = {}
        for seen in self.nodes():
            if self.is_alive(seen.identity.node):
                found.setdefault(seen.identity.zone, []).append(seen)
        return found
