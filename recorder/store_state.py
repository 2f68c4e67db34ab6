"""How a Store behaves towards this node: whether it takes what it is given, since when not, and when to try it again.

Event loop. Says on the bus (`recorder.state`, kind `store`) when a Store begins to fail, again every minute while it
does, and when it is well; so whoever listens late learns of it too.
"""

from __future__ import annotations

from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.errors import VmsError
from vms.service import Backoff, Health

log = logs.get(__name__)

_AGAIN_S = 60.0


class StoreState:
    """One Store. Tell it what failed and what worked."""

    def __init__(self, store: str, node: str, bus: Bus, clock: Clock, backoff: Backoff) -> None:
        self.store = store
        self._node, self._bus, self._clock, self._backoff = node, bus, clock, backoff
        self._why: VmsError | None = None
        self._since_ns = self._since_mono_ns = self._due_ns = self._told_ns = 0

    @property
    def failing(self) -> bool:
        """Whether it is away, or refuses whatever it is given."""
        return self._why is not None

    def wait_s(self) -> float:
        """How long until it may be tried again; 0: now."""
        return 0.0 if self._why is None else max(0.0, (self._due_ns - self._clock.mono_ns()) / NS_PER_S)

    def failed(self, error: VmsError) -> None:
        """It took nothing."""
        mono_ns, first = self._clock.mono_ns(), self._why is None
        self._due_ns = mono_ns + int(self._backoff.next_s() * NS_PER_S)
        self._why = error
        if first:
            self._since_ns, self._since_mono_ns = self._clock.now_ns(), mono_ns
        if first or mono_ns - self._told_ns >= _AGAIN_S * NS_PER_S:
            self._told_ns = mono_ns
            log.warning("a Store takes nothing", store=self.store, why=logs.redact(str(error)))
            self._tell(ok=False, why=error.message, code=error.code)

    def worked(self) -> None:
        """It took something."""
        if self._why is None:
            return
        self._why = None
        self._backoff.reset()
        away_s = (self._clock.mono_ns() - self._since_mono_ns) / NS_PER_S
        log.info("a Store takes footage again", store=self.store, away_s=round(away_s, 1))
        self._tell(ok=True, away_s=away_s)

    def health(self) -> Health:
        """As a Service has it."""
        if self._why is None:
            return Health(ok=True)
        why = f"the store {self.store} takes nothing: {logs.redact(self._why.message)}"
        return Health(ok=False, why=why, reason="store_away", params={"store": self.store})

    def _tell(self, **what: object) -> None:
        about = {"kind": "store", "node": self._node, "store": self.store, "since_ns": self._since_ns}
        self._bus.publish("recorder.state", {**about, **what})
