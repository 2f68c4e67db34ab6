"""People, their Grants and sign-ins, as they go in and out of the API. No password goes out but one that was made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from vms.domain.rights import OF_CAMERAS, CameraException, Grant, PersonRole, Right
from vms.errors import InputError
from web.schemas import Id, In, Name, Out, Password, Username
from web.times import format_time, parse_time

GRANTS_MAX, EXCEPTIONS_MAX = 100, 500
Language = Literal["id", "en"]
Until = Annotated[str, Field(max_length=64, description="RFC 3339; from then on it gives nothing.")]


class GrantBody(In):
    """A Role on a site and all below it (`site` null: everything), for good or until a time."""

    role: PersonRole
    site: Id | None = None
    until: Until | None = None

    def grant(self, field: str) -> Grant:
        """As the domain has it. IntervalError: the time is none."""
        return Grant(self.role, self.site, None if self.until is None else parse_time(self.until, f"{field}.until"))


class ExceptionBody(In):
    """One right on one camera, given or taken whatever the grants say; taken is stronger."""

    camera: Id
    right: Right
    allow: StrictBool
    until: Until | None = None

    def exception(self, field: str) -> CameraException:
        """As the domain has it. InputError: the right is not about cameras."""
        if self.right not in OF_CAMERAS:
            words = "Only live, replay, export, ptz and audio are given for a single camera."
            raise InputError(words, field=f"{field}.right", reason="right_not_of_camera")
        until_ns = None if self.until is None else parse_time(self.until, f"{field}.until")
        return CameraException(self.camera, self.right, self.allow, until_ns)


Grants = Annotated[list[GrantBody], Field(max_length=GRANTS_MAX)]
Exceptions = Annotated[list[ExceptionBody], Field(max_length=EXCEPTIONS_MAX)]


class PersonIn(In):
    """A new account. `password` left out: one is made, and given once in the answer. The person changes it at first
    sign-in."""

    username: Username
    name: Name
    language: Language = "id"
    password: Password | None = None
    grants: Grants = Field(default_factory=list)
    exceptions: Exceptions = Field(default_factory=list)


class PersonPatch(In):
    """What is to be changed; `rev` is that of the person as it is now."""

    rev: StrictInt
    name: Name | None = None
    language: Language | None = None
    enabled: StrictBool | None = None
    grants: Grants | None = None
    exceptions: Exceptions | None = None


class PasswordReset(In):
    """Another password; left out: one is made, and given once in the answer."""

    password: Password | None = None


class AccountOut(Out):
    """A person with an account. `password`: only in the one answer after it was made."""

    id: str
    username: str
    name: str
    language: str
    enabled: bool
    must_change: bool
    grants: list[GrantBody]
    exceptions: list[ExceptionBody]
    signed_in: int
    rev: int
    password: str | None = None


class AccountsOut(Out):
    """People by user name."""

    items: list[AccountOut]
    next: str | None


class SignInOut(Out):
    """One sign-in of a person; `id` names it and opens nothing."""

    id: str
    begun_at: str
    seen_at: str
    ends_at: str
    here: bool


class SignInsOut(Out):
    """Sign-ins that hold, the newest first."""

    items: list[SignInOut]
    next: str | None


def grants_out(grants: tuple[Grant, ...]) -> list[GrantBody]:
    """Grants as they are shown."""
    return [GrantBody(role=one.role, site=one.site, until=_until(one.until_ns)) for one in grants]


def exceptions_out(exceptions: tuple[CameraException, ...]) -> list[ExceptionBody]:
    """Exceptions as they are shown."""
    return [
        ExceptionBody(camera=one.camera, right=one.right, allow=one.allow, until=_until(one.until_ns))
        for one in exceptions
    ]


def _until(until_ns: int | None) -> str | None:
    return None if until_ns is None else format_time(until_ns)
