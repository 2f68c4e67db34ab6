"""Makes grids of footage that was recorded while nobody looked at it (`analysis.fill.<node>`), a piece at a time.

Event loop; footage is read once, key frames only, of `sub` where that is recorded. Decoding is on an executor of its
own, `fill`, one thread, behind everything else. Whoever asks for the same again gets the same again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path

from recorder.analysis.change import change_grid, changed_pixels
from recorder.analysis.features import Features, features
from recorder.analysis.grids import Grid, Grids
from recorder.analysis.picture import luma
from recorder.analysis.priority import modest
from recorder.analysis.regions import regions
from recorder.key_frames import KeyFrame, KeyFrames, stream_with_footage
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.interval import Interval
from vms.errors import CameraCorruptError, InputError, NotFoundError, ObjectError
from vms.service import Service
from vms.store import Catalogue

PIECE_NS = 600 * NS_PER_S
_BEFORE_NS = 12 * NS_PER_S
_AT_ONCE = 300


class GridFill(Service):
    """Service `grids`. `folder`: of the grids; `every_s`: key frames that come sooner are left out, as of live ones."""

    name = "grids"

    def __init__(
        self,
        clock: Clock,
        *,
        node: str,
        folder: Path,
        catalogue: Catalogue,
        bus: Bus,
        key_frames: KeyFrames,
        every_s: float = 1.9,
    ) -> None:
        super().__init__(clock)
        self._subject = f"analysis.fill.{node}"
        self._grids, self._catalogue, self._bus, self._key_frames = Grids(folder), catalogue, bus, key_frames
        self._every_ns = int(every_s * NS_PER_S)

    async def run_once(self) -> None:
        """Answer until stopped."""
        with ExitStack() as stack:
            pool = ThreadPoolExecutor(1, thread_name_prefix="fill", initializer=modest)
            stack.callback(partial(pool.shutdown, wait=False, cancel_futures=True))
            stack.callback(self._bus.serve(self._subject, partial(self._fill, pool)).close)
            self.ready()
            await self.stopping.wait()

    async def close(self) -> None:
        """Let readers of footage go."""
        await self._key_frames.playback.close()

    async def _fill(self, pool: ThreadPoolExecutor, value: Value) -> Value:
        """`grids`: how many were made. ObjectError, BusError: the footage is out of reach."""
        camera_id, interval = _asked(value)
        camera = await self._catalogue.cameras.get(camera_id)
        if camera is None:
            raise NotFoundError("there is no such camera")
        names = (name for name in (StreamName.SUB, StreamName.MAIN) if camera.stream(name) is not None)
        stream = await stream_with_footage(
            self._key_frames.playback, [StreamRef(camera.id, name) for name in names], interval
        )
        made = 0 if stream is None else await self._look(pool, camera, stream, interval)
        return {"grids": made}

    async def _look(self, pool: ThreadPoolExecutor, camera: Camera, stream: StreamRef, interval: Interval) -> int:
        loop = asyncio.get_running_loop()
        wide = Interval(max(0, interval.start_ns - _BEFORE_NS), interval.end_ns)
        sight, made, waiting = _Sight(camera), 0, list[Grid]()
        async with aclosing(self._key_frames.read(stream, wide, self._every_ns)) as key_frames:
            async for key_frame in key_frames:
                grid = await loop.run_in_executor(pool, sight.look, key_frame)
                if grid is not None and key_frame.at_ns >= interval.start_ns:
                    waiting.append(grid)
                if len(waiting) >= _AT_ONCE:
                    made += await self._write(pool, camera.id, waiting)
                    waiting = []
        return made + await self._write(pool, camera.id, waiting)

    async def _write(self, pool: ThreadPoolExecutor, camera: str, grids: Sequence[Grid]) -> int:
        if grids:
            try:
                await asyncio.get_running_loop().run_in_executor(pool, self._grids.append, camera, grids)
            except OSError as error:
                raise ObjectError(f"the disk of the change grids: {error.strerror}", reason="grids_disk") from error
        return len(grids)


class _Sight:
    """Key frame after key frame; what cannot be decoded changes nothing."""

    def __init__(self, camera: Camera) -> None:
        self._open = regions((), camera.masks).open
        self._before: Features | None = None

    def look(self, key_frame: KeyFrame) -> Grid | None:
        try:
            picture = features(*luma(key_frame.codec, key_frame.payload), self._open)
        except CameraCorruptError:
            return None
        before, self._before = self._before, picture
        if before is None:
            return None
        at_ns = key_frame.wall_ns // NS_PER_MS * NS_PER_MS
        return at_ns, change_grid(changed_pixels(before, picture))


def _asked(value: Value) -> tuple[str, Interval]:
    camera, from_ns, to_ns = value.get("camera"), value.get("from_ns"), value.get("to_ns")
    if not isinstance(camera, str) or not isinstance(from_ns, int) or not isinstance(to_ns, int):
        raise InputError("grids need camera, from_ns and to_ns")
    if not 0 <= from_ns < to_ns <= from_ns + PIECE_NS:
        raise InputError("grids of ten minutes at a time", field="to_ns")
    return camera, Interval(from_ns, to_ns)
