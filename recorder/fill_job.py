"""The Service that has change grids made of older footage: a Job is cameras x time, done by who records them.

Event loop; nothing is decoded here: the node of a Camera is asked for ten minutes at a time, one piece at once, so that
a Job is slow and nobody notices it. What has grids already is left out. Cancelled or cut off, what was made stays.
Without being asked, it looks for a few minutes each hour at what this node recorded in the last day and nobody saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from recorder.analysis.fill import PIECE_NS
from recorder.analysis.service import is_watched
from recorder.playback import Playback
from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName
from vms.domain.interval import Interval, subtract, union
from vms.domain.job import WHOLE_PPM, Job, JobKind
from vms.domain.motion import MotionWanted
from vms.errors import BusError, NoResponderError, ObjectError, VmsError
from vms.service import Service
from vms.store import Catalogue
from vms.sync.motion import find_motion

log = logs.get(__name__)

LEAST_NS = 60 * NS_PER_S
"""Shorter stretches without grids lie between every two Runs."""
_DAY_NS = 86_400 * NS_PER_S
_PIECE_S = 300.0
_LOOK_S = 5.0
_ROWS_NS = 400 * _DAY_NS
LATE_EVERY_S = 3600.0
_LATE_S = 300.0
_YOUNG_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class FillerParts:
    """What a Job works with."""

    catalogue: Catalogue
    bus: Bus
    playback: Playback


async def without_grids(parts: FillerParts, camera: str, interval: Interval) -> list[Interval]:
    """What of an interval is recorded and has no grids, but for stretches of less than a minute."""
    known = await parts.catalogue.cameras.get(camera)
    if known is None:
        return []
    recorded: list[Interval] = []
    for name in (name for name in StreamName if known.stream(name) is not None):
        recorded += (await parts.playback.coverage(camera, name, interval)).intervals
    found = []
    for whole in union(recorded):
        for at_ns in range(whole.start_ns, whole.end_ns, _DAY_NS):
            day = Interval(at_ns, min(whole.end_ns, at_ns + _DAY_NS))
            answer = await find_motion(parts.bus, parts.catalogue, camera, day, MotionWanted(threshold=1.0))
            found += subtract(day, answer.known)
    return [one for one in union(found) if one.duration_ns >= LEAST_NS]


class Filler(Service):
    """Service `filler`."""

    name = "filler"

    def __init__(self, clock: Clock, *, node: str, parts: FillerParts, close: Callable[[], Any] | None = None) -> None:
        """`close`: awaited at the end, where given."""
        super().__init__(clock)
        self._node, self._parts, self._closing = node, parts, close
        self._jobs = parts.catalogue.jobs
        self._wake = asyncio.Event()
        self._tried: set[tuple[str, int]] = set()

    async def run_once(self) -> None:
        """One Job after the other until stopped."""
        await self._jobs.again(JobKind.FILL, self._node)
        with ExitStack() as stack:
            told = self._parts.bus.subscribe("job.queued")
            stack.callback(told.close)
            self.ready()
            work = self.stopping.wait(), self._listen(told), self._work(), self._look_back_on()
            duties = [asyncio.ensure_future(duty) for duty in work]
            try:
                done, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for duty in duties:
                    duty.cancel()
                await asyncio.gather(*duties, return_exceptions=True)
            for task in done:
                task.result()

    async def close(self) -> None:
        """Let readers go."""
        if self._closing is not None:
            await self._closing()

    async def _listen(self, told: Any) -> None:
        while True:
            await told.get()
            self._wake.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            job = await self._jobs.take(JobKind.FILL, self._node, self.clock.now_ns())
            if job is not None:
                await self._do(job)
                continue
            await self._jobs.forget(JobKind.FILL, self.clock.now_ns() - _ROWS_NS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()

    async def _do(self, job: Job) -> None:
        try:
            made = await self._fill(job)
        except VmsError as error:
            why = logs.redact(f"{error.message}. {error.hint}".strip())
            await self._jobs.failed(job.id, why, error.reason, self.clock.now_ns())
        else:
            if made is not None:
                now_ns = self.clock.now_ns()
                await self._jobs.done(job.id, {"grids": made}, now_ns, now_ns)
        self._parts.bus.publish("job.changed", {"job": job.id})

    async def _fill(self, job: Job) -> int | None:
        """How many grids were made; None once nobody wants them any more."""
        interval = Interval(int(job.asked["from_ns"]), int(job.asked["to_ns"]))
        pieces = [
            (camera, piece)
            for camera in job.asked["cameras"]
            for whole in await without_grids(self._parts, camera, interval)
            for piece in _pieces(whole)
        ]
        made = 0
        for number, (camera, piece) in enumerate(pieces):
            if not await self._jobs.progress(job.id, number * WHOLE_PPM // len(pieces)):
                return None
            made += await self._piece(camera, piece)
        return made

    async def _look_back_on(self) -> None:
        while True:
            await self.clock.sleep(LATE_EVERY_S)
            try:
                await self.look_back()
            except VmsError as error:
                log.info("no grids of what was recorded lately", why=logs.redact(error.message))

    async def look_back(self) -> int:
        """For a few minutes; says how many grids were made. What gave none is not tried again. Cameras that can be
        turned are left out: footage does not say when they were."""
        until_ns, now_ns, made = self.clock.mono_ns() + int(_LATE_S * NS_PER_S), self.clock.now_ns(), 0
        self._tried = {one for one in self._tried if one[1] > now_ns - 2 * _DAY_NS}
        for camera in await self._parts.catalogue.cameras.list():
            mine = is_watched(camera) and not camera.onvif
            if not mine or await self._parts.catalogue.runs.last_node(camera.id) != self._node:
                continue
            day = Interval(now_ns - _DAY_NS, now_ns - _YOUNG_NS)
            for whole in reversed(await without_grids(self._parts, camera.id, day)):
                for piece in reversed(_pieces(whole)):
                    if self.clock.mono_ns() > until_ns:
                        return made
                    if (camera.id, piece.end_ns) not in self._tried:
                        self._tried.add((camera.id, piece.end_ns))
                        made += await self._piece(camera.id, piece)
        return made

    async def _piece(self, camera: str, piece: Interval) -> int:
        node = await self._parts.catalogue.runs.last_node(camera)
        asked = {"camera": camera, "from_ns": piece.start_ns, "to_ns": piece.end_ns}
        try:
            answer = await self._parts.bus.request(f"analysis.fill.{node}", asked, timeout_s=_PIECE_S)
        except NoResponderError as error:
            raise BusError(
                "nobody makes change grids for this camera now",
                hint="Its node is away, or has `recorder.analysis` off.",
                reason="fill_nobody",
            ) from error
        except ObjectError as error:
            log.warning("no grids of a piece", camera=camera, why=error.message)
            return 0
        return int(answer["grids"])


def _pieces(whole: Interval) -> list[Interval]:
    return [
        Interval(at_ns, min(whole.end_ns, at_ns + PIECE_NS)) for at_ns in range(whole.start_ns, whole.end_ns, PIECE_NS)
    ]
