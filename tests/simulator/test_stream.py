"""What a client gets: over TCP and UDP, through libav and on a raw socket, and what the send log says of it."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import psutil
import pytest

from tests.simulator.rtsp_client import RtspClient, is_key
from tests.simulator_fixture import ROOT, SMALL, RunningSimulator, running_simulator, simulator
from vms.simulator import barcode, sei

__all__ = ["simulator"]
LOOP, GOP = 100, 10


@dataclass(frozen=True)
class Seen:
    """An access unit as libav gave it, with what its picture shows."""

    pts: int | None
    key: bool
    n: int
    sent_ns: int
    k: int | None
    k_small: int | None


def pull(url: str, transport: str, count: int) -> list[Seen]:
    """The first `count` units, decoded. Blocking."""
    seen = []
    options = {"rtsp_transport": transport}
    with av.open(url, format="rtsp", options=options, timeout=(10, 10)) as container:
        for packet in container.demux(video=0):
            stamp = sei.find(bytes(packet))
            assert stamp is not None
            (frame,) = packet.decode()
            luma = frame.to_ndarray()[: frame.height]
            small = cv2.resize(luma, (320, 180), interpolation=cv2.INTER_AREA)
            seen.append(Seen(packet.pts, packet.is_keyframe, *stamp, barcode.read(luma), barcode.read(small)))
            if len(seen) == count:
                break
    return seen


@asynccontextmanager
async def client(
    running: RunningSimulator, stream: str = "main", password: str | None = None
) -> AsyncIterator[RtspClient]:
    """A raw client of the first camera."""
    url = (running.cameras[0].urls or {})[stream]
    connected = await RtspClient(url, running.username, running.password if password is None else password).connect()
    try:
        yield connected
    finally:
        await connected.close()


async def logged(running: RunningSimulator, until: Any, stream: str = "main") -> list[dict[str, Any]]:
    """The send log once `until(lines)` holds."""
    async with asyncio.timeout(10):
        while not until(lines := running.read_log(running.cameras[0].slug, stream)):
            await asyncio.sleep(0.02)
    return lines


def events(lines: list[dict[str, Any]]) -> list[str]:
    """The events in a log, in order."""
    return [line["event"] for line in lines if "event" in line]


def stamp_of(payloads: list[bytes]) -> tuple[int, int] | None:
    """Number and send time of a unit, out of its first payload: the SEI alone or within a STAP-A."""
    at = payloads[0].find(b"\x06\x05\x20")
    return sei.parse(payloads[0][at:]) if at >= 0 else None


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_libav_sees_every_unit_across_the_loop(simulator: RunningSimulator, transport: str) -> None:
    """From a key frame on nothing is missing, stamps and barcodes agree, timestamps go on where the loop closes."""
    url = simulator.cameras[0].with_login(simulator)
    seen = await asyncio.to_thread(pull, url, transport, LOOP + 15)
    assert seen[0].key
    assert [unit.n for unit in seen] == list(range(seen[0].n, seen[0].n + len(seen)))
    assert [unit.key for unit in seen] == [unit.n % GOP == 0 for unit in seen]
    assert [unit.k for unit in seen] == [unit.n % LOOP for unit in seen]
    assert [unit.k_small for unit in seen] == [unit.n % LOOP for unit in seen]
    assert [unit.pts for unit in seen[1:]] == [3600 * i for i in range(1, len(seen))]
    assert all(b.sent_ns > a.sent_ns for a, b in pairwise(seen))


async def test_barcode_survives_the_encoder_at_full_size() -> None:
    """720p of the demo's rate: readable in the picture and in one of 320x180."""
    async with running_simulator(cameras=1, streams="main", loop_s=2, gop_s=1) as running:
        seen = await asyncio.to_thread(pull, running.cameras[0].with_login(running), "tcp", 60)
    assert [unit.k for unit in seen] == [unit.n % 50 for unit in seen]
    assert [unit.k_small for unit in seen] == [unit.n % 50 for unit in seen]


async def test_raw_session(simulator: RunningSimulator) -> None:
    """The methods, the description, sequence numbers, RTP-Info, sender reports, TEARDOWN."""
    async with client(simulator) as raw:
        assert "DESCRIBE" in (await raw.ask("OPTIONS")).headers["public"]
        described = await raw.meet_challenge()
        assert b"a=rtpmap:96 H264/90000" in described.body
        assert b"sprop-parameter-sets=" in described.body
        assert b"profile-level-id=42" in described.body
        assert (await raw.ask("PLAY")).status == 454
        played = await raw.play()
        info = dict(part.split("=", 1) for part in played.headers["rtp-info"].split(";"))
        packets = [await raw.packet() for _ in range(40)]
        rtp = [packet for channel, packet in packets if channel == 0]
        first = struct.unpack(">BBHII", rtp[0][:12])
        assert first[2] == int(info["seq"])
        assert first[3] == int(info["rtptime"])
        numbers = [struct.unpack(">H", packet[2:4])[0] for packet in rtp]
        assert numbers == [(numbers[0] + i) % 65536 for i in range(len(numbers))]
        assert is_key([rtp[0][12:]])
        report = next(packet for channel, packet in packets if channel == 1)
        assert report[1] == 200
        assert struct.unpack(">I", report[4:8])[0] == first[4]
        said_ns = (struct.unpack(">I", report[8:12])[0] - 2_208_988_800) * 10**9
        stamp = stamp_of([rtp[0]])
        assert stamp is not None
        assert abs(said_ns - stamp[1]) < 5 * 10**9
        assert (await raw.ask("GET_PARAMETER")).status == 200
        assert (await raw.ask("PAUSE")).status == 200
        assert (await raw.ask("PLAY")).status == 200
        _, payloads = await raw.unit()
        assert is_key(payloads)
        assert (await raw.ask("TEARDOWN")).status == 200
        assert (await raw.ask("PLAY")).status == 454
    lines = await logged(simulator, lambda lines: len(events(lines)) >= 4)
    assert events(lines) == ["play", "close", "play", "close"]


async def test_digest(simulator: RunningSimulator) -> None:
    """No password and a wrong one: 401. Another connection's nonce: stale. The right one: 200. No such camera: 404."""
    async with client(simulator, password="salah") as wrong:
        assert (await wrong.meet_challenge()).status == 401
        assert (await wrong.ask("SETUP", Transport="RTP/AVP/TCP")).status == 401
    async with client(simulator) as first, client(simulator) as second:
        assert (await first.meet_challenge()).status == 200
        second.challenge = first.challenge
        stale = await second.ask("DESCRIBE")
        assert stale.status == 401
        assert "stale=TRUE" in stale.headers["www-authenticate"]
        second.take_challenge(stale)
        assert (await second.ask("DESCRIBE")).status == 200
        assert (await second.ask("DESCRIBE", f"rtsp://127.0.0.1:{simulator.port}/nowhere/main")).status == 404
    with pytest.raises(av.error.HTTPUnauthorizedError):
        await asyncio.to_thread(av.open, simulator.cameras[0].main, format="rtsp", timeout=(5, 5))


async def test_broken_requests_end_the_connection(simulator: RunningSimulator) -> None:
    """400 and closed; unknown methods and transports are answered by their codes."""
    async with client(simulator) as raw:
        assert (await raw.meet_challenge()).status == 200
        assert (await raw.ask("RECORD")).status == 501
        assert (await raw.ask("SETUP", Transport="RTP/AVP;multicast")).status == 461
        assert raw.writer is not None
        assert raw.reader is not None
        raw.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await raw.reader.read()).startswith(b"RTSP/1.0 400")


async def test_all_clients_see_one_clock(simulator: RunningSimulator) -> None:
    """Two clients of a stream get the same numbers and send times; RTP sources and sequence numbers are their own."""
    async with client(simulator) as one, client(simulator) as two:
        await one.play()
        await two.play()
        numbers, times = [], []
        for raw in (one, two):
            units = [await raw.unit() for _ in range(25)]
            times.append({timestamp for timestamp, _ in units})
            numbers.append({stamp_of(payloads) for _, payloads in units})
    assert None not in numbers[0] | numbers[1]
    assert len(numbers[0] & numbers[1]) >= 10
    assert len(times[0] & times[1]) >= 10


async def test_send_log_is_true(simulator: RunningSimulator) -> None:
    """Each logged unit arrived, each arrived unit is logged, in order, between play and close."""
    async with client(simulator) as raw:
        await raw.play()
        keys = [is_key((await raw.unit())[1]) for _ in range(30)]
    lines = await logged(simulator, lambda lines: "close" in events(lines))
    units = [line for line in lines if "n" in line]
    assert lines[0]["event"] == "play"
    assert lines[-1]["event"] == "close"
    assert len(units) >= 30
    assert [line["key"] for line in units[:30]] == keys
    assert units[0]["key"]
    assert [line["n"] for line in units] == list(range(units[0]["n"], units[0]["n"] + len(units)))
    assert [line["t_ns"] for line in lines] == sorted(line["t_ns"] for line in lines)
    assert {line["conn"] for line in lines} == {lines[0]["conn"]}


async def test_a_client_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    """Units it has no room for are neither kept nor logged; it goes on at a key frame; others notice nothing."""
    small = SMALL | {"main_size": "640x360", "main_kbps": 8000}
    async with running_simulator(send_log=tmp_path, cameras=1, streams="main", **small) as running:
        slow = RtspClient(running.cameras[0].main, running.username, running.password)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", running.port))
        slow.reader, slow.writer = await asyncio.open_connection(sock=sock, limit=2**14)
        async with client(running) as quick:
            await slow.play()
            await quick.play()
            async with asyncio.timeout(30):
                while not await _dropped(running):
                    await quick.unit()
            last: int | None = None
            for _ in range(30):
                timestamp, _ = await quick.unit()
                assert last is None or (timestamp - last) % 2**32 == 3600
                last = timestamp
            before = None
            async with asyncio.timeout(30):
                while True:
                    timestamp, payloads = await slow.unit()
                    if before is not None and (timestamp - before) % 2**32 != 3600:
                        assert is_key(payloads)
                        break
                    before = timestamp
        await slow.close()


async def _dropped(running: RunningSimulator) -> bool:
    status = await running.control({"fault": "status"})
    return any(viewer["dropped"] for stream in status["streams"] for viewer in stream["playing"])


async def test_more_cameras_than_scenes_have_names_of_their_own() -> None:
    """Beyond twelve the scenes come again under other slugs; two of the first ten at each of five sites."""
    tiny = {"main_size": "128x72", "main_kbps": 60, "main_fps": 5, "loop_s": 1, "gop_s": 1}
    async with running_simulator(cameras=14, streams="main", **tiny) as running:
        assert len({camera.slug for camera in running.cameras}) == 14
        sites = [camera.site for camera in running.cameras[:10]]
        assert [sites.count(site) for site in sorted(set(sites))] == [2] * 5
        assert running.cameras[12].site == running.cameras[0].site
        seen = await asyncio.to_thread(pull, running.cameras[13].with_login(running), "tcp", 6)
    assert [unit.k for unit in seen] == [unit.n % 5 for unit in seen]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_ended_while_it_encodes(tmp_path: Path, number: int) -> None:
    """SIGTERM ends it at once, and its encoders end with it, even where it was killed."""
    arguments = ("-m", "vms.simulator", "--cache", str(tmp_path), "--cameras", "4", "--main-size", "1920x1080")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    try:
        async with asyncio.timeout(30):
            while len(children := psutil.Process(process.pid).children(recursive=True)) < 2:
                await asyncio.sleep(0.1)
        process.send_signal(number)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.read(), 20) == b""
        await asyncio.wait_for(process.wait(), 10)
        assert not (await asyncio.to_thread(psutil.wait_procs, children, 20))[1]
        assert not list(tmp_path.glob("*.clip"))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
