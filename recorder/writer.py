"""Writes one Run to the spool: cuts in, Segments out, each with its index, hashes and leaves. Disk executor only.

One writer a Run; its jobs run one after the other, in any thread of the executor. A disk error stops it for good: what
is whole on the disk stays, and the caller hears of it once. Where a Segment is closed the next one begins at once;
making the closed one durable is `Spool.settle`'s, on another executor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from recorder.fmp4 import TrackRun, closing_box, fragment_head, init_bytes, ns_of_90k, ticks
from recorder.leaves import Leaves
from recorder.nal import to_lengths
from recorder.provenance import SegmentHead, SegmentTail
from recorder.segmenter import Cut
from recorder.spool import PartFile, Spool
from vms.domain.footage import Fragment, IndexedSegment, Segment, SegmentState, footage_key
from vms.domain.media import CLOCK_HZ, Codec, Run
from vms.proof import chain, merkle
from vms.proof.leaf import Buffer, Sample

_AAC_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """The first fragment of a Segment is in its file."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class Closed:
    """A Segment's bytes are complete, not yet durable."""

    segment: IndexedSegment
    part: PartFile


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is written any more from `end_ns` on. `error`: what the disk said (OSError) or why the Run cannot be
    written (others), None when it was asked to stop. `left`: a Segment whose `.part` could not be closed."""

    run: str
    end_ns: int
    error: Exception | None = None
    left: Segment | None = None


WriterEvent = Opened | Closed | Stopped
Tell = Callable[[WriterEvent], None]


class SegmentInProgress:
    """One open Segment: its file, index, hash and leaves."""

    def __init__(self, head: SegmentHead, part: PartFile, init: bytes) -> None:
        self.head = head
        self.part = part
        self.leaves = Leaves(head.run.id, head.run.info)
        self.fragments: list[Fragment] = []
        self.gops = 0
        self._init = init
        self._sha = hashlib.sha256()

    def append(self, cut: Cut, runs: Sequence[TrackRun]) -> None:
        """Write one fragment; after an OSError nothing of it counts."""
        first = cut.video[0]
        head = fragment_head(len(self.fragments) + 1, first.wall_ns, runs)
        lead = b"" if self.fragments else self._init
        payloads = [sample.payload for run in runs for sample in run.samples]
        data = b"".join([lead, head, *payloads])
        at = self.part.size + len(lead)
        self.part.append(data)
        self._sha.update(data)
        if first.is_key:
            self.leaves.begin_gop(cut.gop, first.wall_ns, first.dts_90k)
            self.gops += 1
        self.leaves.add([sample for run in runs for sample in run.samples])
        size = self.part.size - at
        self.fragments.append(Fragment(at, size, first.dts_90k, runs[0].duration, first.wall_ns, first.is_key))

    def snapshot(self) -> IndexedSegment | None:
        """What is in the file so far; any thread. None before the first fragment."""
        fragments = tuple(self.fragments)
        if not fragments:
            return None
        last, run = fragments[-1], self.head.run
        segment = Segment(
            run.id,
            self.head.number,
            run.stream,
            run.site,
            run.node,
            run.epoch,
            self.head.start_ns,
            last.wall_ns + ns_of_90k(last.duration_90k),
            SegmentState.OPEN,
            init_bytes=len(self._init),
            size_bytes=last.offset_bytes + last.size_bytes,
            previous_root=self.head.previous_root,
            first_gop=self.head.first_gop,
            gops=sum(fragment.is_key for fragment in fragments),
        )
        return IndexedSegment(segment, fragments)

    @property
    def end_ns(self) -> int:
        """Wall time at the end of the last fragment."""
        last = self.fragments[-1]
        return last.wall_ns + ns_of_90k(last.duration_90k)

    def close(self, end_ns: int) -> tuple[IndexedSegment, bytes]:
        """The finished Segment and its closing box, which is not written yet."""
        leaves = self.leaves.finish()
        root = merkle.root([entry.leaf for entry in leaves]).hex()
        found = self.snapshot()
        if found is None:
            raise ValueError("a Segment without a fragment cannot be closed")
        box = closing_box(self.head, SegmentTail(end_ns, root, leaves, found.fragments))
        sha = self._sha.copy()
        sha.update(box)
        segment = replace(
            found.segment,
            end_ns=end_ns,
            state=SegmentState.SPOOLED,
            size_bytes=found.segment.size_bytes + len(box),
            sha256=sha.hexdigest(),
            leaf_root=root,
            rev=2,
        )
        return IndexedSegment(segment, found.fragments), box


class RunWriter:
    """See the module. `tell` is called from the executor's thread."""

    def __init__(self, run: Run, spool: Spool, names: Mapping[str, str], tell: Tell) -> None:
        self.run = run
        self._spool = spool
        self._names = dict(names)
        self._tell = tell
        self._hz = {track.number: ticks(track) for track in run.info.tracks}
        self._last_audio = {
            track.number: _AAC_SAMPLES if track.codec is Codec.AAC else 0 for track in run.info.tracks[1:]
        }
        self._number = 0
        self._previous_root = ""
        self._end_ns = run.start_ns
        self._current: SegmentInProgress | None = None
        self._closing: dict[int, IndexedSegment] = {}
        self._stopped = False

    def append(self, cuts: Sequence[Cut]) -> None:
        """Write fragments; the first opens a Segment."""
        for cut in cuts:
            if self._stopped:
                return
            try:
                self._append(cut)
            except Exception as error:  # noqa: BLE001 - a Stream that cannot be written must be a Gap, never a silence
                self._fail(error)

    def stop(self, end_ns: int | None = None) -> None:
        """Close the open Segment, at `end_ns` where the caller knows it better than the last fragment."""
        if self._stopped:
            return
        current, at = self._current, self._end_ns
        if current is not None:
            at = current.end_ns if end_ns is None else max(end_ns, current.fragments[-1].wall_ns + 1)
            try:
                self._close(current, at)
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(error)
                return
        self._stopped = True
        self._tell(Stopped(self.run.id, at))

    def snapshots(self) -> list[IndexedSegment]:
        """What is closed but not `settled`, and the open Segment, all as `open`; any thread."""
        current = self._current
        found = [*self._closing.values(), *([] if current is None else [current.snapshot()])]
        return sorted(
            (IndexedSegment(as_open(one.segment), one.fragments) for one in found if one is not None),
            key=lambda one: one.segment.number,
        )

    def settled(self, number: int) -> None:
        """The catalogue knows a closed Segment; any thread."""
        self._closing.pop(number, None)

    def _append(self, cut: Cut) -> None:
        current = self._current
        if current is not None and cut.opens_segment:
            self._close(current, cut.video[0].wall_ns)
            current = None
        runs = self._runs(cut)
        if current is None:
            current = self._open(cut)
            try:
                current.append(cut, runs)
            except Exception:
                self._spool.discard(current.part)
                raise
            self._current = current
            found = current.snapshot()
            if found is not None:
                self._tell(Opened(found.segment))
        else:
            current.append(cut, runs)

    def _open(self, cut: Cut) -> SegmentInProgress:
        start_ns = cut.video[0].wall_ns
        head = SegmentHead(self.run, self._number, cut.gop, start_ns, self._previous_root, self._names)
        init = init_bytes(self.run.info, head)
        part = self._spool.create(footage_key(self.run.site, self.run.stream, start_ns, self.run.id))
        return SegmentInProgress(head, part, init)

    def _close(self, current: SegmentInProgress, end_ns: int) -> None:
        closed, box = current.close(end_ns)
        current.part.append(box)
        segment = closed.segment
        self._number += 1
        self._previous_root = chain.head(segment.run, segment.number, segment.previous_root, segment.leaf_root)
        self._end_ns = end_ns
        self._closing[closed.segment.number] = closed
        self._current = None
        self._tell(Closed(closed, current.part))

    def _fail(self, error: Exception) -> None:
        """Leave the file to be closed later by who reads it; until then it is the hot tail."""
        current, self._stopped, left = self._current, True, None
        found = None if current is None else current.snapshot()
        if current is not None and found is not None:
            self._end_ns, left = current.end_ns, found.segment
            self._closing[left.number] = found
            self._spool.abandon(current.part)
        self._current = None
        self._tell(Stopped(self.run.id, self._end_ns, error, left))

    def _runs(self, cut: Cut) -> list[TrackRun]:
        video = [Sample(0, CLOCK_HZ, p.is_key, p.pts_90k, p.dts_90k, to_lengths(p.payload)) for p in cut.video]
        runs = [TrackRun(video, cut.last_duration_90k)]
        for track, usual in self._last_audio.items():
            found = [
                Sample(track, self._hz[track], True, dts, dts, packet.payload)
                for dts, packet in cut.audio
                if packet.track == track
            ]
            if found:
                runs.append(TrackRun(found, usual or _g711_samples(found[-1].payload, self._channels(track))))
        return runs

    def _channels(self, track: int) -> int:
        return self.run.info.tracks[track].channels or 1


def _g711_samples(payload: Buffer, channels: int) -> int:
    return max(1, len(payload) // channels)


def as_open(segment: Segment) -> Segment:
    """A Segment as the hot tail shows it."""
    return replace(segment, state=SegmentState.OPEN, sha256="", leaf_root="", rev=1)
