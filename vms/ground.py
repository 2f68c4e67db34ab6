"""What every service of a node stands on: data folder, key, buses, hub, catalogue, Stores. One machine or a cluster.

Event loop. `opened_ground` gives all of it back in the order in which it must go.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from vms.bus.base import Bus
from vms.bus.hub import Hub
from vms.bus.memory import MemoryBus
from vms.clock import Clock
from vms.datadir import DataDir, open_data_dir
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.objects.s3 import S3Options, S3Store
from vms.settings import FolderStoreSettings, S3StoreSettings, Settings
from vms.store import Catalogue


@dataclass(frozen=True)
class Ground:
    """`bus` carries requests, events and rows, `media` the Packets that are watched; the same one in one process."""

    settings: Settings
    clock: Clock
    data: DataDir
    hub: Hub
    bus: Bus
    media: Bus
    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]

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
        catalogue = await open_catalogue(settings, data, clock)
        stack.push_async_callback(catalogue.close)
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        yield Ground(settings, clock, data, Hub(clock), bus, bus, catalogue, open_stores(settings))


async def open_catalogue(settings: Settings, data: DataDir, clock: Clock) -> Catalogue:
    """The catalogue of the settings, in the role this node has in it."""
    return await Catalogue.open(catalogue_url(settings), key=data.key, clock=clock, node=data.node)


def catalogue_url(settings: Settings) -> str:
    """Where the catalogue is."""
    given = settings.catalogue.url
    if given is not None:
        return given.get_secret_value()
    return f"sqlite:///{(settings.data / 'catalogue.db').absolute()}"


def open_stores(settings: Settings) -> dict[str, ObjectStore]:
    """All Stores of the settings, by name."""
    return {name: _store(name, chosen, settings) for name, chosen in settings.all_stores().items()}


def _store(name: str, chosen: FolderStoreSettings | S3StoreSettings, settings: Settings) -> ObjectStore:
    if isinstance(chosen, FolderStoreSettings):
        return FolderStore(name, chosen.path or settings.data / ("footage" if name == "home" else f"footage-{name}"))
    options = S3Options(
        endpoint=chosen.endpoint,
        bucket=chosen.bucket,
        access_key=chosen.access_key,
        secret_key=chosen.secret_key.get_secret_value(),
        region=chosen.region,
        ca_file=str(chosen.ca_file) if chosen.ca_file is not None else None,
    )
    return S3Store(name, options)
