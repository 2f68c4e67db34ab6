"""Things that move: travellers along paths, things that stand in front and wave, clouds, and the glitter of water.

All of it is periodic in the loop. Sprites are painted once for a number of places along the path, in true perspective.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator.scenes.sprites import Frame, Plane, Sprite, sprite
from vms.simulator.scenes.stage import Placed
from vms.simulator.scenes.textures import TILE, noise
from vms.simulator.scenes.world import Model, View, paint, place, shadow

_OVERSIZE = 3
_SHADE = 0.42
_FADE_BEYOND_M = 18.0
Path = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A painted model: where its picture lies relative to the pixel of its place on the ground."""

    image: Sprite
    dx: float
    dy: float


def cut(view: View, model: Model, at: tuple[float, float], *, shade: bool, fade: float = 1.0) -> Cut | None:
    """Paint the placed model and cut it out, shadow included; None where nothing of it is in the picture."""
    big = view.scaled(_OVERSIZE)
    points = np.concatenate([face.points for face in model])
    if shade:
        fallen = points.copy()
        fallen[:, 1] = 0
        fallen[:, 0] += points[:, 1] * 0.6
        fallen[:, 2] += points[:, 1] * 0.5
        points = np.concatenate([points, fallen])
    camera = view.camera(points)
    if float(camera[:, 2].min()) < 1.0:
        return None
    pixels = view.pixels(camera)
    left, top = np.floor(pixels.min(axis=0)).astype(int) - 3
    right, bottom = np.ceil(pixels.max(axis=0)).astype(int) + 3
    left, top = max(left, -40), max(top, -40)
    right, bottom = min(right, view.width + 40), min(bottom, view.height + 40)
    if right - left < 2 or bottom - top < 2 or right <= 0 or left >= view.width or bottom <= 0 or top >= view.height:
        return None
    window = _Window(big, left * _OVERSIZE, top * _OVERSIZE)
    size = ((bottom - top) * _OVERSIZE, (right - left) * _OVERSIZE)
    canvas = np.zeros((*size, 4), np.uint8)
    if shade:
        mask = np.zeros(size, np.uint8)
        shadow(mask, window, model)
        soft = cv2.blur(mask, (5, 5))
        canvas[:] = cv2.merge([cv2.convertScaleAbs(soft, alpha=_SHADE * share) for share in (0.15, 0.14, 0.13, 1.0)])
    paint(canvas, window, model)
    bgra = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if fade < 1:
        bgra = cv2.convertScaleAbs(bgra, alpha=fade).astype(np.uint8)
    x, y, _ = view.project(at[0], 0, at[1])
    return Cut(sprite(bgra), left - x, top - y)


class _Window(View):
    """A view whose pixels are counted from a corner of its own."""

    def __init__(self, view: View, left: int, top: int) -> None:
        super().__init__(view.width, view.height, view.eye, view.pitch, view.focal, view.haze, view.haze_m)
        object.__setattr__(self, "_corner", np.array([left, top], np.float64))

    def pixels(self, camera: NDArray[np.float64]) -> NDArray[np.float64]:
        corner: NDArray[np.float64] = self.__dict__["_corner"]
        return super().pixels(camera) - corner


class Traveller:
    """Follows a path on the ground. `start` and `lasts` are shares of the loop; `halts` are (share of its time, share
    of its way) pairs between which it moves evenly, so that two of equal way are a stop. `models` is one model, or the
    pictures of a walk of `stride_m` metres."""

    def __init__(
        self,
        view: View,
        models: Sequence[Model],
        path: Path,
        *,
        start: float = 0.0,
        lasts: float = 1.0,
        places: int = 40,
        halts: Sequence[tuple[float, float]] = (),
        stride_m: float = 1.3,
        fade: bool = False,
        shade: bool = True,
    ) -> None:
        self._view = view
        self._start, self._lasts = start, lasts
        self._times = [0.0, *(time for time, _ in halts), 1.0]
        self._ways = [0.0, *(way for _, way in halts), 1.0]
        self._points = np.array(path, np.float64)
        steps = np.hypot(*np.diff(self._points, axis=0).T)
        self._along = np.concatenate([[0.0], np.cumsum(steps)])
        self._turns = max(1, round(self._along[-1] / stride_m)) * (1 if len(models) > 1 else 0)
        self._models, self._places = models, places
        self._fade, self._shade = fade, shade
        self._cuts: dict[tuple[int, int], Cut | None] = {}

    def at(self, phase: float) -> Iterator[Placed]:
        """Where it is, if it is anywhere."""
        time = ((phase - self._start) % 1.0) / self._lasts
        if time >= 1:
            return
        i = min(bisect_right(self._times, time), len(self._times) - 1)
        t0, t1, w0, w1 = self._times[i - 1], self._times[i], self._ways[i - 1], self._ways[i]
        way = w0 + (w1 - w0) * (time - t0) / max(t1 - t0, 1e-9)
        place_now = min(int(way * self._places), self._places - 1)
        found = self._cut(place_now, int(way * self._turns * len(self._models)) % len(self._models))
        if found is None:
            return
        x, z, _ = self._where(way)
        pixel_x, pixel_y, depth = self._view.project(x, 0, z)
        yield Placed(depth, found.image, round(pixel_x + found.dx), round(pixel_y + found.dy))

    def _cut(self, index: int, step: int) -> Cut | None:
        """Its picture at a place of the path, painted when it is first needed."""
        if (index, step) not in self._cuts:
            x, z, heading = self._where((index + 0.5) / self._places)
            # near the eye a ghost is worse than a sudden start, and paths that end there end outside the picture
            fades = self._fade and z > _FADE_BEYOND_M
            ends = min(1.0, (min(index, self._places - 1 - index) + 0.5) / 1.5) if fades else 1.0
            model = place(self._models[step], x, z, heading)
            self._cuts[index, step] = cut(self._view, model, (x, z), shade=self._shade, fade=ends)
        return self._cuts[index, step]

    def _where(self, way: float) -> tuple[float, float, float]:
        """(x, z, heading in degrees) at a share of the way."""
        reach = way * self._along[-1]
        i = min(max(int(np.searchsorted(self._along, reach, side="right")) - 1, 0), len(self._points) - 2)
        a, b = self._points[i], self._points[i + 1]
        share = (reach - self._along[i]) / max(self._along[i + 1] - self._along[i], 1e-9)
        x, z = a + (b - a) * share
        return float(x), float(z), math.degrees(math.atan2(b[0] - a[0], b[1] - a[1]))


class Standing:
    """Stands still at a place, in one picture or in pictures that follow each other `turns` times in the loop; or, with
    `plan`, in the picture that the plan names at a phase."""

    def __init__(
        self,
        view: View,
        models: Sequence[Model],
        at: tuple[float, float],
        *,
        turns: int = 1,
        plan: Sequence[tuple[float, int]] = (),
        shade: bool = True,
        heading: float = 0.0,
    ) -> None:
        x, z = at
        self._cuts = [cut(view, place(model, x, z, heading), at, shade=shade) for model in models]
        self._x, self._y, self._depth = view.project(x, 0, z)
        self._turns = turns
        self._plan = sorted(plan)

    def at(self, phase: float) -> Iterator[Placed]:
        """Its picture now."""
        if self._plan:
            now = bisect_right(self._plan, (phase, 1 << 30)) - 1
            index = self._plan[now][1]
        else:
            index = int(phase * self._turns * len(self._cuts)) % len(self._cuts)
        found = self._cuts[index]
        if found is not None:
            yield Placed(self._depth, found.image, round(self._x + found.dx), round(self._y + found.dy))


class Cloud:
    """A soft cloud that drifts and, so that the loop closes, comes and goes; only where `sky` (luma size) is 255."""

    def __init__(self, sky: Plane, middle: tuple[float, float], size: float, seed: int, start: float) -> None:
        height, width = sky.shape
        rng = np.random.default_rng(seed)
        w, h = round(width * size) & ~1, round(width * size * 0.3) & ~1
        mask = np.zeros((h, w), np.float32)
        for _ in range(26):
            x, y = rng.normal(0.5, 0.17) * w, rng.normal(0.58, 0.1) * h
            cv2.circle(mask, (int(x), int(y)), max(int(h * rng.uniform(0.1, 0.24)), 1), 1.0, -1, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, h * 0.09))
        edge = np.hanning(w)[None, :] ** 0.5 * np.hanning(h)[:, None] ** 0.5
        self._alpha = (mask * edge * 0.65).astype(np.float32)
        self._light = np.linspace(234, 212, h, dtype=np.float32)[:, None]
        self._sky = sky.astype(np.float32) / 255
        self._x, self._y, self._start, self._drift = middle[0] * width, middle[1] * height, start, width * 0.05

    def apply(self, frame: Frame, phase: float) -> None:
        """Lay it over the sky."""
        time = (phase - self._start) % 1.0
        strength = math.sin(time * math.pi) ** 0.7
        h, w = self._alpha.shape
        height, width = self._sky.shape
        x, y = round(self._x + self._drift * (time - 0.5) - w / 2), round(self._y - h / 2)
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if left >= right or top >= bottom:
            return
        part = (slice(top - y, bottom - y), slice(left - x, right - x))
        target = frame.y[top:bottom, left:right]
        alpha = self._alpha[part] * self._sky[top:bottom, left:right] * strength
        target[...] = target + (self._light[part[0]] - target) * alpha
        small = alpha[: (bottom - top) // 2 * 2 : 2, : (right - left) // 2 * 2 : 2]
        rows, columns = small.shape
        for plane in (frame.u, frame.v):
            chroma = plane[top // 2 : top // 2 + rows, left // 2 : left // 2 + columns]
            fitting = small[: chroma.shape[0], : chroma.shape[1]]
            chroma[...] = chroma + (128.0 - chroma) * fitting


class Glitter:
    """Ripples on water: two fields of noise that run through each other, added to the luma where the mask is."""

    def __init__(self, view: View, mask: NDArray[np.float32], strength: float = 1.0) -> None:
        rows = np.flatnonzero(mask.max(axis=1) > 0.01)
        self._top = int(rows[0]) & ~1 if rows.size else 0
        self._bottom = int(rows[-1] + 1) & ~1 if rows.size else 0
        if self._bottom <= self._top:
            return
        x, z = view.ground()
        part = slice(self._top, self._bottom, 2)
        self._u = np.mod(x[part, ::2] * (TILE / 30.0), TILE).astype(np.float32)
        self._v = np.mod(z[part, ::2] * (TILE / 11.0), TILE).astype(np.float32)
        footprint = z[part, ::2] / (view.focal * view.width)
        near = np.clip(0.16 / np.maximum(footprint, 1e-3), 0.12, 1)
        self._weight = (mask[part, ::2] * near * 9 * strength).astype(np.float32)
        self._first = noise(21, (16, 32, 64, 128))
        self._second = noise(22, (8, 16, 32, 64))

    def apply(self, frame: Frame, phase: float) -> None:
        """Lay the ripples of that phase over the frame."""
        if self._bottom <= self._top:
            return
        shift = round(phase * TILE)
        tile = np.roll(self._first, (shift * 2, shift), (0, 1)) + np.roll(self._second, (-shift, -shift * 2), (0, 1))
        change = cv2.remap(tile, self._u, self._v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP) * self._weight
        part = frame.y[self._top : self._bottom]
        full = cv2.resize(change, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
        part[...] = cv2.add(part, full, dtype=cv2.CV_8U)
