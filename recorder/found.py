"""What an object in a Store says of itself: a Segment with its index, its Run; from its closing box or from all bytes.
Blocks; an executor's threads. What it says is believed only where all of it agrees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from recorder import fmp4_read
from recorder.boxes import FOOTAGE_UUID
from recorder.examine import examine, segment_of_file
from recorder.provenance import SegmentHead, SegmentTail, decode_tail
from vms.domain.footage import Fragment, Segment, SegmentState
from vms.domain.media import Run
from vms.errors import FootageError
from vms.objects.base import ObjectInfo, ObjectStore

_TAIL_BYTES = 128 << 10
_BLOCK_BYTES = 8 << 20
STORED_REV = 3
"""The rev of a Segment that was opened, closed and stored without trouble."""


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A Segment as its object tells it; `run` as it was when it began."""

    segment: Segment
    fragments: tuple[Fragment, ...]
    run: Run
    modified_ns: int


def found_segment(store: ObjectStore, listed: ObjectInfo, *, deep: bool = False) -> FoundSegment:
    """Two requests, of which one reads the last 128 KB; all of the object with `deep`. FootageError: it is no Segment,
    or not the one that its name and metadata say. ObjectError."""
    info = store.stat(listed.key)
    if deep:
        head, tail, fragments, sha256 = _whole(store, info)
    else:
        head, tail, fragments = _closing(store, info)
        sha256 = info.sha256
        if not sha256:
            sha256 = _sha256(store, info)
    segment = segment_of_file(head, tail, fragments[0].offset_bytes, info.size_bytes, sha256)
    segment = _checked(segment, info)
    return FoundSegment(segment, fragments, head.run, info.modified_ns)


def _checked(segment: Segment, info: ObjectInfo) -> Segment:
    if segment.key != info.key:
        raise FootageError(f"it lies under another name than its own, which is {segment.key}")
    if info.sha256 and info.sha256 != segment.sha256:
        raise FootageError("its bytes are not those that were stored")
    said = info.metadata
    for name, value in (("run", segment.run), ("number", str(segment.number)), ("leaf-root", segment.leaf_root)):
        if said.get(name, value) != value:
            raise FootageError(f"its metadata say another {name} than its closing box")
    return replace(segment, state=SegmentState.STORED, rev=STORED_REV)


def _closing(store: ObjectStore, info: ObjectInfo) -> tuple[SegmentHead, SegmentTail, tuple[Fragment, ...]]:
    at = max(0, info.size_bytes - _TAIL_BYTES)
    data = store.get(info.key, at)
    start = closing_box_start(data)
    if start is None:
        return _read(lambda offset, length: store.get(info.key, offset, length), info.size_bytes)
    head, tail = decode_tail(data[start + 24 :])
    if not tail.fragments:  # a file of before the index was kept in it
        body = store.get(info.key)
        return _read(lambda offset, length: body[offset : offset + length], info.size_bytes)
    last = tail.fragments[-1]
    if last.offset_bytes + last.size_bytes != at + start or tail.fragments[0].offset_bytes <= 0:
        raise FootageError("its index does not fit its size")
    return head, tail, tail.fragments


def closing_box_start(data: bytes) -> int | None:
    """Where the uuid box begins that ends with the file."""
    at = len(data)
    while (at := data.rfind(b"uuid" + FOOTAGE_UUID, 0, at)) >= 4:
        if int.from_bytes(data[at - 4 : at], "big") == len(data) - at + 4:
            return at - 4
    return None


def _read(read: Callable[[int, int], bytes], size: int) -> tuple[SegmentHead, SegmentTail, tuple[Fragment, ...]]:
    """Box by box."""
    init = fmp4_read.read_init(read)
    fragments = tuple(one.index() for one in fmp4_read.fragments(read, size, init))
    if not fragments:
        raise FootageError("a Segment without a fragment")
    head, tail = fmp4_read.read_tail(read, fragments[-1].offset_bytes + fragments[-1].size_bytes, size)
    return head, tail, fragments


def _whole(store: ObjectStore, info: ObjectInfo) -> tuple[SegmentHead, SegmentTail, tuple[Fragment, ...], str]:
    with TemporaryDirectory(prefix="vms-segment-") as folder:
        path = Path(folder) / "segment.mp4"
        with path.open("wb") as file:
            for offset in range(0, info.size_bytes, _BLOCK_BYTES):
                file.write(store.get(info.key, offset, _BLOCK_BYTES))
        found = examine(path)
    if found is None or not found.closed:
        raise FootageError("its samples are not those that it was closed with")
    return found.head, found.tail, found.segment.fragments, found.segment.segment.sha256


def _sha256(store: ObjectStore, info: ObjectInfo) -> str:
    digest = hashlib.sha256()
    for offset in range(0, info.size_bytes, _BLOCK_BYTES):
        digest.update(store.get(info.key, offset, _BLOCK_BYTES))
    return digest.hexdigest()
