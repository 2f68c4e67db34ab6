"""Segments on a shelf: real files by the recorder's own writer, rows in a catalogue, bytes in Stores or the spool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recorder.segmenter import CutOptions, Segmenter
from recorder.spool import Spool, SpoolOptions
from recorder.writer import Closed, RunWriter, WriterEvent
from tests.recorder.synth import SITE, STREAM
from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.domain.camera import Camera, Site, Stream, StreamName, StreamRef
from vms.domain.footage import IndexedSegment, SegmentState
from vms.domain.media import Packet, Run
from vms.objects.base import ObjectStore
from vms.store import Catalogue

REGISTERED_NS = 1_789_999_990_000_000_000


def written(
    run: Run, packets: Iterable[Packet], spool: Spool, *, segment_s: float = 2.0, close: bool = True
) -> list[IndexedSegment]:
    """Packets of a Run as Segments in a spool; `close` False leaves the last one open, as the hot tail shows it."""
    told: list[WriterEvent] = []
    writer = RunWriter(run, spool, {"camera": "Pasar Besar"}, told.append)
    segmenter = Segmenter(run.info, CutOptions(segment_s=segment_s))
    for packet in packets:
        writer.append(segmenter.push(packet))
    writer.append(segmenter.finish())
    tail = [] if close else writer.snapshots()[-1:]
    if close:
        writer.stop()
    closed = [event for event in told if isinstance(event, Closed)]
    for event in closed:
        spool.settle(event.part)
    return [*(event.segment for event in closed), *tail]


@dataclass
class Shelf:
    """A catalogue with one camera, a spool, and who answers for it on the bus."""

    catalogue: Catalogue
    bus: MemoryBus
    spool: Spool
    stores: dict[str, ObjectStore]
    hot: list[IndexedSegment]
    asked: list[str]

    async def record(
        self, run: Run, packets: Iterable[Packet], *, segment_s: float = 2.0, close: bool = True, store: str = "home"
    ) -> list[IndexedSegment]:
        """Record a Run: rows, indices, and bytes in a Store ("" leaves them in the spool)."""
        found = written(run, packets, self.spool, segment_s=segment_s, close=close)
        await self.catalogue.runs.put(run)
        for one in found:
            if one.segment.state is SegmentState.OPEN:
                self.hot.append(one)
                await self.catalogue.segments.put(replace(one.segment, end_ns=one.segment.start_ns))
            else:
                await self.catalogue.segments.put(one.segment, one.fragments)
                if store:
                    await self.store(one, store)
        return found

    async def store(self, one: IndexedSegment, name: str = "home") -> None:
        """Move a Segment from the spool to a Store."""
        segment = one.segment
        self.stores[name].put_file(
            segment.key,
            self.spool.path(segment.key),
            sha256=segment.sha256,
            metadata={},
            content_type="video/mp4",
        )
        await self.catalogue.segments.put(replace(segment, state=SegmentState.STORED, rev=3))
        self.spool.remove(segment.key)

    async def _range(self, value: Value) -> Value:
        self.asked.append(value["key"])
        return {"data": self.spool.read(value["key"], value["offset"], value["length"])}

    async def _snapshots(self, _value: Value) -> Value:
        return {"segments": list(self.hot)}

    @classmethod
    async def build(cls, folder: Path, stores: dict[str, ObjectStore], node: str) -> Shelf:
        """A new one."""
        catalogue = await Catalogue.open(f"sqlite:///{folder / 'vms.db'}", key=bytes(32))
        await catalogue.sites.put(Site(SITE, "sampit", "Sampit"))
        await catalogue.cameras.add(camera())
        bus = MemoryBus()
        shelf = cls(catalogue, bus, Spool(SpoolOptions(folder / "spool")), stores, [], [])
        shelf.spool.root.mkdir(parents=True, exist_ok=True)
        bus.serve(f"recorder.range.{node}", shelf._range)
        bus.serve(f"recorder.hot.{STREAM.camera}.{STREAM.name}", shelf._snapshots)
        return shelf

    async def close(self) -> None:
        """Give everything back."""
        await self.bus.close()
        await self.catalogue.close()


def camera(streams: Sequence[StreamName] = (StreamName.MAIN,)) -> Camera:
    """The camera of the samples."""
    made = tuple(Stream(StreamRef(STREAM.camera, name), f"rtsp://192.0.2.1/{name}") for name in streams)
    return Camera(STREAM.camera, SITE, "sampit-pasar-01", "Pasar Besar", made, registered_ns=REGISTERED_NS)
