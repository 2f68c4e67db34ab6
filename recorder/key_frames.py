"""Key frames of recorded footage, as the camera sent them: of each group of pictures its first, and nothing else read.

Event loop; bytes come from wherever playback finds them. Nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial

from recorder.fmp4_read import SampleRef, read_run_fragment
from recorder.footage import piece
from recorder.nal import to_annexb
from recorder.playback import Playback
from vms.domain.camera import StreamRef
from vms.domain.footage import Gop, Segment
from vms.domain.interval import Interval
from vms.domain.media import Codec, Run, RunInfo
from vms.errors import FootageCutOffError, FootageError
from vms.store import Catalogue

_FIRST_BYTES = 128 << 10
_MAX_KEY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """`at_ns`: shown time; `wall_ns`: as it was stamped; `payload`: Annex-B with its parameter sets."""

    at_ns: int
    wall_ns: int
    codec: Codec
    payload: bytes


class KeyFrames:
    """Reads them."""

    def __init__(self, catalogue: Catalogue, playback: Playback) -> None:
        self._catalogue = catalogue
        self.playback = playback
        self._infos: dict[str, RunInfo] = {}

    async def read(self, stream: StreamRef, interval: Interval, every_ns: int = 0) -> AsyncGenerator[KeyFrame, None]:
        """Those of [start, end), at least `every_ns` apart, in order of time; one that cannot be had is left out.
        ObjectError, BusError: where the footage lies does not answer."""
        segments, corrections = await self.playback.gops(stream, interval)
        last_ns = interval.start_ns - every_ns
        for found in segments:
            info = await self._info(found.segment.run)
            shift_ns = corrections.get(found.segment.run, 0)
            for gop in found.gops:
                at_ns = gop.wall_ns + shift_ns
                if info is None or not interval.start_ns <= at_ns < interval.end_ns or at_ns - last_ns < every_ns:
                    continue
                payload = await self._payload(found.segment, gop, info)
                if payload is not None:
                    last_ns = at_ns
                    yield KeyFrame(at_ns, gop.wall_ns, info.video.codec, payload)

    async def at(self, stream: StreamRef, at_ns: int, around_ns: int) -> KeyFrame | None:
        """The last at or before a moment, else the first after it, not further away than that; None: there is none."""
        window = Interval(max(0, at_ns - around_ns), at_ns + around_ns)
        segments, corrections = await self.playback.gops(stream, window)
        gops = [
            (gop.wall_ns + corrections.get(one.segment.run, 0), one.segment, gop)
            for one in segments
            for gop in one.gops
        ]
        near = [one for one in gops if abs(one[0] - at_ns) <= around_ns]
        before = [one for one in near if one[0] <= at_ns]
        if not near:
            return None
        shown_ns, segment, gop = max(before, key=_time) if before else min(near, key=_time)
        info = await self._info(segment.run)
        payload = None if info is None else await self._payload(segment, gop, info)
        return None if info is None or payload is None else KeyFrame(shown_ns, gop.wall_ns, info.video.codec, payload)

    async def _info(self, run: str) -> RunInfo | None:
        if run not in self._infos:
            known: Run | None = await self._catalogue.runs.get(run)
            if known is None:
                return None
            if len(self._infos) >= 256:
                self._infos.clear()
            self._infos[run] = known.info
        return self._infos[run]

    async def _payload(self, segment: Segment, gop: Gop, info: RunInfo) -> bytes | None:
        try:
            sample, head, offset = await self._first_sample(segment, gop, info)
            data = head[sample.offset - offset : sample.offset - offset + sample.size]
            if len(data) < sample.size:
                data += await self._bytes(segment, sample.offset + len(data), sample.size - len(data))
            return to_annexb(data)
        except (FootageError, ValueError):
            return None  # damaged: the ledger and `index check` say so

    async def _first_sample(self, segment: Segment, gop: Gop, info: RunInfo) -> tuple[SampleRef, bytes, int]:
        size, end = min(gop.size_bytes, _FIRST_BYTES), gop.offset_bytes + gop.size_bytes
        head = await self._bytes(segment, gop.offset_bytes, size)
        try:
            read = partial(piece, head, gop.offset_bytes)
            fragment = read_run_fragment(read, gop.offset_bytes, end, len(info.tracks))
        except FootageCutOffError:
            head += await self._bytes(segment, gop.offset_bytes + len(head), gop.size_bytes - len(head))
            read = partial(piece, head, gop.offset_bytes)
            fragment = read_run_fragment(read, gop.offset_bytes, end, len(info.tracks))
        sample = fragment.tracks[0].samples[0]
        if not sample.is_key or sample.size > _MAX_KEY_BYTES:
            raise FootageError("a group of pictures does not begin with a key frame")
        return sample, head, gop.offset_bytes

    async def _bytes(self, segment: Segment, offset: int, length: int) -> bytes:
        sources, parts = self.playback.sources, []
        while length > 0:
            block = await sources.read(segment, offset, min(length, sources.block_bytes))
            if not block:
                raise FootageCutOffError(f"{segment.key} ends at byte {offset}")
            parts.append(block)
            offset, length = offset + len(block), length - len(block)
        return b"".join(parts)


def _time(found: tuple[int, Segment, Gop]) -> int:
    return found[0]


async def stream_with_footage(playback: Playback, stream_refs: list[StreamRef], interval: Interval) -> StreamRef | None:
    """The first of these streams of which anything is recorded then."""
    for stream in stream_refs:
        segments, _ = await playback.gops(stream, interval)
        if any(found.gops for found in segments):
            return stream
    return None
