"""The outbox: what notes itself, what is read-only at a site, what is sent and what stays."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.store.conftest import KEY, NewUrl
from tests.store.samples import SITE, STREAM, T0, at, camera, fragments, run, segment
from vms.clock import ManualClock
from vms.domain.camera import Site
from vms.domain.footage import Copy, CopyState, SegmentState, Store, StoreKind
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.node import Node
from vms.domain.person import Person
from vms.errors import CatalogueError, ConflictError, ForbiddenError
from vms.store import outbox as outbox_module
from vms.store.catalogue import Catalogue
from vms.store.images import RowImage, fitting, pack, unpack
from vms.store.notes import OutboxOptions, Role
from vms.store.outbox import Backlog, Sent
from vms.store.segments import segment_values
from vms.store.tables import segments

GAP_WINDOW = Interval(at(0), at(9))
PERSON = Person("p" * 16, "budi", "Budi", "$argon2id$x")
GAP = Gap("g" * 16, STREAM, SITE.id, "n" * 16, at(0), at(5), GapCause.NODE_DOWN, GapState.CLOSED)


@pytest.fixture
async def site(new_url: NewUrl) -> AsyncIterator[Catalogue]:
    """A catalogue of a site's node."""
    options = OutboxOptions(Role.SITE)
    opened = await Catalogue.open(new_url("site"), key=KEY, clock=ManualClock(), outbox=options)
    yield opened
    await opened.close()


@pytest.fixture
async def center(new_url: NewUrl) -> AsyncIterator[Catalogue]:
    """A catalogue of the center."""
    options = OutboxOptions(Role.CENTER)
    opened = await Catalogue.open(new_url("center"), key=KEY, clock=ManualClock(), outbox=options)
    yield opened
    await opened.close()


async def _tables(catalogue: Catalogue) -> list[str]:
    return [entry.table for entry in await catalogue.outbox.waiting(1000)]


async def test_facts_of_a_site_note_themselves(site: Catalogue) -> None:
    """Each table of facts, once a row however often it changed; a write without effect notes nothing."""
    one = segment(0, 60, state=SegmentState.SPOOLED)
    await site.nodes.put(Node("n" * 16, "sampit-1", SITE.id, T0))
    await site.grants.next(STREAM, "n" * 16, T0)
    await site.runs.put(run(run_id="r" * 16))
    assert await site.segments.put(one, fragments())
    assert await site.segments.put(replace(one, state=SegmentState.STORED, rev=2))
    assert not await site.segments.put(one)
    await site.gaps.put(GAP)
    await site.copies.put(Copy("r" * 16, 0, "home", CopyState.VERIFIED, T0))
    entries = await site.outbox.waiting(1000)
    assert [entry.table for entry in entries] == ["nodes", "grants", "runs", "segments", "gaps", "copies"]
    images = await site.outbox.images(entries)
    image = images["segments", ("r" * 16, 0)]
    assert (image.values["state"], len(entries[3].seqs)) == ("stored", 2)
    assert image.part is not None
    assert [row["number"] for row in image.part] == [0]
    assert all(fitting(one) == one for one in unpack(pack(list(images.values()))))


async def test_a_single_machine_notes_nothing(catalogue: Catalogue) -> None:
    """Where nothing travels, nothing is noted, and nothing is read-only."""
    await catalogue.sites.put(SITE)
    await catalogue.cameras.add(camera())
    await catalogue.runs.put(run())
    assert await catalogue.outbox.backlog() == Backlog(0, 0)


async def test_settings_are_read_only_at_a_site(site: Catalogue) -> None:
    """Every write of a setting says where it is to be changed, and leaves nothing behind."""
    store = Store("home", StoreKind.FOLDER, "/x")
    one = camera()
    for write in (
        site.sites.put(SITE),
        site.stores.put(store),
        site.people.put(PERSON),
        site.cameras.add(one),
        site.cameras.update(replace(one, rev=2)),
        site.cameras.remove(one.id, T0),
    ):
        with pytest.raises(ForbiddenError, match="at the center"):
            await write
    assert (await site.sites.list(), await site.people.list(), await _tables(site)) == ([], [], [])


async def test_settings_of_the_center_note_themselves(center: Catalogue) -> None:
    """Cameras too; one that moves, for the site that it leaves as well; what fails notes nothing."""
    other = Site("o" * 16, "kapuas", "Kapuas")
    await center.stores.put(Store("home", StoreKind.FOLDER, "/x"))
    await center.sites.put(SITE)
    await center.sites.put(other)
    await center.people.put(PERSON)
    one = camera()
    await center.cameras.add(one)
    with pytest.raises(ConflictError):
        await center.cameras.add(one)
    with pytest.raises(ConflictError):
        await center.cameras.update(replace(one, rev=9))
    assert await _tables(center) == ["stores", "sites", "sites", "people", "cameras"]
    await center.outbox.done([Sent(entry) for entry in await center.outbox.waiting(99)])
    await center.cameras.update(replace(one, site=other.id, rev=2))
    moved = await center.outbox.waiting(99)
    assert {entry.site for entry in moved} == {SITE.id, other.id}
    await center.outbox.done([Sent(entry) for entry in moved])
    await center.cameras.remove(one.id, T0 + 1)
    assert await _tables(center) == ["cameras"]


async def test_what_is_sent_stays_until_it_has_arrived(site: Catalogue) -> None:
    """Sent entries are not sent again, go when the far side has them, and are sent again when the stream is lost."""
    for number in range(4):
        await site.segments.put(segment(number, number + 1, number=number))
    entries = await site.outbox.waiting(3)
    images = await site.outbox.images(entries)
    await site.outbox.done([Sent(e, images[e.table, e.key], 10 + i) for i, e in enumerate(entries)])
    assert await site.outbox.backlog() == Backlog(waiting=1, sent=3)
    assert [entry.key[1] for entry in await site.outbox.waiting(9)] == [3]
    assert await site.outbox.settle(10) == 1
    assert await site.outbox.unsend(after=11) == 1
    assert [entry.key[1] for entry in await site.outbox.waiting(9)] == [2, 3]
    assert await site.outbox.unsend() == 1
    assert [entry.key[1] for entry in await site.outbox.waiting(9)] == [1, 2, 3]


async def test_numbers_are_never_given_twice(site: Catalogue) -> None:
    """An empty outbox goes on counting: a message's name is made of numbers."""
    await site.gaps.put(GAP)
    first = await site.outbox.waiting(9)
    await site.outbox.done([Sent(entry) for entry in first])
    await site.gaps.put(replace(GAP, rev=2))
    assert (await site.outbox.waiting(9))[0].seqs > first[0].seqs


async def test_all_can_be_sent_again(site: Catalogue) -> None:
    """Every row that travels from here, or those of some tables since a time."""
    for number in range(5):
        await site.segments.put(segment(number * 60, number * 60 + 60, number=number))
    await site.gaps.put(GAP)
    await site.outbox.done([Sent(entry) for entry in await site.outbox.waiting(99)])
    assert await site.outbox.resend([segments], since_ns=at(200)) == 2
    assert [entry.key for entry in await site.outbox.waiting(9)] == [("r" * 16, 3), ("r" * 16, 4)]
    assert await site.outbox.resend() == 6
    assert len(await site.outbox.waiting(99)) == 6


async def test_many_are_noted_in_parts(site: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, wherever the parts end."""
    monkeypatch.setattr(outbox_module, "_RESENT_AT_ONCE", 2)
    for count in (4, 5):
        await site.segments.put(segment(count * 60, count * 60 + 60, number=count - 1))
    for number in range(3):
        await site.segments.put(segment(number * 60, number * 60 + 60, number=number))
    await site.outbox.done([Sent(entry) for entry in await site.outbox.waiting(99)])
    assert await site.outbox.resend([segments]) == 5
    assert sorted(entry.key[1] for entry in await site.outbox.waiting(9)) == [0, 1, 2, 3, 4]


async def test_a_commit_wakes_the_sender(site: Catalogue) -> None:
    """Whoever waits for something to send hears of a write when it is committed."""
    site.outbox.changed()
    waiting = asyncio.create_task(site.outbox.wait())
    await site.gaps.in_interval(STREAM, GAP_WINDOW)
    assert not waiting.done()
    await site.gaps.put(GAP)
    async with asyncio.timeout(2):
        await waiting


async def test_a_rolled_back_write_notes_nothing(site: Catalogue) -> None:
    """The entry is of the write's own transaction."""
    with contextlib.suppress(RuntimeError):
        async with site._db.write() as connection:
            await site._db.upsert(connection, segments, _row())
            raise RuntimeError
    assert await _tables(site) == []


def _row() -> dict[str, object]:
    return segment_values(segment(0, 1))


def test_images_of_other_versions_fit() -> None:
    """Columns we do not know are left out, those we miss are empty; a table or a value that is none is refused."""
    values = {**_row(), "colour": "blue"}
    del values["gops"], values["previous_root"]
    fit = fitting(RowImage("segments", values))
    assert "colour" not in fit.values
    assert (fit.values["gops"], fit.values["previous_root"]) == (0, "")
    for bad in ({"rev": "x"}, {"run": "x" * 99}, {"sha256": "zz"}, {"rev": 1 << 40}, {"node": None}, {"rev": True}):
        with pytest.raises(CatalogueError):
            fitting(RowImage("segments", {**_row(), **bad}))
    with pytest.raises(CatalogueError):
        fitting(RowImage("sessions", {}))
    for data in (b"", b"\x02abc", b"\x01abc", pack([])[:-3]):
        with pytest.raises(CatalogueError):
            unpack(data)
