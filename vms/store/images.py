"""Images of rows: what of a row travels between catalogues, and its packed form. Pure.

An image is a table's name, the columns of one row, and the rows of its part, where the table has one: a Segment's
fragment index, a Camera's Streams. It is whole: who applies it replaces row and part, or neither.

Packed form v1 of several images: byte 1, then zlib over msgpack `[{"t": table, "c": {column: value}, "p": [{column:
value}]}]`, `p` only where the table has a part. Columns that the reader does not know are left out, columns that it
misses get what a new row has; a value of another type than its column's makes an image unfit.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, Column, ColumnDefault, String, Table

from vms.errors import CatalogueError
from vms.store.notes import FACTS, SETTINGS
from vms.store.tables import cameras, fragment_indexes, segments, streams
from vms.store.tables.base import HexBytes

_VERSION = 1
_MAX_BYTES = 64 << 20
_TABLES = {table.name: table for table in (*SETTINGS, *FACTS)}
_WIRE = msgspec.msgpack.Encoder()  # what is JSON in a column keeps its order
_SORTED = msgspec.msgpack.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Part:
    """A table whose rows belong to rows of another: `columns` are the owner's key in it, in the owner's order."""

    table: Table
    columns: tuple[str, ...]


PARTS = {segments.name: Part(fragment_indexes, ("run", "number")), cameras.name: Part(streams, ("camera",))}


@dataclass(frozen=True, slots=True)
class RowImage:
    """One row as it was; `part` is None where its table has none."""

    table: str
    values: Mapping[str, Any]
    part: tuple[Mapping[str, Any], ...] | None = field(default=None)

    @property
    def key(self) -> tuple[Any, ...]:
        """Its primary key."""
        return key_of(_TABLES[self.table], self.values)

    def beats(self, other: RowImage) -> bool:
        """Whether it replaces another of the same key: a greater rev does. Two of one rev (two places wrote at once)
        are told apart by their bytes, so that all catalogues keep the same one. Without a rev the first stays."""
        if "rev" not in self.values:
            return False
        mine, theirs = self.values["rev"], other.values["rev"]
        return bool(mine > theirs) or (mine == theirs and _canonical(self) > _canonical(other))


def pack(images: Sequence[RowImage]) -> bytes:
    """Several images as bytes."""
    plain = [_plain(image) for image in images]
    try:
        body = _WIRE.encode(plain)
    except UnicodeEncodeError:  # a lone surrogate in an old entry of the audit log: no reason to send nothing any more
        body = _WIRE.encode(_sendable(plain))
    return bytes([_VERSION]) + zlib.compress(body, 6)


def unpack(data: bytes) -> list[RowImage]:
    """The images of a packed value, as they were sent. CatalogueError where it is damaged or of a newer version."""
    if data[:1] != bytes([_VERSION]):
        raise CatalogueError("rows of a newer version", hint="Install that version here too.")
    try:
        stream = zlib.decompressobj()
        body = stream.decompress(data[1:], _MAX_BYTES)
        if not stream.eof:
            raise CatalogueError("damaged rows")
        return [RowImage(one["t"], one["c"], _part(one.get("p"))) for one in msgspec.msgpack.decode(body)]
    except (zlib.error, msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise CatalogueError("damaged rows") from error


def fitting(image: RowImage) -> RowImage:
    """The same with exactly the columns of this version's tables. CatalogueError says in what it does not fit."""
    table = _TABLES.get(image.table)
    if table is None:
        raise CatalogueError(
            f"rows of an unknown table {image.table!r:.40}", hint="Install the newer version here too."
        )
    values = _fitting(table, image.values)
    part = PARTS.get(table.name)
    if part is None:
        return RowImage(str(table.name), values)
    owner = dict(zip(part.columns, key_of(table, values), strict=True))
    return RowImage(str(table.name), values, tuple(_fitting(part.table, {**row, **owner}) for row in image.part or ()))


def table_of(name: str) -> Table:
    """The table of an image that fits, or of an entry of the outbox."""
    return _TABLES[name]


def key_of(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(values[column.name] for column in table.primary_key.columns)


def _plain(image: RowImage) -> dict[str, Any]:
    plain: dict[str, Any] = {"t": str(image.table), "c": image.values}
    return plain if image.part is None else {**plain, "p": image.part}


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {name: _sendable(inner) for name, inner in value.items()}
    return [_sendable(inner) for inner in value] if isinstance(value, list | tuple) else value


def _canonical(image: RowImage) -> bytes:
    return _SORTED.encode(_plain(image))


def _part(rows: list[dict[str, Any]] | None) -> tuple[Mapping[str, Any], ...] | None:
    return None if rows is None else tuple(rows)


def _fitting(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    fit = {}
    for column in table.columns:
        if column.name in values:
            value = values[column.name]
        elif column.primary_key:
            raise CatalogueError(f"a row of {table.name} without {column.name}")
        else:
            value = _default(column)
        if not _holds(column, value):
            raise CatalogueError(f"a row of {table.name} with a {column.name} that is none")
        fit[str(column.name)] = value  # SQLAlchemy's names are a kind of str of their own
    return fit


def _default(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    if isinstance(column.default, ColumnDefault):
        return column.default.arg
    return (
        [] if isinstance(column.type, JSON) else "" if isinstance(column.type, HexBytes) else column.type.python_type()
    )


def _holds(column: Column[Any], value: Any) -> bool:
    if value is None:
        return bool(column.nullable)
    kind = column.type
    if isinstance(kind, JSON):
        return isinstance(value, list | dict)
    if isinstance(kind, HexBytes):
        return isinstance(value, str) and _is_hex(value)
    if type(value) is not kind.python_type:
        return False
    if isinstance(kind, String):
        return "\0" not in value and (kind.length is None or len(value) <= kind.length)
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63 if isinstance(kind, BigInteger) else -(1 << 31) <= value < 1 << 31
    return True


def _is_hex(text: str) -> bool:
    try:
        return bytes.fromhex(text).hex() == text
    except ValueError:
        return False
