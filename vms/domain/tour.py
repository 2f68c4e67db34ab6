"""Tours: Views or Cameras in turn, some Tiles pinned while the rest change. What is shown when is decided here by pages
and dwell times; who shows them keeps to the server's clock (web/ui/src/tours/schedule.ts). Pure.

A View step is a page of its own, in the View's layout. Camera steps that follow each other share pages of the Tour's
layout: as many at a time as Tiles are not pinned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vms.domain.ids import is_id
from vms.domain.layout import STANDARD, TILES_MAX, Layout
from vms.domain.view import View
from vms.errors import InputError

STEPS_MAX = 200
DWELL_MIN_S, DWELL_MAX_S = 2, 3600


@dataclass(frozen=True, slots=True)
class Step:
    """A View or a Camera, by id, and for how long. InputError where it is both, or neither."""

    dwell_s: int
    view: str | None = None
    camera: str | None = None

    def __post_init__(self) -> None:
        if not DWELL_MIN_S <= self.dwell_s <= DWELL_MAX_S:
            raise InputError(f"A step stays for {DWELL_MIN_S} to {DWELL_MAX_S} seconds.", field="steps")
        named = self.view if self.camera is None else self.camera
        if (self.view is None) == (self.camera is None) or named is None or not is_id(named):
            raise InputError("A step names a view or a camera by its id.", field="steps")


@dataclass(frozen=True, slots=True)
class Pin:
    """A Tile that keeps its Camera on every page that has the Tile."""

    tile: int
    camera: str

    def __post_init__(self) -> None:
        if not 0 <= self.tile < TILES_MAX or not is_id(self.camera):
            raise InputError("A pin names a tile by its number and a camera by its id.", field="pinned")


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown at once: a Camera, or None, per Tile of the layout. `name` and `view` are those of a View step."""

    layout: Layout
    cameras: tuple[str | None, ...]
    dwell_s: int
    name: str = ""
    view: str | None = None


@dataclass(frozen=True, slots=True)
class Tour:
    """`owner` is a Person's id; `layout` is that of camera steps. Views and Cameras may have been removed since.
    InputError where it has no step or too many, a Tile is pinned twice, or no Tile is left for camera steps."""

    id: str
    name: str
    owner: str
    steps: tuple[Step, ...]
    pinned: tuple[Pin, ...] = ()
    layout: Layout = STANDARD["1"]
    shared: bool = False
    changed_ns: int = 0
    rev: int = 1

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= STEPS_MAX:
            raise InputError(f"A tour has 1 to {STEPS_MAX} steps.", field="steps")
        if len({pin.tile for pin in self.pinned}) != len(self.pinned):
            raise InputError("A tile is pinned twice.", field="pinned")
        if any(step.camera for step in self.steps) and not self._free():
            raise InputError("Leave a tile of the layout free for the cameras in turn.", field="pinned")

    def is_seen_by(self, person: str) -> bool:
        """Whether the Person may show it, and change it: its owner, and everyone where it is shared."""
        return self.shared or self.owner == person

    def may_be_hidden_by(self, person: str) -> bool:
        """Whether the Person may take it back from the others."""
        return self.owner == person

    def pages(self, views: Mapping[str, View]) -> list[Page]:
        """All of one round, in order. Steps whose View is gone, or is private to somebody else, are left out."""
        found: list[Page] = []
        for run in _runs(self.steps):
            if run[0].view is None:
                found += self._camera_pages(run)
                continue
            view = views.get(run[0].view)
            if view is not None and view.is_seen_by(self.owner):
                cameras = self._pin(view.cameras)
                found.append(Page(view.layout, cameras, run[0].dwell_s, view.name, view.id))
        return found

    def _camera_pages(self, run: Sequence[Step]) -> Iterator[Page]:
        free = self._free()
        for first in range(0, len(run), len(free)):
            steps = list(run[first : first + len(free)])
            if first:  # the last page is filled up with the first cameras: no tile goes dark
                steps += run[: len(free) - len(steps)]
            cameras: list[str | None] = [None] * len(self.layout.tiles)
            for tile, step in zip(free, steps, strict=False):
                cameras[tile] = step.camera
            yield Page(self.layout, self._pin(cameras), max(step.dwell_s for step in steps))

    def _pin(self, cameras: Sequence[str | None]) -> tuple[str | None, ...]:
        held = {pin.tile: pin.camera for pin in self.pinned}
        return tuple(held.get(tile, camera) for tile, camera in enumerate(cameras))

    def _free(self) -> list[int]:
        held = {pin.tile for pin in self.pinned}
        return [tile for tile in range(len(self.layout.tiles)) if tile not in held]


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Each View step alone, camera steps together as long as they follow each other."""
    run: list[Step] = []
    for step in steps:
        if run and (step.view is not None or run[0].view is not None):
            yield run
            run = []
        run.append(step)
    if run:
        yield run
