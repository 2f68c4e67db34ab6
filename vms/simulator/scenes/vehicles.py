"""Cars, minibuses, trucks, buses, motorbikes, a forklift: a handful of solids each, in metres, heading +Z."""

from __future__ import annotations

from vms.simulator.scenes.shapes import box, end_panels, rectangle, sheet, side_panels, taper
from vms.simulator.scenes.world import Colour, Face

GLASS: Colour = (92, 80, 66)
TYRE: Colour = (48, 46, 46)
LAMP: Colour = (205, 228, 238)
TAIL: Colour = (60, 58, 178)
WHITE: Colour = (222, 222, 218)
SILVER: Colour = (176, 176, 172)
GREY: Colour = (120, 118, 114)
RED: Colour = (70, 68, 176)
BLUE: Colour = (150, 104, 62)
GREEN: Colour = (92, 128, 74)
YELLOW: Colour = (84, 178, 214)
CREAM: Colour = (178, 206, 222)
DARK: Colour = (78, 72, 68)


def _wheels(half: float, axles: tuple[float, ...], radius: float = 0.33) -> list[Face]:
    faces = []
    for z in axles:
        for x in (-half, half):
            faces += box((0.22, radius * 2, radius * 1.9), TYRE, (x, 0, z))
    return faces


def car(colour: Colour) -> list[Face]:
    """A family car, 4.2 m."""
    return [
        sheet(rectangle(1.9, 4.4), (52, 52, 52), 0.01, 0.55),
        *_wheels(0.76, (-1.3, 1.3)),
        *taper((1.72, 4.2), (1.68, 4.05), (0.28, 0.92), colour),
        *taper((1.62, 2.9), (1.3, 1.75), (0.92, 1.42), GLASS, z=(-0.25, -0.3), lid=colour),
        *end_panels(2.12, 0.7, (0.55, 0.75), LAMP, TAIL),
    ]


def minibus(colour: Colour, band: Colour = WHITE) -> list[Face]:
    """An angkot or a small van, 4.3 m."""
    return [
        sheet(rectangle(1.9, 4.5), (52, 52, 52), 0.01, 0.55),
        *_wheels(0.74, (-1.3, 1.35)),
        *taper((1.68, 4.2), (1.66, 4.1), (0.28, 1.08), colour, lid=band),
        *taper((1.62, 4.0), (1.48, 3.4), (1.08, 1.72), GLASS, z=(0, -0.1), lid=colour),
        *side_panels(0.86, (-2.0, 2.0), (0.9, 1.04), band),
        *end_panels(2.12, 0.72, (0.6, 0.8), LAMP, TAIL),
    ]


def truck(cab: Colour, cargo: Colour, load: Colour | None = None) -> list[Face]:
    """A two-axle truck, 6.8 m; `load` heaps over the rim of an open bed."""
    faces = [
        sheet(rectangle(2.3, 7.0), (52, 52, 52), 0.01, 0.55),
        *_wheels(0.95, (-2.2, 2.2), 0.45),
        *box((2.0, 0.3, 6.4), DARK, (0, 0.5, 0)),
        *taper((2.05, 1.7), (1.95, 1.45), (0.7, 2.2), cab, z=(2.4, 2.35)),
        *end_panels(3.28, 0.9, (0.8, 1.05), LAMP, TAIL),
        *side_panels(1.03, (1.8, 2.9), (1.45, 1.95), GLASS),
        *box((1.8, 0.6, 0.05), GLASS, (0, 1.4, 3.22)),
        *taper((2.2, 4.5), (2.2, 4.5), (0.8, 2.5 if load is None else 1.7), cargo, z=(-1.0, -1.0), lid=load or cargo),
    ]
    if load is not None:
        faces += taper((2.0, 4.2), (1.0, 2.6), (1.7, 2.25), load, z=(-1.0, -1.0))
    return faces


def bus(colour: Colour, band: Colour) -> list[Face]:
    """A coach, 10 m."""
    faces = [
        sheet(rectangle(2.8, 10.4), (52, 52, 52), 0.01, 0.5),
        *_wheels(1.12, (-3.0, 3.2), 0.48),
        *taper((2.5, 10.0), (2.4, 9.8), (0.4, 3.1), colour),
        *side_panels(1.27, (-4.7, 4.7), (1.0, 1.35), band),
        *end_panels(5.02, 1.1, (0.6, 0.9), LAMP, TAIL),
        *end_panels(5.03, 1.1, (1.5, 2.7), GLASS, GLASS),
    ]
    for i in range(6):
        z = -4.5 + i * 1.5
        faces += side_panels(1.265, (z, z + 1.3), (1.6, 2.5), GLASS)
    return faces


def motorbike(colour: Colour, shirt: Colour, helmet: Colour = DARK) -> list[Face]:
    """A motorbike with its rider."""
    return [
        sheet(rectangle(0.6, 1.9), (52, 52, 52), 0.01, 0.5),
        *box((0.14, 0.56, 0.56), TYRE, (0, 0, 0.62)),
        *box((0.14, 0.56, 0.56), TYRE, (0, 0, -0.62)),
        *taper((0.3, 1.3), (0.34, 0.8), (0.4, 0.82), colour),
        *box((0.62, 0.08, 0.1), GREY, (0, 0.98, 0.5)),
        *box((0.42, 0.35, 0.5), (74, 66, 60), (0, 0.62, 0.0)),
        *taper((0.44, 0.34), (0.4, 0.28), (0.8, 1.38), shirt, z=(-0.16, -0.05)),
        *box((0.58, 0.12, 0.5), shirt, (0, 1.1, 0.2)),
        *taper((0.3, 0.32), (0.2, 0.24), (1.4, 1.7), helmet, z=(0.0, 0.0)),
    ]


def forklift(colour: Colour, cargo: Colour) -> list[Face]:
    """A forklift with a pallet on its forks."""
    return [
        sheet(rectangle(1.5, 3.6), (52, 52, 52), 0.01, 0.5),
        *_wheels(0.5, (-0.8, 0.7), 0.32),
        *taper((1.15, 2.1), (1.1, 1.7), (0.3, 1.05), colour, z=(-0.1, -0.25)),
        *box((0.08, 1.1, 0.08), DARK, (-0.5, 1.0, 0.3)),
        *box((0.08, 1.1, 0.08), DARK, (0.5, 1.0, 0.3)),
        *box((1.15, 0.1, 1.3), DARK, (0, 2.05, -0.2)),
        *box((0.9, 2.2, 0.12), GREY, (0, 0.2, 1.05)),
        *box((0.4, 0.6, 0.4), (120, 96, 70), (0, 1.05, -0.3)),
        *box((1.1, 1.0, 1.0), cargo, (0, 0.35, 1.7)),
    ]
