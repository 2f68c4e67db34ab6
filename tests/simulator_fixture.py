"""A simulator as a process of its own, for tests: started with the options given, stopped for sure.

async with running_simulator(cameras=1, main_size="320x180") as simulator: simulator.cameras[0].main
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"main_size": "320x180", "main_kbps": 200, "sub_size": "192x108", "sub_kbps": 60, "gop_s": 0.4, "loop_s": 4}


@dataclass(frozen=True)
class SimulatedCamera:
    """A camera of the ready line; `sub` is empty where it was not asked for."""

    site: str
    site_name: str
    slug: str
    name: str
    main: str
    sub: str = ""
    urls: dict[str, str] | None = None

    def with_login(self, simulator: RunningSimulator, stream: str = "main") -> str:
        """The URL of a stream with user and password in it, for libav."""
        url = (self.urls or {})[stream]
        return url.replace("rtsp://", f"rtsp://{simulator.username}:{simulator.password}@", 1)


@dataclass
class RunningSimulator:
    """What runs."""

    port: int
    control_port: int
    username: str
    password: str
    cameras: list[SimulatedCamera]
    send_log: Path | None
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    async def control(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send a fault (or `status`) and give the answer; AssertionError where it was refused."""
        answer = await self.try_control(order)
        assert answer["ok"], answer
        return answer

    async def try_control(self, order: dict[str, Any]) -> dict[str, Any]:
        """The same without the assertion."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control_port)
        try:
            writer.write(json.dumps(order).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def read_log(self, slug: str, stream: str) -> list[dict[str, Any]]:
        """The lines of a stream's send log that are written out (at most 100 ms late)."""
        assert self.send_log is not None
        path = self.send_log / f"{slug}.{stream}.jsonl"
        lines = path.read_text(encoding="ascii").splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]


def scenes_folder() -> Path:
    """Where encoded scenes are kept between runs: $VMS_SCENES, else build/scenes."""
    return Path(os.environ.get("VMS_SCENES") or ROOT / "build" / "scenes")


@asynccontextmanager
async def running_simulator(*, send_log: Path | None = None, **options: Any) -> AsyncIterator[RunningSimulator]:
    """Run `python -m vms.simulator`; each option is a flag (`main_size="320x180"` is --main-size 320x180)."""
    options = {"username": "operator", "password": "rahasia-kamera", "cache": scenes_folder()} | options
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vms.simulator",
        "--until-stdin-closes",
        "--send-log",
        str(send_log or "none"),
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert line, "the simulator ended before it was ready"
        yield _running(json.loads(line), send_log, process)
    finally:
        await _stop(process)


def _running(ready: dict[str, Any], send_log: Path | None, process: asyncio.subprocess.Process) -> RunningSimulator:
    cameras = []
    for item in ready["cameras"]:
        about = {name: item.pop(name) for name in ("site", "site_name", "slug", "name")}
        urls = {name: url for name, url in item.items() if isinstance(url, str)}
        cameras.append(SimulatedCamera(**about, main=urls.get("main", ""), sub=urls.get("sub", ""), urls=urls))
    return RunningSimulator(
        ready["port"], ready["control_port"], ready["username"], ready["password"], cameras, send_log, process
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
    # the transport closes its pipes only when told; without this it warns when collected
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """One small camera with main and sub, a key frame every 0.4 s, a send log."""
    async with running_simulator(send_log=tmp_path / "send-log", cameras=1, **SMALL) as running:
        yield running


def barcode_script() -> str:
    """tests/e2e/barcode.js for `page.add_init_script`, which takes no modules; attaches to window."""
    source = (ROOT / "tests" / "e2e" / "barcode.js").read_text(encoding="utf-8")
    return source.replace("export function", "function")
