"""Rules: which Events become Alarms, and when. Pure: one Event against one Rule.

An Event that goes on becomes an Alarm at the first moment when it has lasted long enough and the Rule's schedule holds;
what was over before never does. That moment follows from the two alone, whenever one looks: so nothing is raised twice,
and nothing is missed by who looks late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.event import Event, EventKind
from vms.domain.schedule import Schedule
from vms.errors import InputError

PRIORITIES = (1, 2, 3)
"""1: somebody must act at once; 3: to be looked at."""
LONGEST_S = 86_400
ALWAYS = Schedule()


@dataclass(frozen=True, slots=True)
class Rule:
    """Events of `kinds`, about `cameras` or below `sites` (both empty: everywhere), of motion only in `areas` (empty:
    in any), that last `min_duration_s` while `schedule` holds. `since_ns`: from when on it holds; what was over by then
    is not looked at. `sound`, `alarm_tile`, `displays`: how its Alarms are shown; on those Displays for `display_s`, 0:
    until somebody acknowledges. What happens again within `cooldown_s` of an acknowledgement is no new Alarm.
    InputError where it could never raise one."""

    id: str
    name: str
    kinds: tuple[str, ...]
    enabled: bool = True
    sites: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    schedule: Schedule = ALWAYS
    min_duration_s: int = 0
    priority: int = 2
    sound: bool = True
    alarm_tile: bool = True
    displays: tuple[str, ...] = ()
    display_s: int = 0
    cooldown_s: int = 300
    since_ns: int = 0
    rev: int = 1

    def __post_init__(self) -> None:
        if not self.kinds:
            raise InputError("A rule needs a kind of event.", field="kinds", reason="rule_kinds")
        if self.priority not in PRIORITIES:
            raise InputError("A priority is 1, 2 or 3.", field="priority", reason="rule_priority")
        for name in ("min_duration_s", "display_s", "cooldown_s"):
            if not 0 <= getattr(self, name) <= LONGEST_S:
                raise InputError(f"{name} is 0 to {LONGEST_S} seconds.", field=name, reason="rule_seconds")

    def concerns(self, event: Event, above: Collection[str]) -> bool:
        """Whether such an Event is its business. `above`: ids of the Event's Site and of those above it."""
        if not self.enabled or event.kind not in self.kinds:
            return False
        if event.kind == EventKind.MOTION and self.areas and event.params.get("area") not in self.areas:
            return False
        if not self.sites and not self.cameras:
            return True
        return event.camera in self.cameras or any(site in self.sites for site in above)

    def due_ns(self, event: Event) -> int | None:
        """When an Event that concerns it becomes an Alarm; None: it ended before. Of one that goes on the moment may be
        still to come."""
        lasted_ns = event.start_ns + self.min_duration_s * NS_PER_S
        due_ns = self.schedule.next_ns(max(lasted_ns, self.since_ns))
        return due_ns if event.end_ns is None or due_ns < event.end_ns else None

    def looks_for(self) -> tuple[object, ...]:
        """What says which Events are its business; where this changes, it begins anew."""
        return (
            self.enabled, self.kinds, self.sites, self.cameras, self.areas, self.schedule, self.min_duration_s,
        )  # fmt: skip


def subject_of(event: Event) -> str:
    """What an Alarm of it is about: one Rule has one Alarm at a time about each."""
    return event.camera or event.node or event.site or ""


def raised_by(rule: Rule, events: Iterable[Event], from_ns: int, to_ns: int) -> list[int]:
    """When the Rule would have raised Alarms in [from_ns, to_ns) on these Events that concern it, each acknowledged as
    it came: what a person is shown before the Rule is kept."""
    dues = []
    for event in events:
        due_ns = rule.due_ns(event)
        if due_ns is not None and from_ns <= due_ns < to_ns:
            dues.append((due_ns, subject_of(event)))
    raised: list[int] = []
    last: dict[str, int] = {}
    for due_ns, subject in sorted(dues):
        if subject in last and due_ns < last[subject] + rule.cooldown_s * NS_PER_S:
            continue
        last[subject] = due_ns
        raised.append(due_ns)
    return raised


def default_rules(make_id: Iterable[str], since_ns: int) -> list[Rule]:
    """What a new installation begins with; an admin changes it."""
    ids = iter(make_id)
    kind = EventKind
    disks = (kind.DISK_ERROR, kind.SPOOL_FILLING, kind.SPOOL_FULL)
    pictures = (kind.PICTURE_COVERED, kind.PICTURE_MOVED)
    return [
        Rule(next(ids), "Kamera putus", (kind.CAMERA_DOWN,), min_duration_s=30, priority=2, since_ns=since_ns),
        Rule(next(ids), "Kamera tertutup atau arahnya berubah", pictures, priority=2, since_ns=since_ns),
        Rule(next(ids), "Disk dan penyimpanan sementara", disks, priority=1, alarm_tile=False, since_ns=since_ns),
    ]
