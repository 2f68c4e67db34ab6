"""Applies facts that other catalogues send: at the center those of every site, at a site those of its other nodes and
those that the center made about its footage. Event loop.

A message is acknowledged after its rows are committed; several nodes of the center share the work. A message that
cannot be read or a row that does not fit is set aside (`Replica`), logged and counted, and holds nothing up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vms import logs, metrics
from vms.bus.base import Bus
from vms.bus.flow import Flow, Reading
from vms.bus.link import NatsLink
from vms.bus.streams import StreamMessage
from vms.clock import Clock
from vms.errors import BusError, CatalogueError, NotFoundError
from vms.service import Backoff, Service
from vms.store import Catalogue
from vms.store.apply import Applied
from vms.store.images import RowImage, unpack
from vms.store.notes import FACTS, SETTINGS
from vms.sync import streams
from vms.sync.events import CHANGED
from vms.sync.outbox import center_reading

log = logs.get(__name__)

FACT_TABLES = frozenset(table.name for table in FACTS)
EVENTS = "events"
AUDIT = "audit"
_TRIES = 3
_REST = 20
"""What is set aside is tried again for a twentieth of the time at most."""
_TOLD_MAX = 1000


class Intake:
    """Messages in, rows out: one for each stream that is read."""

    def __init__(self, catalogue: Catalogue, tables: Collection[str]) -> None:
        self._catalogue, self._tables = catalogue, tables
        self._aside: int | None = None
        self._again_s = 0.0

    async def take(self, messages: Sequence[StreamMessage]) -> Applied:
        """Apply, then acknowledge. CatalogueError where the catalogue fails: the messages come again."""
        replica = self._catalogue.replica
        if self._aside is None:  # what an older version did not understand
            await replica.retry(refused=True)
            self._aside = await replica.aside()
        images: list[RowImage] = []
        for message in messages:
            images += await self._read(message)
        try:
            applied = await replica.apply(images, messages[0].subject)
        except CatalogueError as error:
            applied = await self._one_by_one(messages, error)
        else:
            for message in messages:
                await message.ack()
        self._tell(applied)
        if (applied.rows or applied.waiting) and self._aside and time.monotonic() >= self._again_s:
            began_s = time.monotonic()
            again = await replica.retry()
            applied.add(Applied(again.changed))
            self._aside = await replica.aside()
            # Many that wait for what never comes may not keep all others waiting.
            self._again_s = time.monotonic() + _REST * (time.monotonic() - began_s)
        return applied

    async def _read(self, message: StreamMessage) -> list[RowImage]:
        try:
            images = await asyncio.to_thread(unpack, message.data)
            foreign = {image.table for image in images} - set(self._tables)
            if foreign & {table.name for table in (*SETTINGS, *FACTS)}:
                raise CatalogueError(f"rows of {', '.join(sorted(foreign))} do not come this way")
        except CatalogueError as error:
            await self._refuse(message, error.message)
            return []
        return await self._own(images, message.subject)

    async def _own(self, images: list[RowImage], subject: str) -> list[RowImage]:
        """Without entries of the audit log that are not of the node that sends them: nobody writes another's, and no
        Site the center's."""
        if all(image.table != AUDIT for image in images):
            return images
        sender = subject.rpartition(".")[2]
        places = {node.id: node.site for node in await self._catalogue.nodes.list()}
        may = places.get(sender, "") is not None
        kept = [one for one in images if one.table != AUDIT or (may and one.values.get("node") == sender)]
        if len(kept) < len(images):
            log.error("entries of another node's audit log", subject=subject, rows=len(images) - len(kept))
            metrics.ROWS_SET_ASIDE.labels("refused").inc(len(images) - len(kept))
        return kept

    async def _one_by_one(self, messages: Sequence[StreamMessage], error: CatalogueError) -> Applied:
        """The catalogue failed. Where it answers, it may be one message's doing: that one is set aside in the end."""
        await self._catalogue.check()
        if len(messages) == 1 and messages[0].deliveries < _TRIES:
            await messages[0].later(2.0)
            return Applied()
        total = Applied()
        for message in messages:
            try:
                applied = await self._catalogue.replica.apply(await self._read(message), message.subject)
            except CatalogueError as again:
                if message.deliveries < _TRIES:
                    await message.later(2.0)
                    continue
                await self._catalogue.check()
                await self._refuse(message, again.message)
                applied = Applied()
            await message.ack()
            total.add(applied)
        log.warning("rows could not be applied together", why=error.message, messages=len(messages))
        return total

    async def _refuse(self, message: StreamMessage, why: str) -> None:
        log.error("message set aside", subject=message.subject, number=message.number, why=why)
        metrics.ROWS_SET_ASIDE.labels("message").inc()
        await self._catalogue.replica.refuse(message.data, message.subject, why)

    def _tell(self, applied: Applied) -> None:
        metrics.ROWS_APPLIED.inc(applied.rows)
        self._aside = (self._aside or 0) + len(applied.waiting) + len(applied.refused)
        metrics.ROWS_SET_ASIDE.labels("waits").inc(len(applied.waiting))
        metrics.ROWS_SET_ASIDE.labels("refused").inc(len(applied.refused))
        for image, why in applied.refused:
            log.error("row set aside", table=image.table, why=why)


class Reader(Service):
    """Reads one stream for ever; a far domain that is not reached is asked again every `retry_s`. `reached`: whether it
    answered last."""

    retry_s = 1.0

    def __init__(self, clock: Clock, link: NatsLink, intake: Intake, reading: Reading, name: str) -> None:
        super().__init__(clock, backoff=Backoff(0.25, 5.0))
        self.name = name
        self._link, self._intake, self._reading = link, intake, reading
        self.reached = False

    async def run_once(self) -> None:
        """Until stopped; CatalogueError leaves it to be tried again."""
        flow = Flow(self._link, self._reading)
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            while not self.stopping.is_set():
                try:
                    getting = asyncio.ensure_future(flow.get())
                    await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if not getting.done():
                        return
                    messages = getting.result()
                except (BusError, NotFoundError):
                    self.reached = False
                    await self.pause(self.retry_s)
                    continue
                finally:
                    getting.cancel()
                self.reached = True
                self.ready()
                if messages:
                    await self.applied(messages, await self._intake.take(messages))
                else:
                    await self.idle()
        finally:
            stopping.cancel()
            await flow.close()

    async def applied(self, messages: Sequence[StreamMessage], applied: Applied) -> None:
        """Called after each batch, for who has more to do."""

    async def idle(self) -> None:
        """Called when nothing came for a while."""


@dataclass(frozen=True)
class CenterApplyOptions:
    """How often the list of Sites is looked at."""

    sites_s: float = 5.0


class _SiteFacts(Reader):
    """One Site's, in the center: says which Events came. `bus`: where; None: nobody waits for them."""

    bus: Bus | None = None

    async def applied(self, messages: Sequence[StreamMessage], applied: Applied) -> None:
        """Tell who waits for Events."""
        del messages
        ids = [str(key[0]) for key in applied.changed.get(EVENTS, ())]
        for at in range(0, len(ids), _TOLD_MAX):
            if self.bus is not None:
                self.bus.publish(CHANGED, {"ids": ids[at : at + _TOLD_MAX]})


class CenterApply(Service):
    """Facts of all Sites into the center's catalogue, each Site's by a reader of its own. A Site without nodes costs a
    request now and then. Safe to run on several nodes of the center."""

    name = "sync center"

    def __init__(
        self,
        clock: Clock,
        link: NatsLink,
        catalogue: Catalogue,
        options: CenterApplyOptions | None = None,
        bus: Bus | None = None,
    ) -> None:
        super().__init__(clock, backoff=Backoff(0.25, 5.0))
        self._link, self._catalogue = link, catalogue
        self._options, self._bus = options or CenterApplyOptions(), bus
        self._readers: dict[str, tuple[Reader, asyncio.Task[None]]] = {}

    def reached(self) -> dict[str, bool]:
        """Whether the domain of each Site (slug) answered last."""
        return {slug: reader.reached for slug, (reader, _) in self._readers.items()}

    async def run_once(self) -> None:
        """Until stopped."""
        while not self.stopping.is_set():
            for site in await self._catalogue.sites.list():
                if site.slug not in self._readers:
                    intake = Intake(self._catalogue, FACT_TABLES)
                    reading, name = center_reading(site.slug, site.slug), f"facts of {site.slug}"
                    reader = _SiteFacts(self.clock, self._link, intake, reading, name)
                    reader.bus = self._bus
                    self._readers[site.slug] = reader, asyncio.create_task(reader.run(), name=reader.name)
            self.ready()
            await self.pause(self._options.sites_s)

    async def close(self) -> None:
        """Stop the readers."""
        readers, self._readers = self._readers, {}
        for reader, _ in readers.values():
            reader.stop()
        tasks = [task for _, task in readers.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def site_facts_reader(clock: Clock, link: NatsLink, catalogue: Catalogue, zone: str, node: str) -> Reader:
    """At a node of a Site: facts of the Site's nodes, its own among them, which change nothing."""
    reading = Reading(streams.FACTS.name, streams.reader_of(zone, node))
    return Reader(clock, link, Intake(catalogue, FACT_TABLES), reading, "sync site facts")


def center_facts_reader(clock: Clock, link: NatsLink, catalogue: Catalogue, zone: str, node: str) -> Reader:
    """At a node of a Site: facts that the center made about the Site's footage."""
    subjects = (streams.center_facts_subject(zone),)
    reading = Reading(streams.CENTER_FACTS.name, streams.reader_of(zone, node), subjects, domain=streams.HUB)
    return Reader(clock, link, Intake(catalogue, FACT_TABLES), reading, "sync center facts")
