"""One tile of a wall: which camera it shows, through which feed, and what it says of itself.

Where the viewer cannot play `main`, or the line of its Site has no room for it, it shows `sub`, and says so; in the
latter case `main` comes as soon as there is room. Where it cannot play either, the transcode that all share. It decides
nothing about timing (track), rights (web) or lines (ingest). Event loop only.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any

from streamer.arriving import Picture
from streamer.fanout import Fanout
from streamer.feed import Feed
from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.pump import Pump
from streamer.track import TileTrack
from streamer.transcoder.use import Use
from streamer.verdict import Facts, Verdict, judge, plays
from vms import metrics
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import LineClaim, StreamName, StreamRef

Message = dict[str, Any]
Say = Callable[[Message], None]
_NOT_PLAYED = "The main stream {}: sub is shown."


class WallTile:
    """m-line `index` of a viewer, which plays H.264, and H.265 where `hevc`. `say` takes the messages of the wall
    protocol; None: the viewer has no channel for them, and the tile is not judged."""

    def __init__(
        self,
        index: int,
        *,
        clock: Clock,
        fanout: Fanout,
        pacer: Pacer,
        pump: Pump,
        options: StreamerOptions,
        say: Say | None,
        hevc: bool = False,
    ) -> None:
        self.index = index
        self.track = TileTrack(clock, pacer, options, self, pump=pump)
        self._hevc = hevc
        self._clock, self._fanout, self._options, self._say = clock, fanout, options, say
        self._wanted: StreamRef | None = None
        self._number: int | None = None
        self._claim: LineClaim | None = None
        self._feed: Feed | None = None
        # What is wanted, while another stands in for it.
        self._awaited: Feed | None = None
        self._made = Use(fanout.transcoder, self._changed)
        # Nobody serves a sub: main is transcoded where it cannot be played.
        self._no_sub = False
        self._why = ""
        self._was_live = False
        self._verdict = Verdict("empty")
        self._since_ns = clock.now_ns()
        self._told_ns = 0
        self._switched: Message | None = None
        self._pictured: Picture | None = None

    @property
    def wanted(self) -> StreamRef | None:
        """What it is to show."""
        return self._wanted

    @property
    def feed(self) -> Feed | None:
        """Where its pictures, and its sound, come from now."""
        return self._feed

    def show(self, stream: StreamRef | None, number: int | None = None, claim: LineClaim | None = None) -> None:
        """Show another Stream, or nothing; `number` is the viewer's count of switches and comes back in messages.
        `claim`: how much main is wanted in place of sub (streamer/claims.py), None: it and no other."""
        if (stream is None) != (self._wanted is None):
            metrics.TILES.inc(1 if stream is not None else -1)
        self._wanted, self._number, self._why, self._claim = stream, number, "", claim
        self._switched = self._pictured = None
        if stream is not None and self._feed is not None and stream.camera == self._feed.stream.camera:
            self._turn_to(stream, claim)
        else:
            self._no_sub = False
            self._use(stream)
        self._since_ns = self._clock.now_ns()
        self.refresh(force=True)

    def _use(self, stream: StreamRef | None) -> None:
        before = [feed for feed in (self._feed, self._awaited) if feed is not None]
        self._feed = self._awaited = None
        self._was_live = False
        self.track.show(None)
        self._made.leave()
        if stream is not None:
            claim = self._claim if stream == self._wanted and not self._no_sub else None
            self._feed = self._take(stream, claim)
        for feed in before:
            self._let_go(feed)
        self._choose()

    def _turn_to(self, stream: StreamRef, claim: LineClaim | None) -> None:
        """Another Stream of the same Camera: what is shown stays until that one is there."""
        feed, awaited = self._feed, self._awaited
        known = next((each for each in (feed, awaited) if each is not None and each.stream == stream), None)
        if known is not None:
            known.claims.put(self, claim)
            self.track.announce()
        if awaited is not None and awaited is not known:
            self._awaited = None
            self._let_go(awaited)
        if known is None:
            self._awaited = self._take(stream, claim)
        self._choose()

    def _take(self, stream: StreamRef, claim: LineClaim | None) -> Feed:
        feed = self._fanout.acquire(stream)
        feed.changes.add(self._changed)
        feed.claims.put(self, claim)
        return feed

    def _let_go(self, feed: Feed) -> None:
        if feed is not self._feed:
            feed.changes.discard(self._changed)
            feed.claims.drop(self)
        self._fanout.release(feed)

    def _choose(self) -> None:
        """Let the track follow the feed where the viewer can play it, else the sub stream, else a transcode of what
        there is (DESIGN §7)."""
        if self._awaited is not None:
            self._await(self._awaited)
        feed = self._feed
        if (
            feed is not None
            and feed.claims.refused
            and self._awaited is None
            and feed.stream.name is StreamName.MAIN
            and not self._no_sub
        ):
            self._awaited = feed
            self._feed = feed = self._take(StreamRef(feed.stream.camera, StreamName.SUB), None)
        if feed is None or self._turned_back(feed) or feed.run is None:
            return
        if self._plays(feed):
            self._made.leave()
            stays = self._awaited is not None and self.track in self._awaited.sinks and not feed.gop
            if self.track not in feed.sinks and not stays:
                self.track.show(feed)
            if feed.thinned and not self._why:
                self._why = "The camera sends B-frames: fewer pictures are shown."
        elif feed.fault:
            self.track.show(None)
        elif feed.stream.name is StreamName.MAIN and not self._no_sub:
            self._why = _NOT_PLAYED.format("has B-frames" if feed.shuffled else "is not H.264")
            self._use(StreamRef(feed.stream.camera, StreamName.SUB))
        else:
            made = self._made.of(feed.stream)
            if made is None or self.track not in made.sinks:
                self.track.show(made)

    def _turned_back(self, feed: Feed) -> bool:
        """Where the camera has no sub after all, back to main, whatever the viewer plays of it."""
        if self._awaited is None and feed.fault == "no_responder" and feed.stream != self._wanted:
            self._no_sub, self._why = True, ""
            self._use(self._wanted)
            return True
        if feed.fault:
            self._no_sub = False  # who answers next may have one
        return False

    def _plays(self, feed: Feed) -> bool:
        return feed.run is not None and plays(feed.run.info.video, hevc=self._hevc) and not feed.shuffled

    def _await(self, awaited: Feed) -> None:
        """Show what is wanted as soon as it is there. Of a camera that has no other, it is wanted whatever it costs."""
        stands_in = self._feed
        if stands_in is not None and stands_in.fault == "no_responder":
            awaited.claims.put(self, None)
        if awaited.claims.refused or not awaited.gop:
            return
        self._awaited = None
        if self._plays(awaited):
            self._feed = awaited
            self.track.show(awaited)
            if stands_in is not None:
                self._let_go(stands_in)
        else:
            self._why = _NOT_PLAYED.format("has B-frames" if awaited.shuffled else "is not H.264")
            self._let_go(awaited)

    def _changed(self) -> None:
        self._choose()
        self.refresh()
        self._say_picture()

    def _say_picture(self) -> None:
        """The small picture that stands in for video, once each."""
        picture = None if self._feed is None else self._feed.picture
        if picture is None or picture is self._pictured:
            return
        self._pictured = picture
        jpeg = base64.b64encode(picture.jpeg).decode("ascii")
        said = {"type": "picture", "tile": self.index, "n": self._number, "jpeg": jpeg, "wall_ns": str(picture.wall_ns)}
        self._tell(said)

    def facts(self) -> Facts:
        """What is known of the tile."""
        feed = self._feed
        if feed is None:
            return Facts(shown=False)
        sent, picture = self.track.sent, feed.picture
        captured_ns = None if sent is None else sent.wall_ns - feed.skew.ns
        small = picture is not None and (captured_ns is None or picture.wall_ns > captured_ns)
        return Facts(
            shown=True,
            track=None if feed.run is None else feed.run.info.video,
            hevc=self._hevc,
            shuffled=feed.shuffled,
            transcode=self._made.state,
            fault=feed.fault,
            fault_ns=feed.fault_ns,
            stream=feed.state,
            captured_ns=picture.wall_ns if picture is not None and small else captured_ns,
            small=small,
            was_live=self._was_live,
            instead=feed.stream != self._wanted and self._awaited is None,
        )

    def refresh(self, *, force: bool = False) -> None:
        """Judge the tile and tell the viewer where that is new, where it was last told a while ago, or by force."""
        if self._awaited is not None or self._made.refused:
            self._choose()
        if self._say is None:
            return
        now_ns = self._clock.now_ns()
        verdict = judge(self.facts(), now_ns)
        changed = (verdict.state, verdict.cause) != (self._verdict.state, self._verdict.cause)
        if changed:
            self._since_ns = now_ns
        self._was_live = self._was_live or verdict.state == "live"
        self._verdict = verdict
        due = self._feed is not None and self._clock.mono_ns() - self._told_ns >= int(self._options.tell_s * NS_PER_S)
        if changed or due or force:
            self._told_ns = self._clock.mono_ns()
            self._tell(self.message())
            self._say_clock()

    def message(self) -> Message:
        """The `tile` message."""
        verdict = self._verdict
        since_ns = self._since_ns if verdict.since_ns is None else verdict.since_ns
        shown = self._wanted if self._feed is None else self._feed.stream
        return {
            "type": "tile",
            "tile": self.index,
            "camera": None if shown is None else shown.camera,
            "stream": None if shown is None else str(shown.name),
            "n": self._number,
            "state": verdict.state,
            "age_ms": verdict.age_ms,
            "since": rfc3339(since_ns),
            "cause": verdict.cause,
            "why": verdict.why or self._why,
            "line": self._line(),
            "transcoded": self._made.state == "running",
        }

    def _line(self) -> Message | None:
        """What was decided of the Site's line, with what it costs; None where nobody decides."""
        feed = self._awaited or self._feed
        said = None if feed is None or self._claim is None else feed.claims.verdict
        if said is None:
            return None
        return {
            "given": said.given,
            "why": said.why,
            "forced": said.forced,
            "kbps": said.bytes_s // 125,
            "small_kbps": said.small_bytes_s // 125,
            "used_kbps": said.used_bytes_s // 125,
            "line_kbps": None if said.line_bytes_s is None else said.line_bytes_s // 125,
        }

    def repeat_messages(self) -> None:
        """Tell all that was told: the viewer's socket is new, or was away."""
        self.refresh(force=True)
        if self._switched is not None:
            self._tell(self._switched)

    def _say_clock(self) -> None:
        placed = self.track.placed
        if placed is not None and self._feed is not None:
            rtp, wall_ns = self.track.rtp_of(placed), placed.wall_ns - self._feed.skew.ns
            self._tell({"type": "clock", "tile": self.index, "rtp": rtp, "wall_ns": str(wall_ns)})

    def _tell(self, message: Message) -> None:
        if self._say is not None:
            self._say(message)

    def switched(self, rtp: int) -> None:
        """See TrackEvents."""
        self._switched = {"type": "switched", "tile": self.index, "n": self._number, "rtp": rtp}
        self._tell(self._switched)

    def arrived(self) -> None:
        """See TrackEvents: the clock of the new camera is known, and so is how old its picture is."""
        self.refresh(force=True)

    def close(self) -> None:
        """Show nothing and let the feed go, silently; idempotent."""
        self._say = None
        if self._wanted is not None:
            self.show(None)


def rfc3339(wall_ns: int) -> str:
    """UTC with milliseconds and Z."""
    at = dt.datetime.fromtimestamp(wall_ns // NS_PER_S, tz=dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{wall_ns % NS_PER_S // 1_000_000:03d}Z"
