"""GStreamer's RTSP server as a camera that nobody here wrote, for tests: Digest, TCP and UDP, H.264 or H.265, audio.

    async with running_gst(cameras=2, username="u", password="p") as server: server.url(0), server.url(0, login=True)

Runs under the system's Python, which has the bindings (gir1.2-gst-rtsp-server-1.0); stopped for sure.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.simulator_fixture import ROOT, scenes_folder
from vms.simulator import encoder
from vms.simulator.clip import ClipKey, read
from vms.simulator.options import Picture
from vms.simulator.places import PLACES

SYSTEM_PYTHON = "/usr/bin/python3"
SMALL = Picture(320, 180, kbps=200, gop_s=0.4, loop_s=4)
_SCRIPT = ROOT / "tests" / "simulator" / "gst_server.py"


@dataclass(frozen=True)
class RunningGst:
    """What runs; `fps` and `kbps` are those of its picture."""

    port: int
    username: str
    password: str
    picture: Picture
    process: asyncio.subprocess.Process

    def url(self, camera: int = 0, *, login: bool = False) -> str:
        """rtsp://127.0.0.1:PORT/camN, with user and password in it where `login`."""
        user = f"{self.username}:{self.password}@" if login and self.username else ""
        return f"rtsp://{user}127.0.0.1:{self.port}/cam{camera}"

    def pause(self) -> None:
        """Stop the process where it is: connections stay open and silent."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9, as a camera that loses power."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running_gst(
    *,
    cameras: int = 1,
    username: str = "",
    password: str = "",
    picture: Picture = SMALL,
    audio: str = "",
) -> AsyncIterator[RunningGst]:
    """Run it; `audio` is "", pcma, pcmu or aac."""
    path = await asyncio.to_thread(_units_file, picture)
    arguments = (str(path), picture.codec, str(picture.fps), str(cameras), username, password, audio)
    process = await asyncio.create_subprocess_exec(
        SYSTEM_PYTHON, str(_SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        assert line, "gst-rtsp-server did not start"
        yield RunningGst(json.loads(line)["port"], username, password, picture, process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        # the transport closes its pipe only when told; without this it warns when collected
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()


def _units_file(picture: Picture) -> Path:
    """The first scene as Annex-B access units, beside the cached clip."""
    key, folder = ClipKey.of(PLACES[0], picture), scenes_folder()
    encoder.build_missing([key], folder)
    path = key.path(folder).with_suffix(".units")
    if not path.exists():
        units = [(unit.is_key, b"".join(b"\0\0\0\1" + nal for nal in unit.nals)) for unit in read(key, folder)]
        part = path.with_suffix(f".{os.getpid()}.part")
        index = json.dumps([[is_key, len(data)] for is_key, data in units]).encode()
        part.write_bytes(index + b"\n" + b"".join(data for _, data in units))
        part.replace(path)
    return path


@pytest.fixture
async def gst() -> AsyncIterator[RunningGst]:
    """One small camera behind Digest."""
    async with running_gst(username="gst", password="kata-sandi") as server:
        yield server
