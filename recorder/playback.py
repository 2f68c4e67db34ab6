"""The read side of the recorder: coverage, playlists, bytes of Segments and footage as one file.

Event loop; conversions of many rows and reads of Stores run on an executor of its own. Bytes come from a Store that
holds the Segment, else over the bus from the spool of the node that recorded it. Times given and taken are shown times:
wall time plus the correction of the Run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from recorder.coverage import Coverage, Missing, cover, shifted
from recorder.footage import FootageDownload, Part, plan
from recorder.key_stream import KeyStream, key_records
from recorder.playlist import playlist
from recorder.segment_reader import SegmentBytes, SegmentSources, VideoBytes
from recorder.strip_reader import Reading, StripReader
from recorder.strips import Strip
from recorder.thumbnails import Thumbnails
from recorder.video_view import VIDEO, VideoView, needs_view
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.epochs import Recorded, cut, cut_gops, overlaps, own_gaps
from vms.domain.footage import GopSegment, IndexedSegment, Segment, SegmentState, gops_of
from vms.domain.gap import Gap
from vms.domain.grant import LeaseGrant
from vms.domain.interval import Interval
from vms.domain.media import Run
from vms.errors import BusError, IntervalError, NotFoundError, ObjectMissingError
from vms.objects.base import ObjectStore
from vms.store.catalogue import Catalogue
from vms.store.segments import Span

__all__ = ["Coverage", "FootageDownload", "Missing", "Playback", "PlaybackOptions", "Reports", "SegmentBytes"]

_FOREVER_NS = 1 << 62
_WRITING_MAX = 4096
_TOLD_AGAIN_NS = 60 * NS_PER_S
"""Rows come in order, but for those that a failure on the way delays until they are sent again."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """Longest intervals that may be asked for, and how reading behaves. `hot_s`: for an interval that ended
    longer ago the recorder is not asked what it still writes. `first_store`: the Store nearest to this node of a
    cluster."""

    coverage_s: int = 366 * 86_400
    playlist_s: int = 6 * 3600
    key_frames_s: int = 600
    footage_s: int = 24 * 3600
    hot_s: int = 3600
    hot_timeout_s: float = 1.0
    range_timeout_s: float = 10.0
    block_bytes: int = 1 << 20
    threads: int = 4
    first_store: str | None = None


class Reports(Protocol):
    """What is known of Sites whose rows come from afar."""

    async def is_far(self, site: str) -> bool:
        """Whether others record there, and tell here."""

    def silent_ns(self, node: str) -> int | None:
        """When a Node was heard last that is silent now; None for one that is there."""


class Playback:
    """What web asks. `stores`: those this node can read, by name. `reports`: None where nothing comes from afar."""

    def __init__(
        self,
        catalogue: Catalogue,
        stores: Mapping[str, ObjectStore],
        bus: Bus,
        clock: Clock,
        options: PlaybackOptions | None = None,
        reports: Reports | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._reports = reports
        self._bus = bus
        self._clock = clock
        self._options = options or PlaybackOptions()
        self._writing: dict[str, StreamRef] = {}
        self._executor = ThreadPoolExecutor(self._options.threads, thread_name_prefix="playback")
        self.sources = SegmentSources(
            catalogue,
            stores,
            bus,
            self._executor,
            self._options.block_bytes,
            self._options.range_timeout_s,
            self._options.first_store,
        )
        timeout_s = self._options.range_timeout_s
        self.thumbnails = Thumbnails(catalogue, stores, bus, self._executor, timeout_s)
        reading = Reading(self.coverage, self._heard, self._off_loop, _TOLD_AGAIN_NS)
        self._strips = StripReader(catalogue, clock, reading)

    async def close(self) -> None:
        """Wait for reads under way; idempotent."""
        await asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)

    async def coverage(self, camera: str, stream: StreamName, interval: Interval) -> Coverage:
        """What of an interval is recorded, and why the rest is not; cut to the time the camera has been registered for
        and to now. NotFoundError: no such camera or stream. IntervalError: longer than a year."""
        known = await self._camera(camera, stream)
        self._bounded(interval, self._options.coverage_s, "coverage")
        now_ns = self._clock.now_ns()
        since_ns = known.registered_ns
        if interval.start_ns < since_ns:  # registered by a clock that was wrong, as its footage tells by now
            first_ns = await self._catalogue.runs.first_corrected_ns(StreamRef(camera, stream))
            since_ns = min(since_ns, since_ns if first_ns is None else first_ns)
        registered = since_ns, min(now_ns, known.deleted_ns or _FOREVER_NS)
        window = interval.clip(Interval(*registered)) if registered[0] < registered[1] else None
        if window is None:
            return Coverage(None)
        ref = StreamRef(camera, stream)
        hot = await self._hot(ref) if self._is_recent(window) else []
        wall, runs = await self._in_wall_time(ref, window)
        spans = await self._catalogue.segments.spans(ref, wall)
        gaps = await self._catalogue.gaps.in_interval(ref, wall)
        if any(gap.end_ns is None for gap in gaps):
            gaps = own_gaps(gaps, await self._catalogue.grants.of(ref))
        told_ns = None
        far = await self._heard(known.site, gaps)
        if far is not None:
            gaps = far
            footage_ns = await self._catalogue.segments.last_end_ns(ref) or 0
            newest_ns = max([known.registered_ns, footage_ns, *(gap.end_ns or 0 for gap in gaps)])
            told_ns = newest_ns - _TOLD_AGAIN_NS
        cover_all = partial(_cover, window, spans, hot, gaps, runs, now_ns=now_ns, told_ns=told_ns)
        return await self._off_loop(partial(cover_all, deleted_ns=known.deleted_ns))

    async def strips(
        self, cameras: Sequence[Camera], stream: StreamName, interval: Interval, step_ns: int
    ) -> list[Strip]:
        """The coverage of several cameras, nothing finer than a step, in their order. IntervalError: longer than a
        year."""
        self._bounded(interval, self._options.coverage_s, "a timeline")
        return await self._strips.read(cameras, stream, interval, step_ns)

    async def _heard(self, site: str, gaps: Sequence[Gap]) -> list[Gap] | None:
        """Gap rows of a far Site, the open ones as far as their Nodes were heard; None: the Site is not far."""
        if self._reports is None or not await self._reports.is_far(site):
            return None
        return _until_silent(gaps, self._reports)

    async def playlist(self, camera: str, stream: StreamName, interval: Interval, *, prefix: str | None = None) -> str:
        """HLS of all GOPs that reach into the interval. `prefix`: what stands before `<run>/<number>.mp4` in URIs, by
        default the path of the API. NotFoundError: no such camera or stream, or nothing recorded then. IntervalError:
        longer than six hours."""
        await self._camera(camera, stream)
        self._bounded(interval, self._options.playlist_s, "a playlist")
        ref = StreamRef(camera, stream)
        segments, corrections = await self._gops(ref, interval)
        where = f"/api/cameras/{camera}/segments/" if prefix is None else prefix
        make = partial(playlist, segments, interval, prefix=where, corrections=corrections)
        text = await self._off_loop(partial(make, views=await self._views(segments)))
        if text is None:
            raise NotFoundError("nothing is recorded in this interval")
        return text

    async def key_frames(self, camera: str, stream: StreamName, interval: Interval) -> KeyStream:
        """The key frames that are the newest at some moment of the interval. NotFoundError: no such camera or stream.
        IntervalError: longer than ten minutes."""
        await self._camera(camera, stream)
        self._bounded(interval, self._options.key_frames_s, "key frames")
        segments, corrections = await self._gops(StreamRef(camera, stream), interval)
        found = await self._off_loop(partial(key_records, segments, interval, corrections))
        return KeyStream(found, self.sources)

    async def segment(self, run: str, number: int, view: str | None = None) -> SegmentBytes:
        """A Segment to read ranges of, wherever it lies. `view`: `video` hides audio that browsers refuse.
        NotFoundError where there is none, or it has expired."""
        if view == VIDEO:
            return await self._video(run, number)
        return SegmentBytes(await self._row(run, number), self.sources)

    async def _video(self, run: str, number: int) -> SegmentBytes:
        row, known = await self._row(run, number), await self._catalogue.runs.get(run)
        fragments = await self._catalogue.segments.index(run, number)
        if fragments is None:
            hot = await self._hot(row.stream)
            one = next((one for one in hot if (one.segment.run, one.segment.number) == (run, number)), None)
            if one is not None:
                row, fragments = one.segment, one.fragments
        if known is None or fragments is None:
            raise NotFoundError("there is no such segment")
        return VideoBytes(row, self.sources, VideoView(known.info), fragments)

    async def _row(self, run: str, number: int) -> Segment:
        row = await self._catalogue.segments.get(run, number)
        if row is None or row.state is SegmentState.OPEN:
            row = await self._written_so_far(run, number, row)
        if row.state is SegmentState.EXPIRED:
            raise NotFoundError("this footage has expired")
        return row

    async def segment_range(self, run: str, number: int, offset: int, length: int | None = None) -> tuple[int, bytes]:
        """The size of a Segment and its bytes [offset, offset + length), all at once; fewer at its end."""
        file = await self.segment(run, number)
        return file.size_bytes, await file.read(offset, length)

    async def footage(self, camera: str, stream: StreamName, interval: Interval) -> FootageDownload:
        """All GOPs that reach into the interval as one plain MP4, not re-encoded, to be streamed. NotFoundError: no
        such camera or stream, or nothing recorded then. IntervalError: longer than a day, or the codec, size or audio
        changed on the way; it says which interval can be had."""
        await self._camera(camera, stream)
        self._bounded(interval, self._options.footage_s, "a download")
        parts, _ = await self.parts(StreamRef(camera, stream), interval)
        if not parts:
            raise NotFoundError("nothing is recorded in this interval")
        return await FootageDownload.prepare(parts, self.sources, self._off_loop)

    async def parts(self, stream: StreamRef, interval: Interval) -> tuple[list[Part], dict[str, int]]:
        """The byte ranges of all GOPs that reach into the interval, in order of time, and what to add to the wall times
        of the Runs that are corrected."""
        segments, corrections = await self._gops(stream, interval)
        return await self._off_loop(partial(plan, segments, interval, corrections)), corrections

    async def gops(self, stream: StreamRef, window: Interval) -> tuple[list[GopSegment], dict[str, int]]:
        """Segments with the GOPs that reach into a window, in order of shown time, and corrections as of `parts`."""
        return await self._gops(stream, window)

    async def _camera(self, camera: str, stream: StreamName) -> Camera:
        known = await self._catalogue.cameras.get(camera)
        if known is None:
            raise NotFoundError("there is no such camera")
        if known.stream(stream) is None:
            raise NotFoundError(f"the camera has no stream {stream}")
        return known

    def _bounded(self, interval: Interval, limit_s: int, what: str) -> None:
        if interval.duration_ns > limit_s * NS_PER_S:
            longest = f"{limit_s // 3600} hours" if limit_s >= 3600 else f"{limit_s // 60} minutes"
            raise IntervalError(f"{what} may span {longest} at most", hint="Ask for a shorter interval.", field="to")

    def _is_recent(self, window: Interval) -> bool:
        return window.end_ns >= self._clock.now_ns() - self._options.hot_s * NS_PER_S

    async def _hot(self, stream: StreamRef) -> list[IndexedSegment]:
        """What the recorder is writing. Asked for before the catalogue, so that a Segment which moves from one to the
        other meanwhile is in both, and never in neither."""
        subject = f"recorder.hot.{stream.camera}.{stream.name}"
        try:
            answer = await self._bus.request(subject, {}, timeout_s=self._options.hot_timeout_s)
        except BusError:
            return []
        found: list[IndexedSegment] = list(answer["segments"])
        for one in found:
            self._writing[one.segment.run] = stream
        while len(self._writing) > _WRITING_MAX:
            del self._writing[next(iter(self._writing))]
        return found

    async def _written_so_far(self, run: str, number: int, row: Segment | None) -> Segment:
        """A Segment that is being written, or whose row is on its way."""
        stream = self._writing.get(run) if row is None else row.stream
        if stream is None:
            known = await self._catalogue.runs.get(run)
            if known is None:
                raise NotFoundError("there is no such segment")
            stream = known.stream
        for hot in await self._hot(stream):
            if (hot.segment.run, hot.segment.number) == (run, number):
                return hot.segment
        # Closed between the two questions, or its recorder is gone and the sweep has not seen it yet.
        again = await self._catalogue.segments.get(run, number)
        if again is None:
            raise NotFoundError("there is no such segment")
        if again.state is SegmentState.OPEN:
            raise ObjectMissingError("the segment cannot be read now", hint="Its recorder does not answer.")
        return again

    async def _in_wall_time(self, stream: StreamRef, window: Interval) -> tuple[Interval, list[Run]]:
        """The window wide enough for wall times before correction, and the Runs in it that are corrected."""
        low_ns, high_ns = await self._catalogue.runs.correction_range(stream)
        if low_ns == high_ns == 0:
            return window, []
        wide = Interval(window.start_ns - high_ns, window.end_ns - low_ns)
        runs = await self._catalogue.runs.in_interval(stream, wide)
        return wide, [run for run in runs if run.correction_ns]

    async def _gops(self, stream: StreamRef, window: Interval) -> tuple[list[GopSegment], dict[str, int]]:
        hot = await self._hot(stream) if self._is_recent(window) else []
        wall, corrected = await self._in_wall_time(stream, window)
        found = await self._catalogue.segments.with_gops(stream, wall)
        known = {(one.segment.run, one.segment.number) for one in found}
        found += [
            GopSegment(one.segment, gops_of(one.fragments))
            for one in hot
            if (one.segment.run, one.segment.number) not in known
        ]
        corrections = {run.id: run.correction_ns or 0 for run in corrected}
        if hot or corrections:
            found.sort(key=lambda one: one.segment.start_ns + corrections.get(one.segment.run, 0))
        return await self._cut(stream, found, corrections, corrected), corrections

    async def _cut(
        self, stream: StreamRef, found: list[GopSegment], corrections: Mapping[str, int], corrected: Sequence[Run]
    ) -> list[GopSegment]:
        """Where Segments of several epochs are of one time: of each what shows."""
        pieces = _recorded(found, corrections)
        if not overlaps((one.interval.start_ns, one.interval.end_ns, one.epoch) for one in pieces):
            return found
        grants = await self._catalogue.grants.of(stream)
        shifts = {run.epoch: run.correction_ns or 0 for run in reversed(corrected)}
        return await self._off_loop(partial(_shown, found, pieces, grants, corrections, shifts))

    async def _views(self, segments: Sequence[GopSegment]) -> set[str]:
        """Runs that players get the video view of."""
        runs = await self._catalogue.runs.of_ids({one.segment.run for one in segments})
        return {run.id for run in runs if needs_view(run.info)}

    async def _off_loop(self, work: partial[_Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _cover(
    window: Interval,
    spans: Sequence[Span],
    hot: Sequence[IndexedSegment],
    gaps: Sequence[Gap],
    corrected: Sequence[Run],
    *,
    now_ns: int,
    told_ns: int | None,
    deleted_ns: int | None,
) -> Coverage:
    shifts = {run.id: run.correction_ns or 0 for run in corrected}

    def shown(run: str, start_ns: int, end_ns: int) -> Interval:
        return Interval(start_ns + shifts.get(run, 0), end_ns + shifts.get(run, 0))

    recorded = [shown(one.run, one.start_ns, one.end_ns) for one in spans if not one.expired]
    writing = [
        shown(one.segment.run, one.segment.start_ns, one.segment.end_ns)
        for one in hot
        if one.segment.start_ns < one.segment.end_ns
    ]
    expired = [shown(one.run, one.start_ns, one.end_ns) for one in spans if one.expired]
    return cover(
        window,
        [*recorded, *writing],
        [shifted(gap, corrected) for gap in gaps],
        expired,
        now_ns=now_ns,
        going_on=deleted_ns is None and any(one.segment.state is SegmentState.OPEN for one in hot),
        told_ns=told_ns,
        removed=window.end_ns == deleted_ns,
    )


def _until_silent(gaps: Iterable[Gap], reports: Reports) -> list[Gap]:
    """Open Gap rows of Nodes that are silent hold until these were heard last."""
    found = []
    for gap in gaps:
        silent_ns = reports.silent_ns(gap.node) if gap.end_ns is None else None
        found.append(gap if silent_ns is None else replace(gap, end_ns=max(silent_ns, gap.start_ns)))
    return found


def _recorded(found: Iterable[GopSegment], corrections: Mapping[str, int]) -> list[Recorded]:
    pieces = []
    for one in found:
        segment, shift_ns = one.segment, corrections.get(one.segment.run, 0)
        end_ns = max(segment.end_ns, segment.start_ns + 1)
        pieces.append(Recorded(Interval(segment.start_ns + shift_ns, end_ns + shift_ns), segment.epoch))
    return pieces


def _shown(
    found: Sequence[GopSegment],
    pieces: Sequence[Recorded],
    grants: Sequence[LeaseGrant],
    corrections: Mapping[str, int],
    shifts: Mapping[int, int],
) -> list[GopSegment]:
    """Stretches of GOPs in order of time."""
    stretches = [
        (part.gops[0].wall_ns + shift_ns, part)
        for one, shown in zip(found, cut(pieces, grants, shifts), strict=True)
        for shift_ns in [corrections.get(one.segment.run, 0)]
        for part in cut_gops(one, shown, shift_ns)
        if part.gops
    ]
    return [part for _, part in sorted(stretches, key=lambda pair: pair[0])]
