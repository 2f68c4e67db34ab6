"""One viewer, of a wall or by WHEP: its connection, its tiles, and when it is over. Event loop only.

A session ends by `close`: asked for, when the connection fails or never comes about, or when the viewer is not heard
any more. Ending frees everything: senders, sockets, feeds, the task that watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiortc import RTCCertificate

from streamer.audio import AudioSender
from streamer.fanout import Fanout
from streamer.negotiation import Offer
from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.peer import Network, Peer
from streamer.pump import Pump
from streamer.tile import Message, Say, WallTile
from vms import logs, metrics
from vms.clock import NS_PER_S, Clock

log = logs.get(__name__)

_UNTOLD_TICK_S = 0.5
"""How often a viewer is looked at who is told nothing: often enough for reports once a second."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What every session needs of its service."""

    clock: Clock
    fanout: Fanout
    options: StreamerOptions
    certificate: Callable[[], RTCCertificate]
    pump: Pump
    network: Network


class ViewerSession:
    """`videos`: the m-lines of the offer that become tiles; tile i is videos[i]. `say` takes messages to the viewer,
    None: there is no channel; `ended` is called once when the session is over. `audio`: the m-line of sound, and its
    sender."""

    def __init__(
        self,
        ident: str,
        person: str,
        offer: Offer,
        videos: Sequence[int],
        *,
        kit: Kit,
        say: Say | None,
        ended: Callable[[str], None],
        audio: tuple[int, AudioSender] | None = None,
    ) -> None:
        self.id, self.person = ident, person
        self.closed = False
        self.offer = offer
        self._kit, self._say, self._ended = kit, say, ended
        options = kit.options
        pacer = Pacer(kit.clock, options.burst_bytes_s, options.burst_free_bytes)
        self.tiles = [
            WallTile(
                i,
                clock=kit.clock,
                fanout=kit.fanout,
                pacer=pacer,
                pump=kit.pump,
                options=options,
                say=say,
                hevc=offer.media[m_line].hevc is not None,
            )
            for i, m_line in enumerate(videos)
        ]
        tracks = {m_line: tile.track for m_line, tile in zip(videos, self.tiles, strict=True)}
        self._peer = Peer(
            offer,
            [tracks.get(i) for i in range(len(offer.media))],
            clock=kit.clock,
            certificate=kit.certificate(),
            network=kit.network,
            lost=self.end_soon,
            audio=audio,
        )
        self._opened_ns = kit.clock.mono_ns()
        self._tick_s = options.tick_s if say is not None else max(options.tick_s, _UNTOLD_TICK_S)
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        metrics.VIEWERS.inc()

    async def open(self) -> str:
        """Begin to connect; the SDP answer."""
        text = await self._peer.answer()
        self._watching = asyncio.create_task(self._watch(), name=f"session {self.id}")
        return text

    async def _watch(self) -> None:
        try:
            why = ""
            while not why:
                await self._kit.clock.sleep(self._tick_s)
                why = self._look()
        except Exception:  # nobody else would notice that this viewer is gone, and its port would never come back
            log.exception("viewer not watched", session=self.id)
            why = "the streamer made a mistake"
        self.end_soon(why)

    def _look(self) -> str:
        """Tell what is to be told; why the session is over, empty while it is not."""
        for tile in self.tiles:
            tile.refresh()
        self.tick()
        self._peer.tick(self._kit.clock.mono_ns())
        return self.gone(self._kit.clock.mono_ns())

    def tick(self) -> None:
        """Called with each look at the tiles."""

    def gone(self, mono_ns: int) -> str:
        """Why the session is over, empty while it is not."""
        waited_ns = mono_ns - self._opened_ns
        if not self._peer.connected and waited_ns > self._kit.options.connect_s * NS_PER_S:
            return "no connection came about"
        if self._peer.connected and mono_ns - self._peer.heard_ns > self._kit.options.gone_s * NS_PER_S:
            return "the viewer is not heard any more"
        return ""

    def tell(self, message: Message) -> None:
        """A message to the viewer, where there is a channel."""
        if self._say is not None:
            self._say(message)

    def end_soon(self, why: str) -> None:
        """Close from within a callback."""
        if self._ending is None and not self.closed:
            self._ending = asyncio.create_task(self.close(why), name=f"session {self.id} ends")

    async def close(self, why: str = "") -> None:
        """End the session; idempotent. Who waits may be cancelled, or the connection fail to close: it ends all the
        same, or its place and its port would never be free again."""
        if self._closing is None:
            self.closed = True
            metrics.VIEWERS.dec()
            log.info("viewer gone", session=self.id, why=why or "closed")
            self._closing = asyncio.create_task(self._close(why), name=f"session {self.id} closes")
        await asyncio.shield(self._closing)

    async def _close(self, why: str) -> None:
        try:
            for tile in self.tiles:
                tile.close()
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.gather(self._watching, return_exceptions=True)
            await self._peer.close()
        except Exception:  # a connection that is broken in whatever way is over too
            log.exception("viewer not closed well", session=self.id)
        finally:
            self._ended(self.id)
            self.tell({"type": "closed", "why": why})
