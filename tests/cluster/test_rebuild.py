"""The catalogue of a cluster that was done harm to, made anew from its buckets: row for row that of the center."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recorder.rebuild import Rebuild
from tests.cluster.judge import fetch
from tests.cluster.system import Cluster, running_cluster
from tools.cluster.topology import Site, Topology
from vms import settings
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.nats import NatsBus
from vms.ground import open_stores
from vms.store import Catalogue

pytestmark = [pytest.mark.servers, pytest.mark.alone, pytest.mark.timeout(300)]
TWO_NODES = Topology((Site("sampit", nodes=2),), center_nodes=1)
KILLED = ["sampit-1", "sampit-2", "minio", "postgres", "sampit-1", "sampit leaf"]
_STATEMENTS = {
    "runs": "SELECT * FROM runs ORDER BY id",
    "gaps": "SELECT * FROM gaps ORDER BY id",
    "grants": "SELECT * FROM grants ORDER BY camera, stream, epoch",
    "segments": "SELECT * FROM segments WHERE state = 'stored' ORDER BY run, number",
    "indexes": "SELECT f.run, f.number, f.packed FROM fragment_indexes f JOIN segments s"
    " ON s.run = f.run AND s.number = f.number WHERE s.state = 'stored' ORDER BY f.run, f.number",
}


async def test_row_for_row_after_faults(tmp_path: Path) -> None:
    """Processes killed under load, a Checkpoint of every node: what the bucket gives is what PostgreSQL has."""
    rng = random.Random(12)
    async with running_cluster(tmp_path / "c", TWO_NODES, cameras=3, recorder={"segment_s": 10}) as cluster:
        await cluster.register("sampit", 3)
        await cluster.until_live()
        for name in rng.sample(KILLED, len(KILLED)):
            await asyncio.sleep(rng.uniform(2, 6))
            await cluster.processes[name].kill()
            await asyncio.sleep(rng.uniform(0, 2))
            await cluster.processes[name].start()
        await cluster.until_live(90)
        await asyncio.sleep(5)
        for camera in cluster.registered:
            (await cluster.center.http.delete(f"/api/cameras/{camera.id}")).raise_for_status()
        await at_rest(cluster)
        for name in [*cluster.nodes("sampit"), *cluster.nodes("center")]:
            await checkpoint(cluster, name)
        truth = await rows_of_center(cluster)
        found = await rebuilt(cluster, tmp_path)
        print({table: len(rows) for table, rows in truth.items()})
        assert len(truth["runs"]) >= 3
        assert len(truth["segments"]) >= 6
        for table, rows in truth.items():
            assert found[table] == rows, table


async def at_rest(cluster: Cluster, limit_s: float = 60) -> None:
    """Wait until all is stored, ended and known at the center."""
    moving = (
        "SELECT (SELECT count(*) FROM segments WHERE state IN ('open', 'spooled'))"
        " + (SELECT count(*) FROM runs WHERE end_ns IS NULL) AS n"
    )
    still = 0
    async with asyncio.timeout(limit_s):
        while still < 4:
            await asyncio.sleep(0.5)
            still = still + 1 if (await fetch(cluster, moving))[0]["n"] == 0 else 0


async def checkpoint(cluster: Cluster, name: str) -> None:
    """Ask a node for one, over NATS, from the center."""
    node = json.loads((cluster.data(name) / "node.json").read_bytes())["id"]
    url = f"nats://127.0.0.1:{cluster.state.port('center nats')}"
    link = await NatsLink.connect(NatsOptions(url, "ctrl", cluster.state.secrets["ctrl"], name="test", domain="hub"))
    bus = NatsBus(link, "center")
    try:
        answer = await bus.request(f"recorder.checkpoint.{node}", {}, timeout_s=20)
        assert answer["waiting"] == 0
    finally:
        await bus.close()
        await link.close()


async def rows_of_center(cluster: Cluster) -> dict[str, list[Any]]:
    """PostgreSQL's."""
    found = {}
    for table, statement in _STATEMENTS.items():
        rows = await fetch(cluster, statement)
        found[table] = sorted([{name: plain(value) for name, value in dict(row).items()} for row in rows], key=str)
    return found


async def rebuilt(cluster: Cluster, folder: Path) -> dict[str, list[Any]]:
    """Those of an empty SQLite catalogue after a rebuild."""
    store = open_stores(settings.load(cluster.folder / "center-1.yaml"))["home"]
    catalogue = await Catalogue.open(f"sqlite:///{folder}/new.db", key=bytes(32))
    try:
        done = await Rebuild(catalogue, {"home": store}).run()
        assert done.bad == []
    finally:
        await catalogue.close()
    found = {}
    with closing(sqlite3.connect(folder / "new.db")) as connection:
        connection.row_factory = sqlite3.Row
        for table, statement in _STATEMENTS.items():
            rows = connection.execute(statement).fetchall()
            found[table] = sorted([{name: plain(value) for name, value in dict(row).items()} for row in rows], key=str)
    return found


def plain(value: Any) -> Any:
    """The same from both databases."""
    if isinstance(value, bool):
        return int(value)
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
