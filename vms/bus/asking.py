"""Requests under way on one link: which answer belongs to which, and the end of all when the connection breaks."""

from __future__ import annotations

import asyncio
import itertools

from nats.aio.msg import Msg

from vms.domain.ids import new_id
from vms.errors import BusTimeoutError, NoResponderError, VmsError

_NOBODY = "503"  # the status of an answer that the server gives itself: nobody listens to the subject


class Asked:
    """Answers come to `inbox`, a pattern below `inboxes`; each request has a subject of its own below it."""

    def __init__(self, inboxes: str) -> None:
        self._prefix = f"{inboxes}.{new_id()}"
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}

    @property
    def inbox(self) -> str:
        """What to listen to."""
        return f"{self._prefix}.*"

    def expect(self) -> str:
        """The subject for the answer to a request that is about to be sent."""
        reply = f"{self._prefix}.{next(self._numbers):x}"
        self._waiting[reply] = asyncio.get_running_loop().create_future()
        return reply

    async def receive(self, message: Msg) -> None:
        """Called by the client with each answer; one that nobody waits for any more is left."""
        answer = self._waiting.get(message.subject)
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def answer(self, reply: str, subject: str, until: float) -> bytes:
        """Wait for it until the loop's time is `until`. NoResponderError, BusTimeoutError, or what `fail` was given."""
        try:
            async with asyncio.timeout_at(until):
                message = await self._waiting[reply]
        except TimeoutError:
            raise BusTimeoutError(f"no answer to {subject} in time") from None
        finally:
            del self._waiting[reply]
        if not message.data and (message.headers or {}).get("Status") == _NOBODY:
            raise NoResponderError(f"nobody answers {subject}", hint="The service that does it is not running.")
        return message.data

    def fail(self, error: VmsError) -> None:
        """End all that waits."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
