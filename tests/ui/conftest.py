"""A fake installation with ten cameras in five sites, and a browser that is signed in to it."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import av
import pytest

from tests.e2e.browser import Screen, running_browser
from tests.streamer.fake_ingest import FakeIngest, FakeStream
from tests.ui.fake_api import SESSION, STATIC, FakeApi
from tests.ui.footage import picture
from streamer.options import StreamerOptions
from streamer.service import Streamer
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.camera import StreamName

CAMERAS = {
    "Palangka Raya": ("Bundaran Besar", "Pasar Kahayan"),
    "Sampit": ("Pasar Besar Sampit", "Dermaga Mentaya"),
    "Pangkalan Bun": ("Simpang Bundaran Pancasila", "Dermaga Arut"),
    "Muara Teweh": ("Gerbang Kantor Bupati", "Dermaga Barito"),
    "Kuala Kapuas": ("Jembatan Pulau Petak", "Pasar Sari Mulya"),
}


@dataclass
class Place:
    """Everything of a fake installation."""

    api: FakeApi
    ingest: FakeIngest
    streams: dict[tuple[str, str], FakeStream]

    def stream(self, camera: dict[str, Any], name: str = "sub") -> FakeStream:
        """The fake Stream of a camera."""
        return self.streams[camera["id"], name]


def jpeg() -> bytes:
    """A picture as JPEG."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=1)
        frame = av.VideoFrame.from_ndarray(picture(7), format="yuv420p").reformat(format="yuvj420p")
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return sink.getvalue()


@contextlib.asynccontextmanager
async def running_place(cameras: dict[str, tuple[str, ...]]) -> AsyncIterator[Place]:
    """A fake installation that serves."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("web/static is not built: run `make ui`")
    clock, bus = SystemClock(), MemoryBus()
    api, ingest = FakeApi(bus, jpeg=jpeg()), FakeIngest(bus, clock)
    streams: dict[tuple[str, str], FakeStream] = {}
    for site_name, names in cameras.items():
        site = api.add_site(site_name)
        for name in names:
            camera = api.add_camera(site, name)
            for stream in StreamName:
                grey = 40 + 12 * len(api.cameras)
                streams[camera["id"], str(stream)] = ingest.add(grey, stream, camera=camera["id"])
    ingest.play(*streams.values())
    streamer = Streamer(clock, bus, StreamerOptions())
    running = asyncio.create_task(streamer.run())
    await api.start()
    try:
        yield Place(api, ingest, streams)
    finally:
        await api.stop()
        streamer.stop()
        await asyncio.wait_for(running, 10)
        await ingest.close()
        await bus.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Ten cameras in five sites."""
    async with running_place(CAMERAS) as found:
        yield found


@pytest.fixture
async def empty_place() -> AsyncIterator[Place]:
    """Sites without a camera."""
    async with running_place(dict.fromkeys(CAMERAS, ())) as found:
        yield found


@contextlib.asynccontextmanager
async def looking(place: Place, *, signed_in: bool = True, width: int = 1366, height: int = 768) -> AsyncIterator[Screen]:
    """A browser at the place; at the end nothing may stand in its console."""
    cookie = SESSION if signed_in else ""
    async with running_browser(width=width, height=height, url=place.api.url, cookie=cookie) as screen:
        yield screen
