"""Strips of timelines: a month out of Runs and Gap rows is what Segments say, and nothing is finer than a step."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.coverage import Coverage, Missing, cover
from recorder.skeleton import RecordedRun, skeleton
from recorder.strips import gathered, strip
from tests.recorder.synth import NODE
from tests.recorder.test_coverage import WINDOW, S, gap, span
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval, total_ns, union

FAR_NS = 10_000 * S
_LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=12)


@settings(max_examples=150)
@given(_LENGTHS, st.sampled_from(list(GapCause)), st.integers(0, 400))
def test_a_skeleton_says_what_segments_say(lengths: list[int], cause: GapCause, first: int) -> None:
    """A ledger without overlap: Runs and Gaps in turn, the oldest footage expired."""
    at, runs, gaps, expired = 900, [], [], []
    for number, length in enumerate(lengths):
        piece = span(at, at + length)
        if number % 2:
            gaps.append(gap(at, at + length, cause, f"g{number}"))
        else:
            runs.append(piece)
            if at < first + 900:
                gone = span(at, min(at + length, first + 900))
                expired.append(gone)
                gaps.append(gap(gone.start_ns / S, gone.end_ns / S, GapCause.EXPIRED, f"e{number}"))
        at += length
    kept = [part for run in runs for part in _without(run, expired)]
    whole = cover(WINDOW, kept, gaps, now_ns=FAR_NS)
    assert skeleton(WINDOW, [RecordedRun(NODE, run) for run in runs], gaps, now_ns=FAR_NS) == whole
    assert union([*whole.intervals, *(Interval(one.start_ns, one.end_ns) for one in whole.gaps)]) == [WINDOW]


def _without(run: Interval, expired: list[Interval]) -> list[Interval]:
    ends = [one.end_ns for one in expired if one.start_ns == run.start_ns]
    start_ns = ends[0] if ends else run.start_ns
    return [Interval(start_ns, run.end_ns)] if start_ns < run.end_ns else []


def test_a_gap_of_another_node_hides_no_footage() -> None:
    """A node that came back says that nobody had the Stream meanwhile; the Run of who had it says otherwise."""
    runs = [RecordedRun("another", span(1000, 1800))]
    found = skeleton(WINDOW, runs, [gap(1200, 2000)], now_ns=FAR_NS)
    assert list(found.intervals) == [span(1000, 1800)]
    own = skeleton(WINDOW, [RecordedRun(NODE, span(1000, 1800))], [gap(1200, 1500)], now_ns=FAR_NS)
    assert list(own.intervals) == [span(1000, 1200), span(1500, 1800)]


def missing(start_s: float, end_s: float, cause: GapCause = GapCause.NODE_DOWN) -> Missing:
    """A stretch that is not replayable; seconds."""
    return Missing(round(start_s * S), round(end_s * S), cause, GapState.CLOSED)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), max_size=60), st.integers(1, 200))
def test_gathering_loses_nothing_and_is_bounded(pairs: list[tuple[int, int]], step: int) -> None:
    """Every gap is in one group, what is missing adds up, and any two groups that follow take more than a step."""
    at, gaps = 0, []
    for space, length in pairs:
        gaps.append(missing(at + space, at + space + length))
        at += space + length
    found = gathered(gaps, step * S)
    assert sum(one.count for one in found) == len(gaps)
    assert sum(one.missing_ns for one in found) == sum(one.end_ns - one.start_ns for one in gaps)
    for before, after in pairwise(found):
        assert after.end_ns - before.start_ns > step * S


def test_a_fault_is_not_hidden_by_what_is_nobodys_fault() -> None:
    """Of gaps that are drawn as one the worst cause is said, however short it was."""
    found = gathered([missing(0, 8, GapCause.SCHEDULE), missing(8, 9, GapCause.DISK_ERROR)], 60 * S)
    assert [(one.cause, one.count, one.missing_ns) for one in found] == [(GapCause.DISK_ERROR, 2, 9 * S)]


def test_coverages_that_follow_each_other_are_one_strip() -> None:
    """A gap over the seam is one gap, footage over short gaps one bar; without a window there is nothing."""
    old = Coverage(span(0, 100), (span(0, 10), span(12, 90)), (missing(10, 12), missing(90, 100)))
    new = Coverage(span(100, 200), (span(130, 200),), (missing(100, 130),))
    found = strip("c", [old, new], 5 * S)
    assert (found.window, list(found.recorded)) == (span(0, 200), [span(0, 90), span(130, 200)])
    assert [(one.start_ns // S, one.end_ns // S) for one in found.lacks] == [(10, 12), (90, 130)]
    assert total_ns(found.recorded) == 160 * S
    assert strip("c", [Coverage(None)], S).window is None
