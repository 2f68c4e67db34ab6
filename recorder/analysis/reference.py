"""What a Camera usually sees: where its edges lie and what detail it has, learnt from healthy pictures alone. Pure.

It follows day and night within minutes; what it had is kept while the picture is ill, so that illness stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.analysis.features import COLUMNS, HEIGHT, ROWS, WIDTH, Features, Plane, cells

LEARNT = 8
"""Pictures until it is believed."""
_SLOW = 1 / 60
_DETAIL_SLOW = 1 / 180
_ANCHOR = 2.0
_FEW = 5
_AS_EDGED = 0.3
_SEEN = 0.2
_DAZZLED = 215.0
"""Grey level from which light may have taken the detail away."""
_SHARPEST = 75
_STEADY = 0.35
"""Of its detail and larger things a block usually shows again; water and leaves do not."""
_SWAY = 3
_OVERLAP = 0.25
_FITS = 0.38
"""What turned is like what it was, where both see the same, by 0.4 to 0.9; another thing before the lens by 0.3."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A picture beside the reference: `lost`, the share of the cells with lasting edges where these are not seen;
    `structure`, the share of those cells that have other edges instead; `sharpness`, how much of the detail is there
    where the larger things are, squared; `anchors`: how many cells have lasting edges."""

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
        self._agrees = 1.0
        self._edges = self._detail = self._larger = np.zeros((HEIGHT, WIDTH), np.float32)
        self._fine = self._coarse = np.ones((ROWS // 3, COLUMNS // 2), np.float32)

    @property
    def is_learnt(self) -> bool:
        """Whether it has seen enough."""
        return self.count >= LEARNT

    def learn(self, picture: Features) -> None:
        """Take a healthy picture in."""
        self.count += 1
        edges = cells(picture.edges)
        if self._field is None:
            self._field, self._edges = picture.field.copy(), edges
            self._detail, self._larger = picture.detail.copy(), picture.larger.copy()
            return
        rate, slow = max(1 / self.count, _SLOW), max(1 / self.count, _DETAIL_SLOW)
        self._agrees += rate * (_agreement(picture.field, self._field) - self._agrees)
        self._field += rate * (picture.field - self._field)
        self._edges += rate * (edges - self._edges)
        fine, coarse = self._shares(picture)
        self._fine += rate * (np.minimum(fine, 1.5) - self._fine)
        self._coarse += rate * (np.minimum(coarse, 1.5) - self._coarse)
        self._detail += slow * (picture.detail - self._detail)
        self._larger += slow * (picture.larger - self._larger)

    def compare(self, picture: Features) -> Likeness:
        """A picture beside what is usual."""
        if self._field is None:
            return Likeness(0.0, 1.0, 1.0, 0)
        weight = cells(_length2(self._field))
        anchors = weight > _ANCHOR
        count = int(anchors.sum())
        if not count:
            return Likeness(0.0, 1.0, 1.0, 0)
        agrees = cells(_dot(picture.field, self._field)) / np.maximum(weight, 1e-6)
        gone = anchors & (agrees < 0.35 * min(1.0, max(self._agrees, 0.4)))
        lost = float(gone.sum()) / count
        edged = cells(picture.edges) > _AS_EDGED * self._edges
        structure = float(edged[gone].mean()) if lost else 1.0
        return Likeness(lost, structure, self._sharpness(picture, anchors), count)

    def _sharpness(self, picture: Features, anchors: NDArray[np.bool_]) -> float:
        """How much of its detail a picture has, against how much of its larger things, both against what is usual:
        light scales both alike, and what noise, rain and a codec add has nothing in common with the reference. Of its
        sharpest quarter: a bus before the lens leaves some as it was, a lens out of focus none. 1 where too little is
        seen."""
        dazzled = cells((picture.small > _DAZZLED).astype(np.float32)) > 0
        fine, coarse = self._shares(picture)
        steady = (self._fine > _STEADY) & (self._coarse > _STEADY)
        seen = (_blocks(anchors & ~dazzled) > 1) & (coarse > _SEEN) & steady
        if int(seen.sum()) < _FEW:
            return 1.0
        ratios = (fine / self._fine)[seen] / (coarse / self._coarse)[seen]
        return float(np.percentile(ratios, _SHARPEST)) ** 2

    def _shares(self, picture: Features) -> tuple[Plane, Plane]:
        """How much of the usual detail, and of the usual larger things, a picture has in each block of 3 x 2 cells."""
        return _share(picture.detail, self._detail), _share(picture.larger, self._larger)

    def fits_elsewhere(self, picture: Features) -> bool:
        """Whether the picture, moved as the correlation of both fields says, is like a good part of the reference: the
        camera has turned. What stands before the lens is like nothing in it."""
        if self._field is None:
            return False
        fits = np.fft.ifft2(_spectrum(picture.field) * np.conj(_spectrum(self._field))).real
        dy, dx = (int(at) for at in np.unravel_index(int(np.argmax(fits)), fits.shape))
        dy, dx = dy - fits.shape[0] * (dy >= HEIGHT), dx - fits.shape[1] * (dx >= WIDTH)
        overlap = (HEIGHT - abs(dy)) * (WIDTH - abs(dx)) / (HEIGHT * WIDTH)
        if max(abs(dy), abs(dx)) <= _SWAY or overlap < _OVERLAP:
            return False
        return _agreement(_window(picture.field, dy, dx), _window(self._field, -dy, -dx)) > _FITS


def _share(now: Plane, usual: Plane) -> Plane:
    """How much of what is usual is there, block by block; turned into its negative it is there too."""
    found, whole = _blocks(cells(now * usual)), _blocks(cells(usual * usual))
    return np.asarray(np.abs(found) / np.maximum(whole, 1e-3), np.float32)


def _blocks(of_cells: NDArray[Any]) -> Plane:
    """Sums over 3 x 2 cells: 3x8."""
    return np.asarray(of_cells.reshape(ROWS // 3, 3, COLUMNS // 2, 2).sum(axis=(1, 3)), np.float32)


def _window(field: Plane, dy: int, dx: int) -> Plane:
    """The part that is left when the top and left `dy` and `dx` are cut away; negative: at the bottom and right."""
    return field[max(dy, 0) : HEIGHT + min(dy, 0), max(dx, 0) : WIDTH + min(dx, 0)]


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
