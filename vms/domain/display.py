"""Walls of Displays: what each screen shows, what it showed before, and how a browser becomes one. Pure.

A message lies over what was shown before it, until its time is over or somebody takes it back.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from vms.clock import NS_PER_S
from vms.domain.ids import is_id
from vms.domain.layout import Layout, layout_of
from vms.errors import InputError

CODE_CHARS = 6
CODE_TTL_NS = 10 * 60 * NS_PER_S
EARLIER_MAX = 10
TEXT_MAX = 400
SCREENS_MAX = 16
# Nothing that is read as something else at three metres: no I and 1, no O and 0, no Q, no S and 5, no B and 8, no Z, 2.
_ALPHABET = "ACDEFGHJKLMNPRTUVWXY34679"


class Kind(StrEnum):
    """What a Display shows. `tiles`: a layout with cameras that nobody kept as a View."""

    NOTHING = "nothing"
    VIEW = "view"
    TOUR = "tour"
    CAMERA = "camera"
    TILES = "tiles"
    MESSAGE = "message"


class Colour(StrEnum):
    """How a message looks: plain words, something to mind, something that needs a hand now."""

    PLAIN = "plain"
    NOTICE = "notice"
    ALARM = "alarm"


_OF_SUBJECT = {Kind.VIEW, Kind.TOUR, Kind.CAMERA}


@dataclass(frozen=True, slots=True)
class Showing:
    """`subject`: id of the View, Tour or Camera. `layout` and `cameras`: of tiles. `text`, `colour`, `until_ns` (None:
    until taken back): of a message. `by`: the Person who pushed it, empty: nobody. `alarm`: the Alarm that brought its
    camera here (vms/domain/alarm_screens.py). InputError where they do not fit."""

    kind: Kind = Kind.NOTHING
    subject: str | None = None
    layout: Layout | None = None
    cameras: tuple[str | None, ...] = ()
    text: str = ""
    colour: Colour = Colour.PLAIN
    until_ns: int | None = None
    by: str = ""
    since_ns: int = 0
    alarm: str | None = None

    def __post_init__(self) -> None:
        if (self.kind in _OF_SUBJECT) != (self.subject is not None) or (self.subject and not is_id(self.subject)):
            raise InputError("A view, tour or camera is named by its id, and nothing else is.", field="subject")
        if (self.kind is Kind.TILES) != (self.layout is not None):
            raise InputError("Tiles have a layout, and nothing else has.", field="layout")
        if len(self.cameras) != (len(self.layout.tiles) if self.layout else 0):
            raise InputError("Name a camera, or null, for each tile of the layout.", field="cameras")
        if not all(camera is None or is_id(camera) for camera in self.cameras):
            raise InputError("A camera is named by its id.", field="cameras")
        is_message = self.kind is Kind.MESSAGE
        if is_message != bool(self.text) or len(self.text) > TEXT_MAX or (self.until_ns is not None and not is_message):
            raise InputError(f"A message has 1 to {TEXT_MAX} characters, and nothing else has.", field="text")
        if self.alarm is not None and (self.kind is not Kind.CAMERA or not is_id(self.alarm)):
            raise InputError("An alarm brings a camera.", field="alarm")

    def is_over(self, now_ns: int) -> bool:
        """Whether it is a message whose time is over."""
        return self.until_ns is not None and self.until_ns <= now_ns

    def as_json(self) -> dict[str, Any]:
        """For the catalogue."""
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "layout": None if self.layout is None else self.layout.as_json(),
            "cameras": list(self.cameras),
            "text": self.text,
            "colour": self.colour.value,
            "until_ns": self.until_ns,
            "by": self.by,
            "since_ns": self.since_ns,
            "alarm": self.alarm,
        }


def showing_of(value: Mapping[str, Any]) -> Showing:
    """The inverse of `as_json`. InputError."""
    return Showing(
        Kind(value["kind"]),
        value["subject"],
        None if value["layout"] is None else layout_of(value["layout"]),
        tuple(value["cameras"]),
        value["text"],
        Colour(value["colour"]),
        value["until_ns"],
        value["by"],
        value["since_ns"],
        value.get("alarm"),  # rows of before had none
    )


@dataclass(frozen=True, slots=True)
class Wall:
    """A named set of Displays."""

    id: str
    name: str
    rev: int = 1


@dataclass(frozen=True, slots=True)
class Display:
    """A paired browser; `key_sha256` (hex) is all that is kept of its key. `earlier`: what it showed before, the newest
    first. `seen_ns`: when it was last there, to the minute; None: never since it was paired."""

    id: str
    name: str
    wall: str
    key_sha256: str = field(repr=False)
    showing: Showing = Showing()
    earlier: tuple[Showing, ...] = ()
    paired_ns: int = 0
    seen_ns: int | None = None
    rev: int = 1

    def now(self, now_ns: int) -> Showing:
        """What it shows: the newest that is not a message whose time is over."""
        return next((each for each in (self.showing, *self.earlier) if not each.is_over(now_ns)), Showing())

    def pushed(self, showing: Showing) -> Display:
        """With something else on it."""
        kept = [each for each in (self.showing, *self.earlier) if not each.is_over(showing.since_ns)]
        return replace(self, showing=showing, earlier=tuple(kept[:EARLIER_MAX]), rev=self.rev + 1)

    def taken_back(self, now_ns: int) -> Display:
        """With what it showed before; nothing where that is not known. Who takes an alarm's camera back wants what is
        beneath it: as if it had been pushed now."""
        top, *left = [each for each in (self.showing, *self.earlier) if not each.is_over(now_ns)] or [Showing()]
        shown = left[0] if left else Showing(since_ns=now_ns)
        if top.alarm is not None:
            shown = replace(shown, since_ns=now_ns)
        return replace(self, showing=shown, earlier=tuple(left[1:]), rev=self.rev + 1)


@dataclass(frozen=True, slots=True)
class Pairing:
    """A browser that shows `code` and waits for somebody to type it; the key it already has opens nothing until then.
    `address`: where it asked from."""

    code: str
    key_sha256: str = field(repr=False)
    address: str
    created_ns: int

    @property
    def expires_ns(self) -> int:
        """From then on the code is worth nothing."""
        return self.created_ns + CODE_TTL_NS


def new_code() -> str:
    """Six random characters, 240 million of them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS))


def clean_code(text: str) -> str | None:
    """A code as it was typed: any case, with spaces and hyphens; None: it cannot be one."""
    code = text.upper().replace(" ", "").replace("-", "") if len(text) <= 4 * CODE_CHARS else ""
    return code if len(code) == CODE_CHARS and set(code) <= set(_ALPHABET) else None
