"""One viewer's connection: ICE, DTLS and a sender per video, answered from an offer and closed without a trace.

Composed of aiortc's ORTC objects rather than its RTCPeerConnection: those take our ICE addresses, our certificate and
our senders. aiortc does ICE and the DTLS handshake; RTP and RTCP never pass through it. Knows nothing of cameras. Event
loop only.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters

from streamer import rtcp
from streamer.answer import LocalTransport, Sending, make_answer
from streamer.audio import AudioSender
from streamer.ice import HostGatherer, Ports
from streamer.media import PROFILES, MediaTransport
from streamer.negotiation import Offer
from streamer.playout import Playout
from streamer.sender import Budget, RtpSender
from streamer.ssrcs import Ssrcs
from streamer.track import TileTrack
from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.errors import VmsError

log = logs.get(__name__)

_RENEW = dt.timedelta(days=7)


class Certificates:
    """The DTLS certificate of the process, made once and again before it runs out (aiortc's last 30 days)."""

    def __init__(self) -> None:
        self._current: RTCCertificate | None = None

    def get(self) -> RTCCertificate:
        """The one to use now."""
        if self._current is None or self._current.expires - dt.datetime.now(tz=dt.UTC) < _RENEW:
            self._current = RTCCertificate.generateCertificate()
        return self._current


@dataclass(frozen=True, slots=True)
class Network:
    """How viewers reach this machine. `addresses`: its own that are used, empty: all; `advertise`: those that viewers
    are told instead, where a router maps them to ours, port by port."""

    addresses: Sequence[str] = ()
    advertise: Sequence[str] = ()
    ports: Ports = field(default_factory=Ports)


class Peer:
    """`tracks[i]` is sent on m-line i of the offer, `audio` on the one that it names, None refuses it. `lost` is called
    once, with why, when the connection fails or the viewer ends it; `close` must still be called."""

    def __init__(
        self,
        offer: Offer,
        tracks: Sequence[TileTrack | None],
        *,
        clock: Clock,
        certificate: RTCCertificate,
        network: Network,
        lost: Callable[[str], None],
        audio: tuple[int, AudioSender] | None = None,
    ) -> None:
        self._offer = offer
        self._audio = audio
        self._clock = clock
        self._lost = lost
        self._network = network
        self._gatherer = HostGatherer(network.addresses, network.ports)
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        # The role is RTCPeerConnection's to set; without it the ICE role would decide against the answer's a=setup.
        self._dtls._set_role("server" if offer.answer_setup == "passive" else "client")  # noqa: SLF001
        self._dtls._srtp_profiles = PROFILES  # noqa: SLF001  its way to be told
        self._fingerprint = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        budget, ssrcs = Budget(clock), Ssrcs(() if audio is None else (audio[1].ssrc,))
        self._tracks = list(tracks)
        self._senders = [
            None if track is None else RtpSender(media, clock, budget, ssrcs)
            for track, media in zip(tracks, offer.media, strict=True)
        ]
        self._by_ssrc = {
            sender.ssrcs[0]: (sender, track)
            for sender, track in zip(self._senders, tracks, strict=True)
            if sender is not None and track is not None
        }
        self._media: MediaTransport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closed = False
        self._reported_ns = 0
        self._playout = Playout()
        self._counted = 0, 0
        self.connected = False
        self.heard_ns = clock.mono_ns()
        self._gatherer.connection.heard = self._heard
        for transport in (self._ice, self._dtls):
            transport.on("statechange", self._changed)

    def _heard(self) -> None:
        """The viewer proved that it is there: a check of ICE, or RTCP that is authentic. See also Peer.heard_ns."""
        self.heard_ns = self._clock.mono_ns()

    async def answer(self) -> str:
        """Bind the sockets, begin to connect, and give the SDP answer. VmsError where no address can be used."""
        await self._gatherer.gather()
        found = self._gatherer.getLocalCandidates()
        if not found:
            raise VmsError("no network address can be used for video", hint="Check the addresses set for viewers.")
        local = self._gatherer.getLocalParameters()
        told = [(c.ip, c.port) for c in found]
        if self._network.advertise:
            told = [(address, found[0].port) for address in self._network.advertise]
        transport = LocalTransport(
            ufrag=local.usernameFragment or "",
            pwd=local.password or "",
            fingerprint=(self._fingerprint.algorithm, self._fingerprint.value),
            # Distinct priorities, best first: aioice gives all hosts the same (RFC 8445 §5.1.2.1 wants them unique).
            candidates=tuple((ip, port, found[0].priority - (n << 8)) for n, (ip, port) in enumerate(told)),
        )
        sending = [
            None if sender is None or track is None else Sending(*sender.ssrcs, track_id=track.id)
            for sender, track in zip(self._senders, self._tracks, strict=True)
        ]
        if self._audio is not None:
            m_line, sound = self._audio
            sending[m_line] = Sending(sound.ssrc, 0, track_id=sound.id)
        text = make_answer(self._offer, sending, transport, session=secrets.randbits(62))
        self._connecting = asyncio.create_task(self._connect(), name="peer-connect")
        return text

    async def _connect(self) -> None:
        # No remote candidates are given, and their end is not signalled: the viewer's own checks show where it is.
        await self._ice.start(RTCIceParameters(self._offer.ufrag, self._offer.pwd))
        if self._ice.state != "completed":
            return
        fingerprints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in self._offer.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints))
        if self._dtls.state != "connected":
            return
        self._media = media = MediaTransport(self._dtls, self._gatherer.connection)
        self._gatherer.connection.media = self._take_rtcp
        for sender, track in self._by_ssrc.values():
            sender.begin(media.wire, media.seal)
            track.bind(sender)
        if self._audio is not None:
            self._audio[1].begin(media.wire, media.seal)
        self._heard()
        self.connected = True

    def _take_rtcp(self, data: bytes) -> None:
        """What the viewer says, as it arrives."""
        plain = None if self._media is None else self._media.opened(data)
        if plain is None:
            return
        self._heard()
        for said in rtcp.parse(plain):
            found = self._by_ssrc.get(said.ssrc)
            if found is None:
                continue
            sender, track = found
            if isinstance(said, rtcp.Nack):
                sender.resend(said.numbers)
            elif isinstance(said, rtcp.WantsKey):
                track.repeat()
            elif (rtt_ms := said.round_trip_ms(self._clock.now_ns())) is not None:
                self._playout.measured(rtt_ms)

    def tick(self, mono_ns: int) -> None:
        """To be called often: reports go out once a second, those of all videos together."""
        if self._media is None or self._closed or mono_ns - self._reported_ns < NS_PER_S:
            return
        self._reported_ns = mono_ns
        for sender, track in self._by_ssrc.values():
            self._media.report(sender.report(track.id.encode("ascii")))
        if self._audio is not None:
            self._media.report(self._audio[1].report())
        self._media.flush()
        self._hold_back()

    def _hold_back(self) -> None:
        senders = [sender for sender, _ in self._by_ssrc.values()]
        counted = sum(sender.packets for sender in senders), sum(sender.asked for sender in senders)
        before, self._counted = self._counted, counted
        if self._playout.note(counted[0] - before[0], counted[1] - before[1]):
            for sender in senders:
                sender.hold_back(self._playout.delay_ms)

    def _changed(self) -> None:
        states = {self._ice.state, self._dtls.state}
        if not self._closed and states & {"failed", "closed"}:
            ended = self._dtls.state == "closed" and self._ice.state == "completed"
            self._tell_lost("the viewer ended the connection" if ended else "the connection failed")

    def _tell_lost(self, why: str) -> None:
        lost, self._lost = self._lost, _nothing
        lost(why)

    async def close(self) -> None:
        """Stop sending, say goodbye, give the sockets back; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for sender, track in self._by_ssrc.values():
            track.stop()
            sender.stop()
        if self._audio is not None:
            self._audio[1].stop()
        try:
            if self._media is not None:
                self._media.goodbye(list(self._by_ssrc))
            self._gatherer.connection.drop()
            await self._dtls.stop()
            await self._ice.stop()
        finally:
            await self._gatherer.close()


def _nothing(_why: str) -> None:
    """After the connection was lost there is nobody to tell."""
