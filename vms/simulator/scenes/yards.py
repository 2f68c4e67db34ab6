"""Scenes in yards: a port, a warehouse, a bus terminal. Metres; the eye looks along +Z."""

from __future__ import annotations

import numpy as np

from vms.simulator.options import Picture
from vms.simulator.scenes import boats, buildings, figures, vehicles
from vms.simulator.scenes.motion import Path
from vms.simulator.scenes.plan import PAVING, Plan
from vms.simulator.scenes.shapes import box
from vms.simulator.scenes.world import Colour, Face, place


def port(picture: Picture) -> Plan:
    """A container yard at the river: trucks fetch, a crane swings its load, a ship waits."""
    plan = Plan(picture, 151, eye=9.5, pitch=15, focal=0.86, base=(150, 156, 160))
    plan.water([(-400, 64), (400, 64), (400, 220), (-400, 220)], (88, 116, 126), 0.8)
    plan.grove((-300, 300), (222, 260), 60, (10, 16), 1)
    plan.put(boats.ship(74), 6, 74, 90, shade=False)
    colours: tuple[Colour, ...] = (
        (84, 84, 160),
        (150, 108, 66),
        (96, 132, 88),
        (88, 140, 190),
        (140, 140, 138),
        (120, 96, 84),
    )
    rng = np.random.default_rng(9)
    for row, z in enumerate((34.0, 40.0, 46.0)):
        for i in range(3):
            for side in (-1, 1):
                x = side * (17 + i * 7) + row * 0.4
                for level in range(int(rng.integers(1, 4))):
                    model = place(buildings.container(colours[int(rng.integers(6))]), y=level * 2.62)
                    plan.put(model, x, z)
    for x in (-9.6, -3.2, 3.2, 9.6):
        plan.line([(x, 10), (x, 58)], 0.16, dash=3, colour=(96, 190, 214))
    plan.put(buildings.pole(12), -12, 50, 180)
    plan.put(buildings.pole(12), 12, 30)
    plan.grow("tree", -24, 19, 5, 3)
    plan.put(_crane(), 14, 58, shade=False)
    swing = [[*place(buildings.container(colours[1]), 0, 0, y=4 + 9 * abs(np.sin(i / 24 * np.pi)))] for i in range(24)]
    plan.stand(swing, 4, 60, turns=1, shade=False)
    plan.travel(
        [vehicles.truck(vehicles.RED, (150, 108, 66))],
        [(-6.4, 3), (-6.4, 56)],
        start=0.0,
        lasts=0.8,
        places=60,
        halts=[(0.55, 0.7), (0.8, 0.7)],
        fade=True,
    )
    plan.travel(
        [vehicles.truck(vehicles.WHITE, (96, 132, 88))],
        [(6.4, 60), (6.4, 2)],
        start=0.3,
        lasts=0.6,
        places=60,
        fade=True,
    )
    plan.travel(
        [vehicles.forklift(vehicles.YELLOW, (120, 150, 176))], [(-44, 26), (44, 25)], start=0.5, lasts=0.99, places=50
    )
    plan.travel([vehicles.car(vehicles.SILVER)], [(48, 20), (-48, 19)], start=0.12, lasts=0.4, places=40)
    plan.crowd([[(-11, 14), (-10, 56)], [(11, 22), (-12, 52)]], 6, 8)
    plan.clouds(3)
    return plan


def _crane() -> list[Face]:
    yellow: Colour = (84, 170, 208)
    faces: list[Face] = []
    for x in (-3.0, 3.0):
        for z in (-3.0, 3.0):
            faces += box((0.7, 15, 0.7), yellow, (x, 0, z))
    faces += box((7.4, 1.2, 7.4), yellow, (0, 15, 0)) + box((34, 1.1, 1.6), yellow, (-6, 17.5, 0))
    return faces + box((3, 2.6, 3), (200, 204, 204), (3, 16.2, 0)) + box((0.8, 6, 0.8), yellow, (2, 17, 0))


def yard(picture: Picture) -> Plan:
    """A warehouse's yard: a forklift goes to and fro, a truck comes to the dock."""
    plan = Plan(picture, 163, eye=7.0, pitch=15, focal=0.9, base=(148, 154, 158))
    plan.area([(-80, 48), (80, 48), (80, 200), (-80, 200)], (84, 132, 112), fine=0.2, coarse=0.14)
    plan.put(buildings.shed(46, 18, 7.5, (184, 192, 190), (150, 128, 96), 6), 4, 52)
    plan.grove((-110, 110), (80, 125), 30, (9, 14), 1)
    plan.put(buildings.wall(70, 2.2, (172, 180, 184)), -56, 44)
    plan.put(buildings.wall(60, 2.2, (172, 180, 184)), 60, 44)
    for i in range(7):
        pallet = [
            *box((1.2, 0.15, 1.2), buildings.WOOD),
            *place(
                box((1.1, 1.1 + 0.4 * (i % 3), 1.1), ((112, 146, 172), (150, 150, 146), (96, 132, 150))[i % 3]), y=0.15
            ),
        ]
        plan.put(pallet, -19 + (i % 4) * 1.7, 27 + (i // 4) * 1.9)
        plan.put(pallet, 18 + (i % 4) * 1.7, 24 + (i // 4) * 1.9)
    plan.put(vehicles.truck(vehicles.BLUE, vehicles.WHITE), -15, 38.5, 180)
    plan.put(buildings.container((96, 132, 88)), 30, 33, 76)
    for x in (-12, -4, 4, 12, 20):
        plan.line([(x, 33), (x, 42)], 0.16, colour=(96, 190, 214))
    plan.put(buildings.pole(8), -26, 30, 180)
    plan.grow("tree", -30, 22, 6, 2)
    plan.grow("palm", 34, 26, 9, 3)
    to_and_fro = [(0.0, 42.0), (0.5, 34), (-8, 31), (-14, 31), (-9, 35), (4, 34), (8.3, 36), (8.0, 42.0)]
    plan.travel(
        [vehicles.forklift(vehicles.YELLOW, (112, 146, 172))], to_and_fro, start=0.0, lasts=0.999, places=90, fade=True
    )
    through = [(46.0, 17.0), (24, 18), (8, 28), (-3, 30), (-12, 27), (-24, 19), (-46, 17)]
    stop = [(0.35, 0.5), (0.65, 0.5)]
    plan.travel([vehicles.truck(vehicles.GREEN, vehicles.CREAM)], through, start=0.2, lasts=0.9, places=90, halts=stop)
    plan.travel(
        [vehicles.motorbike(vehicles.RED, figures.CLOTHES[0])],
        [(-42, 12.5), (42, 11.5)],
        start=0.4,
        lasts=0.35,
        places=36,
    )
    plan.crowd([[(-16, 34), (-12, 41)], [(10, 36), (18, 26)], [(-22, 24), (-6, 34)], [(22, 38), (0, 39)]], 8, 2)
    plan.clouds(3)
    return plan


def terminal(picture: Picture) -> Plan:
    """A bus terminal: coaches in their bays, one arrives, one leaves."""
    plan = Plan(picture, 83, eye=8.0, pitch=16, focal=0.88, base=(140, 146, 148))
    plan.area([(-80, 58), (80, 58), (80, 64), (-80, 64)], PAVING)
    plan.grove((-100, 100), (84, 130), 30, (9, 14), 1)
    plan.put(buildings.shed(58, 12, 6.5, (190, 200, 204), (96, 118, 84), 8), 0, 70)
    for i in range(8):
        x = -24.5 + i * 7
        plan.line([(x, 34), (x, 54)], 0.18)
    coaches = (
        (-21, vehicles.WHITE, vehicles.BLUE),
        (-14, vehicles.CREAM, vehicles.RED),
        (0, vehicles.WHITE, vehicles.GREEN),
        (14, vehicles.SILVER, vehicles.BLUE),
        (21, vehicles.CREAM, vehicles.GREEN),
    )
    for x, colour, band in coaches:
        plan.put(vehicles.bus(colour, band), x, 47, 180)
    plan.put(buildings.pole(9), -27, 30, 180)
    plan.put(buildings.pole(9), 28, 32)
    plan.grow("tree", -31, 24, 6, 5)
    plan.grow("palm", 29, 22, 8, 6)
    through = [(62.0, 21.0), (30, 22), (14, 27.5), (-2, 28), (-14, 27.5), (-30, 22), (-62, 21.0)]
    stop = [(0.34, 0.5), (0.66, 0.5)]
    plan.travel([vehicles.bus(vehicles.WHITE, vehicles.YELLOW)], through, start=0.05, lasts=0.95, places=90, halts=stop)
    plan.put(vehicles.bus(vehicles.SILVER, vehicles.RED), -7, 47, 180)
    plan.travel([vehicles.minibus(vehicles.GREEN)], [(-60, 13.5), (60, 14.5)], start=0.55, lasts=0.38, places=40)
    plan.travel([vehicles.car(vehicles.RED)], [(60, 17.5), (-60, 17)], start=0.1, lasts=0.36, places=40)
    plan.travel(
        [vehicles.motorbike(vehicles.DARK, figures.CLOTHES[1])],
        [(-50, 11.5), (50, 12.5)],
        start=0.2,
        lasts=0.36,
        places=36,
    )
    paths: list[Path] = [
        [(-30, 59), (30, 61)],
        [(-24, 56), (-10, 33)],
        [(4, 56), (10, 32)],
        [(-17.5, 57), (-17.5, 40)],
        [(24, 30), (-12, 35)],
    ]
    plan.crowd(paths, 15, 6)
    plan.clouds()
    return plan
