"""What goes in and out of the API about positions; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictFloat

from vms.domain.position import LATITUDE_MAX, LONGITUDE_MAX, Position, position_of
from vms.errors import InputError

_KEYS = frozenset({"longitude", "latitude"})
Longitude = Annotated[StrictFloat, Field(ge=-LONGITUDE_MAX, le=LONGITUDE_MAX, allow_inf_nan=False)]
Latitude = Annotated[StrictFloat, Field(ge=-LATITUDE_MAX, le=LATITUDE_MAX, allow_inf_nan=False)]


class PositionIn(BaseModel):
    """Degrees (WGS84), both or neither; both null: no position. Left out of a change, it stays."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    longitude: Longitude | None = None
    latitude: Latitude | None = None


class PositionOut(BaseModel):
    """Degrees (WGS84); null: no position."""

    longitude: float | None
    latitude: float | None


def position_given(form: PositionIn) -> Position | None:
    """The position of a form. InputError."""
    return position_of(form.longitude, form.latitude)


def position_changed(before: Position | None, form: PositionIn) -> Position | None:
    """The position after a change. InputError: one of the two is given alone."""
    given = _KEYS & form.model_fields_set
    if not given:
        return before
    if given != _KEYS:
        (missing,) = _KEYS - given
        raise InputError("Give longitude and latitude, or neither.", field=missing, reason="position_half")
    return position_given(form)


def position_out(position: Position | None) -> dict[str, float | None]:
    """The fields of PositionOut."""
    if position is None:
        return {"longitude": None, "latitude": None}
    return {"longitude": position.longitude, "latitude": position.latitude}
