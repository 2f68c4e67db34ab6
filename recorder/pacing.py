"""The Service that lets uploads yield to live video on the line of a Site. Event loop.

Every node of the Site tells in its sign of life how much live video it sends; each takes its share of what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from recorder.line_share import Shares, upload_bytes_per_s
from vms import metrics
from vms.clock import Clock
from vms.objects.pace import Pace
from vms.service import Service

LIVE_FACT = "live_bytes_per_s"


@dataclass(frozen=True, slots=True)
class PacingOptions:
    """`line_bytes_per_s`: what the Site's line carries towards the center."""

    line_bytes_per_s: float
    shares: Shares = field(default_factory=Shares)
    every_s: float = 0.5


class Pacing(Service):
    """`paces`: of the Stores beyond the line. `own`: live bytes a second of this node; `others`: of the Site's other
    nodes that are alive."""

    name = "pacing"

    def __init__(
        self,
        clock: Clock,
        *,
        paces: Mapping[str, Pace],
        own: Callable[[], float],
        others: Callable[[], list[float]],
        options: PacingOptions,
    ) -> None:
        super().__init__(clock)
        self._paces, self._own, self._others, self._options = paces, own, others, options

    async def run_once(self) -> None:
        """Until stopped."""
        while True:
            self._set()
            self.ready()
            if not await self.pause(self._options.every_s):
                return

    def _set(self) -> None:
        options = self._options
        allowed = upload_bytes_per_s(options.line_bytes_per_s, [self._own(), *self._others()], options.shares)
        metrics.UPLOAD_ALLOWED.set(allowed)
        for pace in self._paces.values():
            pace.set(allowed)

    async def close(self) -> None:
        """Nothing holds uploads back that nobody adjusts any more."""
        for pace in self._paces.values():
            pace.set(None)
