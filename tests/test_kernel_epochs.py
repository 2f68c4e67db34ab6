"""Footage of several Nodes of one time: nothing overlaps, nothing is hidden that is alone, owners show their own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vms.domain.camera import StreamName, StreamRef
from vms.domain.epochs import Recorded, cut, cut_gops, overlaps, own_gaps
from vms.domain.footage import Gop, GopSegment, Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.grant import LeaseGrant
from vms.domain.interval import Interval, total_ns, union

STREAM = StreamRef("c" * 16, StreamName.MAIN)
S = 1_000_000_000
PIECES = st.lists(
    st.builds(
        lambda start, length, epoch: Recorded(Interval(start, start + length), epoch),
        st.integers(0, 100),
        st.integers(1, 40),
        st.integers(1, 5),
    ),
    max_size=8,
)
GRANTS = st.lists(st.integers(0, 120), max_size=5).map(
    lambda times: [LeaseGrant(STREAM, n + 1, f"node-{n % 2}", at) for n, at in enumerate(times)]
)


def grant(epoch: int, node: str, at_s: float) -> LeaseGrant:
    """A grant; seconds."""
    return LeaseGrant(STREAM, epoch, node, round(at_s * S))


def piece(start_s: float, end_s: float, epoch: int) -> Recorded:
    """Footage; seconds."""
    return Recorded(Interval(round(start_s * S), round(end_s * S)), epoch)


@settings(max_examples=300)
@given(PIECES, GRANTS)
def test_nothing_overlaps_and_nothing_is_lost(pieces: list[Recorded], grants: list[LeaseGrant]) -> None:
    """Whatever the grants: no moment is of two epochs, and every moment there is footage of shows."""
    shown = cut(pieces, grants)
    everything = union(one.interval for one in pieces)
    assert union(part for parts in shown for part in parts) == everything
    by_epoch = {
        e: union(p for one, ps in zip(pieces, shown, strict=True) if one.epoch == e for p in ps) for e in range(6)
    }
    assert sum(total_ns(parts) for parts in by_epoch.values()) == total_ns(everything)
    assert overlaps((i.interval.start_ns, i.interval.end_ns, i.epoch) for i in pieces) == any(
        a.epoch != b.epoch and a.interval.clip(b.interval) for a in pieces for b in pieces
    )


@given(PIECES, GRANTS)
def test_what_an_epoch_recorded_in_its_time_shows(pieces: list[Recorded], grants: list[LeaseGrant]) -> None:
    """The owner of a moment is the greatest epoch granted up to it; where it has footage, that is what shows."""
    shown = cut(pieces, grants)
    for moment in range(0, 140, 3):
        owner = max((g.epoch for g in grants if g.granted_ns <= moment), default=0)
        at = Interval(moment, moment + 1)
        if any(one.epoch == owner and one.interval.clip(at) for one in pieces):
            seen = {one.epoch for one, parts in zip(pieces, shown, strict=True) if any(p.clip(at) for p in parts)}
            assert seen == {owner}


def test_a_former_holder_gives_way_and_fills_holes() -> None:
    """What it recorded later shows where the new holder has nothing."""
    pieces = [piece(0, 60, 1), piece(20, 30, 2), piece(40, 80, 2)]
    shown = cut(pieces, [grant(1, "a", 0), grant(2, "b", 20)])
    assert shown == [
        [Interval(0, 20 * S), Interval(30 * S, 40 * S)],
        [Interval(20 * S, 30 * S)],
        [Interval(40 * S, 80 * S)],
    ]


def test_a_grant_moves_with_the_correction_of_its_footage() -> None:
    """The new holder's clock was 5 s late: its grant is shown 5 s later, as its footage is."""
    shown = cut([piece(0, 60, 1), piece(25, 80, 2)], [grant(1, "a", 0), grant(2, "b", 20)], {2: 5 * S})
    assert shown == [[Interval(0, 25 * S)], [Interval(25 * S, 80 * S)]]


def gops(*starts_s: float, length_s: float = 2.0) -> GopSegment:
    """A Segment of GOPs that begin then."""
    segment = Segment("r" * 16, 0, STREAM, "site", "node", 1, 0, 60 * S, SegmentState.STORED)
    return GopSegment(segment, tuple(Gop(0, 1, 0, int(length_s * 90_000), round(at * S)) for at in starts_s))


def test_gops_go_to_who_has_the_greater_part() -> None:
    """Jitter at the cut leaves no double GOP; a hole that is filled makes a stretch of its own."""
    former = gops(0, 2, 4, 6, 8, 10)
    assert cut_gops(former, [Interval(0, 12 * S)]) == [former]
    (left,) = cut_gops(former, [Interval(0, 6 * S + 5_000_000)])
    assert [gop.wall_ns // S for gop in left.gops] == [0, 2, 4]
    (left,) = cut_gops(former, [Interval(0, 6 * S - 5_000_000)])
    assert [gop.wall_ns // S for gop in left.gops] == [0, 2, 4]
    first, second = cut_gops(former, [Interval(0, 4 * S), Interval(8 * S, 10 * S)])
    assert [gop.wall_ns // S for gop in first.gops] == [0, 2]
    assert [gop.wall_ns // S for gop in second.gops] == [8]
    assert cut_gops(former, []) == []
    moved = cut_gops(former, [Interval(100 * S, 104 * S)], 100 * S)
    assert [gop.wall_ns // S for one in moved for gop in one.gops] == [0, 2]


def test_an_open_gap_of_a_node_that_no_longer_has_the_stream_ends() -> None:
    """At the grant to the next Node; the holder's own stays open, and so does one on a single machine."""
    open_gap = Gap("g", STREAM, "site", "a", 5 * S, None, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
    grants = [grant(1, "a", 0), grant(2, "a", 7), grant(3, "b", 20), grant(4, "b", 30)]
    (ended,) = own_gaps([open_gap], grants)
    assert (ended.end_ns, ended.state, ended.cause) == (20 * S, GapState.CLOSED, GapCause.CAMERA_UNREACHABLE)
    assert own_gaps([open_gap], grants[:2]) == [open_gap]
    assert own_gaps([open_gap], []) == [open_gap]
    assert own_gaps([open_gap], [*grants, grant(5, "a", 40)]) == [open_gap]
