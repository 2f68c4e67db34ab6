"""Ties what stays open (a wall's socket, a WHEP session, a download) to the sign-in or display key of who opened it.

When session, account or display is gone, everything tied to it is closed within a few seconds. Event loop only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vms import logs
from vms.clock import Clock
from vms.errors import VmsError
from web.security.display_keys import BOND, DisplayKeys
from web.security.sessions import Sessions
from web.uncut import uncut

log = logs.get(__name__)

CHECK_EVERY_S = 2.0


class Bonds:
    """Callbacks by session; `run` asks the catalogue for each session every two seconds."""

    def __init__(self, sessions: Sessions, displays: DisplayKeys, clock: Clock) -> None:
        self._sessions = sessions
        self._displays = displays
        self._clock = clock
        self._tied: dict[str, set[Callable[[], None]]] = {}

    def tie(self, sha256: str, cut: Callable[[], None]) -> Callable[[], None]:
        """Call `cut` once when the session is over; the returned function unties and is idempotent."""
        self._tied.setdefault(sha256, set()).add(cut)

        def untie() -> None:
            cuts = self._tied.get(sha256)
            if cuts is not None:
                cuts.discard(cut)
                if not cuts:
                    del self._tied[sha256]

        return untie

    @contextmanager
    def tied(self, sha256: str, cut: Callable[[], None]) -> Iterator[None]:
        """`tie` for the length of a block."""
        untie = self.tie(sha256, cut)
        try:
            yield
        finally:
            untie()

    def cut(self, sha256: str) -> None:
        """Close at once what is tied to a session, as on sign-out."""
        for cut in self._tied.pop(sha256, set()):
            cut()

    async def check(self) -> None:
        """One round over the sessions that have something open."""
        for sha256 in list(self._tied):
            if not await self._holds(sha256):
                self.cut(sha256)

    async def _holds(self, bond: str) -> bool:
        if bond.startswith(BOND):
            return await self._displays.holds(bond)
        return await self._sessions.of(bond) is not None

    async def run(self) -> None:
        """Check until cancelled. While the catalogue does not answer nothing is closed: nobody lost their rights."""
        while True:
            await self._clock.sleep(CHECK_EVERY_S)
            try:
                await uncut(self.check())
            except VmsError as error:
                log.warning("sessions not checked", why=error.message)
