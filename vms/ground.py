"""What every service of a node stands on: data folder, key, buses, hub, catalogue, Stores. One machine or a cluster.

Event loop. `opened_ground` gives all of it back in the order in which it must go.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from vms.bus.base import Bus
from vms.bus.hub import Hub
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.memory import MemoryBus
from vms.bus.nats import NatsBus
from vms.clock import Clock
from vms.datadir import DataDir, open_data_dir
from vms.line_meter import LineMeter
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.objects.pace import Pace
from vms.objects.s3 import S3Options, S3Store
from vms.settings import CENTER, HOME, ClusterSettings, FolderStoreSettings, S3StoreSettings, Settings
from vms.store import Catalogue
from vms.store.notes import OutboxOptions, Role

HUB_DOMAIN = "hub"


@dataclass(frozen=True)
class Buses:
    """`bus` carries requests, events and rows; `media` the Packets that are watched: one and the same on one machine.
    `link`: what rows and leases of a cluster go over."""

    bus: Bus
    media: Bus
    link: NatsLink | None = None


@dataclass(frozen=True)
class Ground:
    """See the module. `paces`: of Stores beyond the line of the Site; `meter`: what live video takes of that line."""

    settings: Settings
    clock: Clock
    data: DataDir
    hub: Hub
    bus: Bus
    media: Bus
    link: NatsLink | None
    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]
    paces: Mapping[str, Pace]
    meter: LineMeter

    @property
    def zone(self) -> str:
        """`center`, or the slug of the Site this node stands at."""
        return self.settings.zone()


@contextlib.asynccontextmanager
async def opened_ground(settings: Settings, clock: Clock) -> AsyncIterator[Ground]:
    """Everything open until the block ends. SettingsError or CatalogueError where it cannot be."""
    async with contextlib.AsyncExitStack() as stack:
        data = open_data_dir(settings.data, settings.key_file)
        stack.callback(data.close)
        catalogue = await open_catalogue(settings, data.key, data.node, clock)
        stack.push_async_callback(catalogue.close)
        buses = await _buses(settings.cluster, stack)
        paces = {HOME: Pace()} if settings.stands_at_site() else {}
        stores, meter = open_stores(settings, paces), LineMeter(clock)
        yield Ground(
            settings, clock, data, Hub(clock), buses.bus, buses.media, buses.link, catalogue, stores, paces, meter
        )


async def _buses(cluster: ClusterSettings | None, stack: contextlib.AsyncExitStack) -> Buses:
    if cluster is None:
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        return Buses(bus, bus)
    nats = cluster.nats
    accounts = {"ctrl": (nats.ctrl_user, nats.ctrl_password), "video": (nats.video_user, nats.video_password)}
    links, made = {}, {}
    for name, (user, password) in accounts.items():
        domain = HUB_DOMAIN if cluster.zone == CENTER else cluster.zone
        secret = password.get_secret_value()
        options = NatsOptions(nats.url, user, secret, name=name, domain=domain, ca_file=nats.ca_file)
        links[name] = await NatsLink.connect(options)
        stack.push_async_callback(links[name].close)
        made[name] = NatsBus(links[name], cluster.zone)
        stack.push_async_callback(made[name].close)
    return Buses(made["ctrl"], made["video"], links["ctrl"])


async def open_catalogue(settings: Settings, key: bytes, node: str, clock: Clock) -> Catalogue:
    """The catalogue of the settings, in the role this node has in a cluster."""
    outbox = None
    if settings.cluster is not None:
        outbox = OutboxOptions(Role.SITE if settings.stands_at_site() else Role.CENTER)
    url, pool = catalogue_url(settings), settings.catalogue.pool
    catalogue = await Catalogue.open(url, key=key, clock=clock, node=node, outbox=outbox, pool=pool)
    try:
        await catalogue.cameras.number_all()
    except BaseException:
        await catalogue.close()
        raise
    return catalogue


def catalogue_url(settings: Settings) -> str:
    """Where the catalogue is."""
    given = settings.catalogue.url
    if given is not None:
        return given.get_secret_value()
    return f"sqlite:///{(settings.data / 'catalogue.db').absolute()}"


def open_stores(settings: Settings, paces: Mapping[str, Pace] | None = None) -> dict[str, ObjectStore]:
    """All Stores of the settings, by name; those that have a pace keep it where they are reached over a network."""
    paced = paces or {}
    return {name: _store(name, chosen, settings, paced.get(name)) for name, chosen in settings.all_stores().items()}


def _store(
    name: str, chosen: FolderStoreSettings | S3StoreSettings, settings: Settings, pace: Pace | None
) -> ObjectStore:
    if isinstance(chosen, FolderStoreSettings):
        return FolderStore(name, chosen.path or settings.data / ("footage" if name == HOME else f"footage-{name}"))
    return S3Store(name, s3_options(chosen, pace))


def s3_options(chosen: S3StoreSettings, pace: Pace | None = None) -> S3Options:
    """How a Store of the settings is reached."""
    return S3Options(
        endpoint=chosen.endpoint,
        bucket=chosen.bucket,
        access_key=chosen.access_key,
        secret_key=chosen.secret_key.get_secret_value(),
        region=chosen.region,
        ca_file=str(chosen.ca_file) if chosen.ca_file is not None else None,
        pace=pace,
    )
