"""What is looked at in a picture: small grey copies and the directions of its edges. Pure.

Directions of edges count, not their strength: they stay where they are when light, exposure or the infrared filter
change, and go when the camera turns or something stands before it. Doubled angles, so that an edge whose sides swap
brightness is the same edge (Bigun and Granlund, 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
WIDTH, HEIGHT = 160, 90
COLUMNS, ROWS = 16, 9
_EDGE = 16.0
"""Sobel's sum that is an edge: 2 grey levels from pixel to pixel."""


@dataclass(frozen=True)
class Features:
    """Of one picture. `small` is 90x160, `fine` 180x320, both grey levels; `mark` tells identical pictures; `open` is
    1 where no mask lies, 90x160."""

    small: Plane
    fine: Plane
    mark: int
    open: Plane

    @cached_property
    def _gradient(self) -> tuple[Plane, Plane, Plane]:
        return gradient(self.small, 1.0)

    @cached_property
    def field(self) -> Plane:
        """Direction of the edge at each pixel, doubled, 0 to 1 long: 90x160x2."""
        gx, gy, strength = self._gradient
        floor = max(6.0, float(np.percentile(strength[::2, ::2], 60)))
        scale = self.open / (strength * strength + floor * floor)
        return np.dstack(((gx * gx - gy * gy) * scale, 2 * gx * gy * scale))

    @cached_property
    def edges(self) -> Plane:
        """How strong edges are, noise left out: 90x160."""
        return np.asarray(np.maximum(self._gradient[2] - _EDGE, 0) * self.open, np.float32)

    @cached_property
    def detail(self) -> Plane:
        """What is 2 to 4 pixels wide in a picture of 320: 180x320. A lens out of focus takes it away."""
        return cv2.GaussianBlur(self.fine, (0, 0), 1.0) - cv2.GaussianBlur(self.fine, (0, 0), 2.0)

    @cached_property
    def larger(self) -> Plane:
        """What is four times as wide: 90x160. It stays."""
        return cv2.GaussianBlur(self.small, (0, 0), 2.0) - cv2.GaussianBlur(self.small, (0, 0), 4.0)

    @cached_property
    def even(self) -> Plane:
        """The picture with light taken out: each pixel against its surroundings, in their contrast; 90x160."""
        mean = cv2.boxFilter(self.small, -1, (21, 21))
        square = cv2.boxFilter(self.small * self.small, -1, (21, 21))
        spread = np.sqrt(np.maximum(square - mean * mean, 0) + 36.0)
        return np.asarray((self.small - mean) / spread * self.open, np.float32)


def features(luma: NDArray[np.uint8], mark: int, open_: Plane | None = None) -> Features:
    """Of a grey picture of any size."""
    fine = cv2.resize(luma, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_AREA)
    small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    whole = np.ones((HEIGHT, WIDTH), np.float32) if open_ is None else open_
    return Features(small.astype(np.float32), fine.astype(np.float32), mark, whole)


def gradient(plane: Plane, sigma: float) -> tuple[Plane, Plane, Plane]:
    """To the right, downwards, and its length, of the picture softened by `sigma` pixels."""
    soft = cv2.GaussianBlur(plane, (0, 0), sigma)
    gx, gy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.asarray(gx, np.float32), np.asarray(gy, np.float32), np.asarray(cv2.magnitude(gx, gy), np.float32)


def cells(plane: Plane) -> Plane:
    """Sums over the cells of the grid: 9x16, of a plane of 90x160 or a multiple."""
    high, wide = plane.shape
    return np.asarray(plane.reshape(ROWS, high // ROWS, COLUMNS, wide // COLUMNS).sum(axis=(1, 3)), np.float32)
