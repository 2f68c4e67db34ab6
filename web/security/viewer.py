"""Who holds something open (a wall's session, a socket): a person's sign-in or a display's key, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Viewer:
    """`id`: of the Person or Display, whose the open thing is; `bond`: what it is tied to (web/security/bonds.py)."""

    id: str
    bond: str
