"""What a Sheet holds before anybody judges it: rows of cells that know their place, and
what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vms.errors import InputError

BYTES_MAX = 4_000_000
ROWS_MAX = 5_000
TEXT_MAX = 8_000
"""Characters of one cell at most."""


class SheetError(InputError):
    """A file of cameras that cannot be read at all; nothing was changed."""

    code = "sheet"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text, and where it stands: line and place count from 1; the place is that of the value in its line
    (CSV) or the character at which it begins (YAML)."""

    text: str
    line: int
    place: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in words and by a stable name (`reason`, `params` as in VmsError). `column` is empty where it is
    the line itself. Never holds a value of the file: one of them is a password."""

    column: str
    line: int
    place: int
    message: str
    reason: str
    params: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One camera of the file; what has faults was not read whole. A column that is not in `cells` was not given."""

    line: int
    cells: Mapping[str, Cell] = field(hash=False)
    faults: tuple[Fault, ...] = ()

    def text(self, column: str) -> str:
        """The value, stripped; empty where there is none."""
        cell = self.cells.get(column)
        return "" if cell is None else cell.text.strip()

    def fault(self, column: str, message: str, *, reason: str, params: Mapping[str, str] | None = None) -> Fault:
        """A fault in one of its cells, or in the line where it has no such cell."""
        cell = self.cells.get(column)
        line, place = (self.line, 0) if cell is None else (cell.line, cell.place)
        return Fault(column, line, place, message, reason, params or {})


def line_fault(line: int, message: str, *, reason: str, params: Mapping[str, str] | None = None) -> Fault:
    """A fault of a whole line."""
    return Fault("", line, 0, message, reason, params or {})


def text_long(column: str, line: int, place: int) -> Fault:
    """A value that is longer than any can be."""
    limit = str(TEXT_MAX)
    words = f"{column} is longer than {limit} characters"
    return Fault(column, line, place, words, reason="text_long", params={"limit": limit})


def too_many() -> SheetError:
    """More cameras than are taken at once."""
    limit = str(ROWS_MAX)
    return SheetError(
        f"The file has more than {limit} cameras.", hint="Divide it.", reason="sheet_rows", params={"limit": limit}
    )


def no_text() -> SheetError:
    """The file is not in the encoding that is read."""
    return SheetError("The file is not UTF-8 text.", hint='Save it as "CSV UTF-8".', reason="sheet_no_utf8")
