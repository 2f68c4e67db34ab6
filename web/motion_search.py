"""One search for motion at work: window after window, all cameras of a window at once, told as they are done.

Event loop only; grids are looked through where they are (vms/sync/motion.py). Ends with whoever takes the lines.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence

from vms.clock import NS_PER_S
from vms.domain.camera import Camera, StreamName
from vms.domain.interval import Interval, subtract, union
from vms.domain.motion import MotionHit, MotionThread, MotionWanted
from vms.sync.motion import find_motion
from web.parts import Parts
from web.schemas_search import MotionEndOut, MotionHitOut, MotionLineOut, MotionSpanOut
from web.times import format_time

HITS_MAX = 5_000
MISSING_NS = 60 * NS_PER_S
"""Shorter stretches without grids lie between every two Runs."""
_DAY_NS = 86_400 * NS_PER_S


def days(windows: Sequence[Interval]) -> list[Interval]:
    """The same, none longer than a day: what is asked for at once."""
    return [
        Interval(at_ns, min(window.end_ns, at_ns + _DAY_NS))
        for window in windows
        for at_ns in range(window.start_ns, window.end_ns, _DAY_NS)
    ]


class MotionSearch:
    """Of these cameras in these windows, which are in order of time."""

    def __init__(
        self, parts: Parts, cameras: Sequence[Camera], windows: Sequence[Interval], wanted: MotionWanted
    ) -> None:
        self._parts, self._wanted = parts, wanted
        self._cameras, self._windows = cameras, windows
        self._threads: Mapping[str, MotionThread] = {one.id: MotionThread(wanted.least_ms) for one in cameras}
        self._before: dict[str, list[Interval]] = {}
        self._searched = self._hits = 0

    async def lines(self) -> AsyncIterator[bytes]:
        """JSON, a line for each camera and window as it is done, and the end. CatalogueError."""
        for number, window in enumerate(self._windows):
            is_last = number + 1 == len(self._windows)
            tasks = [asyncio.create_task(self._one(camera, window, is_last)) for camera in self._cameras]
            try:
                for done in asyncio.as_completed(tasks):
                    yield (await done).model_dump_json(by_alias=True).encode() + b"\n"
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if self._hits >= HITS_MAX and not is_last:
                yield _end(self._hits, cut=True)
                return
        yield _end(self._hits, cut=False)

    async def _one(self, camera: Camera, window: Interval, is_last: bool) -> MotionLineOut:
        bus, catalogue = self._parts.bus, self._parts.catalogue
        found, recorded = await asyncio.gather(
            find_motion(bus, catalogue, camera.id, window, self._wanted), self._recorded(camera, window)
        )
        hits = self._threads[camera.id].next(found.hits, None if is_last else window.end_ns)
        missing = [part for one in recorded for part in subtract(one, found.known) if part.duration_ns >= MISSING_NS]
        self._searched, self._hits = self._searched + 1, self._hits + len(hits)
        around = union([*self._before.get(camera.id, ()), *recorded])  # a hit of the window before may be among them
        self._before[camera.id] = recorded
        return MotionLineOut(
            camera=camera.id,
            from_=format_time(window.start_ns),
            to=format_time(window.end_ns),
            hits=[_hit(hit, around) for hit in hits],
            missing=[MotionSpanOut(from_=format_time(one.start_ns), to=format_time(one.end_ns)) for one in missing],
            away=found.is_away,
            cut=found.is_cut,
            searched=self._searched,
            of=len(self._windows) * len(self._cameras),
        )

    async def _recorded(self, camera: Camera, window: Interval) -> list[Interval]:
        stream = StreamName.MAIN if camera.stream(StreamName.MAIN) is not None else StreamName.SUB
        return union((await self._parts.playback.coverage(camera.id, stream, window)).intervals)


def _end(hits: int, *, cut: bool) -> bytes:
    return MotionEndOut(hits=hits, cut=cut).model_dump_json().encode() + b"\n"


def _hit(hit: MotionHit, recorded: Sequence[Interval]) -> MotionHitOut:
    at = bisect_right(recorded, hit.interval.end_ns, key=lambda one: one.start_ns) - 1
    return MotionHitOut(
        from_=format_time(hit.interval.start_ns),
        to=format_time(hit.interval.end_ns),
        score=round(hit.score, 4),
        peak_at=format_time(hit.peak_ns),
        recorded=at >= 0 and recorded[at].end_ns > hit.interval.start_ns,
    )
