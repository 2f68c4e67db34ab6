"""The files play everywhere, and hold exactly what was published."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.examine import examine
from recorder.fmp4 import ns_of, ntp_of
from recorder.parameter_sets import avcc, hvcc
from recorder.sample_entries import codec_string, sample_entry
from tests.recorder.files import closed, complaints, demuxed, expected, write_run
from tests.recorder.synth import aac_clip, make_run, packets, parameter_sets, video_clip, video_track
from vms.domain.media import Codec, Track
from vms.errors import FootageError


@pytest.mark.parametrize(
    ("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 0)], ids=["h264", "h264-b", "h265"]
)
def test_a_segment_plays_and_holds_every_sample(tmp_path: Path, codec: str, b_frames: int) -> None:
    """ffprobe and ffmpeg have nothing to say, libav gives the same samples as were published."""
    clip = video_clip(codec=codec, b_frames=b_frames)
    run = make_run(video_track(clip, h265=codec == "libx265"))
    sent = list(packets(run, clip, seconds=4))
    spool, events = write_run(tmp_path, run, sent)
    (one,) = closed(events)
    path = spool.path(one.segment.segment.key)
    assert complaints(path) == ""
    assert demuxed(path) == expected(sent)


def test_segments_of_a_run_follow_each_other(tmp_path: Path) -> None:
    """Each file plays alone, begins at its key frame with the Run's decode time, and nothing lies between two."""
    run = make_run()
    sent = list(packets(run, seconds=6))
    spool, events = write_run(tmp_path, run, sent, segment_s=2)
    found = [one.segment.segment for one in closed(events)]
    assert [s.number for s in found] == [0, 1, 2]
    samples = []
    for segment in found:
        path = spool.path(segment.key)
        assert complaints(path) == ""
        samples += demuxed(path)
    assert samples == expected(sent)
    assert [s.end_ns for s in found[:-1]] == [s.start_ns for s in found[1:]]


@pytest.mark.parametrize("lag_s", [0.0, 0.07, 0.4], ids=["in step", "late", "very late"])
def test_aac_is_kept_whole(tmp_path: Path, lag_s: float) -> None:
    """Every audio frame is in the file with its own time, whenever it arrived."""
    config, frames = aac_clip()
    run = make_run(video_track(video_clip()), Track(1, Codec.AAC, config, sample_rate=48_000, channels=1))
    sent = list(packets(run, seconds=4, audio=frames, audio_lag_s=lag_s))
    spool, events = write_run(tmp_path, run, sent, segment_s=2)
    found = []
    for one in closed(events):
        path = spool.path(one.segment.segment.key)
        assert complaints(path) == ""
        assert (read := examine(path)) is not None
        assert read.closed
        found += demuxed(path)
    assert [s for s in found if s[0] == 0] == expected(sent)
    audio = [s for s in found if s[0] == 1]
    assert [s[4] for s in audio] == [p.payload for p in sent if p.track == 1]
    if lag_s < 0.1:
        assert [s[2] for s in audio] == [n * 1024 for n in range(len(audio))]


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_g711_is_read_back(tmp_path: Path, codec: Codec) -> None:
    """G.711 goes in raw; libav names the codec and gives the bytes back."""
    run = make_run(video_track(video_clip()), Track(1, codec, sample_rate=8_000, channels=1))
    video = list(packets(run, seconds=2))
    sent = []
    for n, packet in enumerate(video):
        audio = dataclasses.replace(
            packet, track=1, seq=2 * n + 1, payload=bytes([n]) * 320, is_key=True, pts_90k=packet.dts_90k
        )
        sent += [dataclasses.replace(packet, seq=2 * n), audio]
    spool, events = write_run(tmp_path, run, sent)
    path = spool.path(closed(events)[0].segment.segment.key)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == ("pcm_mulaw" if codec is Codec.PCMU else "pcm_alaw")
        heard = b"".join(bytes(p) for p in container.demux(container.streams.audio[0]))
    assert heard == b"".join(p.payload for p in sent if p.track == 1)


@pytest.mark.parametrize(
    ("codec", "preset", "box"),
    [("libx264", "ultrafast", b"avcC"), ("libx264", "medium", b"avcC"), ("libx265", "ultrafast", b"hvcC")],
    ids=["baseline", "high", "h265"],
)
def test_configuration_records_agree_with_ffmpeg(tmp_path: Path, codec: str, preset: str, box: bytes) -> None:
    """The decoder configuration is what ffmpeg writes of the same stream, byte by byte where both know."""
    clip = video_clip(codec=codec, preset=preset)
    raw, path = tmp_path / "raw", tmp_path / "ffmpeg.mp4"
    raw.write_bytes(b"".join(unit.payload for unit in clip))
    kind = "h264" if codec == "libx264" else "hevc"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", kind, "-r", "25", "-i", str(raw), "-c", "copy", str(path)],
        check=True,
        timeout=60,
    )
    theirs = path.read_bytes().partition(box)[2]
    extradata = parameter_sets(clip[0].payload, h265=codec == "libx265")
    if box == b"avcC":
        assert theirs.startswith(avcc(extradata))
    else:
        # Profile to level, then chroma and depths; what lies between, and the order of the sets, is each muxer's own.
        ours = hvcc(extradata)
        assert (ours[:13], ours[16:19]) == (theirs[:13], theirs[16:19])


def test_codec_strings() -> None:
    """What MSE is told, as libx264 and libx265 encoded the clips."""
    h264, h265 = video_clip(), video_clip(codec="libx265")
    assert codec_string(video_track(h264)) == "avc1." + parameter_sets(h264[0].payload)[5:8].hex()
    assert codec_string(video_track(h265, h265=True)).startswith("hvc1.1.6.L")
    assert codec_string(Track(1, Codec.AAC, aac_clip()[0], sample_rate=48_000)) == "mp4a.40.2"
    assert codec_string(Track(1, Codec.PCMA, sample_rate=8_000)) == "alaw"


@pytest.mark.parametrize(
    "track",
    [
        Track(0, Codec.H264),
        Track(0, Codec.H264, b"\x00\x00\x00\x01\x67\x64"),
        Track(0, Codec.H264, b"\x00\x00\x01\x67\x64\x00\x1f\x00\x00\x01\x68\xee"),
        Track(0, Codec.H265, b"\x00\x00\x01\x40\x01\x02\x00\x00\x01\x42\x01\x02\x00\x00\x01\x44\x01\x02"),
        Track(1, Codec.AAC, b"\x11", sample_rate=48_000),
        Track(1, Codec.AAC, bytes(200), sample_rate=48_000),
    ],
)
def test_headers_that_cannot_be_read_are_refused(track: Track) -> None:
    """Missing, short or absurd parameter sets are a clear error, not a broken file."""
    with pytest.raises(FootageError):
        sample_entry(track)


@given(st.binary(max_size=60), st.sampled_from([Codec.H264, Codec.H265, Codec.AAC]))
def test_any_headers_are_handled(extradata: bytes, codec: Codec) -> None:
    """Whatever a camera sends as headers: an entry or a FootageError."""
    start = b"\x00\x00\x01"
    for data in (extradata, start + b"\x67" + extradata + start + b"\x68\xee", start + b"\x42\x01" + extradata):
        try:
            sample_entry(Track(0, codec, data, sample_rate=48_000))
        except FootageError:
            continue


@given(st.integers(0, 4_290_000_000 * 10**9))
def test_wall_times_survive_ntp(wall_ns: int) -> None:
    """The fragment's time is exact to the nanosecond, from 1970 to 2105."""
    assert ns_of(ntp_of(wall_ns)) == wall_ns
