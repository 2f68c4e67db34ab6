"""Who looked at thumbnails of which camera: written down once for each ten minutes that somebody scrubs, not for each
picture. Event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from vms.clock import NS_PER_S, Clock
from web.audit import Audit
from web.times import format_time
from web.uncut import uncut

_AGAIN_NS = 600 * NS_PER_S
_KNOWN_MAX = 5000


class Looks:
    """See the head of the module."""

    def __init__(self, audit: Audit, clock: Clock, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._audit, self._clock, self._spawn = audit, clock, spawn
        self._said: dict[tuple[str, str], int] = {}

    def seen(self, person: str, camera: str, at_ns: int) -> None:
        """Somebody was shown a picture of then."""
        now_ns, key = self._clock.mono_ns(), (person, camera)
        said_ns = self._said.get(key)
        if said_ns is not None and now_ns - said_ns < _AGAIN_NS:
            return
        self._said.pop(key, None)
        self._said[key] = now_ns
        while len(self._said) > _KNOWN_MAX:
            del self._said[next(iter(self._said))]
        self._spawn(uncut(self._audit.add(person, "footage.thumbnails", camera, at=format_time(at_ns))))
