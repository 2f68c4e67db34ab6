"""Areas and masks of a Camera as maps over the small picture. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recorder.analysis.features import HEIGHT, WIDTH, Plane
from vms.domain.area import Area, Polygon


@dataclass(frozen=True)
class Regions:
    """`open`: 1 where no mask lies; `areas`: each with the pixels that count, masks taken out."""

    open: Plane
    areas: tuple[tuple[Area, NDArray[np.bool_]], ...]


def regions(areas: Sequence[Area], masks: Sequence[Polygon]) -> Regions:
    """Maps of 90x160."""
    hidden = np.zeros((HEIGHT, WIDTH), np.uint8)
    for polygon in masks:
        cv2.fillPoly(hidden, [points(polygon)], 1)
    hidden = cv2.dilate(hidden, np.ones((3, 3), np.uint8)).astype(np.uint8)
    drawn = []
    for area in areas:
        inside = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(inside, [points(area.polygon)], 1)
        drawn.append((area, (inside > 0) & (hidden == 0)))
    return Regions((1 - hidden).astype(np.float32), tuple(drawn))


def points(polygon: Polygon) -> NDArray[np.int32]:
    """Corners in pixels of the small picture."""
    return np.round(np.array(polygon) * (WIDTH - 1, HEIGHT - 1)).astype(np.int32)
