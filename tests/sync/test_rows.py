"""Facts flow from sites to the center and settings from the center to sites, over real servers."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace

import pytest
from sqlalchemy import insert

from tests.store.samples import SITE, STREAM, T0, at, camera, fragments, run, segment
from tests.sync.rig import KAPUAS, Member, Rig, arrived, record, registered, same, until
from vms import metrics
from vms.domain.footage import Copy, CopyState, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.hold import Hold
from vms.domain.person import Person
from vms.errors import ForbiddenError
from vms.store import fragments as indexes
from vms.store import images as row_images
from vms.store.outbox import Backlog, Sent
from vms.store.segments import segment_values
from vms.store.tables import audit, segments
from vms.sync.outbox import Publisher
from vms.sync.settings import SiteSettings

pytestmark = pytest.mark.servers


async def test_facts_reach_the_center_and_the_other_nodes(servers: Rig) -> None:
    """All kinds of facts of two nodes are, row for row, at the center and at both nodes, within seconds."""
    center, one, two = await servers.center(), await servers.site("one", "n" * 16), await servers.site("two", "m" * 16)
    await registered(center)
    for member in (center, one, two):
        member.start()
    begun = run(run_id="r" * 16)
    await one.catalogue.grants.next(STREAM, "n" * 16, T0)
    await one.catalogue.runs.put(begun)
    await record(one, 0, 20)
    await one.catalogue.runs.put(replace(begun, end_ns=at(1200), rev=2))
    await one.catalogue.copies.put(Copy("r" * 16, 0, "home", CopyState.VERIFIED, T0))
    await two.catalogue.gaps.put(
        Gap("g" * 16, STREAM, SITE.id, "m" * 16, at(1200), None, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
    )
    await record(two, 0, 5, "q" * 16)
    await arrived([one, two, center])
    assert len(await center.catalogue.segments.by_state(SegmentState.SPOOLED)) == 25
    assert await center.catalogue.segments.index("r" * 16, 3) == tuple(fragments(seconds=4))
    assert await center.catalogue.outbox.backlog() == Backlog(0, 0)
    begin = time.monotonic()
    await record(one, 20, 1)
    await until(lambda: center.rows("segments") == one.rows("segments"))
    assert time.monotonic() - begin < 5


async def test_settings_reach_the_site(servers: Rig) -> None:
    """What concerns the site, from the start and at once, moves and removals too; its services are told."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    mine, other = camera("mine"), replace(camera("other"), site=KAPUAS.id)
    await center.catalogue.people.put(Person("p" * 16, "budi", "Budi", "$argon2id$x"))
    mine, other = await center.catalogue.cameras.add(mine), await center.catalogue.cameras.add(other)
    told = site.bus.subscribe("cameras.changed")
    center.start()
    site.start()

    async def has(*cameras: object) -> bool:
        return await site.catalogue.cameras.list() == list(cameras)

    await until(lambda: has(mine))
    assert (await told.get())[1]["camera"] == mine.id
    await until(lambda: same([center, site], "sites", "people"))
    changed = replace(mine, name="Pasar Besar", password="baru", rev=2)
    await center.catalogue.cameras.update(changed)
    await until(lambda: has(changed))
    moved = replace(changed, site=KAPUAS.id, rev=3)
    await center.catalogue.cameras.update(moved)
    await until(lambda: has(moved))
    here = replace(other, site=SITE.id, rev=2)
    await center.catalogue.cameras.update(here)
    await until(lambda: has(moved, here))
    await center.catalogue.cameras.remove(other.id, T0)
    await until(lambda: has(moved))
    told.close()


async def test_holds_reach_the_site_and_stay_when_it_is_cut_off(servers: Rig) -> None:
    """Those of its cameras alone, taken off too; a camera that moves brings its Holds along; nobody makes one there."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    mine = await center.catalogue.cameras.add(camera("mine"))
    other = await center.catalogue.cameras.add(replace(camera("other"), site=KAPUAS.id))
    rows = [
        Hold(f"hold{at}".ljust(16, "a"), "c" * 16, one.id, one.site, T0, None, "Kasus 7", "p" * 16, T0)
        for at, one in enumerate((mine, other))
    ]
    await center.catalogue.holds.put(*rows)
    center.start()
    site.start()

    async def has(*holds: Hold) -> bool:
        return await site.catalogue.holds.in_force(0) == list(holds)

    await until(lambda: has(rows[0]))
    lifted = replace(rows[0], removed_ns=at(5), removed_by="p" * 16, rev=2)
    await center.catalogue.holds.put(lifted)
    await until(lambda: has(lifted))
    await center.catalogue.cameras.update(replace(other, site=SITE.id, rev=2))
    await until(lambda: has(lifted, replace(rows[1], site=SITE.id, rev=2)))
    with pytest.raises(ForbiddenError):
        await site.catalogue.holds.put(replace(lifted, removed_ns=None, rev=3))


async def test_a_new_node_gets_all_settings(servers: Rig) -> None:
    """A node that starts much later, or with an older catalogue, has what the center has when it says so."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    for n in range(300):
        await center.catalogue.cameras.add(camera(f"cam-{n:03}"))
    center.start(Publisher)

    async def sent() -> bool:
        return await center.catalogue.outbox.backlog() == Backlog(0, 0)

    await until(sent)
    site.start()
    settings = site.service("sync settings")
    async with asyncio.timeout(20):
        assert isinstance(settings, SiteSettings)
        await settings.complete.wait()
        await settings.own.complete.wait()
    assert same([center, site], "sites", "cameras", "streams")


async def test_what_the_center_writes_about_footage(servers: Rig) -> None:
    """Expiry at the center reaches the site; facts of a site without nodes go nowhere, and nothing comes back."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    center.start()
    site.start()
    await record(site, 0, 2)
    await arrived([site, center])

    async def known() -> bool:
        return "sampit" in (await center.catalogue.outbox.remembered("zones") or "")

    await until(known)
    there = await center.catalogue.segments.get("r" * 16, 0)
    assert there is not None
    await center.catalogue.segments.put(replace(there, state=SegmentState.EXPIRED, rev=3))
    await center.catalogue.segments.put(replace(segment(0, 1, run="z" * 16), site=KAPUAS.id))
    await until(lambda: len(site.rows("fragment_indexes")["fragment_indexes"]) == 1)
    gone = await site.catalogue.segments.get("r" * 16, 0)
    assert gone is not None
    assert gone.state is SegmentState.EXPIRED

    async def sent() -> bool:
        return await center.catalogue.outbox.backlog() == Backlog(0, 0)

    await until(sent)
    assert await site.catalogue.outbox.backlog() == Backlog(0, 0)


async def test_two_nodes_of_the_center(servers: Rig) -> None:
    """They share the work and the catalogue; one goes, the other goes on."""
    first, second, site = await servers.center(), await servers.center(), await servers.site("one", "n" * 16)
    await registered(first)
    for member in (first, second, site):
        member.start()
    await record(site, 0, 60)
    await arrived([site, first])
    await first.supervisor.stop()
    await record(site, 60, 10)
    await arrived([site, second])


def _closed(number: int) -> row_images.RowImage:
    """A Segment of a minute: digests and index, whose bytes nothing makes smaller."""
    made = segment(number * 60, number * 60 + 60, number=number, state=SegmentState.SPOOLED)
    digests = [os.urandom(32).hex() for _ in range(3)]
    values = segment_values(replace(made, sha256=digests[0], leaf_root=digests[1], previous_root=digests[2]))
    packed = os.urandom(len(indexes.pack(fragments())))
    return row_images.RowImage("segments", values, ({"run": made.run, "number": number, "packed": packed},))


@pytest.mark.alone
async def test_twenty_thousand_rows_after_a_cut(servers: Rig) -> None:
    """The line is cut while a site goes on: all is at the center soon after its return, row for row."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    center.start()
    site.start(Publisher)
    await record(site, 0, 1)
    await arrived([site, center])
    await servers.hub.stop()
    images = [_closed(number) for number in range(1, 20_001)]
    await site.catalogue.replica.apply(images)
    sent, size = metrics.ROWS_SENT._value.get(), metrics.ROW_BYTES_SENT._value.get()
    began = time.monotonic()
    await site.catalogue.outbox.resend([segments])

    async def put() -> bool:
        return (await site.catalogue.outbox.backlog()).waiting == 0

    await until(put, 60)
    put_s = time.monotonic() - began
    rows, size = metrics.ROWS_SENT._value.get() - sent, metrics.ROW_BYTES_SENT._value.get() - size
    began = time.monotonic()
    await servers.hub.start()
    await arrived([site, center], 60)
    took_s = time.monotonic() - began
    print(f"{rows} rows put in {put_s:.1f} s, {size / rows:.0f} bytes each; applied {took_s:.1f} s after the return")
    assert took_s < 60


async def test_the_audit_log_reaches_the_center(servers: Rig) -> None:
    """What was written before it travelled too; nobody but its node writes a log, and no site the center's."""
    center, one, two = await servers.center(), await servers.site("one", "n" * 16), await servers.site("two", "m" * 16)
    await registered(center)
    await center.catalogue.audit.add("ani", "site.change", "x")
    await one.catalogue.audit.add("budi", "footage.replay", "camera", {"start": "é"})
    await one.catalogue.outbox.done([Sent(each) for each in await one.catalogue.outbox.waiting(100)])
    async with two.catalogue._db.write() as connection:
        for node, number in (("c" * 16, 2), ("n" * 16, 2)):
            values = {"node": node, "number": number, "at_ns": 1, "person": "eko", "action": "x", "subject": "y"}
            values |= {"detail": {}, "previous": "ab" * 32, "hash": "cd" * 32}
            await connection.execute(insert(audit), values)
            await two.catalogue._db.notes.note(connection, audit, values)
    for member in (center, one, two):
        member.start()
    await two.catalogue.audit.add("candra", "export.add", "job")
    await one.catalogue.audit.add("budi", "export.add", "job")

    async def there() -> bool:
        return [entry.subject async for entry in center.catalogue.audit.entries("n" * 16)] == ["camera", "job"]

    await until(there)
    backlog = Backlog(0, 0)
    await until(lambda: _settled(two, backlog))
    said = {node: [e.person async for e in center.catalogue.audit.entries(node)] for node in ("c" * 16, "m" * 16)}
    assert said == {"c" * 16: ["ani"], "m" * 16: ["candra"]}
    assert [entry.person async for entry in two.catalogue.audit.entries("c" * 16)] == ["eko"]


async def _settled(member: Member, wanted: Backlog) -> bool:
    return await member.catalogue.outbox.backlog() == wanted
