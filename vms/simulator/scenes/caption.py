"""What the camera writes into its picture: its name, and a clock of the loop that visibly runs.

Below the barcode's corner nothing of it is drawn. Text is painted once; per frame only digits and a hand are laid.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from vms.simulator.options import Picture
from vms.simulator.scenes.sprites import Frame, Plane, Sprite, lay, sprite

_OVERSIZE = 4
_FONT = cv2.FONT_HERSHEY_DUPLEX


class Caption:
    """Name at the bottom left, seconds of the loop and a small dial at the bottom right."""

    def __init__(self, title: str, picture: Picture) -> None:
        self._picture = picture
        self._unit = picture.height / 720
        self._title = _text(title, 26 * self._unit)
        self._digits = {sign: _text(sign, 26 * self._unit) for sign in "0123456789.s"}
        self._dial = [_dial(34 * self._unit, i / 50) for i in range(50)]

    def write(self, frame: Frame, k: int) -> None:
        """Lay it over the k-th picture of the loop."""
        picture, unit = self._picture, self._unit
        bottom = picture.height - round(22 * unit)
        lay(frame, self._title, round(24 * unit), bottom - self._title.size[1])
        dial = self._dial[(k * 50 // max(1, picture.fps)) % 50]
        left = picture.width - round(24 * unit) - dial.size[0]
        lay(frame, dial, left, bottom - dial.size[1])
        pen = left - round(100 * unit)
        for sign in f"{k / picture.fps:04.1f}":
            image = self._digits[sign]
            lay(frame, image, pen, bottom - image.size[1])
            pen += round((17 if sign != "." else 9) * unit)


def _text(text: str, size_px: float) -> Sprite:
    scale = size_px * _OVERSIZE / 30
    thick = max(1, round(scale * 1.5))
    (width, height), base = cv2.getTextSize(text, _FONT, scale, thick)
    pad = thick * 3
    mask = np.zeros((height + base + 2 * pad, width + 2 * pad), np.uint8)
    cv2.putText(mask, text, (pad, height + pad), _FONT, scale, 255, thick, cv2.LINE_AA)
    return _outlined(mask)


def _dial(size_px: float, turn: float) -> Sprite:
    side = round(size_px * _OVERSIZE)
    mask = np.zeros((side, side), np.uint8)
    middle, radius = side // 2, round(side * 0.4)
    cv2.circle(mask, (middle, middle), radius, 255, max(1, side // 14), cv2.LINE_AA)
    tip = (
        round(middle + radius * 0.8 * math.sin(turn * 2 * math.pi)),
        round(middle - radius * 0.8 * math.cos(turn * 2 * math.pi)),
    )
    cv2.line(mask, (middle, middle), tip, 255, max(1, side // 10), cv2.LINE_AA)
    return _outlined(mask)


def _outlined(mask: Plane) -> Sprite:
    """White with a soft dark edge, readable on any ground."""
    width, height = max(2, mask.shape[1] // _OVERSIZE), max(2, mask.shape[0] // _OVERSIZE)
    light = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    edge = cv2.resize(cv2.dilate(mask, np.ones((9, 9), np.uint8)), (width, height), interpolation=cv2.INTER_AREA)
    out = np.empty((height, width, 4), np.uint8)
    tone = np.where(light > 0, 40 + light.astype(np.float32) * 0.8, 40)
    out[:, :, 3] = np.maximum(light, (edge * 0.6).astype(np.uint8))
    out[:, :, :3] = (np.clip(tone, 0, 244) * (out[:, :, 3] / 255)).astype(np.uint8)[:, :, None]
    return sprite(out)
