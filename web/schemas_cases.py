"""What goes in and out of the API about Cases and Holds, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt, WithJsonSchema

from vms.domain.case import PEOPLE_MAX, PROSE_MAX, TITLE_MAX, CaseRole, CaseState
from vms.domain.hold import REASON_MAX
from web.schemas import Id, In, NamedOut, Out
from web.text import TextError, clean_prose, clean_text

HOLD_CAMERAS_MAX = 64


def _title(text: str) -> str:
    return _needed(clean_text(text, limit=TITLE_MAX))


def _reason(text: str) -> str:
    return _needed(clean_text(text, limit=REASON_MAX))


def _prose(text: str) -> str:
    return clean_prose(text, limit=PROSE_MAX)


def _note(text: str) -> str:
    return _needed(_prose(text))


def _needed(text: str) -> str:
    if not text:
        raise TextError("is empty", reason="text_empty")
    return text


def _text(limit: int, least: int = 0) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": limit} | ({"minLength": least} if least else {}))


Title = Annotated[str, AfterValidator(_title), _text(TITLE_MAX, 1)]
Prose = Annotated[str, AfterValidator(_prose), _text(PROSE_MAX)]
NoteText = Annotated[str, AfterValidator(_note), _text(PROSE_MAX, 1)]
Reason = Annotated[str, AfterValidator(_reason), _text(REASON_MAX, 1)]


class CasePersonIn(In):
    """Who may see a case, and as what."""

    person: Id
    role: CaseRole = CaseRole.MEMBER


class CaseIn(In):
    """A new case; who opens it becomes its owner. `people`: others who may see it."""

    title: Title
    description: Prose = ""
    people: Annotated[list[CasePersonIn], Field(default_factory=list, max_length=PEOPLE_MAX)]


class CasePatch(In):
    """What is to be another. `rev`: of the case as it was read; what is left out stays."""

    rev: StrictInt
    title: Title | None = None
    description: Prose | None = None
    state: CaseState | None = None
    people: Annotated[list[CasePersonIn], Field(max_length=PEOPLE_MAX)] | None = None


class CaseRef(Out):
    """A case by its number and title."""

    id: str
    number: str
    title: str


class CasePersonOut(NamedOut):
    """One of a case's people."""

    role: CaseRole


class CaseOut(Out):
    """A case. `may_change`: whether you own it, or are an admin of everything. `held_bytes`, `held_segments`: the
    footage that its holds keep now; `holds`: how many of them hold."""

    id: str
    number: str
    title: str
    description: str
    state: CaseState
    people: list[CasePersonOut]
    person: NamedOut
    created_at: str
    closed_at: str | None
    may_change: bool
    holds: int
    held_bytes: int
    held_segments: int
    rev: int


class CasesOut(Out):
    """One page of cases, the newest first; it may hold fewer than `limit`. `next`: the cursor of the following one."""

    items: list[CaseOut]
    next: str | None


class CasePeopleOut(Out):
    """Who can be given a case: who has the right to investigate somewhere."""

    items: list[NamedOut]


class CaseNoteIn(In):
    """What is to be noted; it cannot be changed."""

    text: NoteText


class CaseNoteOut(Out):
    """What somebody noted."""

    id: str
    text: str
    person: NamedOut
    at: str


class CaseNotesOut(Out):
    """The notes of a case, the newest first."""

    items: list[CaseNoteOut]


class HoldsIn(In):
    """What is to be held: cameras x time, one hold for each camera. `from`, `to`: RFC 3339, capture time, half-open;
    both may be yet to come; `to` null: without an end. `reason`: why; it stands in the audit log."""

    cameras: Annotated[list[Id], Field(min_length=1, max_length=HOLD_CAMERAS_MAX)]
    from_: Annotated[str, Field(alias="from", max_length=64)]
    to: Annotated[str, Field(max_length=64)] | None
    reason: Reason


class HoldOut(Out):
    """A hold on a camera; `to` null: without an end. `case`, `case_number`: null, and `reason` empty, where you do not
    see its case. `removed_at`: when it was taken off; it holds until `holds_until`, and can be put back until then."""

    id: str
    case: str | None
    case_number: str | None
    camera: str
    camera_name: str | None
    from_: Annotated[str, Field(serialization_alias="from")]
    to: str | None
    reason: str
    person: NamedOut | None
    created_at: str
    removed_at: str | None
    holds_until: str | None


class HoldsOut(Out):
    """Holds, by their start."""

    items: list[HoldOut]
