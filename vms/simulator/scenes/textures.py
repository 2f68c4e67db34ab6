"""Noise that tiles, and surfaces of the ground seen through the camera: grass, asphalt, earth, water, sky."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator.scenes.world import Colour, View

TILE = 512
Field = NDArray[np.float32]


@cache
def noise(seed: int, octaves: tuple[int, ...] = (8, 16, 32, 64, 128)) -> Field:
    """A tile of TILE x TILE, about -1 to 1, that wraps; `octaves`: cells per side, each weaker than the one before."""
    rng = np.random.default_rng(seed)
    total = np.zeros((TILE, TILE), np.float32)
    weight, norm = 1.0, 0.0
    for cells in octaves:
        small = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        wrapped = np.pad(small, 2, mode="wrap")
        scale = TILE // cells
        big = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += big[2 * scale : 2 * scale + TILE, 2 * scale : 2 * scale + TILE] * weight
        norm += weight
        weight *= 0.72
    return np.asarray(total / norm * 1.6, dtype=np.float32)


def sample(tile: Field, x: Field, z: Field, metres: float, stretch: float = 1.0) -> Field:
    """The tile laid over the ground, one tile per `metres` along Z and `metres * stretch` along X."""
    u = np.mod(x * (TILE / (metres * stretch)), TILE).astype(np.float32)
    v = np.mod(z * (TILE / metres), TILE).astype(np.float32)
    return np.asarray(cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.float32)


class Ground:
    """The ground of a view, area by area, as a float BGR picture."""

    def __init__(self, view: View, seed: int) -> None:
        self.view = view
        self.x, self.z = view.ground()
        self.picture = np.zeros((view.height, view.width, 3), np.float32)
        # how much of a metre a pixel covers: far away the grain is averaged out, as an eye does
        footprint = self.z / (view.focal * view.width)
        self._near = np.clip(0.14 / np.maximum(footprint, 1e-3), 0, 1)
        self._air = (1 - np.exp(-np.clip(self.z, 0, 5000) / view.haze_m))[:, :, None]
        self._fine = sample(noise(seed, (32, 64, 128, 256)), self.x, self.z, 6.0)
        self._coarse = sample(noise(seed + 1, (4, 8, 16, 32)), self.x, self.z, 70.0)

    def fill(self, mask: Field, colour: Colour, fine: float, coarse: float) -> None:
        """Lay a surface where the mask (0 to 1) is: its colour, its grain, its patches."""
        x, y, w, h = cv2.boundingRect((mask > 0).astype(np.uint8))
        part = (slice(y, y + h), slice(x, x + w))
        tone = 1 + self._fine[part] * self._near[part] * fine + self._coarse[part] * coarse
        surface = tone[:, :, None] * np.array(colour, np.float32)
        haze = np.array(self.view.haze, np.float32)
        surface = surface + (haze - surface) * self._air[part]
        self.picture[part] += (surface - self.picture[part]) * mask[part][:, :, None]

    def water(self, mask: Field, colour: Colour, sky: Colour) -> None:
        """Water mirrors more of the sky the flatter one looks at it."""
        small = sample(noise(7, (16, 32, 64, 128)), self.x, self.z, 7.0, 2.2)
        swell = sample(noise(9, (8, 16, 32)), self.x, self.z, 26.0, 2.6)
        broad = sample(noise(8, (4, 8, 16)), self.x, self.z, 150.0, 3.0)
        flat = np.clip(1.05 - self.view.eye * 3.4 / np.maximum(self.z, 1.0), 0.0, 0.62)[:, :, None]
        surface = np.array(colour, np.float32) * (1 - flat) + np.array(sky, np.float32) * flat
        tone = 1 + small * self._near * 0.06 + swell * np.sqrt(self._near) * 0.045 + broad * 0.06
        surface = surface * tone[:, :, None]
        self.picture += (surface - self.picture) * mask[:, :, None]


def sky(view: View, zenith: Colour, low: Colour, seed: int) -> Field:
    """A tropical sky down to the horizon: brighter below, with soft, still clouds (height x width x 3)."""
    horizon = max(2.0, view.horizon())
    rows = np.clip(np.arange(view.height) / horizon, 0, 1).astype(np.float32)[:, None, None]
    picture = np.array(zenith, np.float32) * (1 - rows**1.4) + np.array(low, np.float32) * rows**1.4
    picture = np.broadcast_to(picture, (view.height, view.width, 3)).copy()
    columns = np.arange(view.width, dtype=np.float32)[None, :] / view.width * TILE * 0.9
    up = np.arange(view.height, dtype=np.float32)[:, None] / view.width * TILE * 2.6
    u, v = np.broadcast_arrays(columns, up)
    cloud = cv2.remap(noise(seed, (4, 8, 16, 32, 64)), u.copy(), v.copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    share = np.clip((cloud - 0.02) * 1.7, 0, 0.75)[:, :, None]
    return np.asarray(picture + (np.array((244, 242, 240), np.float32) - picture) * share, dtype=np.float32)
