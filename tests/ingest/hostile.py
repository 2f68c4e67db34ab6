"""An RTSP server that speaks properly until it is told otherwise: the other side of attacks and of odd cameras.

`Script` holds what it answers; override one thing, leave the rest. RTP goes interleaved over TCP.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from ingest.nal import split
from tests.ingest.synth import sets_of, stream
from vms.domain.media import Codec

UNITS = stream(Codec.H264)
SPS, PPS = sets_of(UNITS[0], Codec.H264)[:2]
SPROP = ",".join(base64.b64encode(nal).decode() for nal in (SPS, PPS))

Send = Callable[[bytes], Awaitable[None]]


def sdp(*, sprop: str | None = SPROP, encoding: str = "H264", head: str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n") -> str:
    """A session description with one video."""
    fmtp = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sprop}\r\n" if sprop is not None else ""
    return (
        f"{head}s=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
        f"a=rtpmap:96 {encoding}/90000\r\n{fmtp}a=control:track0\r\n"
    )


def rtp(
    payload: bytes, seq: int, ts: int, *, marker: bool = False, first: int = 0x80, pt: int = 96, ssrc: int = 7
) -> bytes:
    """One RTP packet (RFC 3550 §5.1)."""
    return struct.pack("!BBHII", first, (marker << 7) | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc) + payload


def framed(packet: bytes, channel: int = 0) -> bytes:
    """RFC 2326 §10.12."""
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet


@dataclass
class Clocked:
    """RTP packets of the looping stream; each unit its NAL units one by one. Times and numbers can be tampered with."""

    ts0: int = 0
    seq0: int = 0
    n: int = 0
    seq: int = 0

    def unit(self, ts: int | None = None, **more: int) -> list[bytes]:
        """The next unit; `ts` replaces its timestamp."""
        nals = split(UNITS[self.n % len(UNITS)])
        at = self.ts0 + self.n * 3600 if ts is None else ts
        packets = []
        for i, nal in enumerate(nals):
            packets.append(rtp(nal, self.seq0 + self.seq, at, marker=i == len(nals) - 1, **more))
            self.seq += 1
        self.n += 1
        return packets


async def play(send: Send, units: Iterable[list[bytes]], gap_s: float = 0.02) -> None:
    """Send units evenly, then be silent."""
    for packets in units:
        await send(b"".join(framed(packet) for packet in packets))
        await asyncio.sleep(gap_s)


async def forever(send: Send) -> None:
    """An honest camera."""
    clocked = Clocked()
    while True:
        await play(send, [clocked.unit()])


@dataclass
class Script:
    """What the server says. `reply(method, headers)` returns raw bytes for a request, or None for the honest answer."""

    description: str = field(default_factory=sdp)
    media: Callable[[Send], Awaitable[None]] = forever
    reply: Callable[[str, dict[str, str]], bytes | None] = lambda _method, _headers: None
    chunk: int = 0
    chunk_gap_s: float = 0.0
    transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1"
    greet: bytes = b""


@dataclass
class RunningHostile:
    """What runs; `requests` are the methods asked, over all connections."""

    port: int
    requests: list[str]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"rtsp://127.0.0.1:{self.port}/x"


class _Connection:
    def __init__(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._script, self._reader, self._writer = script, reader, writer

    async def send(self, data: bytes) -> None:
        step = self._script.chunk or len(data) or 1
        for at in range(0, len(data), step):
            self._writer.write(data[at : at + step])
            await self._writer.drain()
            if self._script.chunk:
                await asyncio.sleep(self._script.chunk_gap_s)

    async def serve(self, requests: list[str]) -> None:
        media: asyncio.Task[None] | None = None
        try:
            await self.send(self._script.greet)
            while True:
                head = (await self._reader.readuntil(b"\r\n\r\n")).lstrip(b"\0")
                while head[:1] == b"$":  # RTCP of the client
                    head = head[4 + int.from_bytes(head[2:4], "big") :]
                lines = head.decode("latin-1").split("\r\n")
                method = lines[0].partition(" ")[0]
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
                requests.append(method)
                raw = self._script.reply(method, headers)
                await self.send(raw if raw is not None else self._honest(method, headers))
                if method == "PLAY" and media is None:
                    media = asyncio.create_task(self._media())
                if method == "TEARDOWN":
                    return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        finally:
            if media is not None:
                media.cancel()
                with suppress(asyncio.CancelledError):
                    await media

    async def _media(self) -> None:
        with suppress(ConnectionError):
            await self._script.media(self.send)

    def _honest(self, method: str, headers: dict[str, str]) -> bytes:
        extra, body = "", ""
        if method == "DESCRIBE":
            body = self._script.description
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra = f"Transport: {self._script.transport}\r\nSession: 1\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\n"
        elif method == "OPTIONS":
            extra = "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}\r\n{body}".encode()


@asynccontextmanager
async def hostile(script: Script) -> AsyncIterator[RunningHostile]:
    """Serve the script on a port of loopback."""
    requests: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _Connection(script, reader, writer).serve(requests)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield RunningHostile(server.sockets[0].getsockname()[1], requests)
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
