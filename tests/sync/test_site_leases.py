"""Leases of a Site: shared out, renewed, taken over, lost; on a service in memory and a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.sync.kv_fake import FakeBucket, FakeLink, FakeService
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.grant import LeaseGrant
from vms.errors import CatalogueError, ConflictError
from vms.sync.lease_keys import Epochs
from vms.sync.site_leases import Buckets, LeaseOptions, SiteLeases

STREAMS = [StreamRef(f"camera-{n}", name) for n in range(6) for name in StreamName]
ONE = STREAMS[0]


class FakeGrants:
    """Rows of one catalogue."""

    def __init__(self) -> None:
        self.rows: dict[tuple[StreamRef, int], LeaseGrant] = {}
        self.away = False

    async def latest(self, stream: StreamRef) -> LeaseGrant | None:
        """The greatest epoch."""
        if self.away:
            raise CatalogueError("away")
        mine = [grant for (of, _), grant in self.rows.items() if of == stream]
        return max(mine, key=lambda grant: grant.epoch, default=None)

    async def put(self, grant: LeaseGrant) -> bool:
        """Once."""
        if self.away:
            raise CatalogueError("away")
        assert (grant.stream, grant.epoch) not in self.rows, "an epoch was given twice"
        self.rows[grant.stream, grant.epoch] = grant
        return True


@dataclass
class Site:
    """Nodes on one service."""

    clock: ManualClock = field(default_factory=ManualClock)
    grants: FakeGrants = field(default_factory=FakeGrants)
    nodes: dict[str, SiteLeases] = field(default_factory=dict)
    links: dict[str, FakeLink] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = FakeService(self.clock)

    def join(self, node: str, *, link: FakeLink | None = None, **options: float) -> SiteLeases:
        """Start a Node that ingests whatever it is given."""
        link = self.links[node] = link or FakeLink()
        leases, members = FakeBucket(self.service, "leases", 10, link), FakeBucket(self.service, "members", 10, link)
        buckets = Buckets(leases, members, FakeBucket(self.service, "epochs", None, link))
        chosen = replace(LeaseOptions(), **options)
        found = self.nodes[node] = SiteLeases(
            self.clock, node=node, buckets=buckets, grants=self.grants, options=chosen
        )

        def follow() -> None:
            self.changes.append(node)
            for stream in found.allot(STREAMS).mine:
                found.tell(stream, live=True)

        found.on_change = follow
        found.allot(STREAMS)
        self.tasks[node] = asyncio.create_task(found.run())
        return found

    async def kill(self, node: str) -> None:
        """As SIGKILL: nothing is given back."""
        self.links[node].up.clear()
        self.tasks[node].cancel()
        await asyncio.gather(self.tasks[node], return_exceptions=True)
        del self.nodes[node]

    async def advance(self, seconds: float) -> None:
        """In small steps: what is done on the loop takes some turns."""
        for _ in range(round(seconds / 0.25)):
            await self.clock.advance(0.25)
            for _ in range(60):
                await asyncio.sleep(0)

    def owners(self) -> dict[StreamRef, list[str]]:
        """Who believes to hold what."""
        return {s: [name for name, node in self.nodes.items() if s in node.held()] for s in STREAMS}

    def counts(self) -> list[int]:
        """How many each holds."""
        return sorted(len(node.held()) for node in self.nodes.values())

    async def take_coming(self, node: str) -> int:
        """As a worker does with its first key frame; how many."""
        coming = self.nodes[node].allot(STREAMS).coming
        for stream in coming:
            await self.nodes[node].acquire(stream, from_ns=self.clock.now_ns())
        return len(coming)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Everything stopped at the end."""
    found = Site()
    try:
        yield found
    finally:
        for task in found.tasks.values():
            task.cancel()
        await asyncio.gather(*found.tasks.values(), return_exceptions=True)


async def test_two_nodes_share_what_there_is() -> None:
    """One owner each, by cameras and evenly; every grant is a row; nothing moves as time goes on."""
    async with site() as s:
        s.join("a")
        s.join("b")
        await s.advance(5)
        assert all(len(owners) == 1 for owners in s.owners().values())
        assert s.counts() == [6, 6]
        before = s.owners()
        assert all(before[StreamRef(x.camera, StreamName.SUB)] == before[x] for x in STREAMS)
        assert len(s.grants.rows) == len(STREAMS)
        await s.advance(30)
        assert s.owners() == before
        assert len(s.grants.rows) == len(STREAMS)


async def test_a_dead_nodes_streams_are_taken_over() -> None:
    """Within the time to live, under greater epochs, and it is said since when nobody had them."""
    async with site() as s:
        s.join("a")
        s.join("b")
        await s.advance(5)
        died_ns = s.clock.now_ns()
        lost = [stream for stream, owners in s.owners().items() if owners == ["a"]]
        await s.kill("a")
        waited_s = 0.0
        while s.counts() != [12]:
            await s.advance(0.25)
            waited_s += 0.25
            await s.take_coming("b")
            assert waited_s < 11
        for stream in lost:
            vacant_ns = s.nodes["b"].vacant_ns(stream)
            assert vacant_ns is not None
            assert died_ns - 5.5 * NS_PER_S <= vacant_ns <= died_ns
            assert s.nodes["b"].held()[stream].epoch == 2


async def test_who_joins_gets_its_share_from_those_who_go_on() -> None:
    """What is live is coming until its key frame is there; then it is granted from there on, and lost at once."""
    async with site() as s:
        s.join("a")
        await s.advance(5)
        s.join("b")
        await s.advance(5)
        assert s.counts() == [0, 12]
        assert len(s.nodes["b"].allot(STREAMS).coming) == 6
        assert s.nodes["b"].allot(STREAMS).mine == frozenset()
        from_ns = s.clock.now_ns() - 50_000_000
        stream = next(iter(s.nodes["b"].allot(STREAMS).coming))
        s.changes.clear()
        grant = await s.nodes["b"].acquire(stream, from_ns)
        assert (grant.node, grant.epoch, grant.granted_ns) == ("b", 2, from_ns)
        await s.advance(0.25)
        assert "a" in s.changes
        assert stream not in s.nodes["a"].held()
        assert s.nodes["a"].successor(stream) == grant
        assert s.nodes["b"].vacant_ns(stream) is None
        await s.take_coming("b")
        await s.advance(5)
        assert s.counts() == [6, 6]


async def test_what_gives_nothing_moves_at_once() -> None:
    """A camera that is down has no key frame to wait for."""
    async with site() as s:
        a = s.join("a")
        a.on_change = lambda: None
        await s.advance(5)
        s.join("b")
        await s.advance(5)
        assert s.counts() == [6, 6]


async def test_what_could_not_be_taken_stays() -> None:
    """A camera that takes only one connection: asked again after a while."""
    async with site() as s:
        s.join("a")
        await s.advance(5)
        b = s.join("b", refuse_s=20)
        await s.advance(3)
        for stream in b.allot(STREAMS).coming:
            b.give_up(stream)
        assert b.allot(STREAMS).coming == frozenset()
        await s.advance(10)
        assert s.counts() == [0, 12]
        await s.advance(11)
        assert len(b.allot(STREAMS).coming) == 6


async def test_cut_off_it_goes_on_and_loses_what_others_have() -> None:
    """A Node keeps what it holds while it cannot reach the service; when it is back, the greater epoch keeps."""
    async with site() as s:
        a = s.join("a")
        b = s.join("b")
        await s.advance(5)
        before = a.held()
        s.links["a"].up.clear()
        await s.advance(1)
        for _ in range(60):
            await s.advance(0.25)
            await s.take_coming("b")
        assert a.held() == before
        assert not a.health().ok
        assert len(b.held()) == 12
        s.links["a"].up.set()
        await s.advance(4)
        assert a.held() == {}
        assert a.health().ok
        assert all(a.successor(stream) == b.held()[stream] for stream in before)


async def test_the_service_away_for_all_changes_nothing() -> None:
    """All keys expired when it is back: everyone keeps what it had, under the epochs it had."""
    async with site() as s:
        a, b = s.join("a"), s.join("b")
        await s.advance(5)
        before = a.held(), b.held()
        for link in s.links.values():
            link.up.clear()
        await s.advance(60)
        for link in s.links.values():
            link.up.set()
        await s.advance(20)
        assert (a.held(), b.held()) == before
        assert len(s.grants.rows) == len(STREAMS)


async def test_a_node_that_stops_hands_over_first() -> None:
    """It says that it leaves, the other takes with its key frames, and nothing is left to expire."""
    async with site() as s:
        a = s.join("a")
        s.join("b")
        await s.advance(5)
        leaving = asyncio.create_task(a.leave())
        await s.advance(1)
        assert await s.take_coming("b") == 6
        await s.advance(1)
        await asyncio.wait_for(leaving, 2)
        assert a.held() == {}
        assert len(s.nodes["b"].held()) == 12


async def test_a_node_that_stops_alone_gives_back_at_once() -> None:
    """Nobody is there to wait for; who comes next takes it without waiting for the time to live."""
    async with site() as s:
        a = s.join("a")
        await s.advance(5)
        await asyncio.wait_for(a.leave(), 2)
        assert a.held() == {}
        s.join("b")
        await s.advance(3)
        assert len(s.nodes["b"].held()) == 12
        assert s.nodes["b"].held()[ONE].epoch == 2


async def test_a_node_that_starts_again_takes_its_own_at_once() -> None:
    """Its keys have not expired yet: a new epoch, and since when it was away."""
    async with site() as s:
        s.join("a")
        await s.advance(5)
        await s.kill("a")
        again = s.join("a")
        await s.advance(2)
        assert len(again.held()) == 12
        assert again.held()[ONE].epoch == 2
        assert again.vacant_ns(ONE) is not None


async def test_without_the_service_at_the_start_it_goes_on_with_what_was_its() -> None:
    """By the catalogue; of others' it takes nothing. When the service comes, the epochs hold."""
    async with site() as s:
        for n, stream in enumerate(STREAMS):
            await s.grants.put(LeaseGrant(stream, 7, "a" if n < 4 else "b", 1))
        link = FakeLink()
        link.up.clear()
        a = s.join("a", link=link)
        await s.advance(12)
        assert set(a.held()) == set(STREAMS[:4])
        link.up.set()
        await s.advance(20)
        assert len(a.held()) == 12
        assert a.held()[ONE].epoch == 7
        assert a.held()[STREAMS[5]].epoch == 8


async def test_epochs_are_greater_than_any_in_the_catalogue() -> None:
    """A machine that recorded alone before, and a service that lost its disk."""
    async with site() as s:
        await s.grants.put(LeaseGrant(ONE, 41, "single", 1))
        a = s.join("a")
        await s.advance(3)
        assert a.held()[ONE].epoch == 42
        await s.kill("a")
        s.service.buckets.clear()
        b = s.join("b")
        await s.advance(3)
        assert b.held()[ONE].epoch == 43


async def test_new_machines_begin_with_an_epoch_of_their_own() -> None:
    """Where neither service nor catalogue knows any, the first is what the node says; from there on they count."""
    async with site() as s:
        bucket = FakeBucket(s.service, "epochs", None, FakeLink())
        epochs = Epochs(bucket, s.grants, lambda: 60_000_000)
        assert [await epochs.next(ONE) for _ in range(2)] == [60_000_000, 60_000_001]
        await s.grants.put(LeaseGrant(STREAMS[1], 3, "single", 1))
        assert await epochs.next(STREAMS[1]) == 4


async def test_grants_wait_for_the_catalogue() -> None:
    """Recording does not; an epoch nobody knows cannot be made up."""
    async with site() as s:
        a = s.join("a")
        await s.advance(3)
        s.grants.away = True
        b = s.join("b")
        await s.advance(5)
        stream = next(iter(b.allot(STREAMS).coming))
        grant = await b.acquire(stream, 5)
        assert (stream, 2) not in s.grants.rows
        s.grants.away = False
        await s.advance(4)
        assert s.grants.rows[stream, 2] == grant
        assert stream not in a.held()


async def test_nobody_else_can_acquire() -> None:
    """What another holds and keeps is refused."""
    async with site() as s:
        s.join("a")
        b = s.join("b")
        await s.advance(5)
        theirs = next(stream for stream, owners in s.owners().items() if owners == ["a"])
        with pytest.raises(ConflictError):
            await b.acquire(theirs, 1)
        mine = next(stream for stream, owners in s.owners().items() if owners == ["b"])
        assert await b.acquire(mine) == b.held()[mine]


async def test_streams_that_are_no_longer_registered_are_given_back() -> None:
    """And others' keys that are none of ours are passed by."""
    async with site() as s:
        a = s.join("a")
        await s.advance(3)
        a.on_change = lambda: None
        a.allot(STREAMS[:4])
        await s.advance(1)
        assert set(a.held()) == set(STREAMS[:4])
        entry = s.service.buckets["leases"]["camera-5.sub"][0]
        assert entry.value is None
