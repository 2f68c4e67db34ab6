"""B10: coverage and timeline out of a PostgreSQL catalogue of ten million Segments. VMS_BENCH_SEGMENTS: another number.

Rows lie in the table as they would have come: minute after minute, each camera's beside those of all others; a Run of
six hours, half a minute of Gap, the next Run. The oldest tenth has expired; the newest day has its fragment indices.
PostgreSQL runs with its own settings; rows were vacuumed once, but for half of the newest day where that is said. All
that was written is deleted in the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from recorder.playback import Playback
from tests.bench.report import Row, percentile
from tests.servers.postgres import PostgresServer, running_postgres
from tests.store.samples import INFO, SITE, T0, fragments
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.domain.interval import Interval
from vms.store.catalogue import Catalogue
from vms.store.fragments import pack
from vms.store.runs import _track_value

SEGMENTS = int(os.environ.get("VMS_BENCH_SEGMENTS", "10000000"))
COVERAGES, TIMELINES, TILES = 400, 200, 16
CAMERAS = 200
SEGMENT_S, RUN_SEGMENTS, GAP_S, DAY_S = 60, 360, 30, 86_400
DAY_SEGMENTS = DAY_S // SEGMENT_S
_AT_ONCE = 250_000
_KEY = bytes(32)

# k: which Segment of its camera, from 0; c: which camera. Same Runs on all; ids as random as real ones are.
_START = f"{T0} + (k * {SEGMENT_S} + k / {RUN_SEGMENTS} * {GAP_S}) * {NS_PER_S}::bigint + c * 290000000::bigint"
_RUN = f"substr(md5(c || '.' || k / {RUN_SEGMENTS}), 1, 16)"
_CAMERA = "'c' || lpad(c::text, 15, '0')"

_SEGMENTS = """
    INSERT INTO segments
    SELECT {run}, k % {per_run}, {camera}, 'main', '{site}', 'nnnnnnnnnnnnnnnn', 1, ({start})::bigint,
           ({start})::bigint + {segment_ns}, CASE WHEN k < {expired} THEN 'expired' ELSE 'stored' END, 800,
           11000000 + (k * 7919 + c) % 100000, sha256(int8send(k * 1000 + c)), sha256(int8send(k * 1000 + c + 1)),
           sha256(int8send(k * 1000 + c + 2)), k % {per_run} * 30, 30, 3
    FROM (SELECT i / {cameras} AS k, i % {cameras} AS c FROM generate_series({first}::bigint, {last}) AS i) AS numbers
"""
_INDICES = """
    INSERT INTO fragment_indexes
    SELECT {run}, k % {per_run}, '\\x{packed}'::bytea
    FROM (SELECT i / {cameras} AS k, i % {cameras} AS c FROM generate_series({first}::bigint, {last}) AS i) AS numbers
"""
_RUNS = """
    INSERT INTO runs
    SELECT {run}, {camera}, 'main', '{site}', 'nnnnnnnnnnnnnnnn', 1, '{tracks}'::json, ({start})::bigint,
           ({start})::bigint + {run_ns}, 'stream_stalled', ({start})::bigint, NULL, 'boot', 5, ({start})::bigint, true,
           -3, NULL, 2
    FROM (SELECT r * {per_run} AS k, c FROM generate_series(0, {runs} - 1) AS r, generate_series(0, {cameras} - 1) AS c)
         AS numbers
"""
_GAPS = """
    INSERT INTO gaps
    SELECT substr(md5('gap' || c || '.' || k), 1, 16), {camera}, 'main', '{site}', 'nnnnnnnnnnnnnnnn',
           ({start})::bigint + {run_ns}, ({start})::bigint + {run_ns} + {gap_ns}, 'stream_stalled', 'closed', 2
    FROM (SELECT r * {per_run} AS k, c FROM generate_series(0, {runs} - 2) AS r, generate_series(0, {cameras} - 1) AS c)
         AS numbers
"""


@dataclass
class Shelf:
    """A catalogue that was filled, and who reads it."""

    server: PostgresServer
    catalogue: Catalogue
    playback: Playback
    cameras: Sequence[str]
    window: Interval
    filled_s: float = 0.0

    def day(self, chance: random.Random) -> Interval:
        """Some 24 hours of it."""
        span_ns = self.window.duration_ns - DAY_S * NS_PER_S
        start_ns = self.window.start_ns + chance.randrange(max(1, span_ns))
        return Interval(start_ns, start_ns + DAY_S * NS_PER_S)

    async def coverage(self, camera_id: str, day: Interval) -> float:
        """How long it takes, in milliseconds. The answer must be whole."""
        began = time.perf_counter()
        found = await self.playback.coverage(camera_id, StreamName.MAIN, day)
        took_ms = (time.perf_counter() - began) * 1e3
        assert found.window == day
        missing_ns = sum(gap.end_ns - gap.start_ns for gap in found.gaps)
        assert found.recorded_ns + missing_ns == day.duration_ns
        assert found.gaps
        return took_ms


@asynccontextmanager
async def filled(folder: Path, segments: int, cameras: int = CAMERAS) -> AsyncIterator[Shelf]:
    """A server with so many Segments, shared out over so many cameras."""
    async with running_postgres(folder) as server:
        per_camera = max(2 * DAY_SEGMENTS, segments // cameras)
        runs = -(-per_camera // RUN_SEGMENTS)
        end_ns = T0 + (per_camera * SEGMENT_S + (runs - 1) * GAP_S) * NS_PER_S
        catalogue = await Catalogue.open(server.url, key=_KEY, clock=ManualClock(end_ns))
        try:
            ids = await _registered(catalogue, cameras)
            began = time.monotonic()
            for sql in _fill(cameras, per_camera, runs):
                await asyncio.to_thread(server.psql, sql)
            # A month in four minutes: what the server itself does in a month is made up for.
            for sql in ("VACUUM ANALYZE", "CHECKPOINT"):
                await asyncio.to_thread(server.psql, sql)
            # Two hours later: the recorder is not asked for what it still writes.
            playback = Playback(catalogue, {}, MemoryBus(), ManualClock(end_ns + 2 * 3600 * NS_PER_S))
            window = Interval(T0 + cameras * NS_PER_S, end_ns)
            yield Shelf(server, catalogue, playback, ids, window, time.monotonic() - began)
            await playback.close()
        finally:
            await catalogue.close()


async def _registered(catalogue: Catalogue, count: int) -> list[str]:
    await catalogue.sites.put(SITE)
    ids = [f"c{c:015}" for c in range(count)]
    for camera_id in ids:
        stream = Stream(StreamRef(camera_id, StreamName.MAIN), "rtsp://192.0.2.1/main")
        await catalogue.cameras.add(Camera(camera_id, SITE.id, camera_id, camera_id, (stream,), registered_ns=T0))
    return ids


def _fill(cameras: int, per_camera: int, runs: int) -> list[str]:
    """Statements, each a few seconds long."""
    total = cameras * per_camera
    values = {
        "run": _RUN, "camera": _CAMERA, "start": _START, "site": SITE.id, "cameras": cameras, "runs": runs,
        "per_run": RUN_SEGMENTS, "segment_ns": SEGMENT_S * NS_PER_S, "gap_ns": GAP_S * NS_PER_S,
        "run_ns": RUN_SEGMENTS * SEGMENT_S * NS_PER_S, "expired": per_camera // 10, "packed": pack(fragments()).hex(),
        "tracks": json.dumps([_track_value(track) for track in INFO.tracks]),
    }  # fmt: skip
    made = [_RUNS.format(**values), _GAPS.format(**values)]
    for sql, start in ((_SEGMENTS, 0), (_INDICES, total - cameras * DAY_SEGMENTS)):
        firsts = range(start, total, _AT_ONCE)
        made += [sql.format(**values, first=at, last=min(at + _AT_ONCE, total) - 1) for at in firsts]
    return made


async def coverages(shelf: Shelf, count: int) -> list[float]:
    """Milliseconds of one camera and day after the other."""
    chance = random.Random(1)
    return [await shelf.coverage(chance.choice(shelf.cameras), shelf.day(chance)) for _ in range(count)]


async def timelines(shelf: Shelf, count: int) -> list[float]:
    """Milliseconds until the last of 16 cameras, asked for at once, of the same day."""
    chance, found = random.Random(2), []
    for _ in range(count):
        day, chosen = shelf.day(chance), chance.sample(shelf.cameras, TILES)
        began = time.perf_counter()
        await asyncio.gather(*(shelf.coverage(camera_id, day) for camera_id in chosen))
        found.append((time.perf_counter() - began) * 1e3)
    return found


async def newest(shelf: Shelf, count: int) -> list[float]:
    """Milliseconds of one camera and the newest day, half of which vacuum has not seen since it was written."""
    start_ns = shelf.window.end_ns - DAY_S * NS_PER_S
    fresh = "UPDATE segments SET state = 'stored', rev = rev + 1 WHERE start_ns >= {} AND state = 'stored'"
    await asyncio.to_thread(shelf.server.psql, fresh.format(start_ns + DAY_S // 2 * NS_PER_S))
    chance, day = random.Random(3), Interval(start_ns, shelf.window.end_ns)
    return [await shelf.coverage(chance.choice(shelf.cameras), day) for _ in range(count)]


async def ten_million(folder: Path) -> Sequence[Row]:
    """B10."""
    async with filled(folder, SEGMENTS) as shelf:
        size = int(await asyncio.to_thread(shelf.server.psql, "SELECT pg_database_size('vms')")) / 1e9
        rows = int(await asyncio.to_thread(shelf.server.psql, "SELECT count(*) FROM segments"))
        await coverages(shelf, 5)
        one, many = await coverages(shelf, COVERAGES), await timelines(shelf, TIMELINES)
        last = await newest(shelf, COVERAGES)
    what = f"coverage, one camera and day of {rows} Segments (bar 20)"
    wall = f"timeline, {TILES} cameras and a day (bar 200)"
    return [
        Row("B10.coverage.p95", what, percentile(one, 0.95), "ms", len(one)),
        Row("B10.coverage.p50", "the same, median", percentile(one, 0.5), "ms", len(one)),
        Row(
            "B10.newest.p95",
            "coverage of the newest day, half of it not vacuumed",
            percentile(last, 0.95),
            "ms",
            len(last),
        ),
        Row("B10.timeline.p95", wall, percentile(many, 0.95), "ms", len(many)),
        Row("B10.timeline.p50", "the same, median", percentile(many, 0.5), "ms", len(many)),
        Row("B10.size", f"the database, filled in {shelf.filled_s:.0f} s", size, "GB", 1),
    ]
