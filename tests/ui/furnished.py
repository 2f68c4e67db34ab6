"""The real web service with something of everything in its catalogue, for tests that look at every page.

Cameras, media and packages are the small fakes of tests/web; what the pages show of people, cases, rules and the rest
is what the real API gives. Event loop only.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.web.conftest import ADMIN, CHEAP, KEY, OTHER_SITE, SITE, World, sign_in
from tests.web.fakes import FakeIngest, FakePlayback, FakeStreamer
from tests.web.furniture import furnish
from tests.web.test_server import serving
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.app import WebContext, WebOptions, create_app, parts_of_app


@dataclass
class Furnished:
    """Where it is, cookies of the admin and of somebody who has to change the password, ids of what lies there."""

    url: str
    cookie: str
    newcomer: str
    ids: dict[str, str]


@contextlib.asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[Furnished]:
    """Serve until left."""
    clock, bus = SystemClock(), MemoryBus()
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=KEY, clock=clock)
    await catalogue.people.put(ADMIN)
    await catalogue.sites.put(SITE)
    await catalogue.sites.put(OTHER_SITE)
    playback = FakePlayback()
    context = WebContext(catalogue, bus, playback, clock, Presence(bus, clock), WebOptions(argon2=CHEAP))
    app = create_app(context)
    world = World(app, catalogue, bus, clock, FakeIngest(bus), FakeStreamer(bus), playback, ADMIN, SITE)  # type: ignore[arg-type]  # a real clock: nothing here moves it
    try:
        async with (
            parts_of_app(app).running(),
            serving(world) as server,
            world.client() as admin,
            world.client() as newcomer,
        ):
            await sign_in(admin)
            ids = await furnish(world, admin)
            await sign_in(newcomer, "rina")
            yield Furnished(server.url, admin.cookies["vms_session"], newcomer.cookies["vms_session"], ids)
    finally:
        await bus.close()
        await catalogue.close()
