"""CSV as spreadsheets write it, into rows: with commas, semicolons or tabs, with a byte-order mark or without. Pure.

Each line is read by itself: a quote that somebody forgot spoils its own line and not the rest of the file. A value that
spans lines is therefore refused; no value of a camera does.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator

from web.sheet.columns import COLUMNS, KEYS, column_of
from web.sheet.rows import ROWS_MAX, TEXT_MAX, Cell, Fault, Row, SheetError, line_fault, no_text, text_long, too_many

_DELIMITERS = ";,\t"
_LINE_BYTES = 32_000
_GUARDED = "=+-@'\t"
"""What makes a spreadsheet take a text for a formula."""


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before it (OWASP, CSV injection)."""
    return f"'{text}" if text.lstrip()[:1] and text.lstrip()[:1] in _GUARDED else text


def unguarded(text: str) -> str:
    """The inverse."""
    return text[1:] if text[:1] == "'" and text[1:].lstrip()[:1] and text[1:].lstrip()[:1] in _GUARDED else text


def read_csv(data: bytes) -> list[Row]:
    """The cameras of a file. SheetError where its first line, or all of it, is no such file."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise no_text()
    lines = list(_lines(data.removeprefix(codecs.BOM_UTF8)))
    if not lines:
        raise SheetError("The file is empty.", hint="Its first line names the columns.", reason="sheet_empty")
    (_, first), *rest = lines
    if b"\0" in first:
        raise no_text()
    try:
        heading = first.decode("utf-8")
    except UnicodeDecodeError:
        raise no_text() from None
    delimiter = max(_DELIMITERS, key=heading.count)
    columns = _columns(heading, delimiter)
    if len(rest) > ROWS_MAX:
        raise too_many()
    rows = [_row(number, line, delimiter, columns) for number, line in rest]
    return [row for row in rows if row is not None]


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that hold something; `sep=;` of Excel is none of the file."""
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip(b" \t,;") and not (number == 1 and line.lower().startswith(b"sep=")):
            yield number, line


def _columns(heading: str, delimiter: str) -> list[str]:
    try:
        names = _cells(heading, delimiter)
    except csv.Error:
        raise SheetError("The first line cannot be read.", reason="sheet_heading") from None
    while names and not names[-1].strip():
        names.pop()
    columns: list[str] = []
    for place, name in enumerate(names, 1):
        column = column_of(name)
        if column is None:
            raise SheetError(
                f"Heading {place} of the first line is not known.",
                hint=f"Known are {', '.join(COLUMNS)}.",
                reason="sheet_heading_unknown",
                params={"place": str(place), "known": ", ".join(COLUMNS)},
            )
        if column in columns:
            raise SheetError(
                f"The first line names {column} twice.", reason="sheet_heading_twice", params={"column": column}
            )
        columns.append(column)
    if not set(columns) & set(KEYS):
        raise SheetError("The first line names neither slug nor name.", reason="sheet_no_key")
    return columns


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, strict=True), [])


def _row(number: int, line: bytes, delimiter: str, columns: list[str]) -> Row | None:
    read = _read(number, line, delimiter)
    if isinstance(read, Fault):
        return Row(number, {}, (read,))
    texts, extra = read[: len(columns)], read[len(columns) :]
    if not any(text.strip() for text in read):
        return None
    cells = {
        name: Cell(text if name == "password" else unguarded(text), number, place)
        for place, (name, text) in enumerate(zip(columns, texts, strict=False), 1)
    }
    if len(texts) < len(columns) or any(text.strip() for text in extra):
        params = {"found": str(len(read)), "wanted": str(len(columns))}
        words = f"the line has {len(read)} values, the first line {len(columns)}"
        return Row(number, cells, (line_fault(number, words, reason="sheet_cells", params=params),))
    long = next((name for name, cell in cells.items() if len(cell.text) > TEXT_MAX), None)
    if long is not None:
        place = cells[long].place
        return Row(number, {}, (text_long(long, number, place),))
    return Row(number, cells)


def _read(number: int, line: bytes, delimiter: str) -> list[str] | Fault:
    if len(line) > _LINE_BYTES:
        params = {"limit": str(_LINE_BYTES)}
        return line_fault(
            number, f"the line is longer than {_LINE_BYTES} bytes", reason="sheet_line_long", params=params
        )
    try:
        return _cells(line.decode("utf-8"), delimiter)
    except UnicodeDecodeError:
        return line_fault(number, "the line is not UTF-8", reason="sheet_line_no_utf8")
    except csv.Error:
        return line_fault(number, "a quotation mark is not closed, or stands inside a value", reason="sheet_quote")
