"""Faults done to a running cluster, and what they cost: processes killed and restarted, lines cut, a node lost.

Each function runs a cluster of its own, disturbs it so many times and gives a Verdict (judge.py) over all that the
cameras sent. Bars B1, B3, B4 and B5 are asserted by who calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.judge import NS, Verdict, check_objects, check_rows, complete_after_s, judge, newest_known
from tests.cluster.line import Line
from tests.cluster.system import Cluster, running_cluster
from tests.e2e.replayable import replayable
from tools.cluster.topology import Site, Topology

TAIL_BAR_S = 0.5
ROWS_BAR_S = 60.0
TAKEOVER_BAR_S = 15.0
SERVERS = ("hub", "sampit leaf", "postgres", "minio")
ONE = Topology((Site("sampit"),), center_nodes=1)
TWO_NODES = Topology((Site("sampit", nodes=2),), center_nodes=1)
THREE = Topology((Site("sampit"), Site("kapuas"), Site("muara-teweh")), center_nodes=1)
THIN = Line(4_000_000, 100, loss=0.005)


@dataclass
class Outcome:
    """`faults`: how many were done; `node_faults`: those of them that may cut a connection to a camera, times the
    cameras it had; `times_s`: per fault, what the function measures; `rows_s`: how long
    after the last fault the center still lacked rows."""

    faults: int = 0
    node_faults: int = 0
    times_s: list[float] = field(default_factory=list)
    rows_s: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def check(self) -> None:
        """What holds whatever was done: nothing lost, unreadable, doubled or unexplained; short tails; all rows."""
        found = self.verdict
        assert found.owed > 0
        assert found.lost == {}, found.lost
        assert found.unreadable == [], found.unreadable
        assert found.doubled == 0
        assert found.unexplained == [], found.unexplained
        assert found.rows == [], found.rows
        assert max(found.tails_s, default=0.0) <= TAIL_BAR_S, sorted(found.tails_s)[-5:]
        assert len(found.tails_s) <= self.node_faults, (found.tails_s, self.node_faults)


async def kills(folder: Path, *, count: int, seed: int) -> Outcome:
    """B1: SIGKILL of any process at random moments, while somebody replays at the center."""
    rng, found = random.Random(seed), Outcome()
    async with (
        running_cluster(folder, ONE, recorder={"segment_s": 10}) as cluster,
        _recorded(cluster, found, {"sampit": 2}),
    ):
        names = [*SERVERS, "center-1", "sampit-1"]
        for _ in range(count):
            name = rng.choice(names)
            await asyncio.sleep(rng.uniform(0.5, 4.0))
            await cluster.processes[name].kill()
            await asyncio.sleep(rng.uniform(0.0, 2.0))
            await cluster.processes[name].start()
            found.faults += 1
            if name == "sampit-1":
                found.node_faults += len(cluster.registered)
    return found


async def restarts(folder: Path, *, rounds: int, seed: int) -> Outcome:
    """B5: NATS (hub and leaf), PostgreSQL and MinIO stopped and started again, each so many times."""
    rng, found = random.Random(seed), Outcome()
    async with (
        running_cluster(folder, ONE, recorder={"segment_s": 10}) as cluster,
        _recorded(cluster, found, {"sampit": 2}),
    ):
        for _ in range(rounds):
            for name in rng.sample(SERVERS, len(SERVERS)):
                await asyncio.sleep(rng.uniform(0.5, 2.0))
                await cluster.processes[name].stop()
                await asyncio.sleep(rng.uniform(0.0, 4.0))
                await cluster.processes[name].start()
                found.faults += 1
    return found


async def cuts(folder: Path, *, seconds: float, count: int = 1) -> Outcome:
    """B3: the lines of three regencies cut at once. `times_s`: how long after the return the center had all rows."""
    found = Outcome()
    async with (
        running_cluster(folder, THREE, line=THIN, cameras=1, recorder={"segment_s": 10}) as cluster,
        _recorded(cluster, found, {site.slug: 1 for site in THREE.sites}),
    ):
        for _ in range(count):
            await asyncio.gather(*(one.cut() for one in cluster.regencies.values()))
            await asyncio.sleep(seconds)
            await asyncio.gather(*(one.mend() for one in cluster.regencies.values()))
            zones = [site.slug for site in THREE.sites]
            found.times_s.append(await complete_after_s(cluster, zones, 2 * ROWS_BAR_S))
            found.faults += 1
    return found


async def losses(folder: Path, *, count: int, seed: int) -> Outcome:
    """B4: a node of a site of two killed, and back after a while. `times_s`: per stream that it had, from the kill to
    the first picture that the other recorded of it."""
    rng, found = random.Random(seed), Outcome()
    async with (
        running_cluster(folder, TWO_NODES, cameras=4, recorder={"segment_s": 10}) as cluster,
        _recorded(cluster, found, {"sampit": 4}),
    ):
        for _ in range(count):
            holders = await _balanced(cluster)
            await asyncio.sleep(rng.uniform(0.5, 4.0))
            lost = rng.choice(cluster.nodes("sampit"))
            other = next(name for name in cluster.nodes("sampit") if name != lost)
            await cluster.processes[lost].kill()
            killed_ns = time.time_ns()
            taken = [camera for camera, node in holders.items() if node == lost]
            found.node_faults += len(taken)
            found.times_s += [(at_ns - killed_ns) / NS for at_ns in await _taken_over(cluster, other, taken, killed_ns)]
            await cluster.processes[lost].start()
            found.faults += 1
        await _balanced(cluster)
    return found


@contextlib.asynccontextmanager
async def _recorded(cluster: Cluster, found: Outcome, cameras: dict[str, int]) -> AsyncIterator[None]:
    """Cameras registered and recorded, somebody replaying them; when all is over, the judgement."""
    started_ns = time.time_ns()
    for zone, count in cameras.items():
        await cluster.register(zone, count)
    await cluster.until_live()
    reading = asyncio.create_task(_replay(cluster))
    try:
        await asyncio.sleep(3)
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await cluster.until_live(90)
    await asyncio.sleep(3)
    ended_ns = time.time_ns()
    await asyncio.sleep(2)
    zones = [site.slug for site in cluster.topology.sites]
    found.rows_s = await complete_after_s(cluster, zones, ROWS_BAR_S)
    await newest_known(cluster, ended_ns)
    found.verdict = await judge(cluster, started_ns, ended_ns)
    for camera in cluster.registered:  # at rest both sides can be compared row for row
        (await cluster.center.http.delete(f"/api/cameras/{camera.id}")).raise_for_status()
    await asyncio.sleep(3)
    await check_rows(cluster, found.verdict)
    await check_objects(cluster, found.verdict)


async def _replay(cluster: Cluster) -> None:
    """Somebody at the center who reads what was just recorded; what does not answer meanwhile is asked again."""
    while True:
        for camera in cluster.registered:
            now_ns = time.time_ns()
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                await replayable(cluster.center.http, camera.id, now_ns - 5 * NS, now_ns)
            await asyncio.sleep(0.5)


async def _balanced(cluster: Cluster, limit_s: float = 60) -> dict[str, str]:
    """Node by camera, once both nodes have some and every camera is recorded."""
    async with asyncio.timeout(limit_s):
        while True:
            holders = await asyncio.to_thread(_holders, cluster)
            if len(holders) == len(cluster.registered) and len(set(holders.values())) == 2:
                return holders
            await asyncio.sleep(0.5)


def _holders(cluster: Cluster) -> dict[str, str]:
    """Who records each camera now, by each node's own catalogue: its Run that is under way, of the newest epoch."""
    newest: dict[str, tuple[int, str]] = {}
    for name in cluster.nodes("sampit"):
        node = json.loads((cluster.data(name) / "node.json").read_bytes())["id"]
        for camera, epoch in _rows(
            cluster, name, "SELECT camera, epoch FROM runs WHERE end_ns IS NULL AND node = ?", node
        ):
            newest[camera] = max(newest.get(camera, (0, "")), (epoch, name))
    return {camera: name for camera, (_, name) in newest.items()}


async def _taken_over(cluster: Cluster, other: str, cameras: Sequence[str], after_ns: int) -> list[int]:
    statement = "SELECT min(start_ns) FROM segments WHERE camera = ? AND start_ns > ?"
    async with asyncio.timeout(60):
        while True:
            starts = [_rows(cluster, other, statement, camera, after_ns)[0][0] for camera in cameras]
            if None not in starts:
                return starts
            await asyncio.sleep(0.5)


def _rows(cluster: Cluster, node: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    path = cluster.data(node) / "catalogue.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as rows:
        found = rows.execute(statement, values).fetchall()
    rows.close()
    return found
