"""What a Node knows of its Site's Leases and Nodes, and what it should do: no I/O, every time is passed in.

A Lease or a Node of which nothing was heard for the time to live is gone; no event says so. What is known may be old:
only the compare-and-set of the service decides who holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant
from vms.domain.placement import place
from vms.errors import BusError


@dataclass(frozen=True, slots=True)
class LeaseValue:
    """What stands in the service. `alive_ns`: wall time of the holder when it last renewed; `live`: whether the Stream
    gives anything."""

    node: str
    epoch: int
    granted_ns: int
    alive_ns: int
    live: bool = False

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> LeaseValue:
        """BusError where it is none; what a newer version added is left out."""
        try:
            value = json.loads(data)
            epoch, granted_ns, alive_ns = (int(value[name]) for name in ("epoch", "granted_ns", "alive_ns"))
            return cls(str(value["node"]), epoch, granted_ns, alive_ns, bool(value.get("live")))
        except (ValueError, KeyError, TypeError):
            raise BusError("a Lease in the lease service cannot be read") from None


@dataclass(frozen=True, slots=True)
class Member:
    """A Node of the Site: how much it takes, relative to the others, and whether it is about to stop."""

    capacity: int
    leaving: bool = False

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Member:
        """BusError where it is none."""
        try:
            value = json.loads(data)
            return cls(int(value["capacity"]), bool(value.get("leaving")))
        except (ValueError, KeyError, TypeError):
            raise BusError("a Node in the lease service cannot be read") from None


@dataclass(frozen=True, slots=True)
class Known:
    """A Lease as it was last heard of: its revision, and when that was (monotonic)."""

    value: LeaseValue
    revision: int
    heard_ns: int


@dataclass(frozen=True, slots=True)
class Todo:
    """`take`: to be taken at once, nobody records them; `coming`: to be taken from a Node that records them."""

    take: frozenset[StreamRef]
    coming: frozenset[StreamRef]


class LeaseBook:
    """Of the Node `me`."""

    def __init__(self, me: str, ttl_s: float, silent_s: float) -> None:
        """`silent_s`: a Node that did not renew for so long is taken for gone: what it may still record is connected to
        and taken over as from one that lives, before its Leases expire."""
        self._me = me
        self._ttl_ns, self._silent_ns = int(ttl_s * NS_PER_S), int(silent_s * NS_PER_S)
        self._leases: dict[StreamRef, Known] = {}
        self._last: dict[StreamRef, LeaseValue] = {}
        self._members: dict[str, tuple[Member, int]] = {}

    def heard(self, stream: StreamRef, value: LeaseValue, revision: int, mono_ns: int) -> bool:
        """A Lease is so; False for news that are older than what is known."""
        known = self._leases.get(stream)
        if known is not None and revision < known.revision:
            return False
        if known is None or revision > known.revision:
            self._leases[stream] = Known(value, revision, mono_ns)
            self._last[stream] = value
        return True

    def gone(self, stream: StreamRef, revision: int) -> None:
        """It was given back."""
        known = self._leases.get(stream)
        if known is not None and known.revision < revision:
            del self._leases[stream]

    def expired(self, stream: StreamRef) -> None:
        """The service does not have it any more."""
        self._leases.pop(stream, None)

    def member(self, node: str, member: Member | None, mono_ns: int) -> None:
        """A Node is so; None: it left."""
        if member is None:
            self._members.pop(node, None)
        else:
            self._members[node] = (member, mono_ns)

    def known(self, stream: StreamRef) -> Known | None:
        """A Lease as it was last heard of, however long ago."""
        return self._leases.get(stream)

    def holder(self, stream: StreamRef, mono_ns: int) -> LeaseValue | None:
        """Who holds a Stream, as far as is known."""
        known = self._leases.get(stream)
        return known.value if known is not None and mono_ns - known.heard_ns <= self._ttl_ns else None

    def last(self, stream: StreamRef) -> LeaseValue | None:
        """What was last heard of a Stream's Lease, also when it is gone."""
        return self._last.get(stream)

    def others(self, mono_ns: int) -> dict[str, int]:
        """Capacity of the other Nodes that are there and stay."""
        return {
            node: member.capacity
            for node, (member, _) in self._members.items()
            if node != self._me and not member.leaving and not self.is_silent(node, mono_ns)
        }

    def is_silent(self, node: str, mono_ns: int) -> bool:
        """Whether nothing is heard of a Node, though this one hears of itself."""
        return not self._is_heard(node, mono_ns) and self._is_heard(self._me, mono_ns)

    def _is_heard(self, node: str, mono_ns: int) -> bool:
        found = self._members.get(node)
        return found is not None and mono_ns - found[1] <= self._silent_ns

    def todo(self, streams: Collection[StreamRef], held: Collection[StreamRef], capacity: int, mono_ns: int) -> Todo:
        """What to take of all the Streams there are, with the capacity of this Node (0: it stops)."""
        holders: dict[str, str] = {}
        for stream in sorted(streams, key=str):
            value = self.holder(stream, mono_ns)
            node = self._me if stream in held else value.node if value is not None else None
            if node is not None:
                holders.setdefault(stream.camera, node)
        everyone = self.others(mono_ns) | {self._me: capacity}
        placed = place({stream.camera for stream in streams}, everyone, holders)
        take, coming = set(), set()
        for stream in streams:
            if stream in held or placed.get(stream.camera) != self._me:
                continue
            value = self.holder(stream, mono_ns)
            if value is None or value.node == self._me or not value.live:
                take.add(stream)
            else:
                coming.add(stream)
        return Todo(frozenset(take), frozenset(coming))


def grant_of(stream: StreamRef, value: LeaseValue) -> LeaseGrant:
    """The grant a Lease stands for."""
    return LeaseGrant(stream, value.epoch, value.node, value.granted_ns)
