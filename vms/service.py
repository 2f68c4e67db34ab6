"""One way to be long-lived: `run()` retries `run_once()` with jittered backoff until `stop()`.

Runs on the event loop. A failure is logged, counted and retried; it never takes another service down.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from vms import logs, metrics
from vms.clock import NS_PER_S, Clock

log = logs.get(__name__)


@dataclass
class Backoff:
    """Exponential waits with full jitter in the upper half: base, 2 base, … up to cap, in seconds."""

    base_s: float = 0.5
    cap_s: float = 30.0
    rng: Callable[[], float] = random.random
    failures: int = 0

    def next_s(self) -> float:
        """The wait before the next try; counts one failure."""
        full = min(self.cap_s, self.base_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return full * (0.5 + self.rng() / 2)

    def reset(self) -> None:
        """After a success."""
        self.failures = 0


@dataclass(frozen=True)
class Health:
    """How a service is: `ok`, and if not, why in one line. `reason`, `params`: as in VmsError."""

    ok: bool
    why: str = ""
    reason: str = ""
    params: Mapping[str, str] = field(default_factory=dict, hash=False)


class Service:
    """Base of everything long-lived. Subclasses implement `run_once`, and `close` where they hold something."""

    name = "service"

    def __init__(self, clock: Clock, *, backoff: Backoff | None = None) -> None:
        self.clock = clock
        self.backoff = backoff or Backoff()
        self.stopping = asyncio.Event()
        self._health = Health(ok=False, why="not started", reason="service_not_started")

    async def run_once(self) -> None:
        """Work until stopped or failed; returning while not stopping counts as a failure to be retried."""
        raise NotImplementedError

    async def close(self) -> None:
        """Give back what is held; called once after the last run_once."""

    def health(self) -> Health:
        """How the service is now."""
        return self._health

    def ready(self) -> None:
        """Called by run_once when it does its work."""
        self._health = Health(ok=True)
        self.backoff.reset()

    async def run(self) -> None:
        """Retry run_once until stop."""
        try:
            while not self.stopping.is_set():
                await self._attempt()
        finally:
            self._health = Health(ok=False, why="stopped", reason="service_stopped")
            await self.close()

    async def _attempt(self) -> None:
        started_ns = self.clock.mono_ns()
        try:
            await self.run_once()
            why = "ended"
        except asyncio.CancelledError:
            raise
        except Exception as error:
            why = logs.redact(f"{type(error).__name__}: {error}")
            log.warning("service failed", service=self.name, why=why, exc_info=True)
        if self.stopping.is_set():
            return
        self._health = Health(ok=False, why=why, reason="service_failed")
        metrics.SERVICE_RESTARTS.labels(self.name).inc()
        if self.clock.mono_ns() - started_ns > 60 * NS_PER_S:
            self.backoff.reset()
        await self.pause(self.backoff.next_s())

    async def pause(self, seconds: float) -> bool:
        """Sleep, cut short by stop; says whether to go on."""
        sleeper = asyncio.ensure_future(self.clock.sleep(seconds))
        stopper = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({sleeper, stopper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeper, stopper):
                task.cancel()
            await asyncio.gather(sleeper, stopper, return_exceptions=True)
        return not self.stopping.is_set()

    def stop(self) -> None:
        """Ask to end; idempotent, returns at once."""
        self.stopping.set()


class Supervisor:
    """Runs services as tasks and stops them in reverse order, each within `grace_s`, then by cancellation."""

    def __init__(self, services: Iterable[Service], *, grace_s: float = 10.0) -> None:
        self.services = list(services)
        self.grace_s = grace_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, until: str | None = None) -> None:
        """Start every service that does not run yet, in order; with `until`, only up to the one of that name."""
        if len({service.name for service in self.services}) < len(self.services):
            raise ValueError("two services have one name")
        for service in self.services:
            if service.name not in self._tasks:
                self._tasks[service.name] = asyncio.create_task(service.run(), name=service.name)
            if service.name == until:
                return

    async def stop(self) -> None:
        """Stop in reverse order; bounded in time, safe to call twice."""
        for service in reversed(self.services):
            task = self._tasks.pop(service.name, None)
            if task is None:
                continue
            service.stop()
            await asyncio.wait({task}, timeout=self.grace_s)
            if not task.done():
                log.warning("service did not stop in time", service=service.name)
                task.cancel()
                await asyncio.wait({task}, timeout=self.grace_s)
            if not task.done():
                log.error("service cannot be cancelled", service=service.name)
            elif not task.cancelled() and (error := task.exception()) is not None:
                log.error("service failed while stopping", service=service.name, why=error)

    def health(self) -> dict[str, Health]:
        """How each service is, by name."""
        return {service.name: service.health() for service in self.services}
