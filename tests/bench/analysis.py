"""C11: faults of the picture found within two key frames, false alarms in hours of healthy scenes, CPU for each camera.

Two sets of twenty cameras: `twenty` are the simulator's scenes and variants by night, in rain, flipped and nearer, with
sway, noise and a codec's traces, which thresholds were chosen by; `apart` are others that nothing was tried out on.
Healthy cameras give an encoded key frame for every 2 s of their hours, decoded and looked at as a node does, without
waiting. VMS_BENCH_HOURS: another length of the healthy time of each camera.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2

from recorder.analysis.picture import one_thread
from recorder.analysis.sight import Sight
from tests.bench.report import Row
from tests.recorder.analysis.scenery import EVERY_S, FAULTS, Gray, Scenery, apart, twenty
from tests.recorder.analysis.trial import Trial, false_alarms, key_frame, trials
from tests.recorder.rig import camera
from vms.clock import NS_PER_S
from vms.domain.media import Codec

HOURS = float(os.environ.get("VMS_BENCH_HOURS", "2"))
LOOKS = 300


def healthy() -> list[Scenery]:
    """Eight cameras: through dusk and dawn at the speed of the sun, by day, by night, in rain, with trucks and people
    right before the lens."""
    return [
        Scenery("roundabout", seed=201, hour=17.2, people=True),
        Scenery("junction", seed=202, hour=4.8, people=True),
        Scenery("market", seed=203, hour=11, rain=True, people=True),
        Scenery("yard", seed=204, hour=20.5, people=True),
        Scenery("bridge", seed=205, hour=16, speed=4, people=True),
        Scenery("gate", seed=206, hour=17.2, rain=True, flipped=True, people=True),
        Scenery("landing", seed=207, hour=2, speed=4, people=True),
        Scenery("school", seed=208, hour=13, noise=6, zoom=1.6, people=True),
    ]


def healthy_apart() -> list[Scenery]:
    """Eight others, which nothing was tried out on."""
    return [
        Scenery("roundabout", seed=401, hour=9, zoom=1.8, upper=True, people=True),
        Scenery("market", seed=402, hour=17.3, flipped=True, people=True),
        Scenery("gate", seed=403, hour=4.9, noise=5, people=True),
        Scenery("school", seed=404, hour=22, rain=True, people=True),
        Scenery("yard", seed=405, hour=6, haze=0.5, speed=3, people=True),
        Scenery("landing", seed=406, hour=15, zoom=1.6, upper=True, flipped=True, people=True),
        Scenery("bridge", seed=407, hour=17.5, noise=6, people=True),
        Scenery("junction", seed=408, hour=12, rain=True, haze=0.3, people=True),
    ]


async def picture_health(_folder: Path) -> Sequence[Row]:
    """All of it; CPU alone, no part of a node is started. The cost is taken while nothing else runs."""
    cost = await asyncio.to_thread(_cost)
    return [*await asyncio.to_thread(_judged), *cost]


def _judged() -> list[Row]:
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=one_thread) as pool:
        found = pool.submit(trials, twenty()), pool.submit(trials, apart(), seed=1000)
        sets = healthy(), healthy_apart()
        false = [list(pool.map(partial(false_alarms, hours=HOURS), cameras)) for cameras in sets]
        done, others = (one.result() for one in found)
    rows = [_found("C11.found", "faults found within two key frames", done)]
    rows += [_found(f"C11.{name}", f"{name} found", [one for one in done if one.fault == name]) for name in FAULTS]
    rows.append(_found("C11.found_apart", "the same, twenty cameras that nothing was tried out on", others))
    for name, cameras, alarms in zip(("C11.false", "C11.false_apart"), sets, false, strict=True):
        rows.append(_alarms(name, cameras, alarms))
    return rows


def _found(name: str, words: str, done: Sequence[Trial]) -> Row:
    for one in done:
        if not one.is_found:
            print(f"{name}: {one}", flush=True)
    return Row(name, words, sum(one.is_found for one in done), "of n", len(done))


def _alarms(name: str, cameras: Sequence[Scenery], alarms: Sequence[Sequence[tuple[int, str]]]) -> Row:
    for one, told in zip(cameras, alarms, strict=True):
        for k, fault in told:
            print(f"{name}: {one.name} at key frame {k}: {fault}", flush=True)
    pictures = round(HOURS * 3600 / EVERY_S) * len(cameras)
    words = f"false alarms, {len(cameras)} healthy cameras for {HOURS:g} h"
    return Row(name, words, sum(map(len, alarms)), "", pictures)


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
