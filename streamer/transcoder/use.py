"""One tile's use of a transcode: got where there is room, asked for again while there is none, let go. Event loop."""

from __future__ import annotations

from collections.abc import Callable

from streamer.transcoder.transcode import Transcode
from streamer.transcoder.transcoder import Transcoder
from vms import metrics
from vms.domain.camera import StreamRef


class Use:
    """`changed` is called when what comes of the transcode is new. `refused`: there was no room when last asked."""

    def __init__(self, transcoder: Transcoder, changed: Callable[[], None]) -> None:
        self._transcoder, self._changed = transcoder, changed
        self._held: Transcode | None = None
        self.refused = False

    def of(self, stream: StreamRef) -> Transcode | None:
        """The transcode of a Stream, in place of another; None where there can be none now."""
        if self._held is not None and self._held.feed.stream != stream:
            self.leave()
        if self._held is None and self._transcoder.possible:
            self._held = self._transcoder.acquire(stream)
            if self._held is not None:
                self._held.changes.add(self._changed)
            elif not self.refused:
                metrics.TRANSCODES_REFUSED.inc()
            self.refused = self._held is None
        return self._held

    def leave(self) -> None:
        """Use none any more; idempotent. Its process stays for a while."""
        held, self._held, self.refused = self._held, None, False
        if held is not None:
            held.changes.discard(self._changed)
            self._transcoder.release(held)

    @property
    def state(self) -> str:
        """running, failed, busy (there is no room), or nothing ("")."""
        if self._held is not None:
            return "failed" if self._held.fault else "running"
        return "busy" if self.refused else ""
