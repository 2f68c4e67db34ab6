"""What goes on the wire: SRTP that libsrtp opens over rollovers, resends, reports, sockets that refuse."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80
from aiortc.rtp import (
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    RtpPacket,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from streamer import rtcp
from streamer.media import MediaTransport
from streamer.negotiation import MediaOffer, VideoFormat
from streamer.playout import Playout
from streamer.rtp import packetize
from streamer.sender import HISTORY_NS, RESENDS, Budget, RtpSender, header_extensions
from streamer.srtp import Seal, gcm_seal, libsrtp_seal, sending_session, session_keys
from streamer.ssrcs import Ssrcs
from streamer.wire import Wire
from tests.streamer.packets import unit
from vms.clock import ManualClock

PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
FRAME = packetize(unit(b"\x67\x42\x01", b"\x68\xce", b"\x65" + b"\x9a" * 4000), hevc=False)
H264 = VideoFormat(96, "", 97, ())
EXTENSIONS = HeaderExtensionsMap()


def offer(*, rtx: bool = True, hevc: VideoFormat | None = None) -> MediaOffer:
    """An m-line with mid and playout delay."""
    video = H264 if rtx else VideoFormat(96, "", None, ())
    return MediaOffer("video", "12", "UDP/TLS/RTP/SAVPF", "96", video, 9, 5, hevc)


class Lane:
    """A wire into a list, one entry a packet."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.calls = 0

    def send(self, parts: Any, count: int) -> None:
        """See Wire."""
        self.calls += 1
        self.packets += [parts[at] + parts[at + 1] for at in range(0, 2 * count, 2)]


class Ends:
    """A sender, and libsrtp as its receiver."""

    def __init__(self, profile: Any, clock: ManualClock, **more: Any) -> None:
        master = bytes(range(profile.key_length + profile.salt_length))
        policy = Policy(key=master, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile.libsrtp_profile)
        policy.window_size, policy.allow_repeat_tx = 8192, True
        self._receiver = Session(policy)
        self._master, self._profile = master, profile
        self.lane = Lane()
        self.sender = RtpSender(offer(**more), clock, Budget(clock), Ssrcs())
        self._session = sending_session(profile.libsrtp_profile, master)

    def seal(self, ssrc: int) -> Seal:
        """As MediaTransport makes it."""
        if self._profile is SRTP_AES128_CM_SHA1_80:
            return libsrtp_seal(self._session)
        size = self._profile.key_length
        key, salt = session_keys(self._master[:size], self._master[size:])
        return gcm_seal(AESGCM(key), salt, ssrc)

    def begin(self, index: int = 100) -> None:
        """Numbers begin at `index`."""
        self.sender._video.index = index
        self.sender.begin(self.lane, self.seal)

    def opened(self) -> list[RtpPacket]:
        """What the receiver reads of all that was sent since the last time."""
        sent, self.lane.packets = self.lane.packets, []
        return [RtpPacket.parse(self._receiver.unprotect(packet), EXTENSIONS) for packet in sent]

    def send(self, rtp: int) -> None:
        """FRAME, all its batches."""
        for start, end, _ in FRAME.batches:
            self.sender.send(FRAME, start, end, rtp)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.openssl_profile.decode())
def test_libsrtp_opens_what_is_sent_over_two_rollovers(profile: Any, clock: ManualClock) -> None:
    """Every packet, though most between them are lost; right payload, number, time and marker; in each cipher."""
    ends = Ends(profile, clock)
    ends.begin(65_000)
    small = packetize(unit(b"\x61\x01"), hevc=False)
    numbers = list(range(65_000, 3 * 65_536, 37))
    for number in numbers:
        ends.sender._video.index = number
        ends.sender.send(small, 0, 1, 9)
    packets = ends.opened()
    assert [p.sequence_number for p in packets] == [number & 0xFFFF for number in numbers]
    assert {p.payload for p in packets} == {b"\x61\x01"}
    ends.send(7)
    packets = ends.opened()
    assert [p.payload for p in packets] == list(FRAME.payloads)
    assert [p.marker for p in packets] == [0] * (len(packets) - 1) + [1]
    assert {(p.timestamp, p.payload_type, p.ssrc) for p in packets} == {(7, 96, ends.sender.ssrcs[0])}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.openssl_profile.decode())
def test_a_nack_is_answered_by_rtx(profile: Any, clock: ManualClock) -> None:
    """Also for what lies before a rollover: its number first, then its payload, in a stream of its own."""
    ends = Ends(profile, clock)
    ends.begin(65_534)
    ends.send(5)
    ends.send(6)
    sent = {p.sequence_number: p for p in ends.opened()}
    ends.sender.resend([65_534, 0, 2, 40_000])
    again = ends.opened()
    assert {(p.ssrc, p.payload_type) for p in again} == {(ends.sender.ssrcs[1], 97)}
    for packet, number in zip(again, (65_534, 0, 2), strict=True):
        assert packet.payload == number.to_bytes(2, "big") + sent[number].payload
        assert (packet.timestamp, packet.marker) == (sent[number].timestamp, sent[number].marker)
    assert again[1].sequence_number == again[0].sequence_number + 1 & 0xFFFF
    assert ends.sender.resent == 3


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.openssl_profile.decode())
def test_without_rtx_a_packet_is_repeated_bit_by_bit(profile: Any, clock: ManualClock) -> None:
    """Or else a receiver takes it for an attack."""
    ends = Ends(profile, clock, rtx=False)
    ends.begin(65_534)
    ends.send(5)
    first, ends.lane.packets = ends.lane.packets, []
    ends.sender.resend([65_534, 1])
    assert ends.lane.packets == [first[0], first[3]]


def test_nacks_have_a_budget_and_an_end(clock: ManualClock) -> None:
    """A flood gets what the viewer may have and no more; what is older than the history gets nothing."""
    ends = Ends(SRTP_AEAD_AES_128_GCM, clock)
    ends.begin()
    ends.send(1)
    for _ in range(5000):
        ends.sender.resend([100, 101])
    assert ends.sender.resent == RESENDS
    clock._move(HISTORY_NS + 1)
    ends.send(2)
    ends.sender.resend([100])
    assert ends.sender.resent == RESENDS
    ends.sender.resend([105])
    assert ends.sender.resent == RESENDS + 1


def test_what_is_no_srtcp_of_the_viewer_is_passed_over() -> None:
    """Too long for libsrtp's binding, too short, not authentic: anybody can send it to the port."""
    profile = SRTP_AEAD_AES_128_GCM
    policy = Policy(
        key=bytes(profile.key_length + profile.salt_length),
        ssrc_type=Policy.SSRC_ANY_INBOUND,
        srtp_profile=profile.libsrtp_profile,
    )
    media = MediaTransport.__new__(MediaTransport)
    media._rx = Session(policy)
    for size in (12, 1500, 1501, 60_000):
        assert media.opened(b"\x80\xc9" + bytes(size - 2)) is None


def test_a_frame_goes_in_as_few_calls_as_its_sizes_allow(clock: ManualClock) -> None:
    """The parameter sets, then all fragments at once."""
    ends = Ends(SRTP_AEAD_AES_128_GCM, clock)
    ends.begin()
    ends.send(1)
    assert ends.lane.calls == 2


def test_reports_tell_what_was_sent(clock: ManualClock) -> None:
    """SR with the RTP time of now, and SDES; nothing where nothing new was sent."""
    ends = Ends(SRTP_AEAD_AES_128_GCM, clock)
    ends.begin()
    assert ends.sender.report(b"name") == b""
    ends.send(1000)
    clock._move(1_000_000_000)
    report, names = RtcpPacket.parse(ends.sender.report(b"name"))
    assert isinstance(report, RtcpSrPacket)
    assert isinstance(names, RtcpSdesPacket)
    info = report.sender_info
    assert (info.rtp_timestamp, info.packet_count) == (91_000, len(FRAME.payloads))
    assert info.octet_count == sum(map(len, FRAME.payloads))
    assert info.ntp_timestamp >> 32 == clock.now_ns() // 10**9 + 2_208_988_800
    assert names.chunks[0].items == [(1, b"name")]
    assert ends.sender.report(b"name") == b""
    assert isinstance(RtcpPacket.parse(rtcp.goodbye([5, 6]))[1], RtcpByePacket)


def test_hevc_goes_with_its_own_payload_type(clock: ManualClock) -> None:
    """Where the viewer offered it; else it is not sent at all."""
    ends = Ends(SRTP_AEAD_AES_128_GCM, clock, hevc=VideoFormat(110, "", 111, ()))
    ends.begin()
    frame = packetize(unit(b"\x26\x01" + b"\x77" * 50), hevc=True)
    ends.sender.send(frame, 0, 1, 3)
    assert [p.payload_type for p in ends.opened()] == [110]
    ends.sender.resend([100])
    assert [p.payload_type for p in ends.opened()] == [111]
    without = Ends(SRTP_AEAD_AES_128_GCM, clock)
    without.begin()
    without.sender.send(frame, 0, 1, 3)
    assert without.lane.packets == []


def test_header_extensions_are_fixed() -> None:
    """mid and a playout delay of 0 to 0 where they were offered, nothing where not (RFC 8285 one-byte headers)."""

    def packed(mid: int | None, playout: int | None) -> bytes:
        return header_extensions(MediaOffer("video", "12", "UDP/TLS/RTP/SAVPF", "96", None, mid, playout))

    assert packed(9, 5) == b"\xbe\xde\0\x02\x9112\x52\0\0\0\0"
    assert packed(None, 5) == b"\xbe\xde\0\x01\x52\0\0\0"
    assert packed(None, None) == b""


def test_a_viewer_far_away_that_loses_packets_holds_pictures_back(clock: ManualClock) -> None:
    """Two round trips and something; back to none when losses end; never for one who is near or loses nothing."""
    playout = Playout()
    playout.measured(100)
    assert not playout.note(250, 0)
    assert playout.note(250, 5)
    assert playout.delay_ms == 280
    for _ in range(25):
        playout.note(250, 0)
    assert playout.delay_ms == 0
    near = Playout()
    near.measured(3)
    assert not near.note(250, 50)
    ends = Ends(SRTP_AEAD_AES_128_GCM, clock)
    ends.begin()
    ends.sender.hold_back(280)
    ends.send(1)
    assert bytes.fromhex("52 01c01c") in ends.lane.packets[0]
    without = Ends(SRTP_AEAD_AES_128_GCM, clock, rtx=False)
    without.begin()
    without.sender.hold_back(280)
    without.send(1)
    assert bytes.fromhex("52 000000") in without.lane.packets[0]


def test_round_trips_are_read_from_reports() -> None:
    """Now less the SR less the time the viewer kept it; nothing where it had none, or where it cannot be."""
    wall_ns = 1_790_000_000_500_000_000
    sr = rtcp.sender_report(5, b"n", wall_ns=wall_ns, rtp=0, packets=1, octets=1)
    middle = int.from_bytes(sr[10:14], "big")
    report = rtcp.Report(5, middle, 65536 // 2)
    trip = report.round_trip_ms(wall_ns + 600_000_000)
    assert trip is not None
    assert abs(trip - 100) < 0.1
    assert rtcp.Report(5, 0, 0).round_trip_ms(wall_ns) is None
    assert report.round_trip_ms(wall_ns) is None
    written = bytes(RtcpRrPacket(ssrc=1, reports=[RtcpReceiverInfo(5, 0, 0, 0, 0, middle, 7)]))
    assert list(rtcp.parse(written)) == [rtcp.Report(5, middle, 7)]


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=60, unique=True))
def test_nacks_are_read_as_others_write_them(lost: list[int]) -> None:
    """aiortc's NACK of any numbers, in a compound packet with a PLI and a FIR."""
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=42, lost=sorted(lost))
    pli = b"\x81\xce\0\2" + bytes(7) + b"\x2a" * 1
    fir = b"\x84\xce\0\4" + bytes(8) + b"\0\0\0\x2b" + bytes(4)
    said = list(rtcp.parse(bytes(nack) + pli + fir))
    assert isinstance(said[0], rtcp.Nack)
    assert sorted(set(said[0].numbers)) == sorted(lost)
    assert said[1:] == [rtcp.WantsKey(42), rtcp.WantsKey(43)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_passed_over(noise: bytes) -> None:
    """Never an error."""
    for head in (b"", b"\x81\xc9\0\7", b"\x81\xcd\0\3", b"\x84\xce\0\4"):
        list(rtcp.parse(head + noise))


class Refusing:
    """A socket that answers as told."""

    def __init__(self, batch: int, single: int | None = None) -> None:
        self._batch, self._single = batch, single
        self.sent: list[bytes] = []

    def sendmsg(self, *_: Any) -> int:
        """Refuses."""
        raise OSError(self._batch, "refused")

    def sendto(self, data: bytes, _address: Any) -> int:
        """Takes, or refuses."""
        if self._single is not None:
            raise OSError(self._single, "refused")
        self.sent.append(data)
        return len(data)


class Pair:
    """A connection with this socket."""

    def __init__(self, sock: Any, address: Any = ("127.0.0.1", 9)) -> None:
        self._where = sock, address

    def nominated(self) -> Any:
        """See HostConnection."""
        return self._where


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL])
def test_a_kernel_that_cannot_cut_gets_single_packets(number: int) -> None:
    """Nothing is lost, and it is not tried again on this way."""
    sock = Refusing(number)
    wire = Wire(Pair(sock))
    wire.send([b"h1", b"a", b"h2", b"b"], 2)
    assert sock.sent == [b"h1a", b"h2b"]
    assert not wire.segments


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS, errno.ENETUNREACH])
def test_a_full_socket_drops(number: int) -> None:
    """Counted, without an error; batches go on being tried."""
    wire = Wire(Pair(Refusing(number, number)))
    wire.send([b"h1", b"a", b"h2", b"b"], 2)
    wire.send([b"h1", b"a"], 1)
    assert wire.segments


@pytest.fixture
def ends_of_udp() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets on the loopback."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.bind(("127.0.0.1", 0))
        other.settimeout(5)
        yield one, other


def test_the_kernel_cuts_a_batch_where_it_should(ends_of_udp: tuple[socket.socket, socket.socket]) -> None:
    """One call, and each packet arrives by itself with its own length."""
    one, other = ends_of_udp
    wire = Wire(Pair(one, other.getsockname()))
    parts = [b"h" * 12, b"a" * 1200, b"i" * 12, b"b" * 1200, b"j" * 12, b"c" * 7]
    wire.send(parts, 3)
    assert [other.recv(2000) for _ in range(3)] == [parts[at] + parts[at + 1] for at in (0, 2, 4)]


def test_no_ssrc_is_drawn_twice() -> None:
    """Not of two videos, not of a video and its RTX, not that of the sound, and never 0: they share one key."""
    drawn = iter([7, 0, 7, 9, 9, 9, 7, 11, 12])
    ssrcs = Ssrcs((7,), lambda _bits: next(drawn))
    clock = ManualClock()
    senders = [RtpSender(offer(), clock, Budget(clock), ssrcs) for _ in range(1)]
    assert [each.ssrcs for each in senders] == [(9, 11)]
    assert ssrcs.draw() == 12
