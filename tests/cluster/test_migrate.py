"""`vms migrate`: a data folder of an earlier version goes into PostgreSQL and MinIO; killed on the way it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.app.test_cli import ROOT, Here, command, here, refused
from tests.e2e.system import PASSWORD
from tests.s3_fixture import MinioServer, minio
from tests.servers.nats import NatsServer, running_nats
from tests.servers.postgres import PostgresServer, postgres
from vms import settings
from vms.app import running_node
from vms.cli import main
from vms.clock import SystemClock
from vms.datadir import known_node, open_data_dir
from vms.domain.ids import new_id
from vms.objects.s3 import S3Store
from vms.store.outbox import Outbox
from vms.store.segments import Copies, Segments
from vms.store.table_rows import TableRows

__all__ = ["here", "minio", "postgres"]
pytestmark = pytest.mark.servers

OLD = ROOT / "tests" / "upgrade" / "v0.1.0"


@dataclass
class Places:
    """The old data folder, the folder of the center's node with its vms.yaml, and what `facts.json` says."""

    old: Path
    folder: Path
    url: str
    store: S3Store
    facts: dict[str, Any]

    @property
    def config(self) -> Path:
        """The settings of the center's node."""
        return self.folder / "vms.yaml"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the command line."""
        return "migrate", "--from", str(self.old)

    def other(self, old: Path | None = None, **changes: Any) -> Places:
        """The same with another old folder or other settings."""
        folder = self.folder / new_id()
        folder.mkdir()
        (folder / "vms.yaml").write_text(yaml.safe_dump(yaml.safe_load(self.config.read_text()) | changes))
        return replace(self, old=old or self.old, folder=folder)


@pytest.fixture
def places(tmp_path: Path, postgres: PostgresServer, minio: MinioServer) -> Places:
    """A center that has never been started, beside a copy of the old folder."""
    old = tmp_path / "old"
    shutil.copytree(OLD, old)
    bucket, url = f"vms-{new_id()}", postgres.new_schema()
    store = {"kind": "s3", "endpoint": minio.endpoint, "bucket": bucket}
    store |= {"access_key": minio.access_key, "secret_key": minio.secret_key}
    values = {
        "data": str(tmp_path / "node-1"),
        "http": "127.0.0.1:0",
        "key_file": str(tmp_path / "installation.key"),
        "cluster": {"zone": "center"},
        "catalogue": {"url": url},
        "home_store": store,
        "sites": [{"slug": "sampit", "name": "Sampit"}],
    }
    shutil.copy(old / "secret.key", tmp_path / "installation.key")
    (tmp_path / "vms.yaml").write_text(yaml.safe_dump(values))
    facts = json.loads((OLD / "facts.json").read_text())
    return Places(old, tmp_path, url, S3Store("home", minio.options(bucket)), facts)


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of a folder by its content, but for the database, whose bytes say little."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("catalogue.db")
    }


def is_whole(places: Places, postgres: PostgresServer) -> None:
    """Every Segment of the old version is in the new Store, byte for byte as the row says, and the row says `stored`;
    each other row is as it was."""
    schema = places.url.rpartition("=")[2]
    for one in places.facts["segments"]:
        row = postgres.psql(
            f"SELECT state, site, stream, encode(sha256, 'hex') FROM {schema}.segments"
            f" WHERE run = '{one['run']}' AND number = {one['number']}"
        )
        state, site, stream, sha256 = row.split("|")
        assert state == "stored"
        start = time.gmtime(one["start_ns"] // 1_000_000_000)
        key = f"footage/{site}/{one['camera']}/{stream}/{time.strftime('%Y/%m/%d/%H', start)}"
        data = places.store.get(f"{key}/{one['start_ns'] // 1_000_000}-{one['run']}.mp4")
        assert hashlib.sha256(data).hexdigest() == sha256
        assert one["sha256"] in {"", sha256}
    with contextlib.closing(sqlite3.connect(places.old / "catalogue.db")) as connection:
        for table in ("sites", "cameras", "streams", "people", "runs", "gaps", "grants", "audit", "segments"):
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            assert postgres.psql(f"SELECT count(*) FROM {schema}.{table}") == str(count), table


def test_what_it_says_and_what_it_refuses(places: Places, here: Here) -> None:
    """`--check` touches neither side; another key, no center, or a catalogue of another installation are refused."""
    before = fingerprint(places.old)
    said = here(places.folder, *places.arguments, "--check")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Store home: 7 objects" in said.stdout
    assert "Spool: 5 files" in said.stdout
    assert "New catalogue: empty" in said.stdout
    assert fingerprint(places.old) == before
    data = open_data_dir(places.old)
    try:
        assert "is running" in here(places.folder, *places.arguments, "--check").stdout
        assert "another vms process" in refused(here(places.folder, *places.arguments), 2)
    finally:
        data.close()
    (places.folder / "wrong.key").write_bytes(bytes(32))
    wrong = places.other(key_file=str(places.folder / "wrong.key"))
    assert "another key" in refused(here(wrong.folder, *wrong.arguments), 2)
    site = places.other(cluster={"zone": "sampit"})
    assert "node of a center" in refused(here(site.folder, *site.arguments), 2)
    storeless = places.other(home_store={"kind": "folder"}, catalogue={"url": f"sqlite:///{places.folder}/center.db"})
    assert here(storeless.folder, *storeless.arguments).returncode == 0  # a center may be of any kind
    second = places.old.with_name("second")
    shutil.copytree(OLD, second)
    identity = json.loads((second / "node.json").read_text())
    (second / "node.json").write_text(json.dumps(identity | {"id": new_id()}))
    assert "another installation" in refused(here(storeless.folder, *places.other(second).arguments), 2)


_WRITES = ((S3Store, "_put"), (TableRows, "put"), (Segments, "put"), (Copies, "put"), (Outbox, "remember"))


def killed(places: Places, writes: int) -> int:
    """Run it in a process of its own that kills itself with SIGKILL beside its last write, before or after; how it
    ended. Forked, for a fresh start costs seconds each time."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = iter(range(writes, 0, -1))

    def dies(method: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def ask() -> None:
            if next(left) == 1:
                os.kill(os.getpid(), signal.SIGKILL)

        if asyncio.iscoroutinefunction(method):

            async def written(*given: Any, **named: Any) -> Any:
                found = await method(*given, **named) if after else None
                ask()
                return found if after else await method(*given, **named)

            return written

        def put(*given: Any, **named: Any) -> Any:
            found = method(*given, **named) if after else None
            ask()
            return found if after else method(*given, **named)

        return put

    try:
        for owner, name in (
            (S3Store, "_put"),
            (TableRows, "put"),
            (Segments, "put"),
            (Copies, "put"),
            (Outbox, "remember"),
        ):
            setattr(owner, name, dies(getattr(owner, name), after=writes % 2 == 0))
        sys.argv = command(places.folder, *places.arguments, "--workers", "2")[2:]
        main()
    finally:
        os._exit(0 if sys.exc_info()[1] is None or getattr(sys.exc_info()[1], "code", 1) in {0, None} else 1)


def test_killed_at_any_point_it_goes_on(places: Places, postgres: PostgresServer, here: Here) -> None:
    """SIGKILL beside every few writes until one run ends by itself; then all is there, and still in the old folder."""
    files = {path for path in fingerprint(places.old) if path.startswith(("footage/", "spool/footage/"))}
    kills = 0
    while (code := killed(places, 7 + kills % 3)) != 0:
        assert code == -signal.SIGKILL
        kills += 1
    assert kills > 2
    is_whole(places, postgres)
    assert {path.removesuffix(".part") for path in files} <= set(fingerprint(places.old))
    again = here(places.folder, *places.arguments)
    assert again.returncode == 0, again.stderr
    count = len(places.facts["segments"])
    assert f"{count} of {count} Segments are there" in again.stdout
    assert "Everything is there." in again.stdout


@contextlib.asynccontextmanager
async def signed_in(places: Places, hub: NatsServer) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at a node of the center, which starts on what was brought."""
    values = yaml.safe_load(places.config.read_text())
    nats = {"url": hub.url, "ctrl_password": hub.secrets.ctrl_password, "video_password": hub.secrets.video_password}
    places.config.write_text(yaml.safe_dump(values | {"cluster": {"zone": "center", "nats": nats}}))
    chosen = settings.load(places.config)
    async with running_node(chosen, SystemClock(), services={"web", "recorder"}) as node:
        assert node.first_admin is None
        async with httpx.AsyncClient(base_url=node.url, timeout=30) as client:
            answer = await client.post("/api/session", json={"username": "admin", "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = answer.json()["csrf"]
            yield client


async def test_a_center_replays_what_was_brought(places: Places, tmp_path: Path, here: Here) -> None:
    """People sign in with what they had; coverage is whole, each Segment is in the playlist and can be read."""
    done = await asyncio.to_thread(here, places.folder, *places.arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    node = known_node(places.old)
    assert any(info.key.split("/")[2] == node for info in places.store.list("checkpoints/"))
    start, end = places.facts["segments"][0]["start_ns"], places.facts["killed_ns"]
    async with running_nats(tmp_path / "nats") as hub, signed_in(places, hub) as client:
        cameras = (await client.get("/api/cameras")).json()["items"]
        assert {one["id"] for one in cameras} == {one["id"] for one in places.facts["cameras"]}
        times = {"from": rfc3339(start), "to": rfc3339(end)}
        for camera in cameras:
            told = (await client.get(f"/api/cameras/{camera['id']}/coverage", params=times)).json()
            assert told["recorded_s"] > 35
            text = (await client.get(f"/api/cameras/{camera['id']}/playlist.m3u8", params=times)).text
            lines = {line for line in text.splitlines() if line.startswith("/")}
            assert len(lines) == sum(one["camera"] == camera["id"] for one in places.facts["segments"])
            for line in lines:
                assert len((await client.get(line)).content) > 1000


def rfc3339(at_ns: int) -> str:
    """To the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ns // 1_000_000_000))
