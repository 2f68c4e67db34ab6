"""The recorder as a whole: hub in, files, rows, Gaps and answers out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.recorder.rig import (
    FOREVER,
    HOT,
    RANGE,
    REGISTERED_NS,
    rig,
    rows_of,
    seamless,
    until,
    until_async,
    until_gap,
    until_spooled,
)
from tests.recorder.synth import CAMERA, STREAM, make_run, packets
from vms.clock import NS_PER_S
from vms.domain.footage import IndexedSegment, SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.media import EndReason, RunStarted, StreamCondition, StreamState
from vms.errors import InputError, ObjectMissingError


async def test_a_run_becomes_segments_rows_and_gaps(tmp_path: Path) -> None:
    """Six seconds in Segments of two give three rows, one Run row with its end, and Gaps before and after."""
    async with rig(tmp_path) as r:
        run = make_run()
        end_ns = r.play(run, packets(run, seconds=6), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 3)
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [s.number for s in segments] == [0, 1, 2]
        assert (segments[0].start_ns, segments[-1].end_ns) == (run.start_ns, end_ns)
        assert [(g.cause, g.start_ns) for g in gaps] == [
            (GapCause.NODE_DOWN, REGISTERED_NS),
            (GapCause.CAMERA_UNREACHABLE, end_ns),
        ]
        row = await r.catalogue.runs.get(run.id)
        assert row is not None
        assert (row.end_ns, row.end_reason) == (end_ns, EndReason.CAMERA_UNREACHABLE)
        indexed = await r.catalogue.segments.with_index(STREAM, FOREVER)
        assert sum(f.duration_90k for one in indexed for f in one.fragments) == 6 * 90_000


async def test_the_hot_tail_is_answered(tmp_path: Path) -> None:
    """What is open is told with its fragments, and its bytes are given; nothing else is."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        r.play(run, packets(run, seconds=3))

        async def hot() -> list[IndexedSegment]:
            answer = await r.bus.request(HOT, {})
            found: list[IndexedSegment] = answer["segments"]
            return found

        async def there() -> bool:
            return sum(len(one.fragments) for one in await hot()) >= 14

        await until_async(there)
        (one,) = await hot()
        assert one.segment.state is SegmentState.OPEN
        assert one.segment.end_ns == one.fragments[-1].wall_ns + one.fragments[-1].duration_90k * 100_000 // 9
        last = one.fragments[-1]
        asked = {"key": one.segment.key, "offset": last.offset_bytes, "length": last.size_bytes}
        data = (await r.bus.request(RANGE, asked))["data"]
        assert (len(data), data[4:8]) == (last.size_bytes, b"prft")
        for wrong, error in (
            ({**asked, "key": one.segment.key.replace(run.id, "zzzz")}, ObjectMissingError),
            ({**asked, "key": "../../etc/passwd"}, InputError),
            ({**asked, "offset": -1}, InputError),
            ({**asked, "length": 1 << 40}, InputError),
            ({"key": one.segment.key}, InputError),
        ):
            with pytest.raises(error):
                await r.bus.request(RANGE, wrong)


async def test_states_name_the_cause(tmp_path: Path) -> None:
    """What ingest says of a Stream that gives nothing becomes the Gap's cause, from when it says."""
    async with rig(tmp_path) as r:
        since_ns = REGISTERED_NS + 5 * NS_PER_S
        r.publish([StreamState(STREAM, StreamCondition.AUTH_FAILED, since_ns, "wrong password", "auth_failed")])
        await until_gap(r, GapCause.AUTH_FAILED, GapState.OPEN)
        segments, gaps = await rows_of(r)
        assert [(g.cause, g.start_ns, g.end_ns) for g in gaps] == [
            (GapCause.NODE_DOWN, REGISTERED_NS, since_ns),
            (GapCause.AUTH_FAILED, since_ns, None),
        ]
        assert segments == []


async def test_a_late_packet_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    """What is there is written a quarter of a second later at most, though the next Packet does not come."""
    async with rig(tmp_path) as r:
        run = make_run()
        sent = list(packets(run, seconds=1))[:8]
        r.play(run, sent)

        async def there() -> bool:
            answer = await r.bus.request(HOT, {})
            return sum(f.duration_90k for one in answer["segments"] for f in one.fragments) == 8 * 3600

        await until_async(there, 3)


async def test_who_comes_in_the_middle_asks_for_a_new_run(tmp_path: Path) -> None:
    """A recorder that starts during a Run records nothing of it, and asks ingest for another."""
    async with rig(tmp_path, start=False) as r:
        run = make_run()
        sent = list(packets(run, seconds=2))
        r.play(run, sent[:30])
        r.start()
        await r.ready()
        r.publish(sent[30:])
        await until(lambda: r.asked)
        assert list(r.spool.files()) == []


async def test_what_comes_during_the_sweep_is_recorded(tmp_path: Path) -> None:
    """Ingest may begin while the recorder still sweeps: not a Packet is missed, and no new Run is asked for."""
    async with rig(tmp_path, start=False) as r:
        r.start()
        await asyncio.sleep(0)
        run = make_run()
        r.play(run, packets(run, seconds=2), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 1)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert (segments[0].start_ns, r.asked) == (run.start_ns, [])


async def test_a_segment_ends_at_the_next_key_frame_when_it_is_asked_to(tmp_path: Path) -> None:
    """An export that reaches up to now can be proved within a group of pictures, and no frame is lost by it."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        found = list(packets(run, seconds=6))
        r.publish([RunStarted(run), *found[:60]])
        await until_async(lambda: r.catalogue.segments.by_state(SegmentState.OPEN))
        await r.bus.request(f"recorder.cut.{CAMERA}.main", {})
        r.publish(found[60:])
        await until_spooled(r, 1)
        (first,) = await r.catalogue.segments.by_state(SegmentState.SPOOLED)
        assert (first.start_ns, first.end_ns, first.gops) == (run.start_ns, run.start_ns + 3 * NS_PER_S, 3)
