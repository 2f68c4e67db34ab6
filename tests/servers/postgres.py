"""A real PostgreSQL: Debian's programs in a folder of the test's own, as an unprivileged user, with fsync.

    async with running_postgres(folder) as server: ...          # server.url, await server.restart()

The fixture `postgres` is one server for all tests of the process (leave it running; a server of its own for who stops
it); `new_schema()` gives a test an empty catalogue of its own in it, in milliseconds. A port is chosen once and
kept. `prefix` runs it elsewhere, for example in a network namespace, with `host` an address there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tools.cluster import servers

_READY_S = 30.0
_STOP_S = 15.0


def postgres_folder() -> Path:
    """Folder of PostgreSQL's programs, those of Debian or on the PATH; the test fails where there are none."""
    try:
        return servers.postgres_folder()
    except servers.ServerError as error:
        pytest.fail(str(error))


@dataclass
class PostgresServer:
    """A server and its files; `start` and `stop` as often as wanted. User and database are `vms`."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    _process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        """For clients: the database `vms`."""
        return f"postgresql://vms:{self.password}@{self.host}:{self.port}/vms"

    def new_schema(self) -> str:
        """The URL of an empty catalogue beside others: a schema of its own in the database `vms`."""
        name = f"c{next(self._names)}"
        self.psql(f"CREATE SCHEMA {name}")
        return f"{self.url}?search_path={name}"

    def psql(self, sql: str, database: str = "vms") -> str:
        """Run SQL as the owner of everything; what it answers, plain."""
        argv = [*self.prefix, str(postgres_folder() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c"]
        result = subprocess.run([*argv, sql], capture_output=True, text=True, env=self._environment(), check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def begin(self) -> None:
        """Start and wait until it serves; blocks."""
        assert self._process is None, "it runs already"
        programs = postgres_folder()
        self.port = self.port or _free_port("127.0.0.1" if self.prefix else self.host)
        new = not (self.folder / "PG_VERSION").exists()
        as_user = servers.made_postgres(self.folder, programs, self.password)
        if new and self.host != "127.0.0.1":
            with (self.folder / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all scram-sha-256\n")
        chosen = {"listen_addresses": self.host, "unix_socket_directories": "", "max_connections": "60"}
        options = [part for pair in (chosen | dict(self.settings)).items() for part in ("-c", "=".join(pair))]
        argv = [*self.prefix, *as_user, str(programs / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*argv, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + _READY_S
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > until:
                self.end()
                pytest.fail(f"PostgreSQL does not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.03)
        if not self.psql("SELECT 1 FROM pg_database WHERE datname = 'vms'", "postgres"):
            self.psql("CREATE DATABASE vms", "postgres")

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it, by default with a fast shutdown (bounded); idempotent; blocks."""
        process, self._process = self._process, None
        if process is None:
            return
        # It ends its children itself, but not when it is killed.
        children = _family(process.pid) if how is signal.SIGKILL else []
        for sign in (how, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(sign)
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                continue
            psutil.wait_procs(children, timeout=_STOP_S)
            return

    async def start(self) -> None:
        """Start and wait until it serves."""
        await asyncio.to_thread(self.begin)

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it; idempotent. SIGINT does not wait for clients, SIGTERM does."""
        await asyncio.to_thread(self.end, how)

    async def kill(self) -> None:
        """End it as a power cut would, all its processes at once."""
        await self.stop(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start; what was committed is there again."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and silent."""
        assert self._process is not None
        for one in [psutil.Process(self._process.pid), *_family(self._process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()

    def thaw(self) -> None:
        """The end of `freeze`."""
        assert self._process is not None
        for one in [*_family(self._process.pid), psutil.Process(self._process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()

    def _serves(self) -> bool:
        argv = [*self.prefix, str(postgres_folder() / "pg_isready"), "-q"]
        return subprocess.run(argv, env=self._environment(), check=False).returncode == 0

    def _environment(self) -> dict[str, str]:
        own = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": "vms", "PGPASSWORD": self.password}
        return {**os.environ, **own}

    @property
    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")


@asynccontextmanager
async def running_postgres(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    settings: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    started: bool = True,
) -> AsyncIterator[PostgresServer]:
    """A server in `folder/postgres`. `settings`: of PostgreSQL, such as {"max_connections": "20"}. With `started=False`
    nothing is there yet."""
    server = PostgresServer(folder / "postgres", host, port, settings or {}, tuple(prefix))
    try:
        if started:
            await server.start()
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One server for all tests of the process, stopped in the end."""
    folder = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(folder / "postgres")
    try:
        server.begin()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
