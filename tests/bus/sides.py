"""Two ends of one bus for the contract tests, and links to real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.servers.nats import NatsServer, free_port, running_nats
from vms.bus.base import Bus
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.memory import MemoryBus
from vms.bus.nats import NatsBus


@dataclass(frozen=True)
class Sides:
    """`here` and `there`: one bus, or the ends of one. `settle`: all that was said is known on both."""

    here: Bus
    there: Bus
    settle: Callable[[], Awaitable[None]]


def options(server: NatsServer, name: str = "test", **changes: object) -> NatsOptions:
    """As the user of the account CTRL; impatient, as tests are."""
    known = NatsOptions(server.url, server.ctrl_user, server.ctrl_password, name, server.domain, retry_s=0.05)
    return replace(known, **changes)  # type: ignore[arg-type] # the fields of NatsOptions, by name


def video_options(server: NatsServer, name: str = "video") -> NatsOptions:
    """As the user of the account VIDEO."""
    return options(server, name, user=server.video_user, password=server.video_password)


@asynccontextmanager
async def linked(known: NatsOptions, wait_s: float = 10.0) -> AsyncIterator[NatsLink]:
    """A link, closed afterwards."""
    link = await NatsLink.connect(known, wait_s=wait_s)
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def bussed(known: NatsOptions, wait_s: float = 10.0) -> AsyncIterator[NatsBus]:
    """A bus on a link of its own, both closed afterwards."""
    async with linked(known, wait_s) as link:
        bus = NatsBus(link, "center")
        try:
            yield bus
        finally:
            await bus.close()


async def nothing() -> None:
    """There is nothing to wait for."""
    await asyncio.sleep(0)


@asynccontextmanager
async def sides(kind: str, folder: Path) -> AsyncIterator[Sides]:
    """`memory`; `nats`: two processes' buses on one server; `line`: one at the hub, one at a leaf; `away`: one process
    whose server is not there."""
    if kind == "memory":
        memory = MemoryBus()
        try:
            yield Sides(memory, memory, nothing)
        finally:
            await memory.close()
    elif kind == "away":
        async with bussed(NatsOptions(f"nats://127.0.0.1:{free_port()}"), wait_s=0.0) as alone:
            yield Sides(alone, alone, nothing)
    elif kind == "nats":
        async with running_nats(folder) as server, bussed(options(server)) as one, bussed(options(server)) as two:
            yield Sides(one, two, lambda: _flushed(one, two))
    else:
        async with (
            running_nats(folder) as hub,
            running_nats(folder, domain="sampit", hub=hub) as leaf,
            bussed(options(hub)) as one,
            bussed(options(leaf)) as two,
        ):
            await leaf.leafs()
            yield Sides(one, two, lambda: _across(one, two))


async def _flushed(*buses: NatsBus) -> None:
    for _ in range(2):  # what the first has sent, the server has passed on to the second before it answers that
        for bus in buses:
            await bus.link.flush()
    await asyncio.sleep(0.01)


async def _across(one: NatsBus, two: NatsBus) -> None:
    """The line tells nobody when a server has passed something on: an event in each direction follows what is before
    it. Interest in those events travels the same way, so they are repeated until they come."""
    for sender, hearer in ((one, two), (two, one), (one, two)):
        events = hearer.subscribe("settle")
        try:
            async with asyncio.timeout(10):
                arrived = asyncio.create_task(events.get())
                while not arrived.done():
                    sender.publish("settle", {})
                    await asyncio.wait({arrived}, timeout=0.02)
        finally:
            events.close()
    await _flushed(one, two)
