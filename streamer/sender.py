"""aiortc's RTP sender of one tile, with what it keeps to itself: the RTP time of what was sent, the wish for a key
frame, when the viewer was last heard, header extensions. The fast path (DESIGN §7) will replace it. Event loop only.
"""

from __future__ import annotations

from aiortc import RTCDtlsTransport, RTCRtpSender
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpSendParameters,
)
from aiortc.rtp import AnyRtcpPacket, HeaderExtensions, HeaderExtensionsMap, pack_header_extensions

from streamer.negotiation import MediaOffer, VideoFormat
from streamer.track import TileTrack
from vms.clock import NS_PER_S, Clock

# aiortc adds a random origin to our timestamps and tells it nobody; this is the RTP timestamp of its last packet.
_RTP_TIMESTAMP = "_RTCRtpSender__rtp_timestamp"
_HEADER_EXTENSIONS = "_RTCRtpSender__rtp_header_extensions_map"
# How many packets a viewer may have sent again: at once (aiortc keeps 128), and per second.
RESENDS = 128
RESENDS_S = 500


class FixedExtensions(HeaderExtensionsMap):
    """The header extensions of a video, the same on each packet: its mid, and a playout delay of 0 to 0 ms. The latter
    (which aiortc does not know) makes Chromium show a picture when it is decoded; a jitter buffer target of 0 alone
    lets its delay rise with each late picture, and fall by no more than 0.1 s a second."""

    def __init__(self, media: MediaOffer) -> None:
        super().__init__()
        extensions = []
        if media.mid_extension is not None and len(media.mid) <= 16:
            extensions.append((media.mid_extension, media.mid.encode("ascii")))
        if media.playout_extension is not None:
            extensions.append((media.playout_extension, bytes(3)))
        self._packed = pack_header_extensions(extensions)

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:  # noqa: ARG002  ours do not vary
        """Profile and value, as they go into the RTP header (RFC 8285 §4.2)."""
        return self._packed


class TileSender(RTCRtpSender):
    """Sends what `track` gives, unchanged."""

    def __init__(self, track: TileTrack, transport: RTCDtlsTransport, clock: Clock, media: MediaOffer) -> None:
        super().__init__(track, transport)
        setattr(self, _HEADER_EXTENSIONS, FixedExtensions(media))
        self._tile = track
        self._clock = clock
        self.heard_ns = clock.mono_ns()
        self._resends = float(RESENDS)
        self._resent_ns = self.heard_ns
        track.bind(self.rtp_timestamp)

    @property
    def ssrcs(self) -> tuple[int, int]:
        """SSRC of the video and of its RTX."""
        return self._ssrc, self._rtx_ssrc

    def rtp_timestamp(self) -> int:
        """The 32-bit RTP timestamp of the packet sent last."""
        value: int = getattr(self, _RTP_TIMESTAMP)
        return value

    def _send_keyframe(self) -> None:
        """PLI or FIR came: aiortc has no encoder to ask, the tile sends its burst again."""
        self._tile.repeat()

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self.heard_ns = self._clock.mono_ns()
        await super()._handle_rtcp_packet(packet)

    async def _retransmit(self, sequence_number: int) -> None:
        """Send again what a NACK names, within the budget: NACKs are cheap to send and dear to answer."""
        now_ns = self._clock.mono_ns()
        self._resends = min(RESENDS, self._resends + (now_ns - self._resent_ns) * RESENDS_S / NS_PER_S)
        self._resent_ns = now_ns
        if self._resends >= 1:
            self._resends -= 1
            await super()._retransmit(sequence_number)


def send_parameters(media: MediaOffer, video: VideoFormat, cname: str) -> RTCRtpSendParameters:
    """aiortc's parameters of one m-line as answered."""
    feedback = [RTCRtcpFeedback(*f.split(" ", 1)) for f in video.feedback]
    codecs = [RTCRtpCodecParameters("video/H264", 90_000, payloadType=video.payload_type, rtcpFeedback=feedback)]
    if video.rtx is not None:
        apt: dict[str, int | str | None] = {"apt": video.payload_type}
        codecs.append(RTCRtpCodecParameters("video/rtx", 90_000, payloadType=video.rtx, parameters=apt))
    return RTCRtpSendParameters(codecs=codecs, muxId=media.mid, rtcp=RTCRtcpParameters(cname=cname, mux=True))
