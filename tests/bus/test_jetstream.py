"""Streams and key-value buckets through the link, on real servers: put once, nothing lost, one writer wins."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bus.sides import linked, options
from tests.servers.nats import running_nats
from vms.bus.flow import Flow, Reading
from vms.bus.kv import KeyChange, KeyValue
from vms.bus.link import NatsLink
from vms.bus.streams import StreamConfig, StreamMessage
from vms.errors import BusError, BusTimeoutError, ConflictError, NoResponderError, NotFoundError

pytestmark = pytest.mark.servers

FACTS = StreamConfig("FACTS", ("facts.sampit.*",))


async def put(link: NatsLink, subject: str, data: bytes, msg_id: str) -> bool:
    """Put until acknowledged, as an outbox does; whether it was a duplicate."""
    async with asyncio.timeout(20):
        while True:
            try:
                return (await link.publish_stream(subject, data, msg_id=msg_id)).duplicate
            except BusError:
                await asyncio.sleep(0.05)


async def pulled(flow: Flow, count: int) -> list[StreamMessage]:
    """The next `count` messages, whatever the line does."""
    found: list[StreamMessage] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            try:
                found += await flow.get(0.5)
            except (BusError, NotFoundError):
                await asyncio.sleep(0.05)
    return found


async def test_a_message_put_twice_is_there_once_also_across_a_restart(tmp_path: Path) -> None:
    """Its id decides; what was acknowledged before the server was killed is there afterwards."""
    async with running_nats(tmp_path, domain="sampit") as server, linked(options(server)) as link:
        await link.ensure_stream(FACTS)
        assert not await put(link, "facts.sampit.one", b"a", "row-1")
        assert await put(link, "facts.sampit.one", b"a", "row-1")
        await server.kill()
        await server.start()
        assert await put(link, "facts.sampit.one", b"a", "row-1")
        assert not await put(link, "facts.sampit.one", b"b", "row-2")
        messages = await pulled(Flow(link, Reading("FACTS", "center")), 2)
        assert [(m.data, m.msg_id, m.subject, m.number) for m in messages] == [
            (b"a", "row-1", "facts.sampit.one", 1),
            (b"b", "row-2", "facts.sampit.one", 2),
        ]


async def test_ensuring_a_stream_again_keeps_what_is_in_it_and_changes_its_limits(tmp_path: Path) -> None:
    """Every node ensures it at its start."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link:
        await link.ensure_stream(FACTS)
        await put(link, "facts.sampit.n", b"1", "1")
        await link.ensure_stream(StreamConfig("FACTS", ("facts.sampit.*", "more.*"), keep_last=1))
        await link.ensure_stream(StreamConfig("FACTS", ("facts.sampit.*", "more.*"), keep_last=1))
        await put(link, "more.x", b"2", "2")
        await put(link, "more.x", b"3", "3")
        assert [m.data for m in await pulled(Flow(link, Reading("FACTS", "c")), 2)] == [b"1", b"3"]


async def test_no_stream_no_connection_and_what_is_too_large(tmp_path: Path) -> None:
    """Each says what it is."""
    async with running_nats(tmp_path, max_payload=10_000) as server, linked(options(server)) as link:
        with pytest.raises(NoResponderError):
            await link.publish_stream("nobody.keeps.this", b"x")
        with pytest.raises(NotFoundError):
            await Flow(link, Reading("NONE", "c")).get(0.2)
        with pytest.raises(NoResponderError):
            await Flow(link, Reading("FACTS", "c", domain="elsewhere")).get(0.2)
        await link.ensure_stream(FACTS)
        with pytest.raises(BusError, match="more than one message"):
            await link.publish_stream("facts.sampit.n", bytes(20_000))
        await server.stop()
        for attempt in (
            link.publish_stream("facts.sampit.n", b"x"),
            Flow(link, Reading("FACTS", "c")).get(0.2),
            link.kv("b").get("k"),
            link.ensure_stream(FACTS),
        ):
            with pytest.raises(BusTimeoutError):
                await asyncio.wait_for(attempt, 5)


async def test_only_one_of_two_who_expect_the_same_last_message_is_first(tmp_path: Path) -> None:
    """Compare-and-set on a subject."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link:
        await link.ensure_stream(FACTS)
        first = await link.publish_stream("facts.sampit.n", b"1", expected_last=0)
        with pytest.raises(ConflictError):
            await link.publish_stream("facts.sampit.n", b"1", expected_last=0)
        await link.publish_stream("facts.sampit.n", b"2", expected_last=first.number)


async def test_what_is_not_acknowledged_comes_again(tmp_path: Path) -> None:
    """After its time, and to the same consumer; `later` asks for it sooner; what was acknowledged does not."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link:
        await link.ensure_stream(FACTS)
        for n in range(3):
            await put(link, "facts.sampit.n", b"%d" % n, str(n))
        flow = Flow(link, Reading("FACTS", "c", ack_wait_s=2.0))
        first = await pulled(flow, 3)
        assert [m.deliveries for m in first] == [1, 1, 1]
        await first[0].ack()
        await first[1].later(0.01)
        sooner = (await pulled(flow, 1))[0]
        await sooner.ack()
        later = (await pulled(flow, 1))[0]
        await later.ack()
        assert [(m.data, m.deliveries) for m in (sooner, later)] == [(b"1", 2), (b"2", 2)]
        assert await flow.get(2.5) == []
        await flow.close()
        await flow.close()


async def test_the_center_pulls_a_sites_stream_over_the_line_across_cuts_and_restarts(tmp_path: Path) -> None:
    """Every message that the site's server acknowledged reaches the center, whichever server was killed meanwhile."""
    async with (
        running_nats(tmp_path) as hub,
        running_nats(tmp_path, domain="sampit", hub=hub) as leaf,
        linked(options(hub)) as center,
        linked(options(leaf)) as site,
    ):
        await site.ensure_stream(FACTS)
        flow = Flow(center, Reading("FACTS", "center", domain="sampit", ack_wait_s=1.0))
        arrived: set[bytes] = set()

        async def apply() -> None:
            while True:
                for message in await pulled(flow, 1):
                    arrived.add(message.data)
                    try:
                        await message.ack()
                    except BusError:
                        continue  # it comes again

        applying = asyncio.create_task(apply())
        for n in range(60):
            await put(site, "facts.sampit.n1", b"%d" % n, str(n))
            if n in {15, 40}:
                await (leaf if n == 15 else hub).kill()
                await (leaf if n == 15 else hub).start()
        async with asyncio.timeout(30):
            while len(arrived) < 60:
                await asyncio.sleep(0.02)
        applying.cancel()
        await asyncio.gather(applying, return_exceptions=True)
        # The hub's own JetStream is another one.
        with pytest.raises(NotFoundError):
            await Flow(center, Reading("FACTS", "center")).get(0.2)


async def test_a_key_is_written_by_compare_and_set(tmp_path: Path) -> None:
    """Created once, updated at its revision, deleted at its revision, created anew after that."""
    async with running_nats(tmp_path) as server, linked(options(server)) as one, linked(options(server)) as two:
        mine, theirs = one.kv("leases", 10.0), two.kv("leases", 10.0)
        assert await mine.get("cam.main") is None
        revision = await mine.create("cam.main", b"one")
        with pytest.raises(ConflictError):
            await theirs.create("cam.main", b"two")
        newer = await mine.update("cam.main", b"one again", revision)
        with pytest.raises(ConflictError):
            await theirs.update("cam.main", b"two", revision)
        with pytest.raises(ConflictError):
            await theirs.delete("cam.main", revision)
        entry = await theirs.get("cam.main")
        assert entry is not None
        assert (entry.key, entry.value, entry.revision) == ("cam.main", b"one again", newer)
        await mine.delete("cam.main", newer)
        assert await theirs.get("cam.main") is None
        assert await theirs.create("cam.main", b"two") > newer


async def test_one_of_many_who_create_a_key_wins(tmp_path: Path) -> None:
    """All others get ConflictError."""
    async with running_nats(tmp_path) as server, linked(options(server)) as one, linked(options(server)) as two:
        buckets = [one.kv("leases"), two.kv("leases")]
        for n in range(20):
            tries = [buckets[i % 2].create(f"key{n}", str(i).encode()) for i in range(6)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert sum(isinstance(result, int) for result in results) == 1
            assert sum(isinstance(result, ConflictError) for result in results) == 5


async def test_keys_of_a_bucket_with_a_time_go_and_can_be_made_again(tmp_path: Path) -> None:
    """A write renews the time; an update of a key that went is a conflict."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link:
        bucket = link.kv("leases", 1.0)
        revision = await bucket.create("k", b"1")
        await asyncio.sleep(0.7)
        revision = await bucket.update("k", b"2", revision)
        await asyncio.sleep(0.7)
        assert await bucket.get("k") is not None
        async with asyncio.timeout(10):
            while await bucket.get("k") is not None:
                await asyncio.sleep(0.05)
        with pytest.raises(ConflictError):
            await bucket.update("k", b"3", revision)
        assert await bucket.create("k", b"4") > revision
        assert [(e.key, e.value) for e in await link.kv("leases", 5.0).entries()] == [("k", b"4")]


async def test_the_entries_of_a_bucket(tmp_path: Path) -> None:
    """All, those under a pattern, none."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link:
        bucket = link.kv("b")
        assert await bucket.entries() == []
        for key in ("a.1", "a.2", "b.1"):
            await bucket.put(key, key.encode())
        await bucket.delete("a.2")
        assert {e.key: e.value for e in await bucket.entries()} == {"a.1": b"a.1", "b.1": b"b.1"}
        assert [e.key for e in await bucket.entries("a.*")] == ["a.1"]


async def next_change(changes: object) -> KeyChange | None:
    """The next, in bounded time."""
    found: KeyChange | None = await asyncio.wait_for(anext(changes), 10)  # type: ignore[call-overload] # an iterator
    return found


async def test_a_watcher_sees_what_there_is_and_what_comes_across_a_restart(tmp_path: Path) -> None:
    """What there is, None, changes; after the server was away all of it again."""
    async with running_nats(tmp_path, domain="sampit") as server, linked(options(server)) as link:
        bucket: KeyValue = link.kv("members")
        changes = bucket.watch()
        assert await next_change(changes) is None
        first = await bucket.put("one", b"1")
        assert await next_change(changes) == KeyChange("one", b"1", first)
        await server.kill()
        waiting = asyncio.create_task(next_change(changes))
        await server.start()
        assert await waiting == KeyChange("one", b"1", first)
        assert await next_change(changes) is None
        await bucket.delete("one")
        change = await next_change(changes)
        assert change is not None
        assert (change.key, change.value) == ("one", None)
        await changes.aclose()
