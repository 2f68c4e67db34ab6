"""One viewer's connection: ICE, DTLS and a sender per video, answered from an offer and closed without a trace.

Composed of aiortc's ORTC objects rather than its RTCPeerConnection: those take our ICE addresses, our certificate and
our senders, and the fast path of DESIGN §7 needs the same three. Knows nothing of cameras. Event loop only.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Sequence

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters

from streamer.answer import LocalTransport, Sending, make_answer
from streamer.ice import HostGatherer
from streamer.negotiation import Offer
from streamer.sender import TileSender, send_parameters
from streamer.track import TileTrack
from vms import logs
from vms.clock import Clock
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


class Peer:
    """`tracks[i]` is sent on m-line i of the offer, None refuses it. `lost` is called once, with why, when the
    connection fails or the viewer ends it; `close` must still be called."""

    def __init__(
        self,
        offer: Offer,
        tracks: Sequence[TileTrack | None],
        *,
        clock: Clock,
        certificate: RTCCertificate,
        addresses: Sequence[str],
        lost: Callable[[str], None],
    ) -> None:
        self._offer = offer
        self._clock = clock
        self._lost = lost
        self._gatherer = HostGatherer(addresses)
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        # The role is RTCPeerConnection's to set; without it the ICE role would decide against the answer's a=setup.
        self._dtls._set_role("server" if offer.answer_setup == "passive" else "client")  # noqa: SLF001
        self._fingerprint = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        self._senders = [
            None if track is None else TileSender(track, self._dtls, clock, media)
            for track, media in zip(tracks, offer.media, strict=True)
        ]
        self._connecting: asyncio.Task[None] | None = None
        self._closed = False
        self.connected = False
        for transport in (self._ice, self._dtls):
            transport.on("statechange", self._changed)

    @property
    def heard_ns(self) -> int:
        """Monotonic time of the last RTCP from the viewer (of the start, before any)."""
        return max(sender.heard_ns for sender in self._senders if sender is not None)

    async def answer(self) -> str:
        """Bind the sockets, begin to connect, and give the SDP answer. VmsError where no address can be used."""
        await self._gatherer.gather()
        found = self._gatherer.getLocalCandidates()
        if not found:
            raise VmsError("no network address can be used for video", hint="Check the addresses set for viewers.")
        local = self._gatherer.getLocalParameters()
        transport = LocalTransport(
            ufrag=local.usernameFragment or "",
            pwd=local.password or "",
            fingerprint=(self._fingerprint.algorithm, self._fingerprint.value),
            # Distinct priorities, best first: aioice gives all hosts the same (RFC 8445 §5.1.2.1 wants them unique).
            candidates=tuple((c.ip, c.port, c.priority - (n << 8)) for n, c in enumerate(found)),
        )
        sending = [
            None if sender is None else Sending(*sender.ssrcs, track_id=sender.track.id) for sender in self._senders
        ]
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
        for media, sender in zip(self._offer.media, self._senders, strict=True):
            if sender is not None and media.video is not None:
                await sender.send(send_parameters(media, media.video, sender.track.id))
        self.connected = True

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
        senders = [sender for sender in self._senders if sender is not None]
        await asyncio.gather(*(sender.stop() for sender in senders))
        for sender in senders:
            if sender.track is not None:
                sender.track.stop()
        await self._dtls.stop()
        await self._ice.stop()
        # An ICE transport that never started holds its sockets all the same.
        await self._gatherer._connection.close()  # noqa: SLF001  closing twice does nothing


def _nothing(_why: str) -> None:
    """After the connection was lost there is nobody to tell."""
