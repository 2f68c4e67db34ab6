"""vms.service: retries with backoff, supervision, and a stop that is bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.clock import ManualClock
from vms.service import Backoff, Service, Supervisor


class Scripted(Service):
    """Does in its n-th try what the n-th step says; the last step repeats."""

    def __init__(
        self, clock: ManualClock, *steps: Callable[[Scripted], Awaitable[None]], name: str = "scripted"
    ) -> None:
        super().__init__(clock, backoff=Backoff(base_s=1, cap_s=8, rng=lambda: 1.0))
        self.name = name
        self.tries = 0
        self.closed = 0
        self._steps = steps

    async def run_once(self) -> None:
        step = self._steps[min(self.tries, len(self._steps) - 1)]
        self.tries += 1
        await step(self)

    async def close(self) -> None:
        self.closed += 1


async def fail(_service: Scripted) -> None:
    """A try that fails at once."""
    raise ConnectionError("rtsp://admin:hunter2@10.1.1.1/live refused")


async def end(_service: Scripted) -> None:
    """A try that ends though nobody asked it to."""


async def work(service: Scripted) -> None:
    """A try that works until stop."""
    service.ready()
    await service.stopping.wait()


async def stubborn(service: Scripted) -> None:
    """A try that hears neither stop nor the first cancellation."""
    service.ready()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


@given(st.floats(0.01, 10), st.floats(1, 600), st.floats(0, 1), st.integers(1, 60))
def test_backoff_grows_to_its_cap_and_keeps_half(base_s: float, cap_s: float, chance: float, tries: int) -> None:
    """Every wait lies in the upper half of min(cap, base 2^n), and a reset begins anew."""
    backoff = Backoff(base_s=base_s, cap_s=cap_s, rng=lambda: chance)
    for n in range(tries):
        full = min(cap_s, base_s * 2.0 ** min(n, 30))
        assert full / 2 <= backoff.next_s() <= full
    backoff.reset()
    assert backoff.next_s() <= min(cap_s, base_s)


async def test_a_failing_service_is_retried_with_growing_waits() -> None:
    """Waits of 1, 2, 4, 8 and 8 s: after 23 s the sixth try has begun, and not a moment before."""
    clock = ManualClock()
    service = Scripted(clock, fail)
    task = asyncio.create_task(service.run())
    for seconds, tries in ((0, 1), (0.9, 1), (0.1, 2), (2, 3), (4, 4), (8, 5), (7.9, 5), (0.1, 6)):
        await clock.advance(seconds)
        assert service.tries == tries
    service.stop()
    await asyncio.wait_for(task, 5)
    assert service.closed == 1


async def test_an_end_without_stop_is_a_failure_too() -> None:
    """run_once may not just return; it is tried again and the health says why."""
    clock = ManualClock()
    service = Scripted(clock, end, work)
    task = asyncio.create_task(service.run())
    await clock.advance(0)
    assert (service.health().ok, service.health().why) == (False, "ended")
    await clock.advance(1)
    assert service.health().ok
    service.stop()
    await asyncio.wait_for(task, 5)
    assert (service.health().ok, service.health().why) == (False, "stopped")


async def test_why_it_failed_holds_no_secret() -> None:
    """The health of a service is shown by /readyz: the user and password of a URL are taken out."""
    clock = ManualClock()
    service = Scripted(clock, fail)
    task = asyncio.create_task(service.run())
    await clock.advance(0)
    assert "ConnectionError" in service.health().why
    assert "hunter2" not in service.health().why
    service.stop()
    await asyncio.wait_for(task, 5)


async def test_stop_cuts_a_wait_short() -> None:
    """Stop during a backoff ends run() without the clock moving; a second stop changes nothing."""
    clock = ManualClock()
    service = Scripted(clock, fail)
    task = asyncio.create_task(service.run())
    await clock.advance(0)
    service.stop()
    service.stop()
    await asyncio.wait_for(task, 5)
    assert (service.tries, service.closed) == (1, 1)


async def test_cancellation_is_not_swallowed() -> None:
    """Cancelling run() ends it as cancelled and still gives back what is held."""
    service = Scripted(ManualClock(), work)
    task = asyncio.create_task(service.run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.closed == 1


async def test_services_stop_in_reverse_order_and_once() -> None:
    """The last started stops first; a second stop does nothing."""
    clock = ManualClock()
    stopped: list[str] = []

    async def noted(service: Scripted) -> None:
        await work(service)
        stopped.append(service.name)

    supervisor = Supervisor([Scripted(clock, noted, name=name) for name in ("a", "b", "c")])
    supervisor.start()
    await clock.advance(0)
    assert all(health.ok for health in supervisor.health().values())
    await supervisor.stop()
    await supervisor.stop()
    assert stopped == ["c", "b", "a"]


async def test_one_failing_service_leaves_the_others_alone() -> None:
    """A service that fails again and again does not take its neighbour down."""
    clock = ManualClock()
    neighbour = Scripted(clock, work, name="neighbour")
    supervisor = Supervisor([Scripted(clock, fail, name="failing"), neighbour])
    supervisor.start()
    await clock.advance(60)
    assert (neighbour.tries, neighbour.health().ok) == (1, True)
    assert not supervisor.health()["failing"].ok
    await supervisor.stop()


async def test_stop_is_bounded_where_a_service_does_not_listen() -> None:
    """A service that ignores stop and cancellation costs at most two graces, and the others are still stopped."""
    clock = ManualClock()
    good, bad = Scripted(clock, work, name="good"), Scripted(clock, stubborn, name="bad")
    supervisor = Supervisor([good, bad], grace_s=0.05)
    supervisor.start()
    await clock.advance(0)
    held = [task for task in asyncio.all_tasks() if task.get_name() == "bad"]
    await asyncio.wait_for(supervisor.stop(), 5)
    assert good.closed == 1
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_a_close_that_fails_does_not_keep_the_next_from_stopping() -> None:
    """An error while stopping is logged; the rest of the services still stop."""

    class Breaking(Scripted):
        async def close(self) -> None:
            raise OSError("disk gone")

    clock = ManualClock()
    first = Scripted(clock, work, name="first")
    supervisor = Supervisor([first, Breaking(clock, work, name="second")])
    supervisor.start()
    await clock.advance(0)
    await supervisor.stop()
    assert first.closed == 1


async def test_two_services_of_one_name_are_refused() -> None:
    """Names are keys of health and of stop, so a double is a mistake of the composition."""
    clock = ManualClock()
    with pytest.raises(ValueError, match="one name"):
        Supervisor([Scripted(clock, work), Scripted(clock, work)]).start()


async def test_services_can_be_started_up_to_one_and_then_the_rest() -> None:
    """The rest begins with the next start, and none is started twice."""
    clock = ManualClock()
    services = [Scripted(clock, work, name=name) for name in ("a", "b", "c")]
    supervisor = Supervisor(services)
    supervisor.start(until="b")
    await clock.advance(0)
    assert [service.tries for service in services] == [1, 1, 0]
    supervisor.start()
    await clock.advance(0)
    assert [service.tries for service in services] == [1, 1, 1]
    await supervisor.stop()
