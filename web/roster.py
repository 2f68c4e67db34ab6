"""Who and what there is, as many ask for it every few seconds: cameras and people, read once for all of them.

What was read is good for two seconds, and no longer than until they change. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.domain.person import Person
from vms.store.catalogue import Catalogue
from web.uncut import uncut

KEEP_NS = 2 * NS_PER_S
T = TypeVar("T")


class _Shared(Generic[T]):
    """One reading for all who ask while it is under way and while it is fresh."""

    def __init__(self, read: Callable[[], Coroutine[Any, Any, T]], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._task: asyncio.Task[T] | None = None
        self._began_ns = 0

    async def get(self) -> T:
        """CatalogueError, for all who wait; the next one tries again."""
        now_ns = self._clock.mono_ns()
        if self._task is None or (self._task.done() and now_ns - self._began_ns > KEEP_NS):
            self._task, self._began_ns = asyncio.create_task(self._read()), now_ns
        task = self._task
        try:
            # One who is cancelled must not take the reading from the others.
            return await uncut(_result(task))
        except BaseException:  # cancelled or failed: a reading that failed is not kept for who asks next
            if task.done() and self._task is task and (task.cancelled() or task.exception() is not None):
                self._task = None
            raise

    def forget(self) -> None:
        """What is read after this was read after this."""
        self._task = None


async def _result(task: asyncio.Task[T]) -> T:
    return await asyncio.shield(task)


class Roster:
    """Of one web node."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._cameras = _Shared(self._read_cameras, clock)
        self._people = _Shared(self._read_people, clock)

    async def _read_cameras(self) -> Mapping[str, Camera]:
        return {camera.id: camera for camera in await self._catalogue.cameras.list()}

    async def _read_people(self) -> Mapping[str, Person]:
        return {person.id: person for person in await self._catalogue.people.list()}

    async def cameras(self) -> Mapping[str, Camera]:
        """Those that are registered, by id."""
        return await self._cameras.get()

    async def people(self) -> Mapping[str, Person]:
        """All, by id."""
        return await self._people.get()

    def changed(self, topic: str) -> None:
        """A piece of news (web/news.py) came."""
        if topic == "cameras":
            self._cameras.forget()
        if topic == "people":
            self._people.forget()
