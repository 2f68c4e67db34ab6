"""One recorded Stream: hub items in, jobs for the disk and rows out. Event loop only; the disk's work is in `writer`.

A Run is recorded from its first Packet to its end or to the first trouble, and then not again: where the trouble is
over in the middle of a Run, ingest is asked for a new one, so that no Run has a hole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from recorder.lane import Lane
from recorder.ledger import StreamLedger, cause_of
from recorder.sample_entries import sample_entry
from recorder.segmenter import Cut, CutOptions, Segmenter
from recorder.spool import PartFile, Spool, no_room
from recorder.writer import Closed, Opened, RunWriter, Stopped, WriterEvent
from vms import logs
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import StreamRef
from vms.domain.footage import IndexedSegment, Segment
from vms.domain.gap import Gap, GapCause
from vms.domain.media import EndReason, HubItem, Packet, Run, RunEnded, RunStarted, StreamState
from vms.errors import FootageError
from vms.service import Backoff

log = logs.get(__name__)

_LATE_NS = 250 * NS_PER_MS
# Of a camera whose Runs end all the time.
_LINGERING_MAX = 8


class Sink(Protocol):
    """Where a Stream's facts go."""

    def run(self, run: Run) -> None:
        """A Run's row."""

    def opened(self, segment: Segment) -> None:
        """A Segment's row when it opens."""

    def closed(self, closed: IndexedSegment, part: PartFile, known: Callable[[], None]) -> None:
        """Make it durable, then its row; `known` once the row is written."""

    def gap(self, gap: Gap) -> None:
        """A Gap's row."""

    def left(self, key: str, row: Segment | None, known: Callable[[], None]) -> None:
        """A `.part` to be closed later; `known` once it is."""

    def new_run(self, stream: StreamRef, run: str) -> None:
        """Ask ingest to end a Run and begin another."""


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What a Stream's recorder works with. `post` calls back on the event loop, from any thread. `linger_s`: how long a
    closed Segment stays in the hot tail once the catalogue of this Node has its row; that of others has it later."""

    clock: Clock
    spool: Spool
    sink: Sink
    cut: CutOptions
    post: Callable[[Callable[[], None]], None]
    linger_s: float = 0.0


class StreamRecorder:
    """See the module. `names` are written into the files from the next Run on."""

    def __init__(self, ledger: StreamLedger, lane: Lane, parts: StreamParts, names: Mapping[str, str]) -> None:
        self.stream = ledger.stream
        self.ledger = ledger
        self.names = names
        self._parts = parts
        self._lane = lane
        self._run: Run | None = None
        self._unended: Run | None = None
        self._segmenter: Segmenter | None = None
        self._writers: dict[str, RunWriter] = {}
        self._over: set[str] = set()
        self._lately: list[tuple[int, IndexedSegment]] = []
        self._causes: dict[str, GapCause | None] = {}
        self._fresh = False
        self._bad_run = ""
        self._held_ns: int | None = None
        self._suspended: GapCause | None = None
        self._retry_ns: int | None = None
        self._backoff = Backoff(base_s=1.0, cap_s=30.0)

    def take(self, item: HubItem, mono_ns: int) -> None:
        """The next item of the hub."""
        if isinstance(item, Packet):
            self._packet(item, mono_ns)
        elif isinstance(item, RunStarted):
            if self.ledger.wanted:
                self._begin(item.run)
        elif isinstance(item, RunEnded):
            self._end(item)
        else:
            self._state(item)

    def tick(self, mono_ns: int) -> None:
        """Several times a second: write what waits for a Packet that is late; try again what failed."""
        if self._segmenter is not None and self._held_ns is not None and mono_ns - self._held_ns > _LATE_NS:
            self._write(self._segmenter.flush(), mono_ns)
        if self._segmenter is None and self._run is not None and self._retry_ns is not None:
            self._retry(self._run, mono_ns)

    def suspend(self, cause: GapCause) -> None:
        """Record nothing until `allow`."""
        self._suspended = cause
        if self._segmenter is not None:
            self._stop(None, cause)
        elif self._run is not None:
            self._gaps(self.ledger.blocked(self._parts.clock.now_ns(), cause))

    def allow(self) -> None:
        """Record again, from a new Run on."""
        self._suspended = None
        if self._run is not None and self._segmenter is None and self._run.id != self._bad_run:
            self._retry_ns = self._parts.clock.mono_ns()

    def close(self, cause: GapCause) -> None:
        """End what is being written. The end of its Run is ingest's to tell, and is still taken."""
        if self._segmenter is not None:
            self._stop(None, cause)
        self._unended = self._run or self._unended
        self._run, self._retry_ns = None, None

    def cut(self) -> None:
        """End the open Segment at the next key frame: somebody wants to prove it."""
        if self._segmenter is not None:
            self._segmenter.cut_soon()

    def give_up(self) -> None:
        """This Run cannot be gone on with: end it, and ask for another in a while."""
        run = self._run
        self.close(GapCause.UNKNOWN)
        self._run = run
        self._retry_later()

    def event(self, event: WriterEvent) -> None:
        """What a writer tells."""
        if isinstance(event, Opened):
            self._parts.sink.opened(event.segment)
            self._gaps(self.ledger.opened(event.segment.start_ns))
        elif isinstance(event, Closed):
            self._backoff.reset()
            writer = self._writers[event.segment.segment.run]
            known = partial(self._known, writer, event.segment.segment.number, event.segment)
            self._parts.sink.closed(event.segment, event.part, known)
        else:
            self._stopped(event)

    def snapshots(self) -> list[IndexedSegment]:
        """The hot tail: Segments that the catalogue does not hold with their index yet; in a cluster also those that
        another Node's may not hold yet."""
        since_ns = self._parts.clock.mono_ns() - int(self._parts.linger_s * NS_PER_S)
        self._lately = [(known_ns, closed) for known_ns, closed in self._lately if known_ns > since_ns]
        writing = [found for writer in list(self._writers.values()) for found in writer.snapshots()]
        return [*(closed for _, closed in self._lately), *writing]

    def _begin(self, run: Run) -> None:
        if self._segmenter is not None:
            self._stop(None, GapCause.UNKNOWN)
        self._run, self._fresh, self._retry_ns = run, True, None
        self._parts.sink.run(run)
        try:
            for track in run.info.tracks:
                sample_entry(track)
        except FootageError as error:
            log.warning("a Run cannot be recorded", stream=str(self.stream), why=error.message)
            self._bad_run = run.id
        blocked = GapCause.STREAM_CORRUPT if run.id == self._bad_run else self._suspended
        self._gaps(self.ledger.arrived(run.start_ns, blocked))
        self._say_blocked(run)

    def _packet(self, packet: Packet, mono_ns: int) -> None:
        segmenter = self._segmenter
        if segmenter is None:
            segmenter = self._first(packet, mono_ns)
            if segmenter is None:
                return
        elif self._run is None or packet.run != self._run.id:
            return
        if packet.track == 0 and self._held_ns is None:
            self._held_ns = mono_ns
        cuts = segmenter.push(packet)
        if cuts:
            self._write(cuts, mono_ns)

    def _first(self, packet: Packet, mono_ns: int) -> Segmenter | None:
        run, fresh, self._fresh = self._run, self._fresh, False
        if run is None or not fresh or packet.run != run.id or run.id == self._bad_run or self._suspended:
            return None
        if packet.seq or not packet.is_key:
            self._retry_ns = mono_ns  # the recorder came in the middle of it
            return None
        tell = partial(self._tell, self._parts.post)
        self._writers[run.id] = RunWriter(run, self._parts.spool, self.names, tell)
        self._segmenter = Segmenter(run.info, self._parts.cut)
        return self._segmenter

    def _tell(self, post: Callable[[Callable[[], None]], None], event: WriterEvent) -> None:
        post(partial(self.event, event))

    def _write(self, cuts: Sequence[Cut], mono_ns: int) -> None:
        if self._run is None or self._segmenter is None:
            return
        weight = sum(len(packet.payload) for cut in cuts for packet in cut.video)
        self._lane.submit(partial(self._writers[self._run.id].append, cuts), weight)
        self._held_ns = mono_ns if self._segmenter.holds_video else None

    def _stop(self, end_ns: int | None, cause: GapCause | None) -> None:
        run, segmenter = self._run, self._segmenter
        if run is None or segmenter is None:
            return
        self._write(segmenter.finish(), 0)
        self._segmenter, self._held_ns = None, None
        self._causes[run.id] = cause
        self._lane.submit(partial(self._writers[run.id].stop, end_ns))

    def _end(self, ended: RunEnded) -> None:
        run = next((run for run in (self._run, self._unended) if run is not None and run.id == ended.run), None)
        if run is None:
            return
        self._unended = None
        if self._run is not run:
            self._say_ended(run, ended)
            return
        self._stop(ended.end_ns, cause_of(ended.reason))
        if ended.reason is EndReason.LEASE_LOST:  # said here too: its file may be closed before the state comes
            self._gaps(self.ledger.left(ended.end_ns))
        self._say_ended(run, ended)
        self._run, self._retry_ns = None, None

    def _say_ended(self, run: Run, ended: RunEnded) -> None:
        self._parts.sink.run(replace(run, end_ns=ended.end_ns, end_reason=ended.reason, rev=run.rev + 1))

    def _state(self, state: StreamState) -> None:
        self._gaps(self.ledger.state(state))

    def _stopped(self, event: Stopped) -> None:
        cause = self._causes.pop(event.run, None)
        if event.left is not None:
            known = partial(self._known, self._writers[event.run], event.left.number)
            self._parts.sink.left(event.left.key, event.left, known)
        if event.error is not None:
            cause = self._failed(event.run, event.error)
        self._gaps(self.ledger.ended(event.end_ns, cause))
        if event.error is not None and cause is not None:
            self._gaps(self.ledger.blocked(event.end_ns, cause))
        self._over.add(event.run)
        self._forget(event.run)
        if self._run is not None and self._run.id != event.run:
            self._say_blocked(self._run)

    def _say_blocked(self, run: Run) -> None:
        if run.id == self._bad_run:
            self._gaps(self.ledger.blocked(run.start_ns, GapCause.STREAM_CORRUPT))
        elif self._suspended is not None:
            self._gaps(self.ledger.blocked(run.start_ns, self._suspended))

    def _failed(self, run: str, error: Exception) -> GapCause:
        log.error("recording stopped", stream=str(self.stream), why=logs.redact(f"{type(error).__name__}: {error}"))
        if self._run is not None and self._run.id == run:
            self._segmenter, self._held_ns = None, None
            self._retry_later()
        if isinstance(error, OSError):
            return GapCause.SPOOL_FULL if no_room(error) else GapCause.DISK_ERROR
        return GapCause.STREAM_CORRUPT

    def _retry_later(self) -> None:
        self._retry_ns = self._parts.clock.mono_ns() + int(self._backoff.next_s() * NS_PER_S)

    def _retry(self, run: Run, mono_ns: int) -> None:
        if self._suspended is None and self._retry_ns is not None and mono_ns >= self._retry_ns:
            self._retry_later()
            self._parts.sink.new_run(self.stream, run.id)

    def _known(self, writer: RunWriter, number: int, closed: IndexedSegment | None = None) -> None:
        if closed is not None and self._parts.linger_s:
            self._lately = [*self._lately[-_LINGERING_MAX + 1 :], (self._parts.clock.mono_ns(), closed)]
        writer.settled(number)
        self._forget(writer.run.id)

    def _forget(self, run: str) -> None:
        writer = self._writers.get(run)
        if writer is not None and run in self._over and not writer.snapshots():
            del self._writers[run]
            self._over.discard(run)

    def _gaps(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            self._parts.sink.gap(gap)
