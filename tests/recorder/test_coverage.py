"""Coverage: recorded and Gaps share out every window."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.coverage import EDGE_NS, JOIN_NS, Missing, cover
from tests.recorder.synth import NODE, SITE, STREAM
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, total_ns, union

S = 1_000_000_000
WINDOW = Interval(1000 * S, 2000 * S)


def gap(start_s: float, end_s: float | None, cause: GapCause = GapCause.NODE_DOWN, key: str = "g") -> Gap:
    """A Gap row; seconds."""
    state = GapState.OPEN if end_s is None else GapState.CLOSED
    end_ns = None if end_s is None else round(end_s * S)
    return Gap(key, STREAM, SITE, NODE, round(start_s * S), end_ns, cause, state)


def span(start_s: float, end_s: float) -> Interval:
    """An interval; seconds."""
    return Interval(round(start_s * S), round(end_s * S))


_EDGE = st.integers(0, 3000)
_SPANS = st.lists(st.tuples(_EDGE, st.integers(1, 800)).map(lambda p: span(p[0], p[0] + p[1])), max_size=8)
_GAPS = st.lists(
    st.builds(
        lambda start, length, cause, key: gap(start, None if length is None else start + length, cause, str(key)),
        _EDGE,
        st.none() | st.integers(1, 900),
        st.sampled_from(list(GapCause)),
        st.integers(),
    ),
    max_size=8,
)


@settings(max_examples=200)
@given(_SPANS, _GAPS, _SPANS, st.booleans(), st.sampled_from([1500, 2000, 2001]))
def test_recorded_and_gaps_are_everything(
    recorded: list[Interval], gaps: list[Gap], expired: list[Interval], going_on: bool, now_s: int
) -> None:
    """Whatever rows there are: no overlap, no rest, order kept, and footage is never called missing."""
    found = cover(WINDOW, recorded, gaps, expired, now_ns=now_s * S, going_on=going_on)
    pieces = [*found.intervals, *(Interval(g.start_ns, g.end_ns) for g in found.gaps)]
    assert union(pieces) == [WINDOW]
    assert sum(piece.duration_ns for piece in pieces) == WINDOW.duration_ns
    assert [g.start_ns for g in found.gaps] == sorted(g.start_ns for g in found.gaps)
    inside = [part for one in recorded if (part := one.clip(WINDOW))]
    assert total_ns([*found.intervals, *inside]) == found.recorded_ns
    assert found.recorded_ns - total_ns(inside) <= EDGE_NS


def test_rows_explain_and_the_rest_is_unknown() -> None:
    """A row's cause is given for its part; what no row explains is said too, open where it goes on now."""
    found = cover(WINDOW, [span(1000, 1200)], [gap(1300, 1400)], now_ns=WINDOW.end_ns)
    assert found.gaps == (
        Missing(1200 * S, 1300 * S, GapCause.UNKNOWN, GapState.CLOSED),
        Missing(1300 * S, 1400 * S, GapCause.NODE_DOWN, GapState.CLOSED),
        Missing(1400 * S, 2000 * S, GapCause.UNKNOWN, GapState.OPEN),
    )


def test_an_open_gap_goes_to_the_end() -> None:
    """It covers all of the window after its start."""
    found = cover(WINDOW, [], [gap(500, None, GapCause.AUTH_FAILED)], now_ns=WINDOW.end_ns)
    assert found.gaps == (Missing(1000 * S, 2000 * S, GapCause.AUTH_FAILED, GapState.OPEN),)


def test_footage_outdoes_a_gap() -> None:
    """Footage that arrived later for a Gap is footage."""
    found = cover(WINDOW, [span(1100, 1900)], [gap(1000, 2000)], now_ns=3000 * S)
    assert found.intervals == (span(1100, 1900),)
    assert [(g.start_ns // S, g.end_ns // S) for g in found.gaps] == [(1000, 1100), (1900, 2000)]


def test_expired_footage_is_said() -> None:
    """What retention took is nobody's fault, but for what a row says."""
    found = cover(WINDOW, [span(1500, 2000)], [gap(1000, 1100)], [span(900, 1500)], now_ns=3000 * S)
    assert [g.cause for g in found.gaps] == [GapCause.NODE_DOWN, GapCause.EXPIRED]


def test_jitter_is_no_gap() -> None:
    """Between two stretches a hole of a frame or two that nobody wrote down is none; one that was written down is."""
    a, b = span(1000, 1500), Interval(1500 * S + JOIN_NS, 2000 * S)
    assert cover(WINDOW, [a, b], [], now_ns=3000 * S).intervals == (WINDOW,)
    written = cover(WINDOW, [a, b], [gap(1500, 1501, GapCause.OVERLOAD)], now_ns=3000 * S)
    assert [g.cause for g in written.gaps] == [GapCause.OVERLOAD]
    wider = Interval(1500 * S + JOIN_NS + 1, 2000 * S)
    assert [g.cause for g in cover(WINDOW, [a, wider], [], now_ns=3000 * S).gaps] == [GapCause.UNKNOWN]


def test_what_is_missing_before_a_camera_went_is_a_fragment_at_most() -> None:
    """A fifth of a second before its removal is recorded, half a second is not; of a camera that stays neither is."""
    late, later = WINDOW.end_ns - S // 5, WINDOW.end_ns - S // 2
    for end_ns, removed, missing in ((late, True, 0), (later, True, 1), (late, False, 1)):
        footage = [Interval(WINDOW.start_ns, end_ns)]
        found = cover(WINDOW, footage, [], now_ns=WINDOW.end_ns + 60 * S, told_ns=late - 60 * S, removed=removed)
        assert len(found.gaps) == missing
        assert found.recorded_ns == (WINDOW.duration_ns if not missing else end_ns - WINDOW.start_ns)


def test_the_edge_of_now() -> None:
    """Footage that is still written reaches to now; footage that ended does not, nor does one that has stood still."""
    ends = Interval(1000 * S, 2000 * S - EDGE_NS)
    assert cover(WINDOW, [ends], [], now_ns=WINDOW.end_ns, going_on=True).gaps == ()
    assert len(cover(WINDOW, [ends], [], now_ns=WINDOW.end_ns).gaps) == 1
    assert len(cover(WINDOW, [ends], [], now_ns=WINDOW.end_ns + S, going_on=True).gaps) == 1
    late = Interval(1000 * S, 2000 * S - S // 5)
    assert cover(WINDOW, [late], [], now_ns=WINDOW.end_ns + S // 2, going_on=True).gaps == ()
    over = gap(1999.8, None, GapCause.CAMERA_UNREACHABLE)
    (said,) = cover(WINDOW, [late], [over], now_ns=WINDOW.end_ns, going_on=True).gaps
    assert (said.start_ns, said.cause) == (late.end_ns, GapCause.CAMERA_UNREACHABLE)
    older = Interval(1000 * S, 2000 * S - EDGE_NS - 1)
    assert len(cover(WINDOW, [older], [], now_ns=WINDOW.end_ns, going_on=True).gaps) == 1


def test_a_year_of_a_flapping_camera_is_quick() -> None:
    """Fifty thousand stretches and Gaps are one pass, not one for each pair."""
    window = Interval(0, 100_000 * 10 * S)
    recorded = [span(i * 20, i * 20 + 10) for i in range(50_000)]
    gaps = [gap(i * 20 + 10, i * 20 + 20, key=str(i)) for i in range(50_000)]
    started = time.process_time()
    found = cover(window, recorded, gaps, now_ns=window.end_ns + S)
    assert time.process_time() - started < 5
    assert (len(found.intervals), len(found.gaps)) == (50_000, 50_000)


def test_what_a_far_site_has_yet_to_tell_is_not_reported() -> None:
    """A hole that ends before the newest row is unknown; what comes after the newest row is not reported, and open."""
    told = WINDOW.start_ns + 600 * S
    recorded = [span(1000, 1200), span(1300, 1600)]
    found = cover(WINDOW, recorded, [], now_ns=WINDOW.end_ns + S, told_ns=told)
    assert [(gap.cause, gap.state) for gap in found.gaps] == [
        (GapCause.UNKNOWN, GapState.CLOSED),
        (GapCause.NOT_REPORTED, GapState.OPEN),
    ]
    assert found.gaps[-1].end_ns == WINDOW.end_ns
