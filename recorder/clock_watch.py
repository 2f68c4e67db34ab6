"""The Service that watches this machine's clock: when it was set, and is synchronized now, Runs recorded before get
their `correction_ns`. Event loop; looks once a second, writes only after a step.

What it saw outlives the process, not the boot: monotonic times of two boots have nothing in common.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from recorder.clock_steps import ClockSteps
from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.service import Service
from vms.store import Catalogue

log = logs.get(__name__)

_KEEP_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class ClockWatchOptions:
    """`file`: where it keeps what it saw; `boot_id`: as Runs have it."""

    node: str
    boot_id: str
    file: Path
    every_s: float = 1.0


class ClockWatch(Service):
    """Service `clock`. `synchronized`: whether the machine's clock is, as far as it says."""

    name = "clock"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        synchronized: Callable[[], bool],
        options: ClockWatchOptions,
    ) -> None:
        super().__init__(clock)
        self._catalogue = catalogue
        self._bus = bus
        self._synchronized = synchronized
        self._options = options
        self._steps = self._kept()
        self._kept_ns: int | None = None
        self._due = bool(self._steps.steps)

    async def run_once(self) -> None:
        """Look until stopped."""
        while True:
            await self.look()
            self.ready()
            if not await self.pause(self._options.every_s):
                self._keep()
                return

    async def look(self) -> None:
        """One look. A correction that cannot be written yet is tried again at the next."""
        mono_ns = self.clock.mono_ns()
        step = self._steps.observe(self.clock.now_ns(), mono_ns)
        if step is not None:
            self._due = True
            log.error("the clock was set", by_s=step.by_ns / NS_PER_S)
            value = {"kind": "clock_step", "node": self._options.node, "by_ns": step.by_ns}
            self._bus.publish("recorder.state", value)
        if step is not None or self._kept_ns is None or mono_ns - self._kept_ns > _KEEP_NS:
            self._keep()
            self._kept_ns = mono_ns
        if self._due and self._synchronized():
            self._due = await self._correct()

    async def _correct(self) -> bool:
        """Write what follows; whether something must wait, as a Run that has not ended in the catalogue."""
        runs = await self._catalogue.runs.of_boot(self._options.node, self._options.boot_id)
        waits, by_id = False, self._steps.corrections(runs)
        for run in runs:
            by_ns = by_id[run.id]
            if by_ns == (run.correction_ns or 0):
                continue
            if run.end_ns is None:
                waits = True
                continue
            await self._catalogue.runs.put(replace(run, correction_ns=by_ns, rev=run.rev + 1))
            log.info("a Run is corrected", run=run.id, stream=str(run.stream), by_s=by_ns / NS_PER_S)
        return waits

    def _kept(self) -> ClockSteps:
        with suppress(OSError, ValueError, KeyError, TypeError):
            value = json.loads(self._options.file.read_bytes())
            if value["boot_id"] == self._options.boot_id:
                return ClockSteps.of_value(value)
        return ClockSteps()

    def _keep(self) -> None:
        """A few hundred bytes, once a minute."""
        other = self._options.file.with_suffix(".new")
        with suppress(OSError):  # without it steps while the process is down are not seen
            other.write_text(json.dumps({"boot_id": self._options.boot_id, **self._steps.value()}))
            other.rename(self._options.file)
