"""From Events in the catalogue to Alarms: at once, once, after a restart, and with the rules as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from recorder.rules import ALARM_CHANGED, RULE_CHANGED, RuleKeeper, sites_above
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.alarm import Alarm, AlarmState, acknowledge
from vms.domain.camera import Site
from vms.domain.event import Event, EventKind
from vms.domain.ids import new_id
from vms.domain.rule import Rule
from vms.errors import BusError, CatalogueError
from vms.store.alarms import WantedAlarms
from vms.store.catalogue import Catalogue
from vms.sync.events import CHANGED

PROVINCE = Site(new_id(), "kalteng", "Kalimantan Tengah")
SITE = Site(new_id(), "sampit", "Sampit", PROVINCE.id)
CAMERA = new_id()


@dataclass
class World:
    """A catalogue, a bus and a clock moved by hand; whether the Service runs."""

    catalogue: Catalogue
    bus: MemoryBus
    clock: ManualClock
    runs: bool = False

    async def pass_s(self, seconds: int) -> None:
        """Let time pass, a second at a time, with everything that is due done."""
        for _ in range(seconds):
            await self.clock.advance(1.0)
            await self._idle()

    async def _idle(self) -> None:
        """Until the Service waits for the next second, and was not woken meanwhile."""
        quiet = 0
        while self.runs and quiet < 3:
            await asyncio.sleep(0.002)
            quiet = quiet + 1 if any(not future.done() for _, _, future in self.clock._waiting) else 0

    async def put(self, event: Event, *, told: bool = True) -> Event:
        """An Event, as its teller writes it."""
        await self.catalogue.events.put(event)
        if told:
            self.bus.publish(CHANGED, {"ids": [event.id]})
        return event

    async def begin(self, kind: str = EventKind.CAMERA_DOWN, ago_s: int = 0, **more: object) -> Event:
        """One that goes on."""
        start_ns = self.clock.now_ns() - ago_s * NS_PER_S
        made = Event(new_id(), kind, "n" * 16, start_ns, site=SITE.id, camera=CAMERA)
        return await self.put(replace(made, **more))  # type: ignore[arg-type]  # by name

    async def end(self, event: Event, *, told: bool = True) -> Event:
        """It is over now."""
        return await self.put(replace(event, end_ns=self.clock.now_ns(), rev=event.rev + 1), told=told)

    async def alarms(self) -> list[Alarm]:
        """Rows, newest first."""
        return await self.catalogue.alarms.find(WantedAlarms(), 100)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """With a site in a province."""
    clock, bus = ManualClock(), MemoryBus()
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=bytes(32), clock=clock)
    for site in (PROVINCE, SITE):
        await catalogue.sites.put(site)
    yield World(catalogue, bus, clock)
    await bus.close()
    await catalogue.close()


@asynccontextmanager
async def keeping(world: World) -> AsyncIterator[RuleKeeper]:
    """The Service, running."""
    keeper = RuleKeeper(world.clock, catalogue=world.catalogue, bus=world.bus)
    task = asyncio.create_task(keeper.run())
    while not keeper.health().ok:
        await asyncio.sleep(0.005)
    world.runs = True
    try:
        yield keeper
    finally:
        world.runs = False
        keeper.stop()
        await task


async def test_a_new_installation_has_rules_and_they_raise(world: World) -> None:
    """A camera that is down for 30 s, told to whoever listens; over when it is back; acknowledged by a person."""
    told = world.bus.subscribe(ALARM_CHANGED)
    async with keeping(world):
        assert len(await world.catalogue.rules.list()) == 3
        down = await world.begin(ago_s=10)
        await world.pass_s(18)
        assert await world.alarms() == []
        await world.pass_s(3)
        (alarm,) = await world.alarms()
        assert (alarm.event, alarm.priority, alarm.over_ns, alarm.times) == (down.id, 2, None, 1)
        assert (await told.get())[1] == {"ids": [alarm.id]}
        await world.pass_s(5)
        ended = await world.end(down)
        await world.pass_s(2)
        (over,) = await world.alarms()
        assert (over.over_ns, over.state, over.times) == (ended.end_ns, AlarmState.RAISED, 1)
        assert (await told.get())[1] == {"ids": [alarm.id]}
        await world.catalogue.alarms.change(alarm.id, lambda one: acknowledge(one, "p" * 16, world.clock.now_ns(), ""))
        await world.pass_s(2)
        assert [one.state for one in await world.alarms()] == [AlarmState.CLOSED]


async def test_what_is_short_and_told_of_is_not_missed(world: World) -> None:
    """An event of no duration to speak of, over before anybody looks again: the bus is quicker than the second."""
    await world.catalogue.rules.add(Rule(new_id(), "Gerak", ("motion",), priority=3))
    async with keeping(world):
        one = await world.begin(EventKind.MOTION)
        await world.end(replace(one, start_ns=one.start_ns - 5))
        await world.pass_s(1)
        (alarm,) = await world.alarms()
        assert (alarm.kind, alarm.event, alarm.over_ns is not None) == ("motion", one.id, True)


async def test_a_restart_raises_nothing_twice_and_misses_nothing(world: World) -> None:
    """What went on goes on; what began, and what came and went while it was down, is raised then."""
    async with keeping(world):
        first = await world.begin(ago_s=40)
        await world.pass_s(2)
        (before,) = await world.alarms()
    others = [new_id(), new_id(), new_id()]
    await world.begin(camera=others[0], ago_s=60)
    await world.pass_s(50)
    gone = await world.begin(camera=others[1], ago_s=45)
    await world.end(gone, told=False)
    short = await world.begin(camera=others[2], ago_s=5)
    await world.end(short, told=False)
    for _ in range(2):
        async with keeping(world):
            await world.pass_s(3)
        alarms = await world.alarms()
        assert {one.camera for one in alarms} == {CAMERA, others[0], others[1]}
        assert all(one.times == 1 for one in alarms)
    assert next(one for one in alarms if one.event == first.id).id == before.id
    assert next(one for one in alarms if one.event == gone.id).over_ns is not None


async def test_what_arrives_days_late_is_not_missed(world: World) -> None:
    """Of a site that was cut off for five days, without a word: late and silent; what goes on there is as any other."""
    await world.catalogue.rules.add(Rule(new_id(), "Gerak", ("motion",), cooldown_s=0))
    async with keeping(world):
        await world.pass_s(2)
        start_ns = world.clock.now_ns() - 5 * 86_400 * NS_PER_S
        past = Event(new_id(), "motion", "n" * 16, start_ns, start_ns + NS_PER_S, site=SITE.id, camera=CAMERA, rev=2)
        await world.put(past, told=False)
        await world.pass_s(2)
        (alarm,) = await world.alarms()
        assert (alarm.event, alarm.late, alarm.sound, alarm.alarm_tile) == (past.id, True, False, False)
        assert alarm.over_ns is not None
        await world.begin(EventKind.MOTION, camera=new_id(), ago_s=5 * 86_400)
        await world.pass_s(3)
        assert [(one.late, one.sound) for one in await world.alarms()] == [(False, True), (True, False)]


async def test_a_rule_that_cannot_be_read_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged row, and a rule that fails as it is asked: the others raise."""
    broken, failing = Rule(new_id(), "Rusak", ("motion",)), Rule(new_id(), "Gagal", ("motion",), priority=3)
    for one in (broken, failing, Rule(new_id(), "Gerak", ("motion",))):
        await world.catalogue.rules.add(one)
    async with world.catalogue._db.write() as connection:
        await connection.execute(text("UPDATE rules SET kinds = '7', days = '[]' WHERE name = 'Rusak'"))
    due_ns = Rule.due_ns

    def fails(rule: Rule, event: Event) -> int | None:
        if rule.id == failing.id:
            raise RuntimeError("a bug")
        return due_ns(rule, event)

    monkeypatch.setattr(Rule, "due_ns", fails)
    async with keeping(world):
        await world.begin(EventKind.MOTION)
        await world.pass_s(2)
        assert [alarm.rule_name for alarm in await world.alarms()] == ["Gerak"]
    assert [one.id for one in (await world.catalogue.rules.read())[1]] == [broken.id]


async def test_what_goes_on_is_found_among_much_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than one page, of kinds that no rule looks for and of those that one does."""
    monkeypatch.setattr("recorder.rules._PAGE", 3)
    await world.catalogue.rules.add(Rule(new_id(), "Node", ("node_lost",), min_duration_s=5))
    async with keeping(world):
        await world.begin(EventKind.NODE_LOST, camera=None, node="l" * 16)
        for _ in range(4):
            await world.begin(EventKind.MOTION, camera=new_id())
            await world.begin(EventKind.NODE_LOST, camera=None, node=new_id())
        await world.pass_s(7)
        assert len(await world.alarms()) == 5


async def test_rules_hold_as_they_are_now(world: World) -> None:
    """One that is made raises what goes on, not what was over; one switched off or narrowed raises nothing more."""
    async with keeping(world):
        over = await world.end(await world.begin(EventKind.NODE_LOST, ago_s=100, camera=None, node="m" * 16))
        going = await world.begin(EventKind.NODE_LOST, camera=None, node="n" * 16)
        made = Rule(new_id(), "Node", ("node_lost",), sites=(PROVINCE.id,), since_ns=world.clock.now_ns())
        await world.catalogue.rules.add(made)
        world.bus.publish(RULE_CHANGED, {})
        await world.pass_s(1)
        (alarm,) = await world.alarms()
        assert (alarm.event, alarm.subject, over.id != alarm.event) == (going.id, "n" * 16, True)
        await world.catalogue.rules.update(replace(made, sites=(new_id(),), rev=2))
        world.bus.publish(RULE_CHANGED, {})
        await world.pass_s(1)
        await world.begin(EventKind.NODE_LOST, camera=None, node="o" * 16)
        await world.pass_s(2)
        assert len(await world.alarms()) == 1


async def test_motion_all_day_is_one_alarm_until_somebody_looks(world: World) -> None:
    """And one more after the cooldown."""
    await world.catalogue.rules.add(Rule(new_id(), "Gerak", ("motion",), cooldown_s=60))
    async with keeping(world):
        for _ in range(5):
            one = await world.begin(EventKind.MOTION)
            await world.pass_s(2)
            await world.end(one)
            await world.pass_s(3)
        (alarm,) = await world.alarms()
        assert alarm.times == 5
        await world.catalogue.alarms.change(alarm.id, lambda one: acknowledge(one, "p" * 16, world.clock.now_ns(), ""))
        await world.end(await world.begin(EventKind.MOTION, ago_s=2))
        await world.pass_s(1)
        assert [one.times for one in await world.alarms()] == [6]
        await world.pass_s(60)
        await world.end(await world.begin(EventKind.MOTION, ago_s=2))
        await world.pass_s(1)
        assert [one.times for one in await world.alarms()] == [1, 6]


async def test_what_was_raised_is_said_though_another_cannot_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue goes away in the middle: pages hear of those that are there."""
    keeper = RuleKeeper(world.clock, catalogue=world.catalogue, bus=world.bus)
    await world.catalogue.rules.add(Rule(new_id(), "Gerak", ("motion",)))
    for camera in (new_id(), new_id()):
        await world.begin(EventKind.MOTION, camera=camera)
    told, raise_of, left = world.bus.subscribe(ALARM_CHANGED), world.catalogue.alarms.raise_of, [1]

    async def once(rule: Rule, event: Event, at_ns: int) -> Alarm | None:
        if not left:
            raise CatalogueError("away")
        left.pop()
        return await raise_of(rule, event, at_ns)

    monkeypatch.setattr(world.catalogue.alarms, "raise_of", once)
    with pytest.raises(CatalogueError):
        await keeper.look()
    (alarm,) = await world.alarms()
    assert (await told.get())[1] == {"ids": [alarm.id]}


async def test_it_does_not_run_wild_when_it_hears_nothing_more(world: World) -> None:
    """A subscription that ended is an error, after which it begins anew; not a loop without a pause."""
    keeper = RuleKeeper(world.clock, catalogue=world.catalogue, bus=world.bus)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ended.set_result(None)
    with pytest.raises(BusError):
        await keeper._wait([ended])


def test_a_site_and_those_above_it() -> None:
    """A tree, a parent that is not there, and one that is above itself."""
    assert sites_above([PROVINCE, SITE]) == {PROVINCE.id: {PROVINCE.id}, SITE.id: {SITE.id, PROVINCE.id}}
    loop = [replace(PROVINCE, parent=SITE.id), SITE]
    assert sites_above(loop)[SITE.id] == {SITE.id, PROVINCE.id}
    assert sites_above([replace(SITE, parent="x")]) == {SITE.id: {SITE.id}}
