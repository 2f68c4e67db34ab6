"""Opening, upgrading and closing the catalogue, and what is said when it cannot be opened."""

from __future__ import annotations

import asyncio
import gc
import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from tests.store.conftest import KEY, NewUrl, Sql
from tests.store.samples import SITE, STREAM, T0, camera, run, segment
from vms.domain.camera import Site
from vms.domain.interval import Interval
from vms.errors import CatalogueError, InputError
from vms.store.catalogue import Catalogue
from vms.store.database import parse_url
from vms.store.migrate import alembic_config, upgrade
from vms.store.tables import METADATA


def _schema(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    # The order of constraints within a table means nothing, so a statement is compared as the set of its parts.
    return {" ".join(sorted(row[0].replace(",", " ").split())) for row in rows if "alembic_version" not in row[0]}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_models_and_migrations_agree(tmp_path: Path, url: str) -> None:
    """What the migrations make is what the tables say, partial indices included."""
    await upgrade(parse_url(url))
    plain = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    METADATA.create_all(plain)
    plain.dispose()
    assert _schema(tmp_path / "vms.db") == _schema(tmp_path / "plain.db")
    migrated = create_engine(url)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert "segments" in inspect(connection).get_table_names()
    migrated.dispose()


def test_every_column_is_documented() -> None:
    """Tables are documented column by column."""
    bare = [str(column) for table in METADATA.sorted_tables for column in table.columns if not column.doc]
    assert bare == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_it_is_durable_and_in_order(catalogue: Catalogue) -> None:
    """SQLite runs with the write-ahead log, full synchronisation and foreign keys, on every connection."""
    async with catalogue._db.write() as connection:
        modes = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert modes == ["wal", 2, 1]


async def test_what_was_written_is_there_again(url: str) -> None:
    """Closing and opening changes nothing; closing twice is harmless."""
    first = await Catalogue.open(url, key=KEY)
    await first.sites.put(SITE)
    await first.close()
    await first.close()
    second = await Catalogue.open(url, key=KEY)
    assert await second.sites.list() == [SITE]
    await second.check()
    await second.close()


async def test_opened_twice_at_once(new_url: NewUrl) -> None:
    """Two processes may start on a new database at the same time; one migrates, the other waits."""
    for n in range(8):
        url = new_url(f"both-{n}")
        first, second = await asyncio.gather(*(Catalogue.open(url, key=KEY) for _ in range(2)))
        await first.sites.put(SITE)
        assert await second.sites.get(SITE.id) == SITE
        await first.close()
        await second.close()


async def test_writers_of_two_connections_wait_for_each_other(url: str) -> None:
    """Forty transactions that read before they write, through two catalogues of one database: none fails."""
    both = [await Catalogue.open(url, key=KEY) for _ in range(2)]
    await asyncio.gather(*(both[i % 2].audit.add("", "test", str(i)) for i in range(40)))
    entries, _ = await both[0].audit.list(100)
    assert sorted(entry.number for entry in entries) == list(range(1, 41))
    for one in both:
        await one.close()


async def test_a_cancelled_write_leaves_nothing(catalogue: Catalogue) -> None:
    """A cancelled transaction is rolled back and the next one goes through."""
    tasks = [asyncio.create_task(catalogue.segments.put(segment(i, i + 1, number=i))) for i in range(20)]
    await asyncio.sleep(0.002)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await catalogue.segments.put(segment(0, 1, number=99))
    assert await catalogue.segments.get("r" * 16, 99) is not None


async def test_a_cancelled_query_gives_its_connection_back(catalogue: Catalogue) -> None:
    """Whenever it is cancelled, no connection is left to the garbage collector (which would warn, and fail here)."""

    async def both() -> None:
        await catalogue.cameras.list()
        await catalogue.runs.put(run())

    for step in range(60):
        task = asyncio.create_task(both())
        for _ in range(step % 30):
            await asyncio.sleep(0)
        await asyncio.sleep(step % 7 / 5000)
        task.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    gc.collect()
    async with asyncio.timeout(5):
        await asyncio.gather(*(catalogue.cameras.list() for _ in range(10)), *(both() for _ in range(10)))


async def test_a_pool_of_any_size(url: str) -> None:
    """More tasks than connections wait for their turn, readers and writers."""
    catalogue = await Catalogue.open(url, key=KEY, pool=2)
    await asyncio.gather(*(catalogue.sites.list() for _ in range(20)), *(catalogue.runs.put(run()) for _ in range(20)))
    assert len(await catalogue.runs.open_on("n" * 16)) == 20
    await catalogue.close()


async def test_another_key_is_refused(url: str) -> None:
    """A catalogue opened with a key that is not its own says so at once, and a key of the wrong size too."""
    await (await Catalogue.open(url, key=KEY)).close()
    with pytest.raises(CatalogueError, match="key file does not belong"):
        await Catalogue.open(url, key=bytes(32))
    with pytest.raises(CatalogueError, match="5 bytes instead of 32"):
        await Catalogue.open(url, key=b"short")


async def test_a_newer_schema_is_refused(url: str, sql: Sql) -> None:
    """A catalogue of a newer version is left alone."""
    await upgrade(parse_url(url))
    sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogueError, match="schema 9999") as caught:
        await Catalogue.open(url, key=KEY)
    assert "newer version" in caught.value.hint


async def test_upgrade_says_what_it_did(url: str) -> None:
    """The revision before and after; nothing to do the second time."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert await upgrade(parse_url(url)) == (None, newest)
    assert await upgrade(parse_url(url)) == (newest, newest)
    catalogue = await Catalogue.open(url, key=KEY)
    assert await catalogue.schema_version() == newest
    await catalogue.close()


async def test_what_is_no_catalogue_is_said_in_plain_words(tmp_path: Path) -> None:
    """A file of something else, a folder that is missing, a folder instead of a file, a URL that is none."""
    (tmp_path / "text.db").write_text("this is no database at all, but a text that is long enough" * 100)
    with pytest.raises(CatalogueError, match="not a catalogue, or it is damaged"):
        await Catalogue.open(f"sqlite:///{tmp_path / 'text.db'}", key=KEY)
    with pytest.raises(CatalogueError, match="cannot open") as caught:
        await Catalogue.open(f"sqlite:///{tmp_path / 'missing' / 'vms.db'}", key=KEY)
    assert "does not exist" in caught.value.hint
    with pytest.raises(CatalogueError, match="cannot open"):
        await Catalogue.open(f"sqlite:///{tmp_path}", key=KEY)
    for url in ("sqlite://", "no url", "sqlite:///:memory:"):
        with pytest.raises(CatalogueError):
            await Catalogue.open(url, key=KEY)


async def test_errors_name_no_values(catalogue: Catalogue, sql: Sql) -> None:
    """A failing statement says nothing of what was to be written."""
    sql("DROP TABLE streams")
    await catalogue.sites.put(SITE)
    with pytest.raises(CatalogueError) as caught:
        await catalogue.cameras.add(camera(password="rahasia-123", registered_ns=T0))
    chain = [caught.value, caught.value.__cause__]
    assert all("rahasia-123" not in f"{error!s}{error!r}" for error in chain)
    assert re.search('no such table|relation "streams" does not exist', str(caught.value))


async def test_what_no_database_holds_is_bad_input(catalogue: Catalogue) -> None:
    """A lone surrogate or a NUL in a name, a time beyond 64 bits: the client's fault, not the database's."""
    for name in ("budi\0", "\0"):
        with pytest.raises(InputError):
            await catalogue.people.by_username(name)
        with pytest.raises(InputError):
            await catalogue.sites.put(Site("x" * 16, "x", name))
    with pytest.raises(InputError):
        await catalogue.people.by_username("\ud800")
    with pytest.raises(InputError):
        await catalogue.gaps.in_interval(STREAM, Interval(0, 1 << 70))
    assert await catalogue.people.count() == 0
