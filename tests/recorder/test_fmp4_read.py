"""The reader of our files: what was written comes back, and nothing in a file can hurt."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.boxes import box
from recorder.fmp4 import TrackRun, fragment_head, init_bytes
from recorder.fmp4_read import Read, boxes, fragments, read_fragment, read_init, read_tail
from recorder.provenance import SegmentHead, decode_head, encode_head
from tests.recorder.files import closed, write_run
from tests.recorder.synth import aac_clip, make_run, packets, video_clip, video_track
from vms.domain.media import Codec, Track
from vms.errors import FootageError
from vms.proof.leaf import Sample

RUN = make_run(
    video_track(video_clip()),
    Track(1, Codec.AAC, aac_clip()[0], sample_rate=48_000, channels=1),
    run="aaaabbbbccccdddd",
)
HEAD = SegmentHead(RUN, 3, 17, RUN.start_ns, "ab" * 32, {"camera": 'Pasar "Besar" \u202e', "site": ""})
INIT = init_bytes(RUN.info, HEAD)


def reading(data: bytes) -> Read:
    """A file of bytes."""
    return lambda offset, length: data[offset : offset + length]


def whole(data: bytes) -> list[object]:
    """Everything a reader does with a file."""
    read = reading(data)
    init = read_init(read)
    found = list(fragments(read, len(data), init))
    end = found[-1].offset + found[-1].size if found else init.size
    return [init, *found, *(read_tail(read, end, len(data)) if end < len(data) else ())]


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A closed Segment with audio, of one second."""
    run = make_run(*RUN.info.tracks, run=RUN.id)
    sent = packets(run, seconds=1, audio=aac_clip()[1])
    spool, events = write_run(tmp_path_factory.mktemp("spool"), run, sent)
    path: Path = spool.path(closed(events)[0].segment.segment.key)
    return path.read_bytes()


def test_the_head_comes_back() -> None:
    """Run, place in the Run and names survive the file."""
    assert decode_head(encode_head(HEAD)) == HEAD
    found = read_init(reading(INIT))
    assert (found.head, found.size, found.hz(0), found.hz(1)) == (HEAD, len(INIT), 90_000, 48_000)


payloads = st.lists(
    st.tuples(st.integers(1, 10**6), st.integers(0, 10**6), st.binary(max_size=9)), min_size=1, max_size=6
)


@settings(max_examples=80)
@given(payloads, payloads, st.integers(0, 2**40), st.booleans(), st.integers(0, 4 * 10**18))
def test_fragments_come_back(
    video: list[tuple[int, int, bytes]], audio: list[tuple[int, int, bytes]], start: int, key: bool, wall_ns: int
) -> None:
    """Any samples with any steps and offsets are read as they were written."""

    def track(number: int, hz: int, found: list[tuple[int, int, bytes]]) -> TrackRun:
        samples, at = [], start
        for n, (step, shift, payload) in enumerate(found):
            samples.append(Sample(number, hz, number > 0 or (key and n == 0), at + shift, at, payload))
            at += step
        return TrackRun(samples, found[-1][0])

    runs = [track(0, 90_000, video), track(1, 48_000, audio)]
    data = INIT + fragment_head(9, wall_ns, runs) + b"".join(s.payload for r in runs for s in r.samples)
    read = reading(data)
    found = read_fragment(read, len(INIT), len(data), read_init(read))
    assert (found.sequence, found.wall_ns, found.offset + found.size) == (9, wall_ns, len(data))
    for parsed, run in zip(found.tracks, runs, strict=True):
        again = [(s.dts, s.pts, s.is_key, read(s.offset, s.size)) for s in parsed.samples]
        assert again == [(s.dts, s.pts, s.is_key, s.payload) for s in run.samples]
    assert found.index().duration_90k == runs[0].duration


def test_a_whole_file_is_read(segment: bytes) -> None:
    """Init, fragments and closing box of a real Segment fill the file."""
    init, *_, head, tail = whole(segment)
    assert init.head == head  # type: ignore[attr-defined]  # the list holds all kinds
    assert len(tail.leaves) == 1  # type: ignore[attr-defined]


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_damage_is_an_error_and_never_a_crash(segment: bytes, data: st.DataObject) -> None:
    """Flipped bytes, sizes of 0, 1 and 2^32 - 1, cuts and insertions: read, or a FootageError."""
    damaged = bytearray(segment)
    # Payloads are not the reader's business: damage is aimed at the boxes.
    structure = [at for at in range(len(segment)) if at < len(INIT) + 400 or at > len(segment) - 1500]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(structure))
        kind = data.draw(st.sampled_from(["flip", "size", "cut", "insert"]))
        if kind == "flip":
            damaged[at % len(damaged)] ^= data.draw(st.integers(1, 255))
        elif kind == "size":
            damaged[at : at + 4] = data.draw(st.sampled_from([0, 1, 7, 2**31, 2**32 - 1])).to_bytes(4, "big")
        elif kind == "cut":
            del damaged[at:]
            damaged = damaged or bytearray(b"\x00")
        else:
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    try:
        whole(bytes(damaged))
    except FootageError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00\x00\x00ftyp",
        b"\x00\x00\x00\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xffftyp",
        box(b"ftyp", b"iso6") + box(b"moov"),
        box(b"ftyp", b"iso6") + box(b"moov", box(b"trak", *[box(b"trak")] * 1000)),
        box(b"ftyp", b"iso6") + b"\x7f\xff\xff\xffmoov",
        INIT[:-1],
    ],
)
def test_what_is_no_segment_is_refused(data: bytes) -> None:
    """Nothing, endless boxes, foreign files."""
    with pytest.raises(FootageError):
        read_init(reading(data))


def test_deep_nesting_costs_nothing() -> None:
    """A thousand boxes in each other are looked at one level at a time."""
    nested = b""
    for _ in range(1000):
        nested = box(b"trak", nested)
    with pytest.raises(FootageError):
        read_init(reading(box(b"ftyp", b"iso6") + box(b"moov", nested)))
    assert [kind for kind, _ in boxes(memoryview(nested))] == [b"trak"]


def test_a_trun_cannot_claim_more_than_its_box() -> None:
    """A count of 2^32 - 1 is refused before anything is allocated."""
    run = TrackRun([Sample(0, 90_000, True, 0, 0, b"\x00\x00\x00\x01\x65")], 3600)
    data = bytearray(INIT + fragment_head(1, 0, [run]) + run.samples[0].payload)
    at = data.index(b"trun") + 8
    data[at : at + 4] = b"\xff\xff\xff\xff"
    read = reading(bytes(data))
    with pytest.raises(FootageError):
        read_fragment(read, len(INIT), len(data), read_init(read))
