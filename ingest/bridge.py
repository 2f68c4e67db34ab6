"""One Stream on its way to the watchers of one zone: once, however many they are. Event loop only.

At home it hands on what it gets. To a foreign zone each message has a number, acknowledged by the far side, and goes
only as the credit allows: all, key frames, small pictures, nothing. Audio goes where somebody listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol

from ingest.credit import Act, Credit
from ingest.picture import jpeg
from vms import logs, metrics
from vms.bus.base import Bus
from vms.clock import NS_PER_MS, Clock
from vms.domain.camera import StreamRef
from vms.domain.media import HubItem, Packet, Run
from vms.errors import VmsError
from vms.line_meter import LineMeter

log = logs.get(__name__)

PICTURE_WIDTH = 240
PICTURE_QUALITY = 8
QUALITIES = ("snapshot", "key", "all")
_STATE_BYTES = 200
_BURST_EVERY_MS = 1000


class Bridge(Protocol):
    """`quality` is the best that somebody in the zone asks for, `sound`: somebody there listens. `promised_ns`: since
    when (monotonic) a watcher waits for the cached group, None: nobody does."""

    quality: str
    sound: bool
    promised_ns: int | None

    def put(self, item: HubItem) -> None:
        """The next item of the Stream."""

    def burst(self, gop: Sequence[Packet]) -> None:
        """Somebody begins to watch: send the cached group; each says whether more of it follows."""

    def acked(self, number: int) -> None:
        """The far side has all up to this number."""

    def close(self) -> None:
        """Nobody in the zone watches any more."""


def media_subject(zone: str, stream: StreamRef) -> str:
    """Where a zone's watchers listen."""
    return f"media.{zone}.{stream.camera}.{stream.name}"


class HomeBridge:
    """Within the zone of this node: no policy. Small pictures are for thin lines; who asks for them gets key frames."""

    def __init__(self, stream: StreamRef, zone: str, media: Bus) -> None:
        self.quality, self.sound = "all", False
        self.promised_ns: int | None = None
        self._subject, self._media = media_subject(zone, stream), media

    def put(self, item: HubItem) -> None:
        """See Bridge."""
        if not isinstance(item, Packet) or item.is_key or self.quality == "all":
            self._media.publish(self._subject, {"item": item})

    def burst(self, gop: Sequence[Packet]) -> None:
        """See Bridge."""
        for packet in gop if self.quality == "all" else gop[:1]:
            self._media.publish(self._subject, {"item": packet, "more": packet is not gop[-1]})

    def acked(self, number: int) -> None:
        """Nothing is acknowledged at home."""

    def close(self) -> None:
        """Nothing is held."""


class FarBridge:
    """To a foreign zone. `run_of`: the Run under way, which a small picture is decoded by."""

    def __init__(
        self,
        stream: StreamRef,
        zone: str,
        media: Bus,
        *,
        clock: Clock,
        credit: Credit,
        meter: LineMeter,
        pool: Executor,
        run_of: Callable[[], Run | None],
    ) -> None:
        self.quality, self.sound = "all", False
        self.promised_ns: int | None = None
        self._open = False
        self._stream, self._subject, self._media = stream, media_subject(zone, stream), media
        self._clock, self._credit, self._pool, self._run_of = clock, credit, pool, run_of
        self._meter = meter
        # Numbers of another bridge before this one are all smaller, so that a late acknowledgement says nothing here.
        self._number = clock.now_ns() // NS_PER_MS
        self._burst_ns: int | None = None
        self._burst_to = ("", -1)
        self._drawing: asyncio.Task[None] | None = None

    def put(self, item: HubItem) -> None:
        """See Bridge. Before the first burst nobody listens over there, and what nobody hears looks like a cut."""
        if not self._open:
            return
        if not isinstance(item, Packet):
            self._send({"item": item}, _STATE_BYTES)
            return
        again = item.run == self._burst_to[0] and item.seq <= self._burst_to[1]
        if again or (item.track != 0 and not (self.sound and self.quality == "all")):
            return
        # Every unit of audio can be decoded alone, and is worth nothing without the pictures it belongs to.
        is_key = item.is_key and item.track == 0
        if self.quality != "all" and not is_key:
            return
        now_ns = self._clock.mono_ns()
        if self.quality == "snapshot":
            if self._credit.picture(now_ns):
                self._draw(item)
            return
        act = self._credit.offer(is_key=is_key, size=len(item.payload), now_ns=now_ns)
        if act is Act.SEND:
            self._send({"item": item}, len(item.payload), is_key=is_key)
            # Who asks for all later must not get what follows a key frame without what lies between.
            if self.quality != "all":
                self._credit.rest()
        elif act is Act.PICTURE:
            self._draw(item)
        else:
            metrics.LINE_UNITS.labels("skipped").inc()

    def burst(self, gop: Sequence[Packet]) -> None:
        """See Bridge."""
        self._open = True
        pictures = [packet for packet in gop if packet.track == 0]
        now_ns = self._clock.mono_ns()
        recent = self._burst_ns is not None and now_ns - self._burst_ns < _BURST_EVERY_MS * NS_PER_MS
        if recent or not pictures or not pictures[0].is_key:
            return
        if self.quality == "snapshot":
            if self._credit.picture(now_ns):
                self._draw(pictures[0])
            return
        sizes = [len(packet.payload) for packet in pictures]
        act = self._credit.burst(size=sum(sizes), key_size=sizes[0], now_ns=now_ns)
        if act is Act.SKIP:
            return
        self._burst_ns = now_ns
        whole = act is Act.SEND and self.quality == "all"
        if not whole:
            self._credit.rest()
        self._burst_to = (pictures[-1].run, pictures[-1].seq)
        last = pictures[-1] if whole else pictures[0]
        for packet, size in zip(pictures if whole else pictures[:1], sizes, strict=False):
            more = {} if packet is last else {"more": True}
            self._send({"item": packet, **more}, size, is_key=packet.is_key)

    def acked(self, number: int) -> None:
        """See Bridge."""
        self._credit.acked(number, self._clock.mono_ns())

    def close(self) -> None:
        """See Bridge."""
        self._credit.close()
        if self._drawing is not None:
            self._drawing.cancel()

    def _send(self, value: dict[str, object], size: int, *, is_key: bool = False, picture: bool = False) -> None:
        self._number += 1
        self._credit.sent(self._number, size, self._clock.mono_ns(), is_key=is_key, picture=picture)
        self._media.publish(self._subject, {**value, "n": self._number, "sent_ns": self._clock.now_ns()})
        self._meter.sent(size)
        metrics.LINE_UNITS.labels("pictures" if picture else "sent").inc()

    def _draw(self, key: Packet) -> None:
        """Make and send a small picture, one at a time."""
        run = self._run_of()
        if self._drawing is None and run is not None and run.id == key.run and self._credit.idle:
            self._drawing = asyncio.create_task(self._picture(run, key), name=f"picture {self._stream}")

    async def _picture(self, run: Run, key: Packet) -> None:
        loop, codec = asyncio.get_running_loop(), run.info.video.codec
        try:
            data = await loop.run_in_executor(self._pool, jpeg, codec, key.payload, PICTURE_WIDTH, PICTURE_QUALITY)
            picture = {"jpeg": data, "wall_ns": key.wall_ns, "run": key.run}
            self._send({"picture": picture}, len(data), picture=True)
        except VmsError as error:
            log.debug("no small picture", stream=str(self._stream), why=error.message)
        finally:
            self._drawing = None
