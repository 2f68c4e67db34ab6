"""Viewers of our own: ICE and DTLS by aiortc, then every RTP packet counted as it arrives, and RTCP sent as a browser
does: receiver reports, NACK of a share of the packets as if they had been lost. No decoding, so that many fit a core.
"""

from __future__ import annotations

import asyncio
import random
import re
import struct
import time
from collections.abc import Sequence

from aioice import Candidate
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from pylibsrtp import Error as SrtpError

from streamer.ice import HostGatherer

H264, RTX = 96, 97
REPORT_S, NACK_S = 1.0, 0.05
_HEADER = struct.Struct("!BBHII")
_CERTIFICATE = RTCCertificate.generateCertificate()


class Receiver:
    """One viewer with so many receive-only videos. `nack`: which share of packets it claims to have lost."""

    def __init__(self, videos: int = 1, *, nack: float = 0.0, seed: int = 1, address: str = "127.0.0.1") -> None:
        self.videos, self._nack = videos, nack
        self._random = random.Random(seed)
        self.gatherer = HostGatherer([address])
        self.gatherer.connection.ice_controlling = True
        self._ice = RTCIceTransport(self.gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [_CERTIFICATE])
        self.packets = self.octets = self.asked = self.recovered = 0
        self.ssrcs: dict[int, int] = {}
        self.first_s: dict[int, float] = {}
        self._missing: dict[int, set[int]] = {}
        self._wanted: dict[int, list[int]] = {}
        self._reported_s = 0.0
        self._sr: tuple[int, int, float] | None = None

    async def offer(self) -> str:
        """The SDP of an offer that leaves the DTLS role to the other side."""
        self._dtls._set_role("server")
        return await self._description("recvonly", "actpass")

    async def _description(self, direction: str, setup: str) -> str:
        await self.gatherer.gather()
        local = self.gatherer.getLocalParameters()
        fingerprint = next(f for f in _CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
        mids = " ".join(str(n) for n in range(self.videos))
        head = [
            "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mids}",
            f"a=ice-ufrag:{local.usernameFragment}", f"a=ice-pwd:{local.password}",
            f"a=fingerprint:sha-256 {fingerprint.value}", f"a=setup:{setup}",
        ]  # fmt: skip
        for mid in range(self.videos):
            head += [
                f"m=video 9 UDP/TLS/RTP/SAVPF {H264} {RTX}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}",
                "a=rtcp-mux", f"a=rtpmap:{H264} H264/90000",
                f"a=fmtp:{H264} packetization-mode=1;profile-level-id=42e01f", f"a=rtcp-fb:{H264} nack",
                f"a=rtcp-fb:{H264} nack pli", f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={H264}",
                "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid",
                "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            ]  # fmt: skip
        return "\r\n".join(head) + "\r\n"

    async def answer_to(self, offer: str) -> str:
        """An answer to a server that offers; `connect` with the same text follows."""
        self._dtls._set_role("client")
        return await self._description("recvonly", "active")

    async def connect(self, sdp: str, limit_s: float = 30) -> None:
        """Take the other side's description; returns when media may flow."""
        connection = self.gatherer.connection
        for line in sorted(set(re.findall(r"^a=candidate:(.*? udp .*?)\r?$", sdp, re.MULTILINE | re.IGNORECASE))):
            await connection.add_remote_candidate(Candidate.from_sdp(line))
        await connection.add_remote_candidate(None)
        ufrag, pwd = (re.findall(rf"a=ice-{what}:(\S+)", sdp)[0] for what in ("ufrag", "pwd"))
        algorithm, value = re.findall(r"a=fingerprint:(\S+) (\S+)", sdp)[0]
        async with asyncio.timeout(limit_s):
            await self._ice.start(RTCIceParameters(ufrag, pwd))
            await self._dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)]))
        if self._dtls.state != "connected":
            raise AssertionError(f"ICE {self._ice.state}, DTLS {self._dtls.state}")
        connection.media = self.take

    def take(self, data: bytes) -> None:
        """A datagram of RTP or RTCP."""
        _, kind, number, _, ssrc = _HEADER.unpack_from(data)
        kind &= 127
        if 64 <= kind < 96:
            self.heard_rtcp(data)
            return
        self.packets += 1
        self.octets += len(data)
        if kind == RTX:
            self._recovered(data)
            return
        if ssrc not in self.first_s:
            self.first_s[ssrc] = time.monotonic()
        if self._nack and self._random.random() < self._nack:
            self.lost(ssrc, number)

    def lost(self, ssrc: int, number: int) -> None:
        """Ask for a packet at the next turn."""
        self.asked += 1
        self._wanted.setdefault(ssrc, []).append(number)
        self._missing.setdefault(ssrc, set()).add(number)

    def _recovered(self, data: bytes) -> None:
        plain = self.opened(data)
        if plain is None:
            return
        at = 12 + (4 + 4 * int.from_bytes(plain[14:16], "big") if plain[0] & 0x10 else 0)
        number = int.from_bytes(plain[at : at + 2], "big")
        for missing in self._missing.values():
            if number in missing:
                missing.discard(number)
                self.recovered += 1
                return

    def opened(self, data: bytes) -> bytes | None:
        """The plain RTP packet."""
        try:
            return bytes(self._dtls._rx_srtp.unprotect(data))
        except SrtpError:
            return None

    def feed_back(self, now_s: float) -> None:
        """What is due of RTCP."""
        parts = []
        if now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            parts.append(self.report(now_s))
        for ssrc, numbers in self._wanted.items():
            if numbers:
                entries = b"".join(struct.pack("!HH", number, 0) for number in numbers[:200])
                parts.append(struct.pack("!BBHII", 0x81, 205, 2 + len(numbers[:200]), 1, ssrc) + entries)
                del numbers[:200]
        if parts and parts[0][1] != 201:
            parts.insert(0, b"\x80\xc9\0\1\0\0\0\1")
        where = self.gatherer.connection.nominated()
        if parts and where is not None:
            sock, address = where
            sock.sendto(self._dtls._tx_srtp.protect_rtcp(b"".join(parts)), address)

    def report(self, now_s: float) -> bytes:
        """A receiver report; of the SR that came last, if one did."""
        if self._sr is None:
            return b"\x80\xc9\0\1\0\0\0\1"
        ssrc, middle, at_s = self._sr
        block = struct.pack("!IIIIII", ssrc, 0, 0, 0, middle, int((now_s - at_s) * 65536))
        return b"\x81\xc9\0\7\0\0\0\1" + block

    def heard_rtcp(self, data: bytes) -> None:
        """Remembers a sender report."""
        try:
            plain = bytes(self._dtls._rx_srtp.unprotect_rtcp(data))
        except SrtpError:
            return
        if plain[1] == 200:
            self._sr = int.from_bytes(plain[4:8], "big"), int.from_bytes(plain[10:14], "big"), time.monotonic()

    def vanish(self) -> None:
        """Gone without a word: nothing is read, answered or sent any more."""
        connection = self.gatherer.connection
        connection.drop()
        monitor = getattr(self._ice, "_RTCIceTransport__monitor_task")  # noqa: B009  mangled
        for task in (connection._query_consent_task, self._dtls._task, monitor):
            if task is not None:
                task.cancel()
        for protocol in connection._protocols:
            protocol.transport.abort()

    async def close(self) -> None:
        """Go properly."""
        self.gatherer.connection.drop()
        await self._dtls.stop()
        await self._ice.stop()
        await self.gatherer.close()


async def feed_back(receivers: Sequence[Receiver]) -> None:
    """RTCP of all of them, for ever."""
    while True:
        now_s = time.monotonic()
        for receiver in receivers:
            receiver.feed_back(now_s)
        await asyncio.sleep(NACK_S)
