"""The watchdog of rule 1: measures how late the event loop wakes, and counts what blocked it longer than 20 ms."""

from __future__ import annotations

import asyncio

from vms import logs, metrics
from vms.clock import NS_PER_S, Clock
from vms.service import Service

log = logs.get(__name__)

EVERY_S = 0.05
BLOCKED_S = 0.02
WORTH_A_LINE_S = 0.25


class LoopLag(Service):
    """Sleeps 50 ms at a time on the loop's own clock and looks how much longer it took."""

    name = "loop"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._throttle = logs.Throttle(10 * NS_PER_S)

    async def run_once(self) -> None:
        """Measure until stopped."""
        loop = asyncio.get_running_loop()
        self.ready()
        while not self.stopping.is_set():
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._note(max(0.0, loop.time() - due))

    def _note(self, late_s: float) -> None:
        metrics.LOOP_LAG_S.observe(late_s)
        if late_s > BLOCKED_S:
            metrics.LOOP_BLOCKS.inc()
        if late_s > WORTH_A_LINE_S:
            silent = self._throttle.admit(self.clock.mono_ns())
            if silent is not None:
                log.warning("event loop was blocked", late_ms=round(late_s * 1000), silent=silent)
