"""Reads thumbnails: the one of a Camera nearest to an instant, out of stored sprites.

Event loop; Stores are read on an executor. A sprite is read once and kept, the newest used, within a bound: whoever
scrubs stays within an hour or two. Where this node does not know its Store, a node of the Site is asked for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Executor

from recorder.stored import MAX_BYTES, stored_subject
from vms.bus.base import Bus
from vms.domain.sprite import Picture, Sheet, Sprite
from vms.errors import BusError, FootageError, ObjectError
from vms.objects.base import ObjectStore
from vms.store.catalogue import Catalogue

_KEPT_BYTES = 48 << 20
_Key = tuple[str, int, str, int]


class Thumbnails:
    """Of all Cameras in a catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        stores: Mapping[str, ObjectStore],
        bus: Bus,
        executor: Executor,
        timeout_s: float,
    ) -> None:
        self._catalogue, self._stores, self._bus = catalogue, stores, bus
        self._executor, self._timeout_s = executor, timeout_s
        self._kept: OrderedDict[_Key, Sheet] = OrderedDict()
        self._reading: dict[_Key, asyncio.Task[Sheet | None]] = {}

    async def nearest(self, camera: str, at_ns: int, within_ns: int) -> Picture | None:
        """Not further from the instant than that; None: there is none, or where it lies does not answer."""
        found: list[Picture] = []
        for sprite in await self._catalogue.sprites.near(camera, at_ns, within_ns):
            sheet = await self._sheet(sprite)
            picture = None if sheet is None else sheet.nearest(at_ns)
            if picture is not None and abs(picture[0] - at_ns) <= within_ns:
                found.append(picture)
        return min(found, key=lambda one: abs(one[0] - at_ns), default=None)

    async def _sheet(self, sprite: Sprite) -> Sheet | None:
        key = sprite.camera, sprite.start_ns, sprite.node, sprite.rev
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._reading:  # who scrubs asks for one hour many times at once
            self._reading[key] = asyncio.create_task(self._read(key, sprite))
        return await asyncio.shield(self._reading[key])

    async def _read(self, key: _Key, sprite: Sprite) -> Sheet | None:
        try:
            sheet = Sheet(sprite.start_ns, await self._bytes(sprite))
        except (ObjectError, BusError, FootageError):
            return None
        finally:
            del self._reading[key]
        self._kept[key] = sheet
        while len(self._kept) > 1 and sum(one.size_bytes for one in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return sheet

    async def _bytes(self, sprite: Sprite) -> bytes:
        store = self._stores.get(sprite.store)
        if store is not None:
            return await asyncio.get_running_loop().run_in_executor(self._executor, store.get, sprite.key)
        parts: list[bytes] = []
        for offset in range(0, sprite.size_bytes, MAX_BYTES):
            asked = {"key": sprite.key, "offset": offset, "length": min(MAX_BYTES, sprite.size_bytes - offset)}
            answer = await self._bus.request(stored_subject(sprite.store), asked, timeout_s=self._timeout_s)
            parts.append(bytes(answer["data"]))
        return b"".join(parts)
