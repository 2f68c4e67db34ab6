"""What goes in and out of the API about Walls and Displays, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StrictInt, WithJsonSchema

from vms.domain.display import TEXT_MAX, Colour, Kind
from web.schemas import Id, In, Name, Out
from web.schemas_tours import PageOut
from web.schemas_views import Cameras, LayoutIn, Rev
from web.text import TextError, clean_name

Code = Annotated[str, Field(min_length=1, max_length=24, description="As the screen shows it; case does not matter.")]
Until = Annotated[StrictInt, Field(ge=5, le=7 * 24 * 3600, description="Seconds; without it, until taken back.")]


def clean_message(text: str) -> str:
    """Lines of what a name may hold; empty ones at the ends fall away."""
    if len(text) > 4 * TEXT_MAX:
        raise _long()
    lines = [
        clean_name(line) if line.strip() else "" for line in unicodedata.normalize("NFC", text).strip().split("\n")
    ]
    message = "\n".join(lines)
    if not message:
        raise TextError("is empty", reason="text_empty")
    if len(message) > TEXT_MAX or len(lines) > 8:
        raise _long()
    return message


def _long() -> TextError:
    return TextError(f"is longer than {TEXT_MAX} characters", reason="text_long", params={"limit": str(TEXT_MAX)})


Text = Annotated[
    str, AfterValidator(clean_message), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": TEXT_MAX})
]


class WallNameIn(In):
    """A wall's name; `rev`, where it is changed, is that of the wall as it was read."""

    name: Name
    rev: Rev | None = None


class PairIn(In):
    """The code on a screen, what it will be called, and the wall it belongs to: one that is there, or the name of a
    new one."""

    code: Code
    name: Name
    wall: Id | None = None
    new_wall: Name | None = None


class DisplayPatch(In):
    """What changes of a display; `rev` is that of the display as it was read."""

    rev: Rev
    name: Name | None = None
    wall: Id | None = None


class ShowIn(In):
    """What to show. `subject`: the id of a view, tour or camera. Kind `tiles`: `layout` and `cameras`. Kind `message`:
    `text`, `colour` and for how long, `for_s`; it lies over what was shown before. `rev`: only if nobody has changed
    the display since; not for a whole wall."""

    kind: Kind
    rev: Rev | None = None
    subject: Id | None = None
    layout: LayoutIn | None = None
    cameras: Cameras = Field(default_factory=list)
    text: Text | None = None
    colour: Colour = Colour.PLAIN
    for_s: Until | None = None


class SceneAlarmOut(Out):
    """The alarm that brought a camera onto a display."""

    id: str
    kind: str
    priority: int
    rule: str


class SceneOut(Out):
    """What is shown. `name` of the view, tour or camera; `gone`: it was deleted since. `layout` with `cameras`, or the
    `pages` of a tour. `by_name`: who pushed it; `alarm`: what did, where nobody has."""

    kind: Kind
    subject: str | None
    name: str
    gone: bool
    layout: dict[str, Any] | None
    cameras: list[str | None]
    pages: list[PageOut]
    text: str
    colour: Colour
    until: str | None
    since: str | None
    by_name: str
    alarm: SceneAlarmOut | None = None


class DisplayOut(Out):
    """A display. `online`: its page is there now; of `tiles` with a camera so many are `live`; `current`: it runs the
    page of this version; null while it is away. `earlier`: there is something to take back to."""

    id: str
    name: str
    wall: str
    scene: SceneOut
    earlier: StrictBool
    online: bool
    seen_at: str | None
    tiles: int
    live: int
    current: bool | None
    width: int
    height: int
    paired_at: str
    rev: int


class DisplaysOut(Out):
    """One page of displays; `next` is the cursor of the following one."""

    items: list[DisplayOut]
    next: str | None


class WallSetOut(Out):
    """A wall: a named set of displays."""

    id: str
    name: str
    displays: int
    rev: int


class WallSetsOut(Out):
    """All walls, by name."""

    items: list[WallSetOut]
    next: str | None


class PairingOut(Out):
    """What a browser shows while it waits to be paired, and until when the code is good."""

    code: str
    expires_at: str


class DisplayHereOut(Out):
    """What this browser is: a display by `id`, `name` and the name of its `wall`, or one that waits, by `pairing`."""

    id: str | None = None
    name: str | None = None
    wall: str | None = None
    pairing: PairingOut | None = None
