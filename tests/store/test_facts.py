"""Runs, grants, segments, gaps and copies in the catalogue."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.store.samples import STREAM, at, fragments, run, segment
from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import Copy, CopyState, SegmentState, gops_of
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from vms.domain.media import EndReason
from vms.store.catalogue import Catalogue
from vms.store.segments import Span
from vms.store.tables import METADATA

OTHER = StreamRef("o" * 16, StreamName.MAIN)


def _gap(start_s: float, end_s: float | None, **changes: object) -> Gap:
    state = GapState.OPEN if end_s is None else GapState.CLOSED
    end_ns = None if end_s is None else at(end_s)
    made = Gap(new_id(), STREAM, "s" * 16, "n" * 16, at(start_s), end_ns, GapCause.NODE_DOWN, state)
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


async def test_runs_come_back_whole(catalogue: Catalogue) -> None:
    """RunInfo and clock included; ended by a greater rev, and never opened again by an older one."""
    begun = run()
    assert await catalogue.runs.put(begun)
    assert await catalogue.runs.get(begun.id) == begun
    assert await catalogue.runs.open_on("n" * 16) == [begun]
    ended = replace(begun, end_ns=at(30), end_reason=EndReason.STREAM_STALLED, correction_ns=-7, rev=2)
    assert await catalogue.runs.put(ended)
    assert not await catalogue.runs.put(begun)
    assert await catalogue.runs.get(begun.id) == ended
    assert await catalogue.runs.open_on("n" * 16) == []


async def test_runs_of_an_interval(catalogue: Catalogue) -> None:
    """Half-open: those that only touch are left out; one under way counts to the end of time."""
    first, second, going = run(0, 10), run(10, 20), run(20)
    for one in (going, second, first):
        await catalogue.runs.put(one)
    assert await catalogue.runs.in_interval(STREAM, Interval(at(10), at(20))) == [second]
    assert await catalogue.runs.in_interval(STREAM, Interval(at(9), at(99))) == [first, second, going]
    assert await catalogue.runs.in_interval(OTHER, Interval(at(0), at(99))) == []


async def test_corrections_of_a_stream(catalogue: Catalogue) -> None:
    """How far shown times are from wall times, over all Runs; nothing where none was corrected."""
    assert await catalogue.runs.correction_range(STREAM) == (0, 0)
    for correction_ns in (5, 9, None):
        await catalogue.runs.put(replace(run(), correction_ns=correction_ns))
    assert await catalogue.runs.correction_range(STREAM) == (0, 9)
    await catalogue.runs.put(replace(run(), correction_ns=-3))
    assert await catalogue.runs.correction_range(STREAM) == (-3, 9)


async def test_epochs_grow_whoever_asks(catalogue: Catalogue) -> None:
    """Grants of a Stream asked for at once get different epochs without a hole."""
    grants = await asyncio.gather(*(catalogue.grants.next(STREAM, f"node-{i}", at(i)) for i in range(8)))
    assert sorted(grant.epoch for grant in grants) == list(range(1, 9))
    assert (await catalogue.grants.next(OTHER, "node", at(0))).epoch == 1
    latest = await catalogue.grants.latest(STREAM)
    assert latest is not None
    assert latest.epoch == 8
    assert [grant.epoch for grant in await catalogue.grants.of(STREAM)] == list(range(8, 0, -1))
    assert await catalogue.grants.latest(StreamRef("x" * 16, StreamName.SUB)) is None


async def test_segments_with_their_index(catalogue: Catalogue) -> None:
    """The index is written with the row; an older rev changes neither; expiry takes the index away."""
    opened = segment(0, 0, state=SegmentState.OPEN)
    index = fragments()
    closed = replace(opened, end_ns=at(60), state=SegmentState.SPOOLED, rev=2)
    window = Interval(at(0), at(100))
    assert await catalogue.segments.put(opened)
    assert await catalogue.segments.in_interval(STREAM, window) == [opened]
    assert await catalogue.segments.with_index(STREAM, window) == []
    assert await catalogue.segments.put(closed, index)
    assert not await catalogue.segments.put(opened, index[:3])
    (found,) = await catalogue.segments.with_index(STREAM, window)
    assert (found.segment, found.fragments) == (closed, tuple(index))
    (gops,) = await catalogue.segments.with_gops(STREAM, window)
    assert (gops.segment, gops.gops) == (closed, gops_of(index))
    stored = replace(closed, state=SegmentState.STORED, rev=3)
    assert await catalogue.segments.put(stored)
    assert [s.segment for s in await catalogue.segments.with_index(STREAM, window)] == [stored]
    assert await catalogue.segments.put(replace(stored, state=SegmentState.EXPIRED, rev=4))
    assert await catalogue.segments.in_interval(STREAM, window) == []
    assert await catalogue.segments.with_index(STREAM, window) == []
    assert await catalogue.segments.get("r" * 16, 0) == replace(stored, state=SegmentState.EXPIRED, rev=4)


async def test_intervals_are_half_open(catalogue: Catalogue) -> None:
    """What only touches the interval is left out."""
    for i in range(3):
        await catalogue.segments.put(segment(i * 60, i * 60 + 60, number=i))
    found = await catalogue.segments.in_interval(STREAM, Interval(at(60), at(120)))
    assert [one.number for one in found] == [1]
    assert await catalogue.segments.in_interval(OTHER, Interval(at(0), at(999))) == []


async def test_a_very_long_segment_is_found_from_its_middle(catalogue: Catalogue) -> None:
    """A Segment of hours (no key frame came to cut it) is found, and so is one that overlaps a later one a little."""
    await catalogue.segments.put(segment(0, 20_000, number=0))
    await catalogue.segments.put(segment(20_000, 20_400, number=1))
    await catalogue.segments.put(segment(20_350, 20_360, run="q" * 16, number=0))
    found = await catalogue.segments.in_interval(STREAM, Interval(at(10_000), at(10_001)))
    assert [one.number for one in found] == [0]
    found = await catalogue.segments.in_interval(STREAM, Interval(at(20_380), at(20_390)))
    assert [(one.run[0], one.number) for one in found] == [("r", 1)]


async def test_spans_join_what_belongs_together(catalogue: Catalogue) -> None:
    """Consecutive numbers of a Run are one span; a missing number, another Run or expiry begins another."""
    for number in (0, 1, 3):
        await catalogue.segments.put(segment(number * 60, number * 60 + 60.02, number=number))
    await catalogue.segments.put(segment(300, 310, run="q" * 16))
    await catalogue.segments.put(segment(310, 320, run="q" * 16, number=1, state=SegmentState.EXPIRED))
    await catalogue.segments.put(segment(320, 330, run="q" * 16, number=2, state=SegmentState.OPEN))
    spans = await catalogue.segments.spans(STREAM, Interval(at(0), at(999)))
    assert spans == [
        Span("r" * 16, at(0), at(120.02), expired=False),
        Span("r" * 16, at(180), at(240.02), expired=False),
        Span("q" * 16, at(300), at(310), expired=False),
        Span("q" * 16, at(310), at(320), expired=True),
    ]


async def test_segments_by_state_and_age(catalogue: Catalogue) -> None:
    """What the sweep, the uploader and retention ask for."""
    states = [SegmentState.STORED, SegmentState.STORED, SegmentState.SPOOLED, SegmentState.OPEN]
    for i, state in enumerate(states):
        await catalogue.segments.put(segment(i * 60, i * 60 + 60, number=i, state=state))
    await catalogue.segments.put(segment(0, 60, run="o" * 16, stream=OTHER))

    async def numbers(state: SegmentState, node: str | None = None) -> list[int]:
        return [one.number for one in await catalogue.segments.by_state(state, node)]

    assert await numbers(SegmentState.SPOOLED, "n" * 16) == [2]
    assert await numbers(SegmentState.SPOOLED, "x" * 16) == []
    assert await numbers(SegmentState.OPEN) == [3]
    assert sorted(await numbers(SegmentState.STORED)) == [0, 0, 1]
    expirable = await catalogue.segments.expirable(STREAM.camera, at(119), 10)
    assert [one.number for one in expirable] == [0]
    expirable = await catalogue.segments.expirable(STREAM.camera, at(999), 1)
    assert [one.number for one in expirable] == [0]
    assert await catalogue.segments.stored_bytes() == 3000
    assert await catalogue.segments.stored_bytes(STREAM.camera) == 2000
    assert await catalogue.segments.last_end_ns(STREAM) == at(240)
    assert await catalogue.segments.last_end_ns(StreamRef("x" * 16, StreamName.SUB)) is None


async def test_gaps(catalogue: Catalogue) -> None:
    """Open ones overlap everything after their start; closing needs a greater rev."""
    old, going = _gap(0, 10), _gap(50, None)
    await catalogue.gaps.put(going)
    await catalogue.gaps.put(old)
    assert await catalogue.gaps.in_interval(STREAM, Interval(at(0), at(99))) == [old, going]
    assert await catalogue.gaps.in_interval(STREAM, Interval(at(10), at(50))) == []
    assert await catalogue.gaps.open_of(STREAM) == going
    assert await catalogue.gaps.open_of(OTHER) is None
    assert await catalogue.gaps.all_open("n" * 16) == [going]
    closed = replace(going, end_ns=at(60), state=GapState.CLOSED, rev=2)
    assert await catalogue.gaps.put(closed)
    assert not await catalogue.gaps.put(going)
    assert await catalogue.gaps.open_of(STREAM) is None
    assert await catalogue.gaps.all_open("n" * 16) == []
    assert await catalogue.gaps.in_interval(STREAM, Interval(at(59), at(99))) == [closed]


async def test_copies(catalogue: Catalogue) -> None:
    """One row per Segment and Store; the greater rev wins."""
    wanted = Copy("r" * 16, 0, "home", CopyState.WANTED)
    verified = replace(wanted, state=CopyState.VERIFIED, verified_ns=at(5), rev=2)
    assert await catalogue.copies.put(wanted)
    assert await catalogue.copies.put(verified)
    assert not await catalogue.copies.put(wanted)
    assert await catalogue.copies.of("r" * 16, 0) == [verified]
    assert await catalogue.copies.of("r" * 16, 1) == []


def _plan(path: Path, statement: str, values: tuple[object, ...]) -> list[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    connection.close()
    return [row[3] for row in rows]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_queries_are_range_scans(catalogue: Catalogue, tmp_path: Path) -> None:
    """What must stay cheap with ten million Segments walks an index from a start to an end, and never a table."""
    seen: list[tuple[str, tuple[object, ...]]] = []

    def note(_c: object, _cursor: object, statement: str, values: tuple[object, ...], *_more: object) -> None:
        seen.append((statement, values))

    event.listen(catalogue._db._reader.sync_engine, "before_cursor_execute", note)
    window, by_start = Interval(at(0), at(99)), "ix_segments_camera_stream_start_ns (camera=? AND stream=? AND start_ns"
    wanted = [
        (lambda: catalogue.segments.in_interval(STREAM, window), by_start + ">? AND start_ns<?)"),
        (lambda: catalogue.segments.with_index(STREAM, window), by_start + ">? AND start_ns<?)"),
        (lambda: catalogue.segments.spans(STREAM, window), by_start + ">? AND start_ns<?)"),
        (lambda: catalogue.segments.last_end_ns(STREAM), "ix_segments_camera_stream_start_ns (camera=? AND stream=?)"),
        (lambda: catalogue.segments.by_state(SegmentState.OPEN, "n"), "ix_segments_in_spool (node=? AND state=?)"),
        (lambda: catalogue.segments.expirable("c", at(9), 10), "ix_segments_stored (camera=? AND start_ns<?)"),
        (lambda: catalogue.segments.stored_bytes("c"), "COVERING INDEX ix_segments_stored (camera=?)"),
        (
            lambda: catalogue.gaps.in_interval(STREAM, window),
            "ix_gaps_camera_stream_end_ns (camera=? AND stream=? AND end_ns>?)",
        ),
        (lambda: catalogue.gaps.open_of(STREAM), "ix_gaps_camera_stream_end_ns (camera=? AND stream=? AND end_ns=?)"),
        (lambda: catalogue.gaps.all_open("n"), "ix_gaps_open (node=?)"),
        (
            lambda: catalogue.runs.in_interval(STREAM, window),
            "ix_runs_camera_stream_end_ns (camera=? AND stream=? AND end_ns>?)",
        ),
        (lambda: catalogue.runs.correction_range(STREAM), "INDEX ix_runs_corrected (camera=? AND stream=?"),
        (lambda: catalogue.runs.open_on("n"), "ix_runs_under_way (node=?)"),
    ]
    for query, index in wanted:
        await query()
        steps = _plan(tmp_path / "vms.db", *seen[-1])
        assert any(index in step for step in steps), (index, steps)
        assert not any(step.startswith("SCAN") and step.split()[1] in METADATA.tables for step in steps), (
            index,
            steps,
        )
