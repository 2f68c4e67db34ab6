"""Sample entries and codec strings: what `stsd` says of each track of a Run (ISO/IEC 14496-12 8.5.2, 14496-14, -15).

avc1 and hvc1 with parameter sets in the entry (and in band too), mp4a with an esds, ulaw and alaw as QuickTime has
them. Codec strings: RFC 6381, ISO/IEC 14496-15 annex E. Pure.
"""

from __future__ import annotations

import struct

from recorder.boxes import box, full_box
from recorder.parameter_sets import avcc, h264_sets, h265_profile, hvcc
from vms.domain.media import Codec, Track
from vms.errors import FootageError

_G711 = {Codec.PCMU: b"ulaw", Codec.PCMA: b"alaw"}
_AAC_OBJECT = 0x40


def sample_entry(track: Track) -> bytes:
    """The entry of a track; FootageError where its headers cannot be read."""
    if track.codec is Codec.H264:
        return _video(b"avc1", track, box(b"avcC", avcc(track.extradata)))
    if track.codec is Codec.H265:
        return _video(b"hvc1", track, box(b"hvcC", hvcc(track.extradata)))
    if track.codec is Codec.AAC:
        return _audio(b"mp4a", track, _esds(track.extradata))
    return _audio(_G711[track.codec], track)


def codec_string(track: Track) -> str:
    """What MSE and HLS call the codec, for example `avc1.64001f`."""
    if track.codec is Codec.H264:
        return f"avc1.{h264_sets(track.extradata)[0][0][1:4].hex()}"
    if track.codec is Codec.H265:
        return _h265_string(h265_profile(track.extradata))
    if track.codec is Codec.AAC:
        return f"mp4a.40.{_object_type(track.extradata)}"
    return _G711[track.codec].decode()


def _h265_string(profile: bytes) -> str:
    space, tier, idc = profile[0] >> 6, (profile[0] >> 5) & 1, profile[0] & 31
    compatible = int(f"{int.from_bytes(profile[1:5], 'big'):032b}"[::-1], 2)
    constraints = profile[5:11].rstrip(b"\x00")
    parts = ["hvc1", f"{['', 'A', 'B', 'C'][space]}{idc}", f"{compatible:X}", f"{'LH'[tier]}{profile[11]}"]
    return ".".join([*parts, *(f"{byte:X}" for byte in constraints)])


def _object_type(config: bytes) -> int:
    if len(config) < 2:
        raise FootageError("AAC without AudioSpecificConfig")
    kind = config[0] >> 3
    return kind if kind != 31 else 32 + ((config[0] & 7) << 3 | config[1] >> 5)


def _video(kind: bytes, track: Track, config: bytes) -> bytes:
    head = struct.pack(
        ">6xH16xHHIIIH32sHh",
        1,
        track.width,
        track.height,
        0x00480000,
        0x00480000,
        0,
        1,
        b"",
        24,
        -1,
    )
    return box(kind, head, config, box(b"pasp", struct.pack(">II", 1, 1)))


def _audio(kind: bytes, track: Track, *config: bytes) -> bytes:
    rate = track.sample_rate if track.sample_rate < 1 << 16 else 0
    return box(kind, struct.pack(">6xH8xHHHHI", 1, track.channels or 1, 16, 0, 0, rate << 16), *config)


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) > 127:
        raise FootageError("an AudioSpecificConfig is too long")
    return bytes([tag, len(body)]) + body


def _esds(config: bytes) -> bytes:
    _object_type(config)
    decoder = struct.pack(">BB3xII", _AAC_OBJECT, 0x15, 0, 0)
    stream = _descriptor(3, struct.pack(">HB", 1, 0), _descriptor(4, decoder, _descriptor(5, config)), b"\x06\x01\x02")
    return full_box(b"esds", 0, 0, stream)
