"""Which tile of a wall is heard, and its sound from the tile's feed to the sender. Event loop; AAC on an executor.

`listen` chooses, `follow` keeps up with what the tile shows; each change is told as a `listening` message.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from streamer.audio import AudioSender, Transcoder
from streamer.feed import Feed
from streamer.tile import Say, WallTile
from vms import metrics
from vms.clock import NS_PER_S, Clock
from vms.domain.media import Codec, Packet, Track

_WAITING = 50
_SILENT_NS = 3 * NS_PER_S


class Listener:
    """Of one wall session whose offer has an audio m-line."""

    def __init__(self, sender: AudioSender, say: Say, clock: Clock) -> None:
        self._sender, self._say, self._clock = sender, say, clock
        self._heard_ns = 0
        self._tile: WallTile | None = None
        self._feed: Feed | None = None
        self._track: Track | None = None
        self._told: tuple[int | None, str, str | None] = (None, "off", None)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._transcoding: asyncio.Task[None] | None = None

    @property
    def tile(self) -> int | None:
        """The number of the tile that is heard."""
        return None if self._tile is None else self._tile.index

    def listen(self, tile: WallTile | None) -> None:
        """Hear this tile from now on, None: nothing."""
        self._tile = tile
        self._heard_ns = self._clock.mono_ns()
        self.follow()

    def follow(self) -> None:
        """To be called often: the tile may show something else, or another Run."""
        feed = None if self._tile is None else self._tile.feed
        if feed is not self._feed:
            if self._feed is not None:
                self._feed.unlisten(self._take)
            if feed is not None:
                feed.listen(self._take)
            self._feed = feed
            self._heard_ns = self._clock.mono_ns()
        run = None if feed is None else feed.run
        track = None if run is None else next((t for t in run.info.tracks if not t.codec.is_video), None)
        if track != self._track:
            self._use(track)
        cause = None if self._tile is None else self._silent_for(known=run is not None)
        state = "off" if self._tile is None else "on" if cause is None else "silent"
        told = (None if self._tile is None else self._tile.index, state, cause)
        if told != self._told:
            self._told = told
            self._say({"type": "listening", "tile": told[0], "state": state, "cause": cause})

    def _silent_for(self, *, known: bool) -> str | None:
        """Why nothing is heard, None where it is. A line that is too thin carries pictures without their sound."""
        if self._track is None:
            return "no_track" if known else "waiting"
        return "no_packets" if self._clock.mono_ns() - self._heard_ns > _SILENT_NS else None

    def _use(self, track: Track | None) -> None:
        self._track = track
        if self._transcoding is not None:
            self._transcoding.cancel()
            self._transcoding = None
        if track is not None and track.codec is Codec.AAC:
            self._waiting = asyncio.Queue(_WAITING)
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="listen")
            self._transcoding = asyncio.create_task(self._transcode(track, self._pool), name="listen")

    def _take(self, packet: Packet) -> None:
        track = self._track
        if track is None or packet.track != track.number:
            return
        if track.codec is not Codec.AAC:
            self._heard_ns = self._clock.mono_ns()
            self._sender.send(track.codec, packet.payload)
        elif not self._waiting.full():
            self._waiting.put_nowait(packet.payload)

    async def _transcode(self, track: Track, pool: ThreadPoolExecutor) -> None:
        """Until cancelled. One that a camera's sound brings down is replaced: silence must not look like sound."""
        loop, waiting = asyncio.get_running_loop(), self._waiting
        transcoder: Transcoder | None = None
        while True:
            unit = await waiting.get()
            try:
                if transcoder is None:
                    transcoder = await loop.run_in_executor(pool, Transcoder, track)
                samples = await loop.run_in_executor(pool, transcoder.pcmu, unit)
            except Exception:  # noqa: BLE001  whatever libav thinks of it, the next unit may be sound again
                metrics.DROPS.labels("sound").inc()
                transcoder = None
                continue
            if samples:
                self._heard_ns = self._clock.mono_ns()
                self._sender.send(Codec.PCMU, samples)

    def close(self) -> None:
        """Hear nothing, silently; idempotent."""
        if self._feed is not None:
            self._feed.unlisten(self._take)
        self._tile = self._feed = None
        self._use(None)
        if self._pool is not None:
            self._pool.shutdown(wait=False)
