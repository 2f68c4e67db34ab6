"""The center on PostgreSQL: facts arrive, settings leave, and a kill of the database on the way loses none of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from tests.servers.postgres import running_postgres
from tests.store.samples import SITE, STREAM, T0, at, camera, fragments, run, segment
from tests.sync.rig import Member, rig, until
from vms.domain.footage import Copy, CopyState, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.person import Person
from vms.errors import CatalogueError
from vms.store.catalogue import Catalogue
from vms.store.outbox import Backlog
from vms.store.tables import cameras, copies, fragment_indexes, gaps, grants, people, runs, segments, sites, streams

pytestmark = pytest.mark.servers
_FACTS = (grants, runs, segments, fragment_indexes, gaps, copies)
_SETTINGS = (sites, cameras, streams, people)


async def _rows(catalogue: Catalogue, tables: Collection[Table]) -> dict[str, list[Any]]:
    async with catalogue._db.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in await connection.execute(select(table))), key=repr)
            for table in tables
        }


async def _record(node: Member, first: int, count: int) -> None:
    for number in range(first, first + count):
        made = segment(number * 60, number * 60 + 60, number=number, state=SegmentState.OPEN)
        await node.catalogue.segments.put(made)
        await node.catalogue.segments.put(replace(made, state=SegmentState.SPOOLED, rev=2), fragments(seconds=4))


async def test_two_nodes_of_the_center_on_one_server(tmp_path: Path) -> None:
    """Facts of two nodes and settings of the center are the same on both sides, a kill of the server between."""
    async with running_postgres(tmp_path) as server, rig(tmp_path) as servers:
        center, second = [await servers.center(url=server.url) for _ in range(2)]
        one, two = await servers.site("one", "n" * 16), await servers.site("two", "m" * 16)
        await center.catalogue.sites.put(SITE)
        await center.catalogue.people.put(Person("p" * 16, "budi", "Budi", "$argon2id$x"))
        await center.catalogue.cameras.add(camera("first"))
        for member in (center, second, one, two):
            member.start()

        async def in_step() -> bool:
            try:
                sent = [await member.catalogue.outbox.backlog() for member in (center, one, two)]
                facts = [await _rows(member.catalogue, _FACTS) for member in (one, two, second)]
                settings = [await _rows(member.catalogue, _SETTINGS) for member in (center, one, two)]
            except CatalogueError:  # the center's is away
                return False
            return sent == [Backlog(0, 0)] * 3 and facts[1:] == facts[:2] and settings[1:] == settings[:2]

        begun = run(run_id="r" * 16)
        await one.catalogue.grants.next(STREAM, "n" * 16, T0)
        await one.catalogue.runs.put(begun)
        await _record(one, 0, 20)
        await until(in_step)
        await server.kill()
        await _record(one, 20, 20)
        await one.catalogue.copies.put(Copy("r" * 16, 0, "home", CopyState.VERIFIED, T0))
        gap = Gap("g" * 16, STREAM, SITE.id, "m" * 16, at(2400), None, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await two.catalogue.gaps.put(gap)
        await server.start()
        await second.catalogue.cameras.add(camera("second"))
        await one.catalogue.runs.put(replace(begun, end_ns=at(2400), rev=2))
        await until(in_step, 60)
        assert len(await center.catalogue.segments.by_state(SegmentState.SPOOLED)) == 40
        assert await second.catalogue.gaps.open_of(STREAM) == gap
        assert await center.catalogue.segments.index("r" * 16, 39) == tuple(fragments(seconds=4))
