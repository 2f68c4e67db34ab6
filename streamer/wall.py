"""A wall session: N tiles over one connection, ruled by messages of the wall protocol. Rights are the web's business.

Messages come by `message`, answers and news go out by `say`; a viewer whose control socket is silent is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamer.audio import AudioSender
from streamer.feed import Feed
from streamer.listening import Listener
from streamer.negotiation import Offer
from streamer.session import Kit, ViewerSession
from streamer.tile import Say
from vms.clock import NS_PER_S
from vms.domain.camera import LineClaim, StreamName, StreamRef
from vms.domain.ids import is_id
from vms.errors import InputError, VmsError

# A socket that was silent so long may have been another one: what it missed is told again.
_QUIET_NS = 4 * NS_PER_S
# Feeds that were asked to be ready stay so for this long, unless it is asked again.
_WARM_NS = 10 * NS_PER_S
_WARM_MAX = 64


def stream_of(value: Mapping[str, Any]) -> StreamRef | None:
    """The Stream of a `show` message or of an entry of `tiles`; None: nothing is to be shown. InputError."""
    camera, name = value.get("camera"), value.get("stream", "sub")
    if camera is None:
        return None
    if not isinstance(camera, str) or not is_id(camera):
        raise InputError("camera is not an id", field="camera")
    if name not in {"main", "sub"}:
        raise InputError("stream is main or sub", field="stream")
    return StreamRef(camera, StreamName(name))


def claim_of(value: Mapping[str, Any]) -> LineClaim | None:
    """How much the stream is wanted in place of a smaller one; None: it and no other."""
    claim = value.get("claim")
    if claim is not None and claim not in [*LineClaim]:
        raise InputError("claim is large, full or forced", field="claim")
    return None if claim is None else LineClaim(claim)


def _number(value: Mapping[str, Any]) -> int | None:
    """The viewer's count of switches."""
    number = value.get("n")
    if number is not None and (not isinstance(number, int) or abs(number) >= 2**53):
        raise InputError("n is a whole number", field="n")
    return number


class WallSession(ViewerSession):
    """Every video of the offer is a tile, in order; one sound may be beside them, for the tile that is listened to.
    `holder`: which web node speaks for the viewer."""

    def __init__(
        self, ident: str, person: str, offer: Offer, *, kit: Kit, say: Say, ended: Callable[[str], None]
    ) -> None:
        videos = offer.videos()
        sounds = [(i, AudioSender(m.audio, kit.clock)) for i, m in enumerate(offer.media) if m.audio is not None]
        if len(videos) + len(sounds) != len(offer.media) or len(sounds) > 1:
            words = "a wall's offer holds receive-only H.264 videos and at most one sound (G.711), nothing else"
            raise InputError(words, field="sdp")
        audio = sounds[0] if sounds else None
        super().__init__(ident, person, offer, videos, kit=kit, say=say, ended=ended, audio=audio)
        self._listener = None if audio is None else Listener(audio[1], say, kit.clock)
        self._heard_ns = kit.clock.mono_ns()
        self._spoke = False
        self.holder = ""
        self._warm: dict[StreamRef, tuple[Feed, int]] = {}

    @property
    def heard(self) -> int | None:
        """The tile that is listened to."""
        return None if self._listener is None else self._listener.tile

    def taken(self, holder: str) -> list[dict[str, Any]]:
        """Another web node holds the control socket from now on: what its tiles are to show. All that was told is told
        again once it speaks."""
        self.holder = holder
        self._heard_ns, self._spoke = self._kit.clock.mono_ns(), False
        wanted = [(tile.index, tile.wanted) for tile in self.tiles]
        return [{"tile": index, "camera": stream.camera} for index, stream in wanted if stream is not None]

    def assign(self, tiles: object) -> None:
        """Show the cameras of `tiles`, [{"tile", "camera", "stream"}]; InputError before anything is shown."""
        if not isinstance(tiles, list):
            raise InputError("tiles is a list", field="tiles")
        entries = [entry for entry in tiles if isinstance(entry, Mapping)]
        chosen = [(self._index(entry), stream_of(entry), claim_of(entry)) for entry in entries]
        if len(chosen) != len(tiles):
            raise InputError("an entry of tiles is not an object", field="tiles")
        for index, stream, claim in chosen:
            self.tiles[index].show(stream, claim=claim)

    def _index(self, value: Mapping[str, Any]) -> int:
        index = value.get("tile")
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self.tiles):
            raise InputError(f"tile is a number from 0 to {len(self.tiles) - 1}", field="tile")
        return index

    def message(self, value: Mapping[str, Any]) -> None:
        """Take one message of the viewer; what is wrong with it is said back as an `error` message."""
        if self.closed:  # while it ends: what a tile would show now nobody would ever let go of
            return
        now_ns = self._kit.clock.mono_ns()
        away = not self._spoke or now_ns - self._heard_ns > _QUIET_NS
        self._heard_ns, self._spoke = now_ns, True
        if away:
            for tile in self.tiles:
                tile.repeat_messages()
        try:
            self._obey(value)
        except VmsError as error:
            self.tell({"type": "error", "message": error.message})

    def _obey(self, value: Mapping[str, Any]) -> None:
        kind = value.get("type")
        if kind == "ping":
            sent = value.get("t")
            echo = sent if isinstance(sent, int | float) else None
            self.tell({"type": "pong", "t": echo, "server_ns": str(self._kit.clock.now_ns())})
        elif kind == "show":
            many = value.get("tiles")
            entries = [value] if many is None else many
            if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
                raise InputError("tiles is a list of objects", field="tiles")
            shows = [(self._index(each), stream_of(each), _number(each), claim_of(each)) for each in entries]
            for index, stream, number, claim in shows:
                self.tiles[index].show(stream, number, claim)
        elif kind == "warm":
            self._warm_up(value.get("cameras"))
        elif kind == "listen":
            self._listen(value)
        else:
            raise InputError("type is show, warm, listen or ping", field="type")

    def _listen(self, value: Mapping[str, Any]) -> None:
        """Hear one tile, or (tile null) none."""
        tile = None if value.get("tile") is None else self.tiles[self._index(value)]
        if self._listener is None:
            raise InputError("the wall was opened without sound", field="type")
        self._listener.listen(tile)

    def _warm_up(self, cameras: object) -> None:
        """Have the feeds of these ready, {"camera", "stream", "claim"} each, for who will show them in a moment."""
        if not isinstance(cameras, list) or len(cameras) > _WARM_MAX:
            raise InputError(f"cameras is a list of at most {_WARM_MAX}", field="cameras")
        wanted = [(stream_of(each), claim_of(each)) for each in cameras if isinstance(each, Mapping)]
        until_ns = self._kit.clock.mono_ns() + _WARM_NS
        for stream, claim in wanted:
            if stream is not None:
                held = self._warm.get(stream)
                feed = held[0] if held else self._kit.fanout.acquire(stream)
                feed.claims.put(self, claim)
                self._warm[stream] = (feed, until_ns)
        if len(self._warm) > _WARM_MAX:
            self._cool(until_ns)

    def _cool(self, mono_ns: int) -> None:
        """Let go of what was not asked for again since; of what was asked for just now with `mono_ns` as its end."""
        for stream, (feed, until_ns) in list(self._warm.items()):
            if until_ns < mono_ns:
                del self._warm[stream]
                feed.claims.drop(self)
                self._kit.fanout.release(feed)

    async def close(self, why: str = "") -> None:
        """End the session; idempotent."""
        for feed, _until_ns in self._warm.values():
            feed.claims.drop(self)
            self._kit.fanout.release(feed)
        self._warm.clear()
        if self._listener is not None:
            self._listener.close()
        await super().close(why)

    def tick(self) -> None:
        """What is heard follows what is shown."""
        if self._listener is not None:
            self._listener.follow()

    def gone(self, mono_ns: int) -> str:
        """Also where the control socket is silent too long."""
        self._cool(mono_ns)
        if mono_ns - self._heard_ns > self._kit.options.gone_s * NS_PER_S:
            return "the control socket was silent too long"
        return super().gone(mono_ns)
