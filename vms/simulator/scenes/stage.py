"""A scene in motion: a still ground with sensor noise, moving things laid over it by depth, and the camera's writing.

`frame(k)` is periodic in the loop, so that the end meets the start. Used in the encoding processes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator.scenes.caption import Caption
from vms.simulator.scenes.sprites import Frame, Plane, Sprite, lay, planes

_GRAINS = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A sprite at its place (top left, luma pixels). Greater `depth` is drawn earlier."""

    depth: float
    image: Sprite
    x: int
    y: int


class Actor(Protocol):
    """Something that moves."""

    def at(self, phase: float) -> Iterable[Placed]:
        """Where it is at that phase of the loop, 0 up to 1."""


class Effect(Protocol):
    """Something that changes the ground itself."""

    def apply(self, frame: Frame, phase: float) -> None:
        """Change the frame for that phase."""


class Stage:
    """A scene at a size. `ground` is BGR, height x width."""

    def __init__(
        self,
        ground: NDArray[np.uint8],
        actors: Sequence[Actor],
        caption: Caption,
        loop_frames: int,
        effects: Sequence[Effect] = (),
    ) -> None:
        self._effects = list(effects)
        self._height, self._width = ground.shape[:2]
        self._actors = list(actors)
        self._caption = caption
        self._loop_frames = loop_frames
        base = cv2.cvtColor(ground, cv2.COLOR_BGR2YUV_I420).astype(np.uint8)
        self._grounds = [_grain(base, self._height, seed) for seed in range(_GRAINS)]

    def frame(self, k: int) -> Plane:
        """The k-th picture of the loop as I420, height*3/2 x width."""
        picture = self._grounds[k % _GRAINS].copy()
        frame = planes(picture, self._width, self._height)
        phase = k / self._loop_frames
        for effect in self._effects:
            effect.apply(frame, phase)
        placed = [item for actor in self._actors for item in actor.at(phase)]
        placed.sort(key=lambda item: -item.depth)
        for item in placed:
            lay(frame, item.image, item.x, item.y)
        self._caption.write(frame, k)
        return picture


def _grain(base: Plane, height: int, seed: int) -> Plane:
    """A copy with the noise of a sensor: a still picture that is repeated exactly looks dead and encodes to nothing."""
    picture = base.copy()
    luma = picture[:height].astype(np.float32)
    noise = np.random.default_rng(seed).normal(0.0, 1.0, luma.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 3.2
    picture[:height] = np.clip(luma + noise, 16, 235).astype(np.uint8)
    return picture
