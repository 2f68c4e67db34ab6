"""Cursor pagination: `{"items": […], "next": cursor or null}`. A cursor is the sort key of the last item, opaque to
clients, checked when it comes back. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from vms.errors import InputError

Item = TypeVar("Item")
Key = tuple[str, ...]
LIMIT_MAX = 500
LIMIT_DEFAULT = 100


def encode_cursor(key: Key) -> str:
    """The cursor that stands for everything after `key`."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> Key:
    """The inverse; InputError where a client made one up."""
    try:
        if len(cursor) > 2000:
            raise ValueError
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return tuple(key)


def page(
    items: Sequence[Item], key: Callable[[Item], Key], cursor: str | None, limit: int, *, parts: int
) -> tuple[list[Item], str | None]:
    """The items after the cursor in the order of their keys, at most `limit`, and the cursor of the next page."""
    after = decode_cursor(cursor, parts) if cursor else None
    ordered = sorted(items, key=key)
    rest = [item for item in ordered if after is None or key(item) > after]
    shown = rest[:limit]
    return shown, encode_cursor(key(shown[-1])) if len(rest) > limit else None
