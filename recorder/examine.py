"""A Segment's file as a fact: read whole, hashed and proved anew, and, where a crash left it open, closed. Blocks.

Used by the sweep, and by whoever rebuilds the catalogue from footage alone. What the file says wins over any row.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recorder.fmp4 import closing_box, ns_of_90k
from recorder.fmp4_read import Init, ParsedFragment, Read, read_fragment, read_init, read_tail
from recorder.leaves import Leaves
from recorder.nal import split_lengths
from recorder.provenance import SegmentHead, SegmentTail
from recorder.spool import Spool
from vms.domain.footage import Fragment, IndexedSegment, Segment, SegmentState
from vms.errors import FootageCutOffError, FootageError
from vms.proof import merkle
from vms.proof.leaf import Sample

UNSYNCED = 16
"""So many fragments at the end of an open file a crash can spoil: what is written between two syncs, and to spare."""

_PRFT = b"\x00\x00\x00\x20prft"


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """What a file holds. `closed`: its closing box is there and agrees with the samples; then `segment` is complete.
    `whole_bytes`: where its last whole fragment ends."""

    head: SegmentHead
    tail: SegmentTail
    segment: IndexedSegment
    whole_bytes: int
    closed: bool


def examine(path: Path) -> SegmentFile | None:
    """Read a Segment's file; None where it was cut off before its first whole fragment. FootageError: it is none of
    ours, of a newer version, or damaged where no crash does it. OSError."""
    with _reading(path) as (read, size):
        try:
            init = read_init(read)
        except FootageCutOffError:
            if path.suffix == ".mp4":
                raise
            return None
        found = _whole(read, size, init)
        if found:
            return _proved(read, size, init, found)
        if _fragments_from(read, init.size, size) > UNSYNCED:
            raise FootageError("its first fragments are damaged")
        return None


def finish(spool: Spool, key: str, *, anew: bool = False) -> SegmentFile | None:
    """Close what a crash left open: cut to the last whole fragment, closing box, synced, renamed. None: there was
    nothing in it, and it is gone. What is cut off though no crash explains it is kept (`Spool.set_aside`). `anew`:
    after a disk error; its bytes are written again, for pages whose sync failed once count as clean and never are
    (LWN 752063). Can be killed at any step and done again. OSError, FootageError."""
    path = spool.part_path(key)
    if spool.holds(key):
        raise FootageError(f"{key} is there twice, open and closed", hint="Look at both and remove one by hand.")
    found = examine(path)
    if found is None:
        spool.remove(key)
        return None
    if not found.closed:
        box = closing_box(found.head, found.tail)
        with _reading(path) as (read, size):
            if _fragments_from(read, found.whole_bytes, size) > UNSYNCED:
                spool.set_aside(key, rest_at=found.whole_bytes)
        with path.open("r+b") as file:
            file.truncate(found.whole_bytes)
            file.seek(found.whole_bytes)
            file.write(box)
            file.flush()
            os.fsync(file.fileno())
        found = examine(path)
        if found is None or not found.closed:
            raise FootageError(f"{key} cannot be closed")
    else:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if anew:
        _rewrite(path)
    spool.rename(key)
    return found


def _rewrite(path: Path) -> None:
    other = path.with_name(path.name + ".new")
    with path.open("rb") as source, other.open("wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    other.rename(path)


@contextmanager
def _reading(path: Path) -> Iterator[tuple[Read, int]]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield (lambda offset, length: os.pread(fd, length, offset)), os.fstat(fd).st_size
    finally:
        os.close(fd)


def _fragments_from(read: Read, at: int, size: int) -> int:
    """How many fragments begin behind a place, by the look of them."""
    return read(at, size - at).count(_PRFT)


def _whole(read: Read, size: int, init: Init) -> list[ParsedFragment]:
    """Fragments to the first that is not whole. Pages that never reached the disk read as zeros, inside boxes that
    look right: of those at the end that may not have been synced, the first whose NAL units do not add up or end in a
    zero ends the file."""
    found, at = [], init.size
    while at < size:
        try:
            found.append(read_fragment(read, at, size, init))
        except FootageError:
            break
        at += found[-1].size
    doubtful = len(found) - min(len(found), UNSYNCED)
    kept = next((i for i in range(doubtful, len(found)) if not _sound(read, found[i])), len(found))
    while kept and not _sound(read, found[kept - 1]):
        kept -= 1
    found = found[:kept]
    if found and not found[0].tracks[0].samples[0].is_key:
        raise FootageError("a Segment does not begin with a key frame")
    return found


def _sound(read: Read, fragment: ParsedFragment) -> bool:
    try:
        for sample in fragment.tracks[0].samples:
            if any(unit[-1] == 0 for unit in split_lengths(read(sample.offset, sample.size))):
                return False
    except ValueError:
        return False
    return True


def _proved(read: Read, size: int, init: Init, found: list[ParsedFragment]) -> SegmentFile:
    head, whole = init.head, found[-1].offset + found[-1].size
    sha, leaves, gop = hashlib.sha256(read(0, init.size)), Leaves(head.run.id, head.run.info), head.first_gop
    for fragment in found:
        data = read(fragment.offset, fragment.size)
        sha.update(data)
        index = fragment.index()
        if index.is_key:
            leaves.begin_gop(gop, index.wall_ns, index.dts_90k)
            gop += 1
        leaves.add(list(_samples(fragment, data, init)))
    entries = leaves.finish()
    fragments = tuple(fragment.index() for fragment in found)
    root = merkle.root([entry.leaf for entry in entries]).hex()
    tail = SegmentTail(_end_ns(fragments[-1]), root, entries, fragments)
    closed = False
    try:
        said_head, said = read_tail(read, whole, size)
        closed = (said_head, said.leaf_root, said.leaves) == (head, root, entries)
        closed = closed and said.fragments in ((), fragments)
        tail = said if closed else tail
    except FootageError:
        pass
    sha.update(read(whole, size - whole))
    segment = segment_of_file(head, tail, init.size, size, sha.hexdigest())
    return SegmentFile(head, tail, IndexedSegment(segment, fragments), whole, closed)


def _samples(fragment: ParsedFragment, data: bytes, init: Init) -> Iterator[Sample]:
    view = memoryview(data)
    for track, samples in fragment.tracks:
        hz = init.hz(track)
        for sample in samples:
            at = sample.offset - fragment.offset
            yield Sample(track, hz, sample.is_key, sample.pts, sample.dts, view[at : at + sample.size])


def _end_ns(last: Fragment) -> int:
    return last.wall_ns + ns_of_90k(last.duration_90k)


def segment_of_file(head: SegmentHead, tail: SegmentTail, init_bytes: int, size: int, sha256: str) -> Segment:
    """The row that a closed file makes."""
    run = head.run
    return Segment(
        run.id,
        head.number,
        run.stream,
        run.site,
        run.node,
        run.epoch,
        head.start_ns,
        tail.end_ns,
        SegmentState.SPOOLED,
        init_bytes=init_bytes,
        size_bytes=size,
        sha256=sha256,
        leaf_root=tail.leaf_root,
        previous_root=head.previous_root,
        first_gop=head.first_gop,
        gops=len(tail.leaves),
        rev=2,
    )
