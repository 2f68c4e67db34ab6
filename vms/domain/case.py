"""Cases: a folder with a number, of the people who work on it: notes, Bookmarks, Holds and Exports belong to it. Pure.

A Case is seen by its people and by who is an admin of everything; it is closed, never deleted, and what it holds stays
held until somebody takes it off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from vms.errors import InputError

TITLE_MAX = 200
PROSE_MAX = 4000
PEOPLE_MAX = 50
EXPORTS_KEPT_NS = 30 * 86_400 * 1_000_000_000
"""How long the packages of a Case are kept once it is closed; while it is open they are."""
_WIB = dt.timezone(dt.timedelta(hours=7))


class CaseState(StrEnum):
    """Whether there is work on it."""

    OPEN = "open"
    CLOSED = "closed"


class CaseRole(StrEnum):
    """What a Person may do in a Case: members add to it, owners also say who sees it and close it."""

    OWNER = "owner"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class CasePerson:
    """`person`: an id."""

    person: str
    role: CaseRole


@dataclass(frozen=True, slots=True)
class Case:
    """`year` and `serial` are its number, given by the catalogue; `person`: the id of who opened it; `closed_ns`: when
    it was closed, None while it is open."""

    id: str
    title: str
    description: str
    people: tuple[CasePerson, ...]
    person: str
    created_ns: int
    year: int = 0
    serial: int = 0
    closed_ns: int | None = None
    rev: int = 1

    @property
    def number(self) -> str:
        """What people call it: `2026-0007`."""
        return f"{self.year}-{self.serial:04d}"

    @property
    def state(self) -> CaseState:
        """Open until it was closed."""
        return CaseState.OPEN if self.closed_ns is None else CaseState.CLOSED

    def role_of(self, person: str) -> CaseRole | None:
        """None: not one of its people."""
        return next((one.role for one in self.people if one.person == person), None)


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What a Person wrote into a Case; it is never changed."""

    id: str
    case: str
    text: str
    person: str
    at_ns: int


def case_year(now_ns: int) -> int:
    """The year of a number, as the calendar in WIB has it."""
    return dt.datetime.fromtimestamp(now_ns // 1_000_000_000, _WIB).year


def check_people(people: Iterable[CasePerson]) -> tuple[CasePerson, ...]:
    """The people of a Case as they are kept: owners first. InputError (field `people`): nobody owns it, one is named
    twice, or there are too many."""
    found = sorted(people, key=lambda one: (one.role is not CaseRole.OWNER, one.person))
    if len({one.person for one in found}) != len(found):
        raise InputError("A person is named twice.", field="people", reason="case_person_twice")
    if len(found) > PEOPLE_MAX:
        raise InputError(f"A case has at most {PEOPLE_MAX} people.", field="people", reason="case_people_many")
    if not found or found[0].role is not CaseRole.OWNER:
        raise InputError("A case needs an owner.", field="people", reason="case_owner")
    return tuple(found)
