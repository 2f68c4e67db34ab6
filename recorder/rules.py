"""The Service that turns Events into Alarms, in the center only: watches what opens and closes, asks the Rules, writes.

Event loop. What it decides follows from the rows alone, so a restart loses nothing and raises nothing twice; where two
nodes of a center work at once for a moment, the catalogue lets one of them raise. Whoever wrote an Event says so on the
bus (`event.changed`), which only makes it quick: what goes on is read every second too, and at the start what was over
in the last two days.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
from vms.sync.events import CHANGED

log = logs.get(__name__)

RULE_CHANGED, ALARM_CHANGED = "rule.changed", "alarm.changed"
_PAGE = 500
_OPEN_MAX = 5_000


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """`every_s`: how often it looks; `learn_s`: how often Rules and Sites are read anew whatever the bus says;
    `back_s`: how long ago an Event may have begun that is looked at after a start; `turn_s`: how often a node asks
    whether it is its turn."""

    every_s: float = 1.0
    learn_s: float = 30.0
    back_s: float = 2 * 86_400
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
        self._told: set[str] = set()
        self._wake = asyncio.Event()
        self._done: dict[tuple[str, str], int] = {}

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
        subscriptions = [self._bus.subscribe(subject, limit=256) for subject in (CHANGED, RULE_CHANGED)]
        hearing = [asyncio.ensure_future(self._hear(events)) for events in subscriptions]
        try:
            await self._begin()
            while not self.stopping.is_set():
                await self.look()
                self.ready()
                await self._wait(hearing)
        finally:
            for task in hearing:
                task.cancel()
            for events in subscriptions:
                events.close()
            await asyncio.gather(*hearing, return_exceptions=True)

    async def _hear(self, events: Events) -> None:
        async for subject, value in events:
            if subject == RULE_CHANGED:
                self._learnt_ns = None
            else:
                self._told.update(str(ident) for ident in value.get("ids", ()))
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
        """The Rules of a new installation; and what began while nobody looked, and may be over by now."""
        now_ns = self.clock.now_ns()
        if await self._catalogue.rules.begin_with(default_rules(iter(new_id, ""), now_ns)):
            log.info("an installation begins with its first rules")
        self._done.clear()
        await self._learn()
        from_ns = now_ns - int(self._options.back_s * NS_PER_S)
        after: Place | None = None
        while self._rules:
            kinds = sorted({kind for rule in self._rules for kind in rule.kinds})
            found = await self._catalogue.events.ended_since(from_ns, kinds, _PAGE, after)
            known = await self._catalogue.alarms.known([event.id for event in found])
            self._done.update(dict.fromkeys(known, 1 << 62))
            await self._raise(found)
            if len(found) < _PAGE:
                return
            after = (found[-1].start_ns, found[-1].id)

    async def _learn(self) -> None:
        self._rules = [rule for rule in await self._catalogue.rules.list() if rule.enabled]
        self._above = sites_above(await self._catalogue.sites.list())
        self._learnt_ns = self.clock.mono_ns()

    async def look(self) -> None:
        """Once: what was told of, what goes on, and what is over."""
        learnt_ns, every_ns = self._learnt_ns, self._options.learn_s * NS_PER_S
        if learnt_ns is None or self.clock.mono_ns() - learnt_ns > every_ns:
            await self._learn()
        told, self._told = self._told, set()
        events = [event for ident in sorted(told) if (event := await self._catalogue.events.get(ident)) is not None]
        events += await self._catalogue.events.find(Wanted(is_open=True), _OPEN_MAX)
        await self._raise({event.id: event for event in events}.values())
        ended = await self._catalogue.alarms.end_over(self.clock.now_ns())
        self._say([alarm.id for alarm in ended])
        going = {event.id for event in events}
        self._done = {key: rev for key, rev in self._done.items() if key[1] in going}

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
                if self._done.get(key, 0) >= event.rev or not rule.concerns(event, above):
                    continue
                due_ns = rule.due_ns(event)
                if due_ns is None or due_ns > now_ns:
                    continue
                alarm = await self._catalogue.alarms.raise_of(rule, event, now_ns)
                self._done[key] = event.rev
                if alarm is not None:
                    log.info("alarm", alarm=alarm.id, rule=rule.name, kind=event.kind, times=alarm.times)
                    raised.append(alarm.id)

    def _say(self, ids: list[str]) -> None:
        if ids:
            self._bus.publish(ALARM_CHANGED, {"ids": ids[:100]})
