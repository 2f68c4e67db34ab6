"""A streamer alone in a process, fed by cameras that are made up: JSON lines on stdin say what to do, stdout answers.

`python -m tests.bench.lone_streamer KBPS STREAMS ADDRESS [aiortc] [times]`; `times`: also how late it is, which costs.
Orders: {"do": "open", "sdp", "tiles"}, {"do": "begin"}: forget what was measured, {"do": "figures"}, {"do":
"sessions"}, {"do": "settled"}: the same when garbage is collected.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvloop

from streamer.negotiation import parse_offer
from streamer.options import StreamerOptions
from streamer.peer import Certificates
from streamer.service import Streamer
from streamer.track import TileTrack
from tests.bench.old_sender import OldViewer
from tests.streamer.fake_ingest import FPS, GOP, FakeIngest, FakeStream
from vms import logs
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.ids import new_id
from vms.domain.media import Packet

KEY_TIMES = 8


def units(kbps: int) -> tuple[bytes, ...]:
    """A group of 2 s at this rate whose key frame is eight times as large as the others; not meant to be decoded."""
    size = kbps * 1000 // 8 * GOP // FPS // (GOP - 1 + KEY_TIMES)
    sets = b"\0\0\0\1\x67\x42\xe0\x1f\x01\0\0\0\1\x68\xce\x01"
    key = sets + b"\0\0\0\1\x65" + b"\xa5" * (size * KEY_TIMES)
    return key, *([b"\0\0\0\1\x61" + b"\xa5" * size] * (GOP - 1))


class Lone:
    """The streamer and its figures."""

    def __init__(self, kbps: int, streams: int, address: str, *, old: bool, times: bool) -> None:
        self._clock, self._bus = SystemClock(), MemoryBus()
        self._ingest = FakeIngest(self._bus, self._clock)
        self._options = StreamerOptions(addresses=(address,), max_sessions=1000)
        self._streamer = Streamer(self._clock, self._bus, self._options)
        self._certificates = Certificates()
        self._streams = [self._add(kbps) for _ in range(streams)]
        self._old, self._times, self._viewers = old, times, list[OldViewer]()
        self._walls: list[str] = []
        self._arrived: dict[int, int] = {}
        self.delays: list[float] = []
        self.lags: list[float] = []
        self._began = self._cpu = 0.0

    def _add(self, kbps: int) -> FakeStream:
        stream = self._ingest.add()
        stream.units = units(kbps)
        return stream

    async def run(self) -> None:
        """Serve orders until stdin ends."""
        if self._times:
            self._measure_delays()
        running = asyncio.create_task(self._streamer.run())
        await asyncio.sleep(0.2)
        self._play()
        tasks = [asyncio.create_task(self._ping())]
        if self._times:
            tasks.append(asyncio.create_task(self._watch_loop()))
        reader = asyncio.StreamReader(limit=1 << 22)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        gc.collect()
        gc.freeze()
        while line := await reader.readline():
            print(json.dumps(await self._obey(json.loads(line))), flush=True)
        for task in tasks:
            task.cancel()
        self._streamer.stop()
        await running
        await self._ingest.close()

    def _play(self) -> None:
        for at in range(0, len(self._streams), 8):
            self._ingest.play(*self._streams[at : at + 8], ahead=10 + at % 40)

    async def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["do"] == "open":
            return {"sdp": await self._open(order["sdp"], order.get("tiles", 1))}
        if order["do"] == "begin":
            self.delays.clear()
            self.lags.clear()
            self._arrived.clear()
            self._began, self._cpu = time.monotonic(), time.process_time()
        elif order["do"] == "figures":
            return {
                "cpu_s": time.process_time() - self._cpu,
                "wall_s": time.monotonic() - self._began,
                "delays_ms": self.delays,
                "lags_ms": self.lags,
            }
        if order["do"] == "settled":
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system: the rest is in use
        return {
            "sessions": len(self._streamer.sessions),
            "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
            "rss_kb": int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024,
        }

    async def _open(self, sdp: str, tiles: int) -> str:
        if self._old:
            offer = parse_offer(sdp, max_bytes=1 << 20, max_videos=64)
            feed = self._streamer.fanout.acquire(self._streams[0].ref)
            viewer = OldViewer(feed, offer, self._certificates.get(), self._options.addresses[0])
            self._viewers.append(viewer)
            return await viewer.answer()
        if tiles == 1:
            ref = self._streams[0].ref
            value = {"camera": ref.camera, "stream": "sub", "person": "p", "sdp": sdp}
            return str((await self._bus.request("streamer.whep.open", value))["sdp"])
        entries = [{"tile": n, "camera": s.ref.camera, "stream": "sub"} for n, s in enumerate(self._streams[:tiles])]
        session = new_id()
        value = {"session": session, "person": "p", "sdp": sdp, "tiles": entries}
        answer = await self._bus.request("streamer.wall.open", value)
        self._walls.append(session)
        return str(answer["sdp"])

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(3)
            for session in self._walls:
                await self._bus.request(f"streamer.wall.message.{session}", {"type": "ping", "t": 1})

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            self.lags.append((loop.time() - due) * 1e3)

    def _measure_delays(self) -> None:
        """From a unit's arrival at the bus to the end of its last batch to each viewer."""
        publish, went, arrived, delays = self._ingest._publish, TileTrack._went, self._arrived, self.delays

        def published(stream: FakeStream, item: object) -> None:
            if isinstance(item, Packet):
                arrived[item.wall_ns] = time.monotonic_ns()
            publish(stream, item)

        def sent(track: TileTrack, going: Any, rtp: int) -> None:
            at_ns = arrived.get(going.sent.wall_ns)
            if at_ns is not None and not going.paced:
                delays.append((time.monotonic_ns() - at_ns) / 1e6)
            went(track, going, rtp)

        patch.object(self._ingest, "_publish", published).start()
        patch.object(TileTrack, "_went", sent).start()


if __name__ == "__main__":
    logs.configure("ERROR")
    more = sys.argv[4:]
    lone = Lone(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], old="aiortc" in more, times="times" in more)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(lone.run())
