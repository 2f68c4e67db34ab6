"""What changed from one key frame to the next, light left out: a grid of 16 x 9 bytes, and a score for each area. Pure.

A pixel has changed where it differs against its surroundings: a cloud, headlights or another exposure change it
little, what moves changes it much.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from recorder.analysis.features import COLUMNS, HEIGHT, ROWS, WIDTH, Features, cells
from recorder.analysis.regions import Regions

GRID_BYTES = COLUMNS * ROWS
_DIFFERS = 0.9
_CELL = HEIGHT // ROWS * (WIDTH // COLUMNS)


def changed_pixels(before: Features, now: Features) -> NDArray[np.bool_]:
    """Where something moved: 90x160. Single pixels are noise."""
    differs = (np.abs(now.even - before.even) > _DIFFERS).astype(np.uint8)
    return np.asarray(cv2.medianBlur(differs, 3) > 0)


def change_grid(changed: NDArray[np.bool_]) -> bytes:
    """Share of each cell that changed, 0 to 255, row by row from the top left."""
    shares = cells(changed.astype(np.float32)) / _CELL
    return np.ceil(shares * 255).astype(np.uint8).tobytes()


def motion_scores(changed: NDArray[np.bool_], regions: Regions) -> dict[str, float]:
    """Share of each area (by id) that changed, 0 to 1; an area that is all under masks has 0."""
    return {area.id: float(changed[inside].mean()) if inside.any() else 0.0 for area, inside in regions.areas}
