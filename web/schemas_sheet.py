"""What the API says of a Sheet, a file of cameras: each line's fate; the rules of web/schemas.py."""

from __future__ import annotations

from web.schemas import Out
from web.sheet.plan import Fate


class SheetFaultOut(Out):
    """What is wrong with a line. `column`: of which, empty: with the line itself; `place`: which value of the line
    (CSV) or character (YAML), from 1, 0: all of it; `reason`, `params`: see ProblemOut."""

    column: str
    line: int
    place: int
    message: str
    reason: str
    params: dict[str, str]


class SheetLineOut(Out):
    """A line and what becomes of it. `camera`: its id, null where it is refused or not registered yet; `fields`: what
    changes of it. `site` and `name` as the file has them where they can be shown."""

    line: int
    fate: Fate
    site: str
    name: str
    slug: str
    camera: str | None
    fields: list[str]
    faults: list[SheetFaultOut]


class SheetSiteOut(Out):
    """A site that is made for the file; `parent`: the name of the one above."""

    slug: str
    name: str
    parent: str | None


class SheetOut(Out):
    """What the file does, or did where `applied`. `undo`: what to take it back by, for ten minutes."""

    applied: bool
    new: int
    changed: int
    unchanged: int
    refused: int
    sites: list[SheetSiteOut]
    lines: list[SheetLineOut]
    undo: str | None


class SheetUndoneOut(Out):
    """How many cameras were taken back, and how many were not, for somebody had changed them since."""

    undone: int
    kept: int
