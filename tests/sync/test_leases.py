"""Leases of a single node."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from vms.bus.leases import Allotment
from vms.clock import ManualClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.grant import LeaseGrant
from vms.errors import CatalogueError
from vms.store.catalogue import Catalogue
from vms.sync.leases import CatalogueLeases

MAIN = StreamRef("c" * 16, StreamName.MAIN)
SUB = StreamRef("c" * 16, StreamName.SUB)
KEY = bytes(32)


async def test_every_start_has_its_own_epoch(tmp_path: Path) -> None:
    """Epochs grow over restarts and over releases, Stream by Stream, and say who and when."""
    clock = ManualClock()
    for epoch in (1, 2):
        catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'vms.db'}", key=KEY)
        leases = CatalogueLeases(catalogue, clock, "n" * 16)
        main, sub = await asyncio.gather(leases.acquire(MAIN), leases.acquire(SUB))
        assert (main.epoch, sub.epoch, main.node, main.granted_ns) == (epoch, epoch, "n" * 16, clock.now_ns())
        assert leases.held() == {MAIN: main, SUB: sub}
        assert await catalogue.grants.latest(MAIN) == main
        await catalogue.close()
        await clock.advance(60)


async def test_release_and_take_again(tmp_path: Path) -> None:
    """A released Lease taken again is a new grant; releasing twice is harmless."""
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'vms.db'}", key=KEY)
    leases = CatalogueLeases(catalogue, ManualClock(), "n" * 16)
    first = await leases.acquire(MAIN)
    await leases.release(MAIN)
    await leases.release(MAIN)
    assert leases.held() == {}
    assert (await leases.acquire(MAIN)).epoch == first.epoch + 1
    await catalogue.close()


async def test_a_single_node_has_everything(tmp_path: Path) -> None:
    """Nobody takes anything from it, and nobody has to be waited for."""
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'vms.db'}", key=KEY)
    leases = CatalogueLeases(catalogue, ManualClock(), "n" * 16)
    assert leases.allot([MAIN, SUB]) == Allotment(frozenset({MAIN, SUB}))
    assert (await leases.acquire(MAIN, 5)).granted_ns == 5
    leases.tell(MAIN, live=True)
    leases.give_up(MAIN)
    assert leases.vacant_ns(MAIN) is leases.successor(MAIN) is None
    await leases.leave()
    assert set(leases.held()) == {MAIN}
    await catalogue.close()


async def test_a_grant_from_elsewhere_is_entered_once(tmp_path: Path) -> None:
    """Epochs that a lease service gave; the next of this machine is greater."""
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'vms.db'}", key=KEY)
    grant = LeaseGrant(MAIN, 7, "other", 3)
    for _ in range(2):
        await catalogue.grants.put(grant)
    assert await catalogue.grants.of(MAIN) == [grant]
    assert (await CatalogueLeases(catalogue, ManualClock(), "n" * 16).acquire(MAIN)).epoch == 8
    await catalogue.close()


async def test_no_row_no_lease(tmp_path: Path) -> None:
    """When the grant cannot be written, nothing is granted."""
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'vms.db'}", key=KEY)
    leases = CatalogueLeases(catalogue, ManualClock(), "n" * 16)
    async with catalogue._db.write() as connection:
        await connection.execute(text("DROP TABLE grants"))
    with pytest.raises(CatalogueError):
        await leases.acquire(MAIN)
    assert leases.held() == {}
    await catalogue.close()
