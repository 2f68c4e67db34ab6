"""Pictures with transparency in the encoder's own planes, so that drawing a frame costs a copy and a few small blends.

Sprites are painted once as BGRA, turned into I420 planes (premultiplied), then laid over the frame at whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """Views of the three planes of one I420 picture: y (h x w), u and v (h/2 x w/2)."""

    y: Plane
    u: Plane
    v: Plane


def planes(i420: Plane, width: int, height: int) -> Frame:
    """The planes of an I420 array of height*3/2 x width, sharing its memory."""
    flat = i420.reshape(-1)
    luma = width * height
    quarter = luma // 4
    shape = (height // 2, width // 2)
    return Frame(
        flat[:luma].reshape(height, width),
        flat[luma : luma + quarter].reshape(shape),
        flat[luma + quarter : luma + 2 * quarter].reshape(shape),
    )


@dataclass(frozen=True, slots=True)
class Sprite:
    """Premultiplied planes and what they leave of the ground, (255 - alpha), for luma and for chroma."""

    y: Plane
    u: Plane
    v: Plane
    hole: Plane
    hole_small: Plane

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, both even."""
        return self.y.shape[1], self.y.shape[0]


def sprite(bgra: Plane) -> Sprite:
    """From a BGRA picture with premultiplied colour, of any size; padded to even sizes."""
    height, width = bgra.shape[:2]
    if height % 2 or width % 2:
        padded = cv2.copyMakeBorder(bgra, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
        bgra = padded.astype(np.uint8)
        height, width = bgra.shape[:2]
    hole = cv2.bitwise_not(bgra[:, :, 3]).astype(np.uint8)
    hole_small = cv2.resize(hole, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.uint8)
    parts = planes(cv2.cvtColor(bgra[:, :, :3], cv2.COLOR_BGR2YUV_I420).astype(np.uint8), width, height)
    return Sprite(
        _without(parts.y, hole, 16),
        _without(parts.u, hole_small, 128),
        _without(parts.v, hole_small, 128),
        hole,
        hole_small,
    )


def _without(plane: Plane, hole: Plane, zero: int) -> Plane:
    """Premultiplied BGR gives zero + a (c - zero); what is to be added to the ground is a c."""
    return cv2.subtract(plane, cv2.convertScaleAbs(hole, alpha=zero / 255)).astype(np.uint8)


def lay(frame: Frame, image: Sprite, x: int, y: int) -> None:
    """Blend the sprite into the frame with its top left at (x, y) in luma pixels, clipped at the edges."""
    _blend(frame.y, image.y, image.hole, x, y)
    _blend(frame.u, image.u, image.hole_small, x >> 1, y >> 1)
    _blend(frame.v, image.v, image.hole_small, x >> 1, y >> 1)


def _blend(ground: Plane, paint: Plane, hole: Plane, x: int, y: int) -> None:
    height, width = ground.shape
    h, w = paint.shape
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if left >= right or top >= bottom:
        return
    part = (slice(top - y, bottom - y), slice(left - x, right - x))
    target = ground[top:bottom, left:right]
    kept = cv2.multiply(target, hole[part], scale=1 / 255)
    target[...] = cv2.add(kept, paint[part])
