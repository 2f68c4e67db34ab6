"""aiortc as a viewer of the streamer: what it asks for, what it sees, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from prometheus_client import Gauge

from tests.streamer.fake_ingest import FakeStream


class Player:
    """aiortc as a viewer: an offer of so many videos, and the tracks that come."""

    def __init__(self, videos: int = 1, audios: int = 0) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks: list[MediaStreamTrack] = []
        self.pc.on("track", self.tracks.append)
        for kind in ["video"] * videos + ["audio"] * audios:
            self.pc.addTransceiver(kind, direction="recvonly")

    async def offer(self) -> str:
        """The SDP."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answer(self, sdp: str) -> None:
        """Take the answer."""
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def luma(self, tile: int = 0) -> float:
        """The mean luma of the next picture of a tile."""
        frame: Any = await asyncio.wait_for(self.tracks[tile].recv(), 10)
        return float(frame.to_ndarray(format="gray")[:80].mean())

    async def until(self, grey: float, tile: int = 0) -> None:
        """Wait until a tile shows this luma."""
        shade = 0.0
        for _ in range(200):
            shade = await self.luma(tile)
            if abs(shade - grey) < 8:
                return
        raise AssertionError(f"shows {shade}, not {grey}")


@asynccontextmanager
async def player(videos: int = 1, audios: int = 0) -> AsyncIterator[Player]:
    """A viewer that goes properly."""
    made = Player(videos, audios)
    try:
        yield made
    finally:
        await made.pc.close()


def entry(index: int, stream: FakeStream) -> dict[str, Any]:
    """An entry of `tiles`."""
    return {"tile": index, "camera": stream.ref.camera, "stream": str(stream.ref.name)}


def shade(grey: int) -> float:
    """What a luma of limited range becomes in grey."""
    return (grey - 16) * 255 / 219


def open_files() -> int:
    """How many file descriptors the process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def value_of(gauge: Gauge) -> float:
    """Now."""
    return gauge._value.get()


async def until(condition: Any, seconds: float = 10) -> None:
    """Wait for a condition of the streamer."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
