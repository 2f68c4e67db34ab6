"""Which frames of an exported file a player presents: those whose shown time lies in what was asked. Pure.

The file holds whole GOPs; an edit list cuts it to the frame. Times are those of presentation on the clock of the file's
video (90 kHz), and shown times in nanoseconds: wall time of the key frame, plus the correction of its Run.
"""

from __future__ import annotations

from collections.abc import Sequence

from recorder.fmp4 import ns_of_90k
from recorder.fmp4_read import SampleRef
from vms.domain.interval import Interval


class PresentedCut:
    """`add` for the video of each fragment, in order; then `shown`."""

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._first: tuple[int, int] | None = None
        self._last: tuple[int, int, int] | None = None
        self._beyond: tuple[int, int] | None = None

    def add(self, video: Sequence[SampleRef], start_ns: int, shift_90k: int) -> None:
        """`start_ns`: shown time of the first sample's decoding; `shift_90k`: from times of the Run to the file's."""
        base, interval = video[0].dts, self._interval
        for sample in video:
            at, ns = sample.pts + shift_90k, start_ns + ns_of_90k(sample.pts - base)
            if ns >= interval.end_ns:
                if self._beyond is None or at < self._beyond[0]:
                    self._beyond = at, ns
                continue
            if self._last is None or at > self._last[0]:
                self._last = at, ns, sample.duration
            if ns >= interval.start_ns and (self._first is None or at < self._first[0]):
                self._first = at, ns

    @property
    def shown(self) -> tuple[int, int]:
        """[from, to) of presentation. Where no frame falls into the interval: the one that was seen then."""
        first = self._first or self._last or self._beyond or (0, 0)
        last, _, duration = self._last or (first[0], 0, 1)
        end = last + max(1, duration)
        if self._beyond is not None and self._beyond[0] > last:
            end = self._beyond[0]
        return first[0], max(end, first[0] + 1)

    @property
    def shown_ns(self) -> tuple[int, int]:
        """Shown times of the first and of the last frame that is presented."""
        first = self._first or self._last or self._beyond or (0, 0)
        return first[1], (self._last or first)[1]
