"""A hub, a leaf and the catalogues of a center and of a site's nodes, with the services that keep them in step."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.servers.nats import NatsServer, running_nats
from tests.store.samples import SITE, fragments, segment
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.camera import Site
from vms.domain.footage import SegmentState
from vms.service import Service, Supervisor
from vms.store.catalogue import Catalogue
from vms.store.notes import OutboxOptions, Role
from vms.store.outbox import Backlog
from vms.sync.apply import CenterApply, CenterApplyOptions, center_facts_reader, site_facts_reader
from vms.sync.outbox import Publisher, PublisherOptions
from vms.sync.settings import SiteSettings

KEY = bytes(range(32))
FACTS = ("grants", "runs", "segments", "fragment_indexes", "gaps", "copies")
CLOCK = SystemClock()
KALTENG = Site("k" * 16, "kalteng", "Kalimantan Tengah")
SAMPIT = replace(SITE, parent=KALTENG.id)
KAPUAS = Site("o" * 16, "kapuas", "Kuala Kapuas", parent=KALTENG.id)


@dataclass
class Member:
    """A node: its link, catalogue and services."""

    path: Path
    link: NatsLink
    catalogue: Catalogue
    services: list[Service]
    bus: MemoryBus = field(default_factory=MemoryBus)
    supervisor: Supervisor = field(default_factory=lambda: Supervisor([]))

    def start(self, *chosen: type[Service] | str) -> None:
        """Start all services, or those of the kinds or names given."""
        wanted = [s for s in self.services if not chosen or type(s) in chosen or s.name in chosen]
        self.supervisor.services += wanted
        self.supervisor.start()

    def service(self, name: str) -> Service:
        """One by its name."""
        return next(service for service in self.services if service.name == name)

    def rows(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """All of some tables, sorted."""
        with sqlite3.connect(self.path) as connection:
            found = {t: sorted(connection.execute(f"SELECT * FROM {t}").fetchall(), key=repr) for t in tables}
        connection.close()
        return found


@dataclass
class Rig:
    """The servers and who is connected to them."""

    folder: Path
    hub: NatsServer
    leaf: NatsServer
    stack: AsyncExitStack
    made: int = 0

    async def center(self, name: str = "center", url: str = "") -> Member:
        """A node of the center; those of one name, or of one `url`, share a catalogue."""
        self.made += 1
        path = self.folder / f"{name}.db"
        link = await self._link(self.hub, f"center-{self.made}")
        catalogue = await self._catalogue(url or f"sqlite:///{path}", Role.CENTER)
        services: list[Service] = [
            Publisher(CLOCK, link, catalogue, PublisherOptions("center", "c" * 16)),
            CenterApply(CLOCK, link, catalogue, CenterApplyOptions(sites_s=0.1)),
        ]
        return self._member(Member(path, link, catalogue, services))

    async def site(self, name: str, node: str) -> Member:
        """A node of Sampit."""
        path = self.folder / f"{name}.db"
        link = await self._link(self.leaf, name)
        catalogue = await self._catalogue(f"sqlite:///{path}", Role.SITE, node)
        bus = MemoryBus()
        services: list[Service] = [
            Publisher(CLOCK, link, catalogue, PublisherOptions("sampit", node, settle_s=0.1)),
            SiteSettings(CLOCK, link, bus, catalogue, "sampit"),
            site_facts_reader(CLOCK, link, catalogue, "sampit", node),
            center_facts_reader(CLOCK, link, catalogue, "sampit", node),
        ]
        return self._member(Member(path, link, catalogue, services, bus))

    def _member(self, member: Member) -> Member:
        self.stack.push_async_callback(member.supervisor.stop)
        return member

    async def _link(self, server: NatsServer, name: str) -> NatsLink:
        options = NatsOptions(server.url, server.ctrl_user, server.ctrl_password, name, server.domain)
        link = await NatsLink.connect(options)
        self.stack.push_async_callback(link.close)
        return link

    async def _catalogue(self, url: str, role: Role, node: str = "c" * 16) -> Catalogue:
        catalogue = await Catalogue.open(url, key=KEY, outbox=OutboxOptions(role), node=node)
        self.stack.push_async_callback(catalogue.close)
        return catalogue


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """A hub and the leaf of Sampit."""
    async with (
        running_nats(folder) as hub,
        running_nats(folder, domain="sampit", hub=hub) as leaf,
        AsyncExitStack() as s,
    ):
        await hub.leafs()
        yield Rig(folder, hub, leaf, s)


async def until(true: Callable[[], bool] | Callable[[], Coroutine[Any, Any, bool]], within_s: float = 30.0) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(within_s):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


def same(members: Sequence[Member], *tables: str) -> bool:
    """Whether all have the same rows."""
    first = members[0].rows(*tables)
    return all(member.rows(*tables) == first for member in members[1:])


async def registered(center: Member) -> None:
    """A province with two regencies, as somebody enters them at the center."""
    for site in (KALTENG, SAMPIT, KAPUAS):
        await center.catalogue.sites.put(site)


async def record(node: Member, first: int, count: int, run_id: str = "r" * 16) -> None:
    """So many Segments of a minute, each opened and spooled."""
    for number in range(first, first + count):
        made = segment(number * 60, number * 60 + 60, run=run_id, number=number, state=SegmentState.OPEN)
        await node.catalogue.segments.put(made)
        await node.catalogue.segments.put(replace(made, state=SegmentState.SPOOLED, rev=2), fragments(seconds=4))


async def arrived(members: list[Member], within_s: float = 30.0) -> None:
    """Nothing waits at the first, and all have the same facts."""

    async def there() -> bool:
        backlog = await members[0].catalogue.outbox.backlog()
        return backlog == Backlog(0, 0) and same(members, *FACTS)

    await until(there, within_s)
