"""The columns of a Sheet: their names, in which order they are written, and what their text means. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vms.domain.camera import LinePriority, RecordMode
from web.sheet.rows import Fault, Row

COLUMNS = (
    "number", "slug", "site", "parent", "name", "main", "sub", "record_main", "record_sub", "username", "password",
    "transport", "enabled", "audio", "retention_days", "analysis", "priority", "onvif", "latitude", "longitude",
)  # fmt: skip
"""All that a file may have. `number` is written and not read; `password` is read and never written; `parent` is the
site above one that is made."""
WRITTEN = tuple(name for name in COLUMNS if name not in {"password", "parent"})
KEYS = ("slug", "name")
"""One of them says which camera a row is about."""

_ALIASES = {
    "nomor": "number",
    "lokasi": "site",
    "lokasi_induk": "parent",
    "nama": "name",
    "utama": "main",
    "pengguna": "username",
    "sandi": "password",
    "kata_sandi": "password",
    "aktif": "enabled",
    "suara": "audio",
    "lintang": "latitude",
    "bujur": "longitude",
}
_YES = frozenset({"yes", "y", "true", "1", "on", "ya"})
_NO = frozenset({"no", "n", "false", "0", "off", "tidak"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}([.,][0-9]{1,12})?")


class _WrongError(ValueError):
    def __init__(self, message: str, reason: str, params: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message, self.reason, self.params = message, reason, params or {}


def column_of(text: str) -> str | None:
    """The column that a heading means; None where none is."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower())
    name = _ALIASES.get(name, name)
    return name if name in COLUMNS else None


def _yes(text: str) -> bool:
    plain = text.lower()
    if plain in _YES | _NO:
        return plain in _YES
    raise _WrongError("is neither yes nor no", reason="sheet_yes_no")


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() in known:
            return text.lower()
        words = ", ".join(known)
        raise _WrongError(f"is none of {words}", reason="sheet_one_of", params={"known": words})

    return read


def _record(text: str) -> RecordMode:
    plain = text.lower()
    if plain in {mode.value for mode in RecordMode}:
        return RecordMode(plain)
    return RecordMode.CONTINUOUS if _yes(text) else RecordMode.OFF


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise _WrongError("is no whole number", reason="sheet_number")
    return int(text)


def _degrees(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _WrongError("is no number", reason="sheet_number")
    return float(text.replace(",", "."))


_MEANINGS: Mapping[str, Callable[[str], Any]] = {
    "record_main": _record,
    "record_sub": _record,
    "transport": _one_of("tcp", "udp"),
    "enabled": _yes,
    "audio": _yes,
    "retention_days": _days,
    "analysis": _yes,
    "priority": _one_of(*(one.value for one in LinePriority)),
    "latitude": _degrees,
    "longitude": _degrees,
}


def meanings(row: Row) -> tuple[dict[str, Any], list[Fault]]:
    """What the cells of a row say: column -> value, None of an empty one; and the faults of those that say nothing."""
    said: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in row.cells:
        text = row.text(column)
        try:
            said[column] = _MEANINGS.get(column, str)(text) if text else None
        except _WrongError as error:
            faults.append(row.fault(column, f"{column} {error.message}", reason=error.reason, params=error.params))
    return said, faults


def field_column(location: Sequence[Any], has_both: bool) -> str:
    """The column from which a field of the camera's form was made, such as `streams.0.url`."""
    parts = [str(part) for part in location]
    if parts and parts[0] == "streams":
        second = len(parts) > 1 and parts[1] == "1"
        return "sub" if second and has_both else "main"
    return parts[0] if parts and parts[0] in COLUMNS else ""
