"""Network namespaces for tests: made, entered, given processes, and cleared away, also after a test that was killed.

Names hold the process and its start (`vms-PID-START-NAME`), so that what a dead process left is known as such and
removed by the next one. Needs root, iproute2 and util-linux; `unavailable()` says what is missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path("/run/netns")
_PREFIX = "vms-"
_CLONE_NEWNET = 0x40000000
_KILL_LIMIT_S = 5.0
_libc = ctypes.CDLL(None, use_errno=True)


def unavailable() -> str:
    """Why there can be no namespaces here, empty where they can be."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [name for name in ("ip", "nsenter", "setpriv") if shutil.which(name) is None]
    if missing:
        return f"missing programs: {', '.join(missing)} (Debian: iproute2, util-linux)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    return ""


class Namespace:
    """A network namespace of this process, with `lo` up. Close it, or use it as a context."""

    def __init__(self, name: str) -> None:
        sweep()
        self.name = f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}-{name}"
        self.path = FOLDER / self.name
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def command(self, argv: Sequence[str | os.PathLike[str]]) -> list[str]:
        """The command line that runs `argv` in here, killed when the thread that started it ends."""
        enter = ["nsenter", f"--net={self.path}", "--", "setpriv", "--pdeathsig", "KILL", "--"]
        return [*enter, *(os.fspath(part) for part in argv)]

    def popen(self, argv: Sequence[str | os.PathLike[str]], **options: Any) -> subprocess.Popen[Any]:
        """A process in here; `options` are those of subprocess.Popen."""
        return subprocess.Popen(self.command(argv), **options)

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """This thread in here: sockets made meanwhile belong here for good. Do not await inside."""
        with entered(self.path):
            yield

    def sysctl(self, key: str, value: str | int) -> None:
        """Set `net.…`, where this kernel has it for namespaces; OSError where it refuses the value."""
        with self.enter():
            Path("/proc/sys", *key.split(".")).write_text(f"{value}\n", encoding="ascii")

    def pids(self) -> list[int]:
        """Processes that run in here."""
        return _pids(self.name)

    def close(self) -> None:
        """Kill what runs in here and remove it; safe twice."""
        remove(self.name)


@contextlib.contextmanager
def entered(path: Path) -> Iterator[None]:
    """This thread in the namespace of that file, and back."""
    with open("/proc/thread-self/ns/net", "rb") as home, path.open("rb") as there:  # noqa: PTH123 - a magic link
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def ip(*arguments: str, commands: Sequence[str] = ()) -> str:
    """What `ip` prints; with `commands` they are its batch. RuntimeError with its words when it fails."""
    batch = ("-batch", "-") if commands else ()
    result = subprocess.run(
        ["ip", *arguments, *batch], input="\n".join(commands), capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def sweep() -> list[str]:
    """Remove namespaces that processes which are no more have left; their names."""
    left = [path.name for path in FOLDER.glob(f"{_PREFIX}*") if not _owner_lives(path.name)]
    for name in left:
        remove(name)
    return left


def remove(name: str) -> None:
    """Kill the processes in a namespace and remove it, if it is there."""
    if not (FOLDER / name).exists():
        return
    deadline = time.monotonic() + _KILL_LIMIT_S
    while (pids := _pids(name)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)  # they are not our children: nothing tells of their end
    # Another process may be sweeping the same leftover.
    with contextlib.suppress(RuntimeError):
        ip("netns", "del", name)


def _pids(name: str) -> list[int]:
    try:
        found = [int(line) for line in ip("netns", "pids", name).split()]
    except RuntimeError:
        return []
    # A process that is dead but not yet waited for by its parent still counts as one of the namespace.
    return [pid for pid in found if pid != os.getpid() and _state(pid) not in "ZX"]


def _owner_lives(name: str) -> bool:
    pid, _, rest = name.removeprefix(_PREFIX).partition("-")
    started = rest.partition("-")[0]
    return not (pid.isdigit() and started.isdigit()) or _started(int(pid)) == int(started)


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else "X"


def _started(pid: int) -> int:
    """Start of a process in clock ticks since boot (proc(5), field 22); 0 for none."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
