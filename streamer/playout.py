"""How long a viewer's browser should hold pictures back, pure: not at all, unless its line loses packets far away.

A packet that is lost comes again a round trip later. Where that is longer than a picture, and losses go on, pictures
held back for two round trips play evenly, which else stand still again and again (WebRTC's playout-delay extension).
"""

from __future__ import annotations

from collections import deque

LOSSY = 0.003
FAR_MS = 40
MOST_MS = 600
_WINDOW = 20


class Playout:
    """Of one viewer. `note` once a second; `delay_ms` is what to tell the browser, a multiple of 10."""

    def __init__(self) -> None:
        self.delay_ms = 0
        self._rtt_ms = 0.0
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_WINDOW)

    def measured(self, rtt_ms: float) -> None:
        """A round trip (RFC 3550 §6.4.1), smoothed."""
        self._rtt_ms = rtt_ms if not self._rtt_ms else self._rtt_ms * 0.75 + rtt_ms * 0.25

    def note(self, sent: int, missed: int) -> bool:
        """So many packets were sent in the last second, so many asked for again; whether the delay is another now."""
        self._seconds.append((sent, missed))
        sent, missed = (sum(each[n] for each in self._seconds) for n in (0, 1))
        before = self.delay_ms
        if self._rtt_ms < FAR_MS or missed < 2 or missed < sent * LOSSY:
            self.delay_ms = 0
        else:
            wanted = min(MOST_MS, int(self._rtt_ms * 2 + 80) // 10 * 10)
            # Every change moves the picture: small ones are not worth it.
            if abs(wanted - before) > 40:
                self.delay_ms = wanted
        return self.delay_ms != before
