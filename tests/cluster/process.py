"""Processes of a cluster under test: started, killed, stopped and started again where they were, here or in a regency's
namespace. Also ways into a namespace for the test itself: a port of the host that leads to one in there."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.line import Regency

READY_S = 90.0
STOP_S = 20.0
_TRIES = 5


@dataclass(frozen=True)
class Spot:
    """Where a process runs: the host, or a regency."""

    regency: Regency | None = None

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` here; it dies with the test."""
        if self.regency is not None:
            return self.regency.command(argv)
        return ["setpriv", "--pdeathsig", "KILL", "--", *argv]

    def socket(self) -> socket.socket:
        """A TCP socket that belongs here."""
        with self.regency.enter() if self.regency is not None else contextlib.nullcontext():
            return socket.socket()

    async def answers(self, port: int, path: str) -> bool:
        """Whether an HTTP server of this place's loopback says 200."""
        return await asyncio.to_thread(self._answers, port, path)

    def _answers(self, port: int, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.sock = self.socket()
        try:
            connection.sock.settimeout(2)
            connection.sock.connect(("127.0.0.1", port))
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass
class Process:
    """One program of the cluster. `ready`: whether it serves, given what it said since its start."""

    name: str
    spot: Spot
    argv: Sequence[str]
    log: Path
    ready: Callable[[str], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    running: asyncio.subprocess.Process | None = None
    starts: int = 0
    _said: int = 0

    async def start(self) -> None:
        """Start and wait until it serves. One that ends is started again some times, as systemd does it."""
        for _ in range(_TRIES):
            await self._spawn()
            if await self._serves():
                return
            await asyncio.sleep(1.0)
        raise AssertionError(f"{self.name} does not start:\n{self.said()[-3000:]}")

    async def _spawn(self) -> None:
        assert self.running is None or self.running.returncode is not None, f"{self.name} runs already"
        self.starts += 1
        with self.log.open("ab") as out:
            self._said = out.tell()
            self.running = await asyncio.create_subprocess_exec(
                *self.spot.command(self.argv), stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, env=os.environ | dict(self.environment),
            )  # fmt: skip

    async def _serves(self) -> bool:
        assert self.running is not None
        try:
            async with asyncio.timeout(READY_S):
                while not await self.ready(self.said()):
                    if self.running.returncode is not None:
                        return False
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} is not ready after {READY_S} s:\n{self.said()[-3000:]}") from None
        return True

    def said(self) -> str:
        """What it wrote since its start."""
        with self.log.open("rb") as file:
            file.seek(self._said)
            return file.read().decode("utf-8", "replace")

    async def kill(self) -> None:
        """SIGKILL, all it has started too."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, then SIGKILL."""
        if self.running is None or self.running.returncode is not None:
            return
        try:
            await asyncio.wait_for(self._end(self.stop_signal), STOP_S)
        except TimeoutError:
            await self.kill()

    async def restart(self) -> None:
        """Stop and start."""
        await self.stop()
        await self.start()

    async def _end(self, how: signal.Signals) -> None:
        assert self.running is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running.pid, how)
        await self.running.wait()


class Way:
    """A port of the host that leads to one of a place's loopback: what a browser there would open."""

    def __init__(self, spot: Spot, port: int) -> None:
        self._spot, self._port = spot, port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Its URL."""
        if self._spot.regency is None:
            return f"http://127.0.0.1:{self._port}"
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """No more, and what is open ends."""
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        inner = self._spot.socket()
        inner.setblocking(False)
        writers = [writer]
        try:
            await asyncio.get_running_loop().sock_connect(inner, ("127.0.0.1", self._port))
            there, back = await asyncio.open_connection(sock=inner)
            writers.append(back)
            await asyncio.gather(_pour(reader, back), _pour(there, writer))
        except (OSError, asyncio.CancelledError):
            inner.close()
        finally:
            self._open.discard(task)
            for one in writers:
                one.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
