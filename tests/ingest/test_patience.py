"""How long a worker waits between two tries: long where nobody watches, a second where somebody does."""

from __future__ import annotations

import asyncio

import pytest

from ingest.patience import Patience, WorkerOptions
from vms.clock import NS_PER_S, ManualClock


async def waited_s(*, watched_at_s: float | None, hopeless: bool = False, seconds: float = 20.0) -> float:
    """How long a rest of so many seconds took, with somebody beginning to watch after a while."""
    clock = ManualClock()
    patience = Patience(clock, WorkerOptions())
    resting = asyncio.create_task(patience.rest(seconds, hopeless=hopeless, tried_ns=0))
    while not resting.done():
        if watched_at_s is not None and clock.mono_ns() >= watched_at_s * NS_PER_S:
            patience.watched = True
        await clock.advance(0.1)
    await resting
    return clock.mono_ns() / NS_PER_S


@pytest.mark.parametrize(("watched_at_s", "least_s"), [(None, 20.0), (0.0, 1.0), (7.0, 7.1), (19.95, 20.0)])
async def test_who_watches_waits_a_second(watched_at_s: float | None, least_s: float) -> None:
    """All of it where nobody watches; from the moment that somebody does a second from try to try."""
    assert least_s <= await waited_s(watched_at_s=watched_at_s) < least_s + 0.3


async def test_a_short_rest_stays_short() -> None:
    """What is shorter anyway is not made longer."""
    assert await waited_s(watched_at_s=0.0, seconds=0.3) < 0.6


async def test_what_only_a_person_can_mend_is_not_hurried() -> None:
    """A camera that locks accounts is left alone, whoever watches."""
    assert await waited_s(watched_at_s=0.0, hopeless=True) >= 20.0


async def test_a_watch_that_ended_hurries_nothing() -> None:
    """Nobody watches any more: the long wait again."""
    clock = ManualClock()
    patience = Patience(clock, WorkerOptions())
    patience.watched = True
    assert (patience.silence_s, patience.connect_s) == (3.0, 2.0)
    patience.watched = False
    assert (patience.silence_s, patience.connect_s) == (10.5, None)
    resting = asyncio.create_task(patience.rest(20.0, hopeless=False, tried_ns=0))
    await clock.advance(10)
    assert not resting.done()
    await clock.advance(11)
    await resting


async def test_a_camera_that_is_there_is_tried_at_once() -> None:
    """Its other Stream came: no more rest; one that is hopeless goes on."""
    clock = ManualClock()
    patience = Patience(clock, WorkerOptions())
    patience.wake()
    resting = asyncio.create_task(patience.rest(20.0, hopeless=False, tried_ns=0))
    refused = asyncio.create_task(patience.rest(20.0, hopeless=True, tried_ns=0))
    await clock.advance(1)
    assert not resting.done()
    patience.wake()
    await clock.advance(0)
    assert resting.done()
    assert not refused.done()
    await clock.advance(20)
    await refused
