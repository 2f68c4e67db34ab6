"""All transcodes of the process: one per Stream however many watch it, and no more than the machine is to carry.

Each stops a while after the last who watched it left; where another is wanted meanwhile, at once. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streamer.feed import Feed
from streamer.options import StreamerOptions
from streamer.transcoder.command import Target, program
from streamer.transcoder.transcode import Transcode
from vms import logs
from vms.clock import Clock
from vms.domain.camera import StreamRef

log = logs.get(__name__)


class Transcoder:
    """`hold` and `let_go` take a feed, and give it back, as whoever watches it does."""

    def __init__(
        self,
        clock: Clock,
        options: StreamerOptions,
        hold: Callable[[StreamRef], Feed],
        let_go: Callable[[Feed], None],
    ) -> None:
        self._clock, self._options, self._hold, self._let_go = clock, options, hold, let_go
        self._cmd = program() if options.transcodes else None
        self._running: dict[StreamRef, Transcode] = {}
        self._users: dict[StreamRef, int] = {}
        self._lingering: dict[StreamRef, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        if options.transcodes and self._cmd is None:
            log.warning("there is no ffmpeg program: what a browser cannot play is not transcoded")

    @property
    def possible(self) -> bool:
        """Whether this node transcodes at all."""
        return self._cmd is not None

    @property
    def running(self) -> list[Transcode]:
        """Those that run, the ones that linger included."""
        return list(self._running.values())

    def acquire(self, stream: StreamRef) -> Transcode | None:
        """The transcode of a Stream, begun where there is none; None where there are as many as may be."""
        found = self._running.get(stream)
        if found is None:
            found = self._begin(stream)
            if found is None:
                return None
        lingering = self._lingering.pop(stream, None)
        if lingering is not None:
            lingering.cancel()
        self._users[stream] = self._users.get(stream, 0) + 1
        return found

    def _begin(self, stream: StreamRef) -> Transcode | None:
        if self._cmd is None:
            return None
        if len(self._running) >= self._options.transcodes:
            idle = next(iter(self._lingering), None)
            if idle is None:
                return None
            self._lingering.pop(idle).cancel()
            self._end(idle)
        target = Target(self._options.transcode_height, self._options.transcode_kbps)
        transcode = self._running[stream] = Transcode(self._hold(stream), self._clock, target, self._cmd)
        transcode.start()
        return transcode

    def release(self, transcode: Transcode) -> None:
        """One viewer less."""
        stream = transcode.feed.stream
        self._users[stream] -= 1
        if self._users[stream] == 0:
            self._lingering[stream] = asyncio.create_task(self._linger(stream), name=f"linger transcode {stream}")

    async def _linger(self, stream: StreamRef) -> None:
        await self._clock.sleep(self._options.transcode_linger_s)
        del self._lingering[stream]
        self._end(stream)

    def _end(self, stream: StreamRef) -> None:
        transcode = self._running.pop(stream)
        self._users.pop(stream, None)
        closing = asyncio.create_task(self._finish(transcode), name=f"transcode {stream} ends")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _finish(self, transcode: Transcode) -> None:
        await transcode.close()
        self._let_go(transcode.feed)

    async def close(self) -> None:
        """End all, and be sure that their processes are gone; idempotent."""
        for task in self._lingering.values():
            task.cancel()
        self._lingering.clear()
        for stream in list(self._running):
            self._end(stream)
        await asyncio.gather(*self._closing)
