"""What files an Export is made of: per camera one, and another where the picture or sound changes or after 24 hours.

Reads rows, and of each Run the head of one Segment; event loop. Segments that are still open are cut at their next key
frame first (`Recorder.cut`), for only a closed one has leaves that can be proved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from recorder.export_file import FilePlan, reorder_ns
from recorder.fmp4_read import Init, read_fragment, read_init
from recorder.footage import Part, piece
from recorder.playback import Playback
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.footage import SegmentState
from vms.domain.interval import Interval
from vms.errors import BusError, FootageError, ObjectMissingError, ObjectUnavailableError

_LONGEST_NS = 24 * 3600 * NS_PER_S
_WINDOW_NS = 6 * 3600 * NS_PER_S
_HEAD_BYTES = 256 << 10
_SEEN_LATE_NS = NS_PER_S // 2
_ASK_AGAIN_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """A camera's part of an Export: its files, in order of time; none where nothing is recorded then. `lost`: what
    cannot be read any more, not even its head."""

    camera: Camera
    slug: str
    site_name: str
    files: tuple[FilePlan, ...]
    lost: tuple[Part, ...] = ()


def cut_subject(stream: StreamRef) -> str:
    """Who is asked to end a Segment at its next key frame."""
    return f"recorder.cut.{stream.camera}.{stream.name}"


class Planner:
    """Plans one camera at a time."""

    def __init__(self, playback: Playback, bus: Bus, clock: Clock, *, wait_s: float) -> None:
        """`wait_s`: how long to wait for a key frame where footage is still being written."""
        self._playback = playback
        self._bus = bus
        self._clock = clock
        self._wait_ns = int(wait_s * NS_PER_S)

    async def plan(self, camera: Camera, site: tuple[str, str], stream: StreamName, interval: Interval) -> CameraPlan:
        """`site`: its slug and name. ObjectUnavailableError where a Segment is not closed in time."""
        ref, (site_slug, site_name) = StreamRef(camera.id, stream), site
        parts, corrections = await self._closed(ref, interval)
        inits: dict[str, Init] = {}
        parts, lost = await self._readable(parts, inits)
        if parts and await self._reorders(parts[0], inits):
            # Frames that are shown now may have been decoded, and cut into a GOP, a little before.
            wide = Interval(interval.start_ns - _SEEN_LATE_NS, interval.end_ns)
            parts, corrections = await self._closed(ref, wide)
            parts, lost = await self._readable(parts, inits)
        slug = camera.slug if camera.slug.startswith(f"{site_slug}-") or not site_slug else f"{site_slug}-{camera.slug}"
        names = partial(_names, f"{slug}-{stream.value}")
        files = tuple(
            FilePlan(*names(at), group, inits, corrections, interval) for at, group in enumerate(_groups(parts, inits))
        )
        return CameraPlan(camera, slug, site_name, files, tuple(lost))

    async def _readable(self, parts: Sequence[Part], inits: dict[str, Init]) -> tuple[list[Part], list[Part]]:
        """Parts of Runs whose head can be read, which is kept in `inits`, and those before it that cannot."""
        found: list[Part] = []
        lost: list[Part] = []
        for part in parts:
            run = part.segment.run
            try:
                if run not in inits:
                    inits[run] = await self._init(part)
                found.append(part)
            except (ObjectMissingError, FootageError):
                lost.append(part)
        return found, lost

    async def _closed(self, ref: StreamRef, interval: Interval) -> tuple[list[Part], Mapping[str, int]]:
        until_ns, ask_ns = self._clock.mono_ns() + self._wait_ns, 0
        while True:
            parts, corrections = await self._parts(ref, interval)
            if all(part.segment.state is not SegmentState.OPEN for part in parts):
                return parts, corrections
            if self._clock.mono_ns() >= until_ns:
                raise ObjectUnavailableError(
                    f"the newest footage of {ref} is not closed yet",
                    hint="Its camera sends no key frame, or its recorder does not answer. Ask for an earlier end.",
                    reason="export_open",
                )
            if self._clock.mono_ns() >= ask_ns:  # seldom: each time costs a Segment
                ask_ns = self._clock.mono_ns() + _ASK_AGAIN_NS
                with suppress(BusError):  # it may have ended by itself, or its node is gone: the next look tells
                    await self._bus.request(cut_subject(ref), {}, timeout_s=5.0)
            await self._clock.sleep(0.25)

    async def _parts(self, ref: StreamRef, interval: Interval) -> tuple[list[Part], dict[str, int]]:
        """A few hours at a time, so that the index of a week is never in memory at once."""
        parts: list[Part] = []
        corrections: dict[str, int] = {}
        for start_ns in range(interval.start_ns, interval.end_ns, _WINDOW_NS):
            window = Interval(start_ns, min(start_ns + _WINDOW_NS, interval.end_ns))
            more, shifts = await self._playback.parts(ref, window)
            corrections |= shifts
            parts += after(parts[-1], more) if parts else more
        return parts, corrections

    async def _init(self, part: Part) -> Init:
        data = await self._playback.sources.read(part.segment, 0, part.segment.init_bytes)
        return read_init(partial(piece, data, 0))

    async def _reorders(self, part: Part, inits: Mapping[str, Init]) -> bool:
        length = min(part.size, max(_HEAD_BYTES, self._playback.sources.block_bytes))
        data = b""
        with suppress(ObjectMissingError):  # said when it is its turn
            while len(data) < length:
                block = await self._playback.sources.read(part.segment, part.offset + len(data), length - len(data))
                if not block:
                    break
                data += block
        read: Any = partial(piece, data, part.offset)
        try:
            fragment = read_fragment(read, part.offset, part.offset + len(data), inits[part.segment.run])
        except FootageError:
            return True  # damaged, or too large to be seen whole: a GOP more does no harm
        return reorder_ns(fragment) > 0


def after(last: Part, parts: Sequence[Part]) -> list[Part]:
    """Parts of the next window without what the last one of the window before has already: the group of pictures that
    reaches into both. What goes on where that ended does not begin anew."""
    found = []
    for part in parts:
        same = (part.segment.run, part.segment.number) == (last.segment.run, last.segment.number)
        twice = last.offset + last.size - part.offset if same else 0
        if same and twice >= part.size:
            continue
        if not same or twice < 0:
            found.append(part)
            continue
        offset, size = part.offset + twice, part.size - twice
        found.append(replace(part, offset=offset, size=size, start_ns=last.end_ns, fresh=False))
    return found


def _groups(parts: Sequence[Part], inits: Mapping[str, Init]) -> list[list[Part]]:
    """Parts that fit one file: of one picture and sound, and not too long. Each begins anew."""
    groups: list[list[Part]] = []
    for part in parts:
        info = inits[part.segment.run].head.run.info
        last = groups[-1] if groups else None
        if (
            last is None
            or inits[last[0].segment.run].head.run.info != info
            or part.end_ns - last[0].start_ns > _LONGEST_NS
        ):
            groups.append([part])
        else:
            last.append(part)
    return groups


def _names(name: str, at: int) -> tuple[str, str]:
    """Of the footage and of its proof; the second file of a camera and those after it are numbered."""
    more = f"-{at + 1}" if at else ""
    return f"footage/{name}{more}.mp4", f"proof/{name}{more}.jsonl"
