"""What comes out of the API about timelines, as pydantic models; the rules of web/schemas.py. Positions are whole
milliseconds after the `from` of the answer (below 0: before it), so that a month of sixteen cameras stays small."""

from __future__ import annotations

from pydantic import Field

from web.schemas import Out

Span = tuple[int, int]


class LackOut(Out):
    """Gaps that are drawn as one: `count` of them, of which `missing_ms` are missing. `cause`: of most of that time,
    where anything is somebody's fault of the faults."""

    start: int
    end: int
    cause: str
    open: bool
    count: int
    missing_ms: int


class HappeningOut(Out):
    """Events of a kind that began in one step, `count` of them; `end` null while one goes on. `id`: of one of them."""

    id: str
    kind: str
    severity: str
    start: int
    end: int | None
    count: int


class MarkOut(Out):
    """A Bookmark."""

    id: str
    at: int
    note: str


class HeldOut(Out):
    """A Hold; `end` null: footage to come too. `case_number`: empty where you do not see its case."""

    id: str
    case_number: str
    start: int
    end: int | None


class StripOut(Out):
    """One camera. `start` to `end`: what of the interval it can have been recorded in, null where in nothing of it.
    `motion`: which steps of `motion_step_ms` had motion, and in how many percent of them."""

    camera: str
    start: int | None
    end: int | None
    recorded: list[Span]
    gaps: list[LackOut]
    motion: list[Span]
    events: list[HappeningOut]
    bookmarks: list[MarkOut]
    holds: list[HeldOut]


class TimelineOut(Out):
    """Strips of cameras in the order in which they were asked for; nothing is finer than `step_ms`. `more`: there are
    more events or bookmarks than were given."""

    from_: str = Field(alias="from")
    to: str
    step_ms: int
    motion_step_ms: int
    more: bool
    cameras: list[StripOut]


class CameraHoursOut(Out):
    """A camera's week. `hours`: share of each that was recorded of what should have been, null where nothing should
    have been (yet). `causes`: of most that is missing in each, "" where nothing is."""

    id: str
    slug: str
    name: str
    removed: bool
    hours: list[float | None]
    causes: list[str]


class SiteHoursOut(Out):
    """A week of a site's cameras."""

    site: str
    week: str
    from_: str = Field(alias="from")
    to: str
    cameras: list[CameraHoursOut]
