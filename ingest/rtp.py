"""Interleaved RTP packets to access units in Annex-B: H.264 (RFC 6184, modes 0 and 1), H.265 (RFC 7798). Pure.

The hot path of ingest: `feed` takes a few Python operations for a packet in the middle of a fragmented picture, which
is nearly every packet; everything else goes the careful way. What is damaged is left out and counted. No clock, no I/O.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingest.arrival import Arrival
from ingest.demux import MAX_UNIT_BYTES
from ingest.nal import KINDS, START
from vms.domain.media import CLOCK_HZ, Codec

MAX_PARTS = 16_384
MAX_NALS = 1024
# A step back in time of at most this means pictures in another order than they are shown, not another clock.
REORDER_90K = 10 * CLOCK_HZ
# `feed` reads this much behind the start of a frame before it knows the frame's length.
SLACK_BYTES = 20

# `$`, channel and length; version to payload type; sequence number; timestamp; (SSRC); first bytes of the payload.
_HOT = struct.Struct(">IHHI4xI")
_HEADER_BYTES = 12
_DOLLAR = 0x24


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a codec puts NAL units into packets: bytes of a NAL header, types of aggregation and fragmentation, the first
    type that is no NAL unit, and how far the first four payload bytes are shifted for the hot comparison."""

    header: int
    aggregate: int
    fragment: int
    beyond: int
    shift: int


_SHAPES = {Codec.H264: _Shape(1, 24, 28, 24, 16), Codec.H265: _Shape(2, 48, 49, 48, 8)}


class Depacketizer:
    """Access units of one RTP stream on one interleaved channel. `units` collects them, with RTP timestamps (32 bits,
    they wrap); whoever feeds takes them.

    `odd` says, once, why this stream needs a reader that looks into pictures: out-of-order pictures where the parameter
    sets do not exclude them (`may_reorder`), or marker bits in the middle of pictures.
    """

    def __init__(self, codec: Codec, payload_type: int, channel: int = 0, *, may_reorder: bool = True) -> None:
        self.units: list[Arrival] = []
        self.now_ns = 0  # when the bytes that are fed came
        self.damaged = 0
        self.packets = 0  # of the careful way
        self.odd = ""
        self._shape = _SHAPES[codec]
        self._kinds = kinds = KINDS[codec]
        self._kind_of = bytes(kinds.kind(header) for header in range(256))
        self._slices = kinds.slices
        self._may_reorder = may_reorder
        self._payload_type = payload_type
        self._lead = _DOLLAR << 8 | channel
        self._expected = -1  # sequence number; -1: any
        self._late: tuple[int, int] | None = None
        self._markers = False
        self._last_ts = -1  # of the last unit that was given
        self._hole = True  # before the next packet something may be missing
        self._open = False
        self._begin(0)

    def feed(self, data: bytearray, at: int, end: int) -> int:
        """Take the interleaved frames (RFC 2326 §10.12) that are wholly in data[at:end]; where it stopped: before a
        frame cut short, of another channel, or at something else. `data` holds SLACK_BYTES more than `end`."""
        unpack, shift, skip = _HOT.unpack_from, self._shape.shift, 4 + _HEADER_BYTES + self._shape.header + 1
        lead, plain = self._lead, 0x8000 | self._payload_type
        expected, timestamp, middle, parts = self._expected, self._timestamp, self._middle, self._parts
        marked = plain | 0x80
        begin = at
        while end - at >= 4:
            frame, flags, seq, ts, word = unpack(data, at)
            stop = at + 4 + (frame & 0xFFFF)
            if stop > end or frame >> 16 != lead:
                break
            if seq == expected and flags == plain and word >> shift == middle and ts == timestamp:
                parts.append(data[at + skip : stop])
                expected = (seq + 1) & 0xFFFF
            else:
                self._expected = expected
                self._grow(at - begin)
                begin = stop
                if seq == expected and flags == marked and word >> shift == middle | 0x40 and ts == timestamp:
                    self._end(data[at + skip : stop])
                else:
                    self._careful(data, at + 4, stop)
                expected, timestamp, middle, parts = self._expected, self._timestamp, self._middle, self._parts
            at = stop
        self._expected = expected
        self._grow(at - begin)
        return at

    def flush(self) -> None:
        """The stream is over: give the last unit where nothing but the next one could have ended it."""
        if self._open and not self._markers and not self._hole:
            self._close()

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_UNIT_BYTES or len(self._parts) > MAX_PARTS or self._nals > MAX_NALS:
            self._break()

    def _begin(self, timestamp: int) -> None:
        self._timestamp = timestamp
        self._parts: list[bytes | bytearray] = []
        self._middle = -1  # the first payload bytes of a packet that goes on with the fragment under way; -1: none
        self._size = self._nals = 0
        self._broken = self._has_picture = False
        self._came_ns = self.now_ns

    def _break(self) -> None:
        """Nothing more is collected of this unit."""
        self._broken = True
        self._middle = -1
        self._size = self._nals = 0
        self._parts = []

    def _careful(self, data: bytearray, begin: int, stop: int) -> None:
        """One RTP packet (RFC 3550 §5.1), whatever it is."""
        self.packets += 1
        if stop - begin < _HEADER_BYTES or data[begin] >> 6 != 2 or data[begin + 1] & 0x7F != self._payload_type:
            return
        at, end = begin + _HEADER_BYTES, stop
        if data[begin] != 0x80:
            bounds = _payload(data, begin, stop)
            if bounds is None:
                return
            at, end = bounds
        seq = data[begin + 2] << 8 | data[begin + 3]
        if seq != self._expected and not self._jump(seq):
            return
        self._expected = (seq + 1) & 0xFFFF
        timestamp = int.from_bytes(data[begin + 4 : begin + 8], "big")
        if self._open and timestamp != self._timestamp:
            self._close()
        if end - at >= self._shape.header:
            if not self._open:
                if self._hole and self._begins_cleanly(data, at, end):
                    self._hole = False
                self._open_unit(timestamp)
            if self._hole:
                self._break()
                self._hole = False
            self._take(data, at, end)
        if data[begin + 1] & 0x80:
            self._markers = True
            if self._open:
                self._close()

    def _end(self, last: bytearray) -> None:
        """The last packet of a unit whose last NAL unit is in fragments."""
        self._parts.append(last)
        self._expected = (self._expected + 1) & 0xFFFF
        self._markers, self._middle = True, -1
        self._close()

    def _jump(self, seq: int) -> bool:
        """A sequence number that is not the next one; whether the packet is taken. One that comes late or twice is not,
        unless the sender goes on from there with the very next one (RFC 3550 A.1)."""
        if self._expected >= 0 and (seq - self._expected) & 0xFFFF >= 0x8000:
            late, self._late = self._late, ((seq + 1) & 0xFFFF, self._expected)
            if late != (seq, self._expected):
                return False
        self._hole = True
        return True

    def _begins_cleanly(self, data: bytearray, at: int, end: int) -> bool:
        """Whether a packet is the first of a picture or stands before one, so that nothing of its unit is missing that
        a decoder would miss: no slice, or the first slice (first_mb_in_slice 0, first_slice_segment_in_pic_flag)."""
        kind, first = self._kind_of[data[at]], at + self._shape.header
        if kind == self._shape.fragment:
            if first >= end or not data[first] & 0x80:
                return False
            kind, first = data[first] & (0x3F if self._kinds.hevc else 0x1F), first + 1
        elif kind == self._shape.aggregate:
            kind, first = self._kind_of[data[first + 2]] if first + 2 < end else -1, first + 2 + self._shape.header
        return kind not in self._slices or (first < end and data[first] & 0x80 != 0)

    def _open_unit(self, timestamp: int) -> None:
        step = (timestamp - self._last_ts) & 0xFFFFFFFF if self._last_ts >= 0 else 1
        if self._may_reorder and not self._hole and 0x1_0000_0000 - step <= REORDER_90K:
            self.odd = "its pictures come in another order than they are shown"
        self._begin(timestamp)
        self._open = True

    def _close(self) -> None:
        """The unit is complete, as far as it came."""
        self._open = False
        if self._middle >= 0 or self._hole or self._broken:
            self.damaged += 1
        elif self._parts:
            if self._has_picture:
                if self._timestamp == self._last_ts:
                    self.odd = "its pictures are marked as complete before they are"
                    return
                self._last_ts = self._timestamp
            timestamp = self._timestamp
            self.units.append(Arrival(True, b"".join(self._parts), timestamp, timestamp, self._came_ns))
        self._begin(self._timestamp)

    def _take(self, data: bytearray, at: int, end: int) -> None:
        """The payload of one packet."""
        if self._broken:
            return
        kind, shape = self._kind_of[data[at]], self._shape
        if kind == shape.fragment:
            self._fragment(data, at, end)
        elif self._middle >= 0:
            self._break()  # the fragment under way has not ended
        elif kind < shape.beyond:
            self._nal(data, at, end)
        elif kind == shape.aggregate:
            self._aggregate(data, at + shape.header, end)
        else:
            self._break()
        self._size += end - at

    def _nal(self, data: bytearray, at: int, end: int) -> None:
        self._nals += 1
        self._has_picture |= self._kind_of[data[at]] in self._slices
        self._parts.append(START)
        self._parts.append(data[at:end])

    def _aggregate(self, data: bytearray, at: int, end: int) -> None:
        """STAP-A (RFC 6184 §5.7.1) or AP (RFC 7798 §4.4.2), behind its header."""
        while end - at >= 2 and self._nals <= MAX_NALS:
            size = data[at] << 8 | data[at + 1]
            at += 2
            if size < self._shape.header or size > end - at or self._kind_of[data[at]] >= self._shape.beyond:
                self._break()
                return
            self._nal(data, at, at + size)
            at += size

    def _fragment(self, data: bytearray, at: int, end: int) -> None:
        """FU-A (RFC 6184 §5.8) or FU (RFC 7798 §4.4.3)."""
        hevc, body = self._kinds.hevc, at + self._shape.header + 1
        if end <= body:
            self._break()
            return
        flags = data[body - 1]
        kind = flags & (0x3F if hevc else 0x1F)
        if flags & 0x80:
            if self._middle >= 0 or kind >= self._shape.beyond:
                self._break()
                return
            self._nals += 1
            self._has_picture |= kind in self._slices
            first = data[at] & 0x81 | kind << 1 if hevc else data[at] & 0xE0 | kind
            self._parts.append(START + bytes((first, data[at + 1]) if hevc else (first,)))
            self._middle = int.from_bytes(data[at : body - 1], "big") << 8 | kind
        elif self._middle < 0 or self._middle & 0xFF != kind:
            self._break()
            return
        self._parts.append(data[body:end])
        if flags & 0x40:
            self._middle = -1


def _payload(data: bytearray, begin: int, stop: int) -> tuple[int, int] | None:
    """Where the payload of an RTP packet lies: behind CSRCs and extension, before the padding; None: it does not."""
    first = data[begin]
    at = begin + _HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if at + 4 > stop:
            return None
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3])
    if first & 0x20:
        padding = data[stop - 1]
        if padding == 0:
            return None
        stop -= padding
    return (at, stop) if at <= stop else None


_SENDER_REPORT = struct.Struct(">BBHIIII")
_NTP_TO_UNIX_S = 2_208_988_800
# Wall times of a camera that has none: 1900, 1970, or the end of the era (2036, RFC 5905 §6). 2001 to 2036 is one.
_SANE_S = range(3_187_296_000, 0xFFFF_0000)


def sender_time(packet: bytes | bytearray) -> tuple[int, int] | None:
    """(wall time in ns UTC, RTP timestamp) of an RTCP sender report (RFC 3550 §6.4.1) at the start of a compound
    packet; None where it is none, or its clock has plainly not been set."""
    if len(packet) < 28 or packet[0] >> 6 != 2 or packet[1] != 200:
        return None
    _, _, _, _, seconds, fraction, timestamp = _SENDER_REPORT.unpack_from(packet)
    if seconds not in _SANE_S:
        return None
    return (seconds - _NTP_TO_UNIX_S) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32), timestamp
