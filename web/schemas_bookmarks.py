"""What goes in and out of the API about Bookmarks, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from vms.domain.bookmark import NOTE_MAX
from web.schemas import Id, In, NamedOut, Out, SiteRef
from web.schemas_cases import CaseRef
from web.text import clean_text


def _clean(text: str) -> str:
    return clean_text(text, limit=NOTE_MAX)


Note = Annotated[str, AfterValidator(_clean), WithJsonSchema({"type": "string", "maxLength": NOTE_MAX})]


class BookmarkIn(In):
    """A moment to mark: `at` is its capture time (RFC 3339), not after now. `case`: an open one of yours."""

    camera: Id
    at: Annotated[str, Field(max_length=64)]
    note: Note = ""
    case: Id | None = None


class BookmarkPatch(In):
    """Another note, or another case: an open one of yours, null for none. What is left out stays."""

    note: Note | None = None
    case: Id | None = None


class BookmarkOut(Out):
    """A marked moment. The names of camera and person are as they are now; the camera may have been removed. `case`:
    null where it has none, or you do not see it."""

    id: str
    camera: NamedOut
    site: SiteRef | None
    at: str
    note: str
    person: NamedOut
    case: CaseRef | None
    created_at: str


class BookmarksOut(Out):
    """One page of bookmarks; `next` is the cursor of the following one."""

    items: list[BookmarkOut]
    next: str | None
