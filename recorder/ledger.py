"""The gap ledger of one Stream: at every moment it is recorded, or an open Gap says why not. Pure.

What ingest and the writer say goes in, Gap rows to be put come out, in order. Recorded time and Gaps share their ends,
so together they are all of the time since registration, and never overlap (DESIGN §6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.ids import new_id
from vms.domain.media import EndReason, StreamCondition, StreamState

_OF_REASON = {
    EndReason.INFO_CHANGED: GapCause.NO_KEYFRAME,
    EndReason.LEASE_LOST: GapCause.UNKNOWN,  # only where the recorder is not told who has the Stream now
}
_VAGUE = frozenset({GapCause.UNKNOWN})
_STILL = frozenset({GapCause.NODE_DOWN, GapCause.DISABLED})
_NEAR_NS = 30 * NS_PER_S


def cause_of(reason: EndReason) -> GapCause:
    """The cause of the Gap after a Run that ended for this reason."""
    return _OF_REASON.get(reason) or GapCause(reason.value)


class StreamLedger:
    """One Stream from `resume` or `rest` on. Every method returns the rows to put. While another Node of the Site has
    the Stream (`away`), its ledger is that Node's; `on_place` is called when it comes or goes."""

    def __init__(self, stream: StreamRef, site: str, node: str, *, make_id: Callable[[], str] = new_id) -> None:
        self.stream = stream
        self.site = site
        self._node = node
        self._make_id = make_id
        self._gap: Gap | None = None
        self._known: GapCause | None = None
        self._wanted = True
        self._gone = False
        self._away = False
        self._end_ns: int | None = None
        self._started_ns: int | None = None
        self.on_place: Callable[[], None] = lambda: None

    @property
    def gap(self) -> Gap | None:
        """The open Gap, None while recorded."""
        return self._gap

    @property
    def away(self) -> bool:
        """Whether another Node has the Stream, as far as is known here."""
        return self._away

    @property
    def wanted(self) -> bool:
        """Whether it should be recorded."""
        return self._wanted

    def resume(self, since_ns: int, gap: Gap | None, cause: GapCause, *, alive_ns: int | None = None) -> list[Gap]:
        """Begin where nothing is recorded from `since_ns` on (the recorded end, or registration). `gap`: the open one
        the catalogue has, which holds until `alive_ns`, when its node was last seen; then `cause` is why."""
        if gap is None:
            return self._open(since_ns, cause)
        self._gap = gap
        if alive_ns is None or gap.cause in _STILL or alive_ns <= gap.start_ns:
            return []
        return self._switch(alive_ns, cause)

    def rest(self, gap: Gap | None, *, end_ns: int | None, started_ns: int | None = None) -> None:
        """Begin where it is not known yet which Node has the Stream. `gap`: an open one of this Node; `end_ns`: where
        the footage known here ends, or registration; `started_ns`: this Node has just started, None: it ran."""
        self._gap, self._away, self._end_ns, self._started_ns = gap, True, end_ns, started_ns

    def arrived(self, at_ns: int, cause: GapCause | None) -> list[Gap]:
        """The Stream is this Node's. `cause`: nothing is recorded, from then on for this cause; None: footage comes."""
        if not self._away or self._gone:
            return []
        self._away = False
        self.on_place()
        if cause is None or not self._wanted:
            return []
        if self._down_until(at_ns):
            # Nobody had it: footage of others outdoes this row.
            rows = self._open(self._end_ns or 0, GapCause.NODE_DOWN)
            return rows if cause is GapCause.NODE_DOWN else [*rows, *self._switch(at_ns, cause)]
        # Where the footage ends is known more exactly than since when the Node was away.
        if self._end_ns is not None and abs(at_ns - self._end_ns) < _NEAR_NS:
            at_ns = self._end_ns
        return self._open(at_ns, cause) if self._gap is None else self._switch(at_ns, cause)

    def _down_until(self, at_ns: int) -> bool:
        """Whether the Stream came to this Node as it started, after a time without footage."""
        end_ns, started_ns = self._end_ns, self._started_ns
        if self._gap is not None or end_ns is None or started_ns is None:
            return False
        return end_ns < at_ns and at_ns - started_ns < _NEAR_NS

    def left(self, at_ns: int) -> list[Gap]:
        """Another Node has the Stream, granted from then on: what was missing before ends here."""
        if self._away:
            return []
        self._away, self._known, self._end_ns, self._started_ns = True, None, None, None
        self.on_place()
        return self._close(at_ns)

    def state(self, state: StreamState) -> list[Gap]:
        """What ingest knows of the Stream."""
        if state.reason == EndReason.LEASE_LOST.value:
            return self.left(state.since_ns)
        if self._away and state.cause and state.condition is not StreamCondition.DISABLED:
            return self.arrived(state.since_ns, _parse(state.cause))
        self._known = None if not state.cause else _parse(state.cause)
        if self._gap is None or self._known is None or not self._wanted:
            return []
        if state.condition is StreamCondition.CONNECTING and self._gap.cause not in _VAGUE:
            return []  # a new try tells nothing new
        return self._switch(state.since_ns, self._known)

    def opened(self, start_ns: int) -> list[Gap]:
        """Footage begins."""
        return [] if self._away else self._close(start_ns)

    def ended(self, end_ns: int, cause: GapCause | None) -> list[Gap]:
        """Footage ends; None: for the cause ingest last gave."""
        if self._gap is not None or self._gone or self._away:
            return []
        why = cause or self._known or GapCause.UNKNOWN
        return self._open(end_ns, why if self._wanted else GapCause.DISABLED)

    def blocked(self, at_ns: int, cause: GapCause) -> list[Gap]:
        """There would be something to record, but for this cause."""
        return self._switch(at_ns, cause) if self._gap is not None and self._wanted and not self._away else []

    def want(self, at_ns: int, *, wanted: bool) -> list[Gap]:
        """Recording was switched on or off."""
        if wanted == self._wanted:
            return []
        self._wanted = wanted
        if self._gap is None or self._away:
            return []
        return self._switch(at_ns, GapCause.UNKNOWN if wanted else GapCause.DISABLED, exact=wanted)

    def remove(self, at_ns: int) -> list[Gap]:
        """The Stream is no longer registered; nothing is missed from now on."""
        self._gone = True
        return self._close(at_ns)

    def _open(self, at_ns: int, cause: GapCause) -> list[Gap]:
        self._gap = Gap(self._make_id(), self.stream, self.site, self._node, at_ns, None, cause, GapState.OPEN)
        return [self._gap]

    def _close(self, at_ns: int) -> list[Gap]:
        gap, self._gap = self._gap, None
        if gap is None:
            return []
        if at_ns > gap.start_ns:
            return [replace(gap, end_ns=at_ns, state=GapState.CLOSED, rev=gap.rev + 1)]
        # Nothing was missed. A row cannot be taken back: it says that there is footage for it.
        return [replace(gap, end_ns=gap.start_ns + 1, state=GapState.REPAIRED, rev=gap.rev + 1)]

    def _switch(self, at_ns: int, cause: GapCause, *, exact: bool = False) -> list[Gap]:
        """Another cause from now on; where the one before was none, or told nothing, it is that one's cause too."""
        gap = self._gap
        if gap is None or gap.cause is cause:
            return []
        if at_ns <= gap.start_ns or (gap.cause in _VAGUE and not exact and cause is not GapCause.DISABLED):
            self._gap = replace(gap, cause=cause, rev=gap.rev + 1)
            return [self._gap]
        return [*self._close(at_ns), *self._open(at_ns, cause)]


def _parse(cause: str) -> GapCause:
    try:
        return GapCause(cause)
    except ValueError:
        return GapCause.UNKNOWN
