"""Regencies behind thin lines: a network namespace each, joined to the center (where the test itself runs) by a line.

`async with regency("sampit", Line(2_000_000, 300, 0.02)) as r`: `r.popen` runs a process there, `r.center_address` is
how it reaches the center, `r.address` how the center reaches it. The line is a process in user space (tun_line.py) and
not `tc netem`, which not every kernel has: so the figures are the same everywhere, and each flow is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.netns import Namespace, ip

ROOT = Path(__file__).resolve().parents[2]
_ANSWER_S = 10.0
_numbers = itertools.count()
_network: list[str] = []


@dataclass(frozen=True)
class Line:
    """A line, the same both ways. `loss`: share of packets, 0 to 1; `queue_ms`: how much the router before it holds."""

    rate_bps: int
    rtt_ms: float
    loss: float = 0.0
    queue_ms: float = 250.0


@dataclass(frozen=True)
class Flow:
    """Packets of one connection: IP protocol (6 TCP, 17 UDP) and its ports, 0 where it has none."""

    protocol: int
    site_port: int
    center_port: int


@dataclass(frozen=True)
class Traffic:
    """What was put on the line one way since it is there, with IP headers; `lost` packets count as put on it."""

    bytes: int
    packets: int
    lost: int
    overflowed: int
    cut: int
    flows: Mapping[Flow, int] = field(default_factory=dict)

    def port(self, number: int) -> int:
        """Bytes of all flows with this port at either end."""
        return sum(size for flow, size in self.flows.items() if number in (flow.site_port, flow.center_port))


@dataclass(frozen=True)
class Both:
    """Traffic from the site to the center, and back."""

    up: Traffic
    down: Traffic


class Regency:
    """A namespace and its line to the center. Its methods may be called from any event loop."""

    def __init__(self, ns: Namespace, address: str, center_address: str, control: socket.socket) -> None:
        self.ns = ns
        self.address = address
        self.center_address = center_address
        self._control = control
        self._lock = threading.Lock()
        self.popen = ns.popen
        self.command = ns.command
        self.enter = ns.enter

    async def cut(self) -> None:
        """Nothing passes, and nobody is told."""
        await self._ask({"do": "cut"})

    async def mend(self) -> None:
        """Packets pass again."""
        await self._ask({"do": "mend"})

    async def set(self, line: Line) -> None:
        """Another line from the next packet on."""
        await self._ask({"do": "set", "line": asdict(line)})

    async def traffic(self) -> Both:
        """Counters of both ways."""
        said = await self._ask({"do": "traffic"})
        return Both(_traffic(said["up"]), _traffic(said["down"]))

    async def exec(self, argv: Sequence[str | os.PathLike[str]], **options: Any) -> asyncio.subprocess.Process:
        """A process in the namespace, as asyncio.create_subprocess_exec starts it."""
        return await asyncio.create_subprocess_exec(*self.command(argv), **options)

    async def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(self._asked, order)

    def _asked(self, order: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._control.sendall(json.dumps(order).encode() + b"\n")
            return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line of the line's process; RuntimeError when it has ended."""
        said = b""
        while not said.endswith(b"\n"):
            part = self._control.recv(1 << 20)
            if not part:
                raise RuntimeError(f"the line of {self.ns.name} has ended")
            said += part
        answer: dict[str, Any] = json.loads(said)
        return answer


@contextlib.asynccontextmanager
async def regency(
    name: str, line: Line, *, congestion: str = "bbr", notsent_lowat: int = 32768, seed: int = 1
) -> AsyncIterator[Regency]:
    """A regency with its line, until the end of the block; what still runs in it then is killed.

    `congestion`: TCP congestion control of connections made there (RuntimeError where the host does not allow it);
    `seed` decides which packets are lost.
    """
    with contextlib.ExitStack() as stack:
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        ours.settimeout(_ANSWER_S)
        with theirs:
            ns = stack.enter_context(await asyncio.to_thread(Namespace, name))
            number = next(_numbers)
            network = _addresses()
            made = Regency(ns, f"{network}.{number % 240 + 10}", f"{network}.1", ours)
            plan = {
                "namespace": ns.name, "namespace_path": str(ns.path), "device": f"vl{os.getpid()}-{number}",
                "address": made.address, "center_address": made.center_address,
                "line": asdict(line), "seed": seed, "control": theirs.fileno(),
            }  # fmt: skip
            process = _start(plan)
        stack.callback(_end, process, ours)
        await asyncio.to_thread(made.answer)
        _congestion(made, congestion, notsent_lowat)
        yield made


def _start(plan: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.cluster.tun_line", json.dumps(plan)]
    return subprocess.Popen(command, cwd=ROOT, pass_fds=[plan["control"]])


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _congestion(made: Regency, congestion: str, notsent_lowat: int) -> None:
    made.ns.sysctl("net.ipv4.tcp_notsent_lowat", notsent_lowat)
    try:
        made.ns.sysctl("net.ipv4.tcp_congestion_control", congestion)
    except OSError:
        # A namespace's default may be only what the host's tcp_allowed_congestion_control names; a route may have any.
        route = f"route change default dev line src {made.address} congctl {congestion}"
        try:
            ip("-n", made.ns.name, *route.split())
        except RuntimeError as error:
            raise RuntimeError(f"this host has no congestion control {congestion!r}: {error}") from None


def _addresses() -> str:
    """First three numbers of the addresses of this process: a /24 of 10/8 that the host does not use."""
    if not _network:
        used = ip("-4", "addr") + ip("-4", "route", "show", "table", "all")
        candidates = (f"10.{200 + n // 256 % 50}.{n % 256}" for n in itertools.count(os.getpid()))
        _network.append(next(found for found in candidates if f" {found}." not in used))
    return _network[0]


def _traffic(said: Mapping[str, Any]) -> Traffic:
    flows = {Flow(*flow): size for *flow, size in said["flows"]}
    return Traffic(**{name: said[name] for name in ("bytes", "packets", "lost", "overflowed", "cut")}, flows=flows)
