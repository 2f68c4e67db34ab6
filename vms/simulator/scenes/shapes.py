"""Solids to build models from: prisms, boxes, gables, poles, panels. Metres; local +Z is forward, Y = 0 the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vms.simulator.scenes.world import Colour, Face, Points

Outline = Sequence[tuple[float, float]]
# a panel lies on a wall up to twice as long as this
_LIFT_M = 6.0


def polygon(*points: tuple[float, float, float]) -> Points:
    """Points as an array."""
    return np.array(points, dtype=np.float64)


def prism(bottom: Outline, top: Outline, y0: float, y1: float, colour: Colour, lid: Colour | None = None) -> list[Face]:
    """Side faces between two outlines (x, z), counter-clockwise seen from above, and a lid."""
    count = len(bottom)
    faces = []
    for i in range(count):
        j = (i + 1) % count
        (ax, az), (bx, bz), (cx, cz), (dx, dz) = bottom[i], bottom[j], top[j], top[i]
        faces.append(Face(polygon((ax, y0, az), (bx, y0, bz), (cx, y1, cz), (dx, y1, dz))[::-1], colour))
    # seen from above with X right and Z up, counter-clockwise outlines give a normal that points down: turned
    faces.append(Face(polygon(*((x, y1, z) for x, z in reversed(top))), lid or colour))
    return faces


def rectangle(width: float, length: float, x: float = 0.0, z: float = 0.0) -> list[tuple[float, float]]:
    """An outline centred at (x, z)."""
    w, d = width / 2, length / 2
    return [(x - w, z - d), (x + w, z - d), (x + w, z + d), (x - w, z + d)]


def box(
    size: tuple[float, float, float],
    colour: Colour,
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    lid: Colour | None = None,
) -> list[Face]:
    """A box of (width, height, length), its bottom centred at `at`."""
    outline = rectangle(size[0], size[2], at[0], at[2])
    return prism(outline, outline, at[1], at[1] + size[1], colour, lid)


def taper(
    low: tuple[float, float],
    high: tuple[float, float],
    y: tuple[float, float],
    colour: Colour,
    *,
    z: tuple[float, float] = (0.0, 0.0),
    lid: Colour | None = None,
) -> list[Face]:
    """A box that narrows: (width, length) below and above, centred at z[0] and z[1]."""
    return prism(rectangle(*low, z=z[0]), rectangle(*high, z=z[1]), *y, colour, lid)


def ring(radius: float, sides: int = 10, x: float = 0.0, z: float = 0.0) -> list[tuple[float, float]]:
    """A regular outline."""
    angles = [2 * math.pi * i / sides for i in range(sides)]
    return [(x + radius * math.cos(a), z + radius * math.sin(a)) for a in angles]


def gable(width: float, length: float, y: float, rise: float, colour: Colour, overhang: float = 0.5) -> list[Face]:
    """A roof with its ridge along X."""
    w, d = width / 2 + overhang, length / 2 + overhang
    front = polygon((-w, y, -d), (-w, y + rise, 0), (w, y + rise, 0), (w, y, -d))
    back = polygon((w, y, d), (w, y + rise, 0), (-w, y + rise, 0), (-w, y, d))
    left = polygon((-w, y, d), (-w, y + rise, 0), (-w, y, -d))
    right = polygon((w, y, -d), (w, y + rise, 0), (w, y, d))
    wall = (colour[0] * 0.9, colour[1] * 0.9, colour[2] * 0.9)
    return [Face(front, colour), Face(back, colour), Face(left, wall), Face(right, wall)]


def panel(x: tuple[float, float], y: tuple[float, float], z: float, colour: Colour) -> Face:
    """An upright rectangle that looks towards -Z (the eye)."""
    return Face(polygon((x[0], y[0], z), (x[0], y[1], z), (x[1], y[1], z), (x[1], y[0], z)), colour, lift=_LIFT_M)


def side_panels(half_width: float, z: tuple[float, float], y: tuple[float, float], colour: Colour) -> list[Face]:
    """Upright rectangles on both sides, looking out along X."""
    (z0, z1), (y0, y1), w = z, y, half_width
    left = polygon((-w, y0, z1), (-w, y1, z1), (-w, y1, z0), (-w, y0, z0))
    right = polygon((w, y0, z0), (w, y1, z0), (w, y1, z1), (w, y0, z1))
    return [Face(left, colour, lift=_LIFT_M), Face(right, colour, lift=_LIFT_M)]


def end_panels(half_length: float, x: float, y: tuple[float, float], front: Colour, back: Colour) -> list[Face]:
    """Upright rectangles of half width x at both ends: the front looks along +Z, the back along -Z."""
    (y0, y1), d = y, half_length
    ahead = polygon((x, y0, d), (x, y1, d), (-x, y1, d), (-x, y0, d))
    behind = polygon((-x, y0, -d), (-x, y1, -d), (x, y1, -d), (x, y0, -d))
    return [Face(ahead, front, lift=_LIFT_M), Face(behind, back, lift=_LIFT_M)]


def sheet(outline: Outline, colour: Colour, y: float = 0.02, alpha: float = 1.0) -> Face:
    """A flat piece on the ground or the water."""
    return Face(polygon(*((x, y, z) for x, z in outline)), colour, alpha, flat=True)
