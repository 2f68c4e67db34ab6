"""Alarms: an Event that wants a person, from being raised to its end. Pure.

It is *raised* until somebody acknowledges it, *acknowledged* while its cause goes on, *closed* when both are done. A
cause that ends by itself leaves it raised: somebody has to have seen it.
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


class AlarmState(StrEnum):
    """See the head of the module."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Alarm:
    """`rule`, `event`: what raised it, None where a person (`raised_by`) did, with `note`. `event` is the newest of its
    `times`; `again_ns` when that came. `rule_name`, `sound`, `alarm_tile`: as the Rule had them. `over_ns`: when the
    cause ended, None while it goes on."""

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


def alarm_of(rule: Rule, event: Event, at_ns: int, alarm_id: str) -> Alarm:
    """What the Rule raises of an Event at its due time."""
    return Alarm(
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
        sound=rule.sound,
        alarm_tile=rule.alarm_tile and event.camera is not None,
    )


def joins(former: Alarm, at_ns: int, cooldown_s: int) -> bool:
    """Whether what is raised now of the same Rule about the same thing is that Alarm once more: nobody has looked at
    it yet, or somebody has a moment ago."""
    return former.acknowledged_ns is None or at_ns < former.acknowledged_ns + cooldown_s * NS_PER_S


def again(former: Alarm, event: Event, at_ns: int) -> Alarm:
    """It goes on, or has come back."""
    return replace(
        former,
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
