"""Persons who sign in, and their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. `password_hash` is an Argon2id string (RFC 9106), never shown."""

    id: str
    username: str
    name: str
    password_hash: str = field(repr=False)
    must_change: bool = False
    enabled: bool = True
    language: str = "id"
    rev: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. Only the SHA-256 of the cookie's token is kept."""

    token_sha256: str = field(repr=False)
    person: str
    csrf: str = field(repr=False)
    created_ns: int = 0
    seen_ns: int = 0
    expires_ns: int = 0
