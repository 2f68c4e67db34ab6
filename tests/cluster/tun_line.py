"""The line itself, a process of its own: packets of one TUN device delayed, paced and dropped on their way to another.

Each way has a bounded drop-tail queue in front of a link of fixed rate, then loss, then half the round trip: what a
router before a thin line does. Run by line.py, which speaks JSON lines over a socket; ends when that socket does.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from tests.cluster.netns import entered, ip

MTU = 1500
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_BATCH = 64
_TCP, _UDP = 6, 17


class Way:
    """One direction: packets offered at a time come out later, or never. Times are seconds of any steady clock."""

    def __init__(self, line: dict[str, float], seed: int, *, up: bool) -> None:
        self._random = random.Random(seed)
        self._up = up
        self._flying: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._arrives_at = 0.0
        self.connected = True
        self.counters: dict[str, int] = dict.fromkeys(("bytes", "packets", "lost", "overflowed", "cut"), 0)
        self.flows: dict[tuple[int, int, int], int] = {}
        self.set(line)

    def set(self, line: dict[str, float]) -> None:
        """Another rate, delay, loss or queue, from the next packet on; nothing overtakes."""
        self._seconds_per_byte = 8.0 / line["rate_bps"]
        self._delay_s = line["rtt_ms"] / 2000.0
        self._loss = line["loss"]
        self._queue_s = line["queue_ms"] / 1000.0

    def cut(self) -> None:
        """Nothing passes from now on, what is under way included."""
        self.connected = False
        self.counters["cut"] += len(self._flying)
        self._flying.clear()

    def mend(self) -> None:
        """As new, its queue empty."""
        self.connected = True
        self._free_at = 0.0

    def offer(self, packet: bytes, now: float) -> None:
        """A packet at the near end."""
        counters = self.counters
        if not self.connected:
            counters["cut"] += 1
            return
        begins = max(now, self._free_at)
        if begins - now > self._queue_s:
            counters["overflowed"] += 1
            return
        size = len(packet)
        self._free_at = begins + size * self._seconds_per_byte
        counters["bytes"] += size
        counters["packets"] += 1
        flow = self._flow(packet)
        self.flows[flow] = self.flows.get(flow, 0) + size
        if self._random.random() < self._loss:
            counters["lost"] += 1
            return
        self._arrives_at = max(self._arrives_at, self._free_at + self._delay_s)
        self._flying.append((self._arrives_at, packet))

    def due(self) -> float | None:
        """When the next packet comes out."""
        return self._flying[0][0] if self._flying else None

    def take(self, now: float) -> list[bytes]:
        """What has come out by now."""
        flying, out = self._flying, []
        while flying and flying[0][0] <= now:
            out.append(flying.popleft()[1])
        return out

    def _flow(self, packet: bytes) -> tuple[int, int, int]:
        """Protocol, port at the site, port at the center; ports 0 where there are none (RFC 791)."""
        protocol, header = packet[9], (packet[0] & 15) * 4
        later_fragment = (packet[6] << 8 | packet[7]) & 0x1FFF
        if protocol not in (_TCP, _UDP) or later_fragment or len(packet) < header + 4:
            return protocol, 0, 0
        source, target = struct.unpack_from("!HH", packet, header)
        return (protocol, source, target) if self._up else (protocol, target, source)


def tun(name: str) -> int:
    """A TUN device in the namespace of this thread, gone when the descriptor is closed."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode("ascii"), _IFF_TUN_NO_PI))
    return descriptor


def connect(plan: dict[str, Any]) -> tuple[int, int]:
    """Both devices with their addresses and routes; descriptors of the center's and the site's."""
    center, site = plan["center_address"], plan["address"]
    device, namespace = plan["device"], plan["namespace"]
    near = tun(device)
    with entered(Path(plan["namespace_path"])):
        far = tun("line")
    up = f"link set dev {{}} up mtu {MTU} txqueuelen 1000"
    ip(
        commands=[
            f"addr add {center}/32 dev {device}",
            up.format(device),
            f"route add {site}/32 dev {device} src {center}",
        ]
    )
    ip(
        "-n",
        namespace,
        commands=[f"addr add {site}/32 dev line", up.format("line"), f"route add default dev line src {site}"],
    )
    return near, far


def carry(near: int, far: int, ways: dict[int, tuple[Way, int]], control: socket.socket) -> None:
    """Move packets until the control socket ends. `ways`: by the descriptor read from, the way and where it leads."""
    up, down = ways[far][0], ways[near][0]
    pending = b""
    while True:
        ready, _, _ = select.select([near, far, control], [], [], deliver(ways, time.monotonic()))
        now = time.monotonic()
        for descriptor in ready:
            if descriptor is not control:
                accept(descriptor, ways[descriptor][0], now)
                continue
            received = control.recv(65536)
            if not received:
                return
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                control.sendall(json.dumps(obey(json.loads(line), up, down)).encode() + b"\n")


def deliver(ways: dict[int, tuple[Way, int]], now: float) -> float:
    """Hand over what has come out; the seconds until more will."""
    wait = 1.0
    for way, target in ways.values():
        for packet in way.take(now):
            try:
                os.write(target, packet)
            except BlockingIOError:
                way.counters["overflowed"] += 1
        due = way.due()
        if due is not None:
            wait = min(wait, max(0.0, due - now))
    return wait


def accept(descriptor: int, way: Way, now: float) -> None:
    """Put what waits at a device on its way; IPv4 alone."""
    for _ in range(_BATCH):
        try:
            packet = os.read(descriptor, 65536)
        except BlockingIOError:
            return
        if packet[0] >> 4 == 4:
            way.offer(packet, now)


def obey(order: dict[str, Any], up: Way, down: Way) -> dict[str, Any]:
    """Do what line.py asks; its answer."""
    for way in (up, down):
        match order["do"]:
            case "cut":
                way.cut()
            case "mend":
                way.mend()
            case "set":
                way.set(order["line"])
    if order["do"] != "traffic":
        return {}
    ways = (("up", up), ("down", down))
    return {name: {**way.counters, "flows": [[*flow, size] for flow, size in way.flows.items()]} for name, way in ways}


def main() -> None:
    """The process: its plan is the first argument, its control socket descriptor 3 or what the plan says."""
    plan = json.loads(sys.argv[1])
    control = socket.socket(fileno=plan["control"])
    # A late packet is a wrong delay: before everything else on a busy machine.
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    near, far = connect(plan)
    up = Way(plan["line"], plan["seed"], up=True)
    down = Way(plan["line"], plan["seed"] + 1, up=False)
    gc.disable()
    control.sendall(b"{}\n")
    carry(near, far, {far: (up, near), near: (down, far)}, control)


if __name__ == "__main__":
    main()
