"""The number of a frame within the loop, drawn into the picture so that it can be read where a person sees it.

16 square cells in one row at the top left, cell = height/18 px, origin (cell, cell), on a black margin of one cell:
12 bits of k, most significant first, then 4 bits of check. White is 1. Pure; luma planes in, luma planes out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 12
CELLS = 16
_BLACK, _WHITE = 16, 235


def check_bits(k: int) -> int:
    """Four bits that most misreadings do not satisfy."""
    return (k ^ k >> 4 ^ k >> 8) & 15


def draw(luma: NDArray[np.uint8], k: int) -> None:
    """Draw k (0 to 4095) into a luma plane (height x width, limited range) in place."""
    edges = _edges(luma.shape[0])
    luma[0 : _edge(luma.shape[0], 3), 0 : _edge(luma.shape[0], CELLS + 2)] = _BLACK
    word = k << 4 | check_bits(k)
    for i in range(CELLS):
        if word >> (CELLS - 1 - i) & 1:
            luma[edges[0] : edges[1], edges[i] : edges[i + 1]] = _WHITE


def region(height: int) -> tuple[int, int]:
    """(height, width) in pixels of what the barcode and its margin cover in a picture of that height."""
    return _edge(height, 3), _edge(height, CELLS + 2)


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


def _edges(height: int) -> list[int]:
    return [_edge(height, i + 1) for i in range(CELLS + 1)]
