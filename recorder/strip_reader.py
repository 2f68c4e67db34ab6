"""Reads the strips of several Cameras at once: a long window from Runs and Gap rows; short windows, and the newest
hours of one that is drawn finely, from Segments, as coverage does.

Event loop; what is reckoned of many rows runs on the executor of `recorder.playback`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from recorder.coverage import Coverage, shifted
from recorder.skeleton import RecordedRun, skeleton
from recorder.strips import Strip, strip
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.epochs import own_gaps
from vms.domain.gap import Gap
from vms.domain.interval import Interval
from vms.store.catalogue import Catalogue
from vms.store.timelines import Stretch

EXACT_NS = 26 * 3600 * NS_PER_S
"""Up to here a window is read from Segments: a day of sixteen Cameras is 23,000 of them."""
FRESH_NS = 2 * 3600 * NS_PER_S
"""The newest part of any window is read from Segments: there Runs have no end yet, and rows are on their way."""
COARSE_NS = 60 * NS_PER_S
"""A long window of such steps is read from Runs and Gap rows to its end."""
GOES_ON_NS = 420 * NS_PER_S
"""A Run under way whose last Segment began or ended not longer ago than this goes on: no Segment is longer."""
_FOREVER_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Reading:
    """What of `recorder.playback` this stands on. `coverage`: from Segments. `heard`: Gap rows of a far Site, the open
    ones as far as their Nodes were heard; None: the Site is not far. `off_loop`: runs on the executor. `told_again_ns`:
    by how much what a Site told may lag behind its newest row."""

    coverage: Callable[[str, StreamName, Interval], Awaitable[Coverage]]
    heard: Callable[[str, Sequence[Gap]], Awaitable[list[Gap] | None]]
    off_loop: Callable[[partial[Any]], Awaitable[Any]]
    told_again_ns: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """One Camera's part of a long window, and how far its Site has told; None: it is not far."""

    camera: Camera
    window: Interval
    gaps: Sequence[Gap]
    told_ns: int | None


class StripReader:
    """Strips of one Stream of several Cameras."""

    def __init__(self, catalogue: Catalogue, clock: Clock, reading: Reading) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._reading = reading

    async def read(
        self, cameras: Sequence[Camera], stream: StreamName, interval: Interval, step_ns: int
    ) -> list[Strip]:
        """In the order of the Cameras; those without the Stream have an empty one."""
        there = [camera for camera in cameras if camera.stream(stream) is not None]
        parts: dict[str, list[Coverage]] = {camera.id: [] for camera in cameras}
        edge_ns = interval.end_ns
        exact: Interval | None = interval
        if interval.duration_ns > EXACT_NS:
            fresh_ns = 0 if step_ns >= COARSE_NS else FRESH_NS
            edge_ns = min(interval.end_ns, max(interval.start_ns, self._clock.now_ns() - fresh_ns))
            exact = Interval(edge_ns, interval.end_ns) if fresh_ns and edge_ns < interval.end_ns else None
            if interval.start_ns < edge_ns:
                old = await self._skeletons(there, stream, Interval(interval.start_ns, edge_ns))
                for ident, found in old.items():
                    parts[ident].append(found)
        if exact is not None:
            covered = await asyncio.gather(*(self._reading.coverage(one.id, stream, exact) for one in there))
            for camera, found in zip(there, covered, strict=True):
                parts[camera.id].append(found)
        make = partial(_strips, [(camera.id, parts[camera.id]) for camera in cameras], step_ns)
        strips: list[Strip] = await self._reading.off_loop(make)
        return strips

    async def _skeletons(
        self, cameras: Sequence[Camera], stream: StreamName, interval: Interval
    ) -> dict[str, Coverage]:
        ids = [camera.id for camera in cameras]
        low_ns, high_ns = await self._catalogue.timelines.corrections(ids, stream)
        wall = Interval(interval.start_ns - high_ns, interval.end_ns - low_ns)
        stretches, rows = await asyncio.gather(
            self._catalogue.timelines.stretches(ids, stream, wall), self._catalogue.timelines.gaps(ids, stream, wall)
        )
        asked = [
            one
            for camera in cameras
            if (one := await self._asked(camera, stream, interval, stretches, rows.get(camera.id, []))) is not None
        ]
        found: dict[str, Coverage] = await self._reading.off_loop(
            partial(_skeletons, asked, stretches, self._clock.now_ns())
        )
        return found

    async def _asked(
        self,
        camera: Camera,
        stream: StreamName,
        interval: Interval,
        stretches: Mapping[str, Sequence[Stretch]],
        gaps: list[Gap],
    ) -> _Asked | None:
        """None: the Camera was not registered in all of the interval."""
        runs = stretches.get(camera.id, ())
        first_ns = min((run.start_ns + run.correction_ns for run in runs if run.correction_ns), default=_FOREVER_NS)
        since_ns, until_ns = min(camera.registered_ns, first_ns), camera.deleted_ns or _FOREVER_NS
        window = interval.clip(Interval(since_ns, until_ns)) if since_ns < until_ns else None
        if window is None:
            return None
        ref = StreamRef(camera.id, stream)
        if any(gap.end_ns is None for gap in gaps):
            gaps = own_gaps(gaps, await self._catalogue.grants.of(ref))
        far = await self._reading.heard(camera.site, gaps)
        if far is None:
            return _Asked(camera, window, gaps, None)
        footage_ns = await self._catalogue.segments.last_end_ns(ref) or 0
        newest_ns = max([camera.registered_ns, footage_ns, *(gap.end_ns or 0 for gap in far)])
        return _Asked(camera, window, far, newest_ns - self._reading.told_again_ns)


def _skeletons(asked: Iterable[_Asked], stretches: Mapping[str, Sequence[Stretch]], now_ns: int) -> dict[str, Coverage]:
    found = {}
    for one in asked:
        runs = stretches.get(one.camera.id, ())
        corrected = [run for run in runs if run.correction_ns]
        recorded = [
            RecordedRun(run.node, Interval(run.start_ns + run.correction_ns, end_ns + run.correction_ns))
            for run in runs
            if run.start_ns < (end_ns := _end_ns(run, now_ns))
        ]
        gaps = [shifted(gap, corrected) for gap in one.gaps] if corrected else one.gaps
        found[one.camera.id] = skeleton(one.window, recorded, gaps, now_ns=now_ns, told_ns=one.told_ns)
    return found


def _end_ns(run: Stretch, now_ns: int) -> int:
    goes_on = run.is_open and now_ns - GOES_ON_NS <= run.end_ns < now_ns
    return now_ns if goes_on else run.end_ns


def _strips(parts: Iterable[tuple[str, Sequence[Coverage]]], step_ns: int) -> list[Strip]:
    return [strip(camera, some, step_ns) for camera, some in parts]
