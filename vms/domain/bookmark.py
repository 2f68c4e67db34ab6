"""Bookmarks: a moment of a Camera that a Person marked, with a note or without. Pure.

A Bookmark says nothing about footage and keeps none: that is a Hold's work. It stays when its footage has expired.
"""

from __future__ import annotations

from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.errors import InputError

NOTE_MAX = 500
AHEAD_NS = 10 * NS_PER_S
"""How far the clock of who marks may be ahead of the server's."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """`at_ns`: the moment, capture time; `person`: the id of who marked it; `created_ns`: when; `case`: the Case it
    belongs to, None: none."""

    id: str
    camera: str
    at_ns: int
    note: str
    person: str
    created_ns: int
    case: str | None = None


def moment(at_ns: int, now_ns: int) -> int:
    """The moment to be kept: what is a little ahead of now is now. InputError (field `at`) beyond."""
    if at_ns > now_ns + AHEAD_NS:
        raise InputError("This moment is yet to come.", field="at", reason="bookmark_ahead")
    return min(at_ns, now_ns)
