"""The composition root: a node is started here, with the services that it runs, and ended.

Event loop of the process. Whether this is one machine or one of many is decided by vms/ground.py and vms/parts.py from
the settings; nothing else knows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass

from ingest.probe import ProbeOptions, Prober, ProbeReport
from recorder.recording import Recording
from vms import cluster, registration
from vms.bus.base import Bus
from vms.bus.hub import Hub
from vms.clock import Clock
from vms.datadir import DataDir
from vms.errors import SettingsError
from vms.ground import Ground, catalogue_url, opened_ground
from vms.metrics_page import MetricsPage
from vms.own_services import with_own_services
from vms.parts import services_of, web_server
from vms.registration import FirstAdmin
from vms.service import Supervisor
from vms.settings import Settings
from vms.store import Catalogue
from web.security.passwords import hash_password
from web.server import WebServer

__all__ = ["ALL_SERVICES", "Node", "catalogue_url", "hash_password", "probe_url", "running_node"]

ALL_SERVICES = frozenset({"ingest", "recorder", "streamer", "web"})
START_S = 30.0
RECORDER_FIRST_S = 10.0
Prepare = Callable[[Catalogue], Awaitable[None]]


@dataclass
class Node:
    """A running node."""

    settings: Settings
    data: DataDir
    hub: Hub
    bus: Bus
    catalogue: Catalogue
    supervisor: Supervisor
    web: WebServer | None
    first_admin: FirstAdmin | None

    @property
    def url(self) -> str:
        """Address of the page; empty on a node without web."""
        return self.web.url if self.web is not None else ""


@contextlib.asynccontextmanager
async def running_node(
    settings: Settings, clock: Clock, *, services: Collection[str] = ALL_SERVICES, prepare: Prepare | None = None
) -> AsyncIterator[Node]:
    """Everything up, until the block ends. SettingsError when it cannot start. `prepare` runs before any service."""
    check_services(services)
    settings = await with_own_services(settings)
    async with contextlib.AsyncExitStack() as stack:
        ground = await stack.enter_async_context(opened_ground(settings, clock))
        first_admin = await _register(ground, prepare)
        supervisor = Supervisor([])
        web = await web_server(ground, supervisor, stack) if "web" in services else None
        supervisor.services += services_of(ground, services, web)
        address = settings.listen_metrics()
        if web is None and address is not None:
            supervisor.services.append(MetricsPage(clock, *address, supervisor.health))
        stack.push_async_callback(supervisor.stop)
        await _start(supervisor, web)
        yield Node(settings, ground.data, ground.hub, ground.bus, ground.catalogue, supervisor, web, first_admin)


def check_services(services: Collection[str]) -> None:
    """SettingsError where a node cannot run just these."""
    unknown = sorted(set(services) - ALL_SERVICES)
    if unknown or not services:
        known = ", ".join(sorted(ALL_SERVICES))
        raise SettingsError(f"there is no service {', '.join(unknown) or 'named'}", hint=f"Services are {known}.")
    if "ingest" in services and "recorder" not in services:
        raise SettingsError("a node with ingest needs the recorder too", hint="Add recorder to its services.")


async def _register(ground: Ground, prepare: Prepare | None) -> FirstAdmin | None:
    settings, catalogue = ground.settings, ground.catalogue
    await cluster.register(ground)
    if settings.stands_at_site():  # what a regency's node knows of sites, cameras and people comes from the center
        return None
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


async def probe_url(settings: Settings, url: str, username: str, password: str, transport: str) -> ProbeReport:
    """What a camera's URL gives, asked from this machine."""
    settings = await with_own_services(settings)
    return await Prober(ProbeOptions(policy=settings.address_policy())).probe(url, username, password, transport)
