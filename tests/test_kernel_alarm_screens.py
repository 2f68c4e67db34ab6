"""Alarms on screens: pure decisions. The most pressing is seen, and no person is fought."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vms.clock import NS_PER_S
from vms.domain.alarm import Alarm
from vms.domain.alarm_screens import HOLD_NS, has_alarm, with_alarms
from vms.domain.display import Display, Kind, Showing, showing_of

SCREEN, PERSON = "d" * 16, "p" * 16
CAMERAS = ["a" * 16, "b" * 16, "c" * 16]


def at(seconds: float) -> int:
    """A moment."""
    return 1_000 * NS_PER_S + int(seconds * NS_PER_S)


def alarm(number: int, raised_s: float, priority: int = 2) -> Alarm:
    """One that wants the screen."""
    return Alarm(
        str(number + 2) * 16, "motion", priority, at(raised_s), at(raised_s), camera=CAMERAS[number], displays=(SCREEN,)
    )


def display(*pushed: Showing) -> Display:
    """A screen that was pushed these, one after the other."""
    made = Display(SCREEN, "Kiri", "w" * 16, "00")
    for one in pushed:
        made = made.pushed(one)
    return made


def push(camera: int, since_s: float) -> Showing:
    """By a person."""
    return Showing(Kind.CAMERA, CAMERAS[camera], by=PERSON, since_ns=at(since_s))


def settled(shown: Display, wanting: list[Alarm], now_s: float) -> Display:
    """As it is once it was looked at."""
    return with_alarms(shown, wanting, at(now_s)) or shown


def test_an_alarm_comes_and_leaves_what_was_there() -> None:
    """Over what somebody pushed long ago; away when it is acknowledged; nothing to change in between."""
    before = display(push(2, -100))
    one = alarm(0, 0)
    shown = settled(before, [one], 0.1)
    assert (shown.showing.subject, shown.showing.alarm, shown.rev) == (CAMERAS[0], one.id, before.rev + 1)
    assert with_alarms(shown, [one], at(5)) is None
    after = settled(shown, [], 6)
    assert (after.showing, after.earlier, has_alarm(after)) == (before.showing, before.earlier, False)
    assert with_alarms(after, [], at(7)) is None
    assert with_alarms(before, [replace(one, displays=("e" * 16,))], at(1)) is None
    assert showing_of(shown.showing.as_json()) == shown.showing


def test_the_most_pressing_is_seen_and_the_first_of_one_priority() -> None:
    """A later one of the same priority waits; a more pressing one takes its place and gives it back."""
    first, second, urgent = alarm(0, 0), alarm(1, 1), alarm(2, 2, priority=1)
    shown = settled(display(), [first, second], 2)
    assert shown.showing.alarm == first.id
    shown = settled(shown, [first, second, urgent], 3)
    assert shown.showing.alarm == urgent.id
    assert shown.earlier == (Showing(),)
    shown = settled(shown, [first, second], 4)
    assert shown.showing.alarm == first.id
    assert settled(shown, [second], 5).showing.alarm == second.id


def test_a_person_is_not_fought() -> None:
    """What is pushed over an alarm stays; so does what an alarm was taken away for; new ones wait a minute."""
    one, later = alarm(0, 0), alarm(1, 20)
    taken = settled(display(push(2, -100)), [one], 1).pushed(push(1, 10))
    assert with_alarms(taken, [one], at(500)) is None
    assert with_alarms(taken, [one, later], at(69)) is None
    assert settled(taken, [one, later], 10 + HOLD_NS / NS_PER_S).showing.alarm == later.id
    back = settled(display(push(2, -100)), [one], 1).taken_back(at(10))
    assert (back.showing.subject, back.showing.since_ns) == (CAMERAS[2], at(10))
    assert with_alarms(back, [one], at(500)) is None
    assert settled(back, [one, later], 71).showing.alarm == later.id


def test_a_message_is_not_covered() -> None:
    """However pressing; when its time is over the alarm comes."""
    told = Showing(Kind.MESSAGE, text="Rapat", until_ns=at(100), by=PERSON, since_ns=at(-500))
    one = alarm(0, 0, priority=1)
    assert with_alarms(display(told), [one], at(99)) is None
    assert settled(display(told), [one], 100).showing.alarm == one.id


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("raise"), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("end"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("push"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("back"), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 90), st.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_it_settles(steps: list[tuple[str, int, int]]) -> None:
    """Looking twice changes nothing; with no alarm left none is on top; what people pushed is never lost."""
    shown, wanting, now_s, pushed = display(), dict[int, Alarm](), 0.0, 0
    for what, number, priority in steps:
        now_s += 1
        if what == "raise":
            wanting[number] = alarm(number, now_s, priority)
        elif what == "end":
            wanting.pop(number, None)
        elif what == "push":
            shown, pushed = shown.pushed(push(number, now_s)), pushed + 1
        elif what == "back":
            pushed -= shown.showing.alarm is None and pushed > 0
            shown = shown.taken_back(at(now_s))
        else:
            now_s += number
        shown = settled(shown, list(wanting.values()), now_s)
        assert with_alarms(shown, wanting.values(), at(now_s)) is None
        stack = [shown.showing, *shown.earlier]
        by_people = [each for each in stack if each.by]
        assert len(by_people) >= min(pushed, 5)
    shown = settled(shown, [], now_s + 1)
    assert shown.showing.alarm is None
