"""Rules and Alarms in the catalogue: raised once, joined, acknowledged by one, ended, listed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.samples import SITE, T0, at
from tests.store.test_events import event
from vms.clock import ManualClock
from vms.domain.alarm import BY_HAND, Alarm, AlarmState, acknowledge
from vms.domain.ids import new_id
from vms.domain.rule import Rule, default_rules
from vms.domain.schedule import Schedule
from vms.errors import ConflictError, ForbiddenError, NotFoundError
from vms.store import alarms
from vms.store.alarms import Told, WantedAlarms
from vms.store.catalogue import Catalogue
from vms.store.connection import Connection
from vms.store.notes import OutboxOptions, Role

PERSON, OTHER = "p" * 16, "q" * 16


def rule(**changes: object) -> Rule:
    """Cameras that are down."""
    return replace(Rule(new_id(), "Kamera putus", ("camera_down",)), **changes)  # type: ignore[arg-type]  # by name


async def test_rules_come_back_whole(catalogue: Catalogue) -> None:
    """Changed by one at a time; gone when deleted."""
    schedule = Schedule(frozenset({0, 6}), 22 * 60, 5 * 60)
    one = rule(sites=(SITE.id,), cameras=("c" * 16,), areas=("a" * 16,), schedule=schedule, sound=False, since_ns=T0)
    await catalogue.rules.add(one)
    assert await catalogue.rules.list() == [one]
    changed = replace(one, name="Lain", priority=1, rev=2)
    await catalogue.rules.update(changed)
    assert await catalogue.rules.get(one.id) == changed
    with pytest.raises(ConflictError):
        await catalogue.rules.update(changed)
    with pytest.raises(ConflictError):
        await catalogue.rules.remove(one.id, 1)
    await catalogue.rules.remove(one.id, 2)
    assert await catalogue.rules.get(one.id) is None
    with pytest.raises(NotFoundError):
        await catalogue.rules.remove(one.id)


async def test_the_first_rules_are_made_once(catalogue: Catalogue) -> None:
    """By two who start at once, and not again after an admin deleted them."""
    first = default_rules((new_id() for _ in range(3)), T0)
    assert sorted(await asyncio.gather(*(catalogue.rules.begin_with(first) for _ in range(2)))) == [False, True]
    assert {one.id for one in await catalogue.rules.list()} == {one.id for one in first}
    for one in first:
        await catalogue.rules.remove(one.id)
    assert not await catalogue.rules.begin_with(first)
    assert await catalogue.rules.list() == []


async def test_a_catalogue_with_rules_from_elsewhere_gets_no_first_ones(catalogue: Catalogue) -> None:
    """As when a single machine's moved into a cluster: what they were, and what was deleted, is as it was."""
    assert not await catalogue.rules.has_begun()
    assert await catalogue.rules.begin_with(())
    assert await catalogue.rules.has_begun()
    assert not await catalogue.rules.begin_with(default_rules((new_id() for _ in range(3)), T0))
    assert await catalogue.rules.list() == []


async def test_an_event_raises_once(catalogue: Catalogue) -> None:
    """However often and by however many it is looked at; by another rule it is another alarm."""
    down, asked = event(), rule()
    await catalogue.events.put(down)
    made = await asyncio.gather(*(catalogue.alarms.raise_of(asked, down, at(30)) for _ in range(3)))
    (alarm,) = [one for one in made if one is not None]
    assert (alarm.event, alarm.camera, alarm.raised_ns, alarm.state) == (
        down.id,
        down.camera,
        at(30),
        AlarmState.RAISED,
    )
    assert await catalogue.alarms.get(alarm.id) == alarm
    assert await catalogue.alarms.raise_of(asked, replace(down, end_ns=at(40), rev=2), at(50)) is None
    assert await catalogue.alarms.raise_of(rule(priority=1), down, at(50)) is not None
    assert await catalogue.alarms.count_raised() == {1: 1, 2: 1}
    assert await catalogue.alarms.newest_ns() == at(50)


async def test_what_happens_again_soon_is_the_same(catalogue: Catalogue) -> None:
    """While nobody looked, and for the cooldown after; then it is another."""
    asked = rule(cooldown_s=100)
    first, second, third, fourth = (event(s, s + 5) for s in (0, 10, 300, 500))
    for one in (first, second, third, fourth):
        await catalogue.events.put(one)
    raised = await catalogue.alarms.raise_of(asked, first, at(1))
    assert raised is not None
    assert await catalogue.alarms.end_over(at(6)) == [replace(raised, over_ns=at(15 - 10), rev=2)]
    joined = await catalogue.alarms.raise_of(asked, second, at(11))
    assert joined is not None
    assert (joined.id, joined.times, joined.event, joined.over_ns) == (raised.id, 2, second.id, None)
    (done,) = await catalogue.alarms.end_over(at(20))
    assert done.over_ns == at(15)
    seen = await catalogue.alarms.change(raised.id, lambda alarm: acknowledge(alarm, PERSON, at(250), "dilihat"))
    assert seen.state is AlarmState.CLOSED
    quiet = await catalogue.alarms.raise_of(asked, third, at(301))
    assert quiet is not None
    assert (quiet.id, quiet.times, quiet.state) == (raised.id, 3, AlarmState.ACKNOWLEDGED)
    new = await catalogue.alarms.raise_of(asked, fourth, at(501))
    assert new is not None
    assert (new.id != raised.id, new.state, new.times) == (True, AlarmState.RAISED, 1)
    other = replace(event(502), camera="d" * 16)
    await catalogue.events.put(other)
    assert (await catalogue.alarms.raise_of(asked, other, at(503)) or new).id not in {new.id, raised.id}


async def test_an_event_that_goes_on_again_is_raised_again(catalogue: Catalogue) -> None:
    """A camera that comes and goes is one event; its alarm is over and then is not."""
    asked, down = rule(), event()
    await catalogue.events.put(down)
    raised = await catalogue.alarms.raise_of(asked, down, at(1))
    assert raised is not None
    await catalogue.events.put(replace(down, end_ns=at(20), rev=2))
    assert len(await catalogue.alarms.end_over(at(21))) == 1
    assert await catalogue.alarms.end_over(at(22)) == []
    await catalogue.events.put(replace(down, rev=3))
    joined = await catalogue.alarms.raise_of(asked, replace(down, rev=3), at(30))
    assert joined is not None
    assert (joined.id, joined.times, joined.over_ns) == (raised.id, 2, None)
    assert await catalogue.alarms.raise_of(asked, replace(down, rev=3), at(31)) is None
    assert await catalogue.alarms.end_over(at(32)) == []


async def test_one_person_acknowledges(catalogue: Catalogue) -> None:
    """Of two at once one is first, and the other hears so; what a person raised is closed by it."""
    alarm = Alarm(new_id(), BY_HAND, 1, T0, T0, camera="c" * 16, raised_by=PERSON, note="asap di dermaga")
    await catalogue.alarms.add(alarm)
    assert await catalogue.alarms.end_over(at(5)) == []

    async def take(person: str) -> Alarm | ConflictError:
        try:
            return await catalogue.alarms.change(alarm.id, lambda one: acknowledge(one, person, at(9), ""))
        except ConflictError as error:
            return error

    answers = await asyncio.gather(take(PERSON), take(OTHER))
    (first,) = [one for one in answers if isinstance(one, Alarm)]
    assert first.state is AlarmState.CLOSED
    assert await catalogue.alarms.get(alarm.id) == first
    with pytest.raises(NotFoundError):
        await catalogue.alarms.change(new_id(), lambda one: one)


async def test_an_end_does_not_undo_an_acknowledgement(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody takes it on at the moment when its cause ends: both hold."""
    down = event(0, 5)
    await catalogue.events.put(down)
    raised = await catalogue.alarms.raise_of(rule(), down, at(1))
    assert raised is not None
    replaced, taking = alarms._replace, list[asyncio.Task[Alarm]]()

    async def slowly(connection: Connection, alarm: Alarm) -> None:
        if not taking:
            take = catalogue.alarms.change(raised.id, lambda one: acknowledge(one, PERSON, at(9), ""))
            taking.append(asyncio.create_task(take))
            await asyncio.wait(taking, timeout=0.2)  # on one that is locked it waits for us
        await replaced(connection, alarm)

    monkeypatch.setattr(alarms, "_replace", slowly)
    await catalogue.alarms.end_over(at(10))
    await taking[0]
    found = await catalogue.alarms.get(raised.id)
    assert found is not None
    assert (found.state, found.acknowledged_by, found.over_ns) == (AlarmState.CLOSED, PERSON, at(5))


async def test_lists_are_newest_first_and_narrowed(catalogue: Catalogue) -> None:
    """By state, priority, site, camera, rule, time and text; pages go on after a place."""
    asked = [rule(name="Dermaga 100%", priority=1), rule(name="Pasar")]
    made: list[Alarm] = []
    for i in range(6):
        down = replace(event(i), camera=f"{i}".replace("0", "a").replace("1", "b") * 16)
        await catalogue.events.put(down)
        alarm = await catalogue.alarms.raise_of(asked[i % 2], down, at(i))
        assert alarm is not None
        made.append(alarm)
    made[0] = await catalogue.alarms.change(made[0].id, lambda one: acknowledge(one, OTHER, at(9), "rusa_lewat"))
    wanted = list(reversed(made))
    seen: list[Alarm] = []
    while page := await catalogue.alarms.find(WantedAlarms(), 4, (seen[-1].raised_ns, seen[-1].id) if seen else None):
        seen += page
    assert seen == wanted

    async def found(**narrowed: object) -> list[Alarm]:
        return await catalogue.alarms.find(WantedAlarms(**narrowed), 100)  # type: ignore[arg-type]  # by name

    assert await found(states=[AlarmState.RAISED]) == wanted[:-1]
    assert await found(states=[AlarmState.ACKNOWLEDGED, AlarmState.CLOSED]) == [made[0]]
    assert await found(priorities=[1]) == await found(rule=asked[0].id) == wanted[1::2]
    assert await found(camera=made[3].camera, sites=[SITE.id]) == [made[3]]
    assert await found(from_ns=at(2), to_ns=at(4)) == [made[3], made[2]]
    assert await found(told=Told("100%")) == wanted[1::2]
    assert await found(told=Told("%")) == wanted[1::2]
    assert await found(told=Told("A_L")) == await found(told=Told("?", people=[OTHER])) == [made[0]]
    assert await found(told=Told("?", cameras=[made[5].camera or ""])) == [made[5]]
    assert await found(told=Told("?")) == await found(sites=[]) == await found(camera="x" * 16) == []


async def test_a_site_raises_nothing(tmp_path: Path) -> None:
    """Rules and alarms are the center's."""
    url, options = f"sqlite:///{tmp_path}/site.db", OutboxOptions(Role.SITE)
    site = await Catalogue.open(url, key=bytes(32), clock=ManualClock(), outbox=options)
    try:
        with pytest.raises(ForbiddenError):
            await site.rules.add(rule())
        with pytest.raises(ForbiddenError):
            await site.alarms.raise_of(rule(), event(), T0)
        assert await site.rules.list() == await site.alarms.find(WantedAlarms(), 9) == []
    finally:
        await site.close()


async def test_a_turn_is_one_nodes(catalogue: Catalogue, url: str, engine: str) -> None:
    """Of two on one PostgreSQL one has it, and the other once it is given back; a file has one node."""
    second = await Catalogue.open(url, key=bytes(range(32)), clock=ManualClock())
    try:
        async with catalogue.turns.take("rules") as mine, second.turns.take("rules") as theirs:
            assert (mine, theirs) == (True, engine == "sqlite")
        async with catalogue.turns.take("rules"), second.turns.take("another") as free:
            assert free
        async with second.turns.take("rules") as theirs:
            assert theirs
    finally:
        await second.close()
