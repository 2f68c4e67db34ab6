"""Payloads of access units: what a receiver puts together again is what went in; batches the kernel takes. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.history import MAX_BYTES, MAX_FRAMES, History
from streamer.order import Order
from streamer.rtp import BATCH, PAYLOAD_BYTES, is_disposable, nal_units, packetize
from tests.streamer.packets import packet, unit

SPS, PPS, AUD, SEI = b"\x67\x42\xe0\x1f\x01", b"\x68\xce\x01", b"\x09\xf0", b"\x06\x05\x01"
VPS5, SPS5, PPS5 = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1"


def joined(payloads: tuple[bytes, ...], *, hevc: bool) -> list[bytes]:
    """The NAL units that a receiver reads (RFC 6184 §5.6 to 5.8, RFC 7798 §4.4)."""
    out: list[bytes] = []
    for payload in payloads:
        kind = payload[0] >> 1 & 63 if hevc else payload[0] & 31
        if kind == (48 if hevc else 24):
            at = 2 if hevc else 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                out.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == (49 if hevc else 28):
            bits, rest = (payload[2], payload[3:]) if hevc else (payload[1], payload[2:])
            if bits & 0x80:
                first = payload[0] & 0x81 | (bits & 63) << 1 if hevc else payload[0] & 0xE0 | bits & 31
                out.append(bytes([first]) + (payload[1:2] if hevc else b""))
            out[-1] += rest
        else:
            out.append(payload)
    return out


slices = st.lists(st.tuples(st.sampled_from([1, 5]), st.integers(1, 9000)), min_size=1, max_size=5)


@given(slices, st.booleans(), st.booleans())
def test_what_is_joined_again_is_what_went_in(made: list[tuple[int, int]], key: bool, hevc: bool) -> None:
    """Any slices of any size, with parameter sets or without, in either codec."""
    heads = {1: b"\x02\x01" if hevc else b"\x61", 5: b"\x26\x01" if hevc else b"\x65"}
    nals = [heads[kind] + b"\xaa" * size for kind, size in made]
    sets = ([VPS5, SPS5, PPS5] if hevc else [SPS, PPS]) if key else []
    frame = packetize(unit(*([] if hevc else [AUD, SEI]), *sets, *nals), hevc=hevc)
    assert joined(frame.payloads, hevc=hevc) == sets + nals
    assert max(map(len, frame.payloads)) <= PAYLOAD_BYTES
    covered = [n for start, end, _ in frame.batches for n in range(start, end)]
    assert covered == list(range(len(frame.payloads)))
    for start, end, size_bytes in frame.batches:
        sizes = [len(p) for p in frame.payloads[start:end]]
        assert sum(sizes) == size_bytes
        assert len(sizes) <= BATCH
        assert all(size == sizes[0] for size in sizes[:-1])
        assert sizes[-1] <= sizes[0]


def test_a_key_frame_as_browsers_like_it() -> None:
    """Parameter sets in one STAP-A with the highest importance, then fragments with start and end bits."""
    frame = packetize(unit(AUD, SPS, PPS, b"\x65" + b"\x11" * 2400), hevc=False)
    assert frame.payloads[0] == b"\x78\0\x05" + SPS + b"\0\x03" + PPS
    assert [p[:2] for p in frame.payloads[1:]] == [b"\x7c\x85", b"\x7c\x05", b"\x7c\x45"]
    assert frame.batches[0][:2] == (0, 1)


@pytest.mark.parametrize("junk", [b"", b"\0\0\1", b"\0\0\0\1\0\0\1\0\0", b"abc", unit(b"\x4c\x01"), unit(b"\x7c")])
def test_what_holds_no_picture_gives_nothing(junk: bytes) -> None:
    """Neither payload nor error, in either codec."""
    assert packetize(junk, hevc=False).payloads == ()
    assert packetize(junk, hevc=True).payloads == ()


@pytest.mark.parametrize("hevc", [False, True])
def test_parameter_sets_of_any_size_go_in_packets(hevc: bool) -> None:
    """What a hostile camera calls one: no datagram is larger than others, and nothing is left out."""
    head = b"\x42\x01" if hevc else b"\x67"
    sets = [head + b"\x55" * 70_000, head + b"\x66" * 70_000]
    frame = packetize(unit(*sets, SPS5 if hevc else SPS), hevc=hevc)
    assert max(map(len, frame.payloads)) <= PAYLOAD_BYTES
    assert joined(frame.payloads, hevc=hevc) == [*sets, SPS5 if hevc else SPS]


def test_start_codes_of_both_lengths_and_trailing_zeros() -> None:
    """Three bytes or four, and zeros behind a unit belong to nobody."""
    assert list(nal_units(b"\0\0\0\1\x67\1\0\0\0\1\x68\2\0\0\1\x65\3\0\0")) == [b"\x67\1", b"\x68\2", b"\x65\3"]


def test_a_history_makes_each_frame_once_and_is_bounded() -> None:
    """The same Frame for all; the group before the last goes; none of another Run."""
    history = History("r", hevc=False)
    first = packet(0, key=True)
    assert history.frame(first) is history.frame(first)
    assert history.frame(packet(1, run="other")) is None
    for n in range(1, 30):
        history.frame(packet(n, key=n % 10 == 0))
    assert set(history._frames) == set(range(10, 30))
    for n in range(30, 30 + 2 * MAX_FRAMES):
        history.frame(packet(n))
    assert len(history._frames) <= MAX_FRAMES


def test_a_history_is_bounded_by_bytes_too() -> None:
    """50 Mb/s without a key frame for a minute stay below the bound; one frame larger than all of it is served."""
    history = History("r", hevc=False)
    big = b"\0\0\1\x41" + b"\x88" * 250_000
    for n in range(1_500):
        assert history.frame(replace(packet(n, key=n == 0), payload=big)) is not None
        assert history.size_bytes <= MAX_BYTES
    assert history.size_bytes == sum(len(p) for frame in history._frames.values() for p in frame.payloads)
    assert (
        history.frame(replace(packet(2_000, key=True), payload=b"\0\0\1\x65" + b"\x88" * (MAX_BYTES + 1))) is not None
    )
    assert len(history._frames) == 1


def test_disposable_pictures_are_left_out_and_others_make_it_shuffled() -> None:
    """IPBB: the B-frames nobody refers to go, the rest plays in order; with referred ones it cannot be shown."""
    order = Order(hevc=False)
    taken = [order.takes(packet(n, pts=pts, kind=kind, key=n == 0)) for n, (pts, kind) in enumerate(
        [(2, 0x65), (5, 0x61), (3, 0x01), (4, 0x01), (8, 0x61), (6, 0x01), (7, 0x01)]
    )]  # fmt: skip
    assert taken == [True, True, False, False, True, False, False]
    assert (order.thinned, order.shuffled) == (True, False)
    assert order.takes(packet(7, pts=6, kind=0x41))
    assert order.shuffled


@pytest.mark.parametrize(("first", "hevc", "found"), [
    (b"\x01", False, True), (b"\x61", False, False), (b"\x65", False, False),
    (b"\x00\x01", True, True), (b"\x02\x01", True, False), (b"\x26\x01", True, False), (b"\x10\x01", True, True),
])  # fmt: skip
def test_who_is_disposable(first: bytes, hevc: bool, found: bool) -> None:
    """nal_ref_idc 0; TRAIL_N, RASL_N but no IDR."""
    assert is_disposable(unit(first + b"\x88\x88"), hevc=hevc) is found
