"""From what libav hands over to access units as Packets carry them: Annex-B, parameter sets at every key frame. Pure.

A `VideoUnits` belongs to one connection. It knows the parameter sets in force and describes the Track at each key
frame; it neither decodes nor looks into slices.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.nal import KINDS, START, annexb, ordered, parameter_sets, scan
from ingest.sps import SpsFacts, parse_h264, parse_h265
from vms.domain.media import Codec, Track

MAX_UNIT_BYTES = 4 * 1024 * 1024


class BadUnitError(Exception):
    """An access unit that cannot be used, and that what follows may depend on; says why in plain words."""


class Unit(NamedTuple):
    """One access unit, ready to be a Packet's payload. `track` is given with key frames."""

    payload: bytes
    track: Track | None = None

    @property
    def is_key(self) -> bool:
        """Whether a decoder can start here."""
        return self.track is not None


class VideoUnits:
    """Access units of one video track."""

    def __init__(self, codec: Codec, extradata: bytes = b"") -> None:
        self.codec = codec
        self._kinds = KINDS[codec]
        self._sets = parameter_sets(extradata, self._kinds)
        self._track: Track | None = None
        self._facts: SpsFacts | None = None
        self._described: tuple[bytes, ...] = ()

    @property
    def facts(self) -> SpsFacts | None:
        """What the parameter sets of the last key frame say."""
        return self._facts

    def unit(self, data: bytes) -> Unit | None:
        """The unit; None where it holds no picture at all. A key frame without any known parameter sets is given as an
        ordinary unit: nobody could start there. BadUnitError."""
        if len(data) > MAX_UNIT_BYTES:
            raise BadUnitError(f"an access unit of {len(data) >> 20} MB")
        try:
            found = scan(data, self._kinds)
        except ValueError as error:
            raise BadUnitError(str(error)) from None
        if found.sets:
            self._merge(found.sets)
        if found.slice_kind < 0:
            return None
        if found.slice_kind not in self._kinds.keys or not self._complete():
            return Unit(data)
        track = self._describe()
        if {kind for kind, _ in found.sets} != set(self._kinds.sets):
            head = data[: found.aud_end]
            data = head + annexb(self._sets) + (data[found.aud_end :] if head else _four_byte_start(data))
        return Unit(data, track)

    def _complete(self) -> bool:
        return {self._kinds.kind(nal[0]) for nal in self._sets} == set(self._kinds.sets)

    def _merge(self, sets: tuple[tuple[int, bytes], ...]) -> None:
        """What comes in the stream replaces what was known of the same kind."""
        fresh = {kind for kind, _ in sets}
        known = [(kind, nal) for nal in self._sets if (kind := self._kinds.kind(nal[0])) not in fresh]
        self._sets = ordered([*known, *sets], self._kinds)

    def _describe(self) -> Track:
        if self._track is not None and self._sets == self._described:
            return self._track
        sps_kind = self._kinds.sets[-2]
        sps = next(nal for nal in self._sets if self._kinds.kind(nal[0]) == sps_kind)
        try:
            self._facts = parse_h265(sps) if self._kinds.hevc else parse_h264(sps)
        except ValueError as error:
            raise BadUnitError(f"parameter sets that cannot be right ({error})") from None
        self._described = self._sets
        self._track = Track(
            number=0,
            codec=self.codec,
            extradata=annexb(self._sets),
            width=self._facts.width,
            height=self._facts.height,
            profile=self._facts.profile,
        )
        return self._track


def _four_byte_start(data: bytes) -> bytes:
    return data if data.startswith(START) else START + data[data.find(b"\x00\x00\x01") + 3 :]
