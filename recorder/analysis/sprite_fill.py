"""Makes sprites of hours that nobody looked at as they were recorded: analysis was off or behind, or footage came late.

Event loop; one hour after the other with a rest in between, the newest first, only of what this node itself recorded.
Footage is read once, a key frame each ten seconds; decoding is on an executor of its own behind everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Protocol

from recorder.analysis.picture import decoded
from recorder.analysis.sprites import Sprites, is_recorded
from recorder.analysis.thumbnail import thumbnail
from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.footage import SegmentState
from vms.domain.interval import Interval
from vms.domain.media import Codec
from vms.domain.sprite import EVERY_NS, HOUR_NS, Picture, hour_of
from vms.errors import CameraCorruptError, VmsError
from vms.store import Catalogue

log = logs.get(__name__)

REST_S = 60.0
_SETTLED_NS = 900 * NS_PER_S
_BACK_NS = 7 * 24 * HOUR_NS
_AGAIN_NS = 6 * HOUR_NS


class StoredKeyFrame(Protocol):
    """A key frame of recorded footage."""

    @property
    def at_ns(self) -> int: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def payload(self) -> bytes: ...


class KeyFrameSource(Protocol):
    """Who reads them (recorder/key_frames.py)."""

    def read(self, stream: StreamRef, interval: Interval, every_ns: int = 0) -> AsyncGenerator[StoredKeyFrame, None]:
        """Those of an interval, at least so far apart. VmsError."""


class SpriteFill:
    """Of one node."""

    def __init__(
        self, clock: Clock, node: str, catalogue: Catalogue, sprites: Sprites, key_frames: KeyFrameSource
    ) -> None:
        self._clock, self._node, self._catalogue = clock, node, catalogue
        self._sprites, self._key_frames = sprites, key_frames
        self._tried: dict[tuple[str, int], int] = {}

    async def run(self, pool: ThreadPoolExecutor) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(REST_S)
            try:
                await self.fill_one(pool)
            except (VmsError, OSError) as error:
                log.warning("no thumbnails of older footage", why=logs.redact(f"{type(error).__name__}: {error}"))

    async def fill_one(self, pool: ThreadPoolExecutor) -> int:
        """Of the newest hour that lacks them; how many pictures were made."""
        found = await self._next()
        if found is None:
            return 0
        camera, stream, start_ns = found
        pictures: list[Picture] = []
        hour = Interval(start_ns, start_ns + HOUR_NS)
        loop = asyncio.get_running_loop()
        async with aclosing(self._key_frames.read(stream, hour, EVERY_NS)) as key_frames:
            async for one in key_frames:
                jpeg = await loop.run_in_executor(pool, partial(_small, one.codec, one.payload))
                if jpeg is not None:
                    pictures.append((one.at_ns, jpeg))
        return len(pictures) if await self._sprites.put(camera, start_ns, pictures) else 0

    async def _next(self) -> tuple[Camera, StreamRef, int] | None:
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        self._tried = {key: at for key, at in self._tried.items() if mono_ns - at < _AGAIN_NS}
        newest_ns = hour_of(now_ns - _SETTLED_NS) - HOUR_NS
        for camera in await self._catalogue.cameras.list():
            if not camera.analysis or not is_recorded(camera):
                continue
            known = {one.start_ns for one in await self._catalogue.sprites.near(camera.id, newest_ns, _BACK_NS)}
            for start_ns in range(newest_ns, max(newest_ns - _BACK_NS, hour_of(camera.registered_ns)) - 1, -HOUR_NS):
                key = camera.id, start_ns
                if start_ns in known or key in self._tried:
                    continue
                self._tried[key] = mono_ns
                stream = await self._recorded_here(camera, Interval(start_ns, start_ns + HOUR_NS))
                if stream is not None:
                    return camera, stream, start_ns
        return None

    async def _recorded_here(self, camera: Camera, hour: Interval) -> StreamRef | None:
        """The smaller Stream of which this node has footage then."""
        for name in (StreamName.SUB, StreamName.MAIN):
            rows = await self._catalogue.segments.in_interval(StreamRef(camera.id, name), hour)
            if any(row.node == self._node and row.state is not SegmentState.OPEN for row in rows):
                return StreamRef(camera.id, name)
        return None


def _small(codec: Codec, payload: bytes) -> bytes | None:
    try:
        return thumbnail(decoded(codec, payload))
    except CameraCorruptError:
        return None
