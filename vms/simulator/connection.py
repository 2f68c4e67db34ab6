"""One RTSP connection: requests, one session, one stream. The session ends with its connection.

An asyncio protocol, synchronous throughout; media is written by the stream's Viewer to the same transport.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vms.errors import InputError
from vms.simulator.digest import Digest, Verdict
from vms.simulator.feed import Feed
from vms.simulator.rtsp import Reader, Request, Transport, parse_transport, reply
from vms.simulator.sdp import describe
from vms.simulator.viewer import Carrier, Ending, TcpCarrier, UdpCarrier, Viewer

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_LINGER_S = 5.0
_SETTLE_S = 0.005
_SEND_BUFFER_BYTES = 400_000


@dataclass(frozen=True)
class Shared:
    """What all connections share. `find` gives the stream of a path `<slug>/<stream>`."""

    host: str
    find: Callable[[str], Feed | None]
    digest: Callable[[], Digest]
    rtp: socket.socket
    rtcp: socket.socket
    next_conn: Callable[[], int]
    opened: set[Connection]


class Connection(asyncio.Protocol):
    """A client."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._conn = shared.next_conn()
        self._digest = shared.digest()
        self._reader = Reader()
        self._session = secrets.token_hex(8)
        self._feed: Feed | None = None
        self._carry: Callable[[], Carrier] | None = None
        self._viewer: Viewer | None = None
        self._why = "client"
        self._transport: asyncio.Transport | None = None
        self._finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # what the kernel holds for a dead client is bounded too
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._shared.opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """asyncio; the end of the session in any case."""
        self._shared.opened.discard(self)
        self._end_play(self._why)

    def data_received(self, data: bytes) -> None:
        """asyncio; requests and interleaved RTCP of the client."""
        assert self._transport is not None
        try:
            for request in self._reader.feed(data):
                if self._finished or self._transport.is_closing():
                    return  # what a client still says after our end gets no answer
                answer = self._answer(request)
                if answer:
                    self._transport.write(answer)
        except InputError:
            if not self._finished:
                self._transport.write(reply(400, "0"))
            self._transport.close()

    def drop(self, why: str) -> None:
        """Close now, losing what is under way."""
        self._why = why
        self._end_play(why)
        if self._transport is not None:
            self._transport.abort()

    def finish(self, why: str) -> None:
        """Close in order: after the last whole unit, all its bytes, then FIN."""
        viewer, feed = self._viewer, self._feed
        if viewer is None or feed is None:
            self.drop(why)
            return
        if viewer in feed.viewers:
            feed.viewers.remove(viewer)
        self._why = why
        self._settle_then_eof()

    def _settle_then_eof(self) -> None:
        loop = asyncio.get_running_loop()
        if self._viewer is None or self._transport is None or self._transport.is_closing():
            return
        self._viewer.settle()
        if not self._viewer.is_settled:
            loop.call_later(_SETTLE_S, self._settle_then_eof)
            return
        self._end_play(self._why)
        # no close(): with unread RTCP of the client in our socket it would send RST, which destroys what is under way
        self._finished = True
        self._transport.write_eof()
        loop.call_later(_LINGER_S, self._transport.abort)

    def _end_play(self, why: str) -> None:
        viewer, feed = self._viewer, self._feed
        self._viewer = None
        if viewer is None or feed is None:
            return
        if viewer in feed.viewers:
            feed.viewers.remove(viewer)
        viewer.close()
        feed.log.event(self._conn, "close", time.time_ns(), why=why)
        feed.log.flush()

    def _answer(self, request: Request) -> bytes | None:
        cseq = request.headers.get("cseq", "0")
        if request.method == "OPTIONS":
            return reply(200, cseq, {"Public": _METHODS})
        feed = self._shared.find(request.path) or (self._feed if request.url == "*" else None)
        fault = feed.fault if feed is not None else None
        if fault is not None and fault.kind == "refuse" and request.method in {"DESCRIBE", "SETUP", "PLAY"}:
            if fault.how == "503":
                return reply(503, cseq)
            self.drop("refuse")
            return None
        verdict = self._digest.judge(request.method, request.headers.get("authorization"))
        if fault is not None and fault.kind == "password":
            verdict = Verdict.WRONG
        if verdict is not Verdict.RIGHT:
            challenge = self._digest.challenge(stale=verdict is Verdict.STALE)
            return reply(401, cseq, {"WWW-Authenticate": challenge})
        if feed is None:
            return reply(404, cseq)
        return self._serve(request, cseq, feed)

    def _serve(self, request: Request, cseq: str, feed: Feed) -> bytes:
        method = request.method
        if method == "DESCRIBE":
            body = describe(feed.clip, self._shared.host, feed.title)
            base = request.url.rstrip("/") + "/"
            return reply(200, cseq, {"Content-Base": base, "Content-Type": "application/sdp"}, body)
        if method == "SETUP":
            return self._setup(request, cseq, feed)
        if method not in {"PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER"}:
            return reply(501, cseq)
        session = {"Session": self._session}
        if method in {"GET_PARAMETER", "SET_PARAMETER"}:
            return reply(200, cseq, session if self._carry else None)
        if self._carry is None or request.headers.get("session", "").partition(";")[0] != self._session:
            return reply(454, cseq)
        if method == "PLAY":
            return self._play(request, cseq, feed)
        self._end_play("teardown" if method == "TEARDOWN" else "pause")
        if method == "TEARDOWN":
            self._carry = None
        return reply(200, cseq, session)

    def _setup(self, request: Request, cseq: str, feed: Feed) -> bytes:
        wanted = parse_transport(request.headers.get("transport", ""))
        if wanted is None:
            return reply(461, cseq)
        if self._viewer is not None:
            return reply(455, cseq)
        self._feed = feed
        self._carry, answer = self._carriage(wanted)
        session = f"{self._session};timeout=60"
        return reply(200, cseq, {"Transport": answer, "Session": session})

    def _carriage(self, wanted: Transport) -> tuple[Callable[[], Carrier], str]:
        """What makes a carrier for each PLAY, and the Transport header of the answer."""
        assert self._transport is not None
        if wanted.tcp:
            tcp = partial(TcpCarrier, self._transport, wanted.first, wanted.second)
            return tcp, f"RTP/AVP/TCP;unicast;interleaved={wanted.first}-{wanted.second}"
        shared = self._shared
        peer = self._transport.get_extra_info("peername")[0]
        server = f"{shared.rtp.getsockname()[1]}-{shared.rtcp.getsockname()[1]}"
        ports = f"client_port={wanted.first}-{wanted.second};server_port={server}"
        udp = partial(UdpCarrier, shared.rtp, shared.rtcp, peer, (wanted.first, wanted.second))
        return udp, f"RTP/AVP;unicast;{ports}"

    def _play(self, request: Request, cseq: str, feed: Feed) -> bytes:
        assert self._carry is not None
        if self._viewer is None:
            self._feed = feed
            ending = Ending(in_order=self.finish, abrupt=self.drop)
            self._viewer = Viewer(self._conn, self._carry(), feed.log, ending)
            feed.viewers.append(self._viewer)
            feed.log.event(self._conn, "play", time.time_ns())
        first = feed.timestamp(feed.next_key())
        base = request.url.rstrip("/")
        track = base if base.endswith("trackID=0") else f"{base}/trackID=0"
        info = f"url={track};seq={self._viewer.sender.seq};rtptime={first}"
        return reply(200, cseq, {"Session": self._session, "Range": "npt=now-", "RTP-Info": info})
