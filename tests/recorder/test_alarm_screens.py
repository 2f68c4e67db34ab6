"""Alarms of rules with screens: pushed as rows, said on the bus, noted in the audit log, taken off again."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex

import pytest

from recorder.alarm_screens import DISPLAY_CHANGED, AlarmScreens
from tests.recorder.test_rules import SITE, World, keeping, world
from tests.store.samples import camera as sample
from vms.domain.alarm import acknowledge
from vms.domain.display import Display, Kind, Pairing, Showing, Wall
from vms.domain.event import EventKind
from vms.domain.ids import new_id
from vms.domain.rule import Rule
from vms.errors import CatalogueError

__all__ = ["world"]
PERSON = "p" * 16


async def screen(world: World, name: str = "Kiri") -> Display:
    """A paired one, on a wall of its own."""
    wall, key = Wall(new_id(), f"Dinding {name}"), token_hex(32)
    await world.catalogue.walls.add(wall)
    await world.catalogue.pairings.add(Pairing(new_id()[:6].upper(), key, "10.0.0.1", world.clock.now_ns()))
    made = Display(new_id(), name, wall.id, key, paired_ns=world.clock.now_ns())
    await world.catalogue.displays.pair(made)
    return made


async def shown(world: World, display: Display) -> Showing:
    """What it shows now."""
    found = await world.catalogue.displays.get(display.id)
    assert found is not None
    return found.showing


async def test_an_alarm_comes_onto_its_screens_and_goes(world: World) -> None:
    """Onto those that the rule names, at once; off when somebody acknowledges or its time is over; each is audited."""
    left, right = await screen(world), await screen(world, "Kanan")
    camera = replace(sample(), site=SITE.id)
    await world.catalogue.cameras.add(camera)
    await world.catalogue.rules.add(
        Rule(new_id(), "Gerak", ("motion",), displays=(left.id, new_id()), display_s=30, cooldown_s=0)
    )
    told = world.bus.subscribe(DISPLAY_CHANGED)
    async with keeping(world):
        event = await world.begin(EventKind.MOTION, camera=camera.id)
        await world.pass_s(1)
        (alarm,) = await world.alarms()
        now = await shown(world, left)
        assert (now.kind, now.subject, now.alarm) == (Kind.CAMERA, camera.id, alarm.id)
        assert (await shown(world, right)).kind is Kind.NOTHING
        await told.get()
        await world.catalogue.alarms.change(alarm.id, lambda one: acknowledge(one, PERSON, world.clock.now_ns(), ""))
        await world.pass_s(1)
        assert (await shown(world, left)).kind is Kind.NOTHING
        await world.end(event)
        await world.pass_s(1)
        await world.begin(EventKind.MOTION, camera=camera.id)
        await world.pass_s(2)
        assert (await shown(world, left)).alarm not in {None, alarm.id}
        await world.pass_s(31)
        assert (await shown(world, left)).kind is Kind.NOTHING
    said = [(one.person, one.action) for one in (await world.catalogue.audit.list())[0] if one.subject == left.id]
    assert said == [("rules", "display.take_back"), ("rules", "display.show")] * 2


async def test_screens_that_fail_stop_no_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue does not give them; a person is quicker: tried again."""
    display, camera = await screen(world), replace(sample(), site=SITE.id)
    await world.catalogue.cameras.add(camera)
    await world.catalogue.rules.add(Rule(new_id(), "Gerak", ("motion",), displays=(display.id,)))
    listed = world.catalogue.displays.list

    async def away(_wall: str | None = None) -> list[Display]:
        raise CatalogueError("away")

    monkeypatch.setattr(world.catalogue.displays, "list", away)
    async with keeping(world):
        await world.begin(EventKind.MOTION, camera=camera.id)
        await world.pass_s(2)
        assert len(await world.alarms()) == 1
        stale = await listed()
        pushed = stale[0].pushed(Showing(since_ns=1))
        monkeypatch.setattr(world.catalogue.displays, "list", listed)
        await world.catalogue.displays.update([pushed])
        await world.pass_s(2)
        assert (await shown(world, display)).kind is Kind.CAMERA
    screens = AlarmScreens(world.clock, catalogue=world.catalogue, bus=world.bus)

    async def old(_wall: str | None = None) -> list[Display]:
        return stale

    monkeypatch.setattr(world.catalogue.displays, "list", old)
    await world.clock.advance(1.0)
    await screens.look()
    assert (await shown(world, display)).kind is Kind.CAMERA
