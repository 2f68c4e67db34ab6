"""A plain MP4 made from fragments as they pass: ftyp and one mdat first, the sample tables (moov) last. Pure.

The fragments' bytes go into mdat as they are; the tables point at the samples within and skip what lies between, so
nothing is copied, the size of mdat is known before the first byte, and only the tables grow in memory: 10 to 16 bytes
a sample (a day of 25 frames a second: 30 MB). ISO/IEC 14496-12: stts, ctts, stss, stsz, stsc, co64 (8.6, 8.7), elst
(8.6.6). A file with moov at its end plays from a disk in every player.

Times: within a Run as recorded; from Run to Run without a step, each Run's audio kept beside its own video.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence

from recorder.boxes import box, full_box
from recorder.fmp4 import MATRIX, SINCE_1904_S, ticks, trak
from recorder.fmp4_read import ParsedFragment, SampleRef
from vms.domain.media import CLOCK_HZ, RunInfo

_HEAD_BYTES = 32 + 16


class PlainMp4:
    """`head`, then for each fragment in order `add` while its bytes go out, `start_run` before the first of each Run,
    then `tail`."""

    def __init__(self, info: RunInfo, data_bytes: int, created_ns: int, *, apart: bool = False) -> None:
        """`apart`: a Run begins behind the end of the one before, its sound too, so that no sample is moved against
        others of its Run, and the times of each can be had back by `shift_90k`."""
        self._info = info
        self._data_bytes = data_bytes
        self._created_s = max(0, created_ns // 1_000_000_000 + SINCE_1904_S)
        self._tables = [_Table(ticks(track)) for track in info.tracks]
        self._run_dts: int | None = None
        self._out_dts = 0
        self._apart = apart

    def head(self) -> bytes:
        """ftyp, and the header of an mdat with the bytes of all fragments."""
        ftyp = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isom", b"iso2", b"avc1", b"mp41")
        return ftyp + struct.pack(">I4sQ", 1, b"mdat", 16 + self._data_bytes)

    @property
    def first_position(self) -> int:
        """Where in the file the first byte of the first fragment lies."""
        return _HEAD_BYTES

    def start_run(self) -> None:
        """Decode times begin anew with the next fragment; in the file they go on."""
        self._run_dts = None
        self._out_dts = self._tables[0].end
        if self._apart:
            ends = [-(-table.end * CLOCK_HZ // table.hz) + 1 for table in self._tables[1:] if table.count]
            self._out_dts = max([self._out_dts, *ends])

    @property
    def shift_90k(self) -> int:
        """What was added to the decode times of the Run under way; of sound, as many ticks of its own, rounded down."""
        return self._out_dts - (self._run_dts or 0)

    @property
    def first_dts(self) -> list[int]:
        """When each track of RunInfo begins, in its ticks on the clock of the video; its tables count from there."""
        return [table.first_dts for table in self._tables]

    def add(self, fragment: ParsedFragment, position: int) -> None:
        """A fragment whose first byte lies at `position` of the file."""
        if self._run_dts is None:
            self._run_dts = fragment.tracks[0].samples[0].dts
        for found in fragment.tracks:
            table = self._tables[found.track]
            shift = (self._out_dts - self._run_dts) * table.hz // CLOCK_HZ
            table.add(found.samples, shift, position - fragment.offset)

    def tail(self, shown: tuple[int, int] | None = None) -> bytes:
        """moov. `shown`: the times of presentation [from, to) that the edit list lets a player show, in 90 kHz on the
        clock of the video; else all."""
        kept = [(track, table) for track, table in zip(self._info.tracks, self._tables, strict=True) if table.count]
        origin_90k, end_90k = shown or (self._tables[0].shown_90k, None)
        traks = [
            trak(
                track,
                self._created_s,
                table.boxes(),
                shown=max(0, table.length_90k(origin_90k, end_90k)),
                ticks_long=table.duration,
                edits=table.edits(origin_90k, end_90k),
            )
            for track, table in kept
        ]
        longest = max((table.length_90k(origin_90k, end_90k) for _, table in kept), default=0)
        mvhd = struct.pack(
            ">QQIQIH10x36s24xI",
            self._created_s,
            self._created_s,
            CLOCK_HZ,
            longest,
            0x10000,
            0x100,
            MATRIX,
            max(track.number for track in self._info.tracks) + 2,
        )
        return box(b"moov", full_box(b"mvhd", 1, 0, mvhd), *traks)


class _Table:
    """Sample tables of one track, run-length coded where the format is."""

    def __init__(self, hz: int) -> None:
        self.hz = hz
        self.count = 0
        self.first_dts = 0
        self.first_offset = 0
        self._dts = 0
        self._last_duration = 0
        self._sizes = array("I")
        self._sync = array("I")
        self._durations: list[list[int]] = []
        self._offsets: list[list[int]] = []
        self._chunks = array("Q")
        self._per_chunk: list[list[int]] = []

    @property
    def end(self) -> int:
        """Decode time of the end of the last sample."""
        return self._dts + self._last_duration if self.count else 0

    def add(self, samples: Sequence[SampleRef], shift: int, moved: int) -> None:
        """Samples that lie together, `moved` bytes further than they say; their times plus `shift`."""
        self._chunks.append(samples[0].offset + moved)
        if not self._per_chunk or self._per_chunk[-1][1] != len(samples):
            self._per_chunk.append([len(self._chunks), len(samples)])
        for sample in samples:
            dts, offset = sample.dts + shift, sample.pts - sample.dts
            if self.count:
                # Where the audio of one Run overlaps that of the next, its samples move close up.
                dts = max(dts, self._dts + 1)
                _count(self._durations, dts - self._dts)
            else:
                self.first_dts, self.first_offset = dts, offset
            self.count += 1
            self._dts, self._last_duration = dts, sample.duration
            self._sizes.append(sample.size)
            _count(self._offsets, offset)
            if sample.is_key:
                self._sync.append(self.count)

    @property
    def duration(self) -> int:
        """Ticks from the first sample to the end of the last."""
        return self.end - self.first_dts

    @property
    def shown_90k(self) -> int:
        """When its first sample in decode order is shown, in 90 kHz."""
        return (self.first_dts + self.first_offset) * CLOCK_HZ // self.hz

    def length_90k(self, origin_90k: int, end_90k: int | None = None) -> int:
        """How long it is shown from `origin_90k` on, a rest before its first sample included."""
        whole = self.shown_90k - origin_90k + self.duration * CLOCK_HZ // self.hz
        return whole if end_90k is None else min(whole, end_90k - origin_90k)

    def edits(self, origin_90k: int, end_90k: int | None = None) -> bytes:
        """An edit list that lets the file begin at `origin_90k` of decode time: the track begins after a rest, or what
        lies before is skipped. With frames out of order the first picture is due later than it is decoded."""
        late_90k = self.shown_90k - origin_90k
        rest, early = max(0, late_90k), max(0, -late_90k) * self.hz // CLOCK_HZ
        length_90k = self.length_90k(origin_90k, end_90k)
        rows = [(min(rest, max(1, length_90k)), -1)] if rest or length_90k <= 0 else []
        if length_90k > rest:
            rows.append((length_90k - rest, self.first_offset + early))
        body = b"".join(struct.pack(">QqHH", span, time, 1, 0) for span, time in rows)
        return box(b"edts", full_box(b"elst", 1, 0, struct.pack(">I", len(rows)), body))

    def boxes(self) -> list[bytes]:
        """stts to co64."""
        durations = [*map(tuple, self._durations), (1, max(1, self._last_duration))]
        made = [_pairs(b"stts", 0, durations)]
        if self._offsets != [[self.count, 0]]:
            made.append(_pairs(b"ctts", 1, [(count, offset & 0xFFFFFFFF) for count, offset in self._offsets]))
        if len(self._sync) != self.count:
            made.append(full_box(b"stss", 0, 0, struct.pack(">I", len(self._sync)), _big(self._sync)))
        per_chunk = b"".join(struct.pack(">III", first, count, 1) for first, count in self._per_chunk)
        made.append(full_box(b"stsc", 0, 0, struct.pack(">I", len(self._per_chunk)), per_chunk))
        made.append(full_box(b"stsz", 0, 0, struct.pack(">II", 0, self.count), _big(self._sizes)))
        made.append(full_box(b"co64", 0, 0, struct.pack(">I", len(self._chunks)), _big(self._chunks)))
        return made


def _count(runs: list[list[int]], value: int) -> None:
    if runs and runs[-1][1] == value:
        runs[-1][0] += 1
    else:
        runs.append([1, value])


def _pairs(kind: bytes, version: int, rows: Sequence[tuple[int, ...]]) -> bytes:
    body = b"".join(struct.pack(">II", count, value) for count, value in rows)
    return full_box(kind, version, 0, struct.pack(">I", len(rows)), body)


def _big(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        return values.tobytes()
    turned = values[:]
    turned.byteswap()
    return turned.tobytes()
