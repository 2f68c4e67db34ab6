"""Who watched which camera live, from when to when: for the audit log, a line a person, camera and stretch.

Told whenever somebody is shown something, and looks now and then at what is shown still, so that switching costs the
log nothing: a camera that comes back within a minute, as in a tour, goes on with its stretch. Event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.audit import AuditLine
from vms.errors import VmsError
from vms.store.catalogue import Catalogue
from web.times import format_time
from web.uncut import uncut

log = logs.get(__name__)

ACTION = "live.watch"
LOOK_S = 5.0
_AWAY_NS = 60 * NS_PER_S
_LONGEST_NS = 900 * NS_PER_S
_KEPT_MAX = 20_000
"""Lines that wait for a catalogue that does not answer."""

Watching = Callable[[], Iterable[tuple[str, Collection[str]]]]
"""Who is shown which cameras now: ids of a person or a display, and of cameras."""


@dataclass
class _Stretch:
    start_ns: int
    seen_ns: int


class Viewings:
    """Stretches under way; `run` looks, `close` writes what is left."""

    def __init__(self, catalogue: Catalogue, clock: Clock, watching: Watching) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._watching = watching
        self._stretches: dict[tuple[str, str], _Stretch] = {}
        self._lines: list[AuditLine] = []

    def saw(self, person: str, cameras: Iterable[str]) -> None:
        """They are shown these now."""
        now_ns = self._clock.now_ns()
        for camera in cameras:
            known = self._stretches.get((person, camera))
            if known is None:
                self._stretches[person, camera] = _Stretch(now_ns, now_ns)
            else:
                known.seen_ns = max(known.seen_ns, now_ns)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """What is shown now goes on; what ended a minute ago, or has gone on for a quarter of an hour, is written."""
        for person, cameras in self._watching():
            self.saw(person, cameras)
        now_ns = self._clock.now_ns()
        for (person, camera), stretch in list(self._stretches.items()):
            if now_ns - stretch.seen_ns >= _AWAY_NS:
                self._end(person, camera)
            elif stretch.seen_ns - stretch.start_ns >= _LONGEST_NS:
                self._end(person, camera)
                self._stretches[person, camera] = _Stretch(stretch.seen_ns, stretch.seen_ns)
        await self._write()

    async def close(self) -> None:
        """Everything under way ends here."""
        for person, cameras in self._watching():
            self.saw(person, cameras)
        for person, camera in list(self._stretches):
            self._end(person, camera)
        await self._write()

    def _end(self, person: str, camera: str) -> None:
        stretch = self._stretches.pop((person, camera))
        span = {"start": format_time(stretch.start_ns), "end": format_time(stretch.seen_ns)}
        self._lines.append(AuditLine(person, ACTION, camera, span))

    async def _write(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            await uncut(self._catalogue.audit.add_all(lines))
        except VmsError as error:
            log.warning("who watched is not written down yet", lines=len(lines), why=logs.redact(error.message))
            self._lines = [*lines, *self._lines][:_KEPT_MAX]
