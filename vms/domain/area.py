"""Areas and masks: polygons drawn over a Camera's picture. Pure.

Points are (x, y) as shares of the picture's width and height, 0 to 1, from the top left. In an Area motion is looked
for; what lies under a mask is private: no picture the page shows has it, and nothing looks at it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vms.errors import InputError

POINTS_MIN, POINTS_MAX = 3, 32
AREAS_MAX = 16
MASKS_MAX = 16
THRESHOLD = 0.02
"""Share of an Area that has to change between two key frames, where nobody chose another."""
_NARROW = 0.004
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the picture where motion is an Event. `threshold`: the share of it that has to change, above 0 to 1."""

    id: str
    name: str
    polygon: Polygon
    threshold: float = THRESHOLD

    def as_json(self) -> dict[str, Any]:
        """As the catalogue and the API have it."""
        polygon = [list(point) for point in self.polygon]
        return {"id": self.id, "name": self.name, "polygon": polygon, "threshold": self.threshold}


def area_of(value: Mapping[str, Any]) -> Area:
    """The inverse of `as_json`. InputError."""
    return Area(str(value["id"]), str(value["name"]), polygon_of(value["polygon"]), float(value["threshold"]))


def polygon_of(points: Sequence[Sequence[float]], field: str = "polygon") -> Polygon:
    """A polygon of 3 to 32 points in the picture that has some breadth, to a ten-thousandth. InputError names `field`
    where it is none."""
    if not POINTS_MIN <= len(points) <= POINTS_MAX:
        raise _wrong(f"A polygon has {POINTS_MIN} to {POINTS_MAX} points.", field)
    if any(len(point) != 2 or not all(0 <= part <= 1 for part in point) for point in points):
        raise _wrong("A point of a polygon is x and y, each from 0 to 1.", field)
    polygon = tuple((round(float(x), 4), round(float(y), 4)) for x, y in points)
    for side in zip(*polygon, strict=True):
        if max(side) - min(side) < _NARROW:
            raise _wrong("A polygon is not a line: it has some width and height.", field)
    return polygon


def check_areas(areas: Collection[Area]) -> None:
    """InputError where two have one id or one name."""
    for names in ([area.id for area in areas], [area.name.casefold() for area in areas]):
        if len(set(names)) < len(names):
            raise InputError("Two areas have the same name.", field="areas", reason="area_twice")


def _wrong(words: str, field: str) -> InputError:
    return InputError(words, field=field, reason="polygon")
