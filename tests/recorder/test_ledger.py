"""The gap ledger: recorded time and Gaps are all of the time, whatever happens."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.ledger import StreamLedger, cause_of
from tests.recorder.synth import NODE, SITE, STREAM
from vms.clock import NS_PER_S, ManualClock
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, subtract
from vms.domain.media import EndReason, StreamCondition, StreamState

OUTAGES = {
    StreamCondition.CONNECTING: "",
    StreamCondition.LIVE: "",
    StreamCondition.STALLED: "stream_stalled",
    StreamCondition.UNREACHABLE: "camera_unreachable",
    StreamCondition.AUTH_FAILED: "auth_failed",
    StreamCondition.UNSUPPORTED: "some cause of tomorrow",
}


@dataclass
class History:
    """What a catalogue would hold: rows by id, recorded intervals, and when nothing was to be recorded."""

    clock: ManualClock = field(default_factory=ManualClock)
    rows: dict[str, Gap] = field(default_factory=dict)
    recorded: list[Interval] = field(default_factory=list)
    since_ns: int | None = None
    end_ns: int | None = None
    ledger: StreamLedger = field(init=False)

    def __post_init__(self) -> None:
        self.registered_ns = self.clock.now_ns()
        self.new_ledger()

    def new_ledger(self) -> None:
        """As after a start."""
        ids = itertools.count(len(self.rows) * 1000)
        self.ledger = StreamLedger(STREAM, SITE, NODE, make_id=lambda: str(next(ids)))

    def put(self, rows: list[Gap]) -> None:
        """Upsert: the greater rev wins."""
        for row in rows:
            before = self.rows.get(row.id)
            assert before is None or row.rev == before.rev + 1
            self.rows[row.id] = row

    def begin(self) -> None:
        """Footage begins now."""
        if self.since_ns is None and self.ledger.wanted:
            self.since_ns = self.clock.now_ns()
            self.put(self.ledger.opened(self.since_ns))

    def end(self, cause: GapCause | None) -> None:
        """Footage ends now."""
        if self.since_ns is None:
            return
        now_ns = self.clock.now_ns()
        if now_ns > self.since_ns:
            self.recorded.append(Interval(self.since_ns, now_ns))
        self.since_ns, self.end_ns = None, now_ns
        self.put(self.ledger.ended(now_ns, cause))

    def crash(self, dead_s: float) -> float:
        """The process dies; what was recorded to now is found by the sweep at the next start."""
        alive_ns = self.clock.now_ns()
        if self.since_ns is not None:
            self.end_ns = alive_ns
            if alive_ns > self.since_ns:
                self.recorded.append(Interval(self.since_ns, alive_ns))
            self.since_ns = None
        wanted = self.ledger.wanted
        open_rows = [row for row in self.rows.values() if row.state is GapState.OPEN]
        assert len(open_rows) <= 1
        self.clock.step(dead_s)
        self.new_ledger()
        since_ns = self.registered_ns if self.end_ns is None else self.end_ns
        gap = open_rows[0] if open_rows else None
        self.put(self.ledger.resume(since_ns, gap, GapCause.NODE_DOWN, alive_ns=alive_ns))
        if not wanted:
            self.put(self.ledger.want(self.clock.now_ns(), wanted=False))
        return dead_s

    def check(self) -> None:
        """Recorded time and Gaps are disjoint and together all of [registered, now)."""
        now_ns = self.clock.now_ns()
        if now_ns == self.registered_ns:
            return
        recorded = list(self.recorded)
        if self.since_ns is not None and now_ns > self.since_ns:
            recorded.append(Interval(self.since_ns, now_ns))
        gaps = []
        for row in self.rows.values():
            end_ns = now_ns if row.end_ns is None else row.end_ns
            assert (row.state is GapState.OPEN) == (row.end_ns is None)
            if row.state is not GapState.REPAIRED and end_ns > row.start_ns:
                gaps.append(Interval(row.start_ns, end_ns))
        everything = Interval(self.registered_ns, now_ns)
        assert subtract(everything, [*recorded, *gaps]) == []
        assert sum(one.duration_ns for one in (*recorded, *gaps)) == everything.duration_ns
        assert sum(row.state is GapState.OPEN for row in self.rows.values()) == (self.since_ns is None)


events = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 60.0]),
        st.one_of(
            st.just(("begin", None)),
            st.tuples(st.just("end"), st.sampled_from([None, *GapCause])),
            st.tuples(st.just("state"), st.sampled_from(list(OUTAGES))),
            st.tuples(st.just("blocked"), st.sampled_from([GapCause.SPOOL_FULL, GapCause.DISK_ERROR])),
            st.tuples(st.just("want"), st.booleans()),
            st.tuples(st.just("crash"), st.sampled_from([0.5, 30.0])),
        ),
    ),
    max_size=25,
)


@settings(max_examples=300)
@given(events)
def test_recorded_and_gaps_are_all_of_the_time(found: list[tuple[float, tuple[str, object]]]) -> None:
    """After any sequence of events, at any time, every moment since registration is recorded or in one Gap."""
    history = History()
    history.put(history.ledger.resume(history.registered_ns, None, GapCause.NODE_DOWN))
    for wait_s, (kind, what) in found:
        history.clock.step(wait_s)
        now_ns = history.clock.now_ns()
        if kind == "begin":
            history.begin()
        elif kind == "end":
            history.end(what)  # type: ignore[arg-type]  # drawn to fit
        elif kind == "state":
            assert isinstance(what, StreamCondition)
            history.put(history.ledger.state(StreamState(STREAM, what, now_ns, cause=OUTAGES[what])))
        elif kind == "blocked":
            assert isinstance(what, GapCause)
            history.put(history.ledger.blocked(now_ns, what))
        elif kind == "want":
            history.put(history.ledger.want(now_ns, wanted=bool(what)))
            if not what:
                history.end(GapCause.DISABLED)
        else:
            assert isinstance(what, float)
            history.crash(what)
        history.check()
    history.clock.step(5)
    history.check()


def causes(history: History) -> list[tuple[str, float]]:
    """Cause and length in seconds of all Gaps, in order."""
    now_ns = history.clock.now_ns()
    rows = sorted(history.rows.values(), key=lambda row: row.start_ns)
    return [
        (row.cause.value, ((now_ns if row.end_ns is None else row.end_ns) - row.start_ns) / NS_PER_S)
        for row in rows
        if row.state is not GapState.REPAIRED
    ]


def started() -> History:
    """A Stream that was registered just now, and a node that just began."""
    history = History()
    history.put(history.ledger.resume(history.registered_ns, None, GapCause.NODE_DOWN))
    return history


def test_node_down_lasts_until_something_is_known() -> None:
    """A start, a try to connect, then the camera is known to be away: two causes, no third for the try."""
    history = started()
    history.clock.step(3)
    for condition, wait_s in ((StreamCondition.CONNECTING, 2), (StreamCondition.UNREACHABLE, 4)):
        state = StreamState(STREAM, condition, history.clock.now_ns(), cause=OUTAGES[condition])
        history.put(history.ledger.state(state))
        history.clock.step(wait_s)
    assert causes(history) == [("node_down", 5.0), ("camera_unreachable", 4.0)]


def test_a_crash_during_an_outage_is_its_own_cause() -> None:
    """The camera was away, then the node died: each has its part of the time."""
    history = started()
    history.begin()
    history.clock.step(1)
    history.end(GapCause.CAMERA_UNREACHABLE)
    history.clock.step(10)
    history.crash(20)
    history.begin()
    assert causes(history) == [("camera_unreachable", 10.0), ("node_down", 20.0)]


def test_a_new_run_at_once_leaves_no_gap() -> None:
    """A Run that begins where the last one ended: the Gap's row says repaired, and no time is missing."""
    history = started()
    history.begin()
    history.clock.step(1)
    history.end(GapCause.NO_KEYFRAME)
    history.begin()
    history.clock.step(1)
    history.check()
    assert causes(history) == []


def test_an_unknown_cause_is_corrected() -> None:
    """What is told later is the cause from the beginning, where nothing better was known."""
    history = started()
    history.begin()
    history.clock.step(1)
    history.end(None)
    history.clock.step(2)
    state = StreamState(STREAM, StreamCondition.AUTH_FAILED, history.clock.now_ns(), cause="auth_failed")
    history.put(history.ledger.state(state))
    history.clock.step(2)
    assert causes(history) == [("auth_failed", 4.0)]


def test_disabled_is_its_own_cause() -> None:
    """Switched off while away, then on again: disabled for exactly that time."""
    history = started()
    history.put(history.ledger.want(history.clock.now_ns() + NS_PER_S, wanted=False))
    history.clock.step(5)
    history.put(history.ledger.want(history.clock.now_ns(), wanted=True))
    history.clock.step(2)
    assert causes(history) == [("node_down", 1.0), ("disabled", 4.0), ("unknown", 2.0)]


def test_a_removed_stream_misses_nothing() -> None:
    """After removal no Gap goes on and none begins."""
    history = started()
    history.clock.step(2)
    history.put(history.ledger.remove(history.clock.now_ns()))
    history.clock.step(2)
    history.put(history.ledger.ended(history.clock.now_ns(), None))
    assert causes(history) == [("node_down", 2.0)]


@pytest.mark.parametrize("reason", list(EndReason))
def test_every_reason_is_a_cause(reason: EndReason) -> None:
    """Whatever ended a Run, the Gap after it has a cause."""
    assert cause_of(reason) in GapCause


def shared() -> tuple[StreamLedger, list[bool]]:
    """A ledger of a Stream that another Node may have; whether it was here, whenever that changed."""
    ledger = StreamLedger(STREAM, SITE, NODE)
    places: list[bool] = []
    ledger.on_place = lambda: places.append(not ledger.away)
    ledger.rest(None, end_ns=100 * NS_PER_S)
    return ledger, places


def said(cause: str, since_s: int, reason: str = "") -> StreamState:
    """A state of a Stream that is not live."""
    return StreamState(STREAM, StreamCondition.CONNECTING, since_s * NS_PER_S, "", cause, reason)


def test_what_another_node_has_is_its_to_tell() -> None:
    """Nothing that happens here makes a row; what is handed over to us begins without one, and ends without one."""
    ledger, places = shared()
    assert ledger.ended(5, GapCause.UNKNOWN) == ledger.blocked(5, GapCause.SPOOL_FULL) == ledger.opened(5) == []
    assert ledger.state(StreamState(STREAM, StreamCondition.LIVE, 5)) == []
    assert ledger.arrived(500 * NS_PER_S, None) == ledger.opened(500 * NS_PER_S) == []
    assert ledger.left(600 * NS_PER_S) == ledger.ended(601 * NS_PER_S, GapCause.UNKNOWN) == []
    assert ledger.state(said("", 600, "lease_lost")) == []
    assert places == [True, False]


def test_what_a_dead_node_did_not_record_is_a_gap() -> None:
    """From when it was heard of last, which is said by ingest, to our first footage."""
    ledger, _ = shared()
    (gap,) = ledger.state(said("node_down", 490))
    assert (gap.start_ns, gap.cause, gap.state) == (490 * NS_PER_S, GapCause.NODE_DOWN, GapState.OPEN)
    assert ledger.state(StreamState(STREAM, StreamCondition.LIVE, 0)) == []
    (closed,) = ledger.opened(500 * NS_PER_S)
    assert (closed.id, closed.end_ns, closed.state) == (gap.id, 500 * NS_PER_S, GapState.CLOSED)


def test_a_node_that_was_away_itself_knows_the_end_exactly() -> None:
    """Its own footage, swept, ends near to when it was heard of last; its own open Gap goes on."""
    ledger, _ = shared()
    (gap,) = ledger.state(said("node_down", 103))
    assert gap.start_ns == 100 * NS_PER_S
    ledger = StreamLedger(STREAM, SITE, NODE)
    ledger.rest(Gap("g", STREAM, SITE, NODE, 5, None, GapCause.AUTH_FAILED, GapState.OPEN), end_ns=4)
    closed, opened = ledger.state(said("node_down", 103))
    assert (closed.id, closed.end_ns) == ("g", 103 * NS_PER_S)
    assert opened.start_ns == 103 * NS_PER_S


def test_a_node_that_was_down_for_long_says_so() -> None:
    """From the end of the footage until the Stream came to it as it started: `node_down`; then what ingest says."""
    ledger = StreamLedger(STREAM, SITE, NODE)
    ledger.rest(None, end_ns=100 * NS_PER_S, started_ns=4000 * NS_PER_S)
    down, closed, opened = ledger.state(said("camera_unreachable", 4002))
    assert (down.start_ns, down.cause, closed.id, closed.end_ns) == (
        100 * NS_PER_S,
        GapCause.NODE_DOWN,
        down.id,
        4002 * NS_PER_S,
    )
    assert (opened.start_ns, opened.cause, opened.state) == (
        4002 * NS_PER_S,
        GapCause.CAMERA_UNREACHABLE,
        GapState.OPEN,
    )
    later = StreamLedger(STREAM, SITE, NODE)
    later.rest(None, end_ns=100 * NS_PER_S, started_ns=4000 * NS_PER_S)
    (gap,) = later.state(said("node_down", 9000))
    assert gap.start_ns == 9000 * NS_PER_S


def test_a_gap_that_another_node_takes_over_ends_at_its_grant() -> None:
    """The camera is down and its Lease moves: the one's Gap ends where the other's begins."""
    ledger, places = shared()
    (gap,) = ledger.state(said("camera_unreachable", 490))
    (closed,) = ledger.state(said("", 520, "lease_lost"))
    assert (closed.id, closed.end_ns, closed.state) == (gap.id, 520 * NS_PER_S, GapState.CLOSED)
    assert ledger.want(530 * NS_PER_S, wanted=False) == ledger.want(531 * NS_PER_S, wanted=True) == []
    assert places == [True, False]


def test_taken_over_by_a_full_spool_is_a_gap() -> None:
    """The Run is ours, and not recorded."""
    ledger, _ = shared()
    (gap,) = ledger.arrived(500 * NS_PER_S, GapCause.SPOOL_FULL)
    assert (gap.start_ns, gap.cause) == (500 * NS_PER_S, GapCause.SPOOL_FULL)
