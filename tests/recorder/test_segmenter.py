"""Where fragments and Segments are cut: laws over all kinds of streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.leaves import Leaves
from recorder.nal import to_lengths
from recorder.segmenter import Cut, CutOptions, Segmenter
from tests.recorder.synth import make_run, packets, video_clip, video_track, wall_of
from vms.domain.media import Codec, Packet, Track
from vms.proof.leaf import LeafHeader, Sample, leaf

AUDIO = Track(1, Codec.AAC, b"\x11\x90", sample_rate=44_100, channels=1)
WITH_AUDIO = make_run(video_track(video_clip()), AUDIO)
VIDEO_ONLY = make_run(video_track(video_clip()))


def packet(track: int, dts: int, *, key: bool = False, seq: int = 0, payload: bytes = b"\x00\x00\x01\x41") -> Packet:
    """A Packet that matters only by its time."""
    run = WITH_AUDIO
    return Packet(run.stream, run.id, track, seq, dts, dts, wall_of(run, dts), key or track > 0, payload)


@st.composite
def streams(draw: st.DrawFn, *, audio: bool) -> list[Packet]:
    """Video of odd steps with key frames here and there, and audio that arrives early, late or at odd times."""
    steps = draw(st.lists(st.sampled_from([1, 3000, 3600, 6000, 7500, 18_000, 45_000, 90_000]), max_size=60))
    keys = draw(st.sets(st.integers(1, 60)))
    found, dts = [packet(0, 0, key=True)], 0
    for n, step in enumerate(steps, 1):
        dts += step
        if audio:
            away = st.sampled_from([0, -9000, 9000, 40_000, -300_000, 10**9])
            found += [packet(1, dts + by) for by in draw(st.lists(away, max_size=2))]
        found.append(packet(0, dts, key=n in keys))
    return found


def cut_all(found: list[Packet], options: CutOptions, *, audio: bool, flush_at: int = -1) -> list[Cut]:
    """All cuts of a stream, with an early flush somewhere."""
    segmenter = Segmenter((WITH_AUDIO if audio else VIDEO_ONLY).info, options)
    cuts = []
    for n, one in enumerate(found):
        cuts += segmenter.push(one)
        if n == flush_at:
            cuts += segmenter.flush()
    return cuts + segmenter.finish()


@settings(max_examples=120)
@given(streams(audio=False), st.sampled_from([0.5, 2.0, 60.0]), st.integers(-1, 60))
def test_video_is_cut_and_never_lost(found: list[Packet], segment_s: float, flush_at: int) -> None:
    """Every Packet once and in order, fragments short, each key frame first in one, Segments from key frames."""
    cuts = cut_all(found, CutOptions(segment_s=segment_s), audio=False, flush_at=flush_at)
    assert [p for cut in cuts for p in cut.video] == found
    assert cuts[0].opens_segment
    last_open, gop = 0, -1
    for n, cut in enumerate(cuts):
        assert not any(p.is_key for p in cut.video[1:])
        length = cut.video[-1].dts_90k - cut.video[0].dts_90k + cut.last_duration_90k
        assert length <= 18_000 or len(cut.video) == 1 or flush_at >= 0
        gop += cut.video[0].is_key
        assert cut.gop == gop
        due = cut.video[0].is_key and cut.video[0].dts_90k - last_open >= segment_s * 90_000
        assert cut.opens_segment == (n == 0 or due)
        if cut.opens_segment:
            last_open = cut.video[0].dts_90k
    for a, b in pairwise(cuts):
        if flush_at < 0:
            assert a.video[-1].dts_90k + a.last_duration_90k == b.video[0].dts_90k


@settings(max_examples=150)
@given(streams(audio=True))
def test_audio_belongs_to_the_gop_of_its_time(found: list[Packet]) -> None:
    """Audio is in the GOP whose [dts, next key dts) holds it, in strictly growing time, and none of it is lost."""
    cuts = cut_all(found, CutOptions(), audio=True)
    assert [p for cut in cuts for p in cut.video] == [p for p in found if p.track == 0]
    audio = [sample for cut in cuts for sample in cut.audio]
    assert [sample.packet for sample in audio] == [p for p in found if p.track == 1]
    assert all(a.dts < b.dts for a, b in pairwise(audio))
    keys = [cut.video[0].dts_90k for cut in cuts if cut.video[0].is_key]
    for cut in cuts:
        start, end = keys[cut.gop], (*keys, 1 << 60)[cut.gop + 1]
        for sample in cut.audio:
            assert start * 44_100 <= sample.dts * 90_000 < end * 44_100


@settings(max_examples=150)
@given(streams(audio=True))
def test_leaves_do_not_depend_on_arrival(found: list[Packet]) -> None:
    """The leaves made while samples arrive are those of whole GOPs read back and sorted."""
    cuts = cut_all(found, CutOptions(), audio=True)
    leaves = Leaves(WITH_AUDIO.id, WITH_AUDIO.info)
    gops: dict[int, tuple[Packet, list[Sample]]] = {}
    for cut in cuts:
        first = cut.video[0]
        samples = [Sample(0, 90_000, p.is_key, p.pts_90k, p.dts_90k, to_lengths(p.payload)) for p in cut.video]
        samples += [Sample(1, 44_100, True, dts, dts, p.payload) for dts, p in cut.audio]
        if first.is_key:
            leaves.begin_gop(cut.gop, first.wall_ns, first.dts_90k)
            gops[cut.gop] = (first, [])
        leaves.add(samples)
        gops[cut.gop][1].extend(samples)
    assert [entry.leaf for entry in leaves.finish()] == [
        leaf(LeafHeader(WITH_AUDIO.id, gop, first.wall_ns), first.dts_90k, samples)
        for gop, (first, samples) in gops.items()
    ]


def test_a_key_frame_waits_for_late_audio() -> None:
    """Audio from before a key frame that arrives after it is in the fragment before, and nothing waits for long."""
    segmenter = Segmenter(WITH_AUDIO.info, CutOptions())
    assert segmenter.push(packet(0, 0, key=True)) == []
    assert segmenter.push(packet(1, 0)) == []
    assert segmenter.push(packet(0, 3600, key=True)) == []
    assert segmenter.push(packet(1, 2000)) == []
    (cut,) = segmenter.push(packet(1, 4000))
    assert [sample.packet.dts_90k for sample in cut.audio] == [0, 2000]
    assert segmenter.push(packet(0, 7200, key=True)) == []
    assert len(segmenter.push(packet(0, 10_800))) == 0
    assert len(segmenter.push(packet(0, 20_000))) == 2


def test_repeated_decode_times_are_moved() -> None:
    """Times that do not grow are made to, so that no duration is negative."""
    segmenter = Segmenter(VIDEO_ONLY.info, CutOptions())
    for dts, key in ((0, True), (3600, False), (3600, False), (100, False)):
        segmenter.push(packet(0, dts, key=key))
    (cut,) = segmenter.finish()
    assert [p.dts_90k for p in cut.video] == [0, 3600, 3601, 3602]


def test_sixty_seconds_of_a_camera() -> None:
    """25 fps with a key frame a second: five Packets a fragment, Segments of ten seconds."""
    found = list(packets(VIDEO_ONLY, seconds=60))
    cuts = cut_all(found, CutOptions(segment_s=10), audio=False)
    assert {len(cut.video) for cut in cuts} == {5}
    assert [cut.video[0].dts_90k for cut in cuts if cut.opens_segment] == [n * 900_000 for n in range(6)]


def test_leaves_need_a_key_frame() -> None:
    """Samples before any key frame are a mistake of the caller."""
    with pytest.raises(ValueError):
        Leaves("run", VIDEO_ONLY.info).add([])
