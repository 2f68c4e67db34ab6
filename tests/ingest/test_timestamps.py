"""Timestamps of cameras, good and bad, and the anchor of a Run in wall time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.timestamps import BRIDGES, WRAP, Anchor, BrokenTimestampsError, Stamps, Timeline, fill_leading

FRAME = 3600
MS = 1_000_000
S = 1000 * MS


def place_all(raw: list[int | None], gap_ns: int = 40 * MS) -> list[int]:
    """The dts of units that arrive evenly."""
    timeline = Timeline()
    return [timeline.place(dts, dts, i * gap_ns)[0] for i, dts in enumerate(raw)]


def test_good_timestamps_pass_unchanged_from_zero() -> None:
    """Relative to the first, exactly."""
    assert place_all([90_000 + i * FRAME for i in range(5)]) == [i * FRAME for i in range(5)]


def test_missing_first_timestamps_are_filled_in() -> None:
    """libav gives no times with the first unit of an RTSP stream: the second one tells them."""
    assert place_all([None, 3600, 7200]) == [0, 3600, 7200]
    assert place_all([None, None, 90_000, 93_600]) == [0, 3600, 7200, 10_800]


def test_missing_timestamps_in_between_are_filled_in() -> None:
    """A hole is one frame."""
    assert place_all([0, 3600, None, 10_800]) == [0, 3600, 7200, 10_800]


def test_a_wrap_of_32_bits_is_no_jump() -> None:
    """After 13.25 hours an RTP clock of 90 kHz begins again."""
    raw = [(WRAP - 2 * FRAME + i * FRAME) % WRAP for i in range(5)]
    assert place_all(raw) == [i * FRAME for i in range(5)]


@pytest.mark.parametrize("jump", [3600 * 90_000, -3600 * 90_000, 90_000 * 10, -90_000 * 10, WRAP * 3])
def test_a_jump_is_bridged_by_what_passed_on_arrival(jump: int) -> None:
    """An hour forward or back: the duration of what is recorded stays sane, and the stream goes on exactly."""
    raw = [i * FRAME + (jump if i >= 5 else 0) for i in range(10)]
    assert place_all(raw) == [i * FRAME for i in range(10)]


def test_a_gap_that_also_passed_on_arrival_is_believed() -> None:
    """Packets lost for 5 s: the time goes on by 5 s."""
    timeline = Timeline()
    assert timeline.place(0, 0, 0)[0] == 0
    assert timeline.place(5 * 90_000, 5 * 90_000, 5 * S)[0] == 5 * 90_000


def test_a_burst_after_a_silence_keeps_its_own_times() -> None:
    """What a line held back for 3 s arrives at once, with its true spacing."""
    timeline = Timeline()
    placed = [timeline.place(i * FRAME, i * FRAME, 3 * S if i else 0)[0] for i in range(60)]
    assert placed == [i * FRAME for i in range(60)]


def test_repeats_and_small_steps_back_still_grow() -> None:
    """A repeated stamp gets the next tick; the following one is right again."""
    assert place_all([0, 3600, 3600, 7200, 5000, 10_800]) == [0, 3600, 3601, 7200, 7201, 10_800]


def test_a_constant_clock_is_replaced_by_arrival() -> None:
    """Nothing but equal stamps: after a second the time follows arrival, and the whole duration is sane."""
    placed = place_all([1234] * 251)
    assert all(b > a for a, b in itertools.pairwise(placed))
    assert placed[-1] == pytest.approx(10 * 90_000, rel=0.01)


def test_endless_jumps_are_given_up() -> None:
    """More than a few jumps a minute: no time can be made of this."""
    timeline = Timeline()
    raw = [i * FRAME + (i % 2) * 3600 * 90_000 for i in range(BRIDGES + 2)]
    for i in range(BRIDGES + 1):
        timeline.place(raw[i], raw[i], i * 40 * MS)
    with pytest.raises(BrokenTimestampsError):
        timeline.place(raw[-1], raw[-1], S)


def test_rare_jumps_are_never_given_up() -> None:
    """A jump every 20 s for an hour is bridged each time."""
    timeline = Timeline()
    for i in range(180):
        raw = i * 100_000_000
        timeline.place(raw, raw, i * 20 * S)


def test_reordered_pictures_keep_their_presentation_times() -> None:
    """B-frames: dts grows, pts keeps the order of display."""
    timeline = Timeline()
    pairs = [(7200, 0), (18_000, 3600), (10_800, 7200), (14_400, 10_800)]
    placed = [timeline.place(pts, dts, i * 40 * MS) for i, (pts, dts) in enumerate(pairs)]
    assert placed == [(0, 7200), (3600, 18_000), (7200, 10_800), (10_800, 14_400)]


@pytest.mark.parametrize(
    ("given_", "filled"),
    [
        ([(7200, 7200)], [(7200, 7200)]),
        ([(None, None), (7200, 7200)], [(3600, 3600), (7200, 7200)]),
        (
            [(None, None), (0, None), (-7200, None), (-3600, -7200)],
            [(-10_800, -18_000), (0, -14_400), (-7200, -10_800), (-3600, -7200)],
        ),
        ([(None, None), (None, None), (None, 90_000)], [(None, 82_800), (None, 86_400), (None, 90_000)]),
        ([(None, None), (5, None)], [(None, None), (5, None)]),
    ],
)
def test_leading_units_get_the_times_they_lack(given_: list[Stamps], filled: list[Stamps]) -> None:
    """One without B-frames; as many as may be reordered with them; none where no dts ever comes."""
    assert fill_leading(given_, FRAME) == filled


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**40), 2**40), st.integers(0, 200_000)),
            st.one_of(st.none(), st.integers(-(2**40), 2**40), st.integers(0, 200_000)),
            st.integers(0, 20 * S),
        ),
        max_size=60,
    )
)
def test_whatever_comes_time_grows_and_stays_sane(units: list[tuple[int | None, int | None, int]]) -> None:
    """Law: dts strictly grows, pts never lies before it, and no more time passes than did on arrival, plus slack."""
    timeline, now_ns, before, begun_ns = Timeline(), 0, -1, None
    try:
        for pts, dts, gap_ns in units:
            now_ns += gap_ns
            begun_ns = now_ns if begun_ns is None else begun_ns
            at, shown = timeline.place(pts, dts, now_ns)
            assert at > before
            assert at <= shown <= at + 10 * 90_000
            before = at
    except BrokenTimestampsError:
        return
    if begun_ns is not None:
        # a second of burst may be believed at each unit, and a frame is added where a stamp is missing
        assert before <= (now_ns - begun_ns) * 9 // 100_000 + len(units) * 93_600


@given(st.integers(0, WRAP - 1), st.lists(st.integers(1, 89_999), min_size=1, max_size=100))
def test_growing_stamps_are_kept_exactly_across_wraps(first: int, steps: list[int]) -> None:
    """Law: steps of less than a second come out as they went in, wherever the 32 bits wrap."""
    timeline, raw, expected = Timeline(), first, 0
    assert timeline.place(raw, raw, 0)[0] == 0
    for i, step in enumerate(steps):
        raw, expected = (raw + step) % WRAP, expected + step
        assert timeline.place(raw, raw, i * MS)[0] == expected


WALL = 1_790_000_000 * S


def test_the_anchor_is_the_smallest_difference_of_the_first_seconds() -> None:
    """Late packets do not count; a burst sinks it at once."""
    anchor = Anchor()
    assert anchor.observe(0, WALL, 0)
    assert anchor.observe(40 * MS, WALL + 90 * MS, 90 * MS)
    assert anchor.wall_ns == WALL
    assert anchor.observe(1000 * MS, WALL + 100 * MS, 100 * MS)
    assert anchor.wall_ns == WALL - 900 * MS


def drift(ppm: int, seconds: int) -> tuple[Anchor, bool]:
    """A camera whose clock is slow by so many ppm, a unit every 100 ms."""
    anchor, ok = Anchor(), True
    for i in range(seconds * 10):
        mono_ns = i * 100 * MS
        ok = ok and anchor.observe(mono_ns - mono_ns * ppm // 1_000_000, WALL + mono_ns, mono_ns)
    return anchor, ok


def test_a_camera_clock_that_drifts_is_followed() -> None:
    """100 ppm over an hour: 360 ms are made good, within what 20 s of drift leave."""
    anchor, ok = drift(100, 3600)
    assert ok
    assert anchor.wall_ns == pytest.approx(WALL + 360 * MS, abs=5 * MS)


def test_a_camera_clock_that_drifts_too_fast_ends_the_run() -> None:
    """More than 500 ppm cannot be slewed: after a second of error it is a clock step."""
    assert drift(1500, 3600)[1] is False


def test_slewing_is_bounded() -> None:
    """A shift of 400 ms is taken out at 500 ppm, not at once."""
    anchor = Anchor()
    for i in range(150):
        assert anchor.observe(i * 100 * MS, WALL + i * 100 * MS, i * 100 * MS)
    before = anchor.wall_ns
    assert before is not None
    for i in range(150, 160):
        assert anchor.observe(i * 100 * MS, WALL + i * 100 * MS - 400 * MS, i * 100 * MS)
    assert anchor.wall_ns is not None
    assert before - 500_000 * 1 - 1000 <= anchor.wall_ns < before


@pytest.mark.parametrize("step_s", [-3600, -2, 2, 3600, 315_360_000])
def test_a_step_of_the_wall_clock_is_noticed_at_once(step_s: int) -> None:
    """NTP or a hand moves the clock by more than a second: the next unit says so, also in the first seconds."""
    anchor = Anchor()
    assert anchor.observe(0, WALL, 0)
    assert anchor.observe(40 * MS, WALL + 40 * MS, 40 * MS)
    assert not anchor.observe(80 * MS, WALL + 80 * MS + step_s * S, 80 * MS)


def test_a_stall_of_the_line_is_no_step() -> None:
    """Five seconds of nothing, then all of it late: the anchor stays."""
    anchor = Anchor()
    for i in range(400):
        late_ns = 5 * S - (i - 200) * 100 * MS if 200 <= i < 250 else 0
        assert anchor.observe(i * 100 * MS, WALL + i * 100 * MS + late_ns, i * 100 * MS + late_ns)
    assert anchor.wall_ns == pytest.approx(WALL, abs=1 * MS)


def test_an_anchor_is_settled_after_its_free_seconds() -> None:
    """Not before ten seconds of arrivals."""
    anchor = Anchor()
    settled = []
    for second in range(13):
        anchor.observe(second * S, WALL + second * S, second * S)
        settled.append(anchor.settled)
    assert settled == [False] * 11 + [True] * 2
