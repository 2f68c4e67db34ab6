"""Runs: where they begin and end, seq, times, the first burst, audio."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.demux import VideoUnits
from ingest.gop import MAX_BYTES, MAX_PACKETS, GopCache
from ingest.runs import Made, RunBroken, RunBuilder, RunOrigin
from ingest.tail import RunTail
from tests.ingest.synth import stream
from vms.clock import ManualClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Codec, EndReason, Packet, RunEnded, RunStarted, Track

MS, S = 1_000_000, 1_000_000_000
FRAME_NS = 40 * MS
WALL = 1_790_000_000 * S
STREAM = StreamRef("cam", StreamName.MAIN)
UNITS = stream(Codec.H264)


class Feed:
    """A camera of 25 pictures a second whose units arrive when they should."""

    def __init__(self, audio: Track | None = None, floor_ns: int = 0) -> None:
        origin = RunOrigin(STREAM, "site", "node", 3, "boot")
        video = VideoUnits(Codec.H264)
        self.builder = RunBuilder(origin, ManualClock(), video, audio, floor_ns=floor_ns)
        self.made: list[Made] = []
        self.n = 0
        self.wall_step_ns = 0

    def send(self, *units: bytes, gap_ns: int = FRAME_NS, mono_ns: int | None = None) -> None:
        """Hand units over as libav does: each when the next one begins to arrive."""
        for data in units:
            at_ns = (self.n + 1) * FRAME_NS if mono_ns is None else mono_ns
            dts = self.n * 3600
            self.builder.video(data, dts, dts, WALL + at_ns + self.wall_step_ns, at_ns)
            self.made += self.builder.take()
            self.n += 1

    def end(self) -> list[Made]:
        """All that was made."""
        self.builder.flush()
        self.made += self.builder.take()
        return self.made

    def packets(self) -> list[Packet]:
        """The Packets among it."""
        return [item for item in self.end() if isinstance(item, Packet)]

    def runs(self) -> list[RunStarted]:
        """The Runs among it."""
        return [item for item in self.end() if isinstance(item, RunStarted)]


def test_a_run_begins_at_the_first_key_frame() -> None:
    """What comes before is of no use to anybody; seq and dts are 0 at the key frame."""
    feed = Feed()
    feed.send(*UNITS[3:], *UNITS)
    first, *rest = feed.end()
    assert isinstance(first, RunStarted)
    packets = feed.packets()
    assert rest == packets
    assert (packets[0].seq, packets[0].dts_90k, packets[0].is_key) == (0, 0, True)
    assert [p.seq for p in packets] == list(range(len(packets)))
    assert [p.dts_90k for p in packets] == [i * 3600 for i in range(len(packets))]
    assert first.run.start_ns == packets[0].wall_ns == first.run.anchor_ns
    assert (first.run.epoch, first.run.clock.boot_id, first.run.end_ns) == (3, "boot", None)


def test_units_are_stamped_with_the_time_they_arrived() -> None:
    """Not with the time libav handed them over, which is one frame later."""
    feed = Feed()
    feed.send(*UNITS)
    assert [p.wall_ns for p in feed.packets()] == [WALL + i * FRAME_NS for i in range(12)]


def test_the_burst_of_opening_is_stamped_backwards() -> None:
    """libav read 6 units while it opened and gives them at once: their times lie before, not after."""
    feed = Feed()
    feed.send(*UNITS[:6], mono_ns=6 * FRAME_NS)
    assert feed.made == []
    feed.send(*UNITS[6:])
    assert [p.wall_ns for p in feed.packets()] == [WALL + i * FRAME_NS for i in range(12)]


def test_a_burst_that_nothing_follows_is_not_lost() -> None:
    """The connection ends behind it: everything is published all the same."""
    feed = Feed()
    feed.send(*UNITS[:3], mono_ns=3 * FRAME_NS)
    assert len(feed.packets()) == 3


def test_another_size_ends_the_run_and_begins_one() -> None:
    """At the key frame of the new size, on the same time line, behind the last Run."""
    feed = Feed()
    feed.send(*UNITS, *stream(Codec.H264, 320, 180))
    broken = [i for i in feed.end() if isinstance(i, RunBroken)]
    first, second = feed.runs()
    assert broken == [RunBroken(EndReason.INFO_CHANGED)]
    assert second.run.info.video.width == 320
    assert second.run.start_ns >= feed.packets()[11].wall_ns + FRAME_NS
    assert first.run.id != second.run.id
    assert [(p.seq, p.dts_90k) for p in feed.packets()[12:14]] == [(0, 0), (1, 3600)]


def test_a_clock_step_ends_the_run() -> None:
    """The wall clock goes back by an hour: a new Run at the next key frame, with the new time."""
    feed = Feed()
    feed.send(*UNITS)
    feed.wall_step_ns = -3600 * S
    feed.send(*UNITS)
    assert [i.reason for i in feed.end() if isinstance(i, RunBroken)] == [EndReason.CLOCK_STEP]
    second = feed.runs()[1].run
    assert abs(second.start_ns - (WALL - 3600 * S)) < S


def test_a_bad_unit_ends_the_run_until_the_next_key_frame() -> None:
    """What follows may depend on it: nothing is published with a hole in it."""
    feed = Feed()
    feed.send(*UNITS[:3], UNITS[3] + bytes(5 * 1024 * 1024), *UNITS[4:])
    assert [i.reason for i in feed.end() if isinstance(i, RunBroken)] == [EndReason.STREAM_CORRUPT]
    assert len(feed.runs()) == 2
    assert len(feed.packets()) == 3 + 6
    assert feed.builder.why_bad == ""


def test_runs_of_a_stream_do_not_overlap() -> None:
    """A camera that sends its last seconds again after a reconnect: the new Run begins behind the old one."""
    feed = Feed(floor_ns=WALL + 2 * S)
    feed.send(*UNITS)
    assert feed.runs()[0].run.start_ns == WALL + 2 * S
    walls = [p.wall_ns for p in feed.packets()]
    assert all(b > a for a, b in itertools.pairwise(walls))


def test_a_floor_in_the_far_future_is_a_clock_that_was_set_back() -> None:
    """It is not obeyed for an hour."""
    feed = Feed(floor_ns=WALL + 3600 * S)
    feed.send(*UNITS)
    assert feed.runs()[0].run.start_ns == WALL


def test_audio_belongs_to_the_run_and_to_its_time() -> None:
    """8 kHz G.711 in 20 ms units, whose own clock begins anywhere: put where it arrived, then exact."""
    track = Track(1, Codec.PCMA, sample_rate=8000, channels=1)
    feed = Feed(track)
    feed.builder.audio(b"early", 0, WALL, 1)
    for i, data in enumerate(UNITS):
        feed.send(data)
        for half in (0, 1):
            at_ns = (i + 1) * FRAME_NS + half * 20 * MS
            feed.builder.audio(b"x" * 160, 987_654 + (2 * i + half) * 160, WALL + at_ns, at_ns)
    packets = feed.packets()
    audio = [p for p in packets if p.track == 1]
    assert feed.runs()[0].run.info.tracks[1] == track
    assert [p.seq for p in packets] == list(range(36))
    assert [b.dts_90k - a.dts_90k for a, b in itertools.pairwise(audio)] == [1800] * 23
    assert abs(audio[0].dts_90k - 3600) <= 1800
    assert abs(audio[0].wall_ns - (WALL + FRAME_NS)) <= 20 * MS


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2 * S)), max_size=40))
def test_laws_of_what_is_published(steps: list[tuple[int, int]]) -> None:
    """Law: Runs begin with a key frame at seq 0 and dts 0; seq counts; dts and wall time strictly grow."""
    feed, mono_ns = Feed(), 0
    for index, gap_ns in steps:
        mono_ns += gap_ns
        feed.send(UNITS[index], mono_ns=mono_ns)
    current: list[Packet] = []
    open_run = ""
    for item in feed.end():
        if isinstance(item, RunStarted):
            open_run, current = item.run.id, []
        elif isinstance(item, Packet):
            assert item.run == open_run
            assert item.seq == len(current)
            if current:
                assert item.dts_90k > current[-1].dts_90k
                assert item.wall_ns > current[-1].wall_ns
            else:
                assert (item.dts_90k, item.is_key) == (0, True)
            current.append(item)


def test_the_end_of_a_run_is_its_last_picture_and_one_frame() -> None:
    """Also where the thread has told nothing; Packets are counted over all tracks."""
    feed, tail = Feed(), RunTail()
    feed.send(*UNITS)
    tail.begin(feed.runs()[0].run)
    for packet in feed.packets():
        tail.add(packet)
    ended = tail.end(EndReason.STREAM_STALLED)
    assert ended == RunEnded(STREAM, feed.runs()[0].run.id, WALL + 12 * FRAME_NS, EndReason.STREAM_STALLED, 12)
    assert tail.end(EndReason.STREAM_STALLED) is None


def packet(seq: int, size: int = 10, *, key: bool = False) -> Packet:
    """A Packet of a Run."""
    return Packet(STREAM, "run", 0, seq, seq * 3600, seq * 3600, seq, key, bytes(size))


def test_the_gop_cache_holds_the_group_under_way() -> None:
    """From the last key frame on; nothing before one, nothing after the Run."""
    feed, gop = Feed(), GopCache()
    feed.send(*UNITS)
    for item in feed.end()[:10]:
        if not isinstance(item, RunBroken):
            gop.add(item)
    assert [p.seq for p in gop.packets()] == [6, 7, 8]
    assert gop.key() == gop.packets()[0]
    gop.add(RunEnded(STREAM, "run", 0, EndReason.OVERLOAD, 9))
    assert gop.packets() == []
    assert gop.run is None


def test_the_gop_cache_is_bounded() -> None:
    """A group without end is forgotten, by number and by size, until the next key frame."""
    for size, count in ((10, MAX_PACKETS + 5), (4_000_000, MAX_BYTES // 4_000_000 + 2)):
        gop = GopCache()
        gop.add(packet(0, key=True))
        for seq in range(1, count):
            gop.add(packet(seq, size))
        assert gop.packets() == []
        gop.add(packet(count, key=True))
        assert [p.seq for p in gop.packets()] == [count]
