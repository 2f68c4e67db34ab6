"""What goes in and out of the API about Tours, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt

from vms.domain.layout import TILES_MAX
from vms.domain.tour import DWELL_MAX_S, DWELL_MIN_S, STEPS_MAX, Pin, Step
from web.schemas import Id, In, Name, Out
from web.schemas_views import LayoutIn, Rev


class StepIn(In):
    """A view or a camera, and for how long."""

    view: Id | None = None
    camera: Id | None = None
    dwell_s: Annotated[StrictInt, Field(ge=DWELL_MIN_S, le=DWELL_MAX_S)]

    def step(self) -> Step:
        """InputError."""
        return Step(self.dwell_s, self.view, self.camera)


class PinIn(In):
    """A tile that keeps its camera."""

    tile: Annotated[StrictInt, Field(ge=0, lt=TILES_MAX)]
    camera: Id

    def pin(self) -> Pin:
        """InputError."""
        return Pin(self.tile, self.camera)


Steps = Annotated[list[StepIn], Field(min_length=1, max_length=STEPS_MAX)]
Pins = Annotated[list[PinIn], Field(max_length=TILES_MAX)]


class TourIn(In):
    """A new tour. `layout`: that of camera steps, which share it, as many at a time as tiles are not pinned."""

    name: Name
    shared: StrictBool = False
    layout: LayoutIn = LayoutIn(grid="1")
    steps: Steps
    pinned: Pins = Field(default_factory=list)


class TourPatch(In):
    """What changes of a tour; `rev` is that of the tour as it was read."""

    rev: Rev
    name: Name | None = None
    shared: StrictBool | None = None
    layout: LayoutIn | None = None
    steps: Steps | None = None
    pinned: Pins | None = None


class StepOut(Out):
    """A step as it was given."""

    view: str | None
    camera: str | None
    dwell_s: int


class PinOut(Out):
    """A pin as it was given."""

    tile: int
    camera: str


class PageOut(Out):
    """What is shown at once and for how long; a camera or null per tile. `name`, `view`: of a view's step."""

    name: str
    view: str | None
    layout: dict[str, Any]
    cameras: list[str | None]
    dwell_s: int


class TourOut(Out):
    """A tour; `pages` is what it comes to with the views as they are now: steps whose view is gone are left out. All
    who show it are on the same page at the same time: round after round from 1970 on, by the server's clock."""

    id: str
    name: str
    owner: str
    owner_name: str
    mine: bool
    shared: bool
    layout: dict[str, Any]
    steps: list[StepOut]
    pinned: list[PinOut]
    pages: list[PageOut]
    changed_at: str
    rev: int


class ToursOut(Out):
    """One page of tours; `next` is the cursor of the following one."""

    items: list[TourOut]
    next: str | None
