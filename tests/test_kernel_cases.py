"""Cases and Holds without anything around them: numbers, people, what a Hold covers and until when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.clock import NS_PER_S
from vms.domain.case import Case, CasePerson, CaseRole, CaseState, case_year, check_people
from vms.domain.hold import GRACE_NS, MARGIN_NS, Hold, is_held
from vms.domain.interval import Interval
from vms.errors import InputError

HOUR_NS = 3600 * NS_PER_S


def hold(start_ns: int, end_ns: int | None, removed_ns: int | None = None) -> Hold:
    """One of camera `a`."""
    return Hold("h", "c", "a", "s", start_ns, end_ns, "x", "p", 0, removed_ns)


def test_numbers_are_of_the_year_in_wib() -> None:
    """The new year begins seven hours before it does in UTC."""
    assert case_year(1_798_736_399 * NS_PER_S) == 2026  # 2026-12-31 16:59:59 UTC
    assert case_year(1_798_736_400 * NS_PER_S) == 2027
    case = Case("i", "t", "", (), "p", 0, 2026, 7)
    assert (case.number, case.state) == ("2026-0007", CaseState.OPEN)
    assert Case("i", "t", "", (), "p", 0, 2026, 12345, closed_ns=5).number == "2026-12345"


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([], "case_owner"),
        ([CasePerson("a", CaseRole.MEMBER)], "case_owner"),
        ([CasePerson("a", CaseRole.OWNER), CasePerson("a", CaseRole.MEMBER)], "case_person_twice"),
        ([CasePerson(str(n), CaseRole.OWNER) for n in range(51)], "case_people_many"),
    ],
)
def test_a_case_has_an_owner_and_each_person_once(people: list[CasePerson], reason: str) -> None:
    """Refused in words."""
    with pytest.raises(InputError) as caught:
        check_people(people)
    assert caught.value.reason == reason


def test_a_hold_is_not_reversed() -> None:
    """Nor empty."""
    for end_ns in (0, 5):
        with pytest.raises(InputError):
            hold(5, end_ns)


@given(
    st.integers(0, 10**4),
    st.none() | st.integers(1, 10**4),
    st.integers(0, 10**4),
    st.integers(1, 600),
    st.sampled_from((0, 0, -500, 700)),
)
def test_what_has_a_moment_of_its_time_is_held(
    start_s: int, length_s: int | None, at_s: int, seconds: int, shift_s: int
) -> None:
    """Footage of the time asked is, by its own clock or the corrected one; what is far from it by both is not."""
    one = hold(start_s * NS_PER_S, None if length_s is None else (start_s + length_s) * NS_PER_S)
    span = Interval(at_s * NS_PER_S, (at_s + seconds) * NS_PER_S)

    def apart_s(shift: int) -> int:
        """Seconds between footage and Hold; negative where they overlap."""
        after = -(10**9) if length_s is None else at_s + shift - (start_s + length_s)
        return max(after, start_s - (at_s + shift + seconds))

    nearest = min(apart_s(0), apart_s(shift_s))
    held = is_held("a", span, shift_s * NS_PER_S, [one], HOUR_NS)
    assert held is (nearest * NS_PER_S < MARGIN_NS)
    assert not is_held("b", span, shift_s * NS_PER_S, [one], HOUR_NS)


def test_one_that_was_taken_off_holds_for_an_hour() -> None:
    """And not longer."""
    one = hold(0, None, removed_ns=5 * HOUR_NS)
    assert one.holds(5 * HOUR_NS)
    assert one.holds(5 * HOUR_NS + GRACE_NS - 1)
    assert not one.holds(5 * HOUR_NS + GRACE_NS)
