"""What goes in and out of the API about Alarms and Rules, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, WithJsonSchema

from vms.domain.alarm import NOTE_MAX, AlarmState
from vms.domain.event import EventKind
from vms.domain.rule import LONGEST_S
from vms.domain.schedule import DAY_MIN, Schedule
from web.schemas import EventOut, Id, In, Name, NamedOut, Out, SiteRef
from web.text import clean_text

CHOSEN_MAX, DISPLAYS_MAX = 500, 64
TAKEN_MAX = 200


def _clean(text: str) -> str:
    return clean_text(text, limit=NOTE_MAX)


Note = Annotated[str, AfterValidator(_clean), WithJsonSchema({"type": "string", "maxLength": NOTE_MAX})]
Priority = Literal[1, 2, 3]
Rev = Annotated[StrictInt, Field(ge=1, le=2**53)]
Ids = Annotated[list[Id], Field(max_length=CHOSEN_MAX)]
Displays = Annotated[list[Id], Field(max_length=DISPLAYS_MAX)]
Kinds = Annotated[list[EventKind], Field(min_length=1, max_length=len(EventKind))]
Seconds = Annotated[StrictInt, Field(ge=0, le=LONGEST_S)]


class AlarmIn(In):
    """An alarm that a person raises."""

    camera: Id
    note: Note = ""
    priority: Priority = 1


class AcknowledgementIn(In):
    """What there is to say about it."""

    note: Note = ""


class AcknowledgementsIn(AcknowledgementIn):
    """The same words about several alarms."""

    alarms: Annotated[list[Id], Field(min_length=1, max_length=TAKEN_MAX)]


class AcknowledgedOut(Out):
    """How many were taken on, and how many somebody else had taken on before."""

    taken: int
    others: int


class AcknowledgementOut(Out):
    """Who took it on, when, with what words."""

    by: NamedOut
    at: str
    note: str


class AlarmOut(Out):
    """An alarm. `raised`: first, `again`: last, `times`: how often; `over`: when its cause ended, null while it goes
    on; `event`: its newest event, null where `raised_by` a person with a `note`. `sound`, `alarm_tile`, `displays`: how
    it is shown; `late`: its cause was over long before it was raised, and it is not shown. The names are as they are
    now, that of the rule as it was."""

    id: str
    kind: str
    priority: Priority
    state: AlarmState
    raised: str
    again: str
    times: int
    over: str | None
    rule: NamedOut | None
    event: EventOut | None
    site: SiteRef | None
    camera: NamedOut | None
    node: NamedOut | None
    raised_by: NamedOut | None
    note: str
    sound: bool
    alarm_tile: bool
    late: bool
    displays: list[str]
    acknowledgement: AcknowledgementOut | None


class RaisedOut(Out):
    """How many alarms nobody has acknowledged, by priority, whatever else was asked."""

    p1: int = 0
    p2: int = 0
    p3: int = 0


class AlarmsOut(Out):
    """Alarms, newest first."""

    items: list[AlarmOut]
    next: str | None
    raised: RaisedOut


class ScheduleBody(In):
    """Days of the week (0 Monday to 6 Sunday) and minutes of the day, WIB; where `to_min` is not greater, over
    midnight."""

    days: Annotated[list[Annotated[StrictInt, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]
    from_min: Annotated[StrictInt, Field(ge=0, lt=DAY_MIN)] = 0
    to_min: Annotated[StrictInt, Field(ge=1, le=DAY_MIN)] = DAY_MIN

    def schedule(self) -> Schedule:
        """What it describes. InputError where it never holds."""
        return Schedule(frozenset(self.days), self.from_min, self.to_min)


class RuleIn(In):
    """A rule to keep, or to try: what raises alarms (with no site and no camera: everything, everywhere) and how they
    are shown: on `displays` (ids) for `display_s`, 0: until somebody acknowledges."""

    name: Name
    enabled: StrictBool = True
    kinds: Kinds
    sites: Ids = Field(default_factory=list)
    cameras: Ids = Field(default_factory=list)
    areas: Ids = Field(default_factory=list)
    schedule: ScheduleBody = Field(default_factory=lambda: ScheduleBody(days=list(range(7))))
    min_duration_s: Seconds = 0
    priority: Priority = 2
    sound: StrictBool = True
    alarm_tile: StrictBool = True
    displays: Displays = Field(default_factory=list)
    display_s: Seconds = 0
    cooldown_s: Seconds = 300


class RulePatch(In):
    """What changes of a rule; `rev` is that of the rule as it was read. Fields left out stay as they are."""

    rev: Rev
    name: Name | None = None
    enabled: StrictBool | None = None
    kinds: Kinds | None = None
    sites: Ids | None = None
    cameras: Ids | None = None
    areas: Ids | None = None
    schedule: ScheduleBody | None = None
    min_duration_s: Seconds | None = None
    priority: Priority | None = None
    sound: StrictBool | None = None
    alarm_tile: StrictBool | None = None
    displays: Displays | None = None
    display_s: Seconds | None = None
    cooldown_s: Seconds | None = None


class RuleOut(Out):
    """A rule."""

    id: str
    name: str
    enabled: bool
    kinds: list[str]
    sites: list[str]
    cameras: list[str]
    areas: list[str]
    schedule: ScheduleBody
    min_duration_s: int
    priority: Priority
    sound: bool
    alarm_tile: bool
    displays: list[str]
    display_s: int
    cooldown_s: int
    rev: int


class BrokenRuleOut(Out):
    """A rule that cannot be read, raises nothing and can only be deleted."""

    id: str
    name: str
    rev: int


class RulesOut(Out):
    """All rules by name; there is one page of them. `kinds`: what a rule can look for. `broken`: what is left of rules
    that cannot be read; the others are none the worse for it."""

    items: list[RuleOut]
    next: str | None = None
    kinds: list[str]
    broken: list[BrokenRuleOut]


class PreviewOut(Out):
    """How many alarms a rule would have raised in the last `hours`, each acknowledged as it came, and when the newest
    of them. `more`: events of before were too many to look at all."""

    hours: int
    raised: int
    times: list[str]
    more: bool
