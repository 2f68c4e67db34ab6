"""A Segment as browsers can play it: audio that Media Source Extensions refuse (G.711) hidden, not removed. Pure.

The boxes that describe such a track (`trak`, `trex`, `traf`) are renamed `free`, which every reader skips (ISO/IEC
14496-12, 8.1.2): nothing moves, so that sizes, byte ranges and data offsets are those of the Segment. Its bytes in
`mdat` stay and nobody points at them.
"""

from __future__ import annotations

from collections.abc import Iterator

from vms.domain.media import Codec, RunInfo
from vms.errors import FootageError

VIDEO = "video"
"""Name of this view in URIs."""

_HIDDEN = frozenset({Codec.PCMU, Codec.PCMA})
_PRFT_BYTES = 32
_ID_IN_TRAK = 8 + 8 + 4 + 16
_ID_IN_TREX = 8 + 4
_ID_IN_TRAF = 8 + 8 + 4


def is_hidden(codec: Codec) -> bool:
    """Whether browsers refuse a file because of it."""
    return codec in _HIDDEN


def needs_view(info: RunInfo) -> bool:
    """Whether a Run is played by its video view."""
    return any(is_hidden(track.codec) for track in info.tracks)


class VideoView:
    """The view of the Segments of one Run."""

    def __init__(self, info: RunInfo) -> None:
        self._ids = {track.number + 1 for track in info.tracks if is_hidden(track.codec)}

    def init(self, data: bytes) -> bytes:
        """ftyp and moov."""
        out = bytearray(data)
        for kind, at, end in _boxes(data, 0, len(data)):
            if kind == b"moov":
                self._moov(out, at, end)
        return bytes(out)

    def fragment(self, data: bytes) -> bytes:
        """One whole prft, moof and mdat."""
        out = bytearray(data)
        for kind, at, end in _boxes(data, _PRFT_BYTES, len(data)):
            if kind == b"moof":
                self._rename(out, b"traf", _ID_IN_TRAF, at, end)
        return bytes(out)

    def _moov(self, out: bytearray, start: int, limit: int) -> None:
        self._rename(out, b"trak", _ID_IN_TRAK, start, limit)
        for kind, at, end in _boxes(out, start + 8, limit):
            if kind == b"mvex":
                self._rename(out, b"trex", _ID_IN_TREX, at, end)

    def _rename(self, out: bytearray, wanted: bytes, id_at: int, start: int, limit: int) -> None:
        """Boxes of a kind within the box at `start` that belong to a hidden track."""
        for kind, at, _ in list(_boxes(out, start + 8, limit)):
            if kind == wanted and int.from_bytes(out[at + id_at : at + id_at + 4], "big") in self._ids:
                out[at + 4 : at + 8] = b"free"


def _boxes(data: bytes | bytearray, at: int, limit: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, beginning and end of the boxes that fill [at, limit)."""
    while at < limit:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > limit:
            raise FootageError(f"a box has a size of {size}")
        yield bytes(data[at + 4 : at + 8]), at, at + size
        at += size
