"""A pinhole camera on a pole, and flat-shaded faces in metres painted through it. Pure geometry on numpy arrays.

World: X right, Y up, Z forward, metres; the eye is at (0, eye, 0). Colours are BGR, 0 to 255.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Colour = tuple[float, float, float]
_NEAR_M = 0.6
_SHIFT = 4
_SUN = np.array([-0.45, 0.8, -0.4]) / math.sqrt(0.45**2 + 0.8**2 + 0.4**2)


@dataclass(frozen=True)
class Face:
    """A flat convex polygon (k x 3), counter-clockwise seen from outside. `alpha` below 1 lets the ground through;
    `flat` is not shaded and seen from both sides (wakes, painted lines, cloth). `lift`: metres by which it is taken to
    be nearer when sorted, for what lies on another face (windows on a wall)."""

    points: Points
    colour: Colour
    alpha: float = 1.0
    flat: bool = False
    lift: float = 0.0


Model = Sequence[Face]


@dataclass(frozen=True)
class View:
    """The camera: pixels, height of the eye in metres, pitch downwards in degrees, focal length in picture widths."""

    width: int
    height: int
    eye: float = 8.0
    pitch: float = 16.0
    focal: float = 0.95
    haze: Colour = (214, 205, 196)
    haze_m: float = 420.0
    _turn: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        radians = math.radians(self.pitch)
        object.__setattr__(self, "_turn", (math.cos(radians), math.sin(radians)))

    def scaled(self, factor: float) -> View:
        """The same view in another number of pixels."""
        return replace(self, width=round(self.width * factor), height=round(self.height * factor))

    def camera(self, points: Points) -> Points:
        """World to camera axes: right, down, depth (k x 3)."""
        cos, sin = self._turn
        down = self.eye - points[:, 1]
        depth = points[:, 2]
        out = np.empty_like(points)
        out[:, 0], out[:, 1], out[:, 2] = points[:, 0], down * cos - depth * sin, depth * cos + down * sin
        return out

    def pixels(self, camera: Points) -> Points:
        """Camera axes to pixels (k x 2); depth must be positive."""
        scale = self.focal * self.width / camera[:, 2]
        # the pixel aspect of the design is kept for any picture: heights scale with the height
        tall = self.height * 16 / (9 * self.width)
        out = np.empty((len(camera), 2))
        out[:, 0] = self.width / 2 + camera[:, 0] * scale
        out[:, 1] = self.height / 2 + camera[:, 1] * scale * tall
        return out

    def project(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """(x px, y px, depth m) of a point."""
        camera = self.camera(np.array([[x, y, z]]))
        pixel = self.pixels(camera)[0]
        return float(pixel[0]), float(pixel[1]), float(camera[0, 2])

    def horizon(self) -> float:
        """Row of the horizon in pixels."""
        cos, sin = self._turn
        return self.height / 2 - sin / cos * self.focal * self.height * 16 / 9

    def ground(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """X and Z in metres of the ground seen by each pixel (height x width); far away above the horizon."""
        cos, sin = self._turn
        rows = (np.arange(self.height) + 0.5 - self.height / 2) / (self.focal * self.height * 16 / 9)
        columns = (np.arange(self.width) + 0.5 - self.width / 2) / (self.focal * self.width)
        fall = rows * cos + sin
        reach = self.eye / np.maximum(fall, 1e-3)
        z = reach * (cos - rows * sin)
        x = reach[:, None] * columns[None, :]
        return x.astype(np.float32), np.broadcast_to(z[:, None], x.shape).astype(np.float32)

    def outline(self, points: Points) -> NDArray[np.int32] | None:
        """The polygon in 1/16 pixels, clipped at the near plane; None where nothing of it is in front."""
        camera = self.camera(points)
        if float(camera[:, 2].min()) < _NEAR_M:
            camera = _clip_near(camera)
        if len(camera) < 3:
            return None
        pixels = np.clip(self.pixels(camera), -20_000, 20_000)
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)

    def hazed(self, colour: Colour, depth: float) -> Colour:
        """The colour as the air between leaves it."""
        share = 1 - math.exp(-max(depth, 0) / self.haze_m)
        b, g, r = (own + (air - own) * share for own, air in zip(colour, self.haze, strict=True))
        return b, g, r


def _clip_near(camera: Points) -> Points:
    kept: list[Points] = []
    for here, there in zip(camera, np.roll(camera, -1, axis=0), strict=True):
        if here[2] >= _NEAR_M:
            kept.append(here)
        if (here[2] >= _NEAR_M) != (there[2] >= _NEAR_M):
            share = (_NEAR_M - here[2]) / (there[2] - here[2])
            kept.append(here + (there - here) * share)
    return np.array(kept).reshape(-1, 3)


def place(model: Model, x: float = 0.0, z: float = 0.0, heading: float = 0.0, y: float = 0.0) -> list[Face]:
    """The model turned by `heading` degrees (0: towards +Z, 90: towards +X) and moved to its place."""
    cos, sin = math.cos(math.radians(heading)), math.sin(math.radians(heading))
    turn = np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    points = np.concatenate([face.points for face in model]) @ turn + np.array([x, y, z])
    placed, at = [], 0
    for face in model:
        end = at + len(face.points)
        placed.append(Face(points[at:end], face.colour, face.alpha, face.flat, face.lift))
        at = end
    return placed


def paint(canvas: NDArray[np.uint8], view: View, faces: Iterable[Face]) -> None:
    """Fill the faces, far ones first, into a BGR canvas of the view's size, or a BGRA one with premultiplied colour."""
    listed = list(faces)
    ends = np.cumsum([len(face.points) for face in listed])
    starts = np.concatenate([[0], ends[:-1]])
    points = np.concatenate([face.points for face in listed])
    camera = view.camera(points)
    is_near = np.minimum.reduceat(camera[:, 2], starts) < _NEAR_M
    pixels = np.clip(view.pixels(np.maximum(camera, (-np.inf, -np.inf, _NEAR_M))), -20_000, 20_000)
    outlines = np.round(pixels * (1 << _SHIFT)).astype(np.int32)
    normals = _normals(points[starts[:, None] + np.arange(3)])
    middles = np.add.reduceat(points, starts) / (ends - starts)[:, None]
    depths = view.camera(middles)[:, 2]
    turned = np.einsum("ij,ij->i", normals, np.array([0.0, view.eye, 0.0]) - middles)
    lights = 0.58 + 0.42 * np.maximum(0.0, normals @ _SUN) + 0.1 * np.maximum(0.0, normals[:, 1])
    lifts = np.array([face.lift for face in listed])
    for i in np.argsort(lifts - depths, kind="stable"):
        face = listed[i]
        if not face.flat and turned[i] <= 0:
            continue
        outline = view.outline(face.points) if is_near[i] else outlines[starts[i] : ends[i]]
        if outline is None:
            continue
        light = 1.0 if face.flat else float(lights[i])
        lit = (face.colour[0] * light, face.colour[1] * light, face.colour[2] * light)
        b, g, r = view.hazed(lit, float(depths[i]))
        _fill(canvas, outline, (min(b, 255.0), min(g, 255.0), min(r, 255.0)), face.alpha)


def _fill(canvas: NDArray[np.uint8], outline: NDArray[np.int32], colour: Colour, alpha: float) -> None:
    if canvas.shape[2] == 4:
        b, g, r = (own * alpha for own in colour)
        cv2.fillPoly(canvas, [outline], (b, g, r, 255.0 * alpha), cv2.LINE_8, _SHIFT)
    elif alpha < 1:
        layer = canvas.copy()
        cv2.fillPoly(layer, [outline], colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(layer, alpha, canvas, 1 - alpha, 0, canvas)
    else:
        cv2.fillPoly(canvas, [outline], colour, cv2.LINE_AA, _SHIFT)


def shadow(mask: NDArray[np.uint8], view: View, faces: Sequence[Face], *, boxed: bool = True) -> None:
    """Fill the shadow of the faces on the ground into a mask of the view's size. `boxed`: one hull for all."""
    solid = [face.points for face in faces if not face.flat]
    if not solid:
        return
    for group in [np.concatenate(solid)] if boxed else solid:
        fallen = group - group[:, 1:2] / _SUN[1] * _SUN
        hull = cv2.convexHull(fallen[:, [0, 2]].astype(np.float32)).reshape(-1, 2)
        if len(hull) < 3:
            continue
        points = np.stack([hull[:, 0], np.zeros(len(hull)), hull[:, 1]], axis=1).astype(np.float64)
        outline = view.outline(points)
        if outline is not None:
            cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, _SHIFT)


def _normals(corners: Points) -> Points:
    """Unit normals of n x 3 corners x 3."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals: Points = np.cross(a, b)
    length: Points = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    unit: Points = normals / length
    return unit
