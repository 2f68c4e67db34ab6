"""Facts of this machine: clock, disks, rights, ports, TCP, versions. Blocks; changes nothing but a file of some MB that
it writes into the spool's folder and takes away again.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from ingest.clockstate import synchronized
from streamer.transcoder.command import program
from vms import __version__
from vms.doctor import checks
from vms.doctor.checks import Check
from vms.settings import FolderStoreSettings, Settings

_TRIES = 40
_BLOCK = bytes(190_000)


def machine(settings: Settings) -> list[Check]:
    """All of it."""
    found = [_versions(), checks.clock(*synchronized()), *_folders(settings), *_ports(settings)]
    found.append(checks.transcoder(settings.streamer.transcodes, program()))
    if settings.cluster is not None:
        found += [checks.congestion(_sysctl("net/ipv4/tcp_congestion_control")), checks.notsent_lowat(_lowat())]
    return found


def _versions() -> Check:
    words = f"vms {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return checks.ok("versions", f"{words}, Linux {platform.release()}")


def _folders(settings: Settings) -> list[Check]:
    found = _rights("data", settings.data, private=True)
    for name in ("secret.key", "node.key"):
        found += _key(settings.data / name)
    if settings.key_file is not None:
        found += _key(settings.key_file)
    spool = settings.spool_dir()
    found += _rights("spool", spool, private=False)
    place = _existing(spool)
    if os.access(place, os.W_OK):
        found.append(_speed(place))
    usage = shutil.disk_usage(place)
    found.append(checks.disk_room("spool.room", usage.free, usage.total))
    for name, store in settings.all_stores().items():
        if isinstance(store, FolderStoreSettings):
            found += _rights(f"store.{name}", store.path or settings.data, private=False)
    return found


def _rights(name: str, folder: Path, *, private: bool) -> list[Check]:
    place = _existing(folder)
    if not os.access(place, os.W_OK | os.X_OK):
        who = f"{place} cannot be written by this user"
        return [checks.bad(name, who, f"chown it to the user that runs vms: chown USER {place}")]
    if place != folder:
        return [checks.ok(name, f"{folder} does not exist yet and can be made")]
    mode = folder.stat().st_mode & 0o777
    if private and mode & 0o077:
        what = f"{folder} can be read by others on this machine ({mode:o})"
        return [checks.warn(name, what, f"chmod 700 {folder}")]
    return [checks.ok(name, f"{folder} can be written")]


def _key(file: Path) -> list[Check]:
    with suppress(FileNotFoundError):
        mode = file.stat().st_mode & 0o777
        if mode & 0o077:
            return [checks.bad("key", f"{file} can be read by others ({mode:o})", f"chmod 600 {file}")]
        if not os.access(file, os.R_OK):
            return [checks.bad("key", f"{file} cannot be read by this user", f"chown USER {file}")]
    return []


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    found = path.absolute()
    while not found.exists():
        found = found.parent
    return found


def _speed(folder: Path) -> Check:
    path, times = folder / f".doctor-{os.getpid()}", list[float]()
    try:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_TRIES):
                begun = time.monotonic()
                os.write(fd, _BLOCK)
                os.fdatasync(fd)
                times.append(time.monotonic() - begun)
        finally:
            os.close(fd)
            path.unlink()
    except OSError as error:
        what = f"{folder} does not take a write: {error.strerror}"
        return checks.bad("spool.speed", what, "Look at the disk: dmesg, mount, df.")
    return checks.disk_speed("spool.speed", times)


def _ports(settings: Settings) -> list[Check]:
    """Whether the page's address is free, or served by us already."""
    host, port = settings.listen()
    if port == 0:
        return []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind((host, port))
        except OSError as error:
            if _answers(port):
                return [checks.ok("http", f"{host}:{port} is served, by a node that runs")]
            what = f"{host}:{port} cannot be had: {error.strerror}"
            return [checks.bad("http", what, "Stop who has it (ss -ltnp), or choose another: http: HOST:PORT")]
    return [checks.ok("http", f"{host}:{port} is free")]


def _answers(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
        return True
    return False


def _sysctl(name: str) -> str | None:
    with suppress(OSError):
        return (Path("/proc/sys") / name).read_text(encoding="ascii").strip()
    return None


def _lowat() -> int | None:
    text = _sysctl("net/ipv4/tcp_notsent_lowat")
    return int(text) if text is not None and text.isdigit() else None
