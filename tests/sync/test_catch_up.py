"""A node that joins a site later gets what the others wrote before it was there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.store.samples import fragments, run, segment
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.errors import InputError
from vms.store.catalogue import Catalogue
from vms.store.notes import OutboxOptions, Role
from vms.sync import catch_up
from vms.sync.catch_up import CatchUp, page_subject

OLD, NEW = "a" * 16, "b" * 16


@asynccontextmanager
async def node(folder: Path, name: str) -> AsyncIterator[Catalogue]:
    """The catalogue of a node of a site."""
    options = OutboxOptions(Role.SITE)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/{name}.db", key=bytes(32), node=name, outbox=options)
    try:
        yield catalogue
    finally:
        await catalogue.close()


@asynccontextmanager
async def caught(
    catalogue: Catalogue, bus: MemoryBus, name: str, peers: Callable[[], list[str]]
) -> AsyncIterator[None]:
    """The Service of a node, running."""
    service = CatchUp(SystemClock(), catalogue=catalogue, bus=bus, node=name, peers=peers)
    task = asyncio.create_task(service.run())
    try:
        yield
    finally:
        service.stop()
        await task


async def until_done(catalogue: Catalogue) -> None:
    """All is here."""
    async with asyncio.timeout(10):
        while await catalogue.outbox.remembered("caught_up") != "all":
            await asyncio.sleep(0.01)


async def test_a_new_node_asks_for_what_was_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page, with indexes, where it was stopped; nothing of it is sent on; who had footage does not ask."""
    monkeypatch.setattr(catch_up, "_ROWS", 2)
    bus, there = MemoryBus(), list[str]()
    async with node(tmp_path, "old") as old, node(tmp_path, "new") as new:
        await old.runs.put(run())
        for number in range(5):
            one = segment(number * 60, number * 60 + 60, number=number)
            await old.segments.put(one, fragments())
        async with caught(old, bus, OLD, list):
            await until_done(old)
            async with caught(new, bus, NEW, lambda: there):
                await asyncio.sleep(0.05)
                assert await new.outbox.remembered("caught_up") != "all"
            there.append(OLD)
            async with caught(new, bus, NEW, lambda: there):
                await until_done(new)
            for table in ("runs", "segments", "fragment_indexes"):
                assert await new.table_rows.page(table) == await old.table_rows.page(table)
            assert (await new.outbox.backlog()).waiting == 0
            with pytest.raises(InputError):
                await bus.request(page_subject(OLD), {"table": "people", "after": None})
    await bus.close()
