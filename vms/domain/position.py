"""Where a Site or a Camera is on the earth: WGS84 longitude and latitude in degrees. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from vms.errors import InputError

LONGITUDE_MAX = 180.0
LATITUDE_MAX = 90.0
_DIGITS = 6  # a tenth of a metre


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees east and degrees north, kept to a millionth."""

    longitude: float
    latitude: float


def position_of(longitude: float | None, latitude: float | None) -> Position | None:
    """Both or neither; InputError names the field that is missing or is no place on earth."""
    if longitude is None and latitude is None:
        return None
    for name, value, most in (("longitude", longitude, LONGITUDE_MAX), ("latitude", latitude, LATITUDE_MAX)):
        if value is None:
            raise InputError("Give longitude and latitude, or neither.", field=name, reason="position_half")
        if not isfinite(value) or abs(value) > most:
            words = f"A {name} is between -{most:g} and {most:g} degrees."
            raise InputError(words, field=name, reason="position_range")
    assert longitude is not None
    assert latitude is not None
    return Position(round(float(longitude), _DIGITS), round(float(latitude), _DIGITS))


def position_in(longitude: float | None, latitude: float | None) -> Position | None:
    """Of the columns of a catalogue's row, which holds both or neither."""
    return None if longitude is None or latitude is None else Position(longitude, latitude)


def position_columns(position: Position | None) -> dict[str, float | None]:
    """The inverse of `position_in`."""
    if position is None:
        return {"longitude": None, "latitude": None}
    return {"longitude": position.longitude, "latitude": position.latitude}
