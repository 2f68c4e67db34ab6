"""What a probe says of cameras of all kinds, in facts and in plain words."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from ingest.probe import ProbeOptions, Prober, ProbeReport
from tests.gst_fixture import RunningGst, running_gst
from tests.ingest.hostile import Clocked, Script, Send, hostile, play, sdp
from tests.ingest.rig import LOOPBACK, running
from tests.ingest.test_hostile import JUNK, describing, redirecting, refusing, to
from tests.simulator_fixture import SMALL, RunningSimulator, running_simulator
from vms.errors import TooManyError
from vms.simulator.options import Picture

QUICK = ProbeOptions(total_s=6.0, open_timeout_s=1.0, read_s=0.9, first_key_s=1.2, second_key_s=0.9, policy=LOOPBACK)


async def probe(url: str, username: str = "", password: str = "", transport: str = "tcp") -> ProbeReport:
    """One probe with short limits."""
    return await Prober(QUICK).probe(url, username, password, transport)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_facts_of_a_good_camera(simulator: RunningSimulator, transport: str) -> None:
    """Codec, size, rate, key-frame interval, and a picture; nothing to warn of."""
    report = await probe(simulator.cameras[0].main, simulator.username, simulator.password, transport)
    assert (report.ok, report.code, report.message) == (True, "", "")
    facts = report.facts
    assert (facts["codec"], facts["width"], facts["height"]) == ("h264", 320, 180)
    assert facts["profile"] == "Constrained Baseline"
    assert facts["fps"] == pytest.approx(25, rel=0.1)
    assert facts["gop_s"] == pytest.approx(0.4, abs=0.02)
    assert 30_000 < facts["bitrate_bps"] < 600_000
    assert facts["b_frames"] is False
    assert facts["audio"] is None
    assert facts["tracks"] == ["video H264"]
    assert report.warnings == ()
    assert report.jpeg is not None
    assert report.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize("wait_s", [0.0, 0.7])
async def test_two_seconds_between_key_frames_are_seen(wait_s: float) -> None:
    """As the installation's own advice has it; wherever in a group the probe begins, it warns of nothing."""
    async with running_simulator(**SMALL | {"cameras": 1, "gop_s": 2}) as slow:
        prober = Prober(ProbeOptions(policy=LOOPBACK))
        await asyncio.sleep(wait_s)  # another place in the group
        report = await prober.probe(slow.cameras[0].main, slow.username, slow.password, "tcp")
    assert (report.facts["gop_s"], report.warnings) == (pytest.approx(2.0, abs=0.05), ())


async def test_a_url_with_user_and_password_works_too(simulator: RunningSimulator) -> None:
    """They are taken out of it, and shown nowhere."""
    report = await probe(simulator.cameras[0].with_login(simulator))
    assert report.ok
    assert simulator.password not in repr(report)


async def failing(script: Script) -> ProbeReport:
    """The report on a camera that behaves like this."""
    async with hostile(script) as server:
        report = await probe(server.url, "u", "geheim")
    assert not report.ok
    assert report.jpeg is None
    assert "geheim" not in repr(report)
    assert report.reason, "no page can say this in its own words"
    return report


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        (Script(reply=refusing), "auth_failed", "refuses the user name or password"),
        (Script(reply=redirecting("rtsp://10.0.0.1/x")), "unsupported", "redirects"),
        (Script(reply=to("DESCRIBE", b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")), "camera_unreachable", "path"),
        (Script(reply=to("DESCRIBE", b"HTTP/1.1 400 Bad Request\r\n\r\n")), "camera_unreachable", "RTSP"),
        (Script(reply=describing("Content-Length: 4294967296")), "camera_unreachable", "RTSP"),
        (Script(reply=lambda _m, _h: b""), "stream_stalled", "does not answer"),
        (Script(description="v=0\r\ns=x\r\nm=audio 0 RTP/AVP 0\r\na=control:t\r\n"), "unsupported", "no video"),
        (Script(description="v=0\r\ns=x\r\nm=video 0 RTP/AVP 26\r\na=control:t\r\n"), "unsupported", "JPEG"),
        (Script(description=sdp(encoding="VC1X")), "unsupported", "VC1X"),
        (Script(media=JUNK["silence"]), "stream_stalled", "silent"),
    ],
)
async def test_failures_in_plain_words(script: Script, code: str, words: str) -> None:
    """Each has its code, its words, and most a way out."""
    report = await failing(script)
    assert report.code == code
    assert words.lower() in report.message.lower()


async def without_keys(send: Send) -> None:
    """Pictures, never a key frame."""
    clocked = Clocked()
    while True:
        clocked.n += clocked.n % 6 == 0
        await play(send, [clocked.unit()])


async def test_no_key_frame_has_a_way_out() -> None:
    """The hint says what to set in the camera."""
    report = await failing(Script(media=without_keys))
    assert "no key frame" in report.message
    assert "interval" in report.hint


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("rtsp://127.0.0.1:9/x", "camera_unreachable", "refuses connections"),
        ("rtsp://no-such-host.invalid/x", "camera_unreachable", "not known"),
        ("rtsp://169.254.169.254/x", "camera_url", "metadata"),
        ("file:///etc/passwd", "camera_url", "rtsp://"),
        ("rtsp://a@b:c@127.0.0.1/x", "camera_url", "more than one @"),
    ],
)
async def test_urls_that_lead_nowhere(url: str, code: str, words: str) -> None:
    """Refused, unknown, or not allowed."""
    report = await probe(url)
    assert (report.ok, report.code) == (False, code)
    assert words in report.message


async def test_probes_are_bounded_in_number_and_time() -> None:
    """Four at once, the rest waits, more than that are refused; a camera that answers a byte a second takes 2 s."""
    prober = Prober(replace(QUICK, total_s=1.0, open_timeout_s=10.0, waiting=2))
    async with hostile(Script(chunk=1, chunk_gap_s=1.0)) as server:
        began = time.monotonic()
        running_probes = [asyncio.create_task(prober.probe(server.url)) for _ in range(6)]
        await asyncio.sleep(0.1)
        with pytest.raises(TooManyError):
            await prober.probe(server.url)
        reports = await asyncio.gather(*running_probes)
        assert [r.code for r in reports] == ["camera_unreachable"] * 6
        assert 1.8 < time.monotonic() - began < 8


async def test_over_the_bus(simulator: RunningSimulator) -> None:
    """The same as plain data, with warnings and picture."""
    asked: dict[str, Any] = {
        "url": simulator.cameras[0].sub,
        "username": simulator.username,
        "password": simulator.password,
    }
    async with running() as rig:
        answer = await rig.bus.request("ingest.probe.any", asked, timeout_s=20)
        assert set(answer) >= {"ok", "code", "message", "hint", "facts", "jpeg", "warnings"}
        assert answer["ok"] is True
        assert answer["facts"]["width"] == 192
        refused = await rig.bus.request("ingest.probe.any", {**asked, "password": "falsch"}, timeout_s=20)
        assert (refused["ok"], refused["code"], refused["jpeg"]) == (False, "auth_failed", None)


@pytest.mark.servers
async def test_a_camera_nobody_here_wrote(gst: RunningGst) -> None:
    """GStreamer's server behind Digest: the same facts; the wrong password is said."""
    report = await probe(gst.url(), gst.username, gst.password)
    assert report.ok, report
    assert (report.facts["width"], report.facts["height"]) == (320, 180)
    assert report.facts["gop_s"] == pytest.approx(0.4, abs=0.02)
    wrong = await probe(gst.url(), gst.username, "falsch")
    assert wrong.code == "auth_failed"


@pytest.mark.servers
@pytest.mark.parametrize("audio", ["pcma", "pcmu", "aac"])
async def test_audio_is_told(audio: str) -> None:
    """Which of the supported audio codecs a camera has, and the tracks of its description."""
    async with running_gst(audio=audio) as server:
        report = await probe(server.url())
    assert report.ok, report
    assert report.facts["audio"] == audio
    assert len(report.facts["tracks"]) == 2


@pytest.mark.servers
async def test_h265_is_warned_of() -> None:
    """Browsers mostly do not play it live."""
    async with running_gst(picture=Picture(320, 180, codec="h265", kbps=200, gop_s=0.4, loop_s=4)) as server:
        report = await probe(server.url())
    assert report.ok, report
    assert report.facts["codec"] == "h265"
    assert "h265" in [warning.reason for warning in report.warnings]
