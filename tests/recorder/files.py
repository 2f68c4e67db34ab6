"""Segments written to disk without the Service, and what ffprobe, ffmpeg and PyAV say of a file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import av

from recorder.nal import to_lengths
from recorder.segmenter import CutOptions, Segmenter
from recorder.spool import Spool, SpoolOptions
from recorder.writer import Closed, RunWriter, Stopped, WriterEvent
from vms.domain.media import Packet, Run


def write_run(
    root: Path, run: Run, packets: Iterable[Packet], *, segment_s: float = 60.0, settle: bool = True
) -> tuple[Spool, list[WriterEvent]]:
    """Write a Run as the recorder would, and settle its Segments."""
    root.mkdir(parents=True, exist_ok=True)
    spool, events = Spool(SpoolOptions(root)), list[WriterEvent]()
    writer = RunWriter(run, spool, {"camera": "Pasar Besar"}, events.append)
    segmenter = Segmenter(run.info, CutOptions(segment_s=segment_s))
    for packet in packets:
        writer.append(segmenter.push(packet))
    writer.append(segmenter.finish())
    writer.stop()
    assert isinstance(events[-1], Stopped)
    for event in events:
        if settle and isinstance(event, Closed):
            spool.settle(event.part)
    return spool, events


def closed(events: Iterable[WriterEvent]) -> list[Closed]:
    """The Segments that were closed."""
    return [event for event in events if isinstance(event, Closed)]


def complaints(path: Path) -> str:
    """What ffprobe and a full decode by ffmpeg complain of."""
    said = ""
    for command in (
        ["ffprobe", "-v", "warning", "-count_packets", "-show_streams", "-of", "compact", str(path)],
        ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        said += done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")
    return said


def demuxed(path: Path) -> list[tuple[int, int, int, bool, bytes]]:
    """(stream, pts, dts, key, payload) of every sample, by libav."""
    with av.open(str(path)) as container:
        return [
            (p.stream.index, p.pts, p.dts, bool(p.is_keyframe), bytes(p))
            for p in container.demux()
            if p.dts is not None and p.size
        ]


def expected(packets: Iterable[Packet]) -> list[tuple[int, int, int, bool, bytes]]:
    """The same of video Packets as they were published."""
    return [(0, p.pts_90k, p.dts_90k, p.is_key, to_lengths(p.payload)) for p in packets if p.track == 0]
