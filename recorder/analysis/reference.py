"""What a Camera usually sees: where its edges lie and how sharp they are, learnt from healthy pictures alone. Pure.

It follows day and night within minutes; what it had is kept while the picture is ill, so that illness stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.analysis.features import COLUMNS, ROWS, Features, Plane, cells

LEARNT = 8
"""Pictures until it is believed."""
_SLOW = 1 / 60
_SHARP_SLOW = 1 / 600
_ANCHOR = 2.0
_FEW = 5
_SWAY = 3
_BETTER = 1.3


@dataclass(frozen=True, slots=True)
class Likeness:
    """A picture beside the reference: `lost`, the share of the cells with lasting edges where these are not seen;
    `structure`, the edges there are against those there were; `sharpness` against what is usual; `anchors`: how many
    cells have lasting edges."""

    lost: float
    structure: float
    sharpness: float
    anchors: int

    @property
    def is_told(self) -> bool:
        """Whether there is enough to judge by."""
        return self.anchors >= _FEW


class Reference:
    """Grows with `learn`."""

    def __init__(self) -> None:
        self.count = 0
        self._field: Plane | None = None
        self._edges = 0.0
        self._agrees = 1.0
        self._sharp: Plane = np.zeros((ROWS, COLUMNS), np.float32)

    @property
    def is_learnt(self) -> bool:
        """Whether it has seen enough."""
        return self.count >= LEARNT

    def learn(self, picture: Features) -> None:
        """Take a healthy picture in."""
        self.count += 1
        rate = max(1 / self.count, _SLOW)
        if self._field is None:
            self._field, self._edges = picture.field.copy(), float(picture.edges.mean())
            self._sharp = np.log(picture.sharpness)
            return
        self._agrees += rate * (_agreement(picture.field, self._field) - self._agrees)
        quick = max(1 / self.count, _SHARP_SLOW)
        self._sharp += quick * (np.log(picture.sharpness) - self._sharp)
        self._field += rate * (picture.field - self._field)
        self._edges += rate * (float(picture.edges.mean()) - self._edges)

    def compare(self, picture: Features) -> Likeness:
        """A picture beside what is usual."""
        if self._field is None:
            return Likeness(0.0, 1.0, 1.0, 0)
        weight = cells(_length2(self._field))
        anchors = weight > _ANCHOR
        count = int(anchors.sum())
        if not count:
            return Likeness(0.0, 1.0, 1.0, 0)
        agrees = cells(_dot(picture.field, self._field))[anchors] / weight[anchors]
        lost = float((agrees < 0.35 * min(1.0, max(self._agrees, 0.4))).mean())
        structure = float(picture.edges.mean()) / max(self._edges, 0.5)
        sharp = float(np.exp(np.median((np.log(picture.sharpness) - self._sharp)[anchors])))
        return Likeness(lost, structure, sharp, count)

    def fits_better_elsewhere(self, picture: Features) -> bool:
        """Whether all of the picture, moved by more than `_SWAY` pixels, is more like the reference than where it is:
        the peak of the correlation of both fields."""
        if self._field is None:
            return False
        fits = np.fft.ifft2(_spectrum(picture.field) * np.conj(_spectrum(self._field))).real
        near = range(-_SWAY, _SWAY + 1)
        here = max(float(fits[dy, dx]) for dy in near for dx in near)
        return float(fits.max()) > _BETTER * max(here, 0.0)


def _spectrum(field: Plane) -> NDArray[np.complex128]:
    """With a border as large as the picture, so that nothing comes in again at the other side."""
    return np.fft.fft2(field[..., 0] + 1j * field[..., 1], (2 * field.shape[0], 2 * field.shape[1]))


def agreement(one: Features, other: Features) -> float:
    """How alike the directions of two pictures are: 1 the same, 0 nothing in common."""
    return _agreement(one.field, other.field)


def _agreement(one: Plane, other: Plane) -> float:
    scale = float(np.sqrt(np.sum(one * one) * np.sum(other * other)))
    return float(np.sum(one * other)) / scale if scale > 0 else 0.0


def _dot(one: Plane, other: Plane) -> Plane:
    return np.asarray((one * other).sum(axis=2), np.float32)


def _length2(field: Plane) -> Plane:
    return _dot(field, field)
