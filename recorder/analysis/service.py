"""The Service that looks at key frames. Event loop, with an executor of its own, `analysis`, one thread.

Takes key frames alone from the hub, of `sub` (of `main` where there is no other and areas are drawn), and holds at most
one of each Camera: when the thread is behind, the newer replaces the older and that is counted. Footage never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from recorder.analysis.grids import Grid, Grids
from recorder.analysis.health import UNSEEN, Verdict
from recorder.analysis.motion import Motions
from recorder.analysis.priority import modest
from recorder.analysis.searches import MotionSearches
from recorder.analysis.sight import Seen, Sight
from recorder.analysis.sprites import Sprites, is_recorded
from vms import logs, metrics
from vms.bus.base import Bus, Events, Value
from vms.bus.hub import Hub, HubSubscription
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.media import Codec, HubItem, Packet, RunStarted
from vms.domain.sprite import EVERY_NS
from vms.errors import CameraCorruptError, InputError, VmsError
from vms.service import Service
from vms.store import Catalogue

log = logs.get(__name__)

_DAY_NS = 86_400 * NS_PER_S
_MAX_SPAN_NS = 3600 * NS_PER_S
_TURN_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """`folder`: of the change grids; `every_s`: key frames that come sooner are left out; `write_s`: how long grids
    are gathered; `days`: how long they are kept where a Camera does not say otherwise."""

    node: str
    folder: Path
    every_s: float = 1.9
    write_s: float = 60.0
    sweep_s: float = 3600.0
    days: int = 30


@dataclass(slots=True)
class Looked:
    """What is known of one Camera. `mono_ns`: when it was looked at last; `turning_ns`: until when somebody turns it, 0
    once its new view was looked at; `small_ns`: its last thumbnail."""

    camera: Camera
    stream: StreamRef
    sight: Sight
    motions: Motions = field(default_factory=Motions)
    verdict: Verdict = UNSEEN
    grids: list[Grid] = field(default_factory=list)
    taken_ns: int = 0
    mono_ns: int = 0
    turning_ns: int = 0
    small_ns: int = 0


class Analysis(Service):
    """Service `analysis`."""

    name = "analysis"

    def __init__(
        self,
        clock: Clock,
        *,
        hub: Hub,
        bus: Bus,
        catalogue: Catalogue,
        options: AnalysisOptions,
        sprites: Sprites | None = None,
    ) -> None:
        """`sprites`: keeps thumbnails; None: none are made."""
        super().__init__(clock)
        self._sprites = sprites
        self._hub, self._bus, self._catalogue, self._options = hub, bus, catalogue, options
        self._grids = Grids(options.folder)
        self._looked: dict[str, Looked] = {}
        self._codecs: dict[StreamRef, Codec] = {}
        self._waiting: dict[StreamRef, Packet] = {}
        self._some = asyncio.Event()
        self._throttle = logs.Throttle(60 * NS_PER_S)
        self._searches = MotionSearches(options.node, self._grids, catalogue, self._fresh)

    def cameras(self) -> list[Looked]:
        """Those that are looked at."""
        return list(self._looked.values())

    async def run_once(self) -> None:
        """Until stopped; what was gathered of grids is written at the end."""
        async with AsyncExitStack() as stack:
            pool = ThreadPoolExecutor(1, thread_name_prefix="analysis", initializer=modest)
            stack.callback(partial(pool.shutdown, wait=False))
            subscription = self._hub.subscribe("analysis", keys_only=True)
            stack.callback(subscription.close)
            changes = self._bus.subscribe("cameras.changed")
            stack.callback(changes.close)
            turns = self._bus.subscribe("ptz.turning")
            stack.callback(turns.close)
            stack.callback(
                self._bus.serve(f"analysis.changes.{self._options.node}", partial(self._changes, pool)).close
            )
            self._searches.serve(self._bus, stack.enter_context(ExitStack()))
            await self._learn()
            self.ready()
            await self._work(subscription, changes, turns, pool)

    async def _work(
        self, subscription: HubSubscription, changes: Events, turns: Events, pool: ThreadPoolExecutor
    ) -> None:
        duties = [
            self._take(subscription),
            self._look_on(pool),
            self._follow(changes),
            self._heed(turns),
            self._keep(pool),
            self._expire_on(pool),
            self.stopping.wait(),
        ]
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(2.0):
                    await self._write(pool)
                    if self._sprites is not None:
                        await self._sprites.rest()
        for task in done:
            task.result()

    # Which Cameras

    async def _follow(self, changes: Events) -> None:
        while True:
            await changes.get()
            await self.clock.sleep(0.2)  # several at once are one
            await self._learn()

    async def _learn(self) -> None:
        """The Cameras as they are registered. CatalogueError."""
        cameras = {camera.id: camera for camera in await self._catalogue.cameras.list()}
        for ident in [ident for ident in self._looked if not is_watched(cameras.get(ident))]:
            del self._looked[ident]
        for camera in cameras.values():
            if not is_watched(camera):
                continue
            name = StreamName.SUB if camera.stream(StreamName.SUB) is not None else StreamName.MAIN
            looked, stream = self._looked.get(camera.id), StreamRef(camera.id, name)
            if looked is None or looked.stream != stream:
                self._looked[camera.id] = Looked(camera, stream, Sight(camera))
                continue
            if (looked.camera.areas, looked.camera.masks) != (camera.areas, camera.masks):
                looked.sight.set(camera)
            looked.camera = camera

    async def _heed(self, turns: Events) -> None:
        """Cameras that somebody turns (`ptz.turning`: `camera`, `for_s`) are not looked at meanwhile."""
        while True:
            _, value = await turns.get()
            looked, for_s = self._looked.get(str(value.get("camera"))), value.get("for_s")
            if looked is not None and isinstance(for_s, int | float) and 0 < for_s <= _TURN_MAX_S:
                looked.turning_ns = max(looked.turning_ns, self.clock.mono_ns() + int(for_s * NS_PER_S))

    # Key frames

    async def _take(self, subscription: HubSubscription) -> None:
        while True:
            for item in await subscription.get():
                self._put(item)
            await self.clock.sleep(0.05)

    def _put(self, item: HubItem) -> None:
        if isinstance(item, RunStarted):
            self._codecs[item.stream] = item.run.info.video.codec
        if not isinstance(item, Packet):
            return
        looked = self._looked.get(item.stream.camera)
        if looked is None or looked.stream != item.stream:
            return
        if 0 <= item.wall_ns - looked.taken_ns < self._options.every_s * NS_PER_S:
            return
        looked.taken_ns = item.wall_ns
        if item.stream in self._waiting:
            metrics.ANALYSED.labels("shed").inc()
        self._waiting[item.stream] = item
        self._some.set()

    async def _look_on(self, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                self._some.clear()
                await self._some.wait()
            stream = next(iter(self._waiting))
            packet, looked = self._waiting.pop(stream), self._looked.get(stream.camera)
            codec = self._codecs.get(stream)
            if looked is None or codec is None:
                continue
            if looked.turning_ns and self.clock.mono_ns() < looked.turning_ns:
                metrics.ANALYSED.labels("turning").inc()
                continue
            if looked.turning_ns:
                looked.turning_ns = 0
                looked.sight.turned()
            small = self._wants_thumbnail(looked, packet.wall_ns)
            look: Callable[[], Seen] = partial(looked.sight.look, codec, packet.payload, packet.wall_ns, small=small)
            try:
                self._saw(looked, await loop.run_in_executor(pool, look))
            except CameraCorruptError:
                metrics.ANALYSED.labels("undecodable").inc()
            except Exception:  # whatever a picture does, the next camera's is looked at
                metrics.ANALYSED.labels("failed").inc()
                silent = self._throttle.admit(self.clock.mono_ns())
                if silent is not None:
                    log.exception("a picture cannot be looked at", stream=str(stream), silent=silent)

    def _wants_thumbnail(self, looked: Looked, at_ns: int) -> bool:
        if self._sprites is None or 0 <= at_ns - looked.small_ns < EVERY_NS or not is_recorded(looked.camera):
            return False
        looked.small_ns = at_ns
        return True

    def _saw(self, looked: Looked, seen: Seen) -> None:
        metrics.ANALYSED.labels("looked").inc()
        if self._sprites is not None and seen.thumbnail is not None:
            self._sprites.add(looked.camera.id, seen.at_ns, seen.thumbnail)
        looked.mono_ns, looked.verdict = self.clock.mono_ns(), seen.verdict
        areas = {area.id: area for area in looked.camera.areas}
        looked.motions.see(areas, seen.scores, seen.at_ns, looked.mono_ns)
        if seen.grid is not None:
            looked.grids.append((seen.at_ns // NS_PER_MS * NS_PER_MS, seen.grid))

    # Change grids

    async def _keep(self, pool: ThreadPoolExecutor) -> None:
        while True:
            await self.clock.sleep(self._options.write_s)
            try:
                await self._write(pool)
            except OSError as error:
                log.warning("change grids are not kept", why=logs.redact(f"{type(error).__name__}: {error}"))
            if self._sprites is not None:
                await self._sprites.keep()

    async def _write(self, pool: ThreadPoolExecutor) -> None:
        """What was gathered; what the disk does not take is lost, of every Camera: it is search's, not footage."""
        loop = asyncio.get_running_loop()
        failed: OSError | None = None
        for looked in self.cameras():
            grids, looked.grids = looked.grids, []
            if grids:
                try:
                    await loop.run_in_executor(pool, self._grids.append, looked.camera.id, grids)
                except OSError as error:
                    failed = error
        if failed is not None:
            raise failed

    def _fresh(self, camera: str) -> list[Grid]:
        looked = self._looked.get(camera)
        return [] if looked is None else looked.grids

    async def _changes(self, pool: ThreadPoolExecutor, value: Value) -> Value:
        """Grids of a Camera of at most an hour: `at_ns` of each, and all their bytes one after the other."""
        camera, from_ns, to_ns = value.get("camera"), value.get("from_ns"), value.get("to_ns")
        if not isinstance(camera, str) or not isinstance(from_ns, int) or not isinstance(to_ns, int):
            raise InputError("grids need camera, from_ns and to_ns")
        if not 0 <= from_ns < to_ns <= from_ns + _MAX_SPAN_NS:
            raise InputError("grids of an hour at most", field="to_ns")
        fresh = [grid for grid in self._fresh(camera) if from_ns <= grid[0] < to_ns]
        kept = await asyncio.get_running_loop().run_in_executor(
            pool, lambda: list(self._grids.read(camera, from_ns, to_ns))
        )
        grids = dict([*kept, *fresh])  # one that was written meanwhile is there twice
        return {"at_ns": list(grids), "grids": b"".join(grids.values())}

    async def _expire_on(self, pool: ThreadPoolExecutor) -> None:
        """As old as footage may be."""
        loop = asyncio.get_running_loop()
        while True:
            await self.clock.sleep(self._options.sweep_s)
            try:
                known = {camera.id: camera.retention_days for camera in await self._catalogue.cameras.list()}
                for camera in await loop.run_in_executor(pool, self._grids.cameras):
                    days = known.get(camera) or self._options.days
                    before_ns = self.clock.now_ns() - days * _DAY_NS
                    await loop.run_in_executor(pool, self._grids.expire, camera, before_ns)
            except (VmsError, OSError) as error:
                log.warning("old change grids stay", why=logs.redact(f"{type(error).__name__}: {error}"))


def is_watched(camera: Camera | None) -> bool:
    """Decoding a picture of `main` costs more than recording it: without `sub` only where somebody drew areas."""
    if camera is None or not camera.enabled or not camera.analysis:
        return False
    return camera.stream(StreamName.SUB) is not None or bool(camera.areas)
