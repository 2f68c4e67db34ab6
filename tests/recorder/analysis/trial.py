"""Cameras put before the judge: how soon a fault is found, and what a healthy day is taken for. CPU alone, no clock."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from recorder.analysis.features import features
from recorder.analysis.health import Health
from recorder.analysis.sight import Sight
from tests.recorder.analysis.scenery import EVERY_S, FAULTS, HEIGHT, WIDTH, Broken, Gray, Scenery
from tests.recorder.rig import camera as registered
from vms.clock import NS_PER_S
from vms.domain.media import Codec

WITHIN = 2


def see(health: Health, luma: Gray, k: int) -> str | None:
    """The k-th key frame before the judge; what is wrong, None: nothing."""
    verdict = health.see(features(luma, zlib.crc32(luma.tobytes())), int(k * EVERY_S * NS_PER_S))
    return None if verdict.kind is None else verdict.kind.value.removeprefix("picture_")


@dataclass(frozen=True)
class Trial:
    """A camera of its number with a fault: what it was taken for within two key frames, and before the fault."""

    fault: str
    number: int
    taken_for: str | None
    before: str | None

    @property
    def is_found(self) -> bool:
        """That fault and nothing before. A cover that lets no light in gives a black picture."""
        alike = {self.fault, "black"} if self.fault == "covered" else {self.fault}
        return self.taken_for in alike and self.before is None


def trials(cameras: Sequence[Scenery], *, learn: int = 30, seed: int = 0) -> list[Trial]:
    """Each camera with each fault. A frozen picture is the last good one again, which is no fault the first time."""
    found = []
    for fault in FAULTS:
        for number, camera in enumerate(cameras):
            health, before, taken = Health(), None, None
            for k in range(learn):
                before = see(health, camera.next(), k) or before
            broken = Broken(camera, fault, seed=seed + number)
            if fault == "frozen":
                before = see(health, broken.next(), learn) or before
            for k in range(WITHIN):
                taken = see(health, broken.next(), learn + 1 + k)
            found.append(Trial(fault, number, taken, before))
    return found


def false_alarms(camera: Scenery, hours: float) -> list[tuple[int, str]]:
    """What a healthy camera was taken for in that time: (key frame, fault). Its pictures go the way of a real one's:
    encoded as a sub stream's key frames, decoded and looked at; only nobody waits 2 s for the next."""
    sight, made, open_, alarms = Sight(registered()), encoder(), None, []
    for k in range(round(hours * 3600 / EVERY_S)):
        verdict = sight.look(Codec.H264, encoded(made, camera.next()), int(k * EVERY_S * NS_PER_S)).verdict
        taken = None if verdict.kind is None else verdict.kind.value.removeprefix("picture_")
        if taken is not None and taken != open_:
            alarms.append((k, taken))
        open_ = taken
    return alarms


def encoder(width: int = WIDTH, height: int = HEIGHT) -> VideoCodecContext:
    """H.264 of key frames alone, as a sub stream has them."""
    made = av.CodecContext.create("libx264", "w")
    assert isinstance(made, VideoCodecContext)
    made.width, made.height, made.pix_fmt = width, height, "yuv420p"
    made.time_base, made.framerate, made.thread_count = Fraction(1, 25), Fraction(25), 1
    made.options = {
        "preset": "superfast", "tune": "zerolatency", "crf": "28", "x264-params": "keyint=1:repeat-headers=1:threads=1",
    }  # fmt: skip
    return made


def encoded(made: VideoCodecContext, luma: Gray) -> bytes:
    """An Annex-B key frame of that picture, grey."""
    planes = np.concatenate((luma, np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)))
    return b"".join(bytes(packet) for packet in made.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))


def key_frame(luma: Gray) -> bytes:
    """The same by an encoder of its own."""
    made = encoder(luma.shape[1], luma.shape[0])
    return encoded(made, luma) + b"".join(bytes(packet) for packet in made.encode(None))
