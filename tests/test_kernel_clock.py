"""vms.clock: a clock that tests move by hand, and the machine's own."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from vms.clock import NS_PER_S, ManualClock, SystemClock, boot_id


async def test_sleepers_wake_in_the_order_of_their_time() -> None:
    """Who waits shorter wakes first, at its own time, whatever the order of asking."""
    clock = ManualClock()
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.mono_ns()))

    tasks = [asyncio.create_task(sleeper(name, s)) for name, s in (("late", 3), ("early", 1), ("middle", 2))]
    await clock.advance(2.5)
    assert woken == [("early", NS_PER_S), ("middle", 2 * NS_PER_S)]
    await clock.advance(0.5)
    assert woken[-1] == ("late", 3 * NS_PER_S)
    await asyncio.gather(*tasks)


async def test_a_sleeper_that_sleeps_again_wakes_within_one_advance() -> None:
    """A loop that ticks once a second ticks ten times in ten seconds of advance."""
    clock = ManualClock()
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            await clock.sleep(1)
            ticks.append(clock.mono_ns() // NS_PER_S)

    task = asyncio.create_task(tick())
    await clock.advance(10)
    assert ticks == list(range(1, 11))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cancelled_sleeper_is_passed_over() -> None:
    """Cancelling a sleep leaves nothing that a later advance trips over."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await clock.advance(2)
    assert clock.mono_ns() == 2 * NS_PER_S


async def test_no_time_to_wait_is_no_wait() -> None:
    """A sleep of zero or less returns without an advance, and never turns time back."""
    clock = ManualClock()
    for seconds in (0, -5):
        await asyncio.wait_for(clock.sleep(seconds), 5)
    assert clock.mono_ns() == 0


async def test_a_step_moves_the_wall_time_alone() -> None:
    """As when an admin or NTP sets the clock: monotonic time and sleepers do not notice."""
    clock = ManualClock(now_ns=1000 * NS_PER_S)
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    clock.step(-100)
    assert (clock.now_ns(), clock.mono_ns()) == (900 * NS_PER_S, 0)
    assert not task.done()
    await clock.advance(1)
    assert task.done()
    assert clock.now_ns() == 901 * NS_PER_S


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_both_clocks_move_by_the_sum_of_advances(milliseconds: list[int]) -> None:
    """The order and size of advances do not matter, only their sum."""

    async def moved() -> tuple[int, int]:
        clock = ManualClock(now_ns=0)
        for ms in milliseconds:
            await clock.advance(ms / 1000)
        return clock.now_ns(), clock.mono_ns()

    wall_ns, mono_ns = asyncio.run(moved())
    assert wall_ns == mono_ns
    assert abs(mono_ns - sum(milliseconds) * 1_000_000) <= len(milliseconds)


async def test_the_machine_clock_never_goes_back() -> None:
    """SystemClock gives wall time in nanoseconds of this century and a monotonic time that only grows."""
    clock = SystemClock()
    before = clock.mono_ns()
    await clock.sleep(0.001)
    assert clock.mono_ns() - before >= 900_000
    assert clock.now_ns() > 1_700_000_000 * NS_PER_S


def test_the_boot_has_one_id() -> None:
    """Read twice, the id of this boot is the same."""
    assert boot_id() == boot_id()
