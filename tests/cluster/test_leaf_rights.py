"""A regency at the hub: it has what is its own, and neither hears nor says anything of another's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.store.samples import SITE, camera, fragments, segment
from tests.sync.rig import CLOCK, KEY, until
from tools.cluster import demo, servers
from tools.cluster.topology import CENTER, Site, Topology
from vms.bus import flow
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.memory import MemoryBus
from vms.bus.nats import NatsBus
from vms.bus.streams import StreamMessage
from vms.domain import camera as nouns
from vms.domain.footage import SegmentState
from vms.domain.person import Person
from vms.errors import BusError, VmsError
from vms.service import Service, Supervisor
from vms.store.catalogue import Catalogue
from vms.store.images import RowImage, pack
from vms.store.notes import OutboxOptions, Role
from vms.sync import streams
from vms.sync.apply import CenterApply, CenterApplyOptions, center_facts_reader, site_facts_reader
from vms.sync.outbox import Publisher, PublisherOptions
from vms.sync.settings import SiteSettings

pytestmark = pytest.mark.servers

TWO = Topology((Site("sampit"), Site("muara-teweh")), center_nodes=1)
OTHER = nouns.Site("t" * 16, "muara-teweh", "Muara Teweh")


@dataclass
class Cluster:
    """A hub with two leafs, as tools/cluster makes them; links of the account CTRL, and VIDEO, by zone."""

    folder: Path
    links: dict[str, NatsLink]
    video: dict[str, NatsLink]
    stack: contextlib.AsyncExitStack

    async def runs(self, zone: str) -> Catalogue:
        """A node of a zone with what keeps catalogues in step."""
        role = Role.CENTER if zone == CENTER else Role.SITE
        url = f"sqlite:///{self.folder / zone}.db"
        catalogue = await Catalogue.open(url, key=KEY, outbox=OutboxOptions(role))
        self.stack.push_async_callback(catalogue.close)
        link, node = self.links[zone], zone[0] * 16
        made: list[Service] = [Publisher(CLOCK, link, catalogue, PublisherOptions(zone, node, settle_s=0.1))]
        if zone == CENTER:
            made.append(CenterApply(CLOCK, link, catalogue, CenterApplyOptions(sites_s=0.1)))
        else:
            made += [
                SiteSettings(CLOCK, link, MemoryBus(), catalogue, zone),
                site_facts_reader(CLOCK, link, catalogue, zone, node),
                center_facts_reader(CLOCK, link, catalogue, zone, node),
            ]
        supervisor = Supervisor(made)
        supervisor.start()
        self.stack.push_async_callback(supervisor.stop)
        return catalogue


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three servers, and a client of each."""
    state = demo.State.read(tmp_path / "cluster.json", TWO)
    async with contextlib.AsyncExitStack() as stack:
        ctrl: dict[str, NatsLink] = {}
        video: dict[str, NatsLink] = {}
        for zone, _ in TWO.zones():
            server = demo.nats_of(zone, state, tmp_path, TWO)
            config = tmp_path / f"{zone}.conf"
            config.write_text(server.render(), encoding="utf-8")
            await stack.enter_async_context(servers.running_nats(config, server.monitor, tmp_path / f"{zone}.log"))
            for links, user, password in zip(
                (ctrl, video), ("ctrl", "video"), demo.nats_passwords(zone, state), strict=True
            ):
                options = NatsOptions(f"nats://{server.listen}", user, password, user, server.domain)
                links[zone] = await NatsLink.connect(options)
                stack.push_async_callback(links[zone].close)
        yield Cluster(tmp_path, ctrl, video, stack)


async def test_rows_of_two_regencies_do_not_meet(cluster: Cluster) -> None:
    """Facts of each reach the center and not the other; settings of each reach it alone, those for all both."""
    center, sampit, teweh = [await cluster.runs(zone) for zone in (CENTER, "sampit", "muara-teweh")]
    for site in (SITE, OTHER):
        await center.sites.put(site)
    mine = await center.cameras.add(camera("mine"))
    await center.people.put(Person("p" * 16, "budi", "Budi", "$argon2id$x"))
    await until(lambda: _holds(sampit, mine.id))
    await until(lambda: _people(teweh))
    for catalogue, run in ((sampit, "a" * 16), (teweh, "b" * 16)):
        for number in range(30):
            made = segment(number * 60, number * 60 + 60, run=run, number=number, state=SegmentState.SPOOLED)
            await catalogue.segments.put(made, fragments(seconds=4))

    async def all_there() -> bool:
        return len(await center.segments.by_state(SegmentState.SPOOLED)) == 60

    async def settled() -> bool:
        return (await sampit.outbox.backlog()).sent == 0 and (await teweh.outbox.backlog()).sent == 0

    await until(all_there)
    await until(settled)
    for catalogue in (sampit, teweh):
        assert len(await catalogue.segments.by_state(SegmentState.SPOOLED)) == 30
    assert await teweh.cameras.list() == []


async def _holds(catalogue: Catalogue, camera_id: str) -> bool:
    return await catalogue.cameras.get(camera_id) is not None


async def _people(catalogue: Catalogue) -> bool:
    return bool(await catalogue.people.list())


async def test_an_acknowledgement_reaches_one_regency_alone(cluster: Cluster) -> None:
    """What the center has of Sampit it does not have of Muara Teweh, whatever their numbers."""
    for zone in ("sampit", "muara-teweh"):
        await cluster.links[zone].ensure_stream(streams.facts(zone))
        for _ in range(5):
            await cluster.links[zone].publish_stream(streams.facts_subject(zone, "n"), b"x")
    link = cluster.links[CENTER]
    readings = {
        zone: flow.Reading("FACTS", streams.center_reader(zone), domain=zone) for zone in ("sampit", "muara-teweh")
    }
    flows = {zone: flow.Flow(link, reading) for zone, reading in readings.items()}
    messages: dict[str, list[StreamMessage]] = {zone: [] for zone in flows}
    for zone, one in flows.items():
        await until(partial(_more, messages[zone], one, 5))
    for message in messages["sampit"]:
        await message.ack()

    async def floor(zone: str) -> int:
        return (await flow.acknowledged(link, "FACTS", zone))[streams.center_reader(zone)]

    async def done() -> bool:
        return await floor("sampit") == 5

    await until(done)
    assert await floor("muara-teweh") == 0


async def _more(found: list[StreamMessage], one: flow.Flow, count: int) -> bool:
    with contextlib.suppress(VmsError):
        found += await one.get(1.0)
    return len(found) >= count


async def test_a_regency_hears_and_says_nothing_of_another(cluster: Cluster) -> None:
    """Settings, rows, requests with camera passwords, answers and video of another; and settings of its own making."""
    center = await cluster.runs(CENTER)
    for site in (SITE, OTHER):
        await center.sites.put(site)
    await center.cameras.add(camera("secret"))
    evil, hub = cluster.links["muara-teweh"], cluster.links[CENTER]
    heard: list[tuple[str, bytes]] = []

    def hear(subject: str, _reply: str, data: bytes) -> None:
        heard.append((subject, data))

    for subject in (
        ">",
        "settings.>",
        "_INBOX.>",
        "ingest.probe.sampit",
        "facts.>",
        "streamer.>",
        "recorder.stored.sampit",
    ):
        evil.listen(subject, hear)
    for subject in ("media.>", "media.center.>"):
        cluster.video["muara-teweh"].listen(subject, hear)
    sampit = NatsBus(cluster.links["sampit"], "sampit")
    asked: list[str] = []

    async def answer(value: object) -> dict[str, str]:
        asked.append(str(value))
        return {"password": "no secret here"}

    for subject in ("ingest.probe.sampit", "ingest.snapshot.x", "recorder.range.x"):
        sampit.serve(subject, answer)
    bus = NatsBus(hub, "center")

    async def answered() -> bool:
        with contextlib.suppress(BusError):
            return bool(await bus.request("ingest.probe.sampit", {"password": "rahasia"}, timeout_s=1))
        return False

    await until(answered)
    forged = pack([RowImage("people", {})])
    evil.publish("settings.all.people.x", forged)
    evil.publish("facts.sampit.n", forged)
    evil.publish("ingest.probe.sampit", b"")
    cluster.video["sampit"].publish("media.center.c.main", b"picture")
    thief = NatsBus(evil, "muara-teweh")
    asked.clear()
    for subject in ("ingest.snapshot.x", "recorder.range.x"):
        with pytest.raises(BusError):
            await thief.request(subject, {}, timeout_s=1)
    for what in ("settings.>", "settings.sampit.>"):
        with pytest.raises(VmsError):
            await flow.Flow(evil, flow.Reading("SETTINGS", subjects=(what,), domain="hub")).get(0.5)
    with pytest.raises(VmsError):
        await flow.purge(evil, "SETTINGS", 1 << 40)
    before = (await flow.stream_info(hub, "SETTINGS")).messages
    await asyncio.sleep(0.3)
    assert (await flow.stream_info(hub, "SETTINGS")).messages == before
    assert asked == []
    assert {data for _, data in heard} & {b"picture"} == set()
    assert not [data for _, data in heard if b"rahasia" in data or b"no secret here" in data]
    assert not [subject for subject, _ in heard if subject.startswith(("media.", "settings.sampit", "streamer."))]
    await thief.close()
    await bus.close()
    await sampit.close()
