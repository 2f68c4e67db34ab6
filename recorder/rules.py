"""The Service that turns Events into Alarms, in the center only: watches what opens and closes, asks the Rules, writes.

Event loop. What it decides follows from the rows alone, so a restart loses nothing and raises nothing twice; where two
nodes of a center work at once for a moment, the catalogue lets one of them raise. The catalogue notes each Event that
is written or arrives (`fresh_events`) until it was looked at here: one that a cut-off site brings days later is not
missed. What goes on is read every second. `event.changed` on the bus only makes it quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recorder.alarm_screens import DISPLAY_CHANGED, AlarmScreens
from vms import logs
from vms.bus.base import Bus, Events
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Site
from vms.domain.event import Event
from vms.domain.ids import new_id
from vms.domain.rule import Rule, default_rules
from vms.errors import BusError
from vms.service import Service
from vms.store import Catalogue
from vms.store.events import Place, Wanted
from vms.store.rules import BrokenRule
from vms.sync.events import CHANGED

log = logs.get(__name__)

RULE_CHANGED, ALARM_CHANGED = "rule.changed", "alarm.changed"
_PAGE, _PAGES = 500, 20
_SAY_AGAIN_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """`every_s`: how often it looks; `learn_s`: how often Rules and Sites are read anew whatever the bus says;
    `turn_s`: how often a node asks whether it is its turn."""

    every_s: float = 1.0
    learn_s: float = 30.0
    turn_s: float = 5.0


def sites_above(sites: Iterable[Site]) -> dict[str, frozenset[str]]:
    """Each Site's id with those above it, itself among them."""
    parents = {site.id: site.parent for site in sites}
    above = {}
    for site in parents:
        line: list[str] = []
        at: str | None = site
        while at is not None and at in parents and at not in line:
            line.append(at)
            at = parents[at]
        above[site] = frozenset(line)
    return above


class RuleKeeper(Service):
    """Service `rules`. Of several nodes of a center one works, the others wait for their turn."""

    name = "rules"

    def __init__(self, clock: Clock, *, catalogue: Catalogue, bus: Bus, options: RuleOptions | None = None) -> None:
        super().__init__(clock)
        self._catalogue, self._bus = catalogue, bus
        self._options = options or RuleOptions()
        self._rules: list[Rule] = []
        self._above: Mapping[str, frozenset[str]] = {}
        self._learnt_ns: int | None = None
        self._wake = asyncio.Event()
        self._done: dict[tuple[str, str], int] = {}
        self._screens = AlarmScreens(clock, catalogue=catalogue, bus=bus)
        self._failing = logs.Throttle(_SAY_AGAIN_NS)
        self._broken = logs.Throttle(_SAY_AGAIN_NS)

    async def run_once(self) -> None:
        """Until stopped."""
        while not self.stopping.is_set():
            async with self._catalogue.turns.take(self.name) as mine:
                if mine:
                    await self._work()
                else:
                    self.ready()
            if not await self.pause(self._options.turn_s):
                return

    async def _work(self) -> None:
        subjects = (CHANGED, RULE_CHANGED, ALARM_CHANGED, DISPLAY_CHANGED)
        subscriptions = [self._bus.subscribe(subject, limit=256) for subject in subjects]
        hearing = [asyncio.ensure_future(self._hear(events)) for events in subscriptions]
        try:
            await self._begin()
            while not self.stopping.is_set():
                await self.look()
                await self._screens.look()
                self.ready()
                await self._wait(hearing)
        finally:
            for task in hearing:
                task.cancel()
            for events in subscriptions:
                events.close()
            await asyncio.gather(*hearing, return_exceptions=True)

    async def _hear(self, events: Events) -> None:
        async for subject, _value in events:
            if subject == RULE_CHANGED:
                self._learnt_ns = None
            self._wake.set()

    async def _wait(self, hearing: Collection[asyncio.Future[None]]) -> None:
        waits = (self.clock.sleep(self._options.every_s), self._wake.wait(), self.stopping.wait())
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait({*tasks, *hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._wake.clear()
        for heard in hearing:
            if heard.done() and not self.stopping.is_set():
                heard.result()
                raise BusError("the subscription ended")  # else this would go round without a pause

    async def _begin(self) -> None:
        """The Rules of a new installation."""
        if await self._catalogue.rules.begin_with(default_rules(iter(new_id, ""), self.clock.now_ns())):
            log.info("an installation begins with its first rules")
        self._done.clear()
        await self._learn()

    async def _learn(self) -> None:
        rules, broken = await self._catalogue.rules.read()
        self._rules = [rule for rule in rules if rule.enabled]
        self._above = sites_above(await self._catalogue.sites.list())
        self._learnt_ns = self.clock.mono_ns()
        self._say_broken(broken)

    def _say_broken(self, broken: Sequence[BrokenRule]) -> None:
        if broken and self._broken.admit(self.clock.mono_ns()) is not None:
            for one in broken:
                log.error("a rule cannot be read and raises nothing", rule=one.name, id=one.id, why=one.why)

    async def look(self) -> None:
        """Once: what is fresh, what goes on, and what is over."""
        learnt_ns, every_ns = self._learnt_ns, self._options.learn_s * NS_PER_S
        if learnt_ns is None or self.clock.mono_ns() - learnt_ns > every_ns:
            await self._learn()
        for _ in range(_PAGES):
            fresh = await self._catalogue.events.fresh(_PAGE)
            if not fresh:
                break
            await self._raise(fresh)
            await self._catalogue.events.looked_at(fresh)
        going: set[str] = set()
        async for events in self._going_on():
            await self._raise(events)
            going.update(event.id for event in events)
        ended = await self._catalogue.alarms.end_over(self.clock.now_ns())
        self._say([alarm.id for alarm in ended])
        self._done = {key: rev for key, rev in self._done.items() if key[1] in going}

    async def _going_on(self) -> AsyncIterator[list[Event]]:
        """What goes on of the kinds that a Rule looks for, page by page."""
        wanted = Wanted(is_open=True, kinds={kind for rule in self._rules for kind in rule.kinds})
        after: Place | None = None
        while wanted.kinds:
            found = await self._catalogue.events.find(wanted, _PAGE, after)
            if found:
                yield found
            if len(found) < _PAGE:
                return
            after = (found[-1].start_ns, found[-1].id)

    async def _raise(self, events: Iterable[Event]) -> None:
        raised: list[str] = []
        try:
            await self._raise_each(events, raised)
        finally:  # what was raised is there, whatever became of the others
            self._say(raised)

    async def _raise_each(self, events: Iterable[Event], raised: list[str]) -> None:
        now_ns = self.clock.now_ns()
        for event in events:
            above = self._above.get(event.site or "", frozenset())
            for rule in self._rules:
                key = rule.id, event.id
                if self._done.get(key, 0) >= event.rev or not self._is_due(rule, event, above, now_ns):
                    continue
                alarm = await self._catalogue.alarms.raise_of(rule, event, now_ns)
                self._done[key] = event.rev
                if alarm is not None:
                    log.info("alarm", alarm=alarm.id, rule=rule.name, kind=event.kind, times=alarm.times)
                    raised.append(alarm.id)

    def _is_due(self, rule: Rule, event: Event, above: frozenset[str], now_ns: int) -> bool:
        try:
            due_ns = rule.due_ns(event) if rule.concerns(event, above) else None
        except Exception:  # one Rule, or one Event, that fails must not silence the others
            if self._failing.admit(self.clock.mono_ns()) is not None:
                log.exception("a rule fails", rule=rule.name, kind=event.kind)
            return False
        return due_ns is not None and due_ns <= now_ns

    def _say(self, ids: list[str]) -> None:
        if ids:
            self._bus.publish(ALARM_CHANGED, {"ids": ids[:100]})
