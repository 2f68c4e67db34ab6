"""Access units to RTP payloads: single NAL unit, STAP-A and FU-A of RFC 6184, AP and FU of RFC 7798. Pure.

All but the stamp (an SEI) is the same at every turn of the loop and is cut once, when the clip is loaded.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_PAYLOAD_BYTES = 1400
_H264_PARAMETERS = frozenset({7, 8, 13})
_H265_PARAMETERS = frozenset({32, 33, 34})


def is_parameter_set(nal: bytes, *, h265: bool) -> bool:
    """Sequence, picture or video parameter set."""
    return nal[0] >> 1 & 0x3F in _H265_PARAMETERS if h265 else nal[0] & 0x1F in _H264_PARAMETERS


def aggregate(nals: Sequence[bytes], *, h265: bool) -> bytes:
    """One STAP-A (RFC 6184 5.7.1) or AP (RFC 7798 4.4.2) of them all."""
    sized = b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)
    if h265:
        return b"\x60\x01" + sized
    return bytes((max(nal[0] & 0x60 for nal in nals) | 24,)) + sized


def fragment(nal: bytes, *, h265: bool, limit: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """The NAL unit itself where it fits, else its fragments (RFC 6184 5.8, RFC 7798 4.4.3)."""
    if len(nal) <= limit:
        return [nal]
    if h265:
        head, kind, body = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[0] >> 1 & 0x3F, memoryview(nal)[2:]
    else:
        head, kind, body = bytes((nal[0] & 0xE0 | 28,)), nal[0] & 0x1F, memoryview(nal)[1:]
    step = limit - len(head) - 1
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    last = len(pieces) - 1
    return [
        b"".join((head, bytes((kind | (0x80 if i == 0 else 0) | (0x40 if i == last else 0),)), piece))
        for i, piece in enumerate(pieces)
    ]


@dataclass(frozen=True, slots=True)
class Unit:
    """One access unit of a clip, cut for RTP. `shift`: frames from its turn in decoding to its turn in showing, 0
    without B-frames; `lead`: parameter sets, `rest`: payloads of its slices; `small`: its one slice, where that is
    short enough to share a packet with the stamp."""

    is_key: bool
    shift: int
    lead: tuple[bytes, ...]
    rest: tuple[bytes, ...]
    small: bytes | None = field(default=None)
    h265: bool = False

    @classmethod
    def cut(cls, nals: Sequence[bytes], *, is_key: bool, shift: int, h265: bool) -> Unit:
        """Cut the NAL units of an access unit (without start codes)."""
        lead = tuple(nal for nal in nals if is_parameter_set(nal, h265=h265))
        body = [nal for nal in nals if not is_parameter_set(nal, h265=h265)]
        if not lead and len(body) == 1 and len(body[0]) <= MAX_PAYLOAD_BYTES - 100:
            return cls(is_key, shift, lead, (), body[0], h265)
        rest = tuple(piece for nal in body for piece in fragment(nal, h265=h265))
        return cls(is_key, shift, lead, rest, None, h265)

    def payloads(self, stamp: bytes) -> tuple[bytes, ...]:
        """All RTP payloads in order, with the stamp after the parameter sets and before the slices."""
        if self.small is not None:
            return (aggregate((stamp, self.small), h265=self.h265),)
        if self.lead:
            return (aggregate((*self.lead, stamp), h265=self.h265), *self.rest)
        return (stamp, *self.rest)
