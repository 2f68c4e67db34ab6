"""What has been published of the Run under way: enough to end it properly, whatever became of the thread. Loop only."""

from __future__ import annotations

from ingest.runs import ns_of
from vms import metrics
from vms.clock import NS_PER_S
from vms.domain.media import CLOCK_HZ, EndReason, Packet, Run, RunEnded

DEFAULT_FRAME_NS = NS_PER_S // 25
_PACKETS = (metrics.PACKETS.labels("video"), metrics.PACKETS.labels("audio"))
_BYTES = (metrics.PACKET_BYTES.labels("video"), metrics.PACKET_BYTES.labels("audio"))


class RunTail:
    """Follows one Run at a time. Counters of the process are fed at key frames, not per Packet: they take a lock."""

    __slots__ = ("_before", "_bytes", "_counts", "_last", "_packets", "run")

    def __init__(self) -> None:
        self.run: Run | None = None
        self._packets = 0
        self._counts = [0, 0]
        self._bytes = [0, 0]
        self._last: Packet | None = None
        self._before: Packet | None = None

    def begin(self, run: Run) -> None:
        """A Run begins."""
        self.run = run
        self._packets = 0
        self._last = self._before = None

    def add(self, packet: Packet) -> None:
        """A Packet of it was published."""
        self._packets += 1
        self._counts[packet.track] += 1
        self._bytes[packet.track] += len(packet.payload)
        if packet.track == 0:
            self._before, self._last = self._last, packet
            if packet.is_key:
                self._count()

    def end(self, reason: EndReason) -> RunEnded | None:
        """The end of the Run under way, None where there is none."""
        run, self.run = self.run, None
        if run is None:
            return None
        self._count()
        metrics.RUN_ENDS.labels(reason).inc()
        return RunEnded(run.stream, run.id, self._end_ns(run), reason, self._packets)

    def _end_ns(self, run: Run) -> int:
        if self._last is None:
            return run.start_ns
        frame_ns = DEFAULT_FRAME_NS
        if self._before is not None and self._last.dts_90k - self._before.dts_90k < CLOCK_HZ:
            frame_ns = ns_of(self._last.dts_90k - self._before.dts_90k)
        return self._last.wall_ns + frame_ns

    def _count(self) -> None:
        for track in (0, 1):
            if self._counts[track]:
                _PACKETS[track].inc(self._counts[track])
                _BYTES[track].inc(self._bytes[track])
                self._counts[track] = self._bytes[track] = 0
