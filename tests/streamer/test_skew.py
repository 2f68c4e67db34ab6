"""The clock of another node: bounds from requests and units, the smallest correction within them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.skew import Skew

S = 1_000_000_000


def test_clocks_that_agree_are_not_corrected() -> None:
    """However uneven the two ways of a request are."""
    skew = Skew()
    skew.asked(0, S, S // 10)
    skew.asked(2 * S, 3 * S, 2 * S + S * 9 // 10)
    skew.arrived(3 * S, 3 * S + S // 2)
    assert skew.ns == 0


def test_a_clock_that_was_set_is_measured_anew() -> None:
    """What was measured before contradicts it."""
    skew = Skew()
    skew.asked(0, S // 10, 50 * S)
    assert 49 * S < skew.ns < 51 * S
    skew.asked(9 * S, 9 * S + S // 10, 9 * S + S // 20)
    assert skew.ns == 0
    skew.asked(9 * S, 9 * S + S // 10, 4 * S)
    skew.restart()
    assert skew.ns == 0
    skew.arrived(100 * S, S)
    assert skew.ns == 0


@given(
    true=st.integers(-3600 * S, 3600 * S),
    ways=st.lists(st.tuples(st.integers(S // 100, S), st.integers(S // 100, S)), min_size=1, max_size=20),
)
def test_law(true: int, ways: list[tuple[int, int]]) -> None:
    """It is never off by more than the quickest request took, and nothing arrives before it was sent."""
    skew = Skew()
    for number, (there, back) in enumerate(ways):
        began = number * 5 * S
        skew.asked(began, began + there + back, began + there + true)
        skew.arrived(began + S + true, began + S + back)
        assert began + S + true - skew.ns <= began + S + back
    assert abs(skew.ns - true) <= min(there + back for there, back in ways[-12:])
