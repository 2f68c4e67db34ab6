"""RTP time of a tile: laws, by Hypothesis."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamer.timeline import LONGEST_AGE_90K, Timeline, frame_interval_90k, natural_90k
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Packet

REF = StreamRef("cam2222222222222", StreamName.SUB)


def packets(count: int, interval_90k: int, start_ns: int = 0, run: str = "run") -> list[Packet]:
    """`count` Packets at equal distance."""
    return [
        Packet(
            REF, run, 0, n, n * interval_90k, n * interval_90k, start_ns + n * interval_90k * 100_000 // 9, n == 0, b""
        )
        for n in range(count)
    ]


bursts = st.tuples(st.integers(1, 300), st.integers(900, 90_000), st.integers(-50_000, 400_000), st.integers(0, 20))


@given(st.lists(bursts, min_size=1, max_size=8))
def test_time_never_runs_back(switches: list[tuple[int, int, int, int]]) -> None:
    """Over any switches between cameras of any rate, age and GOP length, timestamps only grow."""
    timeline, given_out, now = Timeline(), [], 0
    for count, interval, gap, live in switches:
        now += gap
        all_of = packets(count + live, interval)
        given_out += timeline.burst(all_of[:count], now)
        for packet in all_of[count:]:
            now += interval
            given_out.append(timeline.live(packet, now))
    assert all(a < b for a, b in pairwise(given_out))


@given(st.integers(2, 300), st.integers(900, 90_000), st.integers(0, 10**9))
def test_a_burst_fits_into_less_than_one_frame_interval(count: int, interval: int, end: int) -> None:
    """Squeezed: the last at its place, the first less than one frame interval (or one tick a frame) before it."""
    out = Timeline().burst(packets(count, interval), end)
    assert out[-1] == end
    assert out[-1] - out[0] < max(interval, count)
    assert out[-1] - out[0] <= 90 * (count - 1)


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1500, 9000), st.integers(0, 20_000))
def test_a_burst_uses_the_room_there_is(first: int, count: int, interval: int, gap: int) -> None:
    """After another camera the burst ends where it belongs whenever one tick a frame fits in between."""
    timeline = Timeline()
    timeline.burst(packets(first, interval), 1_000_000)
    out = timeline.burst(packets(count, interval), 1_000_000 + gap)
    assert out[0] > 1_000_000
    assert out[-1] == 1_000_000 + gap or gap < count


@given(st.integers(1, 60), st.lists(st.integers(1_000_000, 200_000_000), min_size=1, max_size=30))
def test_live_keeps_true_spacing(count: int, gaps_ns: list[int]) -> None:
    """After the burst each Packet is as far from the burst's end as in wall time, to a tick."""
    timeline = Timeline()
    burst = packets(count, 3600)
    end = timeline.burst(burst, 500_000)[-1]
    at_ns = burst[-1].wall_ns
    for n, gap in enumerate(gaps_ns):
        at_ns += gap
        out = timeline.live(Packet(REF, "run", 0, count + n, 0, 0, at_ns, False, b""), 10**12)
        assert abs(out - end - (at_ns - burst[-1].wall_ns) * 9 / 100_000) <= 1


@given(st.integers(0, 10**6), st.lists(st.integers(0, 200_000), min_size=2, max_size=30))
def test_live_is_never_ahead_of_now(stale_90k: int, gaps: list[int]) -> None:
    """However old the burst was, a Packet captured now is placed at now at the latest (or one tick after the last)."""
    timeline = Timeline()
    last = timeline.burst(packets(2, 3600), 0)[-1]
    now = 0
    for n, gap in enumerate(gaps):
        now += gap
        captured_ns = (now + stale_90k) * 100_000 // 9
        out = timeline.live(Packet(REF, "run", 0, n, 0, 0, captured_ns, False, b""), now)
        assert out <= max(now, last + 1)
        last = out


@given(st.integers(0, 10**12), st.integers(-(10**12), 10**14))
def test_age_places_within_a_second(now: int, age_ns: int) -> None:
    """A Packet belongs at now less its age, never in the future and at most a second back."""
    at = natural_90k(now, age_ns)
    assert now - LONGEST_AGE_90K <= at <= now
    assert at == now - age_ns * 9 // 100_000 or not 0 <= age_ns <= 10**9


def test_interval_where_it_cannot_be_told() -> None:
    """One Packet, or equal times: 25 frames a second."""
    assert frame_interval_90k(packets(1, 100)) == 3600
    assert frame_interval_90k(packets(5, 0)) == 3600
    assert frame_interval_90k(packets(5, 6000)) == 6000
