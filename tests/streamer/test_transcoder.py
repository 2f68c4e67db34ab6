"""What a viewer cannot play, made H.264: one process for all who watch it, bounded, gone afterwards, its times true."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamer.options import StreamerOptions
from streamer.rtp import nal_units
from streamer.transcoder.command import Target, command, program
from streamer.transcoder.flight import Flight
from streamer.transcoder.flv import FlvReader
from streamer.transcoder.nut import NutWriter
from streamer.verdict import Facts, judge, plays
from tests.streamer.conftest import Studio, run_studio
from tests.streamer.fake_ingest import FPS, GOP, SIZE, clip
from tests.streamer.packets import packet
from tests.streamer.player import entry, player, shade, until
from vms import metrics
from vms.clock import NS_PER_S, SystemClock
from vms.domain.camera import StreamName
from vms.domain.ids import new_id
from vms.domain.media import Codec, Track
from vms.errors import VmsError

H265 = Track(0, Codec.H265, width=1920, height=1080, profile="Main")


@functools.cache
def h265_clip(grey: int) -> tuple[bytes, ...]:
    """As `clip`, in H.265."""
    encoder: Any = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", Fraction(FPS), Fraction(1, FPS)
    fixed = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:repeat-headers=1:log-level=none"
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": fixed}
    width, height = SIZE
    units: list[bytes] = []
    for n in range(GOP):
        picture = np.full((height * 3 // 2, width), grey, np.uint8)
        picture[height:] = 128
        picture[120:140, n * 6 : n * 6 + 12] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = n
        units += [bytes(p) for p in encoder.encode(frame)]
    units += [bytes(p) for p in encoder.encode(None)]
    assert len(units) == GOP
    return tuple(units)


def b_frames() -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """A closed group of H.264 with B-frames that others refer to, in decoding order; and which picture each is."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", Fraction(FPS), Fraction(1, FPS)
    fixed = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=3:b-adapt=0:b-pyramid=normal:open-gop=0"
    encoder.options = {"preset": "veryfast", "x264-params": f"{fixed}:repeat-headers=1:log-level=none"}
    packets: list[Any] = []
    for n in range(GOP):
        frame = av.VideoFrame.from_ndarray(np.full((SIZE[1] * 3 // 2, SIZE[0]), 60 + n % 3, np.uint8), format="yuv420p")
        frame.pts = n
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    first = min(packet.pts for packet in packets)
    # Shown two pictures later, so that none is before its decoding.
    return tuple(bytes(p) for p in packets), tuple(p.pts - first + 2 for p in packets)


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """On the machine's clock; one transcode at once, which ends soon after its last viewer."""
    async for running in run_studio(SystemClock(), StreamerOptions(transcodes=1, transcode_linger_s=0.3)):
        yield running


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "\tZ" not in Path(f"/proc/{pid}/status").read_text()


def _gauge() -> float:
    return next(iter(metrics.TRANSCODES.collect())).samples[0].value


async def test_two_viewers_share_one_process_and_it_goes_with_them(studio: Studio) -> None:
    """Both see the H.265 camera as it is now; another camera must wait until they left; at last no process is there."""
    ingest, bus, transcoder = studio.ingest, studio.bus, studio.streamer.fanout.transcoder
    camera, other = (ingest.add(grey, codec=Codec.H265, units=h265_clip(grey)) for grey in (60, 180))
    ingest.play(camera, other)
    tiles: list[dict[str, Any]] = []

    async def watch(viewer: Any, stream: Any) -> str:
        session = new_id()
        events = bus.subscribe(f"streamer.wall.event.{session}")
        value = {"session": session, "sdp": await viewer.offer(), "tiles": [entry(0, stream)]}
        await viewer.answer((await bus.request("streamer.wall.open", value))["sdp"])

        async def hear() -> None:
            async for _, said in events:
                if said["message"]["type"] == "tile":
                    tiles.append(said["message"])

        hearing.append(asyncio.create_task(hear()))
        return session

    hearing: list[asyncio.Task[None]] = []
    async with player(1) as one, player(1) as two, player(1) as three:
        sessions = [await watch(one, camera), await watch(two, camera)]
        for viewer in (one, two):
            await viewer.until(shade(60), 0)
        (running,) = transcoder.running
        pid = running.pid
        assert pid is not None
        # Caught up with its group, it stays close to the camera.
        await until(lambda: any(tile["state"] == "live" and tile["age_ms"] < 1000 for tile in tiles))
        assert all(tile["transcoded"] for tile in tiles if tile["state"] == "live")
        tiles.clear()
        sessions.append(await watch(three, other))
        await until(lambda: any(tile["cause"] == "transcoders_busy" for tile in tiles))
        assert len(transcoder.running) == 1
        for session in sessions[:2]:
            await bus.request(f"streamer.wall.close.{session}", {})
        await three.until(shade(180), 0)
        assert not _alive(pid)
        last = transcoder.running[0].pid
        assert last is not None
        await bus.request(f"streamer.wall.close.{sessions[2]}", {})
        await until(lambda: not transcoder.running and not _alive(last))
        await until(lambda: not camera.watchers and not other.watchers)
    for task in hearing:
        task.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)
    assert _gauge() == 0


async def test_a_transcode_goes_on_over_a_new_run_and_a_death(studio: Studio) -> None:
    """What is shown carries the capture times of the camera, whatever happens to the camera and to the process."""
    camera = studio.ingest.add(codec=Codec.H265, units=h265_clip(60))
    studio.ingest.play(camera)
    fanout = studio.streamer.fanout
    transcode = fanout.transcoder.acquire(camera.ref)
    assert transcode is not None

    async def fresh(run: str) -> str:
        await until(lambda: bool(transcode.gop) and transcode.gop[0].run != run)
        await until(lambda: studio.clock.now_ns() - transcode.gop[-1].wall_ns < NS_PER_S)
        assert [p.wall_ns for p in transcode.gop] == sorted({p.wall_ns for p in transcode.gop})
        given = {camera.first_ns + n * NS_PER_S // FPS for n in range(camera.next)}
        assert transcode.gop[-1].wall_ns in given
        return transcode.gop[0].run

    run = await fresh("")
    assert transcode.gop[0].is_key
    assert [nal[0] & 31 for nal in nal_units(transcode.gop[0].payload)][:2] == [7, 8]
    studio.ingest.end(camera)
    studio.ingest.begin(camera)
    camera.first_ns = studio.clock.now_ns()
    run = await fresh(run)
    assert transcode.pid is not None
    os.kill(transcode.pid, signal.SIGKILL)
    await fresh(run)
    assert not transcode.fault
    fanout.transcoder.release(transcode)
    await until(lambda: not fanout.transcoder.running)


async def test_b_frames_that_others_need_are_shown_in_order(studio: Studio) -> None:
    """H.264 with a pyramid of B-frames: every picture, at its own time, live on the tile; the camera has no sub."""
    units, order = b_frames()
    camera = studio.ingest.add(units=units, name=StreamName.MAIN)
    camera.pts = order.__getitem__
    studio.ingest.play(camera)
    async with player(1) as viewer:
        session = new_id()
        events = studio.bus.subscribe(f"streamer.wall.event.{session}")
        value = {"session": session, "sdp": await viewer.offer(), "tiles": [entry(0, camera)]}
        await viewer.answer((await studio.bus.request("streamer.wall.open", value))["sdp"])
        await viewer.until(shade(60), 0)
        async with asyncio.timeout(10):
            while True:
                said = (await events.get())[1]["message"]
                if said["type"] == "tile" and (said["state"], said["transcoded"]) == ("live", True):
                    break
        transcode = studio.streamer.fanout.transcoder.running[0]
        await until(lambda: len(transcode.gop) > 20)
        steps = {b.pts_90k - a.pts_90k for a, b in itertools.pairwise(transcode.gop)}
        assert steps == {3_600}
        assert {b.wall_ns - a.wall_ns for a, b in itertools.pairwise(transcode.gop)} == {NS_PER_S // FPS}


async def test_it_ends_with_the_node_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no process behind."""
    code = (
        "import asyncio\n"
        "from streamer.transcoder.child import Child\n"
        "from streamer.transcoder.command import *\n"
        "from vms.domain.media import *\n"
        "async def main():\n"
        "    track = Track(0, Codec.H265, width=320, height=180)\n"
        "    child = await Child.start(command(program(), track, 25.0, Target()))\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    node = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert node.stdout is not None
    pid = int(await asyncio.wait_for(node.stdout.readline(), 20))
    assert _alive(pid)
    node.kill()
    await node.wait()
    await until(lambda: not _alive(pid))


def test_the_command_is_bounded_and_has_no_delay() -> None:
    """Never larger than the camera's picture, even sizes, no B-frames; nothing that a camera says is in it."""
    assert Target(720).size_of(H265) == (1280, 720)
    assert Target(720).size_of(Track(0, Codec.H265, width=353, height=289)) == (352, 288)
    assert Target(480).size_of(Track(0, Codec.H265)) == (852, 480)
    line = command("ffmpeg", H265, 12.5, Target(480, 900))
    words = dict(itertools.pairwise(line))
    assert (words["-g"], words["-bf"], words["-maxrate"], words["-tune"]) == ("25", "0", "900k", "zerolatency")
    assert line.index("-i") < line.index("-vcodec")


def _tag(kind: int, body: bytes, at_ms: int) -> bytes:
    head = bytes([kind]) + len(body).to_bytes(3, "big") + (at_ms & 0xFFFFFF).to_bytes(3, "big") + bytes([at_ms >> 24])
    return head + bytes(3) + body + (11 + len(body)).to_bytes(4, "big")


def _flv() -> bytes:
    """Ten pictures, the last with a time of more than 24 bits, between tags of other kinds."""
    sps, pps = list(nal_units(clip(60)[0]))[:2]
    record = (
        b"\x01\x42\xc0\x1e\xff\xe1" + len(sps).to_bytes(2, "big") + sps + b"\x01" + len(pps).to_bytes(2, "big") + pps
    )
    tags = [_tag(18, b"onMetaData", 0), _tag(9, b"\x17\x00\x00\x00\x00" + record, 0), _tag(8, b"\xaf\x01sound", 0)]
    for n, payload in enumerate(clip(60)[:10]):
        nals = b"".join(len(nal).to_bytes(4, "big") + nal for nal in nal_units(payload) if nal[0] & 31 in {1, 5})
        tags.append(_tag(9, bytes([0x27 if n else 0x17]) + b"\x01\x00\x00\x00" + nals, n * 2_000_000))
    return b"FLV\x01\x01" + (9).to_bytes(4, "big") + bytes(4) + b"".join(tags)


def test_nut_begins_with_its_header_and_waits_for_nothing() -> None:
    """Each unit is whole in what is written for it."""
    writer = NutWriter(Track(0, Codec.H264, width=320, height=180), 25.0)
    first, second = (writer.write(clip(60)[n], pts_ms=n * 40, dts_ms=n * 40, is_key=not n) for n in range(2))
    assert first.startswith(b"nut/multimedia container")
    assert clip(60)[0] in first
    assert clip(60)[1] in second


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_flv_in_any_pieces(step: int) -> None:
    """Every unit comes out once with its time; the key frame has its parameter sets; rubbish is told."""
    data, reader = _flv(), FlvReader()
    units = [unit for at in range(0, len(data), step) for unit in reader.feed(data[at : at + step])]
    assert [unit.pts_ms for unit in units] == [n * 2_000_000 for n in range(10)]
    assert [unit.is_key for unit in units] == [True] + [False] * 9
    assert {7, 8, 5} <= {nal[0] & 31 for nal in nal_units(units[0].payload)}
    assert list(nal_units(units[5].payload)) == list(nal_units(clip(60)[5]))
    with pytest.raises(VmsError):
        list(FlvReader().feed(b"no video at all"))
    with pytest.raises(VmsError):
        list(FlvReader().feed(data[:13] + b"\x09\xff\xff\xff" + bytes(20)))


def test_what_is_inside_and_what_is_dropped() -> None:
    """Pictures leave with the times they entered with; what is too slow skips to a key frame, and then goes on."""
    group = [packet(n, key=n % 50 == 0) for n in range(400)]
    flight = Flight(group[0], 0)
    for each in group[:10]:
        assert flight.admits(each)
        flight.enter(each)
    source = flight.leave(360)
    assert source is not None
    assert source.shown_ns == group[9].wall_ns
    assert flight.inside == 0
    assert flight.leave(360) is None
    admitted = [flight.admits(each) and bool(flight.enter(each)) for each in group[10:100]]
    assert 35 <= sum(admitted) <= 45
    assert not any(admitted[45:])
    assert not flight.admits(group[100])
    assert flight.leave(1_880) is not None
    assert not flight.admits(group[101])
    assert flight.admits(group[150])
    flight.enter(group[150])
    assert flight.admits(group[151])
    assert flight.dropped == 90 - sum(admitted) + 2


def test_b_frames_leave_in_the_order_they_are_shown() -> None:
    """Times of presentation, not of decoding, name a picture."""
    flight = Flight(packet(0, key=True, pts=1), 0)
    for seq, pts in enumerate((1, 4, 2, 3)):
        flight.enter(packet(seq, key=seq == 0, pts=pts))
    shown = [flight.leave(pts * 40) for pts in (1, 2, 3, 4)]
    assert [source and source.pts_90k for source in shown] == [3_600 * pts for pts in (1, 2, 3, 4)]


def test_who_plays_what() -> None:
    """H.264 of 8 bits by all, H.265 Main by who offers it, ten bits by nobody."""
    assert plays(Track(0, Codec.H264, profile="High"), hevc=False)
    assert not plays(Track(0, Codec.H264, profile="High 10"), hevc=True)
    assert plays(H265, hevc=True)
    assert not plays(H265, hevc=False)
    assert not plays(Track(0, Codec.H265, profile="Main 10"), hevc=True)


@pytest.mark.parametrize(
    ("transcode", "state", "cause"),
    [
        ("", "unsupported", "unsupported"),
        ("busy", "unsupported", "transcoders_busy"),
        ("failed", "unsupported", "transcode_failed"),
        ("running", "live", None),
    ],
)
def test_what_a_tile_says_of_its_transcode(transcode: str, state: str, cause: str | None) -> None:
    """It is live where it works, and the reason is said where it does not."""
    for shuffled in (False, True):
        track = Track(0, Codec.H264) if shuffled else H265
        facts = Facts(shown=True, track=track, shuffled=shuffled, transcode=transcode, captured_ns=10**18)
        verdict = judge(facts, 10**18 + NS_PER_S)
        assert (verdict.state, verdict.cause) == (state, cause)


def test_the_machine_has_the_program() -> None:
    """`make setup` sees to it."""
    assert program() is not None
