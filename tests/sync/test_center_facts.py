"""The center's facts about Sites' footage: a stream that is full of them, or that nobody reads, holds up nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.samples import SITE, segment
from tests.sync.rig import Member, Rig, rig, until
from vms.bus import flow
from vms.bus.streams import StreamConfig
from vms.domain.camera import Site
from vms.domain.person import Person
from vms.errors import BusError
from vms.store.images import RowImage
from vms.store.segments import segment_values
from vms.store.tables import segments
from vms.sync import center_facts, streams

pytestmark = pytest.mark.servers

KAPUAS = Site("o" * 16, "kapuas", "Kuala Kapuas")
GONE = flow.Reading("CENTER_FACTS", "kapuas_gone", (streams.center_facts_subject("kapuas"),))


@pytest.fixture
async def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """A hub whose stream of the center's facts is full at once, and a leaf."""
    small = StreamConfig("CENTER_FACTS", ("center.facts.>",), max_bytes=40_000, refuse_new=True)
    monkeypatch.setattr(streams, "CENTER_FACTS", small)
    async with rig(tmp_path) as made:
        yield made


async def _expire(center: Member, site: str, count: int) -> None:
    """Rows that the center has to tell a Site."""
    made = [segment(number * 60, number * 60 + 60, run=site, number=number) for number in range(count)]
    images = [RowImage("segments", segment_values(replace(one, site=site))) for one in made]
    await center.catalogue.replica.apply(images)
    await center.catalogue.outbox.resend([segments])


async def _held(center: Member) -> int:
    return (await flow.stream_info(center.link, "CENTER_FACTS")).messages


async def test_a_full_stream_of_facts_holds_up_no_settings(servers: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A regency that reads nothing filled it: what people may do still reaches the others at once."""

    async def no_room(_link: object) -> None:
        """As where nothing may go yet."""

    monkeypatch.setattr(center_facts, "trim", no_room)
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    for one in (SITE, KAPUAS):
        await center.catalogue.sites.put(one)
    await center.link.ensure_stream(streams.CENTER_FACTS)
    await flow.make_consumer(center.link, GONE)
    for n in range(400):  # beyond what it takes, by bytes that nothing makes smaller
        try:
            await center.link.publish_stream(streams.center_facts_subject("kapuas"), bytes([n % 256]) * 500)
        except BusError:
            break
    center.start()
    site.start()
    await until(lambda: len(site.rows("sites")["sites"]) == 2)
    await _expire(center, KAPUAS.id, 1100)  # more than are looked at at once
    await center.catalogue.people.put(Person("p" * 16, "budi", "Budi", "$argon2id$x"))
    await until(lambda: len(site.rows("people")["people"]) == 1, 10)


async def test_what_was_read_makes_room(servers: Rig) -> None:
    """What all nodes of a Site have read goes, whatever others have not; in a crowd, who is behind gives way."""
    center = await servers.center()
    for one in (SITE, KAPUAS):
        await center.catalogue.sites.put(one)
    await center.link.ensure_stream(streams.CENTER_FACTS)
    await flow.make_consumer(center.link, GONE)
    mine = flow.Reading("CENTER_FACTS", "sampit_node", (streams.center_facts_subject("sampit"),))
    reading = flow.Flow(center.link, mine)
    for zone in ("kapuas", *["sampit"] * 10, "kapuas"):
        await center.link.publish_stream(streams.center_facts_subject(zone), b"x" * 100)
    for message in await reading.get():
        await message.ack()

    async def acknowledged() -> bool:
        return (await flow.acknowledged(center.link, "CENTER_FACTS"))["sampit_node"] == 11

    await until(acknowledged)
    await center_facts.trim(center.link)
    assert await _held(center) == 2
    for _ in range(30):
        await center.link.publish_stream(streams.center_facts_subject("kapuas"), b"x" * 1000)
    await center_facts.trim(center.link)
    assert await _held(center) == 0
    await reading.close()


async def test_who_has_read_all_gives_nothing_way(servers: Rig) -> None:
    """Of few facts the number last read is low: in a crowd gives way whose facts fill the stream, read or not."""
    center = await servers.center()
    await center.link.ensure_stream(streams.CENTER_FACTS)
    mine = flow.Reading("CENTER_FACTS", "sampit_node", (streams.center_facts_subject("sampit"),))
    reading = flow.Flow(center.link, mine)
    await flow.make_consumer(center.link, GONE)
    await center.link.publish_stream(streams.center_facts_subject("sampit"), b"x" * 100)
    for message in await reading.get():
        await message.ack()
    theirs = flow.Flow(center.link, GONE)
    await center.link.publish_stream(streams.center_facts_subject("kapuas"), b"x" * 100)
    for message in await theirs.get():
        await message.ack()
    await theirs.close()

    async def acknowledged() -> bool:
        floors = await flow.acknowledged(center.link, "CENTER_FACTS")
        return floors == {"sampit_node": 1, "kapuas_gone": 2}

    await until(acknowledged)
    for zone in (*["kapuas"] * 30, "sampit"):  # the last one has just been said, and is on its way
        await center.link.publish_stream(streams.center_facts_subject(zone), b"x" * 1000)
    await center_facts.trim(center.link)
    assert await _held(center) == 1
    assert len(await reading.get()) == 1
    await reading.close()
    await flow.drop_consumer(center.link, "CENTER_FACTS", "kapuas_gone")
    for _ in range(30):
        await center.link.publish_stream(streams.center_facts_subject("kapuas"), b"x" * 1000)
    await center_facts.trim(center.link)
    assert await _held(center) == 1
