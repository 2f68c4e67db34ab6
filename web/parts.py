"""The moving parts of the web service, made once from its context; `start` and `stop` bound their tasks in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from vms import logs
from vms.domain.rights import Right
from vms.errors import VmsError
from web.audit import Audit
from web.context import WebContext
from web.discoveries import Discoveries
from web.display_board import DisplayBoard
from web.looks import Looks
from web.news import News
from web.replays import Replays
from web.roster import Roster
from web.security.authority import LOOK_AGAIN_S, Authority
from web.security.bonds import Bonds
from web.security.display_keys import DisplayKeys
from web.security.passwords import Passwords
from web.security.permits import Permits
from web.security.sessions import Sessions
from web.security.throttle import Throttle
from web.sheet.carry_out import Sheets
from web.sights import Sights
from web.slots import Slots
from web.states import StateBoard
from web.steering import Steering
from web.uncut import uncut
from web.viewing import Viewings
from web.walls import Walls
from web.wheps import Wheps

log = logs.get(__name__)

_STOP_S = 2.0
_DOWNLOADS_EACH = 4
_DOWNLOADS_ALL = 16
_SEARCHES_EACH = 3
_SEARCHES_ALL = 12


class Parts:
    """What routes work with."""

    def __init__(self, context: WebContext) -> None:
        options = context.options
        self.context = context
        self.options = options
        self.catalogue = context.catalogue
        self.bus = context.bus
        self.playback = context.playback
        self.clock = context.clock
        self.policy = options.addresses
        self.audit = Audit(context.catalogue)
        self.passwords = Passwords(options.argon2)
        self.throttle = Throttle(context.clock)
        self.sessions = Sessions(
            context.catalogue, context.clock, ttl_s=options.session_ttl_s, longest_s=options.session_longest_s
        )
        self.roster = Roster(context.catalogue, context.clock)
        self.authority = Authority(context.catalogue, self.roster, context.clock)
        self.permits = Permits(self.authority)
        self.presence = context.presence
        self.board = StateBoard(context.bus, context.clock, self.presence, context.catalogue.sites.list)
        self.steering = Steering(context.bus, context.clock)
        self.news = News(context.bus, first=self.roster.changed)
        self.sights = Sights(context.catalogue, self.roster, self.authority, context.clock)
        self.display_keys = DisplayKeys(context.catalogue, context.clock)
        self.display_board = DisplayBoard(context.bus, context.clock)
        self.bonds = Bonds(self.sessions, self.display_keys, context.clock)
        self.walls = Walls(
            context.bus,
            context.clock,
            self.bonds,
            self.spawn,
            each_max=options.walls_max,
            reconnect_s=options.reconnect_s,
        )
        self.wheps = Wheps(context.bus, self.bonds, self.spawn)
        self.viewings = Viewings(
            context.catalogue, context.clock, lambda: [*self.walls.watching(), *self.wheps.watching()]
        )
        self.walls.viewed = self.viewings.saw
        self.probes = Slots(
            "Too many cameras are tried at this moment.", reason="probes_many", each=2, total=options.probes_max
        )
        self.downloads = Slots(
            "Too many downloads run at this moment.",
            reason="downloads_many",
            each=_DOWNLOADS_EACH,
            total=_DOWNLOADS_ALL,
        )
        self.searches = Slots(
            "Too many searches run at this moment.", reason="searches_many", each=_SEARCHES_EACH, total=_SEARCHES_ALL
        )
        self.sheets = Sheets(context.clock)
        self.discoveries = Discoveries(context.catalogue, context.bus, context.clock, self.spawn)
        self._tasks: set[asyncio.Task[None]] = set()
        self.looks = Looks(self.audit, context.clock, self.spawn)
        self.replays = Replays(self.audit, context.clock, self.spawn)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the requests until done or the service stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background work failed", why=logs.redact(f"{type(error).__name__}: {error}"))

    def start(self) -> None:
        """Begin to listen for states and to watch sign-ins."""
        self.spawn(self.board.run())
        self.spawn(self.news.run())
        self.spawn(self.walls.run())
        self.spawn(self.wheps.run())
        self.spawn(self.viewings.run())
        self.spawn(self.steering.run())
        self.spawn(self.display_board.run())
        self.spawn(self.bonds.run())
        self.spawn(self._watch_rights())

    async def _watch_rights(self) -> None:
        """WHEP sessions and downloads end with the right to them; walls with a socket look for themselves."""

        async def may(person: str, cameras: Collection[str]) -> set[str]:
            return await self.authority.allowed(person, Right.LIVE, cameras)

        while True:
            await self.clock.sleep(LOOK_AGAIN_S)
            try:
                await uncut(self.wheps.look(may))
                await uncut(self.walls.look())
                await uncut(self.permits.look())
            except VmsError as error:
                log.warning("rights not looked at", why=error.message)

    async def stop(self) -> None:
        """End walls, WHEP sessions and tasks; at most a few seconds; safe to call twice."""
        try:
            await asyncio.wait_for(self.viewings.close(), _STOP_S)
            await asyncio.wait_for(asyncio.gather(self.walls.close_all(), self.wheps.close_all()), _STOP_S)
        except TimeoutError:
            log.warning("live sessions were not closed in time")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._say_replays()
        self.passwords.close()

    async def _say_replays(self) -> None:
        try:
            await asyncio.wait_for(self.replays.close(), _STOP_S)
        except (TimeoutError, VmsError) as error:
            log.warning("replays not written down", why=logs.redact(f"{type(error).__name__}: {error}"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """`start` to `stop` as a block."""
        self.start()
        try:
            yield
        finally:
            await self.stop()
