"""The footage that an Export reads, held against what was recorded: its leaves are hashed anew as it passes.

Three must agree: the samples, the leaves in the Segment's closing box, and the root that the catalogue keeps. What was
changed in the Store since then is so known by its group of pictures. Pure but for `read_closing`; executor threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from recorder.fmp4_read import Init, ParsedFragment
from recorder.footage import Part
from recorder.found import closing_box_start
from recorder.leaves import Leaves
from recorder.provenance import LeafEntry, SegmentHead, SegmentTail, decode_tail
from vms.domain.footage import Segment
from vms.errors import FootageError
from vms.proof import merkle
from vms.proof.leaf import Sample

_TAIL_BYTES = 64 << 10
_MOST_BYTES = 1 << 24
_BOX_HEAD = 24


class Reads(Protocol):
    """Whoever reads ranges of Segments, as `SegmentSources` does."""

    @property
    def block_bytes(self) -> int:
        """Of one answer at most."""

    async def read(self, segment: Segment, offset: int, length: int) -> bytes:
        """At most one block."""


@dataclass(frozen=True, slots=True)
class BadGop:
    """A group of pictures that is not as it was recorded: its number in the Run, its bytes in the Segment, and the
    shown time that it spans."""

    number: int
    offset: int
    size: int
    start_ns: int
    end_ns: int


class PartLeaves:
    """Hears of the fragments of one Part, with their bytes; then says what is changed."""

    def __init__(self, init: Init, tail: SegmentTail) -> None:
        self._init = init
        self._said = {entry.dts_90k: entry for entry in tail.leaves}
        self._leaves = Leaves(init.head.run.id, init.head.run.info)
        self._gops: list[tuple[LeafEntry, int, int]] = []

    def add(self, fragment: ParsedFragment, data: memoryview) -> None:
        """FootageError where a group begins of which the Segment says nothing."""
        first, begin = fragment.tracks[0].samples[0], fragment.offset
        if first.is_key or not self._gops:
            entry = self._said.get(first.dts)
            if entry is None or not first.is_key:
                raise FootageError("it has a group of pictures that was not recorded so")
            self._gops.append((entry, begin, fragment.wall_ns))
            self._leaves.begin_gop(entry.gop, fragment.wall_ns, first.dts)
        samples = []
        for track, found in fragment.tracks:
            hz = self._init.hz(track)
            for at, size, dts, pts, _, is_key in found:
                samples.append(Sample(track, hz, is_key, pts, dts, data[at - begin : at - begin + size]))
        self._leaves.add(samples)

    def changed(self, part: Part, shift_ns: int) -> list[BadGop]:
        """Groups whose samples, or time, are not those that were recorded; all of the Part has passed."""
        made, bad = self._leaves.finish(), []
        ends = [
            *((at, wall_ns + shift_ns) for _, at, wall_ns in self._gops[1:]),
            (part.offset + part.size, part.end_ns),
        ]
        for (entry, at, wall_ns), one, (end, end_ns) in zip(self._gops, made, ends, strict=True):
            if one.leaf != entry.leaf:
                start_ns = min(max(part.start_ns, wall_ns + shift_ns), part.end_ns)
                bad.append(BadGop(entry.gop, at, end - at, start_ns, min(max(start_ns, end_ns), part.end_ns)))
        return bad


def kept_of(part: Part, bad: Sequence[BadGop]) -> list[Part]:
    """What is left of a Part without some of its groups; behind each hole decode times begin anew."""
    kept: list[Part] = []
    offset, start_ns, fresh = part.offset, part.start_ns, part.fresh
    for one in bad:
        if one.offset > offset:
            size = one.offset - offset
            kept.append(replace(part, offset=offset, size=size, start_ns=start_ns, end_ns=one.start_ns, fresh=fresh))
        offset, start_ns, fresh = one.offset + one.size, one.end_ns, True
    if offset < part.offset + part.size:
        kept.append(replace(part, offset=offset, size=part.offset + part.size - offset, start_ns=start_ns, fresh=fresh))
    return kept


def check_closing(segment: Segment, head: SegmentHead, tail: SegmentTail) -> None:
    """FootageError where what a Segment says of itself at its end is not what the catalogue keeps of it. A row of
    before roots were kept says nothing."""
    if (head.run.id, head.number) != (segment.run, segment.number):
        raise FootageError(f"{segment.key} is another Segment's")
    if merkle.root([entry.leaf for entry in tail.leaves]).hex() != tail.leaf_root:
        raise FootageError(f"the leaves at the end of {segment.key} do not make its root")
    kept = segment.leaf_root, segment.previous_root
    if segment.leaf_root and kept != (tail.leaf_root, head.previous_root):
        raise FootageError(f"{segment.key} was changed: its leaves are not those whose root the catalogue keeps")


async def read_closing(sources: Reads, segment: Segment) -> tuple[SegmentHead, SegmentTail]:
    """What a closed Segment says of itself at its end. FootageError where it does not."""
    length = _TAIL_BYTES
    while True:
        at = max(0, segment.size_bytes - length)
        data = b""
        while at + len(data) < segment.size_bytes:
            offset = at + len(data)
            block = await sources.read(segment, offset, min(sources.block_bytes, segment.size_bytes - offset))
            if not block:
                raise FootageError(f"{segment.key} ends at byte {offset}")
            data += block
        start = closing_box_start(data)
        if start is not None:
            return decode_tail(data[start + _BOX_HEAD :])
        if at == 0 or length > _MOST_BYTES:
            raise FootageError(f"{segment.key} has no closing box")
        length *= 8


def proof_line(
    part: Part,
    closing: tuple[SegmentHead, SegmentTail],
    gops: Sequence[tuple[int, int]],
    end: int,
    shift_90k: int,
) -> dict[str, Any]:
    """`gops`: dts in the Run and place in the file of each. `before`, `after`: leaves of the Segment's other GOPs;
    with these they make its root."""
    head, tail = closing
    numbers = {entry.dts_90k: at for at, entry in enumerate(tail.leaves)}
    first = numbers.get(gops[0][0]) if gops else None
    entries: Sequence[LeafEntry] = () if first is None else tail.leaves[first : first + len(gops)]
    if first is None or [entry.dts_90k for entry in entries] != [dts for dts, _ in gops]:
        raise FootageError(f"the leaves of {part.segment.key} are not those of its samples")
    starts = [*(position for _, position in gops), end]
    return {
        "run": part.segment.run,
        "number": part.segment.number,
        "shift_90k": shift_90k,
        "previous_root": head.previous_root,
        "leaf_root": tail.leaf_root,
        "before": [entry.leaf.hex() for entry in tail.leaves[:first]],
        "gops": [
            [entry.gop, entry.wall_ns, entry.dts_90k, entry.leaf.hex(), starts[at], starts[at + 1] - starts[at]]
            for at, entry in enumerate(entries)
        ],
        "after": [entry.leaf.hex() for entry in tail.leaves[first + len(gops) :]],
    }
