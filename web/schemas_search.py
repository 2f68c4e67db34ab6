"""What goes in and out of the API about searches, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictFloat, StrictInt

from vms.domain.event import Severity
from vms.domain.job import JobState
from vms.store.search import Source
from web.schemas import Id, In, NamedOut, Out, SiteRef
from web.schemas_alarms import ScheduleBody
from web.schemas_areas import Points

CAMERAS_MAX = 16
POLYGONS_MAX = 8
Time = Annotated[str, Field(max_length=64)]
From = Annotated[str, Field(alias="from", max_length=64)]
FromOut = Annotated[str, Field(serialization_alias="from")]
Cameras = Annotated[list[Id], Field(min_length=1, max_length=CAMERAS_MAX)]


class MotionSearchIn(In):
    """Motion to look for. `polygons`: where in the picture, together one part; none: all of it. `threshold`: the share
    of that part that changes from one key frame to the next; the smaller, the more is found. `schedule`: only then."""

    cameras: Cameras
    from_: From
    to: Time
    polygons: Annotated[list[Points], Field(max_length=POLYGONS_MAX, default_factory=list)]
    threshold: Annotated[StrictFloat | StrictInt, Field(gt=0, le=1, allow_inf_nan=False)] = 0.02
    least_s: Annotated[StrictInt, Field(ge=0, le=3600)] = 0
    schedule: ScheduleBody | None = None


class MotionHitOut(Out):
    """A stretch with motion. `score`: the greatest share that changed, at `peak_at`; `recorded`: there is footage."""

    from_: FromOut
    to: str
    score: float
    peak_at: str
    recorded: bool


class MotionSpanOut(Out):
    """A stretch of time."""

    from_: FromOut
    to: str


class MotionLineOut(Out):
    """A line of the answer: what was found of one camera in one window. `missing`: footage that nobody has looked at
    yet; `away`: a server that may know more did not answer; `cut`: there is more than is told; `searched` of `of`
    windows are done. A hit that goes on into the next window is told with that."""

    camera: str
    from_: FromOut
    to: str
    hits: list[MotionHitOut]
    missing: list[MotionSpanOut]
    away: bool
    cut: bool
    searched: int
    of: int


class MotionEndOut(Out):
    """The last line; an answer without it was cut short. `cut`: there were too many hits to go on."""

    end: bool = True
    hits: int
    cut: bool


class MomentOut(Out):
    """Something that was told of a moment: an event (`kind`, `severity`, `params`), a bookmark, or an alarm that a
    person raised (`note`, `person`)."""

    source: Source
    id: str
    at: str
    end: str | None
    camera: NamedOut | None
    site: SiteRef | None
    kind: str
    severity: Severity | None
    note: str
    person: NamedOut | None
    params: dict[str, Any]


class MomentsOut(Out):
    """One page of moments, the newest first; `next` is the cursor of the following one."""

    items: list[MomentOut]
    next: str | None


class FillIn(In):
    """Footage to be looked at, so that motion in it can be searched for."""

    cameras: Cameras
    from_: From
    to: Time


class FillOut(Out):
    """A Job that does so. `progress`: 0 to 1; `grids`: how many pictures it looked at, null until it is done."""

    id: str
    state: JobState
    progress: float
    cameras: list[NamedOut]
    from_: FromOut
    to: str
    person: NamedOut
    created_at: str
    ended_at: str | None
    grids: int | None
    why: str
    why_reason: str


class FillsOut(Out):
    """The newest ones."""

    items: list[FillOut]
