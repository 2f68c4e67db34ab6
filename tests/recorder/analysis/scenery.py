"""Pictures as cameras give them, by scene and time: the simulator's scenes with day, dusk, night, infrared, rain,
headlights, clouds, trucks, a swaying pole, sensor noise and the codec's traces; and what can be wrong with them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vms.simulator import scenes
from vms.simulator.options import Picture

Gray = NDArray[np.uint8]
Real = NDArray[np.float32]
WIDTH, HEIGHT, EVERY_S = 640, 360, 2.0
NAMES = tuple(scenes.SCENES)
CAPTION = slice(HEIGHT - 26, HEIGHT - 4)


@functools.cache
def loop(name: str, count: int = 48) -> NDArray[np.uint8]:
    """Pictures of a scene, one every 2 s, count x 360 x 640."""
    stage = scenes.build(name, Picture(width=WIDTH, height=HEIGHT, fps=1, loop_s=2.0 * count, gop_s=2), name)
    return np.stack([stage.frame(2 * k)[:HEIGHT] for k in range(count)])


@functools.cache
def grain(seed: int) -> Real:
    """Noise of a sensor, deviation 1, twice the size of a picture, so that it can be shifted."""
    raw = np.random.default_rng(seed).normal(0, 1, (HEIGHT + 97, WIDTH + 131)).astype(np.float32)
    soft = cv2.GaussianBlur(raw, (0, 0), 0.6)
    return np.asarray(soft / soft.std(), np.float32)


@dataclass
class Scenery:
    """One camera. `flipped`, `zoom` (into the lower left, or with `upper` into the upper right): variants of a scene;
    `hour` at which it begins; `haze`: how much of the contrast is gone; `people`: some stop right before the lens;
    `is_free`: no truck does; weather by chance of `seed`."""

    name: str
    flipped: bool = False
    zoom: float = 1.0
    hour: float = 12.0
    speed: float = 1.0
    noise: float = 3.0
    rain: bool = False
    upper: bool = False
    haze: float = 0.0
    people: bool = False
    seed: int = 0
    k: int = 0
    is_free: bool = False
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self._truck = -10
        self._lights = -10
        self._person = _Person(0, 0, 0, 0)
        self._night = False

    def next(self) -> Gray:
        """The next healthy key frame, 2 s later."""
        return self.shot(self.scene())

    def scene(self) -> Real:
        """What is before the lens now, in its light."""
        pictures = loop(self.name)
        picture = pictures[self.k % len(pictures)].astype(np.float32)
        self.k += 1
        if self.zoom > 1:
            w, h = int(WIDTH / self.zoom), int(HEIGHT / self.zoom)
            part = picture[:h, WIDTH - w :] if self.upper else picture[HEIGHT - h :, :w]
            picture = cv2.resize(part, (WIDTH, HEIGHT)).astype(np.float32)
        if self.flipped:
            picture = np.asarray(picture[:, ::-1], np.float32)
        if self.haze:
            picture = np.asarray(150 + (picture - 150) * (1 - self.haze), np.float32)
        return self._weathered(self._passed(self._lit(picture)))

    def shot(self, picture: Real, noise: float | None = None) -> Gray:
        """What the camera makes of it: sway, noise, writing, codec."""
        dx, dy = self.rng.normal(0, 0.7, 2)
        moved = cv2.warpAffine(
            picture, np.array([[1, 0, dx], [0, 1, dy]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
        )
        y, x = int(self.rng.integers(97)), int(self.rng.integers(131))
        amount = (self.noise * (2.2 if self._night else 1.0)) if noise is None else noise
        moved = moved + grain(self.seed % 3)[y : y + HEIGHT, x : x + WIDTH] * amount
        luma = np.clip(moved, 16, 235).astype(np.uint8)
        cv2.putText(luma, f"{self.name} {self.k:05d}", (10, HEIGHT - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 235, 1)
        _, data = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, int(self.rng.integers(38, 62))])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)

    @property
    def time(self) -> float:
        """Hour of the day."""
        return (self.hour + self.k * EVERY_S / 3600 * self.speed) % 24

    def _lit(self, picture: Real) -> Real:
        hour = self.time
        sun = float(np.clip(np.sin((hour - 5.7) / 12.6 * np.pi), 0, 1)) ** 0.5 if 5.7 < hour < 18.3 else 0.0
        self._night = sun < 0.25
        if self._night:  # lamps and the infrared light of the camera itself: bright in the middle, dark beyond
            middle = _glow(WIDTH / 2, HEIGHT * 0.62, 260)
            leaves = 255 - picture * 0.55 - 60  # another film: what was dark is bright
            mixed = np.where(picture < 95, leaves * 0.75 + picture * 0.25, picture)
            return np.asarray(18 + (mixed - 16) * (0.16 + 0.6 * middle), np.float32)
        cloud = 1 - 0.25 * _shade(self.k * 9.0 + self.seed * 37)
        return np.asarray(16 + (picture - 16) * (0.35 + 0.65 * sun) * cloud, np.float32)

    def _passed(self, picture: Real) -> Real:
        """A truck right before the lens for one key frame or two; headlights that turn in."""
        if self.rng.random() < 1 / 90:
            self._truck = 0
        if 0 <= self._truck < 2 and not self.is_free:
            picture = _truck(picture, self._truck, self.rng)
        self._truck += 1 if self._truck >= 0 else 0
        if self.rng.random() < (1 / 12 if self._night else 1 / 400):
            self._lights = 0
        if 0 <= self._lights < 3:
            x = WIDTH * (0.2 + 0.25 * self._lights)
            beams = _glow(x, HEIGHT * 0.6, 60) + _glow(x + 70, HEIGHT * 0.6, 60) + 0.35 * _glow(x, HEIGHT * 0.7, 220)
            picture = picture + 210 * beams
        self._lights += 1 if self._lights >= 0 else 0
        return self._visited(picture) if self.people else picture

    def _visited(self, picture: Real) -> Real:
        """Somebody who stops an arm's length before the lens, for 2 to 12 s, and does not stand quite still."""
        if self._person.left <= 0 and self.rng.random() < 1 / 150:
            x, wide = float(self.rng.uniform(0.25, 0.75)), float(self.rng.uniform(0.28, 0.46))
            self._person = _Person(int(self.rng.integers(1, 7)), x, wide, float(self.rng.uniform(40, 170)))
        if self._person.left > 0:
            self._person.left -= 1
            self._person.x += float(self.rng.normal(0, 0.02))
            picture = _stands(picture, self._person, 0.4 if self._night else 1.0)
        return picture

    def _weathered(self, picture: Real) -> Real:
        if not self.rain:
            return picture
        streaks = np.zeros((HEIGHT, WIDTH), np.uint8)
        for x, y, length in self.rng.integers((0, 0, 12), (WIDTH, HEIGHT, 46), (170, 3)):
            cv2.line(streaks, (int(x), int(y)), (int(x + length // 6), int(y + length)), 255, 1)
        soft = cv2.GaussianBlur(streaks, (0, 0), 0.8).astype(np.float32)
        return np.asarray(picture * 0.8 + 24 + soft * 0.35, np.float32)


@dataclass
class _Person:
    """For how many key frames more, where, how wide (shares of the picture), and how bright the shirt is."""

    left: int
    x: float
    wide: float
    level: float


def _stands(picture: Real, person: _Person, light: float) -> Real:
    """Head, shoulders and a striped shirt, soft at the edges."""
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, half = int(person.x * WIDTH), int(person.wide * WIDTH / 2)
    cv2.ellipse(shape, (x, int(HEIGHT * 0.27)), (int(half * 0.5), int(half * 0.68)), 0, 0, 360, 150, -1)
    cv2.ellipse(shape, (x, HEIGHT), (half, int(HEIGHT * 0.52)), 0, 180, 360, 255, -1)
    alpha = cv2.GaussianBlur((shape > 0).astype(np.float32), (0, 0), 2.0)
    body = np.where(shape == 150, 110.0, person.level).astype(np.float32)
    body[int(HEIGHT * 0.5) :: 34] *= 0.7
    body = cv2.GaussianBlur(body, (0, 0), 1.5) * light
    return np.asarray(picture * (1 - alpha) + body * alpha, np.float32)


@functools.cache
def _grid() -> tuple[Real, Real]:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return xs, ys


def _glow(x: float, y: float, radius: float) -> Real:
    xs, ys = _grid()
    return np.asarray(np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * radius * radius)), np.float32)


def _shade(at: float) -> Real:
    xs, ys = _grid()
    wave = np.sin((xs * 0.8 + ys * 0.5 + at) / 170) + np.sin((xs * 0.3 - ys + at * 0.7) / 210)
    return np.asarray(np.clip(wave, 0, 1), np.float32)


def _truck(picture: Real, step: int, rng: np.random.Generator) -> Real:
    """Its side, with planks, a cab and wheels, over nine tenths of the picture, then over half of it."""
    left, right = (int(WIDTH * 0.04), int(WIDTH * 0.97)) if step == 0 else (int(WIDTH * 0.5), WIDTH)
    top, bottom = int(HEIGHT * 0.03), int(HEIGHT * 0.97)
    out = picture.copy()
    level = float(rng.uniform(50, 190)) * (0.4 + 0.6 * float(picture.mean()) / 110)
    out[top:bottom, left:right] = level
    for x in range(left + 20, right, 46):
        out[top:bottom, x : x + 3] = level * 0.7
    out[int(HEIGHT * 0.5) : int(HEIGHT * 0.56), left:right] = level * 1.3
    for x in (left + 80, right - 110):
        cv2.circle(out, (x, bottom - 30), 46, level * 0.25, -1)
        cv2.circle(out, (x, bottom - 30), 20, level * 0.9, -1)
    return out


def twenty(seed: int = 0) -> list[Scenery]:
    """Twenty cameras: all twelve scenes, and variants by night, in rain, flipped, nearer."""
    cameras = [Scenery(name, seed=seed + i, hour=8 + i * 0.7) for i, name in enumerate(NAMES)]
    cameras += [Scenery(name, seed=seed + 20 + i, flipped=True, hour=20.5) for i, name in enumerate(NAMES[:4])]
    cameras += [Scenery(name, seed=seed + 30 + i, rain=True, hour=15) for i, name in enumerate(NAMES[4:6])]
    cameras += [Scenery(name, seed=seed + 40 + i, zoom=1.6, noise=6, hour=17) for i, name in enumerate(NAMES[6:8])]
    return cameras


def apart(seed: int = 1000) -> list[Scenery]:
    """Twenty others, which nothing was tried out on: the upper right of scenes, haze, night and dusk, rain by night."""
    cameras = [
        Scenery(name, seed=seed + i, zoom=1.8, upper=True, flipped=i % 2 == 1, hour=7 + i * 1.3)
        for i, name in enumerate(NAMES[6:])
    ]
    cameras += [Scenery(name, seed=seed + 20 + i, hour=2, noise=5) for i, name in enumerate(NAMES[8:12])]
    cameras += [Scenery(name, seed=seed + 30 + i, hour=19.5, rain=True) for i, name in enumerate(NAMES[:4])]
    cameras += [Scenery(name, seed=seed + 40 + i, haze=0.5, hour=6.5 + i) for i, name in enumerate(NAMES[4:7])]
    cameras += [Scenery(name, seed=seed + 50 + i, zoom=2.2, noise=7, hour=17.6) for i, name in enumerate(NAMES[9:12])]
    return cameras


FAULTS = ("black", "blurred", "covered", "moved", "frozen")


@dataclass
class Broken:
    """A camera with a fault, from now on; which sort of it is chance of `seed`."""

    camera: Scenery
    fault: str
    seed: int = 0
    _last: Gray | None = None

    def next(self) -> Gray:
        """The next key frame."""
        if self.fault == "frozen":
            self._last = self.camera.next() if self._last is None else self._last
            return self._last
        rng = np.random.default_rng(self.seed)
        self.camera.is_free = True  # what a truck hides is another question
        picture = self.camera.scene()
        self.camera.is_free = False
        if self.fault == "black":
            return self.camera.shot(np.full_like(picture, float(rng.uniform(14, 20))), noise=1.0)
        if self.fault == "blurred":
            return self.camera.shot(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(4, 9))).astype(np.float32))
        if self.fault == "covered":
            return self.camera.shot(_cover(picture, rng))
        return self.camera.shot(_turn(picture, rng))


def _cover(picture: Real, rng: np.random.Generator) -> Real:
    """A hand, a bag, tape or paint: dark or bright, soft, with a fringe of the scene left, or none."""
    cover = np.full_like(picture, float(rng.uniform(25, 150)))
    xs, ys = _grid()
    cover += xs * float(rng.uniform(-0.06, 0.06)) + ys * float(rng.uniform(-0.08, 0.08))
    if rng.random() < 0.3:  # cloth: light comes through
        cover = cover * 0.7 + cv2.GaussianBlur(picture, (0, 0), 45) * 0.3
    free = float(rng.uniform(0, 0.14))
    mask = (xs > WIDTH * (1 - free)).astype(np.float32) if rng.random() < 0.6 else np.zeros_like(picture)
    mask = cv2.GaussianBlur(mask, (0, 0), 8).astype(np.float32)
    return np.asarray(cover * (1 - mask) + picture * mask, np.float32)


def _turn(picture: Real, rng: np.random.Generator) -> Real:
    """Turned by 12 to 60 % of the picture, perhaps tilted: what was not seen before comes in."""
    dx = int(WIDTH * rng.uniform(0.12, 0.6)) * int(rng.choice([-1, 1]))
    dy = int(HEIGHT * rng.uniform(-0.15, 0.15))
    wide = cv2.copyMakeBorder(picture, HEIGHT, HEIGHT, WIDTH, WIDTH, cv2.BORDER_REFLECT)
    x, y = WIDTH + dx, HEIGHT + dy
    return np.asarray(wide[y : y + HEIGHT, x : x + WIDTH], np.float32)
