"""A catalogue of the test's own, in a file and in PostgreSQL: every test that asks for one runs on both."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.postgres import PostgresServer, postgres
from vms.clock import ManualClock
from vms.store.catalogue import Catalogue

__all__ = ["postgres"]

KEY = bytes(range(32))

NewUrl = Callable[[str], str]
Sql = Callable[[str], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


@pytest.fixture
def new_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Makes the URL of one more database that does not exist yet."""
    if engine == "sqlite":
        return lambda name: f"sqlite:///{tmp_path / name}.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda _name: server.new_schema()


@pytest.fixture
def url(new_url: NewUrl) -> str:
    """The URL of a database that does not exist yet."""
    return new_url("vms")


@pytest.fixture
def sql(engine: str, url: str, request: pytest.FixtureRequest) -> Sql:
    """Runs SQL in the database of `url`, behind the catalogue's back; the answer as text, `|` between columns."""
    if engine == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        schema = url.rpartition("=")[2]
        return lambda statement: server.psql(f"SET search_path = {schema}; {statement}")

    def run(statement: str) -> str:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            rows = connection.execute(statement).fetchall()
        return "\n".join("|".join(map(str, row)) for row in rows)

    return run


@pytest.fixture
async def catalogue(url: str) -> AsyncIterator[Catalogue]:
    """An open catalogue whose clock stands still."""
    opened = await Catalogue.open(url, key=KEY, clock=ManualClock(), node="n" * 16)
    yield opened
    await opened.close()
