"""The web service over a real SQLite catalogue, a bus with small fake services, and a clock moved by hand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI

from tests.web.fakes import FakeIngest, FakePlayback, FakeStreamer
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.camera import Site
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.app import WebContext, WebOptions, create_app, parts_of_app
from web.parts import Parts
from web.security.passwords import Argon2Cost, hash_password

CHEAP = Argon2Cost(passes=1, memory_kib=64, lanes=1)
PASSWORD = "correct horse battery"
KEY = b"k" * 32
CLIENT = ("203.0.113.5", 40_000)


@dataclass
class World:
    """Everything a test of the API touches."""

    app: FastAPI
    catalogue: Catalogue
    bus: MemoryBus
    clock: ManualClock
    ingest: FakeIngest
    streamer: FakeStreamer
    playback: FakePlayback
    admin: Person
    site: Site

    @property
    def parts(self) -> Parts:
        """The moving parts of the application."""
        return parts_of_app(self.app)

    def client(self, address: tuple[str, int] = CLIENT) -> httpx.AsyncClient:
        """A client that nobody signed in."""
        transport = httpx.ASGITransport(app=self.app, client=address)
        return httpx.AsyncClient(transport=transport, base_url="http://vms.test")

    async def snapshot(self) -> list[object]:
        """All that bad input must not change."""
        return [*await self.catalogue.cameras.list(include_deleted=True), *await self.catalogue.sites.list()]


async def sign_in(client: httpx.AsyncClient, username: str = "admin", password: str = PASSWORD) -> None:
    """Sign in and send the CSRF token from now on."""
    answer = await client.post("/api/session", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]


@pytest.fixture(autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """Tracebacks as text: drawing them with every local value takes seconds."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.configure(**before)  # not the defaults: tests/conftest.py has set what is drawn of a traceback


@pytest.fixture
def options(tmp_path: Path) -> WebOptions:
    """Options of the tests; a test module may override the fixture."""
    return WebOptions(static_dir=tmp_path / "static", argon2=CHEAP)


ADMIN = Person(new_id(), "admin", "Admin", hash_password(PASSWORD, CHEAP), grants=EVERYTHING.grants)
SITE = Site(new_id(), "sampit", "Sampit")
OTHER_SITE = Site(new_id(), "kapuas", "Kuala Kapuas")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with the admin and two sites, made once; each test works on a copy of its own."""
    path = tmp_path_factory.mktemp("catalogue") / "vms.db"

    async def fill() -> None:
        catalogue = await Catalogue.open(f"sqlite:///{path}", key=KEY)
        await catalogue.people.put(ADMIN)
        await catalogue.sites.put(SITE)
        await catalogue.sites.put(OTHER_SITE)
        await catalogue.close()

    asyncio.run(fill())
    return path


@pytest.fixture
async def world(tmp_path: Path, filled: Path, options: WebOptions) -> AsyncIterator[World]:
    """The service, its tasks running."""
    clock, bus = ManualClock(), MemoryBus()
    shutil.copy(filled, tmp_path / "vms.db")
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=KEY, clock=clock)
    playback = FakePlayback()
    app = create_app(WebContext(catalogue, bus, playback, clock, Presence(bus, clock), options))
    try:
        async with parts_of_app(app).running():
            yield World(app, catalogue, bus, clock, FakeIngest(bus), FakeStreamer(bus), playback, ADMIN, SITE)
    finally:
        await bus.close()
        await catalogue.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client with nobody signed in."""
    async with world.client() as client:
        yield client


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The admin, signed in."""
    async with world.client() as client:
        await sign_in(client)
        yield client
