"""A streamer between a fake ingest and whoever the test lets look: on the machine's clock, or on one moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from streamer.options import StreamerOptions
from streamer.service import Streamer
from tests.streamer.fake_ingest import FakeIngest
from vms.bus.memory import MemoryBus
from vms.clock import Clock, ManualClock, SystemClock


@dataclass
class Studio:
    """What runs."""

    clock: Clock
    bus: MemoryBus
    ingest: FakeIngest
    streamer: Streamer


async def settle(turns: int = 30) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def run_studio(clock: Clock, options: StreamerOptions) -> AsyncIterator[Studio]:
    """A running studio; afterwards no task of it is left."""
    before = asyncio.all_tasks()
    bus = MemoryBus()
    ingest = FakeIngest(bus, clock)
    streamer = Streamer(clock, bus, options)
    running = asyncio.create_task(streamer.run())
    await settle()
    try:
        yield Studio(clock, bus, ingest, streamer)
    finally:
        streamer.stop()
        await asyncio.wait_for(running, 10)
        await ingest.close()
        await bus.close()
        await settle()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, left


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """On the machine's clock."""
    async for running in run_studio(SystemClock(), StreamerOptions()):
        yield running


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()
