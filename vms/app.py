"""The composition root: which services run, on what. The only module that knows whether this is one machine or many.

Event loop of the process. Nothing here decides anything that a service could decide itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from ingest.fleet import Fleet, FleetOptions
from ingest.probe import ProbeOptions, Prober, ProbeReport
from ingest.watch import Watch
from ingest.worker import WorkerOptions
from recorder.playback import Playback
from recorder.recording import Recording, RecordingOptions
from recorder.retention import Retention, RetentionOptions
from recorder.segmenter import CutOptions
from recorder.spool import Spool, SpoolOptions
from recorder.uploader import Uploader, UploaderOptions
from streamer.options import StreamerOptions
from streamer.service import Streamer
from vms import __version__, registration
from vms.bus.hub import Hub
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, Clock
from vms.datadir import DataDir, open_data_dir
from vms.errors import SettingsError
from vms.looplag import LoopLag
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.objects.s3 import S3Options, S3Store
from vms.registration import FirstAdmin
from vms.service import Health, Service, Supervisor
from vms.settings import FolderStoreSettings, Settings
from vms.store import Catalogue
from vms.sync.leases import CatalogueLeases
from web.app import WebContext, WebOptions, create_app
from web.security.passwords import hash_password
from web.server import WebServer
from web.tls import Certificate, GivenFiles, OwnAuthority, is_loopback, machine_names

__all__ = ["ALL_SERVICES", "Node", "catalogue_url", "hash_password", "probe_url", "running_node"]

ALL_SERVICES = frozenset({"ingest", "recorder", "streamer", "web"})
HOME = "home"
GB = 1_000_000_000
START_S = 30.0
RECORDER_FIRST_S = 10.0
Prepare = Callable[[Catalogue], Awaitable[None]]


@dataclass
class Node:
    """A running node."""

    settings: Settings
    data: DataDir
    hub: Hub
    bus: MemoryBus
    catalogue: Catalogue
    supervisor: Supervisor
    web: WebServer | None
    first_admin: FirstAdmin | None

    @property
    def url(self) -> str:
        """Address of the page; empty on a node without web."""
        return self.web.url if self.web is not None else ""


@dataclass(frozen=True)
class _Ground:
    """What every service stands on."""

    settings: Settings
    clock: Clock
    data: DataDir
    hub: Hub
    bus: MemoryBus
    catalogue: Catalogue
    home: ObjectStore


@contextlib.asynccontextmanager
async def running_node(
    settings: Settings, clock: Clock, *, services: Collection[str] = ALL_SERVICES, prepare: Prepare | None = None
) -> AsyncIterator[Node]:
    """Everything up, until the block ends. SettingsError when it cannot start. `prepare` runs before any service."""
    if "ingest" in services and "recorder" not in services:
        raise SettingsError("a node with ingest needs the recorder too", hint="Add recorder to its services.")
    async with contextlib.AsyncExitStack() as stack:
        data = open_data_dir(settings.data)
        stack.callback(data.close)
        catalogue = await Catalogue.open(catalogue_url(settings), key=data.key, clock=clock, node=data.node)
        stack.push_async_callback(catalogue.close)
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        ground = _Ground(settings, clock, data, Hub(clock), bus, catalogue, home_store(settings))
        first_admin = await _register(ground, prepare)
        supervisor = Supervisor([])
        web = await _web(ground, supervisor, stack) if "web" in services else None
        supervisor.services += _services(ground, services, web)
        stack.push_async_callback(supervisor.stop)
        await _start(supervisor, web)
        yield Node(settings, data, ground.hub, bus, catalogue, supervisor, web, first_admin)


async def _register(ground: _Ground, prepare: Prepare | None) -> FirstAdmin | None:
    settings, catalogue = ground.settings, ground.catalogue
    await registration.ensure_sites(catalogue, settings.sites)
    await registration.ensure_cameras(catalogue, settings.cameras, ground.clock, settings.address_policy())
    if prepare is not None:
        await prepare(catalogue)
    given = settings.admin_password.get_secret_value() if settings.admin_password is not None else None
    return await registration.first_admin(catalogue, given, hash_password)


async def _start(supervisor: Supervisor, web: WebServer | None) -> None:
    """The recorder before ingest, so that it sees each Run from its first Packet; it gets 10 s for its sweep."""
    names = {service.name for service in supervisor.services}
    if Recording.name in names:
        supervisor.start(until=Recording.name)
        await _until(lambda: supervisor.health()[Recording.name].ok, RECORDER_FIRST_S)
    supervisor.start()
    if web is None:
        return
    await _until(lambda: web.listening.is_set() or (not web.health().ok and web.health().why != "not started"), START_S)
    if not web.listening.is_set():
        why = web.health().why
        await supervisor.stop()
        raise SettingsError(f"the page is not served: {why}", hint="Choose another address with --http HOST:PORT.")


async def _until(true: Callable[[], bool], limit_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110 - health is polled; it has no event
                await asyncio.sleep(0.02)


def _services(ground: _Ground, wanted: Collection[str], web: WebServer | None) -> list[Service]:
    services: list[Service] = [LoopLag(ground.clock)]
    if "recorder" in wanted:
        services += _recorder(ground)
    if "ingest" in wanted:
        services += _ingest(ground)
    if "streamer" in wanted:
        options = StreamerOptions(max_sessions=ground.settings.streamer.max_sessions)
        services.append(Streamer(ground.clock, ground.bus, options))
    return [*services, web] if web is not None else services


def _recorder(ground: _Ground) -> list[Service]:
    chosen, node = ground.settings.recorder, ground.data.node
    limit_bytes = int(chosen.spool_limit_gb * GB) if chosen.spool_limit_gb is not None else None
    spool = Spool(SpoolOptions(ground.settings.spool_dir(), limit_bytes))
    stores = {HOME: ground.home}
    uploader = Uploader(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        spool=spool,
        stores=stores,
        options=UploaderOptions(node),
    )
    recording = Recording(
        ground.clock,
        hub=ground.hub,
        bus=ground.bus,
        catalogue=ground.catalogue,
        options=RecordingOptions(node, CutOptions(segment_s=chosen.segment_s)),
        spool=spool,
        on_spooled=uploader.wake,
    )
    quotas = {HOME: int(chosen.store_limit_gb * GB)} if chosen.store_limit_gb is not None else {}
    keep = RetentionOptions(node, days=chosen.retention_days, store_bytes=quotas)
    retention = Retention(ground.clock, catalogue=ground.catalogue, stores=stores, options=keep)
    return [recording, uploader, retention]


def _ingest(ground: _Ground) -> list[Service]:
    chosen, node = ground.settings.ingest, ground.data.node
    policy = ground.settings.address_policy()
    worker = WorkerOptions(
        open_timeout_s=chosen.open_timeout_s,
        stall_s=chosen.stall_s,
        stall_watched_s=chosen.watched_stall_s,
        backoff_cap_s=chosen.backoff_cap_s,
        policy=policy,
    )
    fleet = Fleet(
        node=node,
        cameras=ground.catalogue.cameras.list,
        leases=CatalogueLeases(ground.catalogue, ground.clock, node),
        bus=ground.bus,
        hub=ground.hub,
        clock=ground.clock,
        options=FleetOptions(refresh_s=5.0, worker=worker),
    )
    prober = Prober(ProbeOptions(policy=policy))
    return [fleet, Watch(bus=ground.bus, hub=ground.hub, fleet=fleet, prober=prober, clock=ground.clock)]


async def _web(ground: _Ground, supervisor: Supervisor, stack: contextlib.AsyncExitStack) -> WebServer:
    """Bound already: a port that is taken is said before a camera is pulled."""
    settings = ground.settings
    host, port = settings.listen()
    certificate = _certificate(settings, host, ground.clock)

    def health() -> Mapping[str, Health]:
        return supervisor.health()

    playback = Playback(ground.catalogue, {HOME: ground.home}, ground.bus, ground.clock)
    stack.push_async_callback(playback.close)
    options = WebOptions(
        allowed_networks=settings.ingest.camera_networks,
        https=certificate is not None,
        session_ttl_s=settings.web.session_hours * 3600,
        trusted_proxies=settings.web.trusted_proxies,
        health=health,
        version=__version__,
    )
    context = WebContext(ground.catalogue, ground.bus, playback, ground.clock, options)
    server = WebServer(ground.clock, create_app(context), host=host, port=port, certificate=certificate)
    stack.push_async_callback(server.close)
    await server.prepare()
    return server


def _certificate(settings: Settings, host: str, clock: Clock) -> Certificate | None:
    tls = settings.tls
    if tls.mode == "files":
        if tls.certificate is None or tls.key is None:
            raise SettingsError("tls.mode is files, but certificate or key is missing", hint="Name both under tls.")
        return GivenFiles(tls.certificate, tls.key)
    if tls.mode == "off" or is_loopback(host):
        return None

    def now() -> dt.datetime:
        return dt.datetime.fromtimestamp(clock.now_ns() / NS_PER_S, dt.UTC)

    return OwnAuthority(settings.data / "tls", machine_names(host), now)


def catalogue_url(settings: Settings) -> str:
    """Where the catalogue is."""
    return f"sqlite:///{(settings.data / 'catalogue.db').absolute()}"


def home_store(settings: Settings) -> ObjectStore:
    """The home Store of the settings."""
    chosen = settings.home_store
    if isinstance(chosen, FolderStoreSettings):
        return FolderStore(HOME, chosen.path or settings.data / "footage")
    options = S3Options(
        endpoint=chosen.endpoint,
        bucket=chosen.bucket,
        access_key=chosen.access_key,
        secret_key=chosen.secret_key.get_secret_value(),
        region=chosen.region,
        ca_file=str(chosen.ca_file) if chosen.ca_file is not None else None,
    )
    return S3Store(HOME, options)


async def probe_url(settings: Settings, url: str, username: str, password: str, transport: str) -> ProbeReport:
    """What a camera's URL gives, asked from this machine."""
    return await Prober(ProbeOptions(policy=settings.address_policy())).probe(url, username, password, transport)
