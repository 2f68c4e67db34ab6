"""RTP to access units: what is whole comes out as it was, what is not is left out, and nothing is unbounded."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.nal import START
from ingest.rtp import MAX_PARTS, SLACK_BYTES, Depacketizer, sender_time
from tests.ingest.hostile import framed, rtp
from vms.domain.media import Codec
from vms.simulator.packetize import aggregate, fragment

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
# A first slice, and what may stand before one, of each codec.
SLICE = {Codec.H264: b"\x41\x9a", Codec.H265: b"\x02\x01\x80"}
BEFORE = {Codec.H264: b"\x06\x05", Codec.H265: b"\x4e\x01\x05"}


def feed(depacketizer: Depacketizer, data: bytes, cuts: Sequence[int] = ()) -> list[bytes]:
    """Feed bytes in pieces, as a socket gives them; the units that came out."""
    buffer, at = bytearray(data + bytes(SLACK_BYTES)), 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        at = depacketizer.feed(buffer, at, end)
    assert at == len(data)
    units, depacketizer.units = depacketizer.units, []
    return [unit.data for unit in units]


def nals(codec: Codec, sizes: Sequence[int]) -> list[bytes]:
    """An access unit of NAL units: all but the last before the slice."""
    *before, last = sizes
    return [BEFORE[codec] + b"s" * size for size in before] + [SLICE[codec] + b"p" * last]


def packets(codec: Codec, units: Sequence[Sequence[bytes]], limit: int, seq: int = 0, ts: int = 0) -> list[bytes]:
    """RTP packets: what is before the slice in one aggregate where it fits, the rest in fragments; marked ends."""
    made: list[bytes] = []
    hevc = codec is Codec.H265
    for n, unit in enumerate(units):
        whole = [nal for nal in unit[:-1] if len(nal) < 60]
        payloads = [aggregate(whole, h265=hevc)] if len(whole) > 1 else []
        rest = [nal for nal in unit if nal not in whole] if payloads else unit
        payloads += [piece for nal in rest for piece in fragment(nal, h265=hevc, limit=limit)]
        for i, payload in enumerate(payloads):
            made.append(rtp(payload, seq + len(made), ts + n * 3600, marker=i == len(payloads) - 1))
    return made


def annexb(unit: Sequence[bytes]) -> bytes:
    """The unit as it should come out."""
    return b"".join(START + nal for nal in unit)


SIZES = st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=4), min_size=1, max_size=6)


@BOTH
@given(
    sizes=SIZES,
    limit=st.integers(10, 200),
    cuts=st.lists(st.integers(0), max_size=8),
    seq=st.integers(0, 65535),
    ts=st.integers(0, 2**32 - 1),
)
def test_units_come_out_as_they_were_cut(
    codec: Codec, sizes: list[list[int]], limit: int, cuts: list[int], seq: int, ts: int
) -> None:
    """Law: whatever the sizes, wherever the bytes are split, whichever numbers wrap."""
    units = [sorted(sizes_of[:-1]) + sizes_of[-1:] for sizes_of in sizes]
    made = [sorted(nals(codec, unit)[:-1], key=lambda nal: len(nal) >= 60) + nals(codec, unit)[-1:] for unit in units]
    depacketizer = Depacketizer(codec, 96, 0)
    data = b"".join(framed(p) for p in packets(codec, made, limit, seq, ts))
    assert feed(depacketizer, data, cuts) == [annexb(unit) for unit in made]
    assert (depacketizer.damaged, depacketizer.odd) == (0, "")


@BOTH
@given(sizes=st.lists(st.integers(0, 400), min_size=2, max_size=8), lost=st.sets(st.integers(0, 30), max_size=6))
def test_what_lost_a_packet_is_left_out_and_nothing_else(codec: Codec, sizes: list[int], lost: set[int]) -> None:
    """Law: a unit is given whole or not at all, and all that lost nothing are given."""
    units = [nals(codec, [size]) for size in sizes]
    all_of = packets(codec, units, 60)
    kept = [p for i, p in enumerate(all_of) if i not in lost]
    depacketizer = Depacketizer(codec, 96, 0)
    got = feed(depacketizer, b"".join(framed(p) for p in kept))
    damaged = {p[4:8] for i, p in enumerate(all_of) if i in lost}
    whole = [annexb(u) for n, u in enumerate(units) if struct.pack("!I", n * 3600) not in damaged]
    assert got == whole


@BOTH
@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 3)), max_size=30))
def test_any_payloads_are_borne(codec: Codec, junk: list[tuple[bytes, bool, int]]) -> None:
    """Law: no exception, and an honest unit behind it comes out."""
    depacketizer = Depacketizer(codec, 96, 0)
    data = b"".join(framed(rtp(body, i, ts, marker=marker)) for i, (body, marker, ts) in enumerate(junk))
    feed(depacketizer, data)
    unit = nals(codec, [5, 200])
    behind = packets(codec, [unit], 60, seq=len(junk), ts=90_000)
    assert feed(depacketizer, b"".join(framed(p) for p in behind))[-1] == annexb(unit)


@BOTH
@given(st.lists(st.binary(max_size=90), max_size=20))
def test_any_frames_are_borne(codec: Codec, junk: list[bytes]) -> None:
    """Law: the same for bytes that are no RTP at all."""
    feed(Depacketizer(codec, 96, 0), b"".join(framed(body) for body in junk))


def test_it_stops_before_what_is_not_its_own() -> None:
    """Another channel, a reply, half a frame."""
    unit = framed(rtp(b"\x41\x9a", 0, 0, marker=True))
    for other in (framed(b"x" * 30, 1), b"RTSP/1.0 200 OK\r\n", unit[:-1], unit[:3]):
        depacketizer = Depacketizer(Codec.H264, 96, 0)
        data = bytearray(unit + other + bytes(SLACK_BYTES))
        assert depacketizer.feed(data, 0, len(unit + other)) == len(unit)
        assert len(depacketizer.units) == 1


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("!BBHIIII", 0x82, 0xE0, 0, 0, 7, 1, 2) + b"\x41\x9apicture",
        struct.pack("!BBHIIHHI", 0x90, 0xE0, 0, 0, 7, 0xBEDE, 1, 9) + b"\x41\x9apicture",
        struct.pack("!BBHII", 0xA0, 0xE0, 0, 0, 7) + b"\x41\x9apicture\0\0\0\x04",
    ],
)
def test_csrcs_extension_and_padding_are_not_payload(packet: bytes) -> None:
    """RFC 3550 §5.1 and §5.3.1."""
    assert feed(Depacketizer(Codec.H264, 96, 0), framed(packet)) == [START + b"\x41\x9apicture"]


@pytest.mark.parametrize(
    "bad",
    [
        rtp(b"x" * 50, 0, 0, first=0x40, marker=True),
        rtp(b"x", 0, 0, first=0x8F, marker=True),
        rtp(b"xxxx\xff", 0, 0, first=0xA0, marker=True),
        rtp(b"xxxx\x00", 0, 0, first=0xA0, marker=True),
        rtp(b"\xbe\xde\xff\xff", 0, 0, first=0x90, marker=True),
        rtp(b"\xbe", 0, 0, first=0x90, marker=True),
        rtp(b"\x41\x9a", 0, 0, pt=33, marker=True),
        rtp(b"\x78\x00\x00", 0, 0, marker=True),
        rtp(b"\x78\xff\xff\x65\x01", 0, 0, marker=True),
        rtp(b"\x7c\x05" + b"x" * 50, 0, 0, marker=True),
        rtp(b"\x7c\x85" + b"x" * 50, 0, 0, marker=True),
        rtp(b"\x7c\x9c" + b"x" * 50, 0, 0, marker=True),
        rtp(b"\x7c", 0, 0, marker=True),
        rtp(b"\x7c\xc5", 0, 0, marker=True),
        rtp(b"\x79\x00\x00", 0, 0, marker=True),
        rtp(b"\x7f" + b"x" * 20, 0, 0, marker=True),
        rtp(b"", 0, 0, marker=True),
        b"",
        b"\x80",
    ],
)
def test_malformed_packets_give_nothing(bad: bytes) -> None:
    """Version, CSRCs, padding and extension beyond the end, other payload types, broken aggregates and fragments."""
    assert feed(Depacketizer(Codec.H264, 96, 0), framed(bad)) == []


def test_a_stream_without_markers_is_cut_by_its_timestamps() -> None:
    """Each unit comes with the next one; the last one when the stream is over."""
    depacketizer = Depacketizer(Codec.H264, 96, 0)
    made = [rtp(b"\x41\x9a%d" % n, n, n * 3600) for n in range(3)]
    assert feed(depacketizer, b"".join(map(framed, made))) == [START + b"\x41\x9a0", START + b"\x41\x9a1"]
    depacketizer.flush()
    assert [unit.data for unit in depacketizer.units] == [START + b"\x41\x9a2"]


def test_a_unit_cut_short_by_the_end_is_not_given() -> None:
    """Where markers are used, what has none is not whole."""
    depacketizer = Depacketizer(Codec.H264, 96, 0)
    feed(depacketizer, framed(rtp(b"\x41\x9a", 0, 0, marker=True)) + framed(rtp(b"\x41\x9a", 1, 3600)))
    depacketizer.flush()
    assert depacketizer.units == []


def test_repeated_and_late_packets_are_ignored() -> None:
    """Twice, or from before; but a sender that begins anew is followed."""
    depacketizer = Depacketizer(Codec.H264, 96, 0)
    made = [framed(rtp(b"\x41\x9a%d" % n, 40_000 + n, n * 3600, marker=True)) for n in range(5)]
    twice = b"".join(p for packet in made for p in (packet, packet))
    assert len(feed(depacketizer, twice + made[1])) == 5
    again = [framed(rtp(b"\x41\x9a%d" % n, 20_000 + n, n * 3600 + 90_000, marker=True)) for n in range(4)]
    assert len(feed(depacketizer, b"".join(again))) == 3
    assert depacketizer.odd == ""


@pytest.mark.parametrize("may_reorder", [True, False])
def test_pictures_out_of_order_are_told(may_reorder: bool) -> None:
    """A step back is B-frames only where the parameter sets leave that open, nothing was lost, and it is no jump."""
    for steps, odd in (((0, 3600, 7200), False), ((0, 10_800, 3600), may_reorder), ((2**31, 0, 3600), False)):
        depacketizer = Depacketizer(Codec.H264, 96, 0, may_reorder=may_reorder)
        feed(depacketizer, b"".join(framed(rtp(b"\x41\x9a", n, ts, marker=True)) for n, ts in enumerate(steps)))
        assert bool(depacketizer.odd) == odd


def test_marks_inside_pictures_are_told() -> None:
    """Two slices of one time, both marked; parameter sets marked by themselves are nothing odd."""
    for payloads, odd in (((b"\x67x", b"\x68x", b"\x65\x88"), False), ((b"\x65\x88", b"\x65\x08"), True)):
        depacketizer = Depacketizer(Codec.H264, 96, 0)
        feed(depacketizer, b"".join(framed(rtp(p, n, 0, marker=True)) for n, p in enumerate(payloads)))
        assert bool(depacketizer.odd) == odd


@pytest.mark.parametrize("step", [1, 60_000])
def test_an_endless_fragment_is_given_up(step: int) -> None:
    """No more than 4 MB, nor than so many pieces; the next unit is whole."""
    depacketizer = Depacketizer(Codec.H264, 96, 0)
    feed(depacketizer, framed(rtp(b"\x7c\x85" + b"x" * step, 0, 0)))
    held = 0
    for seq in range(1, MAX_PARTS + 9):
        feed(depacketizer, framed(rtp(b"\x7c\x05" + b"x" * step, seq, 0)))
        held = max(held, len(depacketizer._parts) * step)
        if seq > 100 and step > 1:
            break
    assert held < 4_300_000
    assert depacketizer._parts == []
    assert feed(depacketizer, framed(rtp(b"\x41\x9a", seq + 1, 3600, marker=True))) == [START + b"\x41\x9a"]
    assert depacketizer.damaged == 1


def test_aggregates_of_very_many_are_given_up() -> None:
    """Packets full of the smallest NAL units."""
    depacketizer = Depacketizer(Codec.H264, 96, 0)
    many = b"\x78" + b"\x00\x01\x09" * 20_000
    assert feed(depacketizer, b"".join(framed(rtp(many, n, 0, marker=n == 3)) for n in range(4))) == []


def report(ntp_s: int, fraction: int = 0) -> bytes:
    """A sender report."""
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, ntp_s, fraction, 1234, 1, 1)


def test_sender_reports_give_the_cameras_time() -> None:
    """NTP to nanoseconds UTC; clocks that were never set, and cut reports, give nothing."""
    assert sender_time(report(2_208_988_800 + 1_790_000_000, 1 << 31)) == (1_790_000_000_500_000_000, 1234)
    for odd in (report(0), report(2_208_988_800), report(0xFFFFFFFF), report(3_500_000_000)[:27], b"", b"\x80\xc8"):
        assert sender_time(odd) is None
    assert sender_time(b"\x81\xcb\x00\x01" + bytes(30)) is None


@given(st.binary(max_size=60))
def test_any_report_is_borne(data: bytes) -> None:
    """Law: a time or nothing."""
    assert sender_time(b"\x80\xc8" + data) is None or len(data) >= 26
