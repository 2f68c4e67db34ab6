"""How long a worker waits for its camera, and how much less while somebody watches. Event loop only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from vms.clock import NS_PER_S, Clock
from vms.domain.camera_url import AddressPolicy

_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Seconds: each half of opening, and of it the connection alone while somebody watches (a lost SYN is sent again
    after 1, 3 and 7 s, which is late for a camera that has just come back); silence that is a stall, and while somebody
    watches; without a key frame until it is said, and until another connection is tried; waits between tries, and
    between their beginnings while somebody watches; waits where only a person can help, and after three refused
    passwords; how long a stream must have lived for waits to begin small again; how long stopping may take, and taking
    over from another Node."""

    open_timeout_s: float = 5.0
    connect_watched_s: float = 2.0
    stall_s: float = 10.0
    stall_watched_s: float = 3.0
    no_key_s: float = 10.0
    give_up_no_key_s: float = 300.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 20.0
    retry_watched_s: float = 1.0
    hopeless_s: float = 60.0
    locked_s: float = 300.0
    settled_s: float = 10.0
    stop_s: float = 2.0
    take_over_s: float = 15.0
    policy: AddressPolicy = field(default_factory=AddressPolicy)


class Patience:
    """Of one worker. `watched` may be set at any moment: a wait that is under way becomes shorter."""

    def __init__(self, clock: Clock, options: WorkerOptions) -> None:
        self._clock, self._options = clock, options
        self._hurry, self._now = asyncio.Event(), asyncio.Event()

    @property
    def watched(self) -> bool:
        """Whether somebody watches."""
        return self._hurry.is_set()

    @watched.setter
    def watched(self, watched: bool) -> None:
        if watched:
            self._hurry.set()
        else:
            self._hurry.clear()

    @property
    def silence_s(self) -> float:
        """Silence of the camera that is a stall."""
        return self._options.stall_watched_s if self.watched else self._options.stall_s + 0.5

    @property
    def connect_s(self) -> float | None:
        """How long a connection may take, where that is less than all of opening."""
        return self._options.connect_watched_s if self.watched else None

    def wake(self) -> None:
        """The camera is there: its other Stream came. A rest that is under way is over."""
        self._now.set()

    async def rest(self, seconds: float, *, hopeless: bool, tried_ns: int) -> None:
        """Between two tries, the last one begun at `tried_ns` (monotonic): not for long while somebody watches, unless
        trying does not help."""
        self._now.clear()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._clock.sleep(seconds))]
        if not hopeless:
            waits += [asyncio.ensure_future(self._hurried(tried_ns)), asyncio.ensure_future(self._now.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _hurried(self, tried_ns: int) -> None:
        await self._hurry.wait()
        spent_s = (self._clock.mono_ns() - tried_ns) / NS_PER_S
        await self._clock.sleep(max(_LEAST_S, self._options.retry_watched_s - spent_s))
