"""Who replayed which footage, for the audit log: one line a replay, not one a request.

A replay is what one person looks at without a pause of ten minutes. Its line is written a moment after it begins, with
all its cameras; what it reaches later and the line did not say is gathered, and written at most every five minutes and
when it is over or the service stops. Event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName
from vms.domain.interval import Interval, subtract, union
from web.audit import Audit
from web.times import format_time
from web.uncut import uncut

_GATHER_S = 1.0
_LATER_S = 300.0
_OVER_NS = 600 * NS_PER_S
_NEAR_NS = 60 * NS_PER_S
"""Stretches that are not farther apart are said as one."""


@dataclass(slots=True)
class _Replay:
    seen_ns: int
    said: dict[tuple[str, StreamName], list[Interval]] = field(default_factory=dict)
    fresh: dict[tuple[str, StreamName], list[Interval]] = field(default_factory=dict)
    told: bool = False
    waiting: bool = False


class Replays:
    """What each person replays now. `spawn` runs work beside the requests."""

    def __init__(self, audit: Audit, clock: Clock, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._audit = audit
        self._clock = clock
        self._spawn = spawn
        self._now: dict[str, _Replay] = {}

    def seen(self, person: str, camera: str, stream: StreamName, interval: Interval) -> None:
        """Footage was asked for; returns at once."""
        now_ns = self._clock.now_ns()
        replay = self._now.get(person)
        if replay is None or (now_ns - replay.seen_ns > _OVER_NS and not replay.waiting):
            replay = self._now[person] = _Replay(now_ns)
        replay.seen_ns = now_ns
        known = [*replay.said.get((camera, stream), []), *replay.fresh.get((camera, stream), [])]
        if not subtract(interval, known):
            return
        fresh = [*replay.fresh.get((camera, stream), []), interval]
        replay.fresh[camera, stream] = union(fresh, join_ns=_NEAR_NS)
        if not replay.waiting:
            replay.waiting = True
            self._spawn(self._soon(person, replay))

    async def close(self) -> None:
        """Write what is gathered; safe to call twice."""
        for person, replay in list(self._now.items()):
            await self._write(person, replay)

    async def _soon(self, person: str, replay: _Replay) -> None:
        await self._clock.sleep(_LATER_S if replay.told else _GATHER_S)
        await uncut(self._write(person, replay))

    async def _write(self, person: str, replay: _Replay) -> None:
        fresh, replay.fresh, replay.waiting, replay.told = replay.fresh, {}, False, True
        for key, intervals in fresh.items():
            replay.said[key] = union([*replay.said.get(key, []), *intervals])
        if not fresh:
            return
        cameras = sorted({camera for camera, _ in fresh})
        all_of = union((one for each in fresh.values() for one in each), join_ns=_NEAR_NS)
        detail: dict[str, Any] = {
            "start": format_time(all_of[0].start_ns),
            "end": format_time(all_of[-1].end_ns),
            "stream": ",".join(sorted({stream.value for _, stream in fresh})),
        }
        if len(all_of) > 1:
            detail["parts"] = [f"{format_time(one.start_ns)}/{format_time(one.end_ns)}" for one in all_of]
        if len(cameras) > 1:
            detail["cameras"] = cameras
        await self._audit.add(person, "footage.replay", cameras[0] if len(cameras) == 1 else "", **detail)
