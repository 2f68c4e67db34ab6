"""The places the simulated cameras look at, drawn with numpy and OpenCV. `build` gives one at a size, ready to run."""

from __future__ import annotations

import numpy as np

from vms.simulator.options import Picture
from vms.simulator.scenes.caption import Caption
from vms.simulator.scenes.stage import Stage


def build(name: str, picture: Picture, title: str) -> Stage:
    """The scene of that name at the size of the picture; `title` is written into it."""
    ground = np.zeros((picture.height, picture.width, 3), np.uint8)
    ground[:] = np.linspace(200, 90, picture.height)[:, None, None].astype(np.uint8)
    return Stage(ground, [], Caption(title, picture), picture.loop_frames)
