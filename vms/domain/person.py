"""Persons who sign in, and their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from vms.domain.rights import CameraException, Grant, Holding


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. `password_hash` is an Argon2id string (RFC 9106), never shown. Grants are part of the
    row: a change of rights arrives at a Site whole or not at all."""

    id: str
    username: str
    name: str
    password_hash: str = field(repr=False)
    must_change: bool = False
    enabled: bool = True
    language: str = "id"
    rev: int = 1
    grants: tuple[Grant, ...] = ()
    exceptions: tuple[CameraException, ...] = ()

    @property
    def holding(self) -> Holding:
        """What the person has been given; nothing where the account is closed."""
        return Holding(self.grants, self.exceptions) if self.enabled else Holding()


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. Only the SHA-256 of the cookie's token is kept."""

    token_sha256: str = field(repr=False)
    person: str
    csrf: str = field(repr=False)
    created_ns: int = 0
    seen_ns: int = 0
    expires_ns: int = 0
