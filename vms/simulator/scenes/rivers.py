"""Scenes on the water: bridge, landing, jetty, barge. Metres; the eye looks along +Z."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vms.simulator.options import Picture
from vms.simulator.scenes import boats, buildings, figures, vehicles
from vms.simulator.scenes.motion import Path
from vms.simulator.scenes.plan import PAVING, Plan
from vms.simulator.scenes.shapes import box, polygon
from vms.simulator.scenes.world import Colour, Face, place

ARCH: Colour = (84, 92, 178)
GREEN_ROOF: Colour = (104, 138, 88)
BLUE_ROOF: Colour = (150, 112, 66)


def _arch_bridge(spans: int = 3, span: float = 52.0) -> list[Face]:
    """A deck on piers with steel arches, along X."""
    length = spans * span
    faces = box((length + 90, 1.2, 9), (150, 154, 158), (0, 7.5, 0))
    for i in range(spans + 1):
        x = -length / 2 + i * span
        faces += box((3.2, 8, 7), buildings.CONCRETE, (x, -0.5, 0))
    for i in range(spans):
        middle = -length / 2 + (i + 0.5) * span
        for z in (-4.2, 4.2):
            faces += _arch(middle, span, z)
    return faces


def _arch(middle: float, span: float, z: float) -> list[Face]:
    faces: list[Face] = []
    steps = 14
    for j in range(steps):
        ends = [(-0.5 + j / steps), (-0.5 + (j + 1) / steps)]
        (ax, ay), (bx, by) = ((middle + t * span, 8.7 + 10 * (1 - 4 * t * t)) for t in ends)
        corners = polygon((ax, ay - 0.5, z), (ax, ay + 0.5, z), (bx, by + 0.5, z), (bx, by - 0.5, z))
        faces.append(Face(corners, ARCH, flat=True))
        if j:
            hanger = polygon((ax - 0.1, 8.7, z), (ax - 0.1, ay, z), (ax + 0.1, ay, z), (ax + 0.1, 8.7, z))
            faces.append(Face(hanger, ARCH, flat=True))
    return faces


def _raft_house(seed: int) -> list[Face]:
    """A lanting: a house on floating logs, with a walk around it."""
    faces: list[Face] = []
    for x in (-4.5, -2.2, 0.0, 2.2, 4.5):
        faces += box((0.9, 0.5, 9.5), (74, 92, 108), (x, -0.1, 0))
    faces += box((11.5, 0.18, 9), (104, 130, 150), (0, 0.4, 0))
    return faces + place(buildings.house(seed, 7.5, 5.5), 0, 0.8, 0, 0.58)


def _cages() -> list[Face]:
    """Keramba: floating frames for fish."""
    faces: list[Face] = []
    for i in range(4):
        for z in (0.0, 3.0, 6.0):
            faces += box((3.4, 0.3, 0.35), (96, 120, 138), (i * 3.2, 0, z))
        for z in (1.5, 4.5):
            faces += box((0.35, 0.3, 3.2), (96, 120, 138), (i * 3.2 - 1.6, 0, z))
    return faces + place(box((2.2, 1.8, 2.0), buildings.WOOD, lid=(104, 138, 88)), 3.2, 6.4, y=0.3)


def bridge(picture: Picture) -> Plan:
    """The long bridge over the Kahayan, boats below, stilt houses on the bank."""
    plan = Plan(picture, 101, eye=10, pitch=9, focal=0.9)
    plan.water([(-400, 16), (400, 16), (400, 190), (-400, 190)])
    plan.area([(-14, 0), (30, 0), (22, 15), (4, 19), (-12, 15)], (120, 146, 160), fine=0.18)
    plan.grove((-260, 260), (195, 240), 60, (9, 16), 1)
    plan.put(_arch_bridge(), 10, 150, shade=False)
    for i in range(5):
        plan.put(buildings.house(i, stilts=2.6), -62 + i * 12.5, 74 - i * 3.2, shade=False)
    plan.grove((-90, -40), (86, 100), 9, (8, 12), 2)
    plan.put(_raft_house(3), -13, 34, 8, shade=False)
    plan.put(boats.klotok(GREEN_ROOF, wake=False), 13, 33, 78, shade=False)
    plan.put(boats.klotok(BLUE_ROOF, wake=False, stripe=(84, 84, 168)), 17, 38, 82, shade=False)
    plan.put(_cages(), 30, 52, -6, shade=False)
    deck = (
        (vehicles.truck(vehicles.YELLOW, vehicles.BLUE), 0.05, 1),
        (vehicles.car(vehicles.WHITE), 0.2, -1),
        (vehicles.bus(vehicles.WHITE, vehicles.RED), 0.45, 1),
        (vehicles.car(vehicles.RED), 0.6, -1),
        (vehicles.minibus(vehicles.GREEN), 0.75, 1),
    )
    for model, start, way in deck:
        raised = place(model, y=8.7)
        plan.travel(
            [raised],
            [(-105.0 * way, 149.0 + way), (115.0 * way, 149.0 + way)],
            start=start,
            lasts=0.7,
            places=12,
            shade=False,
        )
    plan.travel([boats.klotok(GREEN_ROOF)], [(-60, 62), (56, 54)], start=0.0, lasts=0.98, places=60, shade=False)
    plan.travel([boats.klotok(BLUE_ROOF)], [(95, 92), (-95, 84)], start=0.35, lasts=0.95, places=40, shade=False)
    plan.travel([boats.speedboat(vehicles.WHITE)], [(-60, 36), (60, 44)], start=0.5, lasts=0.3, places=50, shade=False)
    plan.travel(
        [boats.canoe(figures.CLOTHES[4], float(np.sin(i / 8 * 6.283))) for i in range(8)],
        [(9, 24), (-17, 26)],
        start=0.1,
        lasts=0.99,
        places=24,
        stride_m=3,
        fade=True,
        shade=False,
    )
    plan.clouds(4)
    return plan


def landing(picture: Picture) -> Plan:
    """A wooden landing: people come and go, boats pass, a ship lies across the water."""
    plan = Plan(picture, 113, eye=6.4, pitch=12, focal=0.88)
    plan.water([(-400, 11), (400, 11), (400, 210), (-400, 210)], (108, 126, 116))
    plan.area([(-60, -2), (60, -2), (44, 11.5), (-44, 12.5)], (138, 152, 162), fine=0.16, coarse=0.1)
    plan.grove((-300, 300), (212, 260), 60, (10, 16), 1)
    plan.put(boats.ship(64), 42, 120, 262, shade=False)
    for i in range(6):
        plan.put(buildings.house(20 + i, stilts=2.2), -104 + i * 12, 104 - i * 3, shade=False)
    plan.put(buildings.jetty(34, 4.2, 1.3), 3, 8, 4, shade=False)
    plan.put(buildings.jetty(16, 3.4, 1.3), 3, 30, -90, shade=False)
    plan.grow("palm", -14, 12.5, 8.5, 1)
    plan.grow("palm", 17, 11.5, 7.5, 2)
    moored = place(boats.klotok(BLUE_ROOF, wake=False), 0, 0)
    plan.put(moored, 8.6, 27, 4, shade=False)
    plan.put(boats.klotok(GREEN_ROOF, wake=False), -5.5, 35.5, 90, shade=False)
    pier: list[list[tuple[float, float]]] = [
        [(2, 3.5), (5, 41)],
        [(4, 3.5), (6, 40)],
        [(2.4, 3.5), (4.2, 29), (-9, 30.5)],
    ]
    _on_deck(plan, pier, 8, 3)
    plan.crowd([[(-22, 8.5), (22, 8.0)], [(-18, 10), (2.5, 8.5)]], 5, 8)
    plan.travel([boats.klotok(GREEN_ROOF)], [(75, 60), (-80, 52)], start=0.1, lasts=0.97, places=60, shade=False)
    plan.travel([boats.speedboat(vehicles.BLUE)], [(-60, 47), (70, 66)], start=0.62, lasts=0.32, places=50, shade=False)
    plan.travel([boats.ferry(vehicles.RED)], [(-110, 88), (110, 82)], start=0.3, lasts=0.99, places=40, shade=False)
    plan.clouds(4)
    return plan


def _on_deck(plan: Plan, paths: Sequence[Path], count: int, seed: int) -> None:
    """People on a pier of 1.3 m."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        shirt = figures.CLOTHES[int(rng.integers(len(figures.CLOTHES)))]
        walk = [place(step, y=1.3) for step in figures.walker(shirt, (84, 74, 66))]
        path = paths[i % len(paths)]
        path = path if rng.random() < 0.5 else list(reversed(path))
        plan.travel(walk, path, start=i / count, lasts=0.95, places=26, fade=True, shade=False)


def jetty(picture: Picture) -> Plan:
    """A ferry's jetty on the Kapuas with a waiting roof."""
    plan = Plan(picture, 127, eye=7.5, pitch=14, focal=0.92)
    plan.water([(-400, 17), (400, 17), (400, 170), (-400, 170)], (100, 118, 116))
    plan.area([(-70, -2), (70, -2), (60, 17.5), (-60, 18.5)], PAVING, fine=0.12, coarse=0.1)
    plan.area([(-60, 15.4), (60, 14.6), (60, 17.6), (-60, 18.6)], (150, 156, 160), fine=0.1)
    plan.grove((-260, 260), (172, 215), 64, (10, 16), 1)
    for i in range(9):
        plan.put(buildings.house(60 + i, stilts=2.2), -96 + i * 22, 162 - (i % 3) * 3, shade=False)
    roof = [*box((9, 0.25, 5.5), (96, 118, 84), (0, 3.2, 0))]
    for x in (-4.0, 4.0):
        for z in (-2.3, 2.3):
            roof += box((0.2, 3.2, 0.2), buildings.STEEL, (x, 0, z))
    plan.put(roof, -13, 12.5)
    plan.put(buildings.jetty(22, 6.0, 1.0), 6, 16.5, 0, shade=False)
    plan.put(buildings.pole(7), 15.5, 15.5)
    plan.grow("tree", 21, 13.5, 6, 1)
    plan.grow("palm", -22, 16, 9, 2)
    for i in range(4):
        plan.put(
            vehicles.motorbike((vehicles.RED, vehicles.BLUE, vehicles.DARK, vehicles.GREEN)[i], figures.CLOTHES[i]),
            -4.5 + i * 1.6,
            12.0,
            10,
        )
    crossing = [(84.0, 116.0), (22, 58), (11, 44), (4, 42.5), (-6, 46), (-22, 62), (-84, 118)]
    stop = [(0.38, 0.48), (0.6, 0.48)]
    plan.travel([boats.ferry(vehicles.RED)], crossing, start=0.0, lasts=0.999, places=90, halts=stop, shade=False)
    plan.put(boats.klotok(GREEN_ROOF, wake=False), -12, 24, 80, shade=False)
    plan.put(boats.klotok(BLUE_ROOF, wake=False), -23, 29, 84, shade=False)
    plan.put(_cages(), 27, 40, -4, shade=False)
    plan.travel([boats.klotok(BLUE_ROOF)], [(-85, 74), (85, 80)], start=0.5, lasts=0.9, places=50, shade=False)
    plan.travel([boats.speedboat(vehicles.RED)], [(70, 52), (-70, 46)], start=0.75, lasts=0.27, places=50, shade=False)
    plan.crowd([[(-20, 10), (2, 9)], [(-9, 14), (24, 12.5)], [(3, 3.5), (5.5, 15.5)]], 8, 5)
    _on_deck(plan, [[(5, 17.5), (6, 37)], [(7.5, 17.5), (7, 37)]], 4, 7)
    plan.clouds(4)
    return plan


def barge(picture: Picture) -> Plan:
    """The broad Barito: a tug tows coal down the river, small craft keep aside."""
    plan = Plan(picture, 139, eye=12, pitch=10, focal=0.9)
    plan.water([(-600, 22), (600, 22), (600, 260), (-600, 260)], (104, 124, 130))
    plan.area([(-80, -2), (80, -2), (60, 20), (10, 24), (-60, 21)], (96, 138, 128), fine=0.22, coarse=0.14)
    plan.area([(-10, -2), (8, -2), (14, 22), (2, 23)], (142, 164, 178), fine=0.16)
    plan.grove((-340, 340), (262, 310), 70, (12, 19), 1)
    for i in range(7):
        plan.put(buildings.house(80 + i, stilts=2.4), -130 + i * 14, 252, shade=False)
    plan.grove((-46, -14), (8, 19), 4, (5, 8), 2)
    plan.grove((20, 48), (10, 19), 4, (5, 8), 3)
    plan.put(_raft_house(5), -17, 34, 10, shade=False)
    plan.put(_raft_house(8), 24, 37, -8, shade=False)
    plan.put(buildings.jetty(12, 2.6, 1.0), 6, 22, -6, shade=False)
    plan.put(boats.klotok(GREEN_ROOF, wake=False), 1.5, 34, 70, shade=False)
    plan.put(boats.klotok(BLUE_ROOF, wake=False), -36, 44, 84, shade=False)
    plan.put(_cages(), 44, 62, 4, shade=False)
    tow = [boats.tug((84, 76, 120)), place(boats.barge(), 0, -58)]
    train = [face for part in tow for face in part]
    train.append(
        Face(polygon((-0.1, 2.2, -8), (-0.1, 2.4, -8), (0.1, 2.2, -35), (0.1, 2.0, -35)), (90, 90, 90), flat=True)
    )
    plan.travel([train], [(-56, 80), (134, 77)], start=0.0, lasts=0.999, places=90, shade=False)
    plan.travel([boats.klotok(GREEN_ROOF)], [(64, 58), (-66, 62)], start=0.05, lasts=0.95, places=50, shade=False)
    plan.travel([boats.speedboat(vehicles.WHITE)], [(60, 49), (-60, 52)], start=0.55, lasts=0.3, places=50, shade=False)
    plan.travel(
        [boats.klotok(BLUE_ROOF, stripe=(84, 84, 168))],
        [(-150, 200), (150, 196)],
        start=0.4,
        lasts=0.99,
        places=20,
        shade=False,
    )
    plan.travel(
        [boats.canoe(figures.CLOTHES[1], float(np.sin(i / 8 * 6.283))) for i in range(8)],
        [(-24, 29), (17, 28)],
        start=0.2,
        lasts=0.99,
        places=24,
        stride_m=3,
        fade=True,
        shade=False,
    )
    plan.crowd([[(-3, 6), (6, 21)]], 3, 5)
    plan.clouds(4)
    return plan
