"""The port of the bus: requests with one answer, events for whoever listens. Implemented in memory for one process.

Subjects are dot-separated tokens; patterns may end in `.>` (the rest) or hold `*` (one token), as NATS has them.
Values are plain data (dict, list, str, int, float, bool, None, bytes) and the media nouns of vms.domain. A handler's
VmsError reaches the requester as the same class, by its code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

Value = Mapping[str, Any]
Handler = Callable[[Value], Awaitable[Value]]


class Served(Protocol):
    """A subject that is being served, until closed."""

    def close(self) -> None:
        """Stop serving; idempotent."""


class Events(Protocol):
    """A bounded subscription; the oldest event is dropped and counted when it is full."""

    dropped: int

    def __aiter__(self) -> AsyncIterator[tuple[str, Value]]:
        """Yields (subject, value)."""

    async def get(self) -> tuple[str, Value]:
        """The next event."""

    def close(self) -> None:
        """End the subscription; iteration stops; idempotent."""


class Bus(Protocol):
    """Requests and events between services."""

    async def request(self, subject: str, value: Value, *, timeout_s: float = 5.0) -> Value:
        """Ask whoever serves the subject. NoResponderError, BusTimeoutError, or the handler's own error."""

    def serve(self, subject: str, handler: Handler) -> Served:
        """Answer requests of a subject (patterns allowed). Each request runs in a task of its own."""

    def publish(self, subject: str, value: Value) -> None:
        """Tell everyone who listens; never waits."""

    def subscribe(self, pattern: str, *, limit: int = 1024) -> Events:
        """Listen from now on."""

    async def close(self) -> None:
        """End everything; idempotent."""
