"""Who gets main on a line: by rank, within the room, without flapping; and back when there is room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.budget import Budget, BudgetOptions, Claim, Weight, choose, in_rank
from vms.clock import NS_PER_S

MBPS = 125_000
LARGE, FULL, FORCED = Weight.LARGE, Weight.FULL, Weight.FORCED
PLAIN = BudgetOptions(share=1.0)


def claim(key: str, mbps: float = 2.0, weight: Weight = LARGE, priority: int = 40, *, has: bool = False) -> Claim:
    """A main that takes so much more than its sub."""
    return Claim(key, weight, priority, int(mbps * MBPS), has)


class Line:
    """A budget over time, with the claims as they become."""

    def __init__(self, mbps: float | None, *claims: Claim, carries: float | None = None) -> None:
        self.budget = Budget(None if mbps is None else mbps * MBPS, PLAIN)
        self.claims = {each.key: each for each in claims}
        self.carries = carries
        self.now_s = 0.0
        self.base = 0.0
        self.cut = False
        self.changes = 0

    @property
    def has(self) -> set[str]:
        """Who has main now."""
        return {key for key, each in self.claims.items() if each.has}

    def run(self, seconds: float) -> set[str]:
        """Look twice a second; a line that gets more than it carries says so."""
        for _ in range(int(seconds * 2)):
            self.now_s += 0.5
            load = self.base + sum(each.extra_bytes_s for each in self.claims.values() if each.has)
            squeezed = self.carries is not None and load > self.carries * MBPS
            now_ns = round(self.now_s * NS_PER_S)
            given = self.budget.decide(list(self.claims.values()), self.base, now_ns, squeezed=squeezed, cut=self.cut)
            for key, each in self.claims.items():
                self.changes += each.has != (key in given)
                self.claims[key] = replace(each, has=key in given)
        return self.has


def test_without_a_line_all_get_main() -> None:
    """A single machine and the center have no limit."""
    line = Line(None, *(claim(f"c{n}", 50) for n in range(64)))
    assert len(line.run(10)) == 64


def test_rank() -> None:
    """Forced, then enlarged, then large; the camera's priority; who has it; then always the same order."""
    claims = [
        claim("e"),
        claim("d"),
        claim("c", has=True),
        claim("b", priority=65),
        claim("a", weight=FULL, priority=15),
        claim("z", weight=FORCED, priority=15),
    ]
    assert [each.key for each in in_rank(claims)] == ["z", "a", "b", "c", "d", "e"]


def test_what_does_not_fit_gets_sub_and_the_enlarged_tile_comes_first() -> None:
    """5 Mb/s hold two mains of 2; a third that is enlarged takes the place of one, and gives it back."""
    line = Line(5, claim("a"), claim("b"), claim("c"))
    assert line.run(2) == {"a", "b"}
    assert line.budget.why == "full"
    line.claims["c"] = replace(line.claims["c"], weight=FULL)
    assert line.run(1) == {"a", "c"}
    line.claims["c"] = replace(line.claims["c"], weight=LARGE)
    line.run(2)
    assert line.has == {"a", "c"}  # who has it keeps it among equals


def test_forced_is_given_whatever_it_costs_and_others_make_room() -> None:
    """The operator's choice counts against the rest."""
    line = Line(5, claim("a"), claim("b"))
    line.run(2)
    line.claims["c"] = claim("c", 4, FORCED, priority=15)
    assert line.run(1) == {"c"}
    line.claims["d"] = claim("d", 9, FORCED)
    assert line.run(1) == {"c", "d"}
    del line.claims["c"], line.claims["d"]
    assert line.run(1) == {"a", "b"}


def test_small_streams_come_first() -> None:
    """What is watched besides takes the room of mains."""
    line = Line(5, claim("a"), claim("b"))
    assert line.run(1) == {"a", "b"}
    line.base = 2 * MBPS
    assert line.run(1) == {"a"}
    line.base = 5 * MBPS
    assert line.run(1) == set()
    line.base = 0
    assert line.run(1) == {"a", "b"}


@given(st.lists(st.floats(1.8, 2.2), min_size=40, max_size=40))
def test_rates_that_swing_do_not_flap(rates: list[float]) -> None:
    """Cameras' rates go up and down by a tenth around what just fits: nobody is switched to and fro."""
    line = Line(4.3, claim("a", 2), claim("b", 2))
    line.run(1)
    line.changes = 0
    for rate in rates:
        line.claims = {key: replace(each, extra_bytes_s=int(rate * MBPS)) for key, each in line.claims.items()}
        line.run(0.5)
    assert line.changes <= 2


def test_a_line_that_carries_less_than_was_said_is_found_out_and_comes_back() -> None:
    """Of three mains on a line of 10 that carries 5 one goes; more is tried ever rarer, and all come back with it."""
    line = Line(10, claim("a"), claim("b"), claim("c"), carries=5)
    line.run(1)
    assert line.run(9) == {"a", "b"}
    assert line.budget.why == "squeezed"
    line.changes = 0
    line.run(600)
    assert {"a", "b"} <= line.has
    assert line.changes <= 14  # five or six trials in ten minutes
    line.carries = 10
    assert line.run(700) == {"a", "b", "c"}


def test_nobody_said_what_the_line_carries() -> None:
    """Main is given, taken where the line turns out to be full, and the least important go first."""
    line = Line(None, claim("a", priority=15), claim("b"), claim("c", weight=FULL), carries=3)
    assert line.run(1) == {"a", "b", "c"}
    assert line.run(12) == {"c"}
    line.carries = None
    line.run(60)
    assert line.run(30) == {"a", "b", "c"}


def test_a_cut_says_nothing_of_what_the_line_carries() -> None:
    """Whatever was given stays given over a cut of an hour; those that are gone are forgotten."""
    line = Line(5, claim("a"), claim("b"), carries=5)
    line.run(2)
    line.cut = True
    assert line.run(3600) == {"a", "b"}
    del line.claims["a"]
    line.run(1)
    line.cut = False
    assert line.run(1) == {"b"}


claims_st = st.lists(
    st.builds(
        Claim,
        key=st.text("abcdefgh", min_size=1, max_size=3),
        weight=st.sampled_from(Weight),
        priority=st.integers(0, 100),
        extra_bytes_s=st.integers(1, 10_000_000),
        has=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda each: each.key,
)


@given(claims_st, st.integers(-1_000_000, 20_000_000))
def test_what_is_given_fits_and_is_settled(claims: list[Claim], room: int) -> None:
    """All that is not forced fits by the margin; deciding again changes nothing."""
    given_keys = choose(claims, room, 0.1)
    free = [each for each in claims if each.key in given_keys and each.weight is not FORCED]
    forced = [each for each in claims if each.weight is FORCED]
    assert all(each.key in given_keys for each in forced)
    if free:
        assert sum(each.extra_bytes_s for each in (*free, *forced)) <= max(0, room) * 1.1 + 1
    after = [replace(each, has=each.key in given_keys) for each in claims]
    assert choose(after, room, 0.1) >= given_keys


@pytest.mark.parametrize("room", [0.0, -5.0])
def test_no_room(room: float) -> None:
    """Nobody but who forces it."""
    assert choose([claim("a"), claim("b", weight=FORCED)], room, 0.1) == {"b"}
