"""Scenes on land: roundabout, junction, market, gate, school. Metres; the eye looks along +Z."""

from __future__ import annotations

import math

from vms.simulator.options import Picture
from vms.simulator.scenes import buildings, figures, vehicles
from vms.simulator.scenes.motion import Path
from vms.simulator.scenes.plan import ASPHALT, EARTH, PAINT, PAVING, Plan
from vms.simulator.scenes.shapes import panel, ring
from vms.simulator.scenes.world import Colour


def roundabout(picture: Picture) -> Plan:
    """A monument in a ring of traffic, a tree-lined avenue behind it."""
    plan = Plan(picture, 11, eye=11, pitch=17, focal=0.82)
    centre = (0.0, 36.0)
    plan.road([(0, 50), (0, 75), (0, 220)], 15)
    plan.road([(-15, 36), (-40, 37), (-140, 44)], 13)
    plan.road([(15, 36), (40, 37), (140, 44)], 13)
    plan.road([(0, 20), (0, 8), (0, -4)], 15)
    plan.area(ring(21.5, 48, *centre), (146, 162, 168), fine=0.16)
    plan.area(ring(20.5, 48, *centre), ASPHALT, fine=0.09, coarse=0.07)
    plan.area(ring(10.8, 48, *centre), PAINT)
    plan.area(ring(10.2, 48, *centre), (96, 142, 116), fine=0.2, coarse=0.1)
    plan.area(ring(7.2, 32, *centre), PAVING)
    for x in (-7.2, 7.2):
        plan.line([(x, 58), (x, 200)], 0.2)
    plan.line([(0, 60), (0, 200)], 0.2, dash=3)
    plan.grove((-60, -13), (66, 120), 13, (8, 13), 1)
    plan.grove((13, 60), (66, 120), 13, (8, 13), 2)
    plan.grove((-150, 150), (120, 190), 26, (9, 15), 3)
    plan.put(buildings.shop_row(6, 3), -38, 62)
    plan.put(buildings.shop_row(6, 4), 39, 62)
    plan.grove((-26, -15), (6, 15), 3, (4, 5.5), 4)
    for angle in range(30, 360, 60):
        x, z = 8.6 * math.cos(math.radians(angle)), 36 + 8.6 * math.sin(math.radians(angle))
        plan.grow("palm", x, z, 4.2, angle)
    plan.stand([buildings.monument()], *centre, shade=False)
    lanes = (13.2, 17.4)
    riders = (
        (vehicles.car(vehicles.WHITE), 0, 0.02),
        (vehicles.motorbike(vehicles.RED, figures.CLOTHES[0]), 1, 0.16),
        (vehicles.minibus(vehicles.GREEN), 1, 0.30),
        (vehicles.car(vehicles.RED), 0, 0.42),
        (vehicles.motorbike(vehicles.BLUE, figures.CLOTHES[4]), 0, 0.56),
        (vehicles.truck(vehicles.YELLOW, vehicles.BLUE), 1, 0.66),
        (vehicles.motorbike(vehicles.DARK, figures.CLOTHES[1]), 1, 0.82),
        (vehicles.car(vehicles.SILVER), 0, 0.78),
    )
    for model, lane, start in riders:
        plan.travel([model], _circle(centre, lanes[lane]), start=start, places=72)
    plan.travel([vehicles.car(vehicles.CREAM)], [(3.6, 200), (3.6, 58)], start=0.1, lasts=0.55, places=24, fade=True)
    plan.travel(
        [vehicles.minibus(vehicles.BLUE)], [(-3.6, 58), (-3.6, 200)], start=0.5, lasts=0.6, places=24, fade=True
    )
    plan.clouds()
    return plan


def _circle(centre: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    """Clockwise, as traffic that keeps left goes round."""
    angles = [-2 * math.pi * i / 72 for i in range(73)]
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]


def junction(picture: Picture) -> Plan:
    """A crossroads with lights, shop rows at its corners."""
    plan = Plan(picture, 29, eye=8.5, pitch=17, focal=0.9, base=(150, 164, 170))
    plan.road([(-150, 30), (0, 30), (150, 30)], 13)
    plan.road([(0, -6), (0, 60), (0, 240)], 13)
    plan.area([(-6.4, 23.6), (6.4, 23.6), (6.4, 36.4), (-6.4, 36.4)], ASPHALT)
    for i in range(9):
        x = -6 + i * 1.45
        plan.area(buildings.ground_mark((x, x + 0.7), (20.2, 22.8)), PAINT, alpha=0.8)
        plan.area(buildings.ground_mark((x, x + 0.7), (37.2, 39.8)), PAINT, alpha=0.8)
    plan.line([(0, 42), (0, 200)], 0.15, dash=2.5)
    plan.line([(0, 4), (0, 19)], 0.15)
    plan.line([(-100, 30), (-9, 30)], 0.15, dash=2.5)
    plan.line([(9, 30), (100, 30)], 0.15, dash=2.5)
    for side, seed in ((-1, 5), (1, 8)):
        plan.put(buildings.shop_row(7, seed), side * 25.5, 43)
        plan.put(buildings.shop_row(6, seed + 1), side * 23, 66)
        plan.grow("tree", side * 10.5, 41, 6, seed)
        plan.grow("tree", side * 11.5, 17.5, 4.2, seed + 20)
    plan.grove((-70, -10), (95, 150), 12, (8, 13), 1)
    plan.grove((10, 70), (95, 150), 12, (8, 13), 2)
    plan.put(buildings.pole(8), -9, 23, 180)
    plan.put(buildings.pole(8), 9, 38)
    red: Colour = (74, 72, 214)
    green: Colour = (120, 190, 96)
    plan.stand([buildings.signal(red), buildings.signal(green)], -8.2, 38.6, plan=[(0.0, 1), (0.5, 0)])
    plan.stand([buildings.signal(red), buildings.signal(green)], 8.4, 22, plan=[(0.0, 0), (0.5, 1)], heading=0)
    away = (
        (0.03, vehicles.car(vehicles.WHITE)),
        (0.1, vehicles.motorbike(vehicles.RED, figures.CLOTHES[2])),
        (0.22, vehicles.minibus(vehicles.BLUE)),
    )
    for start, model in away:
        plan.travel([model], [(-3.2, 3), (-3.2, 40), (-3.2, 230)], start=start, lasts=0.75, places=44, fade=True)
    for start, model in (
        (0.06, vehicles.truck(vehicles.GREEN, vehicles.CREAM)),
        (0.18, vehicles.motorbike(vehicles.DARK, figures.CLOTHES[4])),
        (0.26, vehicles.car(vehicles.RED)),
    ):
        plan.travel([model], [(3.2, 220), (3.2, 40), (3.2, 2)], start=start, lasts=0.7, places=44, fade=True)
    cross = (
        (0.48, 27.0, vehicles.minibus(vehicles.GREEN), 1),
        (0.55, 33.2, vehicles.car(vehicles.SILVER), -1),
        (0.6, 27.0, vehicles.motorbike(vehicles.BLUE, figures.CLOTHES[1]), 1),
        (0.66, 27.2, vehicles.car(vehicles.CREAM), 1),
        (0.7, 33.2, vehicles.motorbike(vehicles.RED, figures.CLOTHES[3]), -1),
        (0.78, 33.0, vehicles.truck(vehicles.YELLOW, vehicles.GREY, (96, 130, 150)), -1),
    )
    for start, z, model, way in cross:
        path = [(-62.0 * way, z), (62.0 * way, z)]
        plan.travel([model], path, start=start, lasts=0.4, places=40)
    plan.crowd(
        [[(-9, 24.5), (-9, 60)], [(9.3, 38), (9.3, 60)], [(-30, 40.5), (-8, 40.5)], [(8, 40.5), (30, 40.5)]], 9, 4
    )
    plan.clouds(2)
    return plan


def market(picture: Picture) -> Plan:
    """A lane between stalls, full of people."""
    plan = Plan(picture, 43, eye=5.6, pitch=14, focal=0.86, base=EARTH)
    plan.area([(-3.4, -5), (3.4, -5), (3.4, 90), (-3.4, 90)], (146, 154, 160), fine=0.14, coarse=0.12)
    for i in range(9):
        z = 9.5 + i * 4.6
        for side in (-1, 1):
            plan.put(buildings.stall(i * 2 + (side > 0), 3.4), side * 5.6, z, side * 62)
    for i in range(3):
        plan.put(buildings.stall(40 + i, 3.4), -11 - i * 4.0, 13 + i * 1.5, -10)
        plan.put(buildings.stall(50 + i, 3.4), 11 + i * 4.0, 13 + i * 1.5, 10)
    plan.put(buildings.shop_row(6, 21), -24, 36)
    plan.put(buildings.shop_row(6, 22), 24, 36)
    plan.put(buildings.shop_row(8, 23, floors=3), 0, 62)
    plan.grove((-70, 70), (80, 120), 22, (9, 14), 1)
    plan.grow("palm", -16, 27, 10, 3)
    plan.grow("tree", 17, 29, 8, 4)
    lanes: list[Path] = [
        [(-1.6, 3.4), (-1.6, 52)],
        [(0.2, 3.4), (0.2, 52)],
        [(1.7, 3.4), (1.7, 52)],
        [(-2.6, 19), (2.6, 32)],
    ]
    plan.crowd(lanes, 22, 9, lasts=(0.85, 1.0), places=26)
    plan.crowd([[(-18, 9.5), (-7, 9.0)], [(7, 9.0), (18, 9.5)]], 4, 19, lasts=(0.5, 0.8))
    bike = vehicles.motorbike(vehicles.RED, figures.CLOTHES[3])
    plan.travel([bike], [(0.8, 56), (0.5, 20), (0.9, 2.5)], start=0.15, lasts=0.6, places=40, fade=True)
    plan.travel(
        [vehicles.motorbike(vehicles.BLUE, figures.CLOTHES[5])],
        [(-0.8, 2.5), (-0.6, 54)],
        start=0.6,
        lasts=0.6,
        places=40,
        fade=True,
    )
    plan.clouds()
    return plan


def gate(picture: Picture) -> Plan:
    """The gate of an office: guard's post, barrier, flags; cars stop and pass."""
    plan = Plan(picture, 57, eye=5.2, pitch=12, focal=0.92)
    plan.road([(-3, -4), (-1.5, 25), (0, 60)], 7.6)
    plan.area([(-30, 40), (30, 40), (26, 62), (-26, 62)], PAVING, coarse=0.1)
    plan.area([(-70, 6), (-7.5, 6), (-6.5, 11), (-70, 11)], (152, 164, 172), fine=0.12)
    _front(plan, 34, (190, 198, 204), (84, 92, 150))
    office = buildings.shed(44, 14, 8.5, (196, 204, 208), (88, 96, 146), 0)
    plan.put(office, 0, 70)
    for x in range(-18, 19, 6):
        plan.put([panel((x - 1.6, x + 1.6), (1.2, 3.4), 62.9, buildings.WINDOW)], shade=False)
        plan.put([panel((x - 1.6, x + 1.6), (5.0, 7.2), 62.9, buildings.WINDOW)], shade=False)
    plan.grove((-60, -28), (50, 90), 11, (8, 13), 1)
    plan.grove((28, 60), (50, 90), 11, (8, 13), 2)
    plan.grove((-90, 90), (100, 140), 24, (10, 15), 3)
    for x in (-19, -13, 12, 18):
        plan.grow("palm", x, 38, 6.5, x)
    plan.put(buildings.post_house((186, 200, 210), (90, 100, 160)), 7.2, 23, 0)
    halts = [(0.3, 0.42), (0.5, 0.42)]
    arm = [buildings.barrier(i / 5) for i in range(6)]
    lift = [
        (0.0, 0),
        (0.2, 1),
        (0.21, 2),
        (0.22, 3),
        (0.23, 4),
        (0.24, 5),
        (0.37, 4),
        (0.38, 3),
        (0.39, 2),
        (0.4, 1),
        (0.41, 0),
    ]
    lift += [
        (0.66, 1),
        (0.67, 2),
        (0.68, 3),
        (0.69, 4),
        (0.7, 5),
        (0.83, 4),
        (0.84, 3),
        (0.85, 2),
        (0.86, 1),
        (0.87, 0),
    ]
    plan.stand(arm, -5.4, 26.5, plan=lift)
    into = [(-3.6, 3.0), (-2.6, 16), (-1.4, 32), (-0.6, 52), (-18, 56)]
    plan.travel([vehicles.car(vehicles.DARK)], into, start=0.0, lasts=0.48, places=60, halts=halts, fade=True)
    plan.travel(
        [vehicles.minibus(vehicles.WHITE, vehicles.BLUE)],
        into,
        start=0.46,
        lasts=0.48,
        places=60,
        halts=halts,
        fade=True,
    )
    plan.travel(
        [vehicles.motorbike(vehicles.RED, figures.CLOTHES[2])],
        [(1.4, 54), (1.0, 30), (-0.6, 3)],
        start=0.44,
        lasts=0.3,
        places=40,
        fade=True,
    )
    plan.crowd([[(-24, 8.2), (-8, 8.4)], [(3.5, 29), (14, 44)], [(-12, 44), (12, 48)]], 6, 3)
    plan.stand([figures.person((120, 96, 70), (70, 62, 56), 0.0, (70, 62, 56))], 5.0, 21.5)
    flags = [figures.flag((60, 60, 200), (232, 232, 232), 9.0, i / 10) for i in range(10)]
    plan.stand(flags, 11.5, 40, turns=16)
    plan.clouds()
    return plan


def _front(plan: Plan, z: float, colour: Colour, roof: Colour) -> None:
    plan.put(buildings.gateway(10.5, 5.4, colour, roof), 0, z)
    plan.put(buildings.wall(32, 2.0, colour), -22.5, z)
    plan.put(buildings.wall(32, 2.0, colour), 22.5, z)


def school(picture: Picture) -> Plan:
    """Children on their way home through a school's gate."""
    plan = Plan(picture, 71, eye=5.0, pitch=13, focal=0.9)
    plan.road([(-90, 14), (0, 14), (90, 14)], 7.5)
    plan.line([(-80, 14), (80, 14)], 0.14, dash=2.5)
    plan.area([(-60, 18.6), (60, 18.6), (60, 22), (-60, 22)], PAVING)
    plan.area([(-5, 22), (5, 22), (8, 60), (-8, 60)], (150, 166, 172), coarse=0.1)
    plan.area([(-34, 34), (34, 34), (30, 60), (-30, 60)], (138, 162, 172), coarse=0.1)
    _front(plan, 25, (150, 190, 170), (84, 108, 150))
    for x in (-22, 22):
        plan.put(buildings.shed(24, 8, 4.2, (170, 206, 214), (78, 92, 150), 4), x, 58)
    plan.put(buildings.shed(18, 8, 4.2, (170, 206, 214), (78, 92, 150), 3), 0, 70)
    plan.grove((-80, 80), (84, 120), 26, (9, 14), 1)
    for x in (-31, -12, 13, 30):
        plan.grow("tree", x, 30, 6.5, x)
    white: Colour = (226, 226, 224)
    red: Colour = (62, 60, 164)
    for i in range(16):
        child = figures.walker(white, red, figures.HAIR if i % 3 else (228, 226, 224), 0.78)
        out = (i * 7 % 11 - 5) * 0.6
        side = -1 if i % 2 else 1
        path = [
            (out, 50),
            (out * 0.7, 28),
            (out * 0.7, 21),
            (side * (10 + i % 5), 20 + (i % 3) * 0.5),
            (side * 40, 20.2 + (i % 3) * 0.5),
        ]
        plan.travel(child, path, start=i / 16, lasts=1.0, places=26, fade=True, stride_m=1.0)
    bikes = (
        (0.0, 12.3, 1, 0),
        (0.2, 15.8, -1, 2),
        (0.33, 12.2, 1, 4),
        (0.55, 12.5, 1, 1),
        (0.62, 15.6, -1, 5),
        (0.85, 15.9, -1, 3),
    )
    for start, z, way, shirt in bikes:
        model = vehicles.motorbike(vehicles.RED if shirt % 2 else vehicles.BLUE, figures.CLOTHES[shirt])
        plan.travel([model], [(-46.0 * way, z), (46.0 * way, z)], start=start, lasts=0.4, places=30)
    plan.travel(
        [vehicles.minibus(vehicles.YELLOW)],
        [(-46, 12.2), (46, 12.2)],
        start=0.72,
        lasts=0.5,
        places=40,
        halts=[(0.35, 0.45), (0.6, 0.45)],
    )
    plan.stand([figures.flag((60, 60, 200), (232, 232, 232), 8.0, i / 10) for i in range(10)], 9, 44, turns=15)
    plan.clouds()
    return plan
