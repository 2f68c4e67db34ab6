"""Who steers a camera, and what its patrol does next. Pure; times are monotonic nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from vms.clock import NS_PER_S
from vms.domain.ptz import PtzPlan
from vms.errors import ConflictError

HOLD_S = 15.0
"""How long a camera stays with who moved it last."""
REST_S = 30.0
"""How long after somebody let go a patrol waits before it goes on."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the camera; `priority` 0 to 100, the greater may take it from the lesser."""

    person: str
    name: str
    priority: int
    until_ns: int


def take(holder: Holder | None, who: Holder, now_ns: int, *, take_over: bool) -> Holder:
    """Who has it after `who` moved it: `who`, for HOLD_S more. ConflictError: somebody else has it, who is not of
    lesser priority; one of the same gives way to who asks for it in so many words."""
    taken = Holder(who.person, who.name, who.priority, now_ns + int(HOLD_S * NS_PER_S))
    if holder is None or holder.until_ns <= now_ns or holder.person == who.person:
        return taken
    if who.priority > holder.priority or (take_over and who.priority == holder.priority):
        return taken
    if who.priority < holder.priority:
        words = f"{holder.name} steers this camera and has priority."
        raise ConflictError(words, hint="Wait until it is free.", reason="ptz_above", params={"name": holder.name})
    raise ConflictError(
        f"{holder.name} steers this camera.", hint="Take it over, or wait until it is free.",
        reason="ptz_held", params={"name": holder.name},
    )  # fmt: skip


@dataclass(slots=True)
class Patrol:
    """The round of one camera. `free_ns`: since when nobody holds it."""

    _plan: PtzPlan = field(default_factory=PtzPlan)
    _next: int = 0
    _due_ns: int = 0

    def disturb(self, now_ns: int) -> None:
        """Somebody steers: the round goes on REST_S after the last of it."""
        self._due_ns = now_ns + int(REST_S * NS_PER_S)

    def due(self, plan: PtzPlan, now_ns: int, *, is_held: bool) -> str | None:
        """The preset to go to now, None while there is nothing to do. A changed plan begins anew."""
        if plan.steps != self._plan.steps or plan.patrolling != self._plan.patrolling:
            self._next, self._due_ns = 0, min(self._due_ns, now_ns) if not is_held else self._due_ns
        self._plan = plan
        if not plan.patrolling or not plan.steps or is_held or now_ns < self._due_ns:
            return None
        step = plan.steps[self._next % len(plan.steps)]
        self._next = (self._next + 1) % len(plan.steps)
        self._due_ns = now_ns + int(step.dwell_s * NS_PER_S)
        return step.preset
