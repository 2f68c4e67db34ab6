"""Boats of the rivers: klotok, speedboat, canoe, ferry, tug, coal barge, a ship at the quay. Metres, heading +Z."""

from __future__ import annotations

from vms.simulator.scenes.shapes import box, end_panels, prism, rectangle, sheet, side_panels, taper
from vms.simulator.scenes.world import Colour, Face, place

FOAM: Colour = (206, 214, 216)
HULL_WOOD: Colour = (82, 108, 138)


def _hull(length: float, width: float, height: float, colour: Colour, deck: Colour, sink: float = 0.3) -> list[Face]:
    w, d = width / 2, length / 2
    upper = [
        (-w * 0.8, -d),
        (w * 0.8, -d),
        (w, -d * 0.4),
        (w * 0.95, d * 0.35),
        (0.0, d),
        (-w * 0.95, d * 0.35),
        (-w, -d * 0.4),
    ]
    lower = [(x * 0.72, z * 0.9) for x, z in upper]
    return prism(lower, upper, -sink, height, colour, deck)


def _wake(length: float, width: float, spread: float) -> list[Face]:
    w, d = width / 2, length / 2
    faces = []
    for side in (-1, 1):
        outline = [
            (side * w * 0.5, d * 0.8),
            (side * (w + 0.5), d * 0.2),
            (side * (w + spread), -d * 3.2),
            (side * (w + spread * 0.55), -d * 3.2),
        ]
        faces.append(sheet(outline, FOAM, 0.03, 0.32))
    faces.append(sheet([(-w * 0.7, -d), (w * 0.7, -d), (w * 1.3, -d * 2.8), (-w * 1.3, -d * 2.8)], FOAM, 0.03, 0.26))
    return faces


def klotok(roof: Colour, *, wake: bool = True, stripe: Colour = (96, 140, 84)) -> list[Face]:
    """A long wooden motor boat with a roof, 12 m."""
    faces = _wake(12, 2.4, 2.6) if wake else []
    faces += _hull(12, 2.4, 0.75, HULL_WOOD, (112, 136, 156))
    faces += side_panels(1.21, (-4.5, 2.0), (0.45, 0.68), stripe)
    faces += box((1.9, 1.0, 5.6), (176, 186, 190), (0, 0.75, -1.2))
    for i in range(4):
        z = -3.6 + i * 1.35
        faces += side_panels(0.97, (z, z + 1.0), (1.05, 1.6), (88, 78, 66))
    return faces + taper((2.3, 6.6), (1.8, 6.2), (1.85, 2.1), roof, z=(-1.1, -1.1))


def speedboat(colour: Colour) -> list[Face]:
    """A fast taxi boat, 7 m."""
    faces = _wake(8, 2.0, 3.4)
    faces += _hull(7, 1.9, 0.8, colour, (206, 206, 204), 0.15)
    faces += taper((1.5, 2.6), (1.2, 1.9), (0.8, 1.5), (92, 80, 66), z=(-0.2, -0.5), lid=(220, 220, 216))
    return faces + box((0.5, 0.6, 0.5), (60, 58, 56), (0, 0.5, -3.4))


def canoe(shirt: Colour, sway: float) -> list[Face]:
    """A jukung with somebody paddling; `sway` from -1 to 1 moves the paddle."""
    faces = _hull(5.2, 0.85, 0.35, HULL_WOOD, (70, 92, 112), 0.15)
    faces += place(box((0.4, 0.6, 0.28), shirt, (0, 0.35, 0)), z=-1.0)
    faces += place(taper((0.62, 0.62), (0.1, 0.1), (1.05, 1.28), (120, 176, 200)), z=-1.0)
    faces += place(box((0.2, 0.16, 0.2), (98, 132, 176), (0, 0.95, 0)), z=-1.0)
    return faces + box((0.08, 0.9, 0.08), (90, 120, 150), (0.5, 0.0, -1.0 + 0.7 * sway))


def ferry(load: Colour) -> list[Face]:
    """A small flat ferry with a roof and motorbikes, 9 m."""
    faces = _wake(9, 3.6, 2.0)
    faces += prism(rectangle(3.0, 8.4), rectangle(3.6, 9.4), -0.2, 0.6, (110, 96, 70), (120, 140, 156))
    for x in (-1.5, 1.5):
        for z in (-3.2, 0.0, 3.2):
            faces += box((0.12, 2.0, 0.12), (150, 150, 150), (x, 0.6, z))
    for i in range(3):
        faces += place(
            box((0.4, 1.2, 1.5), load if i % 2 else (150, 112, 72), (0, 0.6, 0)), x=-0.9 + i * 0.9, z=1.4 - i
        )
    return faces + taper((3.8, 8.0), (3.2, 7.6), (2.6, 2.85), (158, 120, 84))


def tug(colour: Colour) -> list[Face]:
    """A harbour tug, 16 m."""
    faces = _wake(16, 5, 3.0)
    faces += _hull(16, 5.2, 1.7, colour, (120, 132, 140), 0.6)
    faces += box((3.6, 2.3, 5.0), (214, 216, 216), (0, 1.7, 1.0))
    faces += box((2.8, 1.8, 2.6), (214, 216, 216), (0, 4.0, 1.6), lid=(84, 108, 150))
    faces += side_panels(1.42, (0.5, 2.7), (4.7, 5.4), (92, 80, 66)) + side_panels(
        1.82, (-1.2, 3.2), (2.6, 3.2), (92, 80, 66)
    )
    return faces + taper((1.3, 1.3), (1.1, 1.1), (4.0, 6.2), (60, 64, 150), z=(-1.4, -1.4))


def barge() -> list[Face]:
    """A barge heaped with coal, 46 m."""
    faces = prism(rectangle(12, 43), rectangle(13, 46), -0.4, 2.2, (92, 84, 96), (88, 86, 84))
    faces += side_panels(6.55, (-23, 23), (1.7, 2.0), (150, 150, 148))
    for z in (-14.0, 0.0, 14.0):
        faces += place(taper((11, 13.5), (3.5, 5.0), (2.2, 5.6), (58, 56, 56)), z=z)
    return faces


def ship(length: float = 60.0) -> list[Face]:
    """A coaster at the quay."""
    faces = _hull(length, 11, 4.6, (96, 70, 52), (120, 128, 132), 0.6)
    faces += side_panels(5.52, (-length * 0.18, length * 0.16), (3.9, 4.3), (206, 206, 204))
    faces += box((9, 7.5, 8), (216, 218, 218), (0, 4.6, -length * 0.36))
    for y in (6.0, 8.2, 10.4):
        faces += side_panels(4.52, (-length * 0.36 - 3.4, -length * 0.36 + 3.4), (y, y + 0.9), (100, 88, 74))
    faces += taper((3, 3), (2.6, 2.6), (12.1, 15), (84, 108, 166), z=(-length * 0.4, -length * 0.4))
    for z in (-length * 0.1, length * 0.18):
        faces += box((0.7, 11, 0.7), (90, 160, 196), (0, 4.6, z))
    return faces + end_panels(length / 2, 0.2, (4.0, 4.5), (206, 206, 204), (206, 206, 204))
