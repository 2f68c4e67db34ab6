"""Pictures of past instants (`stills.picture`): the key frame of then, decoded, kept for a while.

Event loop; decoding on an executor of its own, `stills`, two threads. Served where people ask for pictures: each web
node answers itself. Footage that lies at a Site comes from there, of its smaller stream where that is recorded.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from recorder.key_frames import KeyFrames
from recorder.still import MAX_WIDTH, MIN_WIDTH, still
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.errors import InputError, NotFoundError
from vms.service import Service
from vms.store import Catalogue

SUBJECT = "stills.picture"
AROUND_NS = 12 * NS_PER_S
"""Cameras send a key frame every ten seconds at the longest that is usual."""
_SMALL_WIDTH = 720
_KEPT_BYTES = 24 << 20

_Key = tuple[StreamRef, int, int]


class Stills(Service):
    """Service `stills`."""

    name = "stills"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        key_frames: KeyFrames,
        close: Callable[[], Any] | None = None,
    ) -> None:
        """`close`: awaited at the end, where given."""
        super().__init__(clock)
        self._catalogue, self._bus, self._key_frames, self._closing = catalogue, bus, key_frames, close
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="stills")
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._kept_bytes = 0

    async def run_once(self) -> None:
        """Answer until stopped."""
        serving = self._bus.serve(SUBJECT, self._picture)
        try:
            self.ready()
            await self.stopping.wait()
        finally:
            serving.close()

    async def close(self) -> None:
        """Let threads and readers go."""
        if self._closing is not None:
            await self._closing()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _picture(self, value: Value) -> Value:
        """`camera`, `at_ns`, `width` -> `jpeg`, `at_ns` of what it shows, and of which `stream` it is. NotFoundError:
        nothing is recorded then. CameraCorruptError."""
        camera, at_ns, width = value.get("camera"), value.get("at_ns"), value.get("width")
        if not isinstance(camera, str) or not isinstance(at_ns, int) or not isinstance(width, int):
            raise InputError("a picture needs camera, at_ns and width")
        known = await self._catalogue.cameras.get(camera)
        if known is None:
            raise NotFoundError("there is no such camera")
        order = [StreamName.SUB, StreamName.MAIN] if width <= _SMALL_WIDTH else [StreamName.MAIN, StreamName.SUB]
        width = max(MIN_WIDTH, min(width, MAX_WIDTH))
        for stream in (StreamRef(camera, name) for name in order if known.stream(name) is not None):
            found = await self._key_frames.at(stream, at_ns, AROUND_NS)
            if found is None:
                continue
            key = stream, found.at_ns, width
            jpeg = self._kept.get(key)
            if jpeg is None:
                jpeg = await asyncio.get_running_loop().run_in_executor(self._pool, partial(still, found, width))
                self._keep(key, jpeg)
            self._kept.move_to_end(key)
            return {"jpeg": jpeg, "at_ns": found.at_ns, "stream": stream.name.value}
        raise NotFoundError("nothing is recorded at this moment", reason="not_recorded")

    def _keep(self, key: _Key, jpeg: bytes) -> None:
        if key not in self._kept:
            self._kept[key] = jpeg
            self._kept_bytes += len(jpeg)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
