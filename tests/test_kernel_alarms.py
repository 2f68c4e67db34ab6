"""Schedules, Rules and the life of an Alarm: pure decisions and their laws."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.clock import NS_PER_S
from vms.domain.alarm import FOR_EVER_NS, AlarmState, acknowledge, again, alarm_of, joins, over
from vms.domain.event import Event, EventKind
from vms.domain.rule import Rule, default_rules, raised_by
from vms.domain.schedule import Schedule
from vms.errors import ConflictError, InputError

T0 = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
WIB = dt.timezone(dt.timedelta(hours=7))
CAMERA, SITE, REGENCY = "c" * 16, "s" * 16, "r" * 16

DAYS = st.frozensets(st.integers(0, 6), min_size=1)
MINUTES = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] != pair[1])
SCHEDULES = st.builds(lambda days, hours: Schedule(days, *hours), DAYS, MINUTES)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda s: s * NS_PER_S)


def event(start_s: float = 0, end_s: float | None = None, **changes: object) -> Event:
    """A camera that is down; seconds count from T0."""
    end_ns = None if end_s is None else T0 + int(end_s * NS_PER_S)
    made = Event(
        "e" * 16, EventKind.CAMERA_DOWN, "n" * 16, T0 + int(start_s * NS_PER_S), end_ns, site=SITE, camera=CAMERA
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


def rule(**changes: object) -> Rule:
    """Cameras that are down for 30 s, wherever."""
    return replace(Rule("u" * 16, "Kamera putus", ("camera_down",), min_duration_s=30), **changes)  # type: ignore[arg-type]  # by name


def plainly_holds(schedule: Schedule, at_ns: int) -> bool:
    """The same question, asked of the calendar."""
    at = dt.datetime.fromtimestamp(at_ns // NS_PER_S, WIB)
    minute = at.hour * 60 + at.minute
    today, yesterday = at.weekday() in schedule.days, (at.weekday() - 1) % 7 in schedule.days
    if schedule.from_min < schedule.to_min:
        return today and schedule.from_min <= minute < schedule.to_min
    return (today and minute >= schedule.from_min) or (yesterday and minute < schedule.to_min)


@given(SCHEDULES, MOMENTS)
def test_a_schedule_is_that_of_the_calendar(schedule: Schedule, at_ns: int) -> None:
    """In WIB, over midnight too; what comes next holds, is not before, and nothing before it holds."""
    assert schedule.holds(at_ns) == plainly_holds(schedule, at_ns)
    next_ns = schedule.next_ns(at_ns)
    assert next_ns >= at_ns
    assert plainly_holds(schedule, next_ns)
    if next_ns > at_ns:
        assert not plainly_holds(schedule, next_ns - 1)
        assert not any(plainly_holds(schedule, at_ns + (next_ns - at_ns) * i // 10) for i in range(10))


@pytest.mark.parametrize(
    ("days", "hours"),
    [((), (0, 1440)), ((7,), (0, 1440)), ((0,), (5, 5)), ((0,), (-1, 5)), ((0,), (0, 1441)), ((0,), (1440, 5))],
)
def test_a_schedule_that_never_holds_is_refused(days: tuple[int, ...], hours: tuple[int, int]) -> None:
    """With the field named."""
    with pytest.raises(InputError, match="schedule"):
        Schedule(frozenset(days), *hours)


@given(st.integers(0, 4000), st.integers(1, 4000) | st.none(), st.integers(0, 600), SCHEDULES, st.integers(-5000, 5000))
def test_when_an_event_is_due(start_s: int, lasts_s: int | None, min_s: int, schedule: Schedule, since_s: int) -> None:
    """Lasted long enough, within the schedule, since the rule holds, and not over by then; or never."""
    one = event(start_s, None if lasts_s is None else start_s + lasts_s)
    asked = rule(min_duration_s=min_s, schedule=schedule, since_ns=T0 + since_s * NS_PER_S)
    due_ns = asked.due_ns(one)
    if due_ns is None:
        assert one.end_ns is not None
        assert schedule.next_ns(max(one.start_ns + min_s * NS_PER_S, asked.since_ns)) >= one.end_ns
    else:
        assert due_ns >= max(one.start_ns + min_s * NS_PER_S, asked.since_ns)
        assert schedule.holds(due_ns)
        assert one.end_ns is None or due_ns < one.end_ns
    # One that ends later was due at the same moment: nothing is raised twice by looking again.
    if due_ns is not None and one.end_ns is not None:
        assert asked.due_ns(replace(one, end_ns=one.end_ns + HOUR)) == asked.due_ns(replace(one, end_ns=None)) == due_ns


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True), ({"enabled": False}, False), ({"kinds": ("disk_error",)}, False), ({"cameras": (CAMERA,)}, True),
        ({"cameras": ("d" * 16,)}, False), ({"sites": (REGENCY,)}, True), ({"sites": ("x" * 16,)}, False),
        ({"sites": ("x" * 16,), "cameras": (CAMERA,)}, True), ({"areas": ("a" * 16,)}, True),
    ],
)  # fmt: skip
def test_what_a_rule_concerns(changes: dict[str, object], wanted: bool) -> None:
    """Kinds, cameras, sites and those below them; an area narrows motion alone."""
    assert rule(**changes).concerns(event(), {SITE, REGENCY}) == wanted


def test_areas_narrow_motion() -> None:
    """The area that the event names must be one of the rule's."""
    moves = event(kind=EventKind.MOTION, params={"area": "a" * 16})
    asked = rule(kinds=("motion",), areas=("a" * 16,))
    assert asked.concerns(moves, {SITE})
    assert not asked.concerns(replace(moves, params={"area": "b" * 16}), {SITE})
    assert not asked.concerns(replace(moves, params={}), {SITE})


@pytest.mark.parametrize(
    "changes", [{"kinds": ()}, {"priority": 0}, {"priority": 4}, {"min_duration_s": -1}, {"cooldown_s": 86_401}]
)
def test_a_rule_that_could_raise_nothing_is_refused(changes: dict[str, object]) -> None:
    """With the field named."""
    with pytest.raises(InputError) as refused:
        rule(**changes)
    assert refused.value.field == next(iter(changes))


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 400)), max_size=40), st.integers(0, 900))
def test_a_preview_has_a_cooldown_between_alarms(spans: list[tuple[int, int]], cooldown_s: int) -> None:
    """Of one camera no two are nearer than the cooldown; each event is one of them, too short, or near one before."""
    asked = rule(cooldown_s=cooldown_s)
    events = [event(start, start + lasts) for start, lasts in spans]
    raised = raised_by(asked, events, T0, T0 + HOUR)
    assert all(b - a >= cooldown_s * NS_PER_S for a, b in itertools.pairwise(raised))
    for one in events:
        due_ns = asked.due_ns(one)
        if due_ns is not None and due_ns < T0 + HOUR:
            assert any(at <= due_ns <= at + cooldown_s * NS_PER_S for at in raised)


def test_the_life_of_an_alarm() -> None:
    """Raised, again, acknowledged once, over; what comes back soon is the same, later another."""
    one = alarm_of(rule(), event(), T0, "a" * 16)
    assert (one.state, one.priority, one.camera, one.alarm_tile) == (AlarmState.RAISED, 2, CAMERA, True)
    assert over(one, T0 + HOUR).state is AlarmState.RAISED
    assert joins(over(one, T0 + HOUR), T0 + 9 * HOUR, 0)
    twice = again(over(one, T0 + 5), rule(), event(60), T0 + 60 * NS_PER_S)
    assert (twice.times, twice.over_ns, twice.raised_ns) == (2, None, T0)
    seen = acknowledge(twice, "p" * 16, T0 + HOUR, "sudah ditelepon")
    assert (seen.state, seen.acknowledged_note) == (AlarmState.ACKNOWLEDGED, "sudah ditelepon")
    assert acknowledge(seen, "p" * 16, T0 + 2 * HOUR, "") == seen
    with pytest.raises(ConflictError):
        acknowledge(seen, "q" * 16, T0 + 2 * HOUR, "")
    done = over(seen, T0 + 3 * HOUR)
    assert (done.state, done.closed_ns) == (AlarmState.CLOSED, T0 + 3 * HOUR)
    assert joins(done, T0 + HOUR + 299 * NS_PER_S, 300)
    assert not joins(done, T0 + HOUR + 300 * NS_PER_S, 300)


def test_what_was_over_long_ago_is_late() -> None:
    """Neither heard nor on a screen; to an alarm that waits it adds one; what goes on now is as ever."""
    asked, now_ns = rule(displays=("d" * 16,), display_s=60), T0 + 700 * NS_PER_S
    late = alarm_of(asked, event(0, 100), now_ns, "a" * 16)
    assert (late.late, late.sound, late.alarm_tile, late.displays, late.displays_until_ns) == (
        True,
        False,
        False,
        (),
        None,
    )
    just = alarm_of(asked, event(0, 101), now_ns, "a" * 16)
    assert (just.late, just.sound, just.displays, just.displays_until_ns) == (
        False, True, asked.displays, now_ns + 60 * NS_PER_S,
    )  # fmt: skip
    more = again(over(just, now_ns), asked, event(0, 50), now_ns)
    assert more == replace(over(just, now_ns), times=2, rev=3)
    fresh = again(late, asked, event(690), now_ns)
    assert (fresh.late, fresh.sound, fresh.alarm_tile, fresh.displays) == (False, True, True, asked.displays)
    assert alarm_of(replace(asked, display_s=0), event(0), T0, "a" * 16).displays_until_ns == FOR_EVER_NS


def test_the_rules_of_a_new_installation() -> None:
    """Cameras down for half a minute, pictures covered or moved, and disks, which come first."""
    down, pictures, disks = default_rules(("1" * 16, "2" * 16, "3" * 16), T0)
    assert (down.due_ns(event(40)), down.priority) == (T0 + 70 * NS_PER_S, 2)
    assert pictures.concerns(event(kind=EventKind.PICTURE_MOVED), ())
    assert (disks.priority, disks.concerns(event(kind=EventKind.SPOOL_FULL, camera=None), ())) == (1, True)
