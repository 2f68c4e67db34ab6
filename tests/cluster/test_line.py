"""The line of the tests is what it says: delay, loss, rate, cuts, counters; and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from tests.cluster import netns
from tests.cluster.line import ROOT, Flow, Line, Regency, regency
from tests.cluster.tun_line import Way

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(bool(netns.unavailable()), reason=netns.unavailable() or "-"),
]
FAST = {"rate_bps": 8_000_000, "rtt_ms": 100, "loss": 0.0, "queue_ms": 50}
PACKET = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, *[10, 0, 0, 2], *[10, 0, 0, 1], 0x1F, 0x90, 0x00, 0x35])
SENDER = """
import socket, sys, time
out = socket.create_connection((sys.argv[1], int(sys.argv[2])))
block, end = bytes(65536), time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    out.send(block)
out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
"""


def udp(address: str) -> socket.socket:
    """A socket of the namespace that the thread is in."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.setblocking(False)
    return made


@contextlib.asynccontextmanager
async def echo(r: Regency) -> AsyncIterator[tuple[str, int]]:
    """A UDP port at the site that answers what it gets."""

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: object) -> None:
            self.transport.sendto(data, address)  # type: ignore[attr-defined]  # asyncio says BaseTransport

    with r.enter():
        made = udp(r.address)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, sock=made)
    try:
        yield made.getsockname()
    finally:
        transport.close()


async def answered(port: tuple[str, int], count: int, interval_s: float, limit_s: float = 1.0) -> dict[int, float]:
    """Round trip in seconds of each echo that came back."""
    loop, times, sent = asyncio.get_running_loop(), dict[int, float](), dict[int, float]()
    with udp("0.0.0.0") as mine:
        mine.connect(port)

        async def receive() -> None:
            while len(times) < count:
                number = int.from_bytes(await loop.sock_recv(mine, 100), "big")
                times[number] = time.monotonic() - sent[number]

        task = asyncio.create_task(receive())
        for number in range(count):
            sent[number] = time.monotonic()
            mine.send(number.to_bytes(4, "big"))
            await asyncio.sleep(interval_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, limit_s)
    return times


async def carried(r: Regency, seconds: float) -> float:
    """Bits per second that one TCP connection brings from the site to the center."""
    received = 0
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        argv = [sys.executable, "-c", SENDER, r.center_address, str(server.getsockname()[1]), str(seconds)]
        process = r.popen(argv)
        connection, _ = await asyncio.wait_for(loop.sock_accept(server), 20)
        with connection, contextlib.suppress(ConnectionResetError):
            begun = time.monotonic()
            while chunk := await loop.sock_recv(connection, 1 << 18):
                received += len(chunk)
                if time.monotonic() - begun > seconds:
                    break
        elapsed = time.monotonic() - begun
    await asyncio.to_thread(process.wait)
    return received * 8 / elapsed


def test_a_way_paces_and_delays() -> None:
    """At 8 Mb/s a packet of 1000 bytes takes 1 ms, then half the round trip; the next waits for it."""
    way = Way(FAST, 1, up=True)
    for _ in range(3):
        way.offer(PACKET.ljust(1000, b"\0"), 10.0)
    assert way.due() == pytest.approx(10.051)
    assert len(way.take(10.0522)) == 2
    assert way.due() == pytest.approx(10.053)


def test_a_way_holds_only_so_much() -> None:
    """What would wait longer than the queue is long is dropped and counted."""
    way = Way(FAST, 1, up=True)
    for _ in range(100):
        way.offer(PACKET.ljust(1000, b"\0"), 10.0)
    assert way.counters["packets"] == 51
    assert way.counters["overflowed"] == 49


def test_a_way_counts_flows_as_the_site_sees_them() -> None:
    """Ports change places with the direction."""
    for up, flow in ((True, (17, 8080, 53)), (False, (17, 53, 8080))):
        way = Way(FAST, 1, up=up)
        way.offer(PACKET, 1.0)
        assert way.flows == {flow: 24}


def test_a_slower_line_is_not_overtaken() -> None:
    """A packet sent after the delay has become shorter comes out after those before it."""
    way = Way(FAST, 1, up=True)
    way.offer(PACKET + b"1", 10.0)
    way.set({**FAST, "rtt_ms": 2})
    way.offer(PACKET + b"2", 10.001)
    assert [packet[-1:] for packet in way.take(11)] == [b"1", b"2"]


async def test_round_trip_and_addresses() -> None:
    """The round trip is the line's; the site's own addresses are used both ways."""
    async with regency("sampit", Line(10_000_000, 100)) as r, echo(r) as port:
        assert port[0] == r.address
        times = await answered(port, 50, 0.005)
    assert len(times) == 50
    assert min(times.values()) >= 0.1
    assert statistics.median(times.values()) < 0.115


async def test_loss_is_as_given() -> None:
    """5 % each way are 9.75 % of round trips; a line without loss loses nothing."""
    async with regency("sampit", Line(10_000_000, 20, 0.05)) as r, echo(r) as port:
        times = await answered(port, 2000, 0.0005)
        both = await r.traffic()
    assert 0.07 < 1 - len(times) / 2000 < 0.13
    assert 0.035 < both.down.lost / 2000 < 0.065
    assert both.down.overflowed == both.up.overflowed == 0


async def test_bbr_carries_what_cubic_does_not() -> None:
    """10 Mb/s, 200 ms, 2 % loss: BBR fills most of it and cubic a tenth; the line never carries more than its rate."""
    line = Line(10_000_000, 200, 0.02)
    async with regency("sampit", line) as bbr, regency("kapuas", line, congestion="cubic") as cubic:
        fast, slow = await asyncio.gather(carried(bbr, 8), carried(cubic, 8))
    print(f"bbr {fast / 1e6:.2f} Mb/s, cubic {slow / 1e6:.2f} Mb/s")
    assert fast <= 10_000_000
    assert fast > 4_000_000
    assert fast > 3 * slow


async def test_cut_and_mend() -> None:
    """Cut, nothing passes and nobody is told; mended, packets pass, and a TCP connection goes on."""
    async with regency("sampit", Line(4_000_000, 50)) as r, echo(r) as port:
        with r.enter(), socket.create_server((r.address, 0)) as server:
            here = socket.create_connection(server.getsockname())
            there, _ = server.accept()
        with here, there:
            await r.cut()
            here.sendall(b"sent into the dark")
            assert await answered(port, 10, 0.01, 0.2) == {}
            await r.mend()
            assert len(await answered(port, 10, 0.01)) == 10
            there.settimeout(10)
            assert await asyncio.to_thread(there.recv, 100) == b"sent into the dark"
        assert (await r.traffic()).down.cut >= 10


async def test_another_line_while_it_runs() -> None:
    """The delay changes with the next packet."""
    async with regency("sampit", Line(4_000_000, 20)) as r, echo(r) as port:
        await r.set(Line(4_000_000, 200))
        assert min((await answered(port, 5, 0.01)).values()) > 0.2


async def test_one_connection_is_counted_alone() -> None:
    """Bytes by port: those of one connection among others, IP headers included."""
    async with regency("sampit", Line(4_000_000, 20)) as r, echo(r) as port:
        with udp("0.0.0.0") as mine, r.enter(), udp(r.address) as other:
            mine.sendto(bytes(1000), port)
            other.sendto(bytes(500), (r.center_address, 9))
            number = mine.getsockname()[1]
            await asyncio.sleep(0.1)
        both = await r.traffic()
    assert both.up.port(number) == both.down.port(number) == 1028
    assert both.down.flows[Flow(17, port[1], number)] == 1028
    assert both.up.port(9) == 528


async def test_congestion_control_of_the_site() -> None:
    """Connections made there have the one that was asked for, the host's own stay as they are."""
    for name in ("reno", "cubic", "bbr"):
        async with regency("sampit", Line(4_000_000, 20), congestion=name) as r:
            with (
                socket.create_server((r.center_address, 0)) as server,
                r.enter(),
                socket.create_connection(server.getsockname()) as made,
            ):
                assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode() == name
    with pytest.raises(RuntimeError, match="no congestion control"):
        async with regency("sampit", Line(4_000_000, 20), congestion="unheard-of"):
            pass


async def test_what_runs_there_ends_with_it() -> None:
    """Processes in the namespace are killed, and neither it nor the device stays."""
    async with regency("sampit", Line(4_000_000, 20)) as r:
        process = r.popen(["sleep", "100"])
        name = r.ns.name
        device = f"vl{os.getpid()}-"
        assert device in netns.ip("link")
    assert await asyncio.to_thread(process.wait, 5) == -signal.SIGKILL
    assert not (netns.FOLDER / name).exists()
    assert device not in netns.ip("link")


KILLED = """
import asyncio
from tests.cluster.line import Line, regency

async def main():
    async with regency("sampit", Line(4_000_000, 20)) as r:
        child = r.popen(["sleep", "100"])
        print(r.ns.name, child.pid, flush=True)
        await asyncio.sleep(100)

asyncio.run(main())
"""


def test_a_killed_test_leaves_nothing() -> None:
    """SIGKILL: its processes and devices die with it, its namespace goes when the next one starts."""
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as test:
        assert test.stdout is not None
        name, child = test.stdout.readline().split()
        assert (netns.FOLDER / name).exists()
        test.kill()
    with netns.Namespace("next") as made:
        assert not (netns.FOLDER / name).exists()
        assert made.path.exists()
    deadline = time.monotonic() + 5
    while f"vl{test.pid}-" in netns.ip("link") and time.monotonic() < deadline:
        time.sleep(0.02)  # the kernel removes the link by itself and tells nobody
    assert f"vl{test.pid}-" not in netns.ip("link")
    assert netns._state(int(child)) in "ZX"
