"""Shop rows, houses on stilts, stalls, walls, gates, sheds, containers, jetties: still things, in metres."""

from __future__ import annotations

import numpy as np

from vms.simulator.scenes.shapes import box, gable, panel, polygon, prism, rectangle, ring, taper
from vms.simulator.scenes.world import Colour, Face, place

PASTELS: tuple[Colour, ...] = (
    (176, 196, 206),
    (196, 190, 172),
    (168, 186, 176),
    (186, 198, 214),
    (164, 178, 196),
    (200, 200, 196),
)
ROOFS: tuple[Colour, ...] = ((78, 92, 140), (96, 100, 104), (104, 122, 96), (84, 108, 150))
AWNINGS: tuple[Colour, ...] = (
    (150, 112, 66),
    (78, 122, 190),
    (104, 138, 88),
    (92, 92, 164),
    (120, 168, 196),
    (170, 160, 140),
)
WINDOW: Colour = (122, 108, 88)
WOOD: Colour = (84, 110, 134)
STEEL: Colour = (128, 126, 122)
CONCRETE: Colour = (168, 172, 176)


def shop_row(units: int, seed: int, floors: int = 2) -> list[Face]:
    """Ruko: units of 4.5 m, looking towards the eye, centred on X = 0, front at Z = 0."""
    rng = np.random.default_rng(seed)
    faces: list[Face] = []
    for i in range(units):
        x = (i - units / 2 + 0.5) * 4.5
        wall, awning = PASTELS[int(rng.integers(len(PASTELS)))], AWNINGS[int(rng.integers(len(AWNINGS)))]
        tall = 3.3 * floors + float(rng.uniform(0.2, 1.2))
        faces += box((4.5, tall, 9.0), wall, (x, 0, 4.5), lid=(150, 148, 146))
        faces.append(
            panel((x - 1.9, x + 1.9), (0.1, 2.4), -0.02, (74, 70, 68) if rng.random() < 0.6 else (150, 156, 160))
        )
        faces.append(panel((x - 2.1, x + 2.1), (2.75, 3.4), -0.03, awning))
        for floor in range(1, floors):
            for wx in (x - 1.1, x + 1.1):
                faces.append(panel((wx - 0.7, wx + 0.7), (3.3 * floor + 0.9, 3.3 * floor + 2.4), -0.02, WINDOW))
        shade = polygon((x - 2.2, 2.3, -1.7), (x - 2.2, 2.75, 0), (x + 2.2, 2.75, 0), (x + 2.2, 2.3, -1.7))
        faces.append(Face(shade, awning))
    return faces


def house(seed: int, width: float = 8.0, length: float = 7.0, stilts: float = 0.0) -> list[Face]:
    """A one-floor house; on stilts over water where asked."""
    rng = np.random.default_rng(seed)
    wall, roof = PASTELS[int(rng.integers(len(PASTELS)))], ROOFS[int(rng.integers(len(ROOFS)))]
    if stilts:
        wall = ((wall[0] + WOOD[0]) / 2, (wall[1] + WOOD[1]) / 2, (wall[2] + WOOD[2]) / 2)
    faces: list[Face] = []
    if stilts:
        for x in np.linspace(-width / 2 + 0.3, width / 2 - 0.3, 5):
            for z in (-length / 2 + 0.3, length / 2 - 0.3):
                faces += box((0.22, stilts, 0.22), WOOD, (float(x), 0, z))
        faces += box((width + 1.2, 0.2, length + 1.6), WOOD, (0, stilts - 0.2, -0.3))
    faces += place(box((width, 2.9, length), wall), y=stilts)
    front = -length / 2 - 0.02
    faces.append(panel((-0.5, 0.5), (stilts + 0.05, stilts + 2.1), front, (70, 84, 100)))
    for x in (-width * 0.3, width * 0.3):
        faces.append(panel((x - 0.7, x + 0.7), (stilts + 1.0, stilts + 2.1), front, WINDOW))
    return faces + gable(width, length, stilts + 2.9, 1.9, roof, 0.7)


def stall(seed: int, width: float = 3.2) -> list[Face]:
    """A market stall: posts, a slanted sheet, a table with heaps."""
    rng = np.random.default_rng(seed)
    colour = AWNINGS[int(rng.integers(len(AWNINGS)))]
    w = width / 2
    faces: list[Face] = []
    for x in (-w + 0.1, w - 0.1):
        faces += box((0.09, 2.2, 0.09), WOOD, (x, 0, -1.1)) + box((0.09, 2.6, 0.09), WOOD, (x, 0, 1.1))
    faces += box((width - 0.3, 0.8, 1.2), (104, 122, 138), (0, 0, -0.3))
    heaps = ((70, 132, 78), (62, 84, 186), (78, 170, 206), (88, 120, 170), (120, 150, 170), (90, 104, 84))
    for i in range(5):
        x = -w + 0.55 + i * (width - 1.1) / 4
        heap = heaps[int(rng.integers(len(heaps)))]
        faces += (
            taper((0.55, 0.9), (0.2, 0.4), (0.8, 1.05), heap, z=(-0.3, -0.3))
            if i == 2
            else place(taper((0.55, 0.9), (0.2, 0.4), (0.8, 1.02), heap), x=x, z=-0.3)
        )
    roof = polygon((-w - 0.25, 2.15, -1.6), (-w - 0.25, 2.75, 1.4), (w + 0.25, 2.75, 1.4), (w + 0.25, 2.15, -1.6))
    lip = polygon((-w - 0.25, 1.9, -1.61), (-w - 0.25, 2.15, -1.6), (w + 0.25, 2.15, -1.6), (w + 0.25, 1.9, -1.61))
    return [*faces, Face(roof, colour), Face(lip, (colour[0] * 0.85, colour[1] * 0.85, colour[2] * 0.85))]


def wall(length: float, height: float, colour: Colour, posts: float = 3.0) -> list[Face]:
    """A wall along X with posts."""
    faces = box((length, height, 0.25), colour, lid=CONCRETE)
    count = max(2, round(length / posts) + 1)
    for x in np.linspace(-length / 2, length / 2, count):
        faces += box(
            (0.45, height + 0.3, 0.45), (colour[0] * 0.92, colour[1] * 0.92, colour[2] * 0.92), (float(x), 0, 0)
        )
    return faces


def gateway(width: float, height: float, colour: Colour, roof: Colour) -> list[Face]:
    """Two pillars with a beam and a small roof over a road along Z."""
    faces: list[Face] = []
    for x in (-width / 2, width / 2):
        faces += box((1.1, height, 1.1), colour, (x, 0, 0)) + box((1.4, 0.5, 1.4), CONCRETE, (x, 0, 0))
    faces += box((width + 2.4, 0.9, 0.8), colour, (0, height, 0))
    return faces + place(gable(width + 1.2, 1.6, 0, 1.3, roof, 0.8), y=height + 0.9)


def post_house(colour: Colour, roof: Colour) -> list[Face]:
    """A guard's post."""
    faces = box((2.6, 2.6, 2.6), colour)
    faces.append(panel((-0.9, 0.9), (1.1, 2.1), -1.31, WINDOW))
    faces.append(Face(polygon((-1.31, 1.1, 0.9), (-1.31, 2.1, 0.9), (-1.31, 2.1, -0.9), (-1.31, 1.1, -0.9)), WINDOW))
    return faces + box((3.4, 0.25, 3.4), roof, (0, 2.6, 0))


def barrier(angle: float, length: float = 5.2) -> list[Face]:
    """A barrier whose arm points to +X at 0 and up at 1."""
    turn = angle * 1.35
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    faces = box((0.5, 1.1, 0.5), (70, 150, 200))
    for i in range(6):
        a, b = i * length / 6, (i + 1) * length / 6
        colour: Colour = (70, 70, 190) if i % 2 == 0 else (226, 226, 226)
        low, high = (a * cos, 1.0 + a * sin), (b * cos, 1.0 + b * sin)
        corners = polygon(
            (low[0], low[1] - 0.09, -0.3),
            (low[0], low[1] + 0.09, -0.3),
            (high[0], high[1] + 0.09, -0.3),
            (high[0], high[1] - 0.09, -0.3),
        )
        faces.append(Face(corners, colour, flat=True))
    return faces


def container(colour: Colour, ribs: int = 8) -> list[Face]:
    """A 20-foot container lying along X."""
    faces = box((6.1, 2.6, 2.44), colour)
    darker = (colour[0] * 0.88, colour[1] * 0.88, colour[2] * 0.88)
    for i in range(ribs):
        x = -2.8 + i * 5.6 / (ribs - 1)
        faces.append(panel((x - 0.12, x + 0.12), (0.15, 2.45), -1.23, darker))
    return faces


def shed(width: float, length: float, height: float, colour: Colour, roof: Colour, doors: int) -> list[Face]:
    """A warehouse looking towards the eye."""
    faces = box((width, height, length), colour)
    for i in range(doors):
        x = (i - doors / 2 + 0.5) * width / doors
        faces.append(
            panel((x - 1.9, x + 1.9), (0.05, 3.6), -length / 2 - 0.02, (110, 104, 98) if i % 2 else (142, 148, 150))
        )
        faces.append(panel((x - 2.1, x + 2.1), (3.7, 4.2), -length / 2 - 0.03, (72, 150, 196)))
    return faces + gable(width, length, height, 2.6, roof, 0.6)


def jetty(length: float, width: float, height: float) -> list[Face]:
    """A wooden pier along Z from Z = 0, planks drawn."""
    faces: list[Face] = []
    for z in np.arange(0.5, length, 3.0):
        for x in (-width / 2 + 0.2, width / 2 - 0.2):
            faces += box((0.24, height, 0.24), (62, 80, 96), (x, 0, float(z)))
    planks = round(length / 0.6)
    for i in range(planks):
        tone = 0.9 + 0.2 * ((i * 7919) % 11) / 11
        z = (i + 0.5) * length / planks
        faces += box((width, 0.14, length / planks * 0.92), (104 * tone, 130 * tone, 150 * tone), (0, height - 0.14, z))
    return faces


def pole(height: float, colour: Colour = STEEL) -> list[Face]:
    """A lamp post with an arm towards -X."""
    return [
        *box((0.18, height, 0.18), colour),
        *box((2.2, 0.12, 0.14), colour, (-1.0, height, 0)),
        *box((0.7, 0.14, 0.3), (214, 214, 210), (-1.9, height - 0.1, 0)),
    ]


def monument() -> list[Face]:
    """Steps, a plinth and a tapering shaft."""
    stone: Colour = (186, 192, 198)
    faces: list[Face] = []
    for radius, y, rise in ((6.0, 0.0, 0.5), (4.6, 0.5, 0.5), (3.2, 1.0, 0.8)):
        faces += prism(ring(radius, 12), ring(radius, 12), y, y + rise, stone)
    faces += taper((2.2, 2.2), (1.0, 1.0), (1.8, 9.0), (176, 186, 196))
    return faces + taper((1.0, 1.0), (0.05, 0.05), (9.0, 10.6), (90, 166, 206))


def signal(colour: Colour) -> list[Face]:
    """A traffic light showing that colour."""
    faces = [*box((0.16, 3.6, 0.16), STEEL), *box((0.5, 1.3, 0.4), (58, 56, 54), (0, 3.2, 0))]
    faces.append(panel((-0.18, 0.18), (3.3, 4.4), -0.21, (58, 56, 54)))
    y = {(74, 72, 214): 4.05, (120, 190, 96): 3.35}.get((int(colour[0]), int(colour[1]), int(colour[2])), 3.7)
    faces.append(panel((-0.16, 0.16), (y, y + 0.32), -0.22, colour))
    return faces


def ground_mark(x: tuple[float, float], z: tuple[float, float]) -> list[tuple[float, float]]:
    """The outline of a painted rectangle on the ground."""
    return rectangle(x[1] - x[0], z[1] - z[0], (x[0] + x[1]) / 2, (z[0] + z[1]) / 2)
