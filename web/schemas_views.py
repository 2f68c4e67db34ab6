"""What goes in and out of the API about Views, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StrictInt, WithJsonSchema

from vms.domain.layout import CELLS_MAX, STANDARD, TILES_MAX, Layout, layout_of
from vms.domain.view import FOLDER_MAX, FOLDERS_DEEP
from web.schemas import Id, In, Name, Out
from web.text import TextError, clean_name

Cell = Annotated[StrictInt, Field(ge=0, le=CELLS_MAX)]


def clean_folder(text: str) -> str:
    """The path with each name cleaned; empty parts fall away."""
    if len(text) > 4 * FOLDER_MAX:
        raise _long()
    names = [clean_name(part) for part in text.split("/") if part.strip()]
    path = unicodedata.normalize("NFC", "/".join(names))
    if len(names) > FOLDERS_DEEP or len(path) > FOLDER_MAX:
        raise _long()
    return path


def _long() -> TextError:
    return TextError(
        f"is longer than {FOLDER_MAX} characters or {FOLDERS_DEEP} folders",
        reason="folder_long",
        params={"limit": str(FOLDERS_DEEP)},
    )


Folder = Annotated[str, AfterValidator(clean_folder), WithJsonSchema({"type": "string", "maxLength": FOLDER_MAX})]
Rev = Annotated[StrictInt, Field(ge=1, le=2**53)]
Cameras = Annotated[list[Id | None], Field(max_length=TILES_MAX)]


class TileShape(In):
    """A rectangle of cells."""

    x: Cell
    y: Cell
    w: Cell
    h: Cell


class LayoutIn(In):
    """A standard layout by `grid`, or a free one by `columns`, `rows` and `tiles`."""

    grid: Annotated[str, Field(max_length=3, json_schema_extra={"enum": list(STANDARD)})] | None = None
    columns: Cell | None = None
    rows: Cell | None = None
    tiles: Annotated[list[TileShape], Field(max_length=TILES_MAX)] | None = None

    def layout(self) -> Layout:
        """What it describes. InputError."""
        return layout_of(self.model_dump(exclude_none=True))


class ViewIn(In):
    """A view to keep: a camera, or null, per tile of the layout."""

    name: Name
    folder: Folder = ""
    shared: StrictBool = False
    layout: LayoutIn
    cameras: Cameras


class ViewPatch(In):
    """What changes of a view; `rev` is that of the view as it was read. Layout and cameras change together."""

    rev: Rev
    name: Name | None = None
    folder: Folder | None = None
    shared: StrictBool | None = None
    layout: LayoutIn | None = None
    cameras: Cameras | None = None


class ViewOut(Out):
    """A view. `layout` as in ViewIn; `mine`: made by who asks, `owner_name` else says by whom; `favourite`: of who
    asks. Cameras may have been removed since."""

    id: str
    name: str
    folder: str
    owner: str
    owner_name: str
    mine: bool
    shared: bool
    favourite: bool
    layout: dict[str, Any]
    cameras: list[str | None]
    changed_at: str
    rev: int


class ViewsOut(Out):
    """One page of views; `next` is the cursor of the following one."""

    items: list[ViewOut]
    next: str | None
