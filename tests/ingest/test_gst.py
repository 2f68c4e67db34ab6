"""Ingest from GStreamer's RTSP server: a camera that nobody here wrote."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ingest.picture import jpeg
from tests.gst_fixture import RunningGst, running_gst
from tests.ingest.rig import FAST, camera, running
from tests.ingest.test_live import assert_whole
from vms.domain.gap import GapCause
from vms.domain.media import Codec, EndReason, StreamCondition
from vms.simulator.options import Picture

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_live(gst: RunningGst, transport: str) -> None:
    """Digest, the first unit without times, delimiters in front: whole Runs from the first key frame on."""
    async with running(camera(gst.url(), gst.username, gst.password, transport=transport)) as rig:
        await rig.until_packets(25)
    assert_whole(rig)
    assert {b.dts_90k - a.dts_90k for a, b in itertools.pairwise(rig.packets())} == {3600}
    assert jpeg(Codec.H264, rig.packets()[0].payload)


async def test_h265() -> None:
    """The same, with VPS, SPS and PPS at each key frame."""
    picture = Picture(320, 180, codec="h265", kbps=200, gop_s=0.4, loop_s=4)
    async with running_gst(picture=picture) as server, running(camera(server.url())) as rig:
        await rig.until_packets(30)
    track = rig.runs()[0].run.info.video
    assert (track.codec, track.width, track.height, track.profile) == (Codec.H265, 320, 180, "Main")
    keys = [p for p in rig.packets() if p.is_key]
    assert len(keys) >= 3
    assert jpeg(Codec.H265, keys[-1].payload)


@pytest.mark.parametrize(("audio", "rate"), [("pcma", 8000), ("pcmu", 8000), ("aac", None)])
async def test_audio_when_the_camera_is_to_be_heard(audio: str, rate: int | None) -> None:
    """A second track of the Run, its times beside those of the pictures."""
    async with running_gst(audio=audio) as server, running(camera(server.url(), audio=True)) as rig:
        await rig.until(lambda: sum(p.track == 1 for p in rig.packets()) > 12)
        await rig.until_packets(10)
    track = rig.runs()[0].run.info.tracks[1]
    assert track.codec == audio
    assert rate is None or track.sample_rate == rate
    assert audio != "aac" or len(track.extradata) >= 2
    sound = [p for p in rig.packets() if p.track == 1]
    pictures = [p for p in rig.packets() if p.track == 0]
    spacing = (sound[-1].dts_90k - sound[0].dts_90k) / (len(sound) - 1)
    assert 100 < spacing < 20_000
    assert abs(sound[-1].dts_90k - pictures[-1].dts_90k) < 90_000
    assert [p.seq for p in rig.packets()] == list(range(len(rig.packets())))


async def test_audio_is_left_alone_otherwise() -> None:
    """Off by default: one track."""
    async with running_gst(audio="pcma") as server, running(camera(server.url())) as rig:
        await rig.until_packets(20)
    assert len(rig.runs()[0].run.info.tracks) == 1
    assert {p.track for p in rig.packets()} == {0}


async def test_a_frozen_camera_and_one_without_power(gst: RunningGst) -> None:
    """SIGSTOP: stalled; SIGCONT: live; kill -9: the Run ends and the camera is unreachable."""
    cam = camera(gst.url(), gst.username, gst.password)
    async with running(cam, worker=replace(FAST, stall_s=1.0, open_timeout_s=1.0)) as rig:
        await rig.until_packets(20)
        gst.pause()
        state = await rig.until_condition(StreamCondition.STALLED)
        assert state.cause == GapCause.STREAM_STALLED
        gst.resume()
        await rig.until_condition(StreamCondition.LIVE, 15)
        await gst.kill()
        await rig.until_condition(StreamCondition.UNREACHABLE)
    assert [e.reason for e in rig.ends()] == [EndReason.STREAM_STALLED, EndReason.CAMERA_UNREACHABLE]
    assert_whole(rig)
