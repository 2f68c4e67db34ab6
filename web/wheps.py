"""WHEP sessions opened through this node: whose they are, and their end with the sign-in or the right to watch; those
that another web node opened are asked of the streamer, which knows whose they are. Event loop only."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from vms.bus.base import Bus
from vms.domain.camera import StreamRef
from vms.errors import NoResponderError, NotFoundError, VmsError
from web.security.bonds import Bonds
from web.security.sessions import Principal
from web.walls import Spawn

_KEPT_MAX, _EACH_MAX = 2_000, 32
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OPEN_TIMEOUT_S = 15.0


@dataclass(eq=False)
class _Whep:
    id: str
    person: str
    camera: str
    untie: Callable[[], None]


class Wheps:
    """All WHEP sessions of this node; `run` hears which ended by themselves. Where that is not heard, later ones push
    them out."""

    def __init__(self, bus: Bus, bonds: Bonds, spawn: Spawn) -> None:
        self._bus = bus
        self._bonds = bonds
        self._spawn = spawn
        self._sessions: OrderedDict[str, _Whep] = OrderedDict()

    async def run(self) -> None:
        """Hear until cancelled."""
        events = self._bus.subscribe("streamer.session.ended")
        try:
            async for _subject, value in events:
                whep = self._sessions.get(str(value.get("session")))
                if whep is not None:
                    self._forget(whep)
        finally:
            events.close()

    def watching(self) -> list[tuple[str, set[str]]]:
        """Who watches which camera, of each session."""
        return [(whep.person, {whep.camera}) for whep in self._sessions.values()]

    async def open(self, who: Principal, stream: StreamRef, sdp: str) -> tuple[str, str]:
        """Open at a streamer: the session's id and the answer to the offer."""
        request = {"camera": stream.camera, "stream": stream.name.value, "person": who.person.id, "sdp": sdp}
        answer = await self._bus.request("streamer.whep.open", request, timeout_s=_OPEN_TIMEOUT_S)
        whep = _Whep(str(answer["session"]), who.person.id, stream.camera, lambda: None)
        whep.untie = self._bonds.tie(who.session.token_sha256, lambda: self._spawn(self._close(whep)))
        self._sessions[whep.id] = whep
        # A streamer serves so many viewers and no more: nobody takes the places of all others.
        own = [each for each in self._sessions.values() if each.person == whep.person]
        for over in own[:-_EACH_MAX]:
            await self._close(over)
        while len(self._sessions) > _KEPT_MAX:
            await self._close(next(iter(self._sessions.values())))
        return whep.id, str(answer["sdp"])

    async def patch(self, session: str, who: Principal, fragment: str) -> None:
        """Hand on ICE candidates of the viewer (RFC 8840)."""
        whep = self._of(session, who)
        value = {"fragment": fragment, "person": who.person.id}
        try:
            await self._bus.request(f"streamer.whep.patch.{session}", value)
        except NoResponderError:
            if whep is not None:
                self._forget(whep)
            raise NotFoundError("There is no such session.") from None

    async def close(self, session: str, who: Principal) -> None:
        """End one's own session."""
        whep = self._of(session, who)
        if whep is not None:
            await self._close(whep)
            return
        try:
            await self._bus.request(f"streamer.whep.close.{session}", {"person": who.person.id})
        except NoResponderError:
            raise NotFoundError("There is no such session.") from None

    async def look(self, may: Callable[[str, Collection[str]], Awaitable[set[str]]]) -> None:
        """End those whose person may no longer watch their camera. `may`: person, cameras -> those that they may."""
        for person in {whep.person for whep in self._sessions.values()}:
            open_ = [whep for whep in self._sessions.values() if whep.person == person]
            allowed = await may(person, {whep.camera for whep in open_})
            for whep in open_:
                if whep.camera not in allowed:
                    await self._close(whep)

    async def close_all(self) -> None:
        """The service stops."""
        for whep in list(self._sessions.values()):
            await self._close(whep)

    def _of(self, session: str, who: Principal) -> _Whep | None:
        """The session as it was opened here, None: elsewhere, or not at all. NotFoundError: it is somebody else's."""
        whep = self._sessions.get(session)
        if not _SESSION.fullmatch(session) or (whep is not None and whep.person != who.person.id):
            raise NotFoundError("There is no such session.")
        return whep

    def _forget(self, whep: _Whep) -> None:
        self._sessions.pop(whep.id, None)
        whep.untie()

    async def _close(self, whep: _Whep) -> None:
        self._forget(whep)
        try:
            await self._bus.request(f"streamer.whep.close.{whep.id}", {})
        except VmsError:
            return  # over there already
