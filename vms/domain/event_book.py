"""From what is wrong now to Events that open once and close when it is over. Pure: one look after the other goes in,
Events to be written come out.

A trouble opens its Event when it has lasted as long as its kind has to; one that returns soon after its end is the same
Event going on, so that what comes and goes does not flood. What nobody can say anything of stays as it was for a while:
after a restart, the Events that were open are continued or closed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vms.clock import NS_PER_S
from vms.domain.camera import StreamName
from vms.domain.event import Event, EventKind, Severity, event_subject, event_thing
from vms.domain.ids import new_id

WAIT_S: Mapping[str, float] = {
    EventKind.CAMERA_DOWN: 10.0,
    EventKind.CLOCK_OFF: 60.0,
    EventKind.BUS_AWAY: 5.0,
    EventKind.CATALOGUE_AWAY: 5.0,
    EventKind.STORE_REFUSING: 10.0,
    EventKind.SITE_CUT_OFF: 5.0,
}
"""How long a trouble lasts before it is an Event; those not named are one at once."""
UNKNOWN_S: Mapping[str, float] = {EventKind.NODE_LOST: 7 * 86_400.0, EventKind.SITE_CUT_OFF: 7 * 86_400.0}
"""How long an Event goes on of which nobody can say anything, where it is longer than for others: after a restart of
the center nothing is heard of a Site that is still cut off, which is just what the Event says."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now, since `since_ns` (wall time). `mark`: where several Nodes see the same, what makes
    their Events one."""

    kind: str
    since_ns: int
    severity: Severity = Severity.WARNING
    site: str | None = None
    camera: str | None = None
    stream: StreamName | None = None
    node: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mark: str = ""

    @property
    def subject(self) -> str:
        """As an Event's."""
        return event_subject(self.kind, self.site, self.camera, self.node, event_thing(self.params))


@dataclass(frozen=True, slots=True)
class Look:
    """What one source sees: what is wrong, and the subjects that are well. `passing` had their end by the time anyone
    looked: they are Events all the same."""

    troubles: tuple[Trouble, ...] = ()
    well: frozenset[str] = frozenset()
    passing: tuple[Trouble, ...] = ()


@dataclass(slots=True)
class _Since:
    mono_ns: int
    wall_ns: int


@dataclass(slots=True)
class _Open:
    event: Event
    known_ns: int
    told_ns: int


class EventBook:
    """The Events of one teller. `make_id` gets a trouble's mark. Times of waiting are monotonic."""

    def __init__(
        self,
        teller: str,
        *,
        waits: Mapping[str, float] = WAIT_S,
        again_s: float = 60.0,
        unknown_s: float = 30.0,
        change_s: float = 10.0,
        make_id: Callable[[Trouble], str] = lambda _trouble: new_id(),
    ) -> None:
        self._teller, self._waits, self._make_id = teller, waits, make_id
        self._again_ns, self._unknown_ns = int(again_s * NS_PER_S), int(unknown_s * NS_PER_S)
        self._change_ns = int(change_s * NS_PER_S)
        self._since: dict[str, _Since] = {}
        self._open: dict[str, _Open] = {}
        self._ended: dict[str, tuple[Event, int]] = {}

    def open(self) -> list[Event]:
        """Those that go on."""
        return [entry.event for entry in self._open.values()]

    def adopt(self, events: Iterable[Event], now_ns: int, mono_ns: int) -> list[Event]:
        """Go on with Events that were open when this teller (or, of far kinds, another) ended. Several about one
        subject are one too many: the newest stays."""
        changed = []
        for event in sorted(events, key=lambda one: one.start_ns):
            older = self._open.get(event.subject)
            if older is not None and older.event.id != event.id:
                changed.append(_ended(older.event, now_ns))
            self._open[event.subject] = _Open(event, mono_ns, mono_ns)
        return changed

    def look(self, looks: Iterable[Look], now_ns: int, mono_ns: int) -> list[Event]:
        """What is now to be written: Events opened, changed, continued and closed."""
        self._ended = {key: one for key, one in self._ended.items() if mono_ns - one[1] <= self._again_ns}
        changed: list[Event] = []
        wrong: set[str] = set()
        well: set[str] = set()
        for look in looks:
            well |= look.well
            for trouble in look.passing:
                changed += self._pass(trouble, now_ns, mono_ns)
            for trouble in look.troubles:
                wrong.add(trouble.subject)
                changed += self._wrong(trouble, now_ns, mono_ns)
        for subject in well - wrong:
            self._since.pop(subject, None)
        changed += self._over(wrong, well, now_ns, mono_ns)
        return changed

    def _wrong(self, trouble: Trouble, now_ns: int, mono_ns: int) -> list[Event]:
        subject = trouble.subject
        since = self._since.setdefault(subject, _Since(mono_ns, min(trouble.since_ns, now_ns)))
        entry = self._open.get(subject)
        if entry is not None:
            entry.known_ns = mono_ns
            return self._changed(entry, trouble, mono_ns)
        if mono_ns - since.mono_ns < int(self._waits.get(trouble.kind, 0.0) * NS_PER_S):
            return []
        event = self._begun(trouble, since.wall_ns)
        self._open[subject] = _Open(event, mono_ns, mono_ns)
        return [event]

    def _begun(self, trouble: Trouble, since_ns: int) -> Event:
        before = self._ended.pop(trouble.subject, None)
        if before is not None:
            event = before[0]
            params = {**trouble.params, "times": int(event.params.get("times", 1)) + 1}
            return replace(event, end_ns=None, severity=trouble.severity, params=params, rev=event.rev + 1)
        return Event(
            self._make_id(trouble),
            trouble.kind,
            self._teller,
            since_ns,
            None,
            trouble.severity,
            trouble.site,
            trouble.camera,
            trouble.stream,
            trouble.node,
            dict(trouble.params),
        )

    def _pass(self, trouble: Trouble, now_ns: int, mono_ns: int) -> list[Event]:
        if trouble.subject in self._open:
            return []
        begun = self._begun(trouble, min(trouble.since_ns, now_ns))
        event = replace(begun, end_ns=max(now_ns, begun.start_ns + 1))
        self._ended[trouble.subject] = (event, mono_ns)
        return [event]

    def _changed(self, entry: _Open, trouble: Trouble, mono_ns: int) -> list[Event]:
        event = entry.event
        times = {"times": event.params["times"]} if "times" in event.params else {}
        params = {**trouble.params, **times}
        if (event.severity, event.stream, dict(event.params)) == (trouble.severity, trouble.stream, params):
            return []
        if mono_ns - entry.told_ns < self._change_ns and trouble.severity is event.severity:
            return []
        entry.told_ns = mono_ns
        entry.event = replace(event, severity=trouble.severity, stream=trouble.stream, params=params, rev=event.rev + 1)
        return [entry.event]

    def _over(self, wrong: Collection[str], well: Collection[str], now_ns: int, mono_ns: int) -> list[Event]:
        changed = []
        for subject, entry in list(self._open.items()):
            if subject in wrong or (subject not in well and mono_ns - entry.known_ns < self._patience_ns(entry.event)):
                continue
            event = _ended(entry.event, now_ns)
            changed.append(event)
            del self._open[subject]
            self._since.pop(subject, None)
            self._ended[subject] = (event, mono_ns)
        return changed

    def _patience_ns(self, event: Event) -> int:
        return max(self._unknown_ns, int(UNKNOWN_S.get(event.kind, 0.0) * NS_PER_S))


def _ended(event: Event, at_ns: int) -> Event:
    return replace(event, end_ns=max(at_ns, event.start_ns + 1), rev=event.rev + 1)
