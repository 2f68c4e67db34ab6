"""Leases of a Site with several Nodes, on a key-value service (DESIGN §8). Event loop.

Three buckets: `leases` and `members`, whose keys go when they are not renewed, and `epochs`, which never goes back.
What is watched only says when to look: compare-and-set decides who holds. A Node that cannot reach the service goes on
with what it holds and takes nothing; when it is back and somebody else holds, it has lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from vms import logs
from vms.bus.leases import Allotment
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant
from vms.errors import ConflictError, NotFoundError, VmsError
from vms.service import Health, Service
from vms.sync.lease_book import LeaseBook, Member, Todo, grant_of
from vms.sync.lease_holding import Holding
from vms.sync.lease_keys import Bucket, Entry, Epochs, GrantRows, stream_of

log = logs.get(__name__)

_REFUSALS = 5  # a camera that takes one connection only may break that when another is tried: seldom
_NOTHING = Todo(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """`capacity`: what this Node takes, relative to others. `ttl_s`, `renew_s`: how long a Lease holds, how often it is
    renewed; `silent_s`: a Node that has not renewed for so long is gone. `look_s`: between two looks without any news.
    `calm_s`: after the service came (`back_calm_s`: came back) before what seems free is taken: its holders come back
    too. `refuse_s`: how long a Stream that could not be taken over stays where it is, twice as long each time.
    `leave_s`: how long a Node that stops waits for others to take over. `own_s`: how long the service may be away at
    the start before the Node goes on with what it held when it last ran."""

    capacity: int = 100
    ttl_s: float = 10.0
    renew_s: float = 3.0
    silent_s: float = 7.0
    look_s: float = 0.5
    calm_s: float = 1.0
    back_calm_s: float = 6.0
    refuse_s: float = 120.0
    leave_s: float = 6.0
    own_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Buckets:
    """Of the Site's domain: `leases` and `members` with a time to live of `LeaseOptions.ttl_s`, `epochs` with none."""

    leases: Bucket
    members: Bucket
    epochs: Bucket


class SiteLeases(Service):
    """See the module and vms.bus.leases.Leases."""

    name = "leases"

    def __init__(
        self,
        clock: Clock,
        *,
        node: str,
        buckets: Buckets,
        grants: GrantRows,
        options: LeaseOptions | None = None,
        first_epoch: Callable[[], int] = lambda: 1,
    ) -> None:
        super().__init__(clock)
        self.on_change: Callable[[], None] = lambda: None
        self._node, self._buckets = node, buckets
        self._options = options or LeaseOptions()
        self._book = LeaseBook(node, self._options.ttl_s, self._options.silent_s)
        epochs = Epochs(buckets.epochs, grants, first_epoch)
        self._holding = Holding(clock, node, book=self._book, bucket=buckets.leases, epochs=epochs, grants=grants)
        self._holding.changed = self._changed
        self._streams: frozenset[StreamRef] = frozenset()
        self._told = Allotment()
        self._taking: set[StreamRef] = set()
        self._refused: dict[StreamRef, tuple[int, int]] = {}
        self._read: set[str] = set()
        self._news = asyncio.Event()
        self._member_revision: int | None = None
        self._away = self._new = True
        self._calm_until_ns = 0
        self._leaving = False

    def health(self) -> Health:
        """Not ok while the service cannot be reached; what is held goes on all the same."""
        found = super().health()
        if found.ok and self._away:
            count = len(self._holding.held)
            why = f"the lease service is away; this node goes on with its {count} streams"
            return Health(ok=False, why=why, reason="leases_away", params={"count": str(count)})
        return found

    # What ingest asks

    def allot(self, streams: Collection[StreamRef]) -> Allotment:
        """See the port."""
        if self._streams != frozenset(streams):
            self._streams = frozenset(streams)
            self._news.set()
        self._told = self._allotment()
        return self._told

    async def acquire(self, stream: StreamRef, from_ns: int | None = None) -> LeaseGrant:
        """What is held already, or what is coming, taken from who records it. BusError, ConflictError."""

        def may() -> bool:
            todo = self._todo()
            return stream in todo.coming or stream in todo.take

        held = self._holding.held
        if stream not in held:
            try:
                await self._holding.take(stream, from_ns, may)
            except ConflictError:
                if stream not in held:  # taken at once meanwhile
                    raise
        return held[stream].grant

    async def release(self, stream: StreamRef) -> None:
        """The worker is gone; the Lease stays as long as the Stream is there to be ingested."""
        self.tell(stream, live=False)

    def tell(self, stream: StreamRef, /, *, live: bool) -> None:
        """Written with the next renewal; at once where it begins to be live."""
        held = self._holding.held.get(stream)
        if held is not None and held.live is not live:
            held.live = live
            if live:
                self._news.set()

    def give_up(self, stream: StreamRef, /) -> None:
        """See the port."""
        _, before = self._refused.get(stream, (0, 0))
        wait_s = self._options.refuse_s * 2 ** min(before, _REFUSALS)
        self._refused[stream] = self.clock.mono_ns() + int(wait_s * NS_PER_S), before + 1
        self._changed()

    def vacant_ns(self, stream: StreamRef, /) -> int | None:
        """See the port."""
        return self._holding.vacant.get(stream)

    def successor(self, stream: StreamRef, /) -> LeaseGrant | None:
        """See the port."""
        value = self._book.last(stream)
        return None if value is None or value.node == self._node else grant_of(stream, value)

    def held(self) -> dict[StreamRef, LeaseGrant]:
        """What this node holds now."""
        return {stream: held.grant for stream, held in self._holding.held.items()}

    async def leave(self) -> None:
        """Say so, wait until the others have what they can take, give back the rest."""
        if self._leaving:
            return
        self._leaving = True
        try:
            async with asyncio.timeout(self._options.leave_s):
                await self._be_member()
                while self._holding.held and self._book.others(self.clock.mono_ns()):
                    await self.clock.sleep(0.05)
        except (TimeoutError, VmsError):
            log.info("others did not take all in time", streams=len(self._holding.held))
        if not self._away:
            await self._holding.give_back(list(self._holding.held))

    # The service

    async def run_once(self) -> None:
        """Hold, take and lose until stopped."""
        buckets = self._buckets
        duties = [
            asyncio.create_task(duty, name=f"leases {name}")
            for name, duty in (
                ("watch", self._watch("leases", buckets.leases, self._heard_lease)),
                ("members", self._watch("members", buckets.members, self._heard_member)),
                ("renew", self._renew()),
                ("decide", self._decide()),
                ("stop", self.stopping.wait()),
            )
        ]
        self.ready()
        try:
            done, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
        for duty in done:
            duty.result()

    async def close(self) -> None:
        """Give back what is held, where that goes at once; else it expires."""
        if self._away:
            return
        try:
            async with asyncio.timeout(2.0):
                await self._holding.give_back(list(self._holding.held))
                await self._buckets.members.delete(self._node, None)
        except (TimeoutError, VmsError):
            log.info("leases expire by themselves")

    async def _watch(self, name: str, bucket: Bucket, heard: Callable[[Entry], None]) -> None:
        while True:
            try:
                async for entry in bucket.watch():
                    if entry is None:
                        self._read.add(name)
                    else:
                        heard(entry)
                    self._news.set()
            except VmsError as error:
                log.debug("no news of leases", why=error.message)
            await self.clock.sleep(self._options.look_s)

    def _heard_lease(self, entry: Entry) -> None:
        stream = stream_of(entry.key)
        if stream is None:
            return
        if entry.value is None:
            self._book.gone(stream, entry.revision)
        else:
            self._holding.know(stream, entry.value, entry.revision)

    def _heard_member(self, entry: Entry) -> None:
        member = None if entry.value is None else Member.decode(entry.value)
        self._book.member(entry.key, member, self.clock.mono_ns())

    async def _renew(self) -> None:
        started_ns = self.clock.mono_ns()
        while True:
            try:
                await self._be_member()
                self._arrived()
                await self._holding.renew_all()
            except VmsError as error:
                if not self._away:
                    log.warning("the lease service is away", why=error.message, held=len(self._holding.held))
                    self._away = True
                    self._changed()
                elif self._new and self.clock.mono_ns() - started_ns > self._options.own_s * NS_PER_S:
                    await self._go_on()
            await self._holding.write_grants()
            self._news.set()
            await self.clock.sleep(self._options.look_s if self._away else self._options.renew_s)

    def _arrived(self) -> None:
        if self._away:
            log.info("the lease service is there", held=len(self._holding.held))
            calm_s = self._options.calm_s if self._new else self._options.back_calm_s
            self._calm_until_ns = self.clock.mono_ns() + int(calm_s * NS_PER_S)
        self._away = self._new = False

    async def _go_on(self) -> None:
        try:
            await self._holding.go_on(self._streams, lambda: self._away)
            self._new = not self._streams
        except VmsError as error:
            log.warning("neither leases nor the catalogue", why=error.message)

    async def _be_member(self) -> None:
        members = self._buckets.members
        value = Member(self._options.capacity, self._leaving).encode()
        try:
            if self._member_revision is not None:
                self._member_revision = await members.update(self._node, value, self._member_revision)
                return
        except (ConflictError, NotFoundError):
            log.debug("this node was forgotten for a while")
        entry = await members.get(self._node)
        if entry is None or entry.value is None:
            self._member_revision = await members.create(self._node, value)
        else:
            self._member_revision = await members.update(self._node, value, entry.revision)

    # Deciding

    async def _decide(self) -> None:
        taking: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._news.clear()
                await self._keep()
                for stream in self._todo().take - self._taking:
                    self._taking.add(stream)
                    task = asyncio.create_task(self._try(stream), name=f"lease {stream}")
                    taking.add(task)
                    task.add_done_callback(taking.discard)
                if self._allotment() != self._told:
                    self.on_change()
                await self._wait()
        finally:
            for task in taking:
                task.cancel()
            await asyncio.gather(*taking, return_exceptions=True)

    async def _wait(self) -> None:
        sleeper = asyncio.ensure_future(self.clock.sleep(self._options.look_s))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({sleeper, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeper, news):
                task.cancel()
            await asyncio.gather(sleeper, news, return_exceptions=True)

    async def _keep(self) -> None:
        """Say what began to be live; give back what is no longer there to be ingested."""
        if self._away:
            return
        held = self._holding.held
        for stream, one in list(held.items()):
            known = self._book.known(stream)
            if one.live and known is not None and known.value.node == self._node and not known.value.live:
                try:
                    await self._holding.renew(stream)
                except VmsError:
                    return  # the next renewal says it
        if self._streams and (gone := held.keys() - self._streams):
            await self._holding.give_back(gone)

    def _todo(self) -> Todo:
        now_ns = self.clock.mono_ns()
        if self._away or self._leaving or len(self._read) < 2 or now_ns < self._calm_until_ns:
            return _NOTHING
        todo = self._book.todo(self._streams, self._holding.held.keys(), self._options.capacity, now_ns)
        refused = {stream for stream, (until_ns, _) in self._refused.items() if until_ns > now_ns}
        return replace(todo, coming=todo.coming - refused)

    def _allotment(self) -> Allotment:
        return Allotment(frozenset(self._holding.held) & self._streams, self._todo().coming)

    def _changed(self) -> None:
        self._news.set()
        self.on_change()

    async def _try(self, stream: StreamRef) -> None:
        try:
            await self._holding.take(stream, None, lambda: stream in self._todo().take)
        except VmsError as error:
            log.debug("lease not taken", stream=str(stream), why=error.message)
            await self.clock.sleep(self._options.look_s)
        finally:
            self._taking.discard(stream)
