"""What is PostgreSQL's own: durability, lost connections, bounded waits, order of texts, and what is said of it all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers.postgres import PostgresServer, running_postgres
from tests.store.conftest import KEY, Sql
from tests.store.samples import SITE, STREAM, at, camera, segment
from vms.domain.camera import Site
from vms.domain.footage import SegmentState
from vms.domain.interval import Interval
from vms.errors import CatalogueError
from vms.store import postgres as engine_of
from vms.store.catalogue import Catalogue
from vms.store.database import parse_url
from vms.store.migrate import upgrade
from vms.store.tables import METADATA

pytestmark = pytest.mark.servers
WINDOW = Interval(at(0), at(99))


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgresql"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A server that the test may stop."""
    async with running_postgres(tmp_path) as server:
        yield server


async def _shown(catalogue: Catalogue, name: str) -> set[str]:
    found = set()
    for part in (catalogue._db.read(), catalogue._db.write()):
        async with part as connection:
            found.add(str((await connection.execute(text(f"SHOW {name}"))).scalar_one()))
    return found


async def test_models_and_migrations_agree(url: str) -> None:
    """What the migrations make is what the tables say, indices with their conditions included; texts go by bytes."""
    await upgrade(parse_url(url))
    engine = create_async_engine(
        parse_url(url).set(query={}), connect_args={"server_settings": {"search_path": _schema(url)}}
    )

    def compare(connection: SyncConnection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        listed = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1")
        migrated = [tuple(row) for row in connection.execute(listed) if row[0] != "alembic_version_pkc"]
        METADATA.drop_all(connection)
        METADATA.create_all(connection)
        engine_of.plain_order(connection, list(METADATA.tables))
        assert migrated == [tuple(row) for row in connection.execute(listed) if row[0] != "alembic_version_pkc"]

    async with engine.begin() as connection:
        orders = await connection.execute(
            text(
                "SELECT DISTINCT collation_name FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying')"
            )
        )
        assert orders.scalars().all() == ["C"]
        await connection.run_sync(compare)
    await engine.dispose()


def _schema(url: str) -> str:
    return url.rpartition("=")[2]


@pytest.mark.parametrize("where", ["ROLE vms", "DATABASE vms", "ROLE vms IN DATABASE vms", "SYSTEM"])
async def test_commits_are_durable_whatever_is_set(own: PostgresServer, where: str) -> None:
    """synchronous_commit switched off for the server, the database or the role is on in every session of ours."""
    own.psql(f"ALTER {where} SET synchronous_commit = off")
    own.psql("SELECT pg_reload_conf()")
    assert own.psql("SHOW synchronous_commit") == "off"
    catalogue = await Catalogue.open(own.url, key=KEY)
    assert await _shown(catalogue, "synchronous_commit") == {"on"}
    await catalogue.close()


async def test_a_server_that_may_lose_rows_is_refused(tmp_path: Path) -> None:
    """Without fsync nothing is migrated, and it is said what to set."""
    async with running_postgres(tmp_path, settings={"fsync": "off"}) as server:
        with pytest.raises(CatalogueError, match="before they are on the disk") as caught:
            await Catalogue.open(server.url, key=KEY)
        assert "fsync = on" in caught.value.hint
        assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


async def test_what_is_wrong_is_said_in_plain_words(postgres: PostgresServer, tmp_path: Path) -> None:
    """Password, database, rights, encoding, a standby, a certificate, nobody there: what to do, no password."""
    postgres.psql("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    postgres.psql("CREATE DATABASE frozen")
    postgres.psql("ALTER DATABASE frozen SET default_transaction_read_only = on")
    postgres.psql("CREATE ROLE guest LOGIN PASSWORD 'rahasia-guest'")
    url = make_url(postgres.url)
    cases = [
        (url.set(password="rahasia"), "refuses the user or its password"),
        (url.set(database="none"), "there is no database"),
        (url.set(username="guest", password="rahasia-guest"), "may not do this"),
        (url.set(database="latin"), "as LATIN1, not as UTF8"),
        (url.set(database="frozen"), "cannot be written"),
        (url.set(query={"sslmode": "require"}), "cannot be reached"),
        (url.set(query={"sslmode": "verify-full", "sslrootcert": "/none.pem"}), "a file that the URL names is missing"),
        (url.set(query={"sslmode": "soon"}), "cannot be used"),
        (url.set(query={"no_such_setting": "1"}), "no_such_setting"),
        (url.set(port=1), "cannot be reached"),
        (url.set(host="192.0.2.1"), "cannot be reached"),
        (make_url(f"postgresql://vms:rahasia@/vms?host={tmp_path}"), "a file that the URL names is missing"),
    ]
    for case, words in cases:
        assert isinstance(case.password, str)
        began = time.monotonic()
        with pytest.raises(CatalogueError, match=words) as caught:
            await Catalogue.open(case.render_as_string(hide_password=False), key=KEY)
        assert time.monotonic() - began < 15
        assert caught.value.hint
        said = "".join(traceback.format_exception(caught.value))
        assert case.password not in said, words


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vms:rahasia@:x/vms",
        "postgresql://vms:rah/asia@h:port/vms",
        "mysql://vms:rahasia@h/vms",
        "postgres+x://h",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    """Refused without a word of what may be a password."""
    with pytest.raises(CatalogueError) as caught:
        parse_url(url)
    assert "asia" not in "".join(traceback.format_exception(caught.value)).replace(f"parse_url({url!r})", "")


async def test_it_goes_on_after_a_restart(own: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    """Away, each call says so, soon; back, the next call works, nothing committed is missing, no password is logged."""
    caplog.set_level(logging.DEBUG)
    catalogue = await Catalogue.open(own.url, key=KEY)
    await catalogue.sites.put(SITE)
    for how in (own.stop, own.kill):
        await asyncio.gather(*(catalogue.sites.list() for _ in range(10)))
        await how()
        for call in (catalogue.sites.list(), catalogue.sites.put(replace(SITE, rev=9)), catalogue.check()):
            with pytest.raises(CatalogueError, match="cannot be reached") as caught:
                await call
            assert own.password not in "".join(traceback.format_exception(caught.value))
        await own.start()
        for found in await asyncio.gather(*(catalogue.sites.list() for _ in range(10))):
            assert found == [SITE]
    assert await catalogue.sites.put(replace(SITE, rev=2))
    await catalogue.close()
    assert own.password not in caplog.text


async def test_acknowledged_rows_survive_being_killed(own: PostgresServer) -> None:
    """Killed under writes: what was said to be written is there, what failed can be written again."""
    catalogue = await Catalogue.open(own.url, key=KEY, pool=4)
    written: set[int] = set()
    failed: set[int] = set()

    async def write(first: int) -> None:
        for number in range(first, first + 5000):
            try:
                await catalogue.segments.put(segment(number, number + 1, number=number))
            except CatalogueError:
                failed.add(number)
                return
            written.add(number)

    writers = [asyncio.create_task(write(n * 5000)) for n in range(4)]
    while len(written) < 40:
        await asyncio.sleep(0.01)
    await own.kill()
    async with asyncio.timeout(20):
        await asyncio.gather(*writers)
    await own.start()
    for number in failed:
        await catalogue.segments.put(segment(number, number + 1, number=number))
    found = await catalogue.segments.by_state(SegmentState.STORED)
    assert {one.number for one in found} == written | failed
    assert len(failed) == 4
    await catalogue.close()


async def test_a_commit_of_unknown_end_is_an_error(own: PostgresServer) -> None:
    """The server is gone between the last statement and the commit: the caller hears of it, and may repeat the fact."""
    catalogue = await Catalogue.open(own.url, key=KEY)

    async def write() -> None:
        async with catalogue._db.write() as connection:
            await connection.execute(text("SELECT 1"))
            await own.kill()

    with pytest.raises(CatalogueError, match="cannot be reached"):
        await write()
    await own.start()
    assert await catalogue.sites.put(SITE)
    await catalogue.close()


async def test_a_silent_server_is_given_up(own: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is cut closes nothing: calls end in bounded time, and connections that lay idle are not trusted."""
    monkeypatch.setattr(engine_of, "_SILENT_S", 1.0)
    monkeypatch.setattr(engine_of, "_CONNECT_S", 1.0)
    monkeypatch.setattr(engine_of, "_IDLE_S", 0.0)
    catalogue = await Catalogue.open(own.url, key=KEY)
    await catalogue.sites.put(SITE)
    own.freeze()
    try:
        async with asyncio.timeout(15):
            with pytest.raises(CatalogueError):
                await catalogue.sites.list()
            monkeypatch.setattr(engine_of, "_IDLE_S", 99.0)
            with pytest.raises(CatalogueError):
                await catalogue.sites.put(replace(SITE, rev=2))
    finally:
        own.thaw()
    assert await catalogue.sites.list() == [SITE]
    await catalogue.close()


async def test_statements_and_locks_end_in_time(
    catalogue: Catalogue, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each session has its limits; what runs into one is busy, and its connection goes on."""
    assert await _shown(catalogue, "statement_timeout") == {"30s"}
    assert await _shown(catalogue, "lock_timeout") == {"10s"}
    monkeypatch.setattr(engine_of, "_STATEMENT_S", 1)
    quick = await Catalogue.open(url, key=KEY)
    with pytest.raises(CatalogueError, match="too busy"):
        async with quick._db.read() as connection:
            await connection.execute(text("SELECT pg_sleep(20)"))
    await quick.sites.put(SITE)
    async with catalogue._db.write() as connection:
        await connection.execute(text("UPDATE sites SET rev = 5"))
        with pytest.raises(CatalogueError, match="too busy"):
            await quick.sites.put(replace(SITE, rev=9))
    assert [site.rev for site in await quick.sites.list()] == [5]
    await quick.close()


async def test_a_cancelled_query_ends_at_the_server(catalogue: Catalogue, postgres: PostgresServer) -> None:
    """Whoever goes away does not leave the server at work, nor a connection behind."""
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(29)%' AND state = 'active'"

    async def sleep(part: Callable[[], contextlib.AbstractAsyncContextManager[object]]) -> None:
        async with part() as connection:
            await connection.execute(text("SELECT pg_sleep(29)"))  # type: ignore[attr-defined]  # a Connection

    for _ in range(2):
        tasks = [asyncio.create_task(sleep(part)) for part in (catalogue._db.read, catalogue._db.write) * 5]
        while postgres.psql(running) != "10":
            await asyncio.sleep(0.02)
        waiting = asyncio.create_task(catalogue.sites.list())
        await asyncio.sleep(0.05)
        began = time.monotonic()
        for task in [waiting, *tasks]:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(waiting, *tasks, return_exceptions=True)
        )
        assert time.monotonic() - began < 5
        assert postgres.psql(running) == "0"
        await asyncio.gather(*(catalogue.sites.list() for _ in range(10)))


async def test_nodes_that_start_at_once_migrate_once(url: str) -> None:
    """Six nodes on a new database: one makes the schema, the others find it."""
    before = await asyncio.gather(*(upgrade(parse_url(url)) for _ in range(6)))
    assert sum(revision is None for revision, _ in before) == 1


async def test_order_is_that_of_bytes(catalogue: Catalogue) -> None:
    """Names are listed in the same order as in SQLite, whatever the language of the database."""
    for n, name in enumerate(("b", "B", "a-c", "ab", "é")):
        await catalogue.sites.put(Site(str(n) * 16, f"s{n}", name))
    assert [site.name for site in await catalogue.sites.list()] == ["B", "a-c", "ab", "b", "é"]


async def test_queries_are_range_scans(catalogue: Catalogue, sql: Sql) -> None:
    """What must stay cheap with ten million Segments never reads a table from end to end."""
    seen: list[str] = []
    event.listen(catalogue._db._reader.sync_engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    await catalogue.sites.put(SITE)
    await catalogue.cameras.add(camera())
    wanted = [
        (lambda: catalogue.segments.in_interval(STREAM, WINDOW), "ix_segments_camera_stream_start_ns"),
        (lambda: catalogue.segments.with_gops(STREAM, WINDOW), "pk_fragment_indexes"),
        (lambda: catalogue.segments.spans(STREAM, WINDOW), "ix_segments_camera_stream_start_ns"),
        (lambda: catalogue.segments.last_end_ns(STREAM), "ix_segments_camera_stream_start_ns"),
        (lambda: catalogue.segments.by_state(SegmentState.OPEN, "n"), "ix_segments_in_spool"),
        (lambda: catalogue.segments.expirable("c", at(9), 10), "ix_segments_stored"),
        (lambda: catalogue.segments.stored_bytes("c"), "ix_segments_stored"),
        (lambda: catalogue.gaps.in_interval(STREAM, WINDOW), "ix_gaps_camera_stream_end_ns"),
        (lambda: catalogue.gaps.all_open("n"), "ix_gaps_open"),
        (lambda: catalogue.runs.in_interval(STREAM, WINDOW), "ix_runs_camera_stream_end_ns"),
        (lambda: catalogue.runs.correction_range(STREAM), "ix_runs_corrected"),
        (lambda: catalogue.runs.open_on("n"), "ix_runs_under_way"),
    ]
    for query, index in wanted:
        await query()
        # The plan for any values, as a prepared statement has it; small tables are read whole unless told not to.
        plan = sql(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;"
            f" PREPARE q AS {seen[-1]}; EXPLAIN EXECUTE q({', '.join(['NULL'] * _values(seen[-1]))})"
        )
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan


def _values(statement: str) -> int:
    return next(n for n in range(50, -1, -1) if n == 0 or f"${n}::" in statement)


async def test_duties_that_are_held_for_long_starve_nobody(postgres: PostgresServer) -> None:
    """With a pool of two, two duties are held while everything else goes on; another node has none of them."""
    url = postgres.new_schema()
    one = await Catalogue.open(url, key=KEY, pool=2)
    two = await Catalogue.open(url, key=KEY, pool=2)
    try:
        async with asyncio.timeout(20), one.turns.take("retention") as mine, one.turns.take("rules") as too:
            assert (mine, too) == (True, True)
            await asyncio.gather(*(one.sites.list() for _ in range(8)))
            async with two.turns.take("rules") as theirs:
                assert not theirs
        async with two.turns.take("rules") as theirs:
            assert theirs
    finally:
        await one.close()
        await two.close()
