"""The pure parts: barcode, SEI, packetizer, Digest, RTSP messages, faults, options."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms.errors import InputError
from vms.simulator import barcode, digest, faults, packetize, rtsp, sei
from vms.simulator.__main__ import parse
from vms.simulator.options import Picture

U64 = st.integers(0, 2**64 - 1)


@given(U64, U64, st.booleans())
@settings(max_examples=150)
def test_sei_survives_any_numbers(number: int, sent_ns: int, h265: bool) -> None:
    """Whatever the numbers, the message is read back and holds no start code."""
    nal = sei.build(number, sent_ns, h265=h265)
    assert sei.parse(nal) == (number, sent_ns)
    assert all(code not in nal for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
    assert sei.find(b"\0\0\0\1\x67abc\0\0\0\1" + nal + b"\0\0\1\x65rest") == (number, sent_ns)


def test_sei_of_somebody_else_is_none() -> None:
    """Another user's message, a truncated one and none at all give None."""
    nal = sei.build(5, 6)
    assert sei.parse(nal.replace(sei.SEI_UUID[:4], b"abcd")) is None
    assert sei.parse(nal[:20]) is None
    assert sei.find(b"\0\0\1\x65nothing") is None


@pytest.mark.parametrize("height", [72, 108, 180, 360, 480, 720, 1080])
def test_barcode_is_read_at_its_size(height: int) -> None:
    """Every bit pattern of twelve bits is read back, neutral in colour."""
    width = height * 16 // 9 // 2 * 2
    for k in (0, 1, 2, 499, 1365, 2730, 4095):
        picture = np.full((height * 3 // 2, width), 120, np.uint8)
        barcode.draw(picture, k)
        assert barcode.read(picture[:height]) == k
        assert picture.reshape(-1)[height * width] == 128


def test_no_barcode_no_number() -> None:
    """A black, a white, a grey and a noisy picture have none."""
    noise = np.random.default_rng(3).integers(0, 255, (180, 320), dtype=np.uint8)
    for picture in (
        np.zeros((180, 320), np.uint8),
        np.full((180, 320), 255, np.uint8),
        np.full((180, 320), 120, np.uint8),
        noise,
    ):
        assert barcode.read(picture) is None


@given(st.binary(min_size=1, max_size=9000), st.booleans(), st.integers(200, 1400))
@settings(max_examples=100)
def test_fragments_join_to_the_unit(body: bytes, h265: bool, limit: int) -> None:
    """FU-A and FU payloads fit the limit, mark start and end once and join to the NAL unit again."""
    header = b"\x26\x01" if h265 else b"\x65"
    nal = header + body
    pieces = packetize.fragment(nal, h265=h265, limit=limit)
    assert all(len(piece) <= limit for piece in pieces)
    if len(pieces) == 1:
        assert pieces == [nal]
        return
    at = len(header)
    assert [bool(piece[at] & 0x80) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [bool(piece[at] & 0x40) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert b"".join(piece[at + 1 :] for piece in pieces) == body
    kinds = {piece[0] >> 1 & 0x3F if h265 else piece[0] & 0x1F for piece in pieces}
    assert kinds == ({49} if h265 else {28})


def test_stamp_lies_between_parameters_and_slices() -> None:
    """Key: one STAP-A of SPS, PPS, SEI. Small slice: one STAP-A with the SEI. Large slice: the SEI alone before it."""
    sps, pps, idr, small, large = b"\x67a", b"\x68b", b"\x65" + bytes(3000), b"\x41" + bytes(50), b"\x41" + bytes(3000)
    stamp = sei.build(1, 2)
    key = packetize.Unit.cut([sps, pps, idr], is_key=True, shift=0, h265=False).payloads(stamp)
    assert key[0] == packetize.aggregate([sps, pps, stamp], h265=False)
    assert key[1][0] & 0x1F == 28
    little = packetize.Unit.cut([small], is_key=False, shift=0, h265=False).payloads(stamp)
    assert little == (packetize.aggregate([stamp, small], h265=False),)
    big = packetize.Unit.cut([large], is_key=False, shift=0, h265=False).payloads(stamp)
    assert big[0] == stamp
    assert len(big) == 4


def test_digest_is_that_of_the_rfc() -> None:
    """The example of RFC 2617 3.5, with qop=auth."""
    given = {
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    }
    assert digest.response("GET", given, "Mufasa", "Circle Of Life") == "6629fae49393a05397450978507c4ef1"


def test_digest_judges() -> None:
    """Nothing, a wrong password, another nonce, the right answer; no user name: everybody."""
    own = digest.Digest("u", "p")

    def header(password: str, nonce: str) -> str:
        given = {"username": "u", "realm": own.realm, "nonce": nonce, "uri": "rtsp://h/x"}
        given["response"] = digest.response("PLAY", given, "u", password)
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in given.items())

    assert own.judge("PLAY", None) is digest.Verdict.WRONG
    assert own.judge("PLAY", "Basic dTpw") is digest.Verdict.WRONG
    assert own.judge("PLAY", header("wrong", own.nonce)) is digest.Verdict.WRONG
    assert own.judge("PLAY", header("p", "0123")) is digest.Verdict.STALE
    assert own.judge("DESCRIBE", header("p", own.nonce)) is digest.Verdict.WRONG
    assert own.judge("PLAY", header("p", own.nonce)) is digest.Verdict.RIGHT
    assert digest.Digest("", "").judge("PLAY", None) is digest.Verdict.RIGHT
    assert "hunter2" not in repr(digest.Digest("u", "hunter2"))


def test_requests_are_read_at_any_split() -> None:
    """Requests between interleaved packets are found wherever the bytes are cut."""
    data = b"$\x01\x00\x03abc" + b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" + b"$\x01\x00\x00"
    data += b"GET_PARAMETER rtsp://h:1/a/b/ RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\n\r\n\r\n"
    for cut in range(len(data)):
        reader = rtsp.Reader()
        found = [*reader.feed(data[:cut]), *reader.feed(data[cut:])]
        assert [(r.method, r.path, r.headers["cseq"]) for r in found] == [
            ("OPTIONS", "", "1"),
            ("GET_PARAMETER", "a/b", "2"),
        ]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nno colon here\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: 9223372036854775808\r\n\r\n",
        b"x" * 20_000,
    ],
)
def test_what_is_no_rtsp_is_refused(data: bytes) -> None:
    """Another protocol, broken headers, absurd lengths, a head without end."""
    with pytest.raises(InputError):
        list(rtsp.Reader().feed(data))


def test_transports() -> None:
    """The first one served here is taken; multicast and nonsense are not."""
    assert rtsp.parse_transport("RTP/AVP;multicast, RTP/AVP/TCP;unicast;interleaved=2-3") == rtsp.Transport(True, 2, 3)
    assert rtsp.parse_transport("RTP/AVP;unicast;client_port=5000-5001") == rtsp.Transport(False, 5000, 5001)
    assert rtsp.parse_transport("RTP/AVP;unicast;client_port=70000-70001") is None
    assert rtsp.parse_transport("RAW/RAW/UDP;unicast") is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"fault":"explode"}',
        b'{"fault":"loss","rate":2}',
        b'{"fault":"close_every","seconds":0}',
        b'{"fault":"resolution","size":"big"}',
    ],
)
def test_bad_orders_are_refused(line: bytes) -> None:
    """What the control port does not understand it says so."""
    with pytest.raises(InputError):
        faults.parse(line)


def test_command_line() -> None:
    """The flags of a benchmark's load make its options; odd sizes are refused."""
    options, until = parse(["--cameras", "32", "--streams", "main", "--main-kbps", "3000", "--password", "x"])
    assert options.cameras == 32
    assert options.streams == (("main", Picture(kbps=3000)),)
    assert not until
    for wrong in (["--main-size", "641x360"], ["--streams", "third"], ["--cameras", "0"], ["--loop-s", "1000"]):
        with pytest.raises(SystemExit):
            parse(wrong)
