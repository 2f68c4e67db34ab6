"""The Service by which a Site's nodes read from the Site's own Stores for those who cannot reach them. Event loop;
reads run on an executor of its own.

Any node of the Site answers `recorder.stored.<store>`, so that footage can be had while the one that recorded it is
gone: {key, offset, length} gives {data}, short at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from vms.bus.base import Bus, Value
from vms.clock import Clock
from vms.errors import InputError
from vms.objects.base import ObjectStore
from vms.service import Service

MAX_BYTES = 512 << 10


def stored_subject(store: str) -> str:
    """Whom to ask for what is in a Store."""
    return f"recorder.stored.{store}"


class StoredRanges(Service):
    """Service `stored`. `stores`: the Site's own."""

    name = "stored"

    def __init__(self, clock: Clock, *, bus: Bus, stores: Mapping[str, ObjectStore], threads: int = 2) -> None:
        super().__init__(clock)
        self._bus, self._stores = bus, stores
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="stored")

    async def run_once(self) -> None:
        """Until stopped."""
        served = [self._bus.serve(stored_subject(name), self._read) for name in self._stores]
        self.ready()
        try:
            await self.stopping.wait()
        finally:
            for one in served:
                one.close()

    async def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _read(self, value: Value) -> Value:
        key, offset, length = value.get("key"), value.get("offset"), value.get("length")
        if not isinstance(key, str) or not isinstance(offset, int) or not isinstance(length, int):
            raise InputError("a range needs key, offset and length")
        if not key.startswith(("footage/", "thumbnails/")) or offset < 0 or not 0 <= length <= MAX_BYTES:
            raise InputError(f"a range is of footage and has at most {MAX_BYTES} bytes", field="length")
        store = self._stores[str(value["_subject"]).removeprefix(stored_subject(""))]
        loop = asyncio.get_running_loop()
        return {"data": await loop.run_in_executor(self._pool, store.get, key, offset, length)}
