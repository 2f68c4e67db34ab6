"""The book of Events: opened once, continued, closed; whatever is seen in whatever order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from vms.clock import NS_PER_S
from vms.domain.event import Event, EventKind, Severity
from vms.domain.event_book import EventBook, Look, Trouble

T0 = 1_790_000_000 * NS_PER_S


def at(seconds: float) -> int:
    """Wall time, seconds from T0."""
    return T0 + int(seconds * NS_PER_S)


def mono(seconds: float) -> int:
    """Monotonic time of the same moment."""
    return int(seconds * NS_PER_S)


def down(since_s: float = 0, camera: str = "c", **more: object) -> Trouble:
    """A camera that is down."""
    return Trouble(EventKind.CAMERA_DOWN, at(since_s), camera=camera, **more)  # type: ignore[arg-type]  # by name


def looked(book: EventBook, seconds: float, *troubles: Trouble, well: tuple[Trouble, ...] = ()) -> list[Event]:
    """What a look at this moment gives to write."""
    look = Look(troubles, frozenset(one.subject for one in well))
    return book.look([look], at(seconds), mono(seconds))


def test_it_opens_after_its_time_and_closes_when_it_is_over() -> None:
    """With the time it really began at; nothing is said twice."""
    book = EventBook("n")
    assert looked(book, 0, down()) == looked(book, 9.9, down()) == []
    (begun,) = looked(book, 10, down())
    assert (begun.start_ns, begun.end_ns, begun.rev, begun.camera) == (at(0), None, 1, "c")
    assert looked(book, 11, down()) == []
    (ended,) = looked(book, 30, well=(down(),))
    assert ended == replace(begun, end_ns=at(30), rev=2)
    assert looked(book, 31, well=(down(),)) == []
    assert book.open() == []


def test_what_is_over_in_time_is_none() -> None:
    """Short troubles are nobody's business, and do not add up."""
    book = EventBook("n")
    for second in range(0, 100, 5):
        assert looked(book, second, down(second)) == []
        assert looked(book, second + 4, well=(down(),)) == []


def test_what_comes_and_goes_is_one() -> None:
    """Back within a minute: the same Event goes on, and counts."""
    book = EventBook("n", waits={})
    (first,) = looked(book, 0, down())
    looked(book, 5, well=(down(),))
    (again,) = looked(book, 20, down(20))
    assert (again.id, again.start_ns, again.end_ns, again.params["times"], again.rev) == (first.id, at(0), None, 2, 3)
    looked(book, 25, well=(down(),))
    (later,) = looked(book, 100, down(100))
    assert later.id != first.id


def test_what_nobody_sees_any_more_is_closed_after_a_while() -> None:
    """A camera that was removed or went to another Node."""
    book = EventBook("n", waits={})
    looked(book, 0, down())
    assert looked(book, 29) == []
    (ended,) = looked(book, 30)
    assert ended.end_ns == at(30)


def test_a_restart_continues_or_closes() -> None:
    """What is still so goes on without another Event; what is well is closed; of several one stays."""
    book = EventBook("n")
    old = [Event(i, EventKind.CAMERA_DOWN, "n", at(s), camera=c) for i, s, c in (("1", -9, "c"), ("2", -5, "c"))]
    other = Event("3", EventKind.CAMERA_DOWN, "n", at(-7), camera="d")
    assert [one.id for one in book.adopt([*old, other], at(0), mono(0))] == ["1"]
    assert looked(book, 1) == []
    assert [one.id for one in looked(book, 2, down(1), well=(down(camera="d"),))] == ["3"]
    assert [one.id for one in book.open()] == ["2"]


def test_changes_are_told_but_not_each() -> None:
    """A worse one at once, other words after ten seconds."""
    book = EventBook("n", waits={})
    looked(book, 0, down(params={"cause": "a"}))
    assert looked(book, 1, down(params={"cause": "b"})) == []
    (worse,) = looked(book, 2, down(params={"cause": "b"}, severity=Severity.ALARM))
    assert (worse.severity, worse.params, worse.rev) == (Severity.ALARM, {"cause": "b"}, 2)
    (changed,) = looked(book, 12, down(params={"cause": "c"}, severity=Severity.ALARM))
    assert (changed.params, changed.rev) == ({"cause": "c"}, 3)


def test_what_was_over_before_anyone_looked_is_told_too() -> None:
    """One Event, begun and ended; the next ones soon after are that one."""
    book = EventBook("n")
    trouble = Trouble(EventKind.DISK_ERROR, at(1), node="n")
    (one,) = book.look([Look(passing=(trouble,))], at(2), mono(2))
    assert (one.start_ns, one.end_ns, one.rev) == (at(1), at(2), 1)
    (more,) = book.look([Look(passing=(trouble,))], at(4), mono(4))
    assert (more.id, more.end_ns, more.params["times"], more.rev) == (one.id, at(4), 2, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")))))
def test_the_law(steps: list[tuple[int, set[str], set[str]]]) -> None:
    """An Event's rev grows by one each time, it ends after it began, and one subject has at most one open."""
    book, now, last = EventBook("n"), 0.0, dict[str, Event]()
    for wait, wrong, well in steps:
        now += wait
        troubles = tuple(down(now, camera) for camera in sorted(wrong))
        for event in looked(book, now, *troubles, well=tuple(down(camera=camera) for camera in well - wrong)):
            assert event.rev == (last[event.id].rev + 1 if event.id in last else 1)
            assert event.end_ns is None or event.end_ns > event.start_ns
            last[event.id] = event
        subjects = [event.subject for event in last.values() if event.end_ns is None]
        assert len(subjects) == len(set(subjects))
        assert {event.id for event in book.open()} == {event.id for event in last.values() if event.end_ns is None}
