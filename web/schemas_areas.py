"""What goes in and out of the API about areas and masks of a camera; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, WithJsonSchema

from vms.domain.area import AREAS_MAX, MASKS_MAX, POINTS_MAX, POINTS_MIN, THRESHOLD, Area, Polygon, polygon_of
from vms.domain.ids import new_id
from web.text import NAME_MAX, clean_name

Share = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1, allow_inf_nan=False)]
Point = Annotated[list[Share], Field(min_length=2, max_length=2)]
Points = Annotated[
    list[Point],
    Field(min_length=POINTS_MIN, max_length=POINTS_MAX, description="Shares of width and height, from the top left."),
]
Masks = Annotated[list[Points], Field(max_length=MASKS_MAX)]
_Name = Annotated[
    str, AfterValidator(clean_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": NAME_MAX})
]
_Id = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$", description="An id; left out: a new one.")]


class AreaIn(BaseModel):
    """A part of the picture where motion is an event, from the share `threshold` of it that changes on."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: _Id | None = None
    name: _Name
    polygon: Points
    threshold: Annotated[StrictFloat | StrictInt, Field(gt=0, le=1, allow_inf_nan=False)] = THRESHOLD


Areas = Annotated[list[AreaIn], Field(max_length=AREAS_MAX)]


class AreaOut(BaseModel):
    """An area as it is kept."""

    id: str
    name: str
    polygon: list[list[float]]
    threshold: float


def areas_of(given: list[AreaIn]) -> tuple[Area, ...]:
    """The areas of a form. InputError."""
    return tuple(
        Area(item.id or new_id(), item.name, polygon_of(item.polygon, f"areas.{i}.polygon"), float(item.threshold))
        for i, item in enumerate(given)
    )


def masks_of(given: list[list[list[Any]]]) -> tuple[Polygon, ...]:
    """The masks of a form. InputError."""
    return tuple(polygon_of(points, f"masks.{i}") for i, points in enumerate(given))


def areas_out(areas: tuple[Area, ...]) -> list[AreaOut]:
    """The areas of a camera."""
    return [AreaOut.model_validate(area.as_json()) for area in areas]


def masks_out(masks: tuple[Polygon, ...]) -> list[list[list[float]]]:
    """The masks of a camera."""
    return [[list(point) for point in polygon] for polygon in masks]
