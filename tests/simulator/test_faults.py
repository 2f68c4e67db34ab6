"""Each fault a simulated camera can be told to have, seen from the client's side."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.simulator.rtsp_client import RtspClient, is_key
from tests.simulator.test_stream import client, events, logged, simulator
from tests.simulator_fixture import SMALL, RunningSimulator, running_simulator
from vms.simulator import sei

__all__ = ["simulator"]


async def order(running: RunningSimulator, fault: str, **more: object) -> None:
    """Tell the first camera's main stream."""
    await running.control({"camera": running.cameras[0].slug, "stream": "main", "fault": fault, **more})


async def read_on(raw: RtspClient, units: list[int] | None = None) -> None:
    """Read units until the connection ends, noting their timestamps."""
    while True:
        timestamp, _ = await raw.unit()
        if units is not None:
            units.append(timestamp)


async def test_refuse(simulator: RunningSimulator) -> None:
    """503 or a closed connection until told otherwise; the other stream still answers."""
    await order(simulator, "refuse")
    async with client(simulator) as raw:
        assert (await raw.ask("DESCRIBE")).status == 503
    async with client(simulator, "sub") as raw:
        assert (await raw.meet_challenge()).status == 200
    await order(simulator, "refuse", how="close")
    async with client(simulator) as raw:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await raw.ask("DESCRIBE")
    await order(simulator, "none")
    async with client(simulator) as raw:
        assert (await raw.meet_challenge()).status == 200


async def test_stall(simulator: RunningSimulator) -> None:
    """PLAY is answered and nothing comes; it comes when the fault ends, from a key frame, the missed ones lost."""
    await order(simulator, "stall")
    async with client(simulator) as raw:
        assert (await raw.play()).status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await raw.packet()
        await order(simulator, "none")
        async with asyncio.timeout(5):
            assert is_key((await raw.unit())[1])


async def test_drop(simulator: RunningSimulator) -> None:
    """The connection ends at once, the log says so, a new one works."""
    async with client(simulator) as raw:
        await raw.play()
        await raw.unit()
        await order(simulator, "drop")
        async with asyncio.timeout(5):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await read_on(raw)
    lines = await logged(simulator, lambda lines: "close" in events(lines))
    assert lines[-1]["why"] == "drop"
    async with client(simulator) as raw:
        await raw.play()
        assert is_key((await raw.unit())[1])


async def test_resolution(simulator: RunningSimulator) -> None:
    """The same connection goes on in another size from a key frame, without a hole in the numbers, and back again."""

    def sizes(url: str) -> list[tuple[int, int, int, bool]]:
        found = []
        with av.open(url, format="rtsp", options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as container:
            for packet in container.demux(video=0):
                stamp = sei.find(bytes(packet))
                assert stamp is not None
                found += [(stamp[0], frame.width, frame.height, packet.is_keyframe) for frame in packet.decode()]
                if len({(w, h) for _, w, h, _ in found}) == 2 and found[-1][1:3] == found[0][1:3]:
                    return found
        raise AssertionError("the stream ended")

    pulling = asyncio.create_task(asyncio.to_thread(sizes, simulator.cameras[0].with_login(simulator)))
    async with asyncio.timeout(30):
        await logged(simulator, lambda lines: any("n" in line for line in lines))
        await order(simulator, "resolution", size="256x144")
        n = (await simulator.control({"fault": "status", "stream": "main"}))["streams"][0]["n"]
        await logged(simulator, lambda lines: any(line.get("n", 0) > n + 20 for line in lines))
        await order(simulator, "none")
        found = await pulling
    assert [n for n, *_ in found] == list(range(found[0][0], found[0][0] + len(found)))
    assert {(w, h) for _, w, h, _ in found} == {(320, 180), (256, 144)}
    changed = [b for a, b in pairwise(found) if a[1] != b[1]]
    assert len(changed) == 2
    assert all(key for *_, key in changed)


async def test_no_key(simulator: RunningSimulator) -> None:
    """Units come, none of them a key frame."""
    await order(simulator, "no_key")
    async with client(simulator) as raw:
        await raw.play()
        units = [(await raw.unit())[1] for _ in range(25)]
    assert not any(is_key(payloads) for payloads in units)
    lines = await logged(simulator, lambda lines: "close" in events(lines))
    assert not any(line["key"] for line in lines if "n" in line)


async def test_password(simulator: RunningSimulator) -> None:
    """The right password is refused while the fault stands."""
    await order(simulator, "password")
    async with client(simulator) as raw:
        assert (await raw.meet_challenge()).status == 401
    await order(simulator, "none")
    async with client(simulator) as raw:
        assert (await raw.meet_challenge()).status == 200


async def test_loss(simulator: RunningSimulator) -> None:
    """Packets are missing from the sequence, at about the rate; units with a hole are not logged as sent."""
    await order(simulator, "loss", rate=0.3)
    async with client(simulator) as raw:
        await raw.play()
        numbers: list[int] = []
        while len(numbers) < 60:
            channel, packet = await raw.packet()
            if channel == 0:
                numbers.append(int.from_bytes(packet[2:4], "big"))
    span = (numbers[-1] - numbers[0]) % 65536 + 1
    assert 0.08 < 1 - len(numbers) / span < 0.6
    lines = await logged(simulator, lambda lines: "close" in events(lines))
    logged_units = [line["n"] for line in lines if "n" in line]
    assert logged_units == sorted(logged_units)
    assert len(logged_units) < logged_units[-1] - logged_units[0]


async def test_close_every(simulator: RunningSimulator) -> None:
    """The connection ends in order after whole units: all that is logged arrives, then the end, no reset."""
    await order(simulator, "close_every", seconds=1)
    for _ in range(2):
        async with client(simulator) as raw:
            await raw.play()
            # RTCP that the server does not read in time must not turn its end into a reset
            assert raw.writer is not None
            raw.writer.write(b"$\x01\x00\x04abcd" * 50)
            begun, units = time.monotonic(), []
            with pytest.raises(asyncio.IncompleteReadError) as ended:
                await read_on(raw, units)
            assert ended.value.partial == b""
            assert 0.7 < time.monotonic() - begun < 6
        lines = await logged(simulator, lambda lines: events(lines)[-1] == "close")
        assert lines[-1]["why"] == "close_every"
        assert len([line for line in lines if line.get("n") is not None and line["conn"] == lines[-1]["conn"]]) == len(
            units
        )


async def test_orders_that_make_no_sense(simulator: RunningSimulator) -> None:
    """They are answered with what is wrong and change nothing."""
    for wrong in (
        {"fault": "sing"},
        {"fault": "stall", "camera": "nowhere"},
        {"fault": "resolution", "size": "90x90000"},
    ):
        answer = await simulator.try_control({"camera": "*", "stream": "*", **wrong})
        assert not answer["ok"]
        assert answer["error"]
    status = await simulator.control({"fault": "status"})
    assert [stream["fault"] for stream in status["streams"]] == ["none", "none"]


async def test_variants_for_browsers_that_cannot(tmp_path: Path) -> None:
    """H.265 and B-frames: decodable, in order of showing without a hole, every frame stamped."""

    def pull(url: str) -> tuple[str, list[int], list[int]]:
        shown, stamped = [], []
        with av.open(url, format="rtsp", options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as container:
            name = container.streams.video[0].codec_context.name
            for packet in container.demux(video=0):
                stamp = sei.find(bytes(packet))
                assert stamp is not None
                stamped.append(stamp[0])
                shown += [frame.pts or 0 for frame in packet.decode()]
                if len(stamped) == 40:
                    return name, shown, stamped
        raise AssertionError("the stream ended")

    async with running_simulator(cameras=1, streams="main-h265,main-bframes", **SMALL) as running:
        urls = running.cameras[0].urls or {}
        for stream, codec in (("main-h265", "hevc"), ("main-bframes", "h264")):
            assert stream in urls
            name, shown, stamped = await asyncio.to_thread(pull, running.cameras[0].with_login(running, stream))
            assert name == codec
            steps = [b - a for a, b in pairwise(shown)]
            assert steps[2:] == [3600] * (len(steps) - 2)
            assert len(set(stamped)) == 40
            assert (stamped == sorted(stamped)) == (codec == "hevc")
