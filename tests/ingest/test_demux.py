"""Access units: key frames, parameter sets of every form, sizes, and what is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.demux import MAX_UNIT_BYTES, BadUnitError, VideoUnits
from ingest.nal import KINDS, annexb, parameter_sets, scan, split
from ingest.picture import jpeg
from ingest.sps import parse_h264, parse_h265
from tests.ingest.synth import sets_of, stream, without_sets
from vms.domain.media import Codec
from vms.errors import CameraCorruptError

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
SIZES = [(192, 108), (320, 180), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160), (354, 290)]


@BOTH
def test_key_frames_are_those_a_decoder_can_start_at(codec: Codec) -> None:
    """Every sixth unit of the stream, by NAL types alone; each says its track."""
    units = VideoUnits(codec)
    made = [units.unit(data) for data in stream(codec)]
    assert [unit is not None and unit.is_key for unit in made] == [i % 6 == 0 for i in range(12)]
    track = made[0].track if made[0] else None
    assert track is not None
    assert (track.codec, track.width, track.height, track.number) == (codec, 192, 108, 0)
    assert split(track.extradata) == sets_of(stream(codec)[0], codec)
    assert made[6] is not None
    assert made[6].track is track


@BOTH
@pytest.mark.parametrize("form", ["annexb", "configuration record"])
def test_missing_parameter_sets_are_put_before_the_key_frame(codec: Codec, form: str) -> None:
    """From extradata of either form; what is decodable afterwards is proved by decoding it."""
    key = stream(codec)[0]
    sets = sets_of(key, codec)
    extradata = annexb(sets) if form == "annexb" else record(codec, sets)
    unit = VideoUnits(codec, extradata).unit(without_sets(key, codec))
    assert unit is not None
    assert unit.is_key
    assert sets_of(unit.payload, codec) == sets
    assert jpeg(codec, unit.payload).startswith(b"\xff\xd8")


def record(codec: Codec, sets: list[bytes]) -> bytes:
    """An avcC or hvcC with these parameter sets."""
    sized = [len(nal).to_bytes(2, "big") + nal for nal in sets]
    if codec is Codec.H264:
        sps, pps = ([s for nal, s in zip(sets, sized, strict=True) if nal[0] & 31 == kind] for kind in (7, 8))
        head = bytes([1, 100, 0, 31, 0xFF, 0xE0 | len(sps)])
        return head + b"".join(sps) + bytes([len(pps)]) + b"".join(pps)
    arrays = [bytes([nal[0] >> 1 & 63, 0, 1]) + s for nal, s in zip(sets, sized, strict=True)]
    return bytes([1]) + bytes(21) + bytes([len(arrays)]) + b"".join(arrays)


@BOTH
def test_the_delimiter_stays_first(codec: Codec) -> None:
    """Parameter sets are put behind an access unit delimiter."""
    key, aud = stream(codec)[0], b"\0\0\0\1\x09\xf0" if codec is Codec.H264 else b"\0\0\0\1\x46\x01\x50"
    unit = VideoUnits(codec, annexb(sets_of(key, codec))).unit(aud + without_sets(key, codec))
    assert unit is not None
    assert unit.payload.startswith(aud + b"\0\0\0\1")
    assert split(unit.payload)[1] == sets_of(key, codec)[0]
    assert jpeg(codec, unit.payload)


@BOTH
def test_key_frames_without_any_known_sets_are_not_a_start(codec: Codec) -> None:
    """Nobody could decode them: they are ordinary units until parameter sets have come."""
    units = VideoUnits(codec)
    bare = without_sets(stream(codec)[0], codec)
    first = units.unit(bare)
    assert first is not None
    assert not first.is_key
    assert units.unit(annexb(sets_of(stream(codec)[0], codec))) is None
    second = units.unit(bare)
    assert second is not None
    assert second.is_key


@BOTH
def test_another_size_is_another_track(codec: Codec) -> None:
    """New parameter sets in the stream win over those of the description, at the next key frame."""
    units = VideoUnits(codec, annexb(sets_of(stream(codec)[0], codec)))
    first, second = units.unit(stream(codec)[0]), units.unit(stream(codec, 320, 180)[0])
    assert first is not None
    assert second is not None
    assert first.track != second.track
    assert second.track is not None
    assert (second.track.width, second.track.height) == (320, 180)


@BOTH
@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_read_from_real_parameter_sets(codec: Codec, size: tuple[int, int]) -> None:
    """Cropping included, as encoders write them."""
    sps = sets_of(stream(codec, *size, frames=1)[0], codec)[-2]
    facts = (parse_h264 if codec is Codec.H264 else parse_h265)(sps)
    assert (facts.width, facts.height) == size
    assert facts.profile
    assert float(facts.level) >= 1


def test_reordering_is_told() -> None:
    """An SPS says whether pictures may be out of order."""
    for codec, parse in ((Codec.H264, parse_h264), (Codec.H265, parse_h265)):
        plain = parse(sets_of(stream(codec, frames=1)[0], codec)[-2])
        b_frames = parse(sets_of(stream(codec, b_frames=2)[0], codec)[-2])
        assert plain.reorder == 0
        assert (b_frames.reorder or 0) > 0


class _Writer:
    """Writes Exp-Golomb codes."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def ue(self, *values: int) -> _Writer:
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits
        return self

    def bits(self, text: str) -> _Writer:
        self.text += text
        return self

    def data(self) -> bytes:
        whole = self.text + "1"
        return int(whole + "0" * (-len(whole) % 8), 2).to_bytes((len(whole) + 7) // 8, "big")


def baseline_sps(wide_mbs: int, high_mbs: int, crop: tuple[int, int, int, int] | None = None) -> bytes:
    """A baseline SPS by hand: ids 0, one reference frame, no VUI."""
    w = _Writer().ue(0, 0, 2, 1).bits("0").ue(wide_mbs - 1, high_mbs - 1).bits("1").bits("1")
    w = w.bits("1").ue(*crop) if crop else w.bits("0")
    return b"\x67\x42\x00\x1e" + w.bits("0").data()


def test_absurd_sizes_are_refused() -> None:
    """0x0 by cropping, 65535x65535 and more: a bad unit, not a track; the session lives on."""
    for sps in (baseline_sps(4, 4, (16, 16, 16, 16)), baseline_sps(4096, 4096), baseline_sps(2**20, 1)):
        with pytest.raises(ValueError, match="picture size"):
            parse_h264(sps)
        units = VideoUnits(Codec.H264)
        with pytest.raises(BadUnitError):
            units.unit(annexb([sps, b"\x68\xce\x3c\x80", b"\x65\x88\x84\x00"]))
        fine = units.unit(stream(Codec.H264)[0])
        assert fine is not None
        assert fine.is_key


@BOTH
def test_units_above_the_cap_are_refused(codec: Codec) -> None:
    """4 MB at most."""
    with pytest.raises(BadUnitError):
        VideoUnits(codec).unit(stream(codec)[0] + bytes(MAX_UNIT_BYTES))


@BOTH
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_unit_or_none_or_bad(codec: Codec, data: bytes) -> None:
    """Law: nothing else happens, with garbage alone, behind start codes, or as parameter sets."""
    for raw in (data, b"\0\0\1" + data, annexb([b"\x67" + data, b"\x68" + data, b"\x65" + data]), data * 3):
        units = VideoUnits(codec, raw)
        try:
            unit = units.unit(raw)
        except BadUnitError:
            continue
        assert unit is None or unit.payload.endswith(raw[-4:])


@given(st.binary(max_size=80))
def test_parameter_set_parsers_never_hang_or_crash(data: bytes) -> None:
    """Law: facts or ValueError."""
    for parse in (parse_h264, parse_h265):
        for head in (b"", b"\x67\x64\x00\x1f", b"\x42\x01\x01"):
            try:
                facts = parse(head + data)
            except ValueError:
                continue
            assert 16 <= facts.width <= 16_384


@BOTH
@given(cut=st.integers(0, 80), data=st.binary(max_size=30))
def test_damaged_configuration_records_give_what_is_whole(codec: Codec, cut: int, data: bytes) -> None:
    """Law: only parameter sets that are there come out."""
    whole = record(codec, sets_of(stream(codec)[0], codec))
    for nal in parameter_sets(whole[:cut] + data, KINDS[codec]):
        assert KINDS[codec].kind(nal[0]) in KINDS[codec].sets


def test_many_small_nal_units_cost_little() -> None:
    """A unit of 4 MB of empty NAL units, SEI or delimiters is given up after some."""
    for nal in (b"\0\0\1", b"\0\0\1\x06\x05\x01\x80", b"\0\0\1\x09"):
        with pytest.raises(BadUnitError):
            VideoUnits(Codec.H264).unit(nal * (MAX_UNIT_BYTES // len(nal)))
    with pytest.raises(ValueError, match="full of NAL units"):
        scan(b"\0\0\1\x06" * 1000, KINDS[Codec.H264])


def test_what_cannot_be_decoded_is_said() -> None:
    """Garbage gives no picture but a CameraCorruptError."""
    with pytest.raises(CameraCorruptError):
        jpeg(Codec.H264, b"\0\0\0\1\x65garbage")


@BOTH
def test_pictures_are_bounded_in_width(codec: Codec) -> None:
    """As wide as asked, never wider than it is, even numbers."""
    key = stream(codec, 320, 180)[0]
    for asked, got in ((None, (320, 180)), (1000, (320, 180)), (100, (100, 56)), (1, (64, 36))):
        data = jpeg(codec, key, asked)
        at = data.index(b"\xff\xc0")
        assert (int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")) == got
