"""Bar C11 in short: faults of a picture are found by the second key frame, healthy pictures are taken for healthy."""

from __future__ import annotations

import numpy as np

from recorder.analysis.features import features
from recorder.analysis.health import Health
from tests.recorder.analysis.scenery import EVERY_S, HEIGHT, WIDTH, Broken, Scenery
from tests.recorder.analysis.trial import false_alarms, see, trials
from vms.clock import NS_PER_S
from vms.domain.event import EventKind


def test_each_fault_is_found_within_two_key_frames() -> None:
    """Black, blurred, covered, moved, frozen, by day and in the infrared of night."""
    found = trials([Scenery("gate", seed=3, hour=10), Scenery("bridge", seed=4, hour=21, flipped=True)], learn=26)
    assert [trial for trial in found if not trial.is_found] == []
    assert len(found) == 10


def test_dusk_rain_trucks_and_headlights_are_healthy() -> None:
    """Through dusk and the switch to infrared, in rain, with trucks right before the lens and headlights: no alarm."""
    assert false_alarms(Scenery("gate", seed=1, hour=17.8, speed=16, rain=True), 0.06) == []
    assert false_alarms(Scenery("bridge", seed=2, hour=5.4, speed=16), 0.06) == []


def test_what_is_over_is_closed_after_two_good_pictures() -> None:
    """A hand before the lens: an illness that begins at its first picture and ends when the scene is back."""
    camera, health = Scenery("gate", seed=8), Health()
    for k in range(12):
        see(health, camera.next(), k)
    broken = Broken(camera, "covered", seed=1)
    assert [see(health, broken.next(), k) for k in (12, 13, 14)] == [None, "covered", "covered"]
    assert [see(health, camera.next(), k) for k in (15, 16)] == ["covered", None]


def test_a_new_view_that_stays_is_the_view() -> None:
    """A camera that was turned is told of, and after some minutes the new view is learnt."""
    camera, health = Scenery("gate", seed=6), Health(accept_s=60)
    for k in range(12):
        see(health, camera.next(), k)
    broken = Broken(camera, "moved", seed=2)
    said = [see(health, broken.next(), 12 + k) for k in range(int(60 / EVERY_S) + 20)]
    assert said[1] == "moved"
    assert said[-1] is None


def test_who_turns_a_camera_is_no_fault_of_it() -> None:
    """Where somebody had it look is learnt without a word, and judged as the old view was."""
    camera, health = Scenery("gate", seed=6), Health()
    for k in range(12):
        see(health, camera.next(), k)
    elsewhere = Broken(camera, "moved", seed=2)
    health.turned()
    assert [see(health, elsewhere.next(), 12 + k) for k in range(12)] == [None] * 12
    assert [see(health, camera.next(), 24 + k) for k in range(2)] == [None, "moved"]


def test_a_still_picture_without_noise_is_not_frozen() -> None:
    """A source that gives the same picture again and again was never alive; one with things that move neither."""
    health, picture = Health(), np.full((HEIGHT, WIDTH), 90, np.uint8)
    picture[100:200, 100:300] = 160
    for k in range(30):
        picture[150:180, 10 * k : 10 * k + 60] = 40 + k
        assert see(health, picture, k) is None
    assert [see(health, picture, 30 + k) for k in range(5)] == [None] * 5


def test_a_camera_that_begins_black_is_black() -> None:
    """Nothing has to be learnt for that; night that shows something is not black."""
    health, dark = Health(), np.full((HEIGHT, WIDTH), 17, np.uint8)
    verdicts = [health.see(features(dark, k), k * NS_PER_S) for k in range(3)]
    assert [verdict.kind for verdict in verdicts] == [None, EventKind.PICTURE_BLACK, EventKind.PICTURE_BLACK]
    assert verdicts[2].since_ns == 0


def test_what_lies_under_a_mask_is_not_looked_at() -> None:
    """A picture that is black but for a masked lamp is black."""
    health, dark = Health(), np.full((HEIGHT, WIDTH), 17, np.uint8)
    dark[:, :200] = 220
    open_ = np.ones((90, 160), np.float32)
    assert [health.see(features(dark, k, open_), k).kind for k in range(2)] == [None, None]
    open_[:, :52] = 0
    health = Health()
    seen = [health.see(features(dark, k, open_), k).kind for k in range(2)]
    assert seen == [None, EventKind.PICTURE_BLACK]
