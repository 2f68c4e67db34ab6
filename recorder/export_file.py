"""One MP4 of an Export on the disk, and beside it one line of proof for each stretch of a Segment that went into it.

Nothing is decoded or encoded. Read on the event loop, one block ahead; taken apart, hashed and written on the
executor. Memory holds two blocks, a Segment's leaves and the sample tables, whatever the length.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from recorder.export_cut import PresentedCut
from recorder.export_leaves import BadGop, PartLeaves, Reads, check_closing, kept_of, proof_line, read_closing
from recorder.fmp4 import ns_of_90k, ticks
from recorder.fmp4_read import Init, ParsedFragment
from recorder.footage import FragmentScan, OffLoop, Part
from recorder.plain_mp4 import PlainMp4
from vms.domain.footage import Segment
from vms.domain.interval import Interval
from vms.domain.media import RunInfo
from vms.errors import FootageError, ObjectMissingError
from vms.proof.checkpoint import canonical


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file to be made: `parts` of Runs that have one RunInfo, what each Run's head says, and what to add to its
    wall times. `interval`: what was asked."""

    member: str
    proof: str
    parts: Sequence[Part]
    inits: Mapping[str, Init]
    corrections: Mapping[str, int]
    interval: Interval

    def without(self, lost: Part, bad: Sequence[BadGop] = ()) -> FilePlan:
        """The same file without a Part, or without some groups of pictures of it; what follows begins anew."""
        at = list(self.parts).index(lost)
        kept = kept_of(lost, bad) if bad else []
        joins = bool(kept) and kept[-1].offset + kept[-1].size == lost.offset + lost.size
        rest = [
            replace(part, fresh=part.fresh or (n == 0 and not joins)) for n, part in enumerate(self.parts[at + 1 :])
        ]
        return replace(self, parts=[*self.parts[:at], *kept, *rest])

    @property
    def info(self) -> RunInfo:
        """What all of it is encoded as."""
        return self.inits[self.parts[0].segment.run].head.run.info

    @property
    def made_of(self) -> str:
        """SHA-256 of all that decides what the file will be: another plan of as many bytes has another one."""
        rows = [
            [one.segment.run, one.segment.number, one.offset, one.size, one.start_ns, one.end_ns, one.fresh]
            for one in self.parts
        ]
        shifts = {run: self.corrections.get(run, 0) for run in {one.segment.run for one in self.parts}}
        what = [self.member, self.interval.start_ns, self.interval.end_ns, rows, shifts]
        return hashlib.sha256(canonical(what)).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes to be read."""
        return sum(part.size for part in self.parts)


class PartLostError(Exception):
    """What a Part is made of is gone, damaged or changed; the file can be made without it. `bad`: the groups of
    pictures that are concerned; none: all of it."""

    def __init__(self, part: Part, why: str, bad: Sequence[BadGop] = ()) -> None:
        super().__init__(why)
        self.part = part
        self.why = why
        self.bad = bad


class Member:
    """A file of the package under way: its bytes, size, SHA-256, and the CRC-32 that its ZIP will want."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha = hashlib.sha256()
        self.size = 0
        self._crc = 0

    def write(self, data: bytes) -> None:
        """Append; blocks."""
        self._file.write(data)
        self._sha.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self.size += len(data)

    def fact(self, name: str) -> dict[str, Any]:
        """What the manifest and the ZIP say of it."""
        return {"name": name, "size": self.size, "sha256": self._sha.hexdigest(), "crc32": self._crc}


class FileExport:
    """Makes the files of one plan below `folder`."""

    def __init__(
        self, plan: FilePlan, folder: Path, sources: Reads, off_loop: OffLoop, told: Callable[[int], None]
    ) -> None:
        """`told`: how many bytes more were read."""
        self._plan = plan
        self._folder = folder
        self._sources = sources
        self._off_loop = off_loop
        self._told = told
        self._made = PlainMp4(plan.info, plan.size_bytes, plan.interval.start_ns, apart=True)
        self._cut = PresentedCut(plan.interval)
        self._points: list[list[int]] = []

    async def run(self) -> dict[str, Any]:
        """What is known of the file, as plain JSON values; `members` has its facts and those of its proof. ObjectError
        or BusError where bytes are out of reach, PartLostError where they are gone or damaged, OSError of the disk
        here."""
        plan = self._plan
        with ExitStack() as stack:
            video, proof = (self._open(stack, name) for name in (plan.member, plan.proof))
            await self._off_loop(partial(video.write, self._made.head()))
            position = self._made.first_position
            for part in plan.parts:
                try:
                    await self._part(part, position, video, proof)
                except (ObjectMissingError, FootageError) as error:
                    raise PartLostError(part, error.message) from error
                position += part.size
            shown = self._cut.shown
            await self._off_loop(partial(video.write, self._made.tail(shown)))
        first = self._made.first_dts
        return {
            "member": plan.member,
            "proof": plan.proof,
            "start_ns": plan.parts[0].start_ns,
            "end_ns": max(part.end_ns for part in plan.parts),
            "shown_90k": list(shown),
            "shown_ns": list(self._cut.shown_ns),
            "tracks": [
                {
                    "number": track.number,
                    "codec": track.codec.value,
                    "hz": ticks(track),
                    "first_dts": first[track.number],
                    "width": track.width,
                    "height": track.height,
                    "sample_rate": track.sample_rate,
                    "channels": track.channels,
                }
                for track in plan.info.tracks
            ],
            "points": self._points,
            "members": [video.fact(plan.member), proof.fact(plan.proof)],
        }

    def _open(self, stack: ExitStack, name: str) -> Member:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return Member(stack.enter_context(path.open("wb")))

    async def _part(self, part: Part, position: int, video: Member, proof: Member) -> None:
        offset, end = part.offset, part.offset + part.size
        reading = asyncio.ensure_future(self._read(part.segment, offset, end))
        try:
            closing = await read_closing(self._sources, part.segment)
            check_closing(part.segment, *closing)
            if part.fresh:
                self._made.start_run()
            init, shift_ns = self._plan.inits[part.segment.run], self._plan.corrections.get(part.segment.run, 0)
            notes, leaves = _Notes(self._made, self._cut, shift_ns), PartLeaves(init, closing[1])
            scan = FragmentScan(notes, init, part, position, leaves.add)
            while offset < end:
                block = await reading
                offset += len(block)
                reading = asyncio.ensure_future(self._read(part.segment, offset, end))
                await asyncio.gather(
                    self._off_loop(partial(scan.feed, block)), self._off_loop(partial(video.write, block))
                )
                self._told(len(block))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        scan.finish()
        bad = await self._off_loop(partial(leaves.changed, part, shift_ns))
        if bad:
            raise PartLostError(part, "its pictures or sound are not those that were recorded", bad)
        shift_90k = self._made.shift_90k
        line = proof_line(part, closing, notes.gops, position + part.size, shift_90k)
        await self._off_loop(partial(proof.write, canonical(line) + b"\n"))
        dts_90k, _ = notes.gops[0]
        self._points.append([dts_90k + shift_90k, notes.first_ns, part.end_ns - part.start_ns])

    async def _read(self, segment: Segment, offset: int, end: int) -> bytes:
        if offset >= end:
            return b""
        block = await self._sources.read(segment, offset, min(self._sources.block_bytes, end - offset))
        if not block:
            raise FootageError(f"{segment.key} ends at byte {offset} of {end}")
        return block


class _Notes:
    """Hears of the fragments of one Part."""

    def __init__(self, made: PlainMp4, cut: PresentedCut, shift_ns: int) -> None:
        self.gops: list[tuple[int, int]] = []
        self.first_ns = 0
        self._made = made
        self._cut = cut
        self._shift_ns = shift_ns

    def add(self, fragment: ParsedFragment, position: int) -> None:
        """`gops`: of each the dts of its key frame in the Run, and where in the file it begins."""
        self._made.add(fragment, position)
        video, shown_ns = fragment.tracks[0].samples, fragment.wall_ns + self._shift_ns
        if video[0].is_key:
            self.first_ns = self.first_ns if self.gops else shown_ns
            self.gops.append((video[0].dts, position))
        self._cut.add(video, shown_ns, self._made.shift_90k)


def reorder_ns(fragment: ParsedFragment) -> int:
    """By how much frames are shown later than they are decoded; 0 where they leave in the order in which they came."""
    return max(ns_of_90k(sample.pts - sample.dts) for sample in fragment.tracks[0].samples)
