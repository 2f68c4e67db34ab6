"""The whole cluster end to end: what is registered at the center is recorded at its site and replayed at the center."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.cluster.judge import NS, complete_after_s, coverage, fetch, judge
from tests.cluster.line import Line
from tests.cluster.netns import unavailable
from tests.cluster.system import PASSWORD, Cluster, running_cluster
from tests.e2e.replayable import replayable, rfc3339
from tests.streamer.player import player
from tools.cluster.topology import Site, Topology

pytestmark = [pytest.mark.servers, pytest.mark.alone, pytest.mark.timeout(180)]
ONE = Topology((Site("sampit"),), center_nodes=1)


async def until_stored(cluster: Cluster, limit_s: float = 40) -> None:
    """Wait until a Segment of every camera has reached its Store, and the center knows."""
    async with asyncio.timeout(limit_s):
        while True:
            stored = await fetch(cluster, "SELECT DISTINCT camera FROM segments WHERE state = 'stored'")
            if {row["camera"] for row in stored} >= {camera.id for camera in cluster.registered}:
                return
            await asyncio.sleep(0.5)


async def until_recorded(http: httpx.AsyncClient, camera: str, since_ns: int, limit_s: float = 15) -> None:
    """Wait until something of a camera since then can be replayed."""
    async with asyncio.timeout(limit_s):
        while not await replayable(http, camera, since_ns, time.time_ns()):
            await asyncio.sleep(0.2)


async def test_a_camera_from_registration_to_removal(tmp_path: Path) -> None:
    """Live at the center within seconds; replayed from the spool, then from MinIO; nothing lost; removal ends it."""
    async with running_cluster(tmp_path / "c", ONE, recorder={"segment_s": 10}) as cluster:
        started_ns = time.time_ns()
        (camera,) = await cluster.register("sampit", 1)
        await cluster.until_live(20)
        await until_recorded(cluster.center.http, camera.id, started_ns)
        assert await complete_after_s(cluster, ["sampit"], 10) < 5
        states = await fetch(cluster, "SELECT state FROM segments")
        assert {row["state"] for row in states} == {"open"}  # what was replayed came from the spool, over the bus
        await until_stored(cluster)
        ended_ns = time.time_ns()
        await asyncio.sleep(1.5)
        found = await judge(cluster, started_ns, ended_ns)
        assert (found.owed > 100, found.lost, found.tails_s, found.doubled, found.unexplained) == (True, {}, [], 0, [])
        asked = {"from": rfc3339(ended_ns - 20 * NS), "to": rfc3339(ended_ns)}
        footage = await cluster.center.http.get(f"/api/cameras/{camera.id}/footage.mp4", params=asked)
        assert (footage.status_code, footage.content[4:8]) == (200, b"ftyp")
        removed = await cluster.center.http.delete(f"/api/cameras/{camera.id}")
        assert removed.status_code == 204
        async with asyncio.timeout(20):
            while await fetch(cluster, "SELECT 1 FROM runs WHERE end_ns IS NULL"):
                await asyncio.sleep(0.3)
        said = await coverage(cluster.center.http, camera.id, started_ns, time.time_ns())
        assert said["gaps"][-1:] == [] or said["gaps"][-1]["cause"] != "not_reported"


@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
async def test_a_site_alone_goes_on_and_the_center_says_so(tmp_path: Path) -> None:
    """Cut off it records, and shows live and replay to who signs in there; after the return nothing is missing."""
    line = Line(10_000_000, 50)
    async with running_cluster(tmp_path / "c", ONE, line=line, recorder={"segment_s": 10}) as cluster:
        started_ns = time.time_ns()
        first, second = await cluster.register("sampit", 2)
        await cluster.until_live(20)
        await until_recorded(cluster.center.http, first.id, started_ns)
        await cluster.regencies["sampit"].cut()
        cut_ns = time.time_ns()
        await _site_alone(cluster, first.id, second.id, started_ns)
        await _center_alone(cluster, first.id, started_ns, cut_ns)
        await cluster.regencies["sampit"].mend()
        assert await complete_after_s(cluster, ["sampit"], 60) < 60
        await cluster.until_live(30)
        ended_ns = time.time_ns()
        await asyncio.sleep(2)
        found = await judge(cluster, started_ns, ended_ns)
        assert (found.lost, found.tails_s, found.doubled, found.unexplained) == ({}, [], 0, [])


async def _site_alone(cluster: Cluster, first: str, second: str, started_ns: int) -> None:
    site = await cluster.client("sampit-1")
    assert (await site.sign_in("not the password")).status_code == 401
    assert (await site.sign_in()).status_code == 200
    await cluster.until_live(10, site)
    await asyncio.sleep(12)  # a Segment is closed, and cannot leave
    now_ns = time.time_ns()
    said = await coverage(site.http, first, started_ns, now_ns)
    assert said["recorded_s"] > (now_ns - started_ns) / NS - 5
    assert len(await replayable(site.http, first, now_ns - 15 * NS, now_ns)) > 100
    async with player() as viewer:
        sdp = await viewer.offer()
        headers = {"Content-Type": "application/sdp"}
        opened = await site.http.post(f"/api/cameras/{second}/whep?stream=main", content=sdp, headers=headers)
        assert opened.status_code == 201, opened.text
        tiles = [{"tile": 0, "camera": first, "stream": "main"}]
        wall = await site.http.post("/api/wall/sessions", json={"sdp": sdp, "tiles": tiles})
        assert wall.status_code == 201, wall.text
        assert (await site.http.delete(f"/api/wall/sessions/{wall.json()['id']}")).status_code == 204
        assert (await site.http.delete(opened.headers["Location"])).status_code in {200, 204}
    change = await site.http.post("/api/session/password", json={"old": PASSWORD, "new": "battery horse staple"})
    assert (change.status_code, change.json()["reason"]) == (403, "set_at_center")


async def _center_alone(cluster: Cluster, camera: str, started_ns: int, cut_ns: int) -> None:
    async with asyncio.timeout(20):
        while set((await cluster.conditions()).values()) != {"not_reported"}:
            await asyncio.sleep(0.3)
    said = await coverage(cluster.center.http, camera, started_ns, time.time_ns())
    last = said["gaps"][-1]
    assert (last["cause"], last["state"], last["to"]) == ("not_reported", "open", said["to"])
    assert all(gap["cause"] != "unknown" for gap in said["gaps"])
    assert last["from"] < rfc3339(cut_ns + 5 * NS)
