"""A key-value service in memory, on a clock of the test: compare-and-set, time to live, watches, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from vms.clock import NS_PER_S, Clock
from vms.errors import BusTimeoutError, ConflictError


@dataclass(frozen=True)
class FakeEntry:
    """A key."""

    key: str
    value: bytes | None
    revision: int


class FakeService:
    """What all Nodes see; `revision` counts over all its buckets."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.buckets: dict[str, dict[str, tuple[FakeEntry, int]]] = {}
        self.watchers: list[tuple[str, asyncio.Queue[FakeEntry | None]]] = []
        self.revision = 0
        self.writes = 0


class FakeBucket:
    """A Node's way to a bucket; `link.cut` cuts it off."""

    def __init__(self, service: FakeService, name: str, ttl_s: float | None, link: FakeLink) -> None:
        self._service, self._name, self._link = service, name, link
        self._ttl_ns = None if ttl_s is None else int(ttl_s * NS_PER_S)

    def _keys(self) -> dict[str, tuple[FakeEntry, int]]:
        keys = self._service.buckets.setdefault(self._name, {})
        now_ns = self._service.clock.mono_ns()
        for key in [k for k, (_, at_ns) in keys.items() if self._ttl_ns is not None and now_ns - at_ns >= self._ttl_ns]:
            del keys[key]
        return keys

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self._link.cut:
            raise BusTimeoutError("away")

    async def get(self, key: str) -> FakeEntry | None:
        """What stands there."""
        await self._reach()
        found = self._keys().get(key)
        return None if found is None or found[0].value is None else found[0]

    async def create(self, key: str, value: bytes) -> int:
        """Where nothing is."""
        await self._reach()
        found = self._keys().get(key)
        if found is not None and found[0].value is not None:
            raise ConflictError("there")
        return self._write(key, value)

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Over a revision."""
        await self._reach()
        found = self._keys().get(key)
        if found is None or found[0].revision != revision:
            raise ConflictError("another")
        return self._write(key, value)

    async def delete(self, key: str, revision: int | None = None) -> None:
        """Leave a marker."""
        await self._reach()
        found = self._keys().get(key)
        if revision is not None and (found is None or found[0].revision != revision):
            raise ConflictError("another")
        self._write(key, None)

    def _write(self, key: str, value: bytes | None) -> int:
        service = self._service
        service.revision += 1
        service.writes += 1
        entry = FakeEntry(key, value, service.revision)
        self._keys()[key] = (entry, service.clock.mono_ns())
        for name, queue in service.watchers:
            if name == self._name:
                queue.put_nowait(entry)
        return service.revision

    async def watch(self) -> AsyncIterator[FakeEntry | None]:
        """All, None, then changes; those of a time cut off come when it is over."""
        queue: asyncio.Queue[FakeEntry | None] = asyncio.Queue()
        watcher = (self._name, queue)
        self._service.watchers.append(watcher)
        try:
            for entry, _ in list(self._keys().values()):
                yield entry
            yield None
            while True:
                entry = await queue.get()
                await self._link.up.wait()
                yield entry
        finally:
            self._service.watchers.remove(watcher)


class FakeLink:
    """A Node's connection."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.up.set()

    @property
    def cut(self) -> bool:
        """Whether it is."""
        return not self.up.is_set()
