"""Wall sessions that this web node holds: whose they are, what the streamer tells them, and their end.

The streamer does the work; here is the ownership, the buffer of events until the browser's socket is there, and the
15 s that a session outlives its socket. Behind a proxy the socket may come to another web node than the offer did: that
one takes the session over, and the one before lets go. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vms.bus.base import Bus, Events
from vms.clock import Clock
from vms.domain.ids import is_id, new_id
from vms.errors import NoResponderError, NotFoundError, TooManyError, VmsError
from web.security.bonds import Bonds
from web.security.viewer import Viewer

Spawn = Callable[[Coroutine[Any, Any, None]], None]
Viewed = Callable[[str, Collection[str]], None]
"""Told who is shown which cameras from now on."""
_EVENTS_LIMIT = 2048
_OPEN_TIMEOUT_S = 15.0
_TAKE_TIMEOUT_S = 3.0
_TAKEN = "web.wall.taken"
MOVED = "moved"


@dataclass(eq=False)
class Wall:
    """One session. `replaced` is set when another socket takes over, `over` when the session ends, with the reason;
    `shown`: the camera on each tile, as far as somebody asked for one; `heard`: the tile that is listened to;
    `may`: which of some cameras the viewer may watch now, as its last socket asked."""

    id: str
    owner: str
    bond: str
    events: Events
    over: asyncio.Future[str]
    untie: Callable[[], None]
    replaced: asyncio.Event | None = None
    leaving: asyncio.Task[None] | None = None
    shown: dict[int, str] = field(default_factory=dict)
    heard: int | None = None
    may: Callable[[Collection[str]], Coroutine[Any, Any, set[str]]] | None = None


class Walls:
    """All wall sessions of this node; `run` hears which others took over."""

    def __init__(
        self, bus: Bus, clock: Clock, bonds: Bonds, spawn: Spawn, *, each_max: int, reconnect_s: float
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._bonds = bonds
        self._spawn = spawn
        self._each_max = each_max
        self._reconnect_s = reconnect_s
        self._walls: dict[str, Wall] = {}
        self._self = new_id()
        self.viewed: Viewed = lambda _who, _cameras: None

    def watching(self) -> list[tuple[str, set[str]]]:
        """Who is shown which cameras, of each session."""
        return [(wall.owner, set(wall.shown.values())) for wall in self._walls.values()]

    async def run(self) -> None:
        """Hear until cancelled."""
        events = self._bus.subscribe(_TAKEN)
        try:
            async for _subject, value in events:
                wall = self._walls.get(str(value.get("wall")))
                if wall is not None and value.get("by") != self._self:
                    self._forget(wall, MOVED)
        finally:
            events.close()

    async def open(self, who: Viewer, sdp: str, tiles: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """Open a session at a streamer: its id and the answer to the offer. It must be joined within 15 s."""
        if sum(wall.owner == who.id for wall in self._walls.values()) >= self._each_max:
            raise TooManyError("Too many walls are open under this name.", hint="Close one of them.")
        wall = self._new(who, new_id())
        self._walls[wall.id] = wall
        wall.shown.update({tile["tile"]: tile["camera"] for tile in tiles})
        request = {"session": wall.id, "person": wall.owner, "by": self._self, "sdp": sdp, "tiles": list(tiles)}
        try:
            answer = await self._bus.request("streamer.wall.open", request, timeout_s=_OPEN_TIMEOUT_S)
        except BaseException:
            self._forget(wall, "not opened")
            raise
        if wall.over.done():  # signed out meanwhile
            await self._end(wall)
            raise NotFoundError("There is no such wall session.", hint="Sign in again.")
        self.viewed(wall.owner, wall.shown.values())
        self.leave(wall)
        return wall.id, str(answer["sdp"])

    def _new(self, who: Viewer, wall_id: str) -> Wall:
        wall = Wall(
            wall_id,
            who.id,
            who.bond,
            # Subscribed before the session exists, so that not even its first event is missed.
            self._bus.subscribe(f"streamer.wall.event.{wall_id}", limit=_EVENTS_LIMIT),
            asyncio.get_running_loop().create_future(),
            lambda: None,
        )
        wall.untie = self._bonds.tie(wall.bond, lambda: self._spawn(self.close(wall, "signed out")))
        return wall

    async def of(self, wall_id: str, who: Viewer) -> Wall:
        """The session, if it is this viewer's; NotFoundError else, whoever else's it may be. One that another web node
        opened is held here from now on."""
        wall = self._walls.get(wall_id)
        if wall is None and is_id(wall_id):
            wall = await self._take(wall_id, who)
        if wall is None or wall.owner != who.id:
            raise NotFoundError("There is no such wall session.", hint="Open another.")
        return wall

    async def _take(self, wall_id: str, who: Viewer) -> Wall | None:
        wall = self._new(who, wall_id)
        try:
            request = {"person": who.id, "by": self._self}
            answer = await self._bus.request(f"streamer.wall.take.{wall_id}", request, timeout_s=_TAKE_TIMEOUT_S)
        except BaseException as error:
            self._forget(wall, "not taken")
            if isinstance(error, NotFoundError | NoResponderError):
                return None
            raise
        if wall_id in self._walls:  # two sockets at once
            self._drop(wall, "not taken")
            return self._walls[wall_id]
        self._walls[wall_id] = wall
        wall.shown.update({int(tile["tile"]): str(tile["camera"]) for tile in answer["tiles"]})
        wall.heard = answer.get("heard")
        self._bus.publish(_TAKEN, {"wall": wall_id, "by": self._self})
        self.leave(wall)
        return wall

    def join(self, wall: Wall) -> asyncio.Event:
        """A socket is there; the returned event tells it that a later one took over."""
        if wall.leaving is not None:
            wall.leaving.cancel()
            wall.leaving = None
        if wall.replaced is not None:
            wall.replaced.set()
        wall.replaced = asyncio.Event()
        return wall.replaced

    def leave(self, wall: Wall) -> None:
        """No socket is there: end the session unless one comes in time."""
        wall.replaced = None
        if self._walls.get(wall.id) is wall and wall.leaving is None:
            wall.leaving = asyncio.create_task(self._end_later(wall))

    async def _end_later(self, wall: Wall) -> None:
        await self._clock.sleep(self._reconnect_s)
        wall.leaving = None
        await self.close(wall, "no socket")

    async def look(self) -> None:
        """End those that wait for a socket and show what their viewer may no longer watch: no socket, and nobody who
        takes it off the tile. CatalogueError."""
        for wall in list(self._walls.values()):
            if wall.replaced is None and wall.may is not None and wall.shown:
                shown = set(wall.shown.values())
                if not shown <= await wall.may(shown) and wall.replaced is None:
                    await self.close(wall, "not allowed any more")

    async def close(self, wall: Wall, why: str) -> None:
        """End the session here and at the streamer; idempotent."""
        if self._forget(wall, why):
            await self._end(wall)

    async def _end(self, wall: Wall) -> None:
        try:
            await self._bus.request(f"streamer.wall.close.{wall.id}", {"by": self._self})
        except VmsError:
            return  # over there already, or no streamer: it notices the missing heartbeat itself

    def ended(self, wall: Wall, why: str) -> None:
        """The streamer said that it is over."""
        self._forget(wall, why)

    async def close_all(self) -> None:
        """The service stops."""
        await asyncio.gather(*(self.close(wall, "the server stops") for wall in list(self._walls.values())))

    def _forget(self, wall: Wall, why: str) -> bool:
        known = self._walls.get(wall.id) is wall
        if known:
            del self._walls[wall.id]
        self._drop(wall, why)
        return known

    @staticmethod
    def _drop(wall: Wall, why: str) -> None:
        wall.untie()
        wall.events.close()
        if wall.leaving is not None:
            wall.leaving.cancel()
            wall.leaving = None
        if not wall.over.done():
            wall.over.set_result(why)
