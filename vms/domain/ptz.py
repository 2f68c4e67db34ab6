"""What is set of a Camera's PTZ: its patrol and the names people gave to its presets. Pure.

A preset itself (a direction and a zoom) is kept by the camera under a token of its own; ONVIF knows no renaming that
leaves the direction alone, so names are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STEPS_MAX = 32
NAMES_MAX = 256
TOKEN_MAX = 64
"""Characters of a token (ONVIF tt:ReferenceToken)."""
DWELL_S = (3.0, 3600.0)
"""The shortest and the longest stay at a preset, in seconds."""


@dataclass(frozen=True, slots=True)
class PatrolStep:
    """A preset by its token, and how long the camera stays there, in seconds."""

    preset: str
    dwell_s: float


@dataclass(frozen=True, slots=True)
class PtzPlan:
    """`patrolling`: the camera goes from step to step whenever nobody steers it. `names`: (token, name), sorted."""

    patrolling: bool = False
    steps: tuple[PatrolStep, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def named(self, token: str, name: str | None) -> tuple[tuple[str, str], ...]:
        """The names after one more, or one less."""
        kept = {known: text for known, text in self.names if known != token}
        return tuple(sorted((kept | ({} if name is None else {token: name})).items()))

    def as_json(self) -> dict[str, Any]:
        """As the catalogue has it."""
        steps = [{"preset": step.preset, "dwell_s": step.dwell_s} for step in self.steps]
        return {"patrolling": self.patrolling, "steps": steps, "names": dict(self.names)}


def plan_of(value: Mapping[str, Any]) -> PtzPlan:
    """The inverse of `as_json`; what is missing is as in a new one."""
    steps = tuple(PatrolStep(str(step["preset"]), float(step["dwell_s"])) for step in value.get("steps", ()))
    names = tuple(sorted((str(token), str(name)) for token, name in dict(value.get("names", {})).items()))
    return PtzPlan(bool(value.get("patrolling", False)), steps, names)
