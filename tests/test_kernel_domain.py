"""vms.domain and vms.errors: laws of intervals, forms of ids and keys, what no repr shows, errors that travel."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms import errors
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.domain.footage import footage_key
from vms.domain.ids import is_id, new_id
from vms.domain.interval import Interval, subtract, total_ns, union
from vms.domain.person import Person, Session

TOP = 200
INTERVALS = st.tuples(st.integers(0, TOP), st.integers(1, 40)).map(lambda pair: Interval(pair[0], pair[0] + pair[1]))
LISTS = st.lists(INTERVALS, max_size=12)


def moments(intervals: list[Interval]) -> set[int]:
    """The instants covered, one by one: the meaning that the arithmetic must keep."""
    return {at for item in intervals for at in range(item.start_ns, item.end_ns)}


def are_apart(intervals: list[Interval]) -> bool:
    """Sorted, and neither touching nor overlapping."""
    return all(a.end_ns < b.start_ns for a, b in itertools.pairwise(intervals))


@given(LISTS)
def test_union_covers_the_same_instants_in_the_fewest_intervals(intervals: list[Interval]) -> None:
    """Order and doubles do not matter; what touches becomes one; doing it again changes nothing."""
    joined = union(intervals)
    assert moments(joined) == moments(intervals)
    assert are_apart(joined)
    assert union(joined) == joined == union(reversed(intervals))
    assert total_ns(intervals) == len(moments(intervals))


@given(LISTS, st.integers(0, 30))
def test_union_closes_holes_up_to_the_size_given(intervals: list[Interval], join_ns: int) -> None:
    """With join_ns every remaining hole is larger than it, and nothing outside the hull is added."""
    joined = union(intervals, join_ns=join_ns)
    assert moments(intervals) <= moments(joined)
    assert all(b.start_ns - a.end_ns > join_ns for a, b in itertools.pairwise(joined))
    plain = union(intervals)
    assert [item.start_ns for item in joined[:1]] == [item.start_ns for item in plain[:1]]
    assert [item.end_ns for item in joined[-1:]] == [item.end_ns for item in plain[-1:]]


@given(INTERVALS, LISTS)
def test_taken_and_left_are_the_whole_window(window: Interval, taken: list[Interval]) -> None:
    """What subtract leaves and what was taken share no instant, and together they are the window: 100 %."""
    left = subtract(window, taken)
    inside = [part for item in taken if (part := item.clip(window)) is not None]
    assert moments(left) | moments(inside) == moments([window])
    assert not moments(left) & moments(inside)
    assert are_apart(left)
    assert total_ns(left) + total_ns(inside) == window.duration_ns


@given(INTERVALS, INTERVALS)
def test_clip_is_what_both_share(one: Interval, other: Interval) -> None:
    """The same from either side; None where they share nothing."""
    shared = one.clip(other)
    assert moments([shared] if shared else []) == moments([one]) & moments([other])
    assert shared == other.clip(one)


@given(st.integers(), st.integers(min_value=0))
def test_an_interval_is_never_empty_or_reversed(start_ns: int, back_ns: int) -> None:
    """Such a thing cannot be made, so that nobody has to ask."""
    with pytest.raises(ValueError, match="empty or reversed"):
        Interval(start_ns, start_ns - back_ns)


def test_ids_have_one_form_and_do_not_repeat() -> None:
    """16 characters of lower-case base32; nothing else is taken for one."""
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_id(item) for item in ids)
    for other in ("", "a" * 15, "a" * 17, "A" * 16, "1" * 16, "../" + "a" * 13, "a" * 16 + "\n"):
        assert not is_id(other)


def test_a_stream_is_printed_and_read_by_one_rule() -> None:
    """str and parse are inverse; what is no Stream is refused."""
    ref = StreamRef(new_id(), StreamName.SUB)
    assert StreamRef.parse(str(ref)) == ref
    for text in ("", "camera", "camera/", "camera/third", "camera/main/x"):
        with pytest.raises(ValueError, match="StreamName"):
            StreamRef.parse(text)


@pytest.mark.parametrize(
    ("start_ns", "folder", "name"),
    [
        (0, "1970/01/01/00", "0-r"),
        (1_790_000_000_123_456_789, "2026/09/21/14", "1790000000123-r"),
        (1_709_251_199_999_999_999, "2024/02/29/23", "1709251199999-r"),
    ],
)
def test_footage_lies_under_its_utc_hour(start_ns: int, folder: str, name: str) -> None:
    """The key holds ids and UTC time alone, rounded down."""
    key = footage_key("site", StreamRef("cam", StreamName.MAIN), start_ns, "r")
    assert key == f"footage/site/cam/main/{folder}/{name}.mp4"


def test_no_repr_shows_a_secret() -> None:
    """A noun that ends up in a log or a traceback keeps its passwords, hashes and tokens to itself."""
    stream = Stream(StreamRef("c", StreamName.MAIN), "rtsp://10.0.0.1/main")
    nouns = (
        Camera("c", "s", "slug", "Name", (stream,), username="u", password="hunter22"),
        Person("p", "user", "Name", password_hash="hunter22"),
        Session(token_sha256="hunter22", person="p", csrf="hunter22"),
    )
    assert all("hunter22" not in repr(noun) for noun in nouns)


def test_a_camera_knows_its_streams_by_name() -> None:
    """The Stream asked for, or None."""
    main = Stream(StreamRef("c", StreamName.MAIN), "rtsp://10.0.0.1/main")
    camera = Camera("c", "s", "slug", "Name", (main,))
    assert camera.stream(StreamName.MAIN) is main
    assert camera.stream(StreamName.SUB) is None


def every_error(base: type[errors.VmsError] = errors.VmsError) -> list[type[errors.VmsError]]:
    """The tree of vms/errors.py; what a service adds for itself does not travel."""
    children = [child for child in base.__subclasses__() if child.__module__ == errors.__name__]
    return [base, *(found for child in children for found in every_error(child))]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_travels_by_its_code(kind: type[errors.VmsError]) -> None:
    """Rebuilt on the other side it is the same class with the same words; no two classes share a code."""
    there = errors.from_code(kind.code, "message", "hint", "no_answer", {"place": "10.0.0.1:554"})
    assert type(there) is kind
    assert (there.message, there.hint, str(there)) == ("message", "hint", "message")
    assert (there.reason, there.params) == ("no_answer", {"place": "10.0.0.1:554"})
    assert [other for other in every_error() if other.code == kind.code] == [kind]
    assert 400 <= there.status < 600


def test_an_unknown_code_is_still_an_error() -> None:
    """A newer node may send a code that this one does not know."""
    assert type(errors.from_code("of-the-future", "message")) is errors.VmsError
