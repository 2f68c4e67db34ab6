"""Ids: random, never reused, never changed, safe in paths, subjects and URLs."""

from __future__ import annotations

import base64
import re
import secrets

_ID = re.compile(r"[a-z2-7]{16}")


def new_id() -> str:
    """A random id: 80 bits as 16 characters of lower-case base32 (RFC 4648 §6)."""
    return base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()


def is_id(text: str) -> bool:
    """Whether the text has the form of an id."""
    return _ID.fullmatch(text) is not None
