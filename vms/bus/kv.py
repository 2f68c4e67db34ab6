"""Key-value buckets of JetStream, in the domain of the server one is connected to. Reached through `NatsLink.kv`.

What is read may be old, so a key is owned by `create` and by `update` with the revision it is known at: the server
lets one win, the other gets ConflictError. After a BusTimeoutError nobody knows whether it was written: read, or try
again with the old revision. That a key's time is up is told to no watcher. Writes into another domain's bucket do not
work with nats-py 2.16 (its issue 1010) and are not offered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue as Bucket

from vms.bus.client import translated
from vms.errors import BusError, VmsError

_FAILURES = (nats.errors.Error, TimeoutError, OSError)
_LOOK_S = 1.0  # how often a watcher asks itself whether its connection is still the present one
_LIST_S = 5.0


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key's value and the revision to name in `update`."""

    key: str
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that was written, or deleted (`value` None)."""

    key: str
    value: bytes | None
    revision: int


class KeyValue:
    """One bucket; made at first use, again where it is gone, and changed to what is asked where it differs."""

    def __init__(
        self,
        jetstream: Callable[[], JetStreamContext],
        wait_connected: Callable[[], Awaitable[bool]],
        bucket: str,
        ttl_s: float | None,
    ) -> None:
        self._jetstream, self._wait_connected = jetstream, wait_connected
        self._name, self._ttl_s = bucket, ttl_s
        self._js: JetStreamContext | None = None
        self._bound: Bucket | None = None

    async def get(self, key: str) -> KeyEntry | None:
        """The value, maybe an old one; None where the key is not there."""
        try:
            found = await (await self._bucket()).get(key)
        except nats.js.errors.KeyNotFoundError:
            return None
        except _FAILURES as error:
            raise self._failed(error, key) from error
        return KeyEntry(key, found.value or b"", found.revision or 0)

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that is not there; its revision. ConflictError where it is."""
        try:
            return await (await self._bucket()).create(key, value)
        except _FAILURES as error:
            raise self._failed(error, key) from error

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key whose newest revision is the one given; the new one. ConflictError where it is another."""
        try:
            return await (await self._bucket()).update(key, value, last=revision)
        except _FAILURES as error:
            raise self._failed(error, key) from error

    async def put(self, key: str, value: bytes) -> int:
        """Write a key whatever it holds; its revision. For a key that has one writer."""
        try:
            return await (await self._bucket()).put(key, value)
        except _FAILURES as error:
            raise self._failed(error, key) from error

    async def delete(self, key: str, revision: int | None = None) -> None:
        """Delete a key; with a revision only where that is its newest, else ConflictError."""
        try:
            await (await self._bucket()).delete(key, last=revision)
        except _FAILURES as error:
            raise self._failed(error, key) from error

    async def entries(self, keys: str = ">") -> list[KeyEntry]:
        """All that is in the bucket now, or what falls under a pattern (`a.*`, `a.>`)."""
        found = {}
        try:
            bound = await self._bucket()
            async with asyncio.timeout(_LIST_S):
                watcher = await bound.watch(keys, ignore_deletes=True)
                try:
                    while (entry := await watcher.updates(timeout=_LIST_S)) is not None:
                        found[entry.key] = KeyEntry(entry.key, entry.value or b"", entry.revision or 0)
                finally:
                    await watcher.stop()
        except _FAILURES as error:
            raise self._failed(error, keys) from error
        return list(found.values())

    async def watch(self, keys: str = ">") -> AsyncIterator[KeyChange | None]:
        """First what there is, then None, then each change, until the iterator is closed. After a break of the
        connection all of it again: what there is, None, changes. It does not tell what a TTL took away."""
        while True:
            await self._wait_connected()
            try:
                bound = await self._bucket()
                js = self._js
                watcher = await bound.watch(keys)
            except (*_FAILURES, BusError):
                self._bound = None
                await asyncio.sleep(_LOOK_S)
                continue
            try:
                while self._present() is js:
                    try:
                        entry = await watcher.updates(timeout=_LOOK_S)
                    except TimeoutError:
                        continue
                    yield None if entry is None else _change(entry)
            finally:
                with suppress(*_FAILURES):
                    await watcher.stop()

    def _present(self) -> JetStreamContext | None:
        try:
            return self._jetstream()
        except BusError:
            return None

    async def _bucket(self) -> Bucket:
        """The bucket on this connection. BusTimeoutError without one, and the errors of nats-py."""
        js = self._jetstream()
        if self._bound is not None and self._js is js:
            return self._bound
        ttl_s = self._ttl_s or 0.0
        try:
            bound = await js.key_value(self._name)
        except nats.js.errors.BucketNotFoundError:
            # Not `direct`: a read that any replica may answer would be older still.
            config = api.KeyValueConfig(bucket=self._name, ttl=ttl_s, storage=api.StorageType.FILE, direct=False)
            bound = await js.create_key_value(config)
        else:
            status = await bound.status()
            if (status.ttl or 0.0) != ttl_s:
                window_s = min(120.0, ttl_s or 120.0)
                await js.update_stream(status.stream_info.config, max_age=ttl_s, duplicate_window=window_s)
        self._bound, self._js = bound, js
        return bound

    def _failed(self, error: BaseException, key: str) -> VmsError:
        known = translated(error, f"{self._name} {key}")
        if isinstance(known, BusError):
            self._bound = None  # the bucket may be gone, and is made again by the next call
        return known


def _change(entry: Bucket.Entry) -> KeyChange:
    deleted = entry.operation in {"DEL", "PURGE"}
    return KeyChange(entry.key, None if deleted else entry.value or b"", entry.revision or 0)
