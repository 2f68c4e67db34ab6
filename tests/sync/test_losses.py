"""Crashes, servers restarted, streams and catalogues lost, poison: facts and settings arrive all the same, once."""

from __future__ import annotations

import shutil

import pytest

from tests.store.samples import camera, run
from tests.sync.rig import Rig, arrived, record, registered, same, until
from vms import metrics
from vms.bus import flow
from vms.domain.person import Person
from vms.errors import BusTimeoutError, CatalogueError
from vms.store import images as row_images
from vms.store.outbox import Backlog
from vms.store.runs import run_values
from vms.sync import streams
from vms.sync.outbox import Publisher

pytestmark = pytest.mark.servers


async def test_settings_are_sent_anew_into_a_new_stream(servers: Rig) -> None:
    """The hub's JetStream lost its disk: a site that never heard of them gets all settings all the same."""
    center = await servers.center()
    await registered(center)
    await center.catalogue.cameras.add(camera("mine"))
    center.start(Publisher)

    async def sent() -> bool:
        return await center.catalogue.outbox.backlog() == Backlog(0, 0)

    await until(sent)
    await servers.hub.stop()
    shutil.rmtree(servers.hub.folder / "jetstream")
    await servers.hub.start()
    site = await servers.site("one", "n" * 16)
    site.start()
    await until(lambda: same([center, site], "sites", "cameras", "streams"))


async def test_crash_between_commit_and_publish(servers: Rig) -> None:
    """Rows that were committed while nobody sent, by a process that is gone, are sent by the next."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    await record(site, 0, 10)
    await site.catalogue.close()
    again = await servers.site("one", "n" * 16)
    center.start()
    again.start()
    await arrived([again, center])
    assert len(center.rows("segments")["segments"]) == 10


async def test_crash_between_publish_and_the_note_of_it(servers: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put into the stream, not noted: put again, applied once."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    await record(site, 0, 10)
    publisher = site.service("sync outbox")
    assert isinstance(publisher, Publisher)
    done, outbox = site.catalogue.outbox.done, site.catalogue.outbox
    crashes = iter(range(2))

    async def crash(sent: object) -> None:
        if next(crashes, None) is not None:
            raise CatalogueError("the process ended here")
        await done(sent)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(outbox, "done", crash)
    site.start()
    center.start()
    await arrived([site, center])
    assert (await flow.stream_info(site.link, "FACTS")).messages <= 2


async def test_crash_between_commit_and_acknowledgement(servers: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applied, not acknowledged: it comes again, and changes nothing."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    await record(site, 0, 10)
    apply, replica = center.catalogue.replica.apply, center.catalogue.replica
    results: list[int] = []

    async def crash(images: object, subject: str) -> object:
        applied = await apply(images, subject)  # type: ignore[arg-type]  # handed on
        results.append(applied.rows)
        if len(results) == 1:
            raise BusTimeoutError("the line is cut")
        return applied

    monkeypatch.setattr(replica, "apply", crash)
    monkeypatch.setattr("vms.sync.outbox._ACK_WAIT_S", 1.0)
    site.start()
    center.start()
    await arrived([site, center])
    assert (results[0], sum(results)) == (10, 10)
    assert len(results) >= 2


async def test_servers_restarted(servers: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaf and hub go and come, also as by a power cut, while rows are written: each is at the center in the end."""
    monkeypatch.setattr("vms.sync.outbox._ACK_WAIT_S", 2.0)
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    center.start()
    site.start()
    for round_ in range(2):
        await record(site, round_ * 20, 10)
        await servers.leaf.kill()
        await record(site, round_ * 20 + 10, 5)
        await servers.leaf.start()
        await servers.hub.restart()
        await record(site, round_ * 20 + 15, 5)
    await arrived([site, center])
    assert len(center.rows("segments")["segments"]) == 40


async def test_a_stream_that_lost_its_disk(servers: Rig) -> None:
    """The center had not read everything when the site's JetStream lost its disk: what it lacks is sent again."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    site.start(Publisher)
    await record(site, 0, 30)

    async def put() -> bool:
        return (await site.catalogue.outbox.backlog()).waiting == 0

    await until(put)
    await servers.leaf.stop()
    shutil.rmtree(servers.leaf.folder / "jetstream")
    await servers.leaf.start()
    center.start()
    await arrived([site, center])
    assert len(center.rows("segments")["segments"]) == 30


async def test_a_center_that_lost_its_catalogue(servers: Rig) -> None:
    """All that a site has is sent again on demand."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    center.start()
    site.start()
    await record(site, 0, 30)
    await arrived([site, center])
    await center.supervisor.stop()
    new = await servers.center("restored")
    await registered(new)
    new.start()
    assert await site.catalogue.outbox.resend() == 30
    await arrived([site, new])
    assert len(new.rows("fragment_indexes")["fragment_indexes"]) == 30


async def test_poison_does_not_block(servers: Rig) -> None:
    """Bytes that are no rows, and settings that come from a site, are set aside; what follows is applied."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    await site.link.ensure_stream(streams.FACTS)
    await site.link.publish_stream("facts.sampit.x", b"no rows at all")
    people = await servers.center("elsewhere")
    await people.catalogue.people.put(Person("e" * 16, "eve", "Eve", "x"))
    entries = await people.catalogue.outbox.waiting(9)
    forged = row_images.pack(list((await people.catalogue.outbox.images(entries)).values()))
    await site.link.publish_stream("facts.sampit.x", forged)
    before = metrics.ROWS_SET_ASIDE.labels("message")._value.get()
    center.start()
    site.start(Publisher)
    await record(site, 0, 3)
    await arrived([site, center])
    assert await center.catalogue.replica.aside() == 2
    assert await center.catalogue.people.list() == []
    assert metrics.ROWS_SET_ASIDE.labels("message")._value.get() - before == 2


async def test_what_no_catalogue_can_keep_is_aside_for_good(servers: Rig) -> None:
    """A row that the database itself refuses stops nobody: not when it comes, and not after the next start."""
    center, site = await servers.center(), await servers.site("one", "n" * 16)
    await registered(center)
    await site.link.ensure_stream(streams.FACTS)
    poison = {**run_values(run(run_id="p" * 16)), "tracks": [b"no JSON"]}
    await site.link.publish_stream("facts.sampit.x", row_images.pack([row_images.RowImage("runs", poison)]))
    center.start()

    async def aside() -> bool:
        return await center.catalogue.replica.aside() == 1

    await until(aside)
    await center.supervisor.stop()
    again = await servers.center()
    again.start()
    site.start(Publisher)
    await record(site, 0, 3)
    await arrived([site, again])
    assert await aside()
