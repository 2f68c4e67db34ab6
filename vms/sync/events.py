"""The Service that writes a node's Events: looks once a second at what is wrong, writes what opened, changed or closed.

Event loop. While the catalogue takes no rows they wait here, are said on the bus, and whoever of the center hears them
writes them there: the same rows, which arrive again later and change nothing. A trouble with the catalogue itself is an
Event too.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vms import logs, metrics
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName
from vms.domain.event import FAR_KINDS, Event, EventKind, Severity, event_subject
from vms.domain.event_book import EventBook, Look, Trouble
from vms.domain.ids import new_id
from vms.errors import VmsError
from vms.service import Service
from vms.store import Catalogue
from vms.store.notes import Role
from vms.sync.presence import Presence
from vms.sync.troubles import Source

log = logs.get(__name__)

TOLD = "event.told"
CHANGED = "event.changed"
"""Events were written to the catalogue that Rules are kept in: `ids`."""
_SAID_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class EventOptions:
    """`node`: who tells; `in_center`: whether others' Events are written here too; `every_s`: how often it looks;
    `write_s`: how long a row may take; `check_s`: how often the catalogue is asked whether it is there."""

    node: str
    in_center: bool = False
    every_s: float = 1.0
    write_s: float = 4.0
    check_s: float = 3.0


class Places:
    """Sites of Cameras and ids of Sites as the catalogue had them last; read by sources, learnt by the Service."""

    def __init__(self) -> None:
        self.sites: dict[str, str] = {}
        self._cameras: dict[str, str] = {}

    def site_of(self, camera: str) -> str | None:
        """The Site of a Camera."""
        return self._cameras.get(camera)

    def site(self, slug: str) -> str | None:
        """The id of a Site."""
        return self.sites.get(slug)

    async def learn(self, catalogue: Catalogue) -> None:
        """Read them anew. CatalogueError."""
        self.sites = {site.slug: site.id for site in await catalogue.sites.list()}
        self._cameras = {camera.id: camera.site for camera in await catalogue.cameras.list(include_deleted=True)}


class EventWriter(Service):
    """Service `events`. `presence`: listened to here, where nobody else does."""

    name = "events"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        sources: Sequence[Source],
        places: Places,
        options: EventOptions,
        presence: Presence | None = None,
    ) -> None:
        super().__init__(clock)
        self._catalogue, self._bus, self._sources = catalogue, bus, sources
        self._places, self._options, self._presence = places, options, presence
        self._book = EventBook(options.node, make_id=_id_of)
        self._pending: dict[str, tuple[Event, int]] = {}
        self._wake = asyncio.Event()
        self._adopted = False
        self._away_ns: int | None = None
        self._said_ns: int | None = None
        self._throttle = logs.Throttle(60 * NS_PER_S)

    def open(self) -> list[Event]:
        """What this node holds for wrong now, whether the catalogue knows it or not."""
        return self._book.open()

    async def run_once(self) -> None:
        """Until stopped."""
        duties = [self._look_on(), self._write_on(), self._check_on(), self.stopping.wait()]
        if self._presence is not None:
            duties.append(self._presence.listen())
        if self._options.in_center:
            duties.append(self._hear())
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            self.ready()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    # What is seen

    async def _look_on(self) -> None:
        while True:
            self.look()
            await self.clock.sleep(self._options.every_s)

    def look(self) -> None:
        """Once; what is to be written waits for the writer."""
        now_ns, mono_ns = self.clock.now_ns(), self.clock.mono_ns()
        looks = [self._catalogue_look()]
        for source in self._sources:
            try:
                looks.append(source.look())
            except Exception:  # one source that fails must not silence the others
                silent = self._throttle.admit(mono_ns)
                if silent is not None:
                    log.exception("a source of events fails", source=type(source).__name__, silent=silent)
        for event in self._book.look(looks, now_ns, mono_ns):
            self._put(event, mono_ns)
        counts = Counter(event.kind for event in self._book.open())
        for kind in EventKind:
            metrics.EVENTS_OPEN.labels(kind.value).set(counts[kind])
        self._say(mono_ns)

    def _catalogue_look(self) -> Look:
        if self._away_ns is None:
            well = event_subject(EventKind.CATALOGUE_AWAY, None, None, self._options.node)
            return Look(well=frozenset({well}))
        return Look((Trouble(EventKind.CATALOGUE_AWAY, self._away_ns, Severity.ALARM, node=self._options.node),))

    def _put(self, event: Event, mono_ns: int) -> None:
        is_news = event.end_ns is None and event.severity is not Severity.NOTICE
        write = log.warning if is_news else log.info
        state = "goes on" if event.end_ns is None else "over"
        known = {"kind": event.kind, "state": state, "camera": event.camera, "node": event.node}
        write("event", **{**event.params, **known})
        since_ns = self._pending[event.id][1] if event.id in self._pending else mono_ns
        self._pending[event.id] = event, since_ns
        self._wake.set()

    # What is written

    async def _write_on(self) -> None:
        while True:
            try:
                await self._adopt()
                await self._write()
            except (VmsError, TimeoutError) as error:
                self._failed(error)
                await self.clock.sleep(self._options.every_s)
                continue
            self._wake.clear()
            if not self._pending:
                await self._wake.wait()

    async def _adopt(self) -> None:
        if self._adopted:
            return
        async with asyncio.timeout(self._options.write_s):
            await self._places.learn(self._catalogue)
            shared = FAR_KINDS if self._options.in_center else ()
            found = await self._catalogue.events.open_of(self._options.node, shared)
        mono_ns = self.clock.mono_ns()
        mine = {event.id for event in self._book.open()}
        known = [event for event in found if event.id not in mine]
        for event in self._book.adopt([*known, *self._book.open()], self.clock.now_ns(), mono_ns):
            self._put(event, mono_ns)
        self._adopted = True

    async def _write(self) -> None:
        for event_id, (event, _) in list(self._pending.items()):
            async with asyncio.timeout(self._options.write_s):
                await self._catalogue.events.put(event)
            if self._pending.get(event_id, (None, 0))[0] is event:
                del self._pending[event_id]
            self._away_ns = None
            if self._catalogue.outbox.role is not Role.SITE:  # there it has yet to travel
                self._bus.publish(CHANGED, {"ids": [event_id]})

    async def _check_on(self) -> None:
        """Whether the catalogue is there, also while there is nothing to write; and what Sites and Cameras it has."""
        turn = 0
        while True:
            await self.clock.sleep(self._options.check_s)
            try:
                async with asyncio.timeout(self._options.write_s):
                    await (self._places.learn(self._catalogue) if turn % 3 == 0 else self._catalogue.check())
            except (VmsError, TimeoutError) as error:
                self._failed(error)
            else:
                turn += 1
                if not self._pending:
                    self._away_ns = None

    def _failed(self, error: Exception) -> None:
        if self._away_ns is None:
            self._away_ns = self.clock.now_ns()
            log.warning("the catalogue does not take events", why=logs.redact(f"{type(error).__name__}: {error}"))

    # What others are told

    def _say(self, mono_ns: int) -> None:
        """Rows that wait here, for whom it concerns."""
        if self._options.in_center or not self._pending:
            return
        if self._said_ns is not None and mono_ns - self._said_ns < _SAID_AGAIN_S * NS_PER_S:
            return
        late = [event for event, since_ns in self._pending.values() if mono_ns - since_ns > 2 * NS_PER_S]
        if late:
            self._said_ns = mono_ns
            self._bus.publish(TOLD, {"events": [_plain(event) for event in late[:100]]})

    async def _hear(self) -> None:
        events = self._bus.subscribe(TOLD)
        try:
            async for _, value in events:
                await self._take(value)
        finally:
            events.close()

    async def _take(self, value: Value) -> None:
        try:
            for plain in value["events"]:
                async with asyncio.timeout(self._options.write_s):
                    await self._catalogue.events.put(_event(plain))
        except (VmsError, TimeoutError, KeyError, TypeError, ValueError) as error:
            log.warning("an event that was told is not written", why=logs.redact(f"{type(error).__name__}: {error}"))


def _id_of(trouble: Trouble) -> str:
    """Of what several nodes see alike, the same id."""
    if not trouble.mark:
        return new_id()
    digest = hashlib.sha256(f"{trouble.subject} {trouble.mark}".encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def _plain(event: Event) -> dict[str, Any]:
    stream = None if event.stream is None else event.stream.value
    return {
        "id": event.id,
        "kind": str(event.kind),
        "teller": event.teller,
        "start_ns": event.start_ns,
        "end_ns": event.end_ns,
        "severity": event.severity.value,
        "site": event.site,
        "camera": event.camera,
        "stream": stream,
        "node": event.node,
        "params": dict(event.params),
        "rev": event.rev,
    }


def _event(plain: Mapping[str, Any]) -> Event:
    stream = plain["stream"]
    values = {
        **plain,
        "severity": Severity(plain["severity"]),
        "stream": None if stream is None else StreamName(stream),
    }
    return Event(**values)
