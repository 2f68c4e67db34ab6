"""The number of a frame within the loop, drawn into the picture so that it can be read where a person sees it.

16 square cells in one row at the top left, cell = height/18 px, origin (cell, cell), on a black margin of one cell:
12 bits of k, most significant first, then 4 bits of check. White is 1. Pure; luma planes in, luma planes out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 12
CELLS = 16
_BLACK, _WHITE, _NEUTRAL = 16, 235, 128


def check_bits(k: int) -> int:
    """Four bits that most misreadings do not satisfy."""
    return (k ^ k >> 4 ^ k >> 8) & 15


def draw(i420: NDArray[np.uint8], k: int) -> None:
    """Draw k (0 to 4095) into an I420 picture (height * 3/2 x width, limited range) in place."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    luma = i420[:height]
    edges = [_edge(height, i + 1) for i in range(CELLS + 1)]
    bottom, right = _edge(height, 3), _edge(height, CELLS + 2)
    luma[:bottom, :right] = _BLACK
    # two rows of a chroma plane lie in one row of the array, hence the view
    chroma = i420.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
    chroma[:, : (bottom + 1) // 2, : (right + 1) // 2] = _NEUTRAL
    word = k << 4 | check_bits(k)
    for i in range(CELLS):
        if word >> (CELLS - 1 - i) & 1:
            luma[edges[0] : edges[1], edges[i] : edges[i + 1]] = _WHITE


def read(luma: NDArray[np.uint8]) -> int | None:
    """The number in a decoded luma (or grey) picture of any size; None where there is no barcode to be read."""
    height, width = luma.shape
    if _edge(height, CELLS + 2) > width:
        return None
    cell = height / 18
    word = 0
    for i in range(CELLS):
        x, y = cell * (1 + i), cell
        inner = luma[round(y + cell * 0.25) : round(y + cell * 0.75), round(x + cell * 0.25) : round(x + cell * 0.75)]
        word = word << 1 | int(float(inner.mean()) > 125)
    k, check = word >> 4, word & 15
    if check != check_bits(k):
        return None
    margin = luma[: max(1, round(cell * 0.6)), : round(cell * 18)]
    if float(margin.mean()) > 90:
        return None
    # k = 0 is all black: a black picture, which has no number, must not pass for it
    if word == 0 and float(luma[height // 2 :].mean()) < 30:
        return None
    return k


def _edge(height: int, cells: int) -> int:
    return round(height * cells / 18)
