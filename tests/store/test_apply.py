"""Rows of other catalogues: any order and any number of times gives the same table."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.store.conftest import KEY, NewUrl
from tests.store.samples import SITE, T0, camera, fragments, segment
from vms.clock import ManualClock
from vms.domain.camera import Camera, Site
from vms.domain.footage import SegmentState
from vms.domain.person import Person
from vms.store import fragments as packing
from vms.store.apply import Applied
from vms.store.catalogue import Catalogue
from vms.store.images import RowImage
from vms.store.notes import OutboxOptions, Role
from vms.store.outbox import Backlog
from vms.store.segments import segment_values

_STATES = (SegmentState.OPEN, SegmentState.SPOOLED, SegmentState.STORED, SegmentState.EXPIRED)


def _image(number: int, rev: int, state: int = 1, end_s: int = 60, index: int | None = None) -> RowImage:
    made = segment(0, end_s, number=number, state=_STATES[state], rev=rev)
    part = (
        ()
        if index is None
        else ({"run": made.run, "number": number, "packed": packing.pack(fragments(seconds=index))},)
    )
    return RowImage("segments", segment_values(made), part)


_IMAGES = st.lists(
    st.builds(
        _image,
        number=st.integers(0, 2),
        rev=st.integers(1, 4),
        state=st.integers(0, 3),
        end_s=st.integers(58, 60),
        index=st.none() | st.integers(1, 2),
    ),
    min_size=1,
    max_size=12,
)


async def rows(catalogue: Catalogue, *tables: str) -> dict[str, set[tuple[Any, ...]]]:
    """Everything in some tables."""
    async with catalogue._db.read() as connection:
        return {table: set(map(tuple, await connection.execute(text(f"SELECT * FROM {table}")))) for table in tables}


def test_any_order_and_multiplicity_gives_the_same(engine: str, new_url: NewUrl) -> None:
    """Shuffled, repeated, in batches of any size: the same rows with the same parts, also where two have one rev."""
    tables = ("segments", "fragment_indexes", "set_aside")
    with asyncio.Runner() as runner:
        first, second = (runner.run(Catalogue.open(new_url(name), key=KEY)) for name in ("a", "b"))

        async def emptied() -> None:
            for one in (first, second):
                async with one._db.write() as connection:
                    await connection.execute(text("DELETE FROM segments"))

        async def apply(into: Catalogue, images: list[RowImage], sizes: Iterator[int]) -> None:
            at = 0
            while at < len(images):
                size = next(sizes)
                await into.replica.apply(images[at : at + size])
                at += size

        @settings(max_examples=60 if engine == "sqlite" else 20, deadline=None)
        @given(images=_IMAGES, seed=st.integers(0, 999))
        def law(images: list[RowImage], seed: int) -> None:
            chance = random.Random(seed)
            shuffled = images + [chance.choice(images) for _ in range(chance.randrange(6))]
            chance.shuffle(shuffled)
            runner.run(emptied())
            runner.run(apply(first, images, iter(lambda: 1, 0)))
            runner.run(apply(second, shuffled, iter(lambda: chance.randrange(1, 5), 0)))
            assert runner.run(rows(first, *tables)) == runner.run(rows(second, *tables))

        law()
        runner.run(first.close())
        runner.run(second.close())


async def _open(new_url: NewUrl, name: str, role: Role) -> Catalogue:
    return await Catalogue.open(new_url(name), key=KEY, clock=ManualClock(), outbox=OutboxOptions(role))


async def _told(center: Catalogue) -> list[RowImage]:
    entries = await center.outbox.waiting(999)
    return list((await center.outbox.images(entries)).values())


async def test_facts_carry_their_index(new_url: NewUrl) -> None:
    """A Segment comes with its index and loses it when it expires, for good; what is applied is not noted again."""
    site, center = await _open(new_url, "site", Role.SITE), await _open(new_url, "center", Role.CENTER)
    one = segment(0, 60, state=SegmentState.SPOOLED)
    await site.segments.put(one, fragments())
    first = await _told(site)
    applied = await center.replica.apply(first)
    assert applied.changed == {"segments": [("r" * 16, 0)]}
    assert await center.segments.index("r" * 16, 0) == tuple(fragments())
    await site.segments.put(replace(one, state=SegmentState.EXPIRED, rev=2))
    await center.replica.apply(await _told(site))
    assert (await center.replica.apply(first)).rows == 0
    assert await center.segments.index("r" * 16, 0) is None
    assert await center.segments.get("r" * 16, 0) == replace(one, state=SegmentState.EXPIRED, rev=2)
    assert await center.outbox.backlog() == Backlog(0, 0)
    await site.close()
    await center.close()


async def test_settings_in_any_order(new_url: NewUrl) -> None:
    """A camera before its site, a site before the one above it wait for the others; passwords open, removals travel."""
    center, site = await _open(new_url, "center", Role.CENTER), await _open(new_url, "site", Role.SITE)
    above = Site("a" * 16, "kalteng", "Kalimantan Tengah")
    await center.sites.put(above)
    await center.sites.put(replace(SITE, parent=above.id))
    one = await center.cameras.add(camera())
    told = await _told(center)
    for image in reversed(told):
        await site.replica.apply([image])
    assert await site.replica.aside() == 2
    await site.replica.retry()
    assert (await site.cameras.list(), await site.replica.aside()) == ([one], 0)
    await center.cameras.remove(one.id, T0 + 9)
    await site.replica.apply(await _told(center))
    assert await site.cameras.list() == []
    await site.close()
    await center.close()


async def test_names_that_change_hands(new_url: NewUrl) -> None:
    """Two cameras swap short names, a new person takes a user name given up: no collision on the way."""
    center, site = await _open(new_url, "center", Role.CENTER), await _open(new_url, "site", Role.SITE)
    await center.sites.put(SITE)
    one, two = camera("one"), camera("two")
    await center.cameras.add(one)
    await center.cameras.add(two)
    await center.people.put(Person("p" * 16, "budi", "Budi", "x"))
    await site.replica.apply(await _told(center))

    async def rename(which: Camera, slug: str, rev: int) -> None:
        await center.cameras.update(replace(which, slug=slug, rev=rev))

    await rename(one, "spare", 2)
    await rename(two, "one", 2)
    await rename(one, "two", 3)
    await center.people.put(Person("p" * 16, "budi-lama", "Budi", "x", rev=2))
    await center.people.put(Person("q" * 16, "budi", "Budi", "y"))
    for image in await _told(center):
        await site.replica.apply([image])
    await site.replica.retry()
    assert await site.cameras.list() == await center.cameras.list()
    assert await site.people.list() == await center.people.list()
    assert await site.replica.aside() == 0
    await site.close()
    await center.close()


async def test_what_does_not_fit_is_set_aside(catalogue: Catalogue) -> None:
    """One bad row among good ones: they are applied, it is kept with the reason, and tried again when asked to."""
    bad = RowImage("weather", {"id": "x", "rain": True})
    applied = await catalogue.replica.apply([_image(0, 1), bad, _image(1, 1)], "facts.sampit.n")
    assert (applied.rows, [image for image, _ in applied.refused]) == (2, [bad])
    assert await catalogue.replica.aside() == 1
    await catalogue.replica.refuse(b"no rows", "facts.sampit.n", "damaged")
    assert (await catalogue.replica.retry(refused=True)).rows == 0
    assert await catalogue.replica.aside() == 2


async def test_thousands_of_rows_in_one_go(catalogue: Catalogue) -> None:
    """A backlog is applied in one transaction."""
    images = [_image(number, 1, index=1) for number in range(2000)]
    assert (await catalogue.replica.apply(images)).rows == 2000
    assert (await catalogue.replica.apply(images)).rows == 0


async def test_an_older_row_that_waited_takes_nothing_away(catalogue: Catalogue, url: str) -> None:
    """Two nodes apply two revs of a new row at once: the one that comes second, with less, leaves the index alone."""
    other = await Catalogue.open(url, key=KEY, clock=ManualClock())
    async with other._db.write() as connection:
        await other.replica._apply(connection, [_image(0, 2, index=1)], Applied())
        late = asyncio.create_task(catalogue.replica.apply([_image(0, 1, state=0)]))
        await asyncio.sleep(0.2)  # until it waits for the transaction; it cannot be asked whether it does
        assert not late.done()
    assert (await late).rows == 0
    assert await other.segments.index("r" * 16, 0) == tuple(fragments(seconds=1))
    await other.close()
