"""The footage of a package against its proof: the samples that a player would show give the leaves, or which do not.

A file whose tables cannot be read any more is looked at by the fragments in it, so that the first group of pictures
that was changed is named whatever was changed. Blocking; memory holds one group and the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recorder.export_read import FileSample, TrackTables, read_tables
from recorder.fmp4_read import Read, read_run_fragment
from recorder.package_read import OpenMember
from vms.errors import FootageError
from vms.proof import merkle
from vms.proof.leaf import VIDEO_HZ, LeafHeader, Sample, leaf

_LINE_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 18
_MAX_SAMPLE_BYTES = 64 << 20
_MAX_GOP_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it was signed: in which member, in words; in footage the shown time [from, to) and the bytes
    [start, end) of the first group of pictures that is concerned."""

    member: str
    words: str
    from_ns: int | None = None
    to_ns: int | None = None
    start: int | None = None
    end: int | None = None

    def joined(self, before: Change) -> Change:
        """With what is known of the member already."""
        return replace(self, words=f"{before.words}; {self.words}")

    def value(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "member": self.member,
            "words": self.words,
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "start": self.start,
            "end": self.end,
        }


class ProofLines:
    """The lines of a proof, one Segment each; FootageError for what is none."""

    def __init__(self, member: OpenMember) -> None:
        self._member = member

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rest, at = b"", 0
        while block := self._member.read(at, _BLOCK_BYTES):
            at += len(block)
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > _LINE_BYTES:
                raise FootageError("a line of the proof is too long")
            for line in lines:
                yield _line(line)
        if rest:
            raise FootageError("the proof is cut off")


@dataclass(frozen=True, slots=True)
class _Gop:
    """What is said of one group of pictures. `shift_90k`: from times of its Run to the file's."""

    run: str
    number: int
    wall_ns: int
    dts_90k: int
    leaf: bytes
    start: int
    size: int
    shift_90k: int
    correction_ns: int

    def change(self, member: str, words: str, end_ns: int | None = None) -> Change:
        """This group is the first that is not as it was."""
        shown_ns = self.wall_ns + self.correction_ns
        return Change(member, words, shown_ns, end_ns, self.start, self.start + self.size)


def check_footage(
    read: Read,
    size: int,
    file: Mapping[str, Any],
    lines: ProofLines,
    corrections: Mapping[str, int],
    changed: bool,
) -> Change | None:
    """None: every sample is in a leaf, every leaf fits, and the leaves are those of the Segments' roots. `changed`: its
    SHA-256 is another one, so that something is to be found."""
    name = str(file["member"])
    tracks = {int(track["number"]): (int(track["hz"]), int(track["first_dts"])) for track in file["tracks"]}
    why = ""
    try:
        walk: _Walk | None = _Walk(read, read_tables(read, size), tracks)
    except FootageError as error:
        walk, why = None, error.message
    last: _Gop | None = None
    for gop in _gops(lines, corrections):
        last = gop
        try:
            samples = _from_fragments(read, size, gop, tracks) if walk is None else walk.take(gop)
            header = LeafHeader(gop.run, gop.number, gop.wall_ns)
            found = leaf(header, gop.dts_90k, samples)
            if found != gop.leaf:
                return gop.change(name, "pictures or sound were changed", _end_ns(gop, samples))
            if changed and walk is not None:
                _from_fragments(read, size, gop, tracks)
        except FootageError as error:
            return gop.change(name, f"it cannot be read there: {error.message}")
    if last is None:
        return Change(name, "its proof is empty")
    end = last.start + last.size
    if walk is None:
        return Change(name, f"its tables were changed: {why}", start=min(end, size), end=size)
    if walk.left():
        return Change(name, "it has samples that are in no leaf", start=end, end=size)
    return (
        Change(
            name,
            "all its samples are as they were; its tables, or bytes between samples, were changed",
            start=end,
            end=size,
        )
        if changed
        else None
    )


def _gops(lines: ProofLines, corrections: Mapping[str, int]) -> Iterator[_Gop]:
    for line in lines:
        try:
            own = [bytes.fromhex(entry[3]) for entry in line["gops"]]
            others = [[bytes.fromhex(one) for one in line[name]] for name in ("before", "after")]
            root = merkle.root([*others[0], *own, *others[1]]).hex()
            run, shift = str(line["run"]), int(line["shift_90k"])
            gops = [
                _Gop(
                    run,
                    int(gop),
                    int(wall),
                    int(dts),
                    bytes.fromhex(hashed),
                    int(at),
                    int(size),
                    shift,
                    corrections.get(run, 0),
                )
                for gop, wall, dts, hashed, at, size in line["gops"]
            ]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FootageError("a line of the proof says nothing that can be checked") from error
        if any(gop.start < 0 or not 0 < gop.size <= _MAX_GOP_BYTES for gop in gops):
            raise FootageError("a group of pictures of a size that none has")
        if root != line["leaf_root"]:
            raise FootageError("the leaves of a Segment do not make its root")
        yield from gops


class _Walk:
    """The samples of a file group by group, by its tables."""

    def __init__(self, read: Read, tables: Mapping[int, TrackTables], tracks: Mapping[int, tuple[int, int]]) -> None:
        for number, found in tables.items():
            if number not in tracks or found.hz != tracks[number][0]:
                raise FootageError("its tracks are not those of its manifest")
        self._read = read
        self._tracks = tracks
        self._iterators = {number: found.samples() for number, found in sorted(tables.items())}
        self._next: dict[int, FileSample | None] = {
            number: next(samples, None) for number, samples in self._iterators.items()
        }

    def take(self, gop: _Gop) -> list[Sample]:
        """All samples that lie in the bytes of a group; FootageError where one lies astride, or none begins it."""
        found: list[Sample] = []
        end, room = gop.start + gop.size, gop.size
        for number, samples in self._iterators.items():
            hz, first = self._tracks[number]
            shift = gop.shift_90k * hz // VIDEO_HZ - first
            sample = self._next[number]
            while sample is not None and sample.offset < end:
                if sample.offset < gop.start or sample.offset + sample.size > end or sample.size > _MAX_SAMPLE_BYTES:
                    raise FootageError("a sample lies elsewhere than its group")
                room -= sample.size
                if room < 0:
                    raise FootageError("its samples are more than the bytes that they lie in")
                data = self._read(sample.offset, sample.size)
                if len(data) != sample.size:
                    raise FootageError("a sample lies beyond the end of the file")
                found.append(Sample(number, hz, sample.is_key, sample.pts - shift, sample.dts - shift, data))
                sample = next(samples, None)
            self._next[number] = sample
        return found

    def left(self) -> bool:
        """Whether there are samples in no group."""
        return any(sample is not None for sample in self._next.values())


def _from_fragments(read: Read, size: int, gop: _Gop, tracks: Mapping[int, tuple[int, int]]) -> list[Sample]:
    """The same by the fragments that lie there, whose times are those of the Run."""
    end = gop.start + gop.size
    if end > size:
        raise FootageError("the file ends before it")
    found: list[Sample] = []
    at = gop.start
    while at < end:
        fragment = read_run_fragment(read, at, end, len(tracks))
        for number, samples in fragment.tracks:
            hz = tracks[number][0]
            found += [Sample(number, hz, s.is_key, s.pts, s.dts, read(s.offset, s.size)) for s in samples]
        at += fragment.size
    return found


def _end_ns(gop: _Gop, samples: Sequence[Sample]) -> int | None:
    video = [sample.dts for sample in samples if sample.hz == VIDEO_HZ]
    if not video or not 0 <= max(video) - gop.dts_90k < 1 << 40:
        return None
    return gop.wall_ns + gop.correction_ns + (max(video) - gop.dts_90k) * 100_000 // 9


def _line(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FootageError("a line of the proof is damaged") from error
    if not isinstance(value, dict):
        raise FootageError("a line of the proof is damaged")
    return value
