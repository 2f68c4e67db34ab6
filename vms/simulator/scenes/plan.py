"""Puts a scene together: sky, ground areas, still things, moving things; then gives the Stage that runs it.

Still things are painted at a larger size and averaged down, which is what makes them look photographed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator.options import Picture
from vms.simulator.scenes import figures
from vms.simulator.scenes.caption import Caption
from vms.simulator.scenes.motion import Cloud, Glitter, Path, Standing, Traveller
from vms.simulator.scenes.shapes import Outline
from vms.simulator.scenes.stage import Actor, Effect, Stage
from vms.simulator.scenes.textures import Field, Ground, noise, sky
from vms.simulator.scenes.world import Colour, Face, Model, View, paint, place, shadow

GRASS: Colour = (84, 132, 112)
EARTH: Colour = (132, 160, 178)
ASPHALT: Colour = (118, 118, 116)
PAVING: Colour = (160, 170, 174)
PAINT: Colour = (214, 218, 220)
RIVER: Colour = (104, 122, 112)
SKY_HIGH: Colour = (206, 170, 128)
SKY_LOW: Colour = (226, 220, 210)


class Plan:
    """A scene in the making. Ground areas first, in order; the rest in any order."""

    def __init__(
        self,
        picture: Picture,
        seed: int,
        *,
        eye: float = 8.0,
        pitch: float = 16.0,
        focal: float = 0.95,
        base: Colour = GRASS,
    ) -> None:
        self._picture = picture
        self.view = View(picture.width, picture.height, eye, pitch, focal)
        self._large = self.view.scaled(1.5 if picture.width >= 1000 else 2.0)
        self._seed = seed
        self._ground = Ground(self._large, seed)
        self._still: list[tuple[float, list[Face] | None, tuple[Any, ...], bool]] = []
        self._actors: list[Actor] = []
        self._effects: list[Effect] = []
        self._clouds = 0
        everywhere = np.ones((self._large.height, self._large.width), np.float32)
        grain = (0.2, 0.16) if base == GRASS else (0.1, 0.08)
        self._ground.fill(everywhere, base, *grain)

    def area(
        self, outline: Outline, colour: Colour, *, fine: float = 0.1, coarse: float = 0.06, alpha: float = 1.0
    ) -> None:
        """A surface on the ground."""
        self._ground.fill(self._mask(self._large, outline) * alpha, colour, fine, coarse)

    def road(self, points: Path, width: float, colour: Colour = ASPHALT) -> None:
        """A road along a line, with its dusty edge."""
        self.area(_band(points, width + 1.6), (146, 162, 168), fine=0.16, coarse=0.1)
        self.area(_band(points, width), colour, fine=0.09, coarse=0.07)

    def line(self, points: Path, width: float = 0.15, dash: float = 0.0, colour: Colour = PAINT) -> None:
        """A painted line; `dash` metres on, as much off."""
        if not dash:
            self.area(_band(points, width), colour, alpha=0.8)
            return
        (x0, z0), (x1, z1) = points[0], points[-1]
        length = float(np.hypot(x1 - x0, z1 - z0))
        for i in range(int(length / dash / 2)):
            a, b = 2 * i * dash / length, (2 * i + 1) * dash / length
            piece = [(x0 + (x1 - x0) * t, z0 + (z1 - z0) * t) for t in (a, b)]
            self.area(_band(piece, width), colour, alpha=0.8)

    def water(self, outline: Outline, colour: Colour = RIVER, strength: float = 1.0) -> None:
        """A river or a basin, glittering."""
        self._ground.water(self._mask(self._large, outline), colour, SKY_LOW)
        self._effects.append(Glitter(self.view, self._mask(self.view, outline), strength))

    def put(self, model: Model, x: float = 0.0, z: float = 0.0, heading: float = 0.0, *, shade: bool = True) -> None:
        """A still thing."""
        faces = place(model, x, z, heading)
        far = max(float(self.view.camera(face.points)[:, 2].mean()) for face in faces)
        self._still.append((far, faces, (), shade))

    def grow(self, kind: str, x: float, z: float, height: float, seed: int) -> None:
        """A `tree` or a `palm`."""
        depth = self.view.project(x, 0, z)[2]
        self._still.append((depth, None, (kind, x, z, height, self._seed * 1000 + seed), True))

    def grove(
        self, x: tuple[float, float], z: tuple[float, float], count: int, height: tuple[float, float], seed: int
    ) -> None:
        """Trees, some of them palms, over a stretch of ground."""
        rng = np.random.default_rng(self._seed * 77 + seed)
        for i in range(count):
            kind = "palm" if rng.random() < 0.16 else "tree"
            self.grow(kind, float(rng.uniform(*x)), float(rng.uniform(*z)), float(rng.uniform(*height)), seed * 50 + i)

    def travel(self, models: Sequence[Model], path: Path, **how: Any) -> None:
        """Something that goes along a path (see Traveller)."""
        self._actors.append(Traveller(self.view, models, path, **how))

    def stand(self, models: Sequence[Model], x: float, z: float, **how: Any) -> None:
        """Something in front of which and behind which others pass, or that moves on the spot (see Standing)."""
        self._actors.append(Standing(self.view, models, (x, z), **how))

    def crowd(
        self, paths: Sequence[Path], count: int, seed: int, *, lasts: tuple[float, float] = (0.7, 1.0), places: int = 16
    ) -> None:
        """People on their ways, each at a time of its own."""
        rng = np.random.default_rng(seed)
        for i in range(count):
            shirt = figures.CLOTHES[int(rng.integers(len(figures.CLOTHES)))]
            head = figures.HAIR if rng.random() < 0.6 else figures.CLOTHES[int(rng.integers(len(figures.CLOTHES)))]
            trousers: Colour = (84, 74, 66) if rng.random() < 0.6 else (96, 104, 112)
            path = list(paths[i % len(paths)])
            if rng.random() < 0.5:
                path.reverse()
            aside, along = float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.6, 0.6))
            path = [(x + aside, z + along) for x, z in path]
            length = float(rng.uniform(*lasts))
            walk = figures.walker(shirt, trousers, head, float(rng.uniform(0.92, 1.06)))
            self.travel(walk, path, start=float(rng.random()), lasts=length, places=places, fade=True)

    def clouds(self, count: int = 3) -> None:
        """Drifting clouds above the horizon."""
        self._clouds = count

    def finish(self, title: str) -> Stage:
        """Paint what is still and give the running scene."""
        picture, open_sky = self._paint_still()
        size = (self.view.width, self.view.height)
        ground = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        free = cv2.resize(open_sky, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        rng = np.random.default_rng(self._seed + 5)
        share = max(0.02, self.view.horizon() / self.view.height)
        for i in range(self._clouds):
            across = 0.62 + 0.36 * i / max(1, self._clouds - 1) + float(rng.uniform(-0.04, 0.04))
            middle = (across, share * float(rng.uniform(0.25, 0.6)))
            self._effects.append(Cloud(free, middle, float(rng.uniform(0.16, 0.26)), self._seed + i, i / self._clouds))
        caption = Caption(title, self._picture)
        return Stage(ground, self._actors, caption, self._picture.loop_frames, self._effects)

    def _paint_still(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The still picture (BGR) and where its sky is open (255)."""
        view = self._large
        picture = self._ground.picture
        horizon = int(np.clip(view.horizon(), 0, view.height))
        above = sky(view, SKY_HIGH, SKY_LOW, self._seed)
        picture[:horizon] = above[:horizon]
        dark = np.zeros((view.height, view.width), np.uint8)
        for _, faces, grown, shade in self._still:
            if faces is not None and shade:
                shadow(dark, view, faces, boxed=len(faces) < 40)
            elif grown:
                self._tree_shadow(dark, grown)
        soft = cv2.GaussianBlur(dark, (0, 0), view.width / 640).astype(np.float32)[:, :, None] / 255
        soft[:horizon] = 0
        picture *= 1 - soft * 0.36
        canvas = np.clip(picture, 0, 255).astype(np.uint8)
        before = canvas[:horizon].copy()
        for _, faces, grown, _ in sorted(self._still, key=lambda item: -item[0]):
            if faces is not None:
                paint(canvas, view, faces)
            else:
                kind, x, z, height, seed = grown
                (figures.palm if kind == "palm" else figures.tree)(canvas, view, x, z, height, seed)
        free = np.zeros((view.height, view.width), np.uint8)
        free[:horizon] = (canvas[:horizon] == before).all(axis=2) * 255
        return _finished(canvas, self._seed), free

    def _tree_shadow(self, mask: NDArray[np.uint8], grown: tuple[Any, ...]) -> None:
        _, x, z, height, _ = grown
        reach = height * 0.36
        points = [
            (x + 0.35 * height + reach * np.cos(a), z + 0.3 * height + reach * 0.8 * np.sin(a))
            for a in np.linspace(0, 6.283, 20)
        ]
        outline = self._large.outline(np.array([(px, 0.0, pz) for px, pz in points]))
        if outline is not None:
            cv2.fillPoly(mask, [outline], 230, cv2.LINE_AA, 4)

    def _mask(self, view: View, outline: Outline) -> Field:
        mask = np.zeros((view.height, view.width), np.uint8)
        points = view.outline(np.array([(x, 0.0, z) for x, z in outline], np.float64))
        if points is not None:
            cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
        mask[: int(np.clip(view.horizon(), 0, view.height))] = 0
        return np.asarray(mask, np.float32) / np.float32(255)


def _band(points: Path, width: float) -> list[tuple[float, float]]:
    """The outline of a line of that width; gentle turns only."""
    line = np.array(points, np.float64)
    ahead = np.gradient(line, axis=0)
    across = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    left, right = line + across * width / 2, line - across * width / 2
    return [(float(x), float(z)) for x, z in [*left, *right[::-1]]]


def _finished(canvas: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """What a lens adds: uneven tone, a little bloom, darker corners."""
    height, width = canvas.shape[:2]
    grain = cv2.resize(noise(seed + 40, (16, 32, 64, 128, 256)), (width, height), interpolation=cv2.INTER_CUBIC)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    corner = 1 - 0.16 * np.clip(x**2 + y**2 - 0.5, 0, 2)
    toned = canvas.astype(np.float32) * (corner * (1 + grain * 0.025))[:, :, None]
    bloom = cv2.GaussianBlur(cv2.resize(toned, None, fx=0.25, fy=0.25), (0, 0), width / 640)
    toned = toned * 0.94 + cv2.resize(bloom, (width, height)) * 0.09
    grey = toned.mean(axis=2, keepdims=True)
    vivid = grey + (toned - grey) * 1.14
    return np.asarray(np.clip((vivid - 128) * 1.07 + 128, 0, 255), np.uint8)
