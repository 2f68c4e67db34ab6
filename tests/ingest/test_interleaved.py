"""The reader of the usual camera, against a server that speaks oddly: what it asks, what it bears, when libav reads."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import timestamps
from ingest.arrival import OpenOptions
from ingest.interleaved import PATIENT_BYTES, PATIENT_US, TICK_US, PlainSource
from ingest.nal import split
from ingest.plain import plain_track
from ingest.rtsp import authorization, channels, control_url, describe, session_of
from ingest.url import resolve
from tests.ingest.hostile import UNITS, Clocked, Script, Send, framed, hostile, play, rtp, sdp
from tests.ingest.rig import LOOPBACK, Rig, camera, running, with_sub
from tests.ingest.synth import sets_of, stream
from vms.domain.camera import RecordMode, StreamName
from vms.domain.media import Codec, EndReason, StreamCondition

OK = "RTSP/1.0 200 OK\r\nCSeq: {}\r\n{}\r\n"
PLAIN = ["DESCRIBE", "SETUP", "PLAY"]


def ok(headers: dict[str, str], extra: str = "Session: 1\r\n") -> bytes:
    """200 with these headers."""
    return OK.format(headers.get("cseq"), extra).encode()


async def units_of(script: Script, count: int, *, within_s: float = 10.0) -> tuple[Rig, list[str]]:
    """Read so many Packets from the script; what was seen, and what was asked."""
    async with hostile(script) as server, running(camera(server.url, "u", "geheim")) as rig:
        await rig.until_packets(count, within_s)
        return rig, server.requests[:]


@pytest.mark.parametrize("where", ["behind the reply", "before the reply"])
async def test_no_media_around_the_reply_to_play_is_lost(where: str) -> None:
    """Frames in the same segment as the reply, or already before it."""
    clocked = Clocked()
    first = b"".join(framed(p) for p in clocked.unit())

    def reply(method: str, headers: dict[str, str]) -> bytes | None:
        if method != "PLAY":
            return None
        return ok(headers) + first if where == "behind the reply" else first + ok(headers)

    async def media(send: Send) -> None:
        while True:
            await play(send, [clocked.unit()])

    rig, asked = await units_of(Script(reply=reply, media=media), 8)
    assert asked == PLAIN
    assert [split(p.payload) for p in rig.packets()[:6]] == [split(u) for u in UNITS[:6]]


async def test_replies_requests_and_junk_between_frames_are_borne() -> None:
    """Whatever stands between, every unit is there."""
    between = [
        b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nContent-Length: 5\r\n\r\n$hey$",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"ANNOUNCE rtsp://x/ RTSP/1.0\r\nContent-Length: 4\r\n\r\nv=0\n",
        b"\r\n\0\0",
        b"HELO you\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
        framed(b"x" * 40, 77),
        framed(b"", 1),
    ]

    async def media(send: Send) -> None:
        clocked = Clocked()
        for i in itertools.count():
            await send(between[i % len(between)])
            await play(send, [clocked.unit()])

    rig, _ = await units_of(Script(media=media), 24)
    assert len(rig.runs()) == 1
    assert [p.dts_90k for p in rig.packets()[:24]] == [i * 3600 for i in range(24)]


@pytest.mark.parametrize("refused", [False, True])
async def test_it_keeps_its_session_alive(*, refused: bool) -> None:
    """Before half the server's time-out; with OPTIONS where GET_PARAMETER is not known."""

    def reply(method: str, headers: dict[str, str]) -> bytes | None:
        if method == "SETUP":
            return ok(headers, "Session: 1;timeout=2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
        if method == "GET_PARAMETER" and refused:
            return f"RTSP/1.0 501 No\r\nCSeq: {headers.get('cseq')}\r\n\r\n".encode()
        return None

    async with hostile(Script(reply=reply)) as server, running(camera(server.url)) as rig:
        wanted = [*PLAIN, "GET_PARAMETER", *(["OPTIONS"] if refused else [])]
        await rig.until(lambda: server.requests == wanted, 5)
        await rig.until_packets(5)
        assert len(rig.runs()) == 1


async def test_channels_are_those_of_the_answer() -> None:
    """The server chooses; the others are skipped."""

    async def media(send: Send) -> None:
        clocked, other = Clocked(), Clocked(seq0=9000)
        while True:
            await send(b"".join(framed(p, 0) for p in other.unit()))
            await send(b"".join(framed(p, 4) for p in clocked.unit()))
            await asyncio.sleep(0.02)

    rig, _ = await units_of(Script(media=media, transport="RTP/AVP/TCP;unicast;interleaved=4-5"), 10)
    assert [split(p.payload) for p in rig.packets()[:6]] == [split(u) for u in UNITS[:6]]


async def test_a_nonce_that_ages_is_renewed() -> None:
    """Every method is signed; a stale nonce is no wrong password, however often."""
    nonces: list[str] = []

    def reply(_method: str, headers: dict[str, str]) -> bytes | None:
        if nonces and f'nonce="{nonces[-1]}"' in headers.get("authorization", ""):
            nonces.append(os.urandom(8).hex())
            return None
        nonces.append(os.urandom(8).hex())
        challenge = f'WWW-Authenticate: Digest realm="x", nonce="{nonces[-1]}", stale=true'
        return f"RTSP/1.0 401 Unauthorized\r\nCSeq: {headers.get('cseq')}\r\n{challenge}\r\n\r\n".encode()

    rig, asked = await units_of(Script(reply=reply), 10)
    assert asked == [m for method in PLAIN for m in (method, method)]
    assert StreamCondition.AUTH_FAILED not in {s.condition for s in rig.states()}


@pytest.mark.parametrize("method", ["SETUP", "PLAY"])
async def test_a_redirect_under_way_is_refused(method: str) -> None:
    """Nobody is followed, at no time."""

    def reply(asked: str, headers: dict[str, str]) -> bytes | None:
        where = "Location: rtsp://169.254.169.254/x\r\n"
        return f"RTSP/1.0 302 Moved\r\nCSeq: {headers.get('cseq')}\r\n{where}\r\n".encode() if asked == method else None

    async with hostile(Script(reply=reply)) as server, running(camera(server.url)) as rig:
        state = await rig.until_condition(StreamCondition.UNSUPPORTED)
        assert "redirects" in state.why
        assert server.requests == PLAIN[: PLAIN.index(method) + 1]


async def test_the_last_unit_before_the_end_is_not_lost() -> None:
    """Without marker bits nothing but the end says that it is complete."""
    sent = asyncio.Event()

    async def unmarked(send: Send) -> None:
        honest, seq = Clocked(), itertools.count()
        for n in range(6):
            await play(send, [[rtp(p[12:], next(seq), n * 3600) for p in honest.unit()]])
        sent.set()

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(hostile(Script(media=unmarked)))
        async with running(camera(server.url)) as rig:
            await sent.wait()
            await rig.until(lambda: len(rig.packets()) == 5)
            await stack.aclose()
            await rig.until(lambda: rig.ends() != [])
    assert len(rig.packets()) == 6
    assert rig.ends()[0].reason is EndReason.CAMERA_UNREACHABLE


def _asks_libav(asked: list[str]) -> bool:
    """libav begins with OPTIONS, this reader never does."""
    return "OPTIONS" in asked


@pytest.mark.parametrize("method", ["SETUP", "PLAY"])
async def test_what_a_server_refuses_is_asked_in_libavs_way(method: str) -> None:
    """At once, with no fault told."""
    refusals: list[str] = []

    def reply(asked: str, headers: dict[str, str]) -> bytes | None:
        if asked == method and not refusals:
            refusals.append(asked)
            return f"RTSP/1.0 461 No\r\nCSeq: {headers.get('cseq')}\r\n\r\n".encode()
        return None

    rig, asked = await units_of(Script(reply=reply), 10)
    assert _asks_libav(asked)
    assert [s.condition for s in rig.states()] == [StreamCondition.CONNECTING, StreamCondition.LIVE]


async def test_marks_inside_pictures_are_left_to_libav() -> None:
    """The Run ends in order, libav reads on, and is not left again when the camera comes back."""

    async def media(send: Send) -> None:
        clocked = Clocked()
        while True:
            await play(send, [[p[:1] + bytes([p[1] | 0x80]) + p[2:] for p in clocked.unit()] for _ in range(12)])
            unit = clocked.unit()
            await play(send, [unit, [rtp(b"\x41\x1a", clocked.seq, (clocked.n - 1) * 3600, marker=True)]])
            clocked.seq += 1

    async with hostile(Script(media=media)) as server, running(camera(server.url)) as rig:
        await rig.until(lambda: len(rig.runs()) == 2)
        await rig.until_packets(10)
        assert _asks_libav(server.requests)
        assert rig.ends()[0].reason is EndReason.INFO_CHANGED


CAM = resolve("rtsp://127.0.0.1/x", LOOPBACK)
H265 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 "
AUDIO = "m=audio 0 RTP/AVP 0\r\n"


@pytest.mark.parametrize(
    ("text", "options", "plain"),
    [
        (sdp(), OpenOptions(), True),
        (sdp(sprop=None), OpenOptions(), True),
        (sdp(sprop="!!,,=="), OpenOptions(), True),
        (sdp() + AUDIO, OpenOptions(), True),
        (sdp(), OpenOptions(audio=True), True),
        (sdp() + AUDIO, OpenOptions(audio=True), False),
        (sdp(), OpenOptions("udp"), False),
        (sdp().replace("RTP/AVP", "RTP/SAVP"), OpenOptions(), False),
        (sdp().replace("mode=1", "mode=2"), OpenOptions(), False),
        (sdp(encoding="JPEG"), OpenOptions(), False),
        (sdp().replace("/90000", "/48000"), OpenOptions(), False),
        (sdp().replace(" 96", " 296"), OpenOptions(), False),
        (AUDIO, OpenOptions(), False),
        (H265 + "x=1", OpenOptions(), True),
        (H265 + "sprop-max-don-diff=2", OpenOptions(), False),
        (H265 + "tx-mode=MRST", OpenOptions(), False),
    ],
)
def test_which_cameras_are_read_without_libav(text: str, options: OpenOptions, *, plain: bool) -> None:
    """The usual ones."""
    assert (plain_track(describe(text.encode()).media, CAM, options) is not None) == plain


def test_b_frames_in_the_description_are_left_to_libav() -> None:
    """Their decoding times are not in RTP."""
    sets = sets_of(stream(Codec.H264, b_frames=2)[0], Codec.H264)
    text = sdp(sprop=",".join(base64.b64encode(nal).decode() for nal in sets))
    assert plain_track(describe(text.encode()).media, CAM, OpenOptions()) is None
    track = plain_track(describe(sdp().encode()).media, CAM, OpenOptions())
    assert track is not None
    assert not track.may_reorder


@pytest.mark.parametrize(
    ("control", "url"),
    [
        ("", "rtsp://h:8554/a/"),
        ("*", "rtsp://h:8554/a/"),
        ("trackID=1", "rtsp://h:8554/a/trackID=1"),
        ("/trackID=1", "rtsp://h:8554/a//trackID=1"),
        ("rtsp://h:8554/a/trackID=1", "rtsp://h:8554/a/trackID=1"),
        ("rtsp://169.254.169.254/b", "rtsp://h:8554/b"),
        ("RTSP://u:p@evil:1/b?c", "rtsp://h:8554/b?c"),
        ("file:///etc/passwd", "rtsp://h:8554/a/file:///etc/passwd"),
    ],
)
def test_control_urls_stay_on_the_host(control: str, url: str) -> None:
    """Wherever they point."""
    assert control_url("rtsp://h:8554/a/", control) == url


def test_control_urls_follow_the_query_as_cameras_expect() -> None:
    """Plainly put behind."""
    base = "rtsp://h/cam?channel=1"
    assert control_url(base, "trackID=0") == "rtsp://h/cam?channel=1/trackID=0"
    for bad in ("a b", "a\r\nX: y", "\u00e4", "x" * 5000):
        with pytest.raises(ValueError, match="impossible"):
            control_url(base, bad)
    with pytest.raises(ValueError, match="not an RTSP"):
        control_url("http://h/", "x")


@given(st.text(max_size=80))
def test_any_header_is_read_or_refused(text: str) -> None:
    """Law: channels are two different bytes; a session is a word and a time."""
    for spelled in (text, f"RTP/AVP/TCP;interleaved={text}"):
        try:
            first, second = channels(spelled)
        except ValueError:
            continue
        assert 0 <= first < 256
        assert 0 <= second < 256
        assert first != second
    try:
        name, timeout_s = session_of(f"{text};timeout={text}")
    except ValueError:
        return
    assert name
    assert name.isprintable()
    assert 2 <= timeout_s <= 3600


def test_a_used_nonce_is_counted() -> None:
    """RFC 7616 §3.4: nc grows with each request."""
    challenge = ['Digest realm="r", nonce="n", qop="auth"']
    header = authorization(challenge, "PLAY", "rtsp://h/", "u", "p", 11)
    assert header is not None
    assert "nc=0000000b" in header


async def in_time(send: Send) -> None:
    """A camera whose clock goes right."""
    clocked = Clocked()
    while True:
        await play(send, [clocked.unit()], 0.04)


async def test_what_nobody_watches_is_read_in_gulps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its anchor is settled; nothing is lost or out of time, and whoever watches has every unit as it comes."""
    waits: list[tuple[int, int]] = []
    wait = PlainSource._wait

    def noted(source: PlainSource, least_bytes: int, longest_us: int) -> None:
        waits.append((least_bytes, longest_us))
        wait(source, least_bytes, longest_us)

    monkeypatch.setattr(PlainSource, "_wait", noted)
    monkeypatch.setattr(timestamps, "FREE_NS", 200_000_000)
    async with hostile(Script(media=in_time)) as server, running(camera(server.url)) as rig:
        await rig.until_packets(60)
        gulps = waits[:]
        watching = rig.fleet.workers[rig.packets()[0].stream]
        rig.fleet.demand(watching.spec.stream)
        await rig.until_packets(20)
    prompt, patient = (1, TICK_US), (PATIENT_BYTES, PATIENT_US)
    assert gulps == [prompt, patient]
    assert waits == [prompt, patient, prompt]
    assert len(rig.runs()) == 1
    assert [p.dts_90k for p in rig.packets()] == [i * 3600 for i in range(len(rig.packets()))]


async def test_a_sub_stream_is_always_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what a wall switches to."""
    waits: list[int] = []
    monkeypatch.setattr(PlainSource, "_wait", lambda _source, least_bytes, _us: waits.append(least_bytes))
    monkeypatch.setattr(timestamps, "FREE_NS", 100_000_000)
    async with (
        hostile(Script(media=in_time)) as server,
        running(with_sub(camera(server.url), server.url, RecordMode.OFF)) as rig,
    ):
        await rig.until(lambda: len(rig.packets(StreamName.SUB)) >= 40)
    assert set(waits) == {1}
