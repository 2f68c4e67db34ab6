"""What is wrong now, as one node sees it: its cameras, its bus, its clock; and in the center, other nodes and Sites.

Each source is asked once a second on the event loop and answers at once from what it has heard; what makes Events of it
is vms/domain/event_book.py. Disk and Stores are the recorder's to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import StreamName
from vms.domain.event import EventKind, Severity, event_subject
from vms.domain.event_book import Look, Trouble
from vms.domain.media import StreamCondition, StreamState
from vms.sync.presence import SILENT_S, Presence, Seen

CLOCK_OFF_NS = 1 * NS_PER_S
FAR_CLOCK_OFF_NS = 2 * NS_PER_S
"""More than a bad line delays every one of five messages."""
_FINE = frozenset({StreamCondition.LIVE, StreamCondition.DISABLED})
_STEADY = 5


class Source(Protocol):
    """Sees one kind of thing."""

    def look(self) -> Look:
        """What is wrong now, and what is well."""


class CameraTroubles:
    """Cameras of the Streams this node has. One that is tried again is as it was: a try tells nothing. `states`: of the
    hub; `site_of`: a Camera's Site, None where it is not known."""

    def __init__(
        self, states: Callable[[], Iterable[StreamState]], site_of: Callable[[str], str | None], node: str
    ) -> None:
        self._states, self._site_of, self._node = states, site_of, node

    def look(self) -> Look:
        """One trouble a camera, however many of its Streams are down."""
        cameras: dict[str, list[StreamState]] = {}
        for state in self._states():
            cameras.setdefault(state.stream.camera, []).append(state)
        troubles, well = [], set()
        for camera, states in cameras.items():
            down = [state for state in states if _is_down(state)]
            if down:
                troubles.append(self._trouble(camera, states, down))
            elif all(state.condition in _FINE for state in states):
                well.add(event_subject(EventKind.CAMERA_DOWN, None, camera, None))
        return Look(tuple(troubles), frozenset(well))

    def _trouble(self, camera: str, states: list[StreamState], down: list[StreamState]) -> Trouble:
        worst = min(down, key=lambda state: (state.stream.name is not StreamName.MAIN, state.since_ns))
        only = worst.stream.name if len(down) < len(states) else None
        return Trouble(
            EventKind.CAMERA_DOWN,
            min(state.since_ns for state in down),
            Severity.NOTICE if only is StreamName.SUB else Severity.ALARM,
            self._site_of(camera),
            camera,
            only,
            self._node,
            {"cause": worst.cause or worst.condition.value},
        )


def _is_down(state: StreamState) -> bool:
    """Where a live connection broke the Stream is connecting, and has a cause."""
    return state.condition not in _FINE and (state.condition is not StreamCondition.CONNECTING or bool(state.cause))


class BusTroubles:
    """The connection to NATS."""

    def __init__(self, connected: Callable[[], bool], clock: Clock, site: Callable[[], str | None], node: str) -> None:
        self._connected, self._clock, self._site, self._node = connected, clock, site, node

    def look(self) -> Look:
        """Away or there."""
        if self._connected():
            return Look(well=frozenset({event_subject(EventKind.BUS_AWAY, None, None, self._node)}))
        now_ns = self._clock.now_ns()
        trouble = Trouble(EventKind.BUS_AWAY, now_ns, Severity.WARNING, self._site(), node=self._node)
        return Look((trouble,))


class ClockTroubles:
    """The machine's clock. `state`: (whether the kernel holds it for synchronized, the offset it corrects in ns)."""

    def __init__(
        self,
        state: Callable[[], tuple[bool, int | None]],
        clock: Clock,
        site: Callable[[], str | None],
        node: str,
    ) -> None:
        self._state, self._clock, self._site, self._node = state, clock, site, node

    def look(self) -> Look:
        """Off by more than a second, or held by nothing."""
        in_sync, offset_ns = self._state()
        off = offset_ns is not None and abs(offset_ns) > CLOCK_OFF_NS
        if in_sync and not off:
            return Look(well=frozenset({event_subject(EventKind.CLOCK_OFF, None, None, self._node)}))
        severity = Severity.WARNING if off else Severity.NOTICE
        params = {"cause": "offset", "offset_ms": _coarse_ms(offset_ns)} if off else {"cause": "not_synchronized"}
        now_ns = self._clock.now_ns()
        return Look((Trouble(EventKind.CLOCK_OFF, now_ns, severity, self._site(), node=self._node, params=params),))


def _coarse_ms(offset_ns: int | None) -> int:
    """To half a second: an Event is not written anew for each millisecond."""
    return round((offset_ns or 0) / (500 * NS_PER_MS)) * 500


class FarTroubles:
    """In the center: nodes that are silent, whose clock is off, and Sites that are cut off. `reached`: whether the
    domain of a Site (slug) answered last; `sites`: ids by slug. A Site that does not answer is cut off, and its nodes
    are not lost: nobody can know. Only nodes that were heard since the start count, so that one that was taken away is
    not missed for ever."""

    def __init__(
        self,
        presence: Presence,
        clock: Clock,
        reached: Callable[[], Mapping[str, bool]],
        sites: Callable[[], Mapping[str, str]],
        center: str,
    ) -> None:
        self._presence, self._clock, self._center = presence, clock, center
        self._reached, self._sites = reached, sites
        self._cut_ns: dict[str, int] = {}
        self._answered: set[str] = set()
        self._offsets: dict[str, tuple[int, list[int]]] = {}

    def look(self) -> Look:
        """All others."""
        zones: dict[str, list[Seen]] = {}
        for seen in self._presence.nodes():
            zones.setdefault(seen.identity.zone, []).append(seen)
        reached, troubles, well = self._reached(), list[Trouble](), set[str]()
        self._answered |= {slug for slug, answers in reached.items() if answers}
        sites = self._sites()
        for zone in sorted(zones.keys() | self._answered):
            site, nodes = sites.get(zone), zones.get(zone, [])
            if site is not None and zone != self._center and self._is_cut(zone, nodes, reached):
                troubles.append(self._cut(zone, site, nodes))
                continue
            self._cut_ns.pop(zone, None)
            well.add(event_subject(EventKind.SITE_CUT_OFF, site, None, None))
            for seen in nodes:
                self._node(seen, site, troubles, well)
        return Look(tuple(troubles), frozenset(well))

    def _is_cut(self, zone: str, nodes: list[Seen], reached: Mapping[str, bool]) -> bool:
        """Nothing of it is heard, and its domain does not answer."""
        return not reached.get(zone, False) and not any(self._alive(seen) for seen in nodes)

    def _cut(self, zone: str, site: str | None, nodes: list[Seen]) -> Trouble:
        heard = max((seen.heard_ns for seen in nodes), default=None)
        since_ns = self._cut_ns.setdefault(zone, heard if heard is not None else self._clock.now_ns())
        mark = str(max((int(seen.facts.get("now_ns", 0)) for seen in nodes), default=0))
        return Trouble(
            EventKind.SITE_CUT_OFF,
            since_ns,
            Severity.ALARM,
            site,
            params={"zone": zone, "nodes": len(nodes)},
            mark=mark if nodes else "",
        )

    def _node(self, seen: Seen, site: str | None, troubles: list[Trouble], well: set[str]) -> None:
        node, name = seen.identity.node, {"node": seen.identity.name}
        if not self._alive(seen):
            self._offsets.pop(node, None)
            mark = str(seen.facts.get("now_ns", ""))
            lost = Trouble(EventKind.NODE_LOST, seen.heard_ns, Severity.ALARM, site, node=node, params=name, mark=mark)
            troubles.append(lost)
            return
        well.add(event_subject(EventKind.NODE_LOST, None, None, node))
        self._learn(seen)
        offset_ns = self.offset_ns(node)
        if offset_ns is None:
            return
        if abs(offset_ns) <= FAR_CLOCK_OFF_NS:
            well.add(event_subject(EventKind.CLOCK_OFF, None, None, node))
            return
        params = {**name, "cause": "offset", "offset_ms": _coarse_ms(offset_ns)}
        now_ns = self._clock.now_ns()
        troubles.append(Trouble(EventKind.CLOCK_OFF, now_ns, Severity.WARNING, site, node=node, params=params))

    def _learn(self, seen: Seen) -> None:
        """What its clock says beside ours: later messages overwrite; the least of five is the way's own time off."""
        said = int(seen.facts.get("now_ns", 0))
        last, offsets = self._offsets.get(seen.identity.node, (0, []))
        if said and said != last:
            self._offsets[seen.identity.node] = said, [*offsets, said - seen.heard_ns][-_STEADY:]

    def offset_ns(self, node: str) -> int | None:
        """How far a node's clock is ahead of ours, the way of a message left in; None: not known yet."""
        _, offsets = self._offsets.get(node, (0, []))
        return min(offsets, key=abs) if len(offsets) == _STEADY else None

    def _alive(self, seen: Seen) -> bool:
        return self._clock.mono_ns() - seen.heard_mono_ns <= SILENT_S * NS_PER_S
