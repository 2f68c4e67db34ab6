"""Sends what waits in the outbox into JetStream: a site's facts, or the center's settings and facts. Event loop.

Many rows go in one message and many messages at once, so that what waited while NATS was away is gone within seconds.
A site's entries stay until the center has acknowledged them (`Outbox.settle`): a FACTS stream that lost its disk is
noticed by the time it was made, and filled again. Settings are sent anew when their stream is a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vms import logs, metrics
from vms.bus import flow
from vms.bus.link import NatsLink
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Site
from vms.errors import BusError, NotFoundError, VmsError
from vms.service import Backoff, Health, Service
from vms.store import Catalogue
from vms.store.images import RowImage, pack
from vms.store.notes import FACTS, PLACED, SETTINGS, Role
from vms.store.outbox import Sent, Waiting
from vms.store.tables import audit
from vms.sync import center_facts, streams
from vms.sync.places import Places

log = logs.get(__name__)

_ACK_WAIT_S = 20.0
_SETTINGS = {table.name for table in SETTINGS}


@dataclass(frozen=True)
class PublisherOptions:
    """`zone`: the Site's slug, or `center`; `node`: this node's id. `rows` are looked at at once, `message_bytes` of
    them (not packed yet) go in one message, `window` messages are on the way together."""

    zone: str
    node: str
    rows: int = 1000
    message_bytes: int = 64_000
    window: int = 32
    settle_s: float = 2.0
    poll_s: float = 1.0
    trim_s: float = 60.0


@dataclass(frozen=True)
class _Message:
    subject: str
    entries: tuple[Waiting, ...]
    images: tuple[RowImage, ...]


class Publisher(Service):
    """One at each node of a Site, for its own catalogue; one at each node of the center, of which one works."""

    name = "sync outbox"

    def __init__(self, clock: Clock, link: NatsLink, catalogue: Catalogue, options: PublisherOptions) -> None:
        super().__init__(clock, backoff=Backoff(0.25, 2.0))
        self._link, self._catalogue, self._options = link, catalogue, options
        self._outbox = catalogue.outbox
        self._at_site = self._outbox.role is Role.SITE
        self._zones: set[str] = set()
        self._settled_ns = self._trimmed_ns = 0
        self._failures = logs.Throttle(60 * NS_PER_S)

    async def run_once(self) -> None:
        """Until stopped, or the catalogue fails. NATS may come and go: what waits, waits."""
        while not self.stopping.is_set():
            try:
                await self._work()
            except (BusError, NotFoundError) as error:
                self._health = Health(ok=False, why=error.message, reason=error.reason, params=error.params)
                silent = self._failures.admit(self.clock.mono_ns())
                if silent is not None:
                    log.warning("rows wait in the outbox", why=error.message, silent=silent)
                await self.pause(self._options.poll_s)

    async def _work(self) -> None:
        async with self._outbox.exclusive() as mine:
            if not mine:
                self.ready()  # another node of the center sends
                await self.pause(self._options.poll_s)
                return
            await (self._prepare_site() if self._at_site else self._prepare_center())
            self.ready()
            while not self.stopping.is_set():
                self._outbox.changed()
                sent = await self.send()
                await self._look_after()
                if not sent:
                    await self._wait()

    async def send(self) -> int:
        """One round: what waits, as it is now; says how many entries that were. In the center settings first: whatever
        keeps facts from being sent, a right that was taken back is."""
        if self._at_site:
            return await self._send(await self._outbox.waiting(self._options.rows))
        sent = await self._send(await self._outbox.waiting(self._options.rows, SETTINGS))
        return sent + await self._send(await self._outbox.waiting(self._options.rows, FACTS))

    async def _send(self, entries: Sequence[Waiting]) -> int:
        if not entries:
            return 0
        images = await self._outbox.images(entries)
        found = [(entry, images.get((entry.table, entry.key))) for entry in entries]
        messages = await self._messages([(entry, image) for entry, image in found if image is not None])
        named = {seq for message in messages for entry in message.entries for seq in entry.seqs}
        nobodys = [Sent(entry) for entry, _ in found if not named.issuperset(entry.seqs)]
        done, failed = await self._put_all(messages)
        await self._outbox.done([*nobodys, *done])
        if failed is not None:
            raise failed
        return len(entries)

    # What goes where

    async def _messages(self, found: Sequence[tuple[Waiting, RowImage]]) -> list[_Message]:
        if self._at_site:
            return list(self._grouped(streams.facts_subject(self._options.zone, self._options.node), found))
        places = Places(await self._catalogue.sites.list())
        moved = [entry.key[0] for entry, _ in found if entry.table == "sites"]
        if moved:  # their Cameras may have got others above them
            await self._outbox.resend_cameras({below for site_id in moved for below in places.below(site_id)})
        named = await self._outbox.places([entry for entry, _ in found])
        messages: list[_Message] = []
        about: dict[str, list[tuple[Waiting, RowImage]]] = {}
        for entry, image in found:
            if entry.table in _SETTINGS:
                messages += [_Message(subject, (entry,), (image,)) for subject in _subjects(entry, image, places)]
                continue
            site = image.values.get("site") or named.get((entry.table, entry.key))
            zone = places.zone(site, self._zones)
            if zone is not None:
                about.setdefault(zone, []).append((entry, image))
        for zone, rows in about.items():
            messages += self._grouped(streams.center_facts_subject(zone), rows)
        return messages

    def _grouped(self, subject: str, found: Iterable[tuple[Waiting, RowImage]]) -> Iterable[_Message]:
        group: list[tuple[Waiting, RowImage]] = []
        size = 0
        for entry, image in found:
            weight = _weight(image)
            if group and size + weight > self._options.message_bytes:
                yield _message(subject, group)
                group, size = [], 0
            group.append((entry, image))
            size += weight
        if group:
            yield _message(subject, group)

    # Putting

    async def _put_all(self, messages: Sequence[_Message]) -> tuple[list[Sent], VmsError | None]:
        done: list[Sent] = []
        whole: dict[int, int] = {}  # of an entry with several subjects: how many are left
        for message in messages:
            for entry in message.entries:
                whole[entry.seqs[0]] = whole.get(entry.seqs[0], 0) + 1
        for i in range(0, len(messages), self._options.window):
            some = messages[i : i + self._options.window]
            results = await asyncio.gather(*map(self._put, some), return_exceptions=True)
            for message, result in zip(some, results, strict=True):
                if isinstance(result, VmsError):
                    return done, result
                if isinstance(result, BaseException):
                    raise result
                for entry, image in zip(message.entries, message.images, strict=True):
                    whole[entry.seqs[0]] -= 1
                    if not whole[entry.seqs[0]]:
                        done.append(Sent(entry, image, result if self._at_site else None))
        return done, None

    async def _put(self, message: _Message) -> int:
        data = await asyncio.to_thread(pack, message.images)
        # Named by its rows and their numbers in the outbox: a repetition is known, and a resend is none.
        seqs = ",".join(str(seq) for entry in message.entries for seq in entry.seqs)
        name = hashlib.sha256(f"{message.subject} {seqs} ".encode() + data).hexdigest()[:32]
        published = await self._link.publish_stream(message.subject, data, msg_id=name)
        metrics.ROWS_SENT.inc(len(message.images))
        metrics.ROW_BYTES_SENT.inc(len(data))
        return published.number

    # The streams

    async def _prepare_site(self) -> None:
        await self._link.ensure_stream(streams.facts(self._options.zone))
        await flow.make_consumer(self._link, center_reading(self._options.zone))
        await flow.drop_consumer(self._link, streams.FACTS.name, streams.FORMER_CENTER_READER)
        info = await flow.stream_info(self._link, streams.FACTS.name)
        if await self._outbox.remembered(audit.name) is None:  # what was written before it travelled
            await self._outbox.resend((audit,))
            await self._outbox.remember(audit.name, "sent")
        known = await self._outbox.remembered(streams.FACTS.name)
        if known != info.created:
            await self._lost(known, await self._outbox.unsend())
            await self._outbox.remember(streams.FACTS.name, info.created)
        else:  # an older copy of its disk knows less
            await self._lost(known, await self._outbox.unsend(after=info.last))

    async def _lost(self, known: str | None, count: int) -> None:
        if count and known is not None:
            log.error("the stream of facts lost messages; its rows are sent again", rows=count)

    async def _prepare_center(self) -> None:
        for config in (streams.SETTINGS, streams.CENTER_FACTS):
            await self._link.ensure_stream(config)
            info = await flow.stream_info(self._link, config.name)
            known = await self._outbox.remembered(config.name)
            if known == info.created:
                continue
            if config is streams.SETTINGS:
                await self._outbox.resend(SETTINGS)
            elif known is not None:
                log.error("the stream of the center's facts is a new one; sites that had not read it lack some")
            await self._outbox.remember(config.name, info.created)
        self._zones = set(filter(None, (await self._outbox.remembered("zones") or "").split(",")))
        await self._look_for_zones()

    async def _look_after(self) -> None:
        """Now and then: what has arrived at the far side, and who reads."""
        now_ns = self.clock.mono_ns()
        if self._settled_ns and now_ns - self._settled_ns < self._options.settle_s * NS_PER_S:
            return
        self._settled_ns = now_ns
        if self._at_site:
            await self._settle()
        else:
            await self._look_for_zones()
            if self._may_trim():
                await center_facts.trim(self._link)
        backlog = await self._outbox.backlog()
        metrics.OUTBOX_ROWS.labels("waiting").set(backlog.waiting)
        metrics.OUTBOX_ROWS.labels("sent").set(backlog.sent)

    async def _settle(self) -> None:
        floors = await flow.acknowledged(self._link, streams.FACTS.name)
        center = floors.get(streams.center_reader(self._options.zone))
        if center is None:  # gone with its disk, or by hand
            await flow.make_consumer(self._link, center_reading(self._options.zone))
            return
        await self._outbox.settle(center)
        if not self._may_trim():
            return
        info = await flow.stream_info(self._link, streams.FACTS.name)
        # A node of the site that is long gone may not fill the stream; should it come back it asks for what it lacks.
        crowded = info.size_bytes > (streams.FACTS.max_bytes or 0) // 2
        upto = center if crowded else min(floors.values())
        if upto >= info.first and info.messages:
            await flow.purge(self._link, streams.FACTS.name, upto + 1)

    def _may_trim(self) -> bool:
        now_ns = self.clock.mono_ns()
        if self._trimmed_ns and now_ns - self._trimmed_ns < self._options.trim_s * NS_PER_S:
            return False
        self._trimmed_ns = now_ns
        return True

    async def _look_for_zones(self) -> None:
        readers = await flow.acknowledged(self._link, streams.CENTER_FACTS.name)
        found = {zone for reader in readers if (zone := streams.zone_of(reader)) is not None}
        if not found <= self._zones:
            self._zones |= found
            await self._outbox.remember("zones", ",".join(sorted(self._zones)))

    async def _wait(self) -> None:
        changed = asyncio.ensure_future(self._outbox.wait())
        paused = asyncio.ensure_future(self.pause(self._options.poll_s))
        try:
            await asyncio.wait({changed, paused}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (changed, paused):
                task.cancel()
            await asyncio.gather(changed, paused, return_exceptions=True)


def center_reading(site: str, domain: str | None = None) -> flow.Reading:
    """How the center reads a site's facts; its nodes share one consumer. 16 messages of 64 KB before packing are what
    a line of 2 Mb/s carries in three seconds, and beside a back-fill well within the time for acknowledgement."""
    return flow.Reading(
        streams.FACTS.name, streams.center_reader(site), domain=domain, batch=16, ack_wait_s=_ACK_WAIT_S
    )


def _subjects(entry: Waiting, image: RowImage, places: Places) -> set[str]:
    """Who gets a row of settings: a Camera's Site and all above it, also those that it has left, and so with its Holds;
    the rest everyone."""
    if entry.table not in PLACED:
        return {streams.settings_subject(streams.EVERYONE, entry.table, str(entry.key[0]))}
    concerned: list[Site] = places.above(image.values["site"]) + places.above(entry.site)
    return {streams.settings_subject(site.slug, entry.table, str(entry.key[0])) for site in concerned}


def _message(subject: str, group: Sequence[tuple[Waiting, RowImage]]) -> _Message:
    return _Message(subject, tuple(entry for entry, _ in group), tuple(image for _, image in group))


def _weight(image: RowImage) -> int:
    rows = [image.values, *(image.part or ())]
    return sum(300 + sum(len(value) for value in row.values() if isinstance(value, bytes | str)) for row in rows)
