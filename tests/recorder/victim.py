"""Processes that record three Streams in real time until killed: `python -m tests.recorder.victim FOLDER`.

For each line on stdin it forks one (all imports are done by then, no thread runs yet), which prints `ready PID` when it
records. Every Packet is written to FOLDER/sent before it is published: stream, run, dts.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from recorder.spool import Spool, SpoolOptions
from tests.recorder.rig import make_recording
from tests.recorder.synth import STREAM, make_run, packets, video_clip, video_track
from vms import logs
from vms.bus.hub import Hub
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import RunStarted
from vms.store import Catalogue

STREAMS = [StreamRef(STREAM.camera[:-1] + str(n), StreamName.MAIN) for n in (3, 4, 5)]
FRAME_S = 0.04


async def main(folder: Path) -> None:
    """Record until the end comes."""
    logs.configure("WARNING", json=True)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    hub, bus = Hub(SystemClock()), MemoryBus()
    recording = make_recording(catalogue, hub, bus, Spool(SpoolOptions(folder / "spool")), lambda: None, 1.0)
    task = asyncio.create_task(recording.run())
    while not recording.health().ok:
        await asyncio.sleep(0.005)
    sent = os.open(folder / "sent", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    track = video_track(video_clip(size=(32, 32)))
    runs = [make_run(track, start_ns=time.time_ns(), stream=stream) for stream in STREAMS]
    sources = [packets(run, video_clip(size=(32, 32)), seconds=60) for run in runs]
    for run in runs:
        hub.publish(RunStarted(run))
    sys.stdout.write(f"ready {os.getpid()}\n")
    sys.stdout.flush()
    began = time.monotonic()
    for n, together in enumerate(zip(*sources, strict=True)):
        for packet in together:
            os.write(sent, f"{packet.stream} {packet.run} {packet.dts_90k}\n".encode())
            hub.publish(packet)
        await asyncio.sleep(max(0.0, began + n * FRAME_S - time.monotonic()))
    recording.stop()
    await task


def fork_for_each_line(folder: Path) -> None:
    """One victim after the other."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(main(folder))
            os._exit(0)
        os.waitpid(pid, 0)
        sys.stdout.write("gone\n")
        sys.stdout.flush()


if __name__ == "__main__":
    video_clip(size=(32, 32))
    fork_for_each_line(Path(sys.argv[1]))
