"""Cameras that lie, garble, stall or attack: the process lives, the state says why, nothing takes too long.

Each table is served at once, a camera per line, by one node: what one of them does must not touch the others.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import pytest

from ingest.nal import split
from ingest.patience import WorkerOptions
from tests.ingest.hostile import Clocked, Script, Send, framed, hostile, play, rtp, sdp
from tests.ingest.rig import FAST, Rig, camera, running
from tests.ingest.synth import timed
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.gap import GapCause
from vms.domain.media import Codec, EndReason, StreamCondition
from vms.errors import CameraError

QUICK = replace(FAST, open_timeout_s=0.7, stall_s=1.0, no_key_s=0.7)
BAD = {
    StreamCondition.UNREACHABLE,
    StreamCondition.STALLED,
    StreamCondition.UNSUPPORTED,
    StreamCondition.AUTH_FAILED,
    StreamCondition.CONNECTING,
}

Reply = Callable[[str, dict[str, str]], bytes | None]


def to(wanted: str, raw: bytes) -> Reply:
    """Answer one method with these bytes, the rest honestly."""
    return lambda method, _headers: raw if method == wanted else None


def describing(headers: str, body: str = "") -> Reply:
    """Answer DESCRIBE with these headers."""
    return lambda method, h: (
        f"RTSP/1.0 200 OK\r\nCSeq: {h.get('cseq')}\r\n{headers}\r\n\r\n{body}".encode()
        if method == "DESCRIBE"
        else None
    )


def refusing(_method: str, headers: dict[str, str]) -> bytes:
    """401 each time, with another nonce each time."""
    nonce = os.urandom(8).hex()
    challenge = f'WWW-Authenticate: Digest realm="x", nonce="{nonce}", stale=true'
    return f"RTSP/1.0 401 Unauthorized\r\nCSeq: {headers.get('cseq')}\r\n{challenge}\r\n\r\n".encode()


def redirecting(place: str) -> Reply:
    """302 to somewhere else, for every method."""
    return lambda _method, h: f"RTSP/1.0 302 Moved\r\nCSeq: {h.get('cseq')}\r\nLocation: {place}\r\n\r\n".encode()


BEFORE_PLAY = {
    "status line of 1 MB": Script(reply=to("DESCRIBE", b"RTSP/1.0 200 " + b"x" * 1_000_000 + b"\r\n\r\n")),
    "header without end": Script(reply=to("DESCRIBE", b"RTSP/1.0 200 OK\r\nX: " + b"y" * 200_000)),
    "a million headers": Script(reply=to("DESCRIBE", b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 200_000)),
    "half a header, then silence": Script(reply=to("DESCRIBE", b"RTSP/1.0 200 OK\r\nCont")),
    "length 2^63": Script(reply=describing("Content-Length: 9223372036854775808")),
    "length 2^31": Script(reply=describing("Content-Length: 2147483647")),
    "length negative": Script(reply=describing("Content-Length: -1")),
    "length in words": Script(reply=describing("Content-Length: abc")),
    "length longer than the body": Script(reply=describing("Content-Length: 4000", sdp())),
    "401 for ever": Script(reply=refusing),
    "unknown sign-in": Script(
        reply=to("DESCRIBE", b"RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Kerberos x\r\n\r\n")
    ),
    "another protocol": Script(reply=to("DESCRIBE", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    "a greeting": Script(greet=b"SSH-2.0-OpenSSH_9\r\n\r\n"),
    "binary garbage": Script(greet=os.urandom(4096) + b"\r\n\r\n"),
    "nothing at all": Script(reply=lambda _m, _h: b""),
    "error 500": Script(reply=to("DESCRIBE", b"RTSP/1.0 500 Oops\r\nCSeq: 1\r\n\r\n")),
    "no such path": Script(reply=to("DESCRIBE", b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")),
    "SDP of 10 MB": Script(description=sdp() + "a=x\r\n" * 2_000_000),
    "SDP of 10,000 tracks": Script(description=sdp() * 10_000),
    "SDP of 100 tracks": Script(description=sdp() + "m=video 0 RTP/AVP 96\r\n" * 100),
    "SDP empty": Script(description=""),
    "SDP without video": Script(description="v=0\r\ns=x\r\nm=audio 0 RTP/AVP 0\r\na=control:t\r\n"),
    "SDP of garbage": Script(description="\x00\xff" * 500),
    "MJPEG": Script(description="v=0\r\ns=x\r\nm=video 0 RTP/AVP 26\r\na=control:t\r\n"),
    "unknown codec": Script(description=sdp(encoding="VC1X")),
    "SETUP refused": Script(reply=to("SETUP", b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n")),
    "SETUP to another channel": Script(transport="RTP/AVP/TCP;unicast;interleaved=98-99;ssrc=DEADBEEF"),
    "PLAY refused": Script(reply=to("PLAY", b"RTSP/1.0 455 No\r\nCSeq: 4\r\n\r\n")),
    "one byte a second": Script(chunk=1, chunk_gap_s=1.0),
}


@asynccontextmanager
async def all_of(table: Mapping[str, Script], worker: WorkerOptions = QUICK) -> AsyncIterator[Rig]:
    """A node with a camera per line of the table; the camera's id is the line's name."""
    async with AsyncExitStack() as stack:
        cameras = []
        for name, script in table.items():
            server = await stack.enter_async_context(hostile(script))
            cameras.append(called(name, camera(server.url, "u", "geheim")))
        yield await stack.enter_async_context(running(*cameras, worker=worker))


def called(name: str, cam: Camera) -> Camera:
    """The camera with another id."""
    stream = replace(cam.streams[0], ref=StreamRef(name, StreamName.MAIN))
    return replace(cam, id=name, slug=name, streams=(stream,))


async def test_bad_handshakes_end_in_a_state() -> None:
    """Every one is over within the time-outs, in a state with a cause and a reason in words, and stops at once."""
    async with all_of(BEFORE_PLAY) as rig:

        def silent() -> set[str]:
            return set(BEFORE_PLAY) - {s.stream.camera for s in rig.states() if s.why}

        with suppress(TimeoutError):
            await rig.until(lambda: not silent(), 12)
        assert silent() == set()
        for state in rig.states():
            assert not state.why or (state.condition in BAD and state.cause), state
        assert "geheim" not in repr(rig.items)
        assert [run.stream.camera for run in rig.runs()] == []
        began = time.monotonic()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "http://127.0.0.1:{}/x", "rtsp://127.0.0.1:{}/x", "rtsp://169.254.169.254/x"]
)
async def test_a_redirect_is_refused_and_not_followed(place: str) -> None:
    """Whoever it points to is not even connected to."""
    touched = asyncio.Event()

    async def inner(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        touched.set()
        writer.close()

    victim = await asyncio.start_server(inner, "127.0.0.1", 0)
    script = Script(reply=redirecting(place.format(victim.sockets[0].getsockname()[1])))
    try:
        async with hostile(script) as server, running(camera(server.url), worker=QUICK) as rig:
            state = await rig.until_condition(StreamCondition.UNSUPPORTED)
            assert "redirects" in state.why
            assert server.requests == ["DESCRIBE"]
            assert not touched.is_set()
    finally:
        victim.close()
        await victim.wait_closed()


async def test_refused_passwords_are_few() -> None:
    """A camera that answers 401 to everything is asked three times, then left alone."""
    async with all_of({"cam": Script(reply=refusing)}, replace(QUICK, backoff_s=0.02)) as rig:
        await rig.until_condition(StreamCondition.AUTH_FAILED)
        await asyncio.sleep(0.7)
        assert rig.fleet.workers[StreamRef("cam", StreamName.MAIN)]._refusals == 3


def looping(make: Callable[[Clocked, int], list[bytes]], **about: int) -> Callable[[Send], Awaitable[None]]:
    """Media of a clocked stream, each unit made by the function."""

    async def media(send: Send) -> None:
        clocked = Clocked(**about)
        for i in itertools.count():
            await play(send, [make(clocked, i)])

    return media


def preceded(*junk: bytes) -> Callable[[Send], Awaitable[None]]:
    """Honest media with junk packets before each unit."""
    return looping(lambda clocked, _i: [*junk, *clocked.unit()])


def reordered(clocked: Clocked, i: int) -> list[bytes]:
    packets = clocked.unit()
    return packets[::-1] if i % 10 == 5 else packets


def report(ntp_s: int) -> bytes:
    """An RTCP sender report (RFC 3550 §6.4.1)."""
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, ntp_s, 0, 0, 1, 1)


async def with_rtcp(send: Send, *packets: bytes) -> None:
    """Honest media with RTCP on channel 1 before each unit."""
    clocked = Clocked()
    while True:
        await send(b"".join(framed(packet, 1) for packet in packets))
        await play(send, [clocked.unit()])


STILL_LIVE: dict[str, Script] = {
    "every byte alone": Script(chunk=1),
    "SETUP to channels that are none": Script(transport="RTP/AVP/TCP;interleaved=999999999999-x;;;="),
    "SDP without origin": Script(description=sdp(head="v=0\r\n")),
    "SDP without parameter sets": Script(description=sdp(sprop=None)),
    "bad base64 in sprop": Script(description=sdp(sprop="!!!,,===")),
    "empty frames": Script(media=preceded(b"")),
    "frames of 65535 bytes of nothing": Script(media=preceded(bytes(65535))),
    "RTP version 0": Script(media=preceded(rtp(b"x" * 50, 1, 1, first=0x00))),
    "RTP version 1": Script(media=preceded(rtp(b"x" * 50, 1, 1, first=0x40))),
    "RTP version 3": Script(media=preceded(rtp(b"x" * 50, 1, 1, first=0xC0))),
    "another payload type": Script(media=preceded(rtp(b"x" * 50, 1, 1, pt=33))),
    "timestamps about to wrap": Script(media=looping(lambda c, _i: c.unit(), ts0=2**32 - 20 * 3600)),
    "sequence about to wrap": Script(media=looping(lambda c, _i: c.unit(), seq0=65_520)),
    "SSRC of each unit another": Script(media=looping(lambda c, i: c.unit(ssrc=i))),
    "packets out of order": Script(media=looping(reordered)),
    "packets twice": Script(media=looping(lambda c, _i: [p for p in c.unit() for _ in (0, 1)])),
    "one jump of an hour": Script(media=looping(lambda c, i: c.unit(ts=i * 3600 + (i > 20) * 324_000_000))),
    "one jump back of an hour": Script(media=looping(lambda c, i: c.unit(ts=i * 3600 - (i > 20) * 324_000_000))),
    "constant timestamps": Script(media=looping(lambda c, _i: c.unit(ts=42))),
    "reports of 1900": Script(media=lambda send: with_rtcp(send, report(0))),
    "reports of 2106": Script(media=lambda send: with_rtcp(send, report(0xFFFFFFFF))),
    "flood of BYE": Script(media=lambda send: with_rtcp(send, *[struct.pack("!BBHI", 0x81, 203, 1, 7)] * 50)),
    "ten times the rate": Script(media=looping(lambda c, _i: [p for _ in range(10) for p in c.unit()])),
}


async def test_odd_streams_are_recorded() -> None:
    """What can be made use of is: packets come, in order, with sane times."""
    async with all_of(STILL_LIVE, replace(QUICK, open_timeout_s=3.0, stall_s=5.0)) as rig:
        began_ns = time.time_ns()

        def missing() -> dict[str, int]:
            came = Counter(p.stream.camera for p in rig.packets())
            return {name: came[name] for name in STILL_LIVE if came[name] < 60}

        with suppress(TimeoutError):
            await rig.until(lambda: not missing(), 25)
        assert missing() == {}
        assert_in_order(rig)
        for started in rig.runs():
            packets = [p for p in rig.packets() if p.run == started.run.id]
            # the clock of "ten times the rate" runs ten times too fast: at most a second a unit ahead of arrival
            assert packets[-1].dts_90k < 90_000 * 120
            assert abs(packets[0].wall_ns - began_ns) < 60 * 10**9


def assert_in_order(rig: Rig) -> None:
    """Every Run counts without a hole, and its time grows."""
    for started in rig.runs():
        packets = [p for p in rig.packets() if p.run == started.run.id]
        assert [p.seq for p in packets] == list(range(len(packets)))
        assert all(b.dts_90k > a.dts_90k for a, b in itertools.pairwise(packets))


JUNK: dict[str, Callable[[Send], Awaitable[None]]] = {
    "RTCP cut short": lambda send: with_rtcp(send, b"\x80", b"\x80\xc8", b"\x9f\xc8\xff\xff"),
    "silence": lambda _send: asyncio.sleep(0),
    "CSRC beyond the end": preceded(rtp(b"x", 1, 1, first=0x8F)),
    "padding beyond the end": preceded(rtp(b"xxxx\xff", 1, 1, first=0xA0)),
    "extension beyond the end": preceded(rtp(b"\xbe\xde\xff\xff", 1, 1, first=0x90)),
    "STAP-A of size 0": preceded(rtp(b"\x78\x00\x00", 1, 1)),
    "STAP-A overlong": preceded(rtp(b"\x78\xff\xff\x65\x01", 1, 1)),
    "FU-A without start": preceded(rtp(b"\x7c\x05" + b"x" * 500, 1, 1)),
    "FU-A without end": preceded(rtp(b"\x7c\x85" + b"x" * 500, 1, 1)),
    "FU-A of no bytes": preceded(rtp(b"\x7c", 1, 1), rtp(b"", 2, 1)),
    "reserved NAL types": preceded(rtp(b"\x1e" + b"x" * 20, 1, 1), rtp(b"\x1f" + b"x" * 20, 2, 1)),
    "empty NAL units": looping(lambda _c, i: [rtp(b"\x65", i, i * 3600, marker=True)]),
    "random payloads": looping(lambda _c, i: [rtp(os.urandom(200), i, i * 3600, marker=True)]),
    "random frames": looping(lambda _c, _i: [os.urandom(100)]),
    "timestamps at random": looping(lambda c, i: c.unit(ts=i * 2_654_435_761)),
    "SPS of garbage": looping(lambda c, i: [rtp(b"\x67" + os.urandom(12), c.seq + i, c.n * 3600), *c.unit()]),
}


async def test_junk_is_contained() -> None:
    """Whatever comes of it, states and Runs stay in order, and an honest camera beside it loses nothing."""
    table = {name: Script(media=media) for name, media in JUNK.items()} | {"honest": Script()}
    async with all_of(table) as rig:
        await rig.until(lambda: sum(p.stream.camera == "honest" for p in rig.packets()) > 150, 20)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert [e.reason for e in rig.ends() if e.stream.camera == "honest"] == [EndReason.NODE_DOWN]
    assert_in_order(rig)


async def test_silence_after_play_is_a_stall() -> None:
    """Within the time set, with its cause."""
    async with all_of({"cam": Script(media=JUNK["silence"])}) as rig:
        began = time.monotonic()
        await rig.until(lambda: any(s.why for s in rig.states()), 10)
        assert time.monotonic() - began < 6
        assert rig.states()[-1].cause == GapCause.STREAM_STALLED


async def test_an_endless_access_unit_is_cut_off() -> None:
    """Fragments without end: no memory without bound; the watchdog ends it, whatever libav collects."""

    async def endless(send: Send) -> None:
        clocked = Clocked()
        await play(send, [clocked.unit() for _ in range(20)])
        for seq in itertools.count(clocked.seq):
            await send(framed(rtp(b"\x7c\x05" + b"x" * 60_000, seq, 20 * 3600)))
            await asyncio.sleep(0.002)  # 30 MB a second

    async with hostile(Script(media=endless)) as server, running(camera(server.url), worker=QUICK) as rig:
        await rig.until(lambda: any(s.why for s in rig.states()), 10)
        assert rig.ends()[0].reason in {EndReason.STREAM_STALLED, EndReason.STREAM_CORRUPT}
        assert max(len(p.payload) for p in rig.packets()) < 5_000_000


async def test_a_codec_that_changes_under_way_is_not_trusted() -> None:
    """H.264 in the description, H.265 in the packets: no Run of nonsense."""
    media = looping(lambda _c, i: [rtp(b"\x26\x01" + os.urandom(300), i, i * 3600, marker=True)])
    async with hostile(Script(media=media)) as server, running(camera(server.url), worker=QUICK) as rig:
        await rig.until(lambda: any(s.why for s in rig.states()), 10)
        assert rig.runs() == []


async def b_frames(send: Send) -> None:
    """Pictures in decoding order, their RTP times in the order of display (RFC 6184 §5.1)."""
    pictures, seq = timed(Codec.H264, frames=24, gop=12, b_frames=2), 0
    for turn in itertools.count():
        for shown, data in pictures:
            for nal in split(data):
                await send(framed(rtp(nal, seq, (turn * 24 + shown) * 3600)))
                seq += 1
            await asyncio.sleep(0.02)


async def test_b_frames_keep_their_order() -> None:
    """Decoding times a frame apart, every picture shown once, in the camera's order, from the first one on."""
    async with all_of({"cam": Script(media=b_frames)}) as rig:
        await rig.until_packets(48)
        packets = rig.packets()[:48]
    assert [p.dts_90k for p in packets] == [i * 3600 for i in range(48)]
    order = [shown + turn * 24 for turn in range(2) for shown, _ in timed(Codec.H264, frames=24, gop=12, b_frames=2)]
    first = packets[0].pts_90k
    assert [(p.pts_90k - first) // 3600 for p in packets] == order
    assert all(p.pts_90k >= p.dts_90k for p in packets)


def test_errors_of_ours_are_what_the_reader_expects() -> None:
    """All causes told are Gap causes."""
    known = {cause.value for cause in GapCause}
    codes = {kind.code for kind in CameraError.__subclasses__()}
    assert codes - known <= {"unsupported"}
