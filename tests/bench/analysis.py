"""C11: faults of the picture found within two key frames, false alarms in hours of healthy scenes, CPU for each camera.

Twenty cameras are the twelve scenes of the simulator and variants by night, in rain, flipped and nearer, with sway,
noise and a codec's traces; time is counted in key frames, one every 2 s, not waited for. VMS_BENCH_HOURS: another
length of the healthy time of each camera.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from recorder.analysis.sight import Sight
from tests.bench.report import Row
from tests.recorder.analysis.scenery import EVERY_S, FAULTS, Gray, Scenery, twenty
from tests.recorder.analysis.trial import false_alarms, key_frame, trials
from tests.recorder.rig import camera
from vms.clock import NS_PER_S
from vms.domain.media import Codec

HOURS = float(os.environ.get("VMS_BENCH_HOURS", "2"))
LOOKS = 120


def healthy() -> list[Scenery]:
    """Eight cameras: through dusk and dawn at the speed of the sun, by day, by night, in rain, with trucks."""
    return [
        Scenery("roundabout", seed=201, hour=17.2),
        Scenery("junction", seed=202, hour=4.8),
        Scenery("market", seed=203, hour=11, rain=True),
        Scenery("yard", seed=204, hour=20.5),
        Scenery("bridge", seed=205, hour=16, speed=4),
        Scenery("gate", seed=206, hour=17.2, rain=True, flipped=True),
        Scenery("landing", seed=207, hour=2, speed=4),
        Scenery("school", seed=208, hour=13, noise=6, zoom=1.6),
    ]


async def picture_health(_folder: Path) -> Sequence[Row]:
    """All of it; CPU alone, no part of a node is started."""
    return await asyncio.to_thread(lambda: [*_found(), _alarms(), *_cost()])


def _found() -> list[Row]:
    done = trials(twenty())
    rows = [
        Row("C11.found", "faults found within two key frames", sum(one.is_found for one in done), "of n", len(done))
    ]
    for fault in FAULTS:
        some = [one for one in done if one.fault == fault]
        rows.append(Row(f"C11.{fault}", f"{fault} found", sum(one.is_found for one in some), "of n", len(some)))
    return rows


def _alarms() -> Row:
    cameras = healthy()
    alarms = [(one.name, *alarm) for one in cameras for alarm in false_alarms(one, HOURS)]
    for name, k, fault in alarms:
        print(f"false alarm: {name} at key frame {k}: {fault}", flush=True)
    pictures = round(HOURS * 3600 / EVERY_S) * len(cameras)
    return Row("C11.false", f"false alarms, {len(cameras)} healthy cameras for {HOURS:g} h", len(alarms), "", pictures)


def _cost() -> list[Row]:
    small = [Scenery("roundabout", seed=301).next() for _ in range(12)]
    large: list[Gray] = [cv2.resize(one, (1920, 1080)).astype("uint8") for one in small]
    return [
        Row("C11.cpu", "CPU per camera, sub 640x360, a key frame every 2 s", _share(small), "% of a core", LOOKS),
        Row("C11.cpu_main", "the same without sub, main 1920x1080", _share(large), "% of a core", LOOKS),
    ]


def _share(pictures: list[Gray]) -> float:
    """Decoding and looking, in percent of a core."""
    frames, sight = [key_frame(one) for one in pictures], Sight(camera())
    for k in range(12):
        sight.look(Codec.H264, frames[k % len(frames)], int(k * EVERY_S * NS_PER_S))
    started = time.thread_time()
    for k in range(LOOKS):
        sight.look(Codec.H264, frames[k % len(frames)], int((k + 12) * EVERY_S * NS_PER_S))
    return (time.thread_time() - started) / LOOKS / EVERY_S * 100
