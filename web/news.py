"""News to pages: what has changed, so that they ask for it at once instead of now and then. Event loop only.

A piece of news is the name of a topic and nothing else: what a person may see of it, the API decides when it is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from vms.bus.base import Bus

TOPICS: Mapping[str, str] = {
    "alarm.changed": "alarms",
    "rule.changed": "rules",
    "bookmark.changed": "bookmarks",
    "case.changed": "cases",
    "view.changed": "views",
    "tour.changed": "tours",
    "display.changed": "displays",
    "display.health": "screens",
    "cameras.changed": "cameras",
    "person.changed": "people",
    "ptz.changed": "ptz",
    "ptz.presets": "presets",
}
"""Subject on the bus -> the topic that pages are told."""
_LIMIT = 256


class Listener:
    """One page: the topics that it has yet to be told, each once however often it changed."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._wake = asyncio.Event()

    def put(self, topic: str) -> None:
        """It has changed."""
        self._topics.add(topic)
        self._wake.set()

    async def get(self) -> list[str]:
        """What changed since this was asked last, sorted; waits until something did."""
        await self._wake.wait()
        self._wake.clear()
        topics, self._topics = sorted(self._topics), set()
        return topics


class News:
    """All listeners of this node; one subscription to each subject for all of them. `first` is told before them."""

    def __init__(
        self, bus: Bus, topics: Mapping[str, str] = TOPICS, *, first: Callable[[str], None] = lambda _topic: None
    ) -> None:
        self._bus, self._first = bus, first
        self._topics = topics
        self._listeners: set[Listener] = set()

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """Hears everything for the length of the block."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def run(self) -> None:
        """Hear until cancelled."""
        async with asyncio.TaskGroup() as group:
            for subject, topic in self._topics.items():
                group.create_task(self._hear(subject, topic))

    async def _hear(self, subject: str, topic: str) -> None:
        events = self._bus.subscribe(subject, limit=_LIMIT)
        try:
            async for _subject, _value in events:
                self._first(topic)
                for listener in self._listeners:
                    listener.put(topic)
        finally:
            events.close()
