"""Layouts: how a screen is parted into Tiles, in cells of a grid. Standard ones have a name; free ones are drawn. Pure.

JSON of a Layout is `{"grid": "9"}` or `{"columns": …, "rows": …, "tiles": [{"x", "y", "w", "h"}]}`. Tile i of a View
is tiles[i]; where one Tile is larger than the rest it comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from vms.errors import InputError

CELLS_MAX = 32
TILES_MAX = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of cells: left, top, width, height."""

    x: int
    y: int
    w: int = 1
    h: int = 1

    def overlaps(self, other: Tile) -> bool:
        """Whether both cover one cell."""
        return (
            self.x < other.x + other.w
            and other.x < self.x + self.w
            and self.y < other.y + other.h
            and other.y < self.y + self.h
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """1 to 64 Tiles on a grid of at most 32 by 32 cells; none overlaps another, cells may stay empty. InputError
    (field `layout`) where that does not hold."""

    columns: int
    rows: int
    tiles: tuple[Tile, ...]

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= CELLS_MAX and 1 <= self.rows <= CELLS_MAX):
            raise _wrong(f"A layout has 1 to {CELLS_MAX} columns and rows.")
        if not 1 <= len(self.tiles) <= TILES_MAX:
            raise _wrong(f"A layout has 1 to {TILES_MAX} tiles.")
        covered: set[tuple[int, int]] = set()
        for tile in self.tiles:
            inside = tile.x >= 0 and tile.y >= 0 and tile.w >= 1 and tile.h >= 1
            if not inside or tile.x + tile.w > self.columns or tile.y + tile.h > self.rows:
                raise _wrong("A tile of the layout is not inside its grid.")
            cells = set(product(range(tile.x, tile.x + tile.w), range(tile.y, tile.y + tile.h)))
            if cells & covered:
                raise _wrong("Two tiles of the layout overlap.")
            covered |= cells

    @property
    def grid(self) -> str | None:
        """Its name, where it is a standard one."""
        return _NAMES.get(self)

    def as_json(self) -> dict[str, Any]:
        """As the head of the module has it."""
        if self.grid is not None:
            return {"grid": self.grid}
        tiles = [{"x": tile.x, "y": tile.y, "w": tile.w, "h": tile.h} for tile in self.tiles]
        return {"columns": self.columns, "rows": self.rows, "tiles": tiles}


def layout_of(value: Mapping[str, Any]) -> Layout:
    """The inverse of `as_json`; a free form of a standard one is that one. InputError."""
    if "grid" in value:
        known = STANDARD.get(value["grid"]) if isinstance(value["grid"], str) else None
        if known is None or len(value) > 1:
            raise _wrong(f"The standard layouts are {', '.join(STANDARD)}.")
        return known
    tiles = value.get("tiles")
    if set(value) != {"columns", "rows", "tiles"} or not isinstance(tiles, list):
        raise _wrong("A layout has a grid, or columns, rows and tiles.")
    if len(tiles) > TILES_MAX:
        raise _wrong(f"A layout has 1 to {TILES_MAX} tiles.")
    return Layout(_whole(value["columns"]), _whole(value["rows"]), tuple(map(_tile, tiles)))


def _tile(value: Any) -> Tile:
    if not isinstance(value, Mapping) or set(value) != {"x", "y", "w", "h"}:
        raise _wrong("A tile has x, y, w and h.")
    return Tile(*(_whole(value[name]) for name in ("x", "y", "w", "h")))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= CELLS_MAX:
        raise _wrong(f"Columns, rows and tiles are whole numbers from 0 to {CELLS_MAX}.")
    return value


def _wrong(words: str) -> InputError:
    return InputError(words, field="layout", reason="layout")


def _square(side: int) -> Layout:
    return Layout(side, side, tuple(Tile(x, y) for y in range(side) for x in range(side)))


def _around(side: int, *large: Tile) -> Layout:
    """The large ones, and single cells around them in reading order."""
    cells = (Tile(x, y) for y in range(side) for x in range(side))
    return Layout(side, side, (*large, *(cell for cell in cells if not any(map(cell.overlaps, large)))))


STANDARD: Mapping[str, Layout] = {
    "1": _square(1),
    "4": _square(2),
    "6": _around(3, Tile(0, 0, 2, 2)),
    "8": _around(4, Tile(0, 0, 3, 3)),
    "9": _square(3),
    "10": _around(4, Tile(0, 0, 2, 2), Tile(2, 0, 2, 2)),
    "13": _around(4, Tile(1, 1, 2, 2)),
    "16": _square(4),
    "25": _square(5),
    "36": _square(6),
    "64": _square(8),
}
"""By name, which is how many Tiles each has."""
_NAMES = {layout: name for name, layout in STANDARD.items()}
