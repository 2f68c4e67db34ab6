"""Change between key frames: what moves counts, light does not; areas, masks, motion that lasts."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.analysis.change import GRID_BYTES, change_grid, changed_pixels, motion_scores
from recorder.analysis.features import features
from recorder.analysis.motion import Motions
from recorder.analysis.regions import regions
from tests.recorder.analysis.scenery import WIDTH, Gray, Scenery
from vms.clock import NS_PER_S
from vms.domain.area import Area

LEFT = Area("l" * 16, "Kiri", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), 0.02)
RIGHT = Area("r" * 16, "Kanan", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), 0.02)


def still() -> Gray:
    """A scene with nothing in it that moves."""
    picture = Scenery("yard", seed=1).scene()
    return np.clip(picture, 16, 235).astype(np.uint8)


def with_person(picture: Gray, x: int) -> Gray:
    """Somebody stands there."""
    out = picture.copy()
    cv2.rectangle(out, (x, 180), (x + 34, 270), 30, -1)
    return out


def test_a_person_changes_the_cells_where_they_are_and_were() -> None:
    """The grid has 16 x 9 bytes; those around the person are great, the others nought; the area's score too."""
    ground = still()
    before, now = features(with_person(ground, 60), 1), features(with_person(ground, 160), 2)
    changed = changed_pixels(before, now)
    grid = np.frombuffer(change_grid(changed), np.uint8).reshape(9, 16)
    assert grid.size == GRID_BYTES
    assert grid[5, 1:2].max() > 100
    assert grid[5, 4:5].max() > 100
    assert grid[:, 8:].max() == 0
    scores = motion_scores(changed, regions([LEFT, RIGHT], []))
    assert scores[LEFT.id] > LEFT.threshold
    assert scores[RIGHT.id] == 0


def test_light_is_not_change() -> None:
    """Darker by half, brighter, a cloud's shadow and another exposure leave the grid empty."""
    ground = still().astype(np.float32)
    ramp = np.linspace(0.55, 1.0, WIDTH, dtype=np.float32)[None, :]
    for lit in (ground * 0.6, np.clip(ground * 1.25, 0, 235), 16 + (ground - 16) * ramp, ground * 0.8 + 30):
        changed = changed_pixels(features(ground.astype(np.uint8), 1), features(lit.astype(np.uint8), 2))
        assert changed.mean() < 0.01


def test_a_mask_hides_what_moves_under_it() -> None:
    """Neither grid nor score know of it."""
    drawn = regions([LEFT], [((0.0, 0.3), (0.5, 0.3), (0.5, 0.9), (0.0, 0.9))])
    ground = still()
    pictures = [features(with_person(ground, x), x, drawn.open) for x in (60, 160)]
    changed = changed_pixels(*pictures)
    assert max(change_grid(changed)) == 0
    assert motion_scores(changed, drawn) == {LEFT.id: 0.0}
    all_hidden = regions([LEFT], [((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))])
    assert motion_scores(changed, all_hidden) == {LEFT.id: 0.0}


def test_motion_begins_at_the_threshold_goes_on_at_half_and_ends_after_five_seconds() -> None:
    """One stretch of motion, however it wavers; its score is the greatest."""
    motions, areas = Motions(), {LEFT.id: LEFT}
    seen = [(0, 0.019), (2, 0.02), (4, 0.011), (6, 0.2), (8, 0.0), (10, 0.012)]
    for second, score in seen:
        motions.see(areas, {LEFT.id: score}, second * NS_PER_S, second * NS_PER_S)
        assert bool(motions.current(second * NS_PER_S)) is (second >= 2)
    motion = motions.current(14 * NS_PER_S)[LEFT.id]
    assert (motion.since_ns, motion.score) == (2 * NS_PER_S, 0.2)
    assert motions.current(15 * NS_PER_S) == {}
    motions.see({}, {}, 12 * NS_PER_S, 12 * NS_PER_S)
    assert motions.current(12 * NS_PER_S) == {}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 300), st.integers(8, 400))
def test_any_picture_has_a_grid(seed: int, width: int, height: int) -> None:
    """Whatever its size and content: 144 bytes, and no warning."""
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 256, (height, width), dtype=np.uint8) for _ in range(2))
    assert len(change_grid(changed_pixels(features(one, 1), features(other, 2)))) == GRID_BYTES
