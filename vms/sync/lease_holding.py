"""What a Node holds: takes Leases, renews them, loses them, all by compare-and-set. Event loop.

When is decided in vms.sync.site_leases; what is known is in vms.sync.lease_book.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamRef
from vms.domain.grant import LeaseGrant
from vms.errors import ConflictError, NotFoundError, VmsError
from vms.sync.lease_book import LeaseBook, LeaseValue
from vms.sync.lease_keys import Bucket, Epochs, GrantRows, key_of

log = logs.get(__name__)

_TRIES = 5
_AT_ONCE = 16
_TAIL_NS = 2 * NS_PER_S  # what a Node recorded last before it died may not have reached its disk


@dataclass(slots=True)
class Held:
    """`revision`: of our key, None where it must be looked up; `live`: whether the Stream gives anything."""

    grant: LeaseGrant
    revision: int | None
    live: bool = False


class Holding:
    """The Leases of Node `node`. `changed` is called when there are others."""

    def __init__(
        self, clock: Clock, node: str, *, book: LeaseBook, bucket: Bucket, epochs: Epochs, grants: GrantRows
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.held: dict[StreamRef, Held] = {}
        self.vacant: dict[StreamRef, int] = {}
        self._clock, self._node, self._book = clock, node, book
        self._bucket, self._epochs, self._grants = bucket, epochs, grants
        self._unwritten: dict[tuple[StreamRef, int], LeaseGrant] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def know(self, stream: StreamRef, data: bytes, revision: int) -> LeaseValue:
        """What stands in the service now, or stood there; who has our Stream since, is seen here."""
        value = LeaseValue.decode(data)
        fresh = self._book.heard(stream, value, revision, self._clock.mono_ns())
        held = self.held.get(stream)
        if fresh and held is not None and value.node != self._node and value.epoch > held.grant.epoch:
            log.info("lease lost", stream=str(stream), node=value.node, epoch=value.epoch)
            self._drop(stream)
        return value

    async def take(self, stream: StreamRef, from_ns: int | None, may: Callable[[], bool]) -> LeaseGrant:
        """Take a Stream that is free, or whose holder is to give it up. `may`: whether that is still so. ConflictError:
        somebody else was first."""
        epoch = await self._epochs.next(stream)
        vacant_ns = self._since(stream, from_ns)
        for _ in range(_TRIES):
            granted_ns = self._clock.now_ns() if from_ns is None else from_ns
            held = Held(LeaseGrant(stream, epoch, self._node, granted_ns), None, live=from_ns is not None)
            if not may():
                break
            if await self._write(stream, held):
                self.held[stream] = held
                self.vacant.pop(stream, None)
                if vacant_ns is not None:
                    self.vacant[stream] = vacant_ns
                log.info("lease", stream=str(stream), epoch=epoch)
                self._unwritten[stream, epoch] = held.grant
                self.changed()
                await self.write_grants()
                return held.grant
        raise ConflictError(f"{stream} was taken by somebody else")

    async def renew_all(self) -> None:
        """BusError where the service does not answer."""
        await self._each(list(self.held), self.renew)

    async def renew(self, stream: StreamRef) -> None:
        """One that is held."""
        held = self.held.get(stream)
        if held is None:
            return
        if held.revision is None:
            await self._confirm(stream, held)
            return
        value = self._value(held)
        try:
            held.revision = await self._bucket.update(key_of(stream), value.encode(), held.revision)
        except (ConflictError, NotFoundError):
            await self._confirm(stream, held)
            return
        self._book.heard(stream, value, held.revision, self._clock.mono_ns())

    async def give_back(self, streams: Iterable[StreamRef]) -> None:
        """Others may take them at once; where the service does not answer, later."""

        async def give(stream: StreamRef) -> None:
            held = self.held.pop(stream, None)
            if held is not None and held.revision is not None:
                await self._bucket.delete(key_of(stream), held.revision)

        try:
            await self._each(streams, give)
        except VmsError as error:
            log.debug("leases expire by themselves", why=error.message)
        self.changed()

    async def go_on(self, streams: Iterable[StreamRef], may: Callable[[], bool]) -> None:
        """Hold what this Node held when it last ran, by the catalogue's grants, without asking the service. Where
        another Node has it meanwhile, both record until the service says so. CatalogueError."""
        for stream in streams:
            grant = await self._grants.latest(stream)
            if not may():
                return
            if grant is not None and grant.node == self._node and stream not in self.held:
                self.held[stream] = Held(grant, None)
        self.changed()

    async def write_grants(self) -> None:
        """Rows of what was granted; kept until the catalogue takes them."""
        for key, grant in list(self._unwritten.items()):
            try:
                await self._grants.put(grant)
            except VmsError as error:
                log.warning("a grant waits for the catalogue", stream=str(grant.stream), why=error.message)
                return
            self._unwritten.pop(key, None)

    async def _write(self, stream: StreamRef, held: Held) -> bool:
        """The compare-and-set; False where the key was not as we knew it, and now we know it anew."""
        key, value, now_ns = key_of(stream), self._value(held), self._clock.mono_ns()
        known = self._book.known(stream)
        try:
            if known is None or self._book.holder(stream, now_ns) is None:
                held.revision = await self._bucket.create(key, value.encode())
            else:
                held.revision = await self._bucket.update(key, value.encode(), known.revision)
        except (ConflictError, NotFoundError):
            entry = await self._bucket.get(key)
            if entry is None or entry.value is None:
                self._book.expired(stream)
            else:
                self.know(stream, entry.value, entry.revision)
            return False
        self._book.heard(stream, value, held.revision, now_ns)
        return True

    async def _confirm(self, stream: StreamRef, held: Held) -> None:
        """Our key is not as we left it: it expired while the service was away, or somebody has the Stream."""
        key = key_of(stream)
        entry = await self._bucket.get(key)
        try:
            if entry is not None and entry.value is not None:
                value = self.know(stream, entry.value, entry.revision)
                if value.node == self._node and stream in self.held:
                    held.revision = await self._bucket.update(key, self._value(held).encode(), entry.revision)
            elif await self._epochs.last(stream) > held.grant.epoch:
                log.info("lease lost to a node that is gone", stream=str(stream))
                self._drop(stream)
            else:  # nobody had it meanwhile: it is the same grant
                held.revision = await self._bucket.create(key, self._value(held).encode())
        except (ConflictError, NotFoundError):
            held.revision = None  # and again

    def _drop(self, stream: StreamRef) -> None:
        self.held.pop(stream, None)
        self.vacant.pop(stream, None)
        self.changed()

    def _since(self, stream: StreamRef, from_ns: int | None) -> int | None:
        """Since when nobody recorded a Stream that is to be taken; None where somebody does, or nobody ever held it."""
        former, now_ns = self._book.last(stream), self._clock.mono_ns()
        if former is None:
            return None
        expired = self._book.known(stream) is not None and self._book.holder(stream, now_ns) is None
        if former.node == self._node or expired or self._book.is_silent(former.node, now_ns):
            return former.alive_ns - _TAIL_NS
        # Given back, or moved while it gave nothing: until now its holder says what was missing.
        return self._clock.now_ns() if from_ns is None else None

    def _value(self, held: Held) -> LeaseValue:
        grant = held.grant
        return LeaseValue(self._node, grant.epoch, grant.granted_ns, self._clock.now_ns(), held.live)

    async def _each(self, streams: Iterable[StreamRef], work: Callable[[StreamRef], Awaitable[None]]) -> None:
        """Some at once; after the first error no more are begun, and it is raised."""
        errors: list[VmsError] = []

        async def one(stream: StreamRef) -> None:
            async with self._slots:
                if not errors:
                    try:
                        await work(stream)
                    except VmsError as error:
                        errors.append(error)

        await asyncio.gather(*(one(stream) for stream in streams))
        if errors:
            raise errors[0]
