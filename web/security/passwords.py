"""Passwords as Argon2id strings (RFC 9106), hashed on an executor of two threads so that the event loop never waits.

An unknown user costs the same time as a known one. More than a few tries waiting at once are refused, not queued.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vms.errors import InputError, TooManyError
from web.text import TextError, clean_password

T = TypeVar("T")
_WAITING_MAX = 16
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generated_password() -> str:
    """A password a person can read out: four groups of four characters without look-alikes, 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


@dataclass(frozen=True)
class Argon2Cost:
    """Cost of one hash: passes, KiB of memory, lanes. The default is the second choice of RFC 9106 §4."""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


def hash_password(password: str, cost: Argon2Cost = Argon2Cost()) -> str:
    """An Argon2id string. Blocks for tens of milliseconds: for the command line, or a thread. InputError: too long, or
    with control characters."""
    try:
        cleaned = clean_password(password)
    except TextError as error:
        words = f"the password {error}"
        raise InputError(words, field="password", reason=error.reason, params=error.params) from None
    return PasswordHasher(cost.passes, cost.memory_kib, cost.lanes).hash(cleaned)


class Passwords:
    """Hashes and verifies beside the event loop."""

    def __init__(self, cost: Argon2Cost) -> None:
        self._cost = cost
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
        self._executor: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """An Argon2id string of the password."""
        return await self._run(lambda: hash_password(password, self._cost))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; `stored` None (nobody of that name) takes as long and is False."""
        return await self._run(lambda: self._verify(password, stored))

    def close(self) -> None:
        """Let the threads end; idempotent."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _verify(self, password: str, stored: str | None) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash("nobody has this password")
        try:
            return self._hasher.verify(stored or self._nobody, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise TooManyError(
                "Too many people sign in at this moment.", hint="Try again in a few seconds.", reason="signins_many"
            )
        if self._executor is None:
            self._executor = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._waiting -= 1
