"""The policy of a thin line, on a line that is not there: what is sent is fresh, decodable, comes back after cuts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.credit import Act, Credit, priority_of, rank
from ingest.line import CreditOptions, Line
from tests.ingest.thin_line import Camera, World, ages_ms, p95, subs
from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.camera import LinePriority, StreamName, StreamRef

SUB = StreamRef("camera", StreamName.SUB)
MS = NS_PER_MS


def decodable(camera: Camera) -> bool:
    """Whatever was sent has all since its key frame sent before it."""
    sent = set(camera.sent)
    return all(frame % camera.gop == 0 or frame - 1 in sent for frame in camera.sent)


def test_a_line_that_carries_all_gets_all() -> None:
    """Four subs of 300 kb/s on 2 Mb/s and 300 ms: nothing is dropped."""
    world = World(subs(4), rate_bps=2_000_000, delay_ms=150)
    world.run(60)
    for camera in world.cameras:
        assert len(camera.sent) == camera.frame
        assert p95(ages_ms(camera)) < 400


def test_twice_what_the_line_carries() -> None:
    """Fewer pictures, none of them old; those of more important cameras stay."""
    world = World(subs(12, priority=lambda n: 90 if n < 4 else 20), rate_bps=1_800_000, delay_ms=150)
    world.run(120)
    shares = [len(c.arrived) / c.frame for c in world.cameras]
    assert all(p95(ages_ms(c, 5)) < 1200 for c in world.cameras), [p95(ages_ms(c, 5)) for c in world.cameras]
    assert all(ages_ms(c, 5)[-1] < 2000 for c in world.cameras)
    assert min(shares[:4]) > max(shares[4:])
    assert min(shares[:4]) > 0.6, shares
    used = sum(c.size(f) for c in world.cameras for f in c.sent) * 8 / 120
    assert used > 0.6 * 1_800_000


def test_equal_cameras_do_not_all_stutter() -> None:
    """Of six equal ones on a line for four, one stays whole at least, instead of all being cut up."""
    world = World(subs(6), rate_bps=1_300_000, delay_ms=100)
    world.run(120)
    shares = sorted(len(c.arrived) / c.frame for c in world.cameras)
    assert shares[-1] > 0.9, shares
    assert sum(shares) > 2.5, shares


@pytest.mark.parametrize("seconds", [3, 20, 300])
def test_after_a_cut_it_goes_on(seconds: int) -> None:
    """While it is cut little is queued; pictures of now come within two groups of its return."""
    world = World(subs(4), rate_bps=2_000_000, delay_ms=150)
    world.run(10)
    world.break_off()
    before = [len(c.sent) for c in world.cameras]
    world.run(seconds)
    queued = [len(c.sent) - b for c, b in zip(world.cameras, before, strict=True)]
    assert all(q <= 4 * 15 + seconds for q in queued)
    world.mend()
    back_ns = world.now_ns
    world.run(6)
    for camera in world.cameras:
        fresh = [a for a in camera.arrived if a.at_ns > back_ns and a.age_ns < NS_PER_S]
        assert fresh[0].at_ns - back_ns < 4.5 * NS_PER_S
    world.run(10)
    start = world.now_ns
    world.run(10)
    assert all(sum(a.at_ns >= start for a in c.arrived) >= 149 for c in world.cameras)


def test_a_longer_way_is_learned() -> None:
    """The route changes from 60 to 700 ms: after a while all goes again, although no acknowledgement is as quick."""
    world = World(subs(2), rate_bps=2_000_000, delay_ms=30)
    world.run(20)
    world.delay_ms = 350
    world.run(60)
    start = [len(c.sent) for c in world.cameras]
    world.run(20)
    assert all(len(c.sent) - s >= 280 for c, s in zip(world.cameras, start, strict=True))


def test_a_standing_queue_is_not_taken_for_the_way() -> None:
    """Overload for ten minutes: the best time does not creep up, and so do ages not."""
    world = World(subs(8), rate_bps=1_200_000, delay_ms=150)
    world.run(600)
    assert world.line.best_ns is None or world.line.best_ns < 700 * MS
    assert all(p95(ages_ms(c, 300)) < 1200 for c in world.cameras)


def test_key_frames_that_do_not_fit_become_small_pictures() -> None:
    """A main of 2 Mb/s on a line of 100 kb/s: small pictures, none old; when the line is better, all again."""
    main = Camera(StreamRef("camera", StreamName.MAIN), fps=25, bps=2_000_000, gop=50)
    world = World([main], rate_bps=100_000, delay_ms=150)
    world.run(60)
    start_ns = world.now_ns
    world.run(60)
    pictures = [a for a in main.arrived if a.picture and a.at_ns > start_ns]
    assert len(pictures) >= 8
    assert sum(a.age_ns < 2 * NS_PER_S for a in pictures) >= len(pictures) * 0.8
    world.rate_bps = 10_000_000
    world.run(90)
    sent = len(main.sent)
    world.run(10)
    assert len(main.sent) - sent == 250


def test_nothing_is_old_news() -> None:
    """A number never sent, or of a unit given up, says nothing of the line but that it is there."""
    line = Line()
    credit = Credit(line, SUB, 50)
    assert credit.offer(is_key=True, size=10, now_ns=0) is Act.SEND
    credit.sent(1, 10, 0, is_key=True)
    credit.acked(7, 10 * MS)
    assert line.best_ns is None
    assert credit.offer(is_key=False, size=10, now_ns=5 * NS_PER_S) is Act.SKIP
    assert line.lost
    credit.acked(1, 5 * NS_PER_S)
    assert (line.lost, line.best_ns) == (True, None)
    assert credit.offer(is_key=True, size=10, now_ns=6 * NS_PER_S) is Act.SEND
    credit.sent(2, 10, 6 * NS_PER_S, is_key=True)
    credit.acked(2, 6 * NS_PER_S + 1)
    assert not line.lost


def test_a_cached_group_goes_only_where_it_fits() -> None:
    """All of it on an idle line; its key frame where it is too much; nothing while another burst is under way."""
    line = Line(CreditOptions(burst_bytes=50_000))
    first, second = Credit(line, SUB, 50), Credit(line, StreamRef("other", StreamName.SUB), 50)
    assert first.burst(size=40_000, key_size=9_000, now_ns=0) is Act.SEND
    first.sent(1, 40_000, 0)
    assert second.burst(size=40_000, key_size=9_000, now_ns=MS) is None
    second.sent(1, 9_000, MS, is_key=True)
    assert Credit(line, SUB, 50).burst(size=40_000, key_size=9_000, now_ns=2 * NS_PER_S) is Act.SKIP


def test_priorities() -> None:
    """sub before main; the spread by name is always the same and beats neither a difference nor what a camera says."""
    main = StreamRef("camera", StreamName.MAIN)
    assert priority_of(SUB) > priority_of(main)
    assert rank(SUB, 50) == rank(SUB, 50)
    assert all(rank(StreamRef(f"c{n}", StreamName.SUB), 70) >= rank(SUB, 50) for n in range(50))
    low, normal, high = (
        [rank(StreamRef(f"c{n}", StreamName.SUB), priority_of(SUB, said)) for n in range(50)] for said in LinePriority
    )
    assert max(low) < min(normal) <= max(normal) < min(high)
    assert 0 <= rank(SUB, -1000) <= rank(SUB, 1000) <= 1


LINES = st.tuples(st.integers(200_000, 10_000_000), st.integers(5, 400))


@settings(max_examples=25, deadline=None)
@given(line=LINES, count=st.integers(1, 8), changes=st.lists(st.tuples(LINES, st.booleans()), max_size=4))
def test_laws(line: tuple[int, int], count: int, changes: list[tuple[tuple[int, int], bool]]) -> None:
    """Whatever the line does: what was sent can be decoded, and on a steady line in the end pictures come in time."""
    world = World(subs(count), rate_bps=line[0], delay_ms=line[1])
    world.run(10)
    for (world.rate_bps, world.delay_ms), cut in changes:
        if cut:
            world.break_off()
        world.run(7)
        world.mend()
    world.run(60)
    start_ns = world.now_ns
    world.run(30)
    assert all(decodable(camera) for camera in world.cameras)
    recent = [a for c in world.cameras for a in c.arrived if a.at_ns >= start_ns]
    assert recent
    fresh = sum(a.age_ns <= 2 * NS_PER_S for a in recent)
    twice = count * 300_000 <= 2 * world.rate_bps
    assert fresh >= (0.75 if twice else 0.25) * len(recent), (fresh, len(recent))
