"""Alarms: an Event that wants a person, from being raised to its end. Pure.

It is *raised* until somebody acknowledges it, *acknowledged* while its cause goes on, *closed* when both are done. A
cause that ends by itself leaves it raised: somebody has to have seen it.

An Event that was over long before anybody could hear of it (a site was cut off) raises an Alarm that is *late*: it
stands in the list and the log, and takes neither ears nor screens for what is past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vms.clock import NS_PER_S
from vms.domain.event import Event
from vms.domain.rule import Rule, subject_of
from vms.errors import ConflictError

BY_HAND = "by_hand"
"""Kind of an Alarm that a person raised."""
NOTE_MAX = 500
LATE_NS = 600 * NS_PER_S
"""What has been over for so long when it is raised is late."""
FOR_EVER_NS = (1 << 63) - 1


class AlarmState(StrEnum):
    """See the head of the module."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Alarm:
    """`rule`, `event`: what raised it, None where a person (`raised_by`) did, with `note`. `event` is the newest of its
    `times`; `again_ns` when that came. `rule_name`, `sound`, `alarm_tile`, `displays`: as the Rule had them, of what is
    `late` none. `displays_until_ns`: until when it may be on those Displays, None: on none. `over_ns`: when the cause
    ended, None while it goes on."""

    id: str
    kind: str
    priority: int
    raised_ns: int
    again_ns: int
    rule: str | None = None
    rule_name: str = ""
    event: str | None = None
    subject: str = ""
    site: str | None = None
    camera: str | None = None
    node: str | None = None
    raised_by: str | None = None
    note: str = ""
    sound: bool = True
    alarm_tile: bool = True
    late: bool = False
    displays: tuple[str, ...] = ()
    displays_until_ns: int | None = None
    times: int = 1
    acknowledged_by: str | None = None
    acknowledged_ns: int | None = None
    acknowledged_note: str = ""
    over_ns: int | None = None
    rev: int = 1

    @property
    def state(self) -> AlarmState:
        """Where it is in its life."""
        if self.acknowledged_ns is None:
            return AlarmState.RAISED
        return AlarmState.ACKNOWLEDGED if self.over_ns is None else AlarmState.CLOSED

    @property
    def closed_ns(self) -> int | None:
        """When it was done with: acknowledged, and its cause over."""
        if self.acknowledged_ns is None or self.over_ns is None:
            return None
        return max(self.acknowledged_ns, self.over_ns)


def is_late(event: Event, at_ns: int) -> bool:
    """Whether what is raised now was over long ago."""
    return event.end_ns is not None and event.end_ns + LATE_NS <= at_ns


def alarm_of(rule: Rule, event: Event, at_ns: int, alarm_id: str) -> Alarm:
    """What the Rule raises of an Event at its due time, or later."""
    alarm = Alarm(
        id=alarm_id,
        kind=event.kind,
        priority=rule.priority,
        raised_ns=at_ns,
        again_ns=at_ns,
        rule=rule.id,
        rule_name=rule.name,
        event=event.id,
        subject=subject_of(event),
        site=event.site,
        camera=event.camera,
        node=event.node,
    )
    return _shown(alarm, rule, at_ns, late=is_late(event, at_ns))


def _shown(alarm: Alarm, rule: Rule, at_ns: int, *, late: bool) -> Alarm:
    """As the Rule has its Alarms heard and seen."""
    seen = alarm.camera is not None and not late
    displays = rule.displays if seen else ()
    until_ns = at_ns + rule.display_s * NS_PER_S if rule.display_s else FOR_EVER_NS
    return replace(
        alarm,
        late=late,
        sound=rule.sound and not late,
        alarm_tile=rule.alarm_tile and seen,
        displays=displays,
        displays_until_ns=until_ns if displays else None,
    )


def joins(former: Alarm, at_ns: int, cooldown_s: int) -> bool:
    """Whether what is raised now of the same Rule about the same thing is that Alarm once more: nobody has looked at
    it yet, or somebody has a moment ago."""
    return former.acknowledged_ns is None or at_ns < former.acknowledged_ns + cooldown_s * NS_PER_S


def again(former: Alarm, rule: Rule, event: Event, at_ns: int) -> Alarm:
    """It goes on, or has come back; of what is late only that it was once more."""
    if is_late(event, at_ns):
        return replace(former, times=former.times + 1, rev=former.rev + 1)
    shown = former if not former.late else _shown(former, rule, at_ns, late=False)
    return replace(
        shown,
        kind=event.kind,
        event=event.id,
        times=former.times + 1,
        again_ns=max(former.again_ns, at_ns),
        over_ns=None,
        rev=former.rev + 1,
    )


def acknowledge(alarm: Alarm, person: str, at_ns: int, note: str) -> Alarm:
    """Somebody takes it on. The same person may say so twice; ConflictError where another was first. What a person
    raised has no cause that could go on: it is closed by this."""
    if alarm.acknowledged_ns is not None:
        if alarm.acknowledged_by == person:
            return alarm
        raise ConflictError("Somebody else has acknowledged the alarm.", reason="alarm_acknowledged")
    over_ns = at_ns if alarm.event is None else alarm.over_ns
    return replace(
        alarm,
        acknowledged_by=person,
        acknowledged_ns=at_ns,
        acknowledged_note=note,
        over_ns=over_ns,
        rev=alarm.rev + 1,
    )


def over(alarm: Alarm, at_ns: int) -> Alarm:
    """Its cause has ended."""
    return replace(alarm, over_ns=max(at_ns, alarm.raised_ns), rev=alarm.rev + 1)
