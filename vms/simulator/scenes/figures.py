"""People, trees and flags: what moves or grows. People are solids that walk in eight pictures; trees are painted."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator.scenes.shapes import box, polygon, prism, rectangle, ring, sheet, taper
from vms.simulator.scenes.world import Colour, Face, View, place

STEPS = 8
SKIN: Colour = (98, 132, 176)
HAIR: Colour = (46, 42, 42)
CLOTHES: tuple[Colour, ...] = (
    (150, 112, 72),
    (84, 84, 168),
    (108, 140, 92),
    (190, 190, 186),
    (90, 160, 196),
    (132, 96, 128),
    (120, 110, 100),
    (72, 118, 176),
)


def person(shirt: Colour, trousers: Colour, step: float, head: Colour = HAIR, size: float = 1.0) -> list[Face]:
    """Somebody at a phase of a step, 0 to 1; about 1.65 m tall times `size`."""
    swing = math.sin(step * 2 * math.pi) * 0.26 * size
    s = size
    faces = [sheet(rectangle(0.5 * s, 0.5 * s), (50, 50, 50), 0.01, 0.4)]
    for x, z in ((-0.09 * s, swing), (0.09 * s, -swing)):
        faces += place(taper((0.13 * s, 0.17 * s), (0.16 * s, 0.2 * s), (0.0, 0.84 * s), trousers, z=(z, 0.0)), x=x)
    faces += taper((0.3 * s, 0.2 * s), (0.4 * s, 0.2 * s), (0.8 * s, 1.36 * s), shirt)
    for x, z in ((-0.24 * s, -swing), (0.24 * s, swing)):
        faces += place(
            taper((0.08 * s, 0.1 * s), (0.1 * s, 0.13 * s), (0.86 * s, 1.34 * s), shirt, z=(z * 0.7, 0.0)), x=x
        )
        faces += box((0.08 * s, 0.1 * s, 0.1 * s), SKIN, (x, 0.77 * s, z * 0.75))
    skull = ring(0.1 * s, 8)
    faces += prism(skull, skull, 1.36 * s, 1.54 * s, SKIN)
    crown = ring(0.125 * s, 8, 0, -0.02 * s)
    return faces + prism(crown, ring(0.07 * s, 8, 0, -0.02 * s), 1.52 * s, 1.68 * s, head)


def walker(shirt: Colour, trousers: Colour, head: Colour = HAIR, size: float = 1.0) -> list[list[Face]]:
    """The pictures of a walk."""
    return [person(shirt, trousers, i / STEPS, head, size) for i in range(STEPS)]


def flag(upper: Colour, lower: Colour, mast: float, phase: float, width: float = 1.8) -> list[Face]:
    """A flag of two colours on a mast, waving at that phase."""
    faces = box((0.12, mast, 0.12), (190, 190, 190))
    strips = 8
    for i in range(strips):
        heights = []
        for edge in (i, i + 1):
            share = edge / strips
            heights.append(math.sin(2 * math.pi * (share * 1.2 - phase)) * 0.16 * share - 0.1 * share)
        x0, x1 = 0.08 + width * i / strips, 0.08 + width * (i + 1) / strips
        tone = 1.0 + (heights[1] - heights[0]) * 1.4
        for top, colour in ((0.0, upper), (-0.6, lower)):
            y = mast - 0.1 + top
            b, g, r = (min(255.0, c * tone) for c in colour)
            corners = polygon(
                (x0, y - 0.6 + heights[0], 0),
                (x0, y + heights[0], 0),
                (x1, y + heights[1], 0),
                (x1, y - 0.6 + heights[1], 0),
            )
            faces.append(Face(corners, (b, g, r), flat=True))
    return faces


def tree(canvas: NDArray[np.uint8], view: View, x: float, z: float, height: float, seed: int, y: float = 0.0) -> None:
    """A broad-leaved tree: a trunk and some hundred tufts, lit from the upper left."""
    rng = np.random.default_rng(seed)
    base_x, base_y, depth = view.project(x, y, z)
    if depth < 2:
        return
    _, top_y, _ = view.project(x, y + height, z)
    tall = base_y - top_y
    wide = tall * rng.uniform(0.36, 0.48)
    opaque = (255,) if canvas.shape[2] == 4 else ()
    trunk = view.hazed((62, 78, 96), depth)
    cv2.line(
        canvas, _dot(base_x, base_y), _dot(base_x, base_y - tall * 0.5), (*trunk, *opaque), max(1, round(tall * 0.045))
    )
    tufts = []
    for _ in range(190):
        angle, radius = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0, 1))
        across, up = math.cos(angle) * radius, math.sin(angle) * radius
        light = 0.5 - 0.28 * across + 0.42 * up + rng.uniform(-0.22, 0.22)
        tufts.append((light, across, up))
    hue = rng.uniform(-12, 12)
    for light, across, up in sorted(tufts, key=lambda tuft: tuft[0]):
        tone = 0.55 + 0.75 * max(0.0, min(1.0, light))
        colour = view.hazed((52 * tone, (104 + hue) * tone, (82 - hue) * tone), depth)
        centre = _dot(base_x + across * wide, base_y - tall * 0.66 - up * tall * 0.34)
        size = max(1, round(tall * rng.uniform(0.035, 0.075)))
        cv2.ellipse(canvas, centre, (round(size * 1.25) or 1, size), 0, 0, 360, (*colour, *opaque), -1, cv2.LINE_AA)


def palm(canvas: NDArray[np.uint8], view: View, x: float, z: float, height: float, seed: int) -> None:
    """A coconut palm: a leaning trunk and hanging fronds."""
    rng = np.random.default_rng(seed)
    base_x, base_y, depth = view.project(x, 0, z)
    if depth < 2:
        return
    _, top_y, _ = view.project(x, height, z)
    tall = base_y - top_y
    lean = rng.uniform(-0.16, 0.16) * tall
    opaque = (255,) if canvas.shape[2] == 4 else ()
    trunk = view.hazed((88, 104, 118), depth)
    for i in range(12):
        a, b = i / 12, (i + 1) / 12
        start, end = _dot(base_x + lean * a * a, base_y - tall * a), _dot(base_x + lean * b * b, base_y - tall * b)
        cv2.line(canvas, start, end, (*trunk, *opaque), max(1, round(tall * (0.04 - 0.018 * a))), cv2.LINE_AA)
    crown_x, crown_y = base_x + lean, base_y - tall
    for i in range(15):
        angle = 2 * math.pi * i / 15 + rng.uniform(-0.15, 0.15)
        reach = tall * rng.uniform(0.32, 0.44)
        tone = 0.72 + 0.34 * math.sin(angle) + rng.uniform(-0.08, 0.08)
        colour = view.hazed((58 * tone, 118 * tone, 92 * tone), depth)
        points = []
        for step in range(9):
            t = step / 8
            across = math.cos(angle) * reach * t
            up = math.sin(angle) * reach * 0.42 * t + reach * 0.25 * t - reach * 0.7 * t * t
            points.append(_dot(crown_x + across, crown_y - up))
        for first, second, t in zip(points, points[1:], range(8), strict=False):
            thick = max(1, round(tall * 0.036 * (1 - abs(t - 3) / 7)))
            cv2.line(canvas, first, second, (*colour, *opaque), thick, cv2.LINE_AA)


def _dot(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
