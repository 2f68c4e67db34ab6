"""The places the simulated cameras look at, drawn with numpy and OpenCV. `build` gives one at a size, ready to run."""

from __future__ import annotations

from collections.abc import Callable

from vms.simulator.options import Picture
from vms.simulator.scenes import rivers, streets, yards
from vms.simulator.scenes.plan import Plan
from vms.simulator.scenes.stage import Stage

SCENES: dict[str, Callable[[Picture], Plan]] = {
    "roundabout": streets.roundabout,
    "bridge": rivers.bridge,
    "market": streets.market,
    "port": yards.port,
    "landing": rivers.landing,
    "terminal": yards.terminal,
    "gate": streets.gate,
    "barge": rivers.barge,
    "junction": streets.junction,
    "jetty": rivers.jetty,
    "yard": yards.yard,
    "school": streets.school,
}


def build(name: str, picture: Picture, title: str) -> Stage:
    """The scene of that name at the size of the picture; `title` is written into it."""
    return SCENES[name](picture).finish(title)
