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
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from streamer.options import StreamerOptions
from streamer.service import Streamer
from tests.e2e.browser import CHROMIUM, FLAGS, Screen
from tests.streamer.fake_ingest import FakeIngest, FakeStream
from tests.ui.fake_api import SESSION, STATIC, FakeApi
from tests.ui.footage import picture
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
        await api.ptz.stop()
        streamer.stop()
        await asyncio.wait_for(running, 10)
        await ingest.close()
        await bus.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of the page; each gets a profile of its own."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="package")
async def place() -> AsyncIterator[Place]:
    """Ten cameras in five sites."""
    async with running_place(CAMERAS) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="package")
async def empty_place() -> AsyncIterator[Place]:
    """Sites without a camera."""
    async with running_place(dict.fromkeys(CAMERAS, ())) as found:
        yield found


@contextlib.asynccontextmanager
async def looking(
    browser: Browser, place: Place, *, signed_in: bool = True, session: str = SESSION
) -> AsyncIterator[Screen]:
    """A fresh profile at the place; `errors` gathers what goes wrong in its console."""
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="id-ID")
    try:
        if signed_in:
            await context.add_cookies([{"name": "vms_session", "value": session, "url": place.api.url}])
        screen = Screen(await context.new_page(), context)
        page = screen.page
        page.on("console", lambda message: screen.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: screen.errors.append(f"uncaught: {error}"))
        yield screen
    finally:
        await context.close()
