"""A whole system for tests and benchmarks: simulated cameras and `vms up`, each a process, all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.simulator_fixture import running_simulator

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
START_LIMIT_S = 90.0


@dataclass
class Node:
    """`vms up` as a process; can be killed and started again on the same data."""

    config: Path
    log: Path
    environment: Mapping[str, str]
    url: str = ""
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait for its ready line."""
        command = [sys.executable, "-m", "vms", "up", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True,
                env=os.environ | dict(self.environment),
            )  # fmt: skip
        assert self.process.stdout is not None
        async with asyncio.timeout(START_LIMIT_S):
            while True:
                line = (await self.process.stdout.readline()).decode()
                if not line:
                    raise AssertionError(f"vms up ended:\n{self.log.read_text()[-4000:]}")
                if said := re.search(r"ready at (https?://\S+)", line):
                    self.url = said.group(1)
                    return

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after 20 s."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 20)
        except TimeoutError:
            await self.kill()

    def cpu_s(self) -> float:
        """User and system time of the process so far, seconds."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class System:
    """A node, its cameras and a signed-in client."""

    node: Node
    simulator: Any
    data: Path
    cameras: list[dict[str, Any]] = field(default_factory=list)
    client: httpx.AsyncClient | None = None
    csrf: str = ""

    @property
    def url(self) -> str:
        """Address of the page."""
        return self.node.url

    @property
    def http(self) -> httpx.AsyncClient:
        """A client that is signed in."""
        assert self.client is not None
        return self.client

    async def sign_in(self) -> None:
        """Open a session, keep its cookie and CSRF token, and read the cameras."""
        if self.client is not None:
            await self.client.aclose()
        self.client = httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False)
        answer = await self.client.post("/api/session", json={"username": "admin", "password": PASSWORD})
        answer.raise_for_status()
        self.csrf = answer.json()["csrf"]
        self.client.headers["X-CSRF-Token"] = self.csrf
        self.cameras = (await self.client.get("/api/cameras?limit=200")).raise_for_status().json()["items"]

    async def until_live(self, limit_s: float = 60, *, cameras: int | None = None) -> None:
        """Wait until every camera (or so many) is live."""
        wanted = cameras if cameras is not None else len(self.cameras)
        async with asyncio.timeout(limit_s):
            while True:
                items = (await self.http.get("/api/cameras?limit=200")).raise_for_status().json()["items"]
                if sum(item["state"]["condition"] == "live" for item in items) >= wanted:
                    return
                await asyncio.sleep(0.2)

    def cookie(self) -> str:
        """The session cookie's value."""
        return self.http.cookies["vms_session"]

    def camera(self, slug: str) -> dict[str, Any]:
        """A camera as the API showed it, by slug."""
        return next(item for item in self.cameras if item["slug"] == slug)


def write_config(
    path: Path,
    data: Path,
    simulator: Any,
    cameras: int,
    changes: Mapping[str, Any],
    *,
    subs: bool = True,
    transport: str = "tcp",
    record_sub: bool = False,
) -> Path:
    """A settings file with the simulator's first cameras; `changes` go over it."""
    sites = {c.site: c.site_name for c in simulator.cameras}
    settings: dict[str, Any] = {
        "data": str(data),
        "http": "127.0.0.1:0",
        "ingest": {"camera_networks": ["127.0.0.0/8"]},
        "sites": [{"slug": slug, "name": name} for slug, name in sites.items()],
        "cameras": [
            {
                "site": c.site, "name": c.name, "slug": c.slug, "main": c.main,
                "sub": c.sub or None if subs else None,
                "username": simulator.username, "password": simulator.password, "transport": transport,
                "record_sub": record_sub,
            }
            for c in simulator.cameras[:cameras]
        ],
    }  # fmt: skip
    for key, value in changes.items():
        settings[key] = settings.get(key, {}) | value if isinstance(value, Mapping) else value
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def running_system(
    folder: Path,
    *,
    cameras: int = 10,
    simulator: Mapping[str, Any] | None = None,
    subs: bool = True,
    transport: str = "tcp",
    record_sub: bool = False,
    **changes: Any,
) -> AsyncIterator[System]:
    """Simulator and node with so many cameras registered; `changes` go into the node's settings."""
    sends = folder / "sends"
    sends.mkdir()
    async with running_simulator(send_log=sends, **(simulator or {})) as cameras_there:
        data = folder / "data"
        config = write_config(
            folder / "vms.yaml", data, cameras_there, cameras, changes,
            subs=subs, transport=transport, record_sub=record_sub,
        )  # fmt: skip
        node = Node(config, folder / "node.log", {"VMS_ADMIN_PASSWORD": PASSWORD})
        system = System(node, cameras_there, data)
        try:
            await node.start()
            await system.sign_in()
            yield system
        finally:
            await node.stop()
            if system.client is not None:
                await system.client.aclose()
