"""Motion over change grids: where it is drawn, from its threshold on, for as long as it lasts; and of what is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.analysis.grids import Rows
from recorder.analysis.search import HITS_MAX, Sought, find, known, where

LEFT_TOP = ((0.0, 0.0), (0.25, 0.0), (0.25, 0.3333), (0.0, 0.3333))
DAY_MS = 86_400_000


def rows(*moving: int, count: int = 60, every_ms: int = 2000, cells: slice = slice(0, 144), level: int = 255) -> Rows:
    """Grids every 2 s from 0 on; at the numbers given, all of these cells changed."""
    grids = np.zeros((count, 144), np.uint8)
    for number in moving:
        grids[number, cells] = level
    return np.arange(count, dtype=np.int64) * every_ms, grids


def spans(made: Rows, sought: Sought) -> list[tuple[int, int]]:
    """In seconds."""
    hits, is_cut = find(made, sought, -DAY_MS, DAY_MS)
    assert not is_cut
    return [(hit.start_ms // 1000, hit.end_ms // 1000) for hit in hits]


def test_cells_count_as_far_as_they_are_drawn() -> None:
    """Together 1; nothing outside; without a polygon all alike; two polygons are one part."""
    drawn = where([LEFT_TOP]).reshape(9, 16)
    assert abs(float(drawn.sum()) - 1) < 1e-5
    assert drawn[5:].max() == 0
    assert drawn[:, 5:].max() == 0
    assert np.allclose(where([]), 1 / 144)
    both = where([LEFT_TOP, ((0.75, 0.7), (1.0, 0.7), (1.0, 1.0), (0.75, 1.0))]).reshape(9, 16)
    assert both[0, 0] > 0
    assert both[8, 15] > 0


def test_motion_begins_at_the_threshold_and_goes_on_down_to_half_of_it() -> None:
    """From the key frame before; what rests for less than five seconds is one; the strongest stands for it."""
    made = rows(10, 11, 13, 30, level=200)
    made[1][12, :], made[1][31, :] = 130, 100
    hits, _ = find(made, Sought(where([]), 0.75), 0, DAY_MS)
    assert [(hit.start_ms, hit.end_ms) for hit in hits] == [(18_000, 26_000), (58_000, 62_000)]
    assert [hit.peak_ms for hit in hits] == [20_000, 60_000]
    assert abs(hits[0].score - 200 / 255) < 1e-5
    assert find(made, Sought(where([]), 0.9), 0, DAY_MS) == ([], False)


def test_what_moves_elsewhere_is_not_found() -> None:
    """The part that is drawn alone counts."""
    made = rows(10, cells=slice(140, 144))
    assert spans(made, Sought(where([LEFT_TOP]), 0.01)) == []
    assert spans(made, Sought(where([]), 0.01)) == [(18, 20)]


def test_what_is_too_short_is_left_out_but_at_the_ends() -> None:
    """There it may go on in the next window, and whoever joins them decides."""
    made = rows(0, 20, 40, 41, 42, 59)
    hits, _ = find(made, Sought(where([]), 0.5, 5000), 0, 120_000)
    assert [(hit.start_ms, hit.end_ms) for hit in hits] == [(0, 1), (78_000, 84_000), (116_000, 118_000)]


def test_few_key_frames_make_longer_motion() -> None:
    """Of a camera with one every ten seconds two in a row are one motion."""
    assert spans(rows(10, 11, 20, every_ms=10_000), Sought(where([]), 0.5)) == [(90, 110), (190, 200)]


def test_there_is_an_end_to_what_is_given() -> None:
    """The first hits, and that there are more."""
    made = rows(*range(0, 20_000, 5), count=20_000)
    hits, is_cut = find(made, Sought(where([]), 0.5), -DAY_MS, DAY_MS)
    assert (len(hits), is_cut) == (HITS_MAX, True)


def test_it_is_known_of_what_there_are_grids() -> None:
    """Half a minute without a key frame is time nobody has looked at."""
    times = np.array([0, 2000, 20_000, 60_000, 62_000], np.int64)
    assert known(times) == [(-2000, 22_000), (58_000, 64_000)]
    assert known(np.zeros(0, np.int64)) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=60, unique=True), st.floats(0.01, 1.0))
def test_every_strong_grid_is_in_a_hit_and_hits_are_apart(moving: list[int], threshold: float) -> None:
    """Whatever moves when: nothing is lost, nothing is told twice."""
    hits, _ = find(rows(*moving, count=401), Sought(where([]), threshold), -DAY_MS, DAY_MS)
    for number in moving:
        assert sum(hit.start_ms < number * 2000 <= hit.end_ms for hit in hits) == 1 or number == 0
    assert all(one.end_ms < other.start_ms for one, other in pairwise(hits))
