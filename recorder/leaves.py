"""The leaves of a Segment under way: samples in the order of the file in, one leaf a GOP out. Pure; executor threads.

Video alone is hashed at once. With audio, a sample waits until every audio track has come as far, or until it is older
than any audio the segmenter still lets in, so that the order of (dts, track) holds whenever the audio comes.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from math import lcm

from recorder.fmp4 import ticks
from recorder.provenance import LeafEntry
from vms.domain.media import RunInfo
from vms.proof.leaf import LeafHash, LeafHeader, Sample

_LATEST_S = 3


class Leaves:
    """Leaves from GOP to GOP; `finish` ends the last one."""

    def __init__(self, run: str, info: RunInfo) -> None:
        self._run = run
        self._hz = {track.number: ticks(track) for track in info.tracks}
        self._common = lcm(*self._hz.values())
        self._reached = dict.fromkeys(self._hz, -1)
        self._waiting: list[tuple[int, int, int, Sample]] = []
        self._order = itertools.count()
        self._current: LeafHash | None = None
        self._done: list[LeafEntry] = []

    def begin_gop(self, gop: int, wall_ns: int, key_dts_90k: int) -> None:
        """The next sample is a key frame; the GOP before it is over."""
        self._end_gop()
        self._current = LeafHash(LeafHeader(self._run, gop, wall_ns), key_dts_90k)

    def add(self, samples: Sequence[Sample]) -> None:
        """Samples of the current GOP, each track in its order."""
        if self._current is None:
            raise ValueError("samples before the first key frame")
        if len(self._hz) == 1:
            self._current.add(samples)
            return
        for sample in samples:
            at = sample.dts * (self._common // sample.hz)
            self._reached[sample.track] = at
            heapq.heappush(self._waiting, (at, sample.track, next(self._order), sample))
        audio = min(at for track, at in self._reached.items() if track)
        sure = max(audio, self._reached[0] - _LATEST_S * self._common)
        ready = []
        while self._waiting and self._waiting[0][0] < min(sure, self._reached[0]):
            ready.append(heapq.heappop(self._waiting)[3])
        if ready:
            self._current.add(ready)

    def finish(self) -> tuple[LeafEntry, ...]:
        """All leaves; the last GOP ends here. Begin anew for the next Segment."""
        self._end_gop()
        done, self._done = tuple(self._done), []
        return done

    def _end_gop(self) -> None:
        hashing, self._current = self._current, None
        if hashing is None:
            return
        hashing.add([item[3] for item in sorted(self._waiting, key=lambda item: item[:3])])
        self._waiting.clear()
        header = hashing.header
        self._done.append(LeafEntry(header.gop, header.wall_ns, hashing.key_dts_90k, hashing.digest()))
