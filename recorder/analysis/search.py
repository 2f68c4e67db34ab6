"""Motion in a part of the picture over hours of change grids: hits, and of what there are grids at all. Pure, numpy.

A day of one Camera is some 43,000 grids: 6 MB, and a few milliseconds of work. The thread is whoever's calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recorder.analysis.change import GRID_BYTES
from recorder.analysis.features import HEIGHT, WIDTH, Plane, cells
from recorder.analysis.grids import Rows
from recorder.analysis.motion import OVER_S
from recorder.analysis.regions import points
from vms.domain.area import Polygon

HITS_MAX = 500
"""In one answer: whoever finds more asks for less, or for what is larger."""
_GOES_ON = 0.5
_OVER_MS = int(OVER_S * 1000)
_SEEN_MS = 30_000
"""Key frames that are further apart leave time of which nothing is known."""
_AROUND_MS = 2_000
_MAX_SCORE = 255.0

Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start_ms, end_ms) with motion; `score`: the greatest share of the part that changed, 0 to 1, at `peak_ms`."""

    start_ms: int
    end_ms: int
    score: float
    peak_ms: int


@dataclass(frozen=True, slots=True)
class Sought:
    """What counts: where, from which share of it on, and how long it has to last."""

    where: Weights
    threshold: float
    least_ms: int = 0


def where(polygons: Sequence[Polygon]) -> Weights:
    """How much each of the 144 cells counts; together 1. Several polygons are one part; none: the whole picture."""
    inside: Plane = np.ones((HEIGHT, WIDTH), np.float32)
    if polygons:
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        for polygon in polygons:
            cv2.fillPoly(drawn, [points(polygon)], 1)
        inside = drawn.astype(np.float32)
    shares = cells(inside).reshape(GRID_BYTES)
    return np.asarray(shares / shares.sum(), np.float32)


def find(rows: Rows, sought: Sought, from_ms: int, to_ms: int) -> tuple[list[Stretch], bool]:
    """Stretches of motion in [from_ms, to_ms), oldest first, and whether there were more than can be given: the last
    then says up to when was looked. Motion begins at the threshold and goes on down to half of it, as with Areas. What
    touches either end is given however short it is: it may go on beyond."""
    times, grids = rows
    shares = grids @ (sought.where / _MAX_SCORE) if len(times) else np.zeros(0, np.float32)
    on = np.flatnonzero(shares >= sought.threshold * _GOES_ON)
    if not on.size:
        return [], False
    over_ms = _over_ms(times)
    edges = np.flatnonzero(np.diff(times[on]) > over_ms) + 1
    found: list[Stretch] = []
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), on.size], strict=True):
        group = on[start:end]
        strong = group[shares[group] >= sought.threshold]
        if not strong.size:
            continue
        first, last = int(strong[0]), int(group[-1])
        peak = int(group[int(np.argmax(shares[group]))])
        begin_ms = max(from_ms, _before(times, first, over_ms))
        hit = Stretch(begin_ms, max(int(times[last]), begin_ms + 1), float(shares[peak]), int(times[peak]))
        is_at_edge = begin_ms - from_ms <= over_ms or to_ms - hit.end_ms <= over_ms
        if hit.end_ms - hit.start_ms < sought.least_ms and not is_at_edge:
            continue
        if len(found) == HITS_MAX:
            return found, True
        found.append(hit)
    return found, False


def known(times_ms: NDArray[np.int64]) -> list[tuple[int, int]]:
    """[start_ms, end_ms) of which there are grids, the neighbours' time included. `times_ms` in order."""
    if not times_ms.size:
        return []
    edges = np.flatnonzero(np.diff(times_ms) > _SEEN_MS)
    starts, ends = times_ms[[0, *(edges + 1)]], times_ms[[*edges, -1]]
    return [(int(a) - _AROUND_MS, int(b) + _AROUND_MS) for a, b in zip(starts, ends, strict=True)]


def _over_ms(times: NDArray[np.int64]) -> int:
    """How long after the last of it motion is over: of cameras with few key frames, later."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return max(_OVER_MS, min(_SEEN_MS, int(1.6 * usual)))


def _before(times: NDArray[np.int64], index: int, over_ms: int) -> int:
    """The key frame before: what changed did so since."""
    at_ms = int(times[index])
    before_ms = int(times[index - 1]) if index else 0
    return before_ms if at_ms - before_ms <= over_ms else at_ms - _AROUND_MS
