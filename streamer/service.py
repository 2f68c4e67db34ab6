"""The streamer service: opens and ends sessions of viewers as asked over the bus. Event loop only.

Subjects: streamer.wall.open, .message.<session>, .take.<session>, .close.<session>; streamer.whep.open,
.patch.<session>, .close.<session>. Those of a session are served as long as there is one, by the node that has it: of
several streamers the right one answers. What a wall is told goes out on streamer.wall.event.<session>.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from streamer.fanout import Fanout
from streamer.ice import Ports
from streamer.negotiation import Offer, parse_offer
from streamer.options import StreamerOptions
from streamer.peer import Certificates, Network
from streamer.pump import Pump
from streamer.session import Kit, ViewerSession
from streamer.wall import WallSession, stream_of
from streamer.whep import WhepSession
from vms.bus.base import Bus, Handler, Served, Value
from vms.clock import Clock
from vms.domain.ids import new_id
from vms.errors import ConflictError, InputError, NotFoundError, TooManyError
from vms.service import Service

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
AnySession = TypeVar("AnySession", bound=ViewerSession)


class Streamer(Service):
    """Serves walls and WHEP until stopped; then every viewer is told and freed."""

    name = "streamer"

    def __init__(
        self, clock: Clock, bus: Bus, options: StreamerOptions | None = None, *, media: Bus | None = None
    ) -> None:
        super().__init__(clock)
        self._bus = bus
        self._options = options or StreamerOptions()
        self._certificates = Certificates()
        self.fanout = Fanout(bus, clock, self._options, media)
        self.sessions: dict[str, ViewerSession] = {}
        self._served: dict[str, list[Served]] = {}
        self._pump = Pump(clock)
        network = Network(self._options.addresses, self._options.advertise, Ports(*(self._options.ports or ())))
        self._kit = Kit(clock, self.fanout, self._options, self._certificates.get, self._pump, network)

    async def run_once(self) -> None:
        """Serve the subjects until stopped."""
        self._certificates.get()
        served = [
            self._bus.serve("streamer.wall.open", self._wall_open),
            self._bus.serve("streamer.whep.open", self._whep_open),
        ]
        self.ready()
        try:
            await self.stopping.wait()
        finally:
            for each in served:
                each.close()

    async def close(self) -> None:
        """End all sessions and feeds."""
        sessions = list(self.sessions.values())
        await asyncio.gather(*(session.close("the service stops") for session in sessions), return_exceptions=True)
        await self.fanout.close()
        await self._pump.close()

    async def _wall_open(self, value: Value) -> Value:
        ident = value.get("session")
        if not isinstance(ident, str) or not _SESSION.fullmatch(ident):
            raise InputError("session is not an id", field="session")
        if ident in self.sessions:
            raise ConflictError("the session exists already")
        session = WallSession(
            ident,
            str(value.get("person", "")),
            self._offer(value),
            kit=self._kit,
            say=lambda message: self._bus.publish(f"streamer.wall.event.{ident}", {"message": message}),
            ended=self._forget,
        )
        try:
            session.assign(value.get("tiles", []))
        except BaseException:  # cancelled or failed: it has a place and a port that nobody else would give back
            await session.close("refused")
            raise
        session.holder = str(value.get("by", ""))
        subjects = {
            f"streamer.wall.message.{ident}": self._wall_message,
            f"streamer.wall.take.{ident}": self._wall_take,
            f"streamer.wall.close.{ident}": self._wall_close,
        }
        return await self._begin(session, subjects)

    async def _whep_open(self, value: Value) -> Value:
        stream = stream_of(value)
        if stream is None:
            raise InputError("camera is missing", field="camera")
        person = str(value.get("person", ""))
        ident = new_id()
        session = WhepSession(ident, person, self._offer(value), stream, kit=self._kit, ended=self._forget)
        subjects = {f"streamer.whep.patch.{ident}": self._whep_patch, f"streamer.whep.close.{ident}": self._whep_close}
        return await self._begin(session, subjects)

    def _offer(self, value: Value) -> Offer:
        if len(self.sessions) >= self._options.max_sessions:
            hint = "Close walls that nobody watches, or raise the limit."
            raise TooManyError(f"{len(self.sessions)} viewers watch already", hint=hint)
        return parse_offer(value.get("sdp"), max_bytes=self._options.max_sdp_bytes, max_videos=self._options.max_videos)

    async def _begin(self, session: ViewerSession, subjects: Mapping[str, Handler]) -> Value:
        self.sessions[session.id] = session
        self._served[session.id] = [self._bus.serve(subject, handler) for subject, handler in subjects.items()]
        try:
            return {"session": session.id, "sdp": await session.open()}
        except BaseException:
            # Whatever happened, and if the request was given up: a session that was never answered is not kept.
            await session.close("not opened")
            raise

    def _forget(self, ident: str) -> None:
        self.sessions.pop(ident, None)
        for served in self._served.pop(ident, ()):
            served.close()
        self._bus.publish("streamer.session.ended", {"session": ident})

    def _find(self, value: Value, kind: type[AnySession]) -> AnySession:
        session = self.sessions.get(str(value["_subject"]).rpartition(".")[2])
        # Who names a person means a session of theirs alone: another web node may have opened it.
        if not isinstance(session, kind) or value.get("person", session.person) != session.person:
            raise NotFoundError("there is no such session")
        return session

    async def _wall_message(self, value: Value) -> Value:
        message: dict[str, Any] = {k: v for k, v in value.items() if k != "_subject"}
        self._find(value, WallSession).message(message)
        return {}

    async def _whep_patch(self, value: Value) -> Value:
        self._find(value, WhepSession).patch(value.get("fragment"))
        return {}

    async def _wall_take(self, value: Value) -> Value:
        session = self._find(value, WallSession)
        return {"tiles": session.taken(str(value.get("by", ""))), "heard": session.heard}

    async def _wall_close(self, value: Value) -> Value:
        """A web node that held it before has no say any more."""
        session = self._find(value, WallSession)
        if value.get("by", session.holder) == session.holder:
            await session.close("asked to")
        return {}

    async def _whep_close(self, value: Value) -> Value:
        await self._find(value, WhepSession).close("asked to")
        return {}
