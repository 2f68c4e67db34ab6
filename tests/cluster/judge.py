"""Judges a cluster by what its cameras sent: what of it can be replayed, whether each hole has its Gap, and whether the
catalogues of the regencies and of the center say the same."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.cluster.system import Cluster, Registered
from tests.e2e.replayable import replayable, rfc3339
from tests.e2e.sends import Sends, read_sends

NS = 1_000_000_000
WINDOW_NS = 300 * NS
# Facts by key and version; grants and copies have no part in it that changes.
KEYS = {
    "runs": ("id", "rev"),
    "segments": ("run", "number", "rev"),
    "gaps": ("id", "rev"),
    "grants": ("camera", "stream", "epoch"),
}
Keys = dict[str, dict[tuple[Any, ...], int]]


@dataclass
class Verdict:
    """Counted over all cameras. `lost`: units by camera that were sent, are not at the end of what a killed node took,
    and cannot be replayed; `tails_s`: what each cut-off connection lost at its end; `doubled`: units replayed twice;
    `unexplained`: stretches without footage and without a cause; `rows`: facts that center and regency know otherwise;
    `unreadable`: Segments whose bytes are gone or others."""

    owed: int = 0
    lost: dict[str, list[int]] = field(default_factory=dict)
    tails_s: list[float] = field(default_factory=list)
    doubled: int = 0
    unexplained: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


async def judge(cluster: Cluster, start_ns: int, end_ns: int, *, http: httpx.AsyncClient | None = None) -> Verdict:
    """What was sent from start to end against what can be replayed at the center (or another node)."""
    found, asked = Verdict(), http or cluster.center.http
    for camera in cluster.registered:
        sends = read_sends(camera.sends, camera.slug, "main")
        have = await _have(asked, camera, start_ns, end_ns, found)
        _count(camera, sends, have, end_ns, found)
        await _explained(asked, camera, start_ns, end_ns, found)
    return found


async def newest_known(cluster: Cluster, end_ns: int, limit_s: float = 30.0) -> None:
    """Wait until the newest that was sent until then can be replayed and is accounted for at the center; who judges
    sees what is still missing after the limit."""
    until = time.monotonic() + limit_s
    for camera in cluster.registered:
        newest = max(read_sends(camera.sends, camera.slug, "main").owed(end_ns), default=None)
        while newest is not None and time.monotonic() < until:
            units = await replayable(cluster.center.http, camera.id, end_ns - 10 * NS, end_ns + 2 * NS)
            said = await coverage(cluster.center.http, camera.id, end_ns - 10 * NS, end_ns)
            late = any(gap["cause"] in {"unknown", "not_reported"} for gap in said["gaps"])
            if not late and any(unit.n == newest for unit in units):
                break
            await asyncio.sleep(1)


async def _have(http: httpx.AsyncClient, camera: Registered, start_ns: int, end_ns: int, found: Verdict) -> set[int]:
    have: set[int] = set()
    at_ns = start_ns - 10 * NS
    while at_ns < end_ns + 2 * NS:
        until_ns = min(end_ns + 2 * NS, at_ns + WINDOW_NS)
        numbers = [unit.n for unit in await replayable(http, camera.id, at_ns, until_ns)]
        found.doubled += len(numbers) - len(set(numbers))
        have.update(numbers)
        at_ns = until_ns
    return have


def _count(camera: Registered, sends: Sends, have: set[int], end_ns: int, found: Verdict) -> None:
    """Connections overlap where a Stream moves from node to node: what one of them lost, another may have."""
    owed = sends.owed(end_ns)
    found.owed += len(owed)
    missing = owed - have
    for units in sends.by_conn.values():
        kept = [n for n, _ in units if n in have]
        last = [n for n, _ in units if n in missing and n > max(kept, default=-1)]
        if last:
            since = max(kept, default=min(last))
            found.tails_s.append((sends.t_ns[max(last)] - sends.t_ns[since]) / NS)
            missing -= set(last)
    if missing:
        found.lost[camera.slug] = sorted(missing)


async def _explained(http: httpx.AsyncClient, camera: Registered, start_ns: int, end_ns: int, found: Verdict) -> None:
    said = await coverage(http, camera.id, start_ns, end_ns)
    found.unexplained += [
        f"{camera.slug} {gap['from']} to {gap['to']}: {gap['cause']}"
        for gap in said["gaps"]
        if gap["cause"] in {"unknown", "not_reported"}
    ]


async def coverage(http: httpx.AsyncClient, camera: str, start_ns: int, end_ns: int) -> dict[str, Any]:
    """The answer of the API, checked: recorded and Gaps share out the window, in order and without overlap."""
    answer = await http.get(
        f"/api/cameras/{camera}/coverage", params={"from": rfc3339(start_ns), "to": rfc3339(end_ns)}
    )
    said: dict[str, Any] = answer.raise_for_status().json()
    parts = sorted([*said["intervals"], *said["gaps"]], key=lambda part: part["from"])
    edges = [said["from"], *(part["to"] for part in parts)]
    assert [part["from"] for part in parts] == edges[:-1], said
    assert edges[-1] == said["to"], said
    return said


def site_rows(path: Path) -> Keys:
    """Facts of a site's catalogue: key to version."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as rows:
        found = {
            table: _keyed(columns, rows.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())
            for table, columns in KEYS.items()
        }
    rows.close()
    return found


async def center_rows(cluster: Cluster) -> Keys:
    """The same of the center's."""
    connection = await _connect(cluster)
    try:
        return {
            table: _keyed(columns, await connection.fetch(f"SELECT {', '.join(columns)} FROM {table}"))
            for table, columns in KEYS.items()
        }
    finally:
        await connection.close()


async def fetch(cluster: Cluster, statement: str) -> list[Any]:
    """Rows of the center's catalogue."""
    connection = await _connect(cluster)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def _connect(cluster: Cluster) -> Any:
    password, port = cluster.state.secrets["postgres"], cluster.state.port("postgres")
    return await asyncpg.connect(user="vms", password=password, host="127.0.0.1", port=port, database="vms")


def _keyed(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[tuple[Any, ...], int]:
    has_rev = columns[-1] == "rev"
    return {tuple(row)[: len(columns) - has_rev]: row[-1] if has_rev else 1 for row in rows}


def behind(here: Keys, there: Keys) -> list[str]:
    """What `here` is known and `there` not, or in an older version."""
    return [
        f"{table} {key} rev {rev}"
        for table, rows in here.items()
        for key, rev in rows.items()
        if there[table].get(key, 0) < rev
    ]


async def complete_after_s(cluster: Cluster, zones: Sequence[str], limit_s: float) -> float:
    """How long until the center has every row that these sites' catalogues have now; AssertionError after the limit."""
    started = time.monotonic()
    nodes = [name for zone in zones for name in cluster.nodes(zone)]
    here = [await asyncio.to_thread(site_rows, cluster.data(name) / "catalogue.db") for name in nodes]
    while True:
        there = await center_rows(cluster)
        late = [one for keys in here for one in behind(keys, there)]
        if not late:
            return time.monotonic() - started
        assert time.monotonic() - started < limit_s, late[:5]
        await asyncio.sleep(0.5)


async def check_rows(cluster: Cluster, found: Verdict, *, limit_s: float = 30.0) -> None:
    """At rest (nothing records any more): every fact at the center that a site has, in the same version."""
    zones = [site.slug for site in cluster.topology.sites]
    try:
        await complete_after_s(cluster, zones, limit_s)
    except AssertionError as error:
        found.rows.append(str(error)[:500])


async def check_objects(cluster: Cluster, found: Verdict) -> None:
    """Every closed Segment the center knows can be read whole and is what its row says."""
    rows = await fetch(cluster, "SELECT run, number, camera, sha256, size_bytes, state FROM segments")
    for row in rows:
        if row["state"] not in {"spooled", "stored"}:
            continue
        path = f"/api/cameras/{row['camera']}/segments/{row['run']}/{row['number']}.mp4"
        answer = await cluster.center.http.get(path)
        if answer.status_code != 200 or hashlib.sha256(answer.content).digest() != _digest(row["sha256"]):
            found.unreadable.append(f"{path}: {answer.status_code}, {len(answer.content)} of {row['size_bytes']} bytes")


def _digest(value: bytes | str) -> bytes:
    return bytes.fromhex(value) if isinstance(value, str) else bytes(value)
