"""The rival of C3: aiortc's own RTP sender on the same ICE and DTLS objects, fed from the same feed, one for a viewer.

What the streamer used before its own path; kept for the comparison alone.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCCertificate, RTCDtlsTransport, RTCIceTransport, RTCRtpSender
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpSendParameters,
)

from streamer.answer import LocalTransport, Sending, make_answer
from streamer.feed import Feed
from streamer.ice import HostGatherer
from streamer.negotiation import Offer
from vms.domain.media import Packet


class _Track(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.waiting: asyncio.Queue[Packet] = asyncio.Queue(64)

    def push(self, packet: Packet) -> None:
        if not self.waiting.full():
            self.waiting.put_nowait(packet)

    def restart(self) -> None:
        """Nothing: it goes on with the next Packet."""

    async def recv(self) -> av.Packet[Any]:
        packet = await self.waiting.get()
        out = av.Packet(packet.payload)
        out.pts, out.time_base = packet.pts_90k, Fraction(1, 90_000)
        return out


class OldViewer:
    """One viewer of one feed."""

    def __init__(self, feed: Feed, offer: Offer, certificate: RTCCertificate, address: str) -> None:
        self._offer, self._feed = offer, feed
        self._gatherer = HostGatherer([address])
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        self._dtls._set_role("client")
        self._certificate = certificate
        self._track = _Track()
        self._sender = RTCRtpSender(self._track, self._dtls)

    async def answer(self) -> str:
        """The SDP; the connection comes about by itself."""
        await self._gatherer.gather()
        local = self._gatherer.getLocalParameters()
        fingerprint = next(f for f in self._certificate.getFingerprints() if f.algorithm == "sha-256")
        candidates = tuple((c.ip, c.port, c.priority) for c in self._gatherer.getLocalCandidates())
        transport = LocalTransport(
            local.usernameFragment or "", local.password or "", ("sha-256", fingerprint.value), candidates
        )
        self._connecting = asyncio.create_task(self._connect())
        sending = Sending(self._sender._ssrc, self._sender._rtx_ssrc, self._track.id)
        return make_answer(self._offer, [sending], transport, session=1)

    async def _connect(self) -> None:
        await self._ice.start(RTCIceParameters(self._offer.ufrag, self._offer.pwd))
        await self._dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(a, v) for a, v in self._offer.fingerprints]))
        video = self._offer.media[0].video
        assert video is not None
        feedback = [RTCRtcpFeedback(*f.split(" ", 1)) for f in video.feedback]
        codecs = [RTCRtpCodecParameters("video/H264", 90_000, payloadType=video.payload_type, rtcpFeedback=feedback)]
        apt: dict[str, int | str | None] = {"apt": video.payload_type}
        codecs.append(RTCRtpCodecParameters("video/rtx", 90_000, payloadType=video.rtx or 0, parameters=apt))
        rtcp = RTCRtcpParameters(cname=self._track.id, mux=True)
        await self._sender.send(RTCRtpSendParameters(codecs=codecs, muxId="0", rtcp=rtcp))
        self._feed.sinks.add(self._track)
