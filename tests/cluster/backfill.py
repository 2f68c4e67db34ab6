"""An hour of footage that waits in a spool, and the uploader that brings it over a line: for the bench of lines.

Sizes are those of a camera of 1.5 Mb/s; the bytes are no pictures, and the same in every Segment.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import urllib3

from recorder.line_share import Shares
from recorder.pacing import Pacing, PacingOptions
from recorder.spool import Spool, SpoolOptions
from recorder.uploader import Uploader, UploaderOptions
from tests.cluster.line import Line
from tests.servers.nats import free_port
from tools.cluster.servers import minio_program
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Site, StreamName, StreamRef
from vms.domain.footage import Segment, SegmentState
from vms.line_meter import LineMeter
from vms.objects.base import ObjectStore
from vms.objects.pace import Pace
from vms.objects.s3 import S3Options, S3Store
from vms.store import Catalogue

SEGMENTS = 60
SEGMENT_BYTES = 11_250_000
NODE = "backfill"


@dataclass(frozen=True)
class Plan:
    """Where the Store is, and how the line is shared; `paced` False: as fast as it goes. It begins once there is a file
    `go` in the folder."""

    folder: str
    endpoint: str
    access_key: str
    secret_key: str
    line_bytes_per_s: float
    of_line: float = 0.6
    of_rest: float = 0.8
    paced: bool = True

    def pacing(self, clock: Clock, pace: Pace, meter: LineMeter) -> Pacing:
        """As a node of a Site has it, alone at its Site."""
        options = PacingOptions(self.line_bytes_per_s, Shares(self.of_line, self.of_rest))
        return Pacing(clock, paces={"home": pace}, own=lambda: meter.bytes_per_s, others=list, options=options)


@contextlib.asynccontextmanager
async def center_store(folder: Path, address: str, line: Line) -> AsyncIterator[Plan]:
    """A MinIO in the center that the line leads to."""
    port, user, secret = free_port(), "vms", "only-in-this-bench"
    where = [f"--address={address}:{port}", f"--console-address=127.0.0.1:{free_port()}"]
    command = [minio_program(), "server", "--quiet", *where, str(folder / "minio")]
    environment = {**os.environ, "MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": secret}
    environment |= {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "HOME": str(folder), "GOMAXPROCS": "1"}
    with (folder / "minio.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
    endpoint = f"http://{address}:{port}"
    try:
        await asyncio.to_thread(_answers, endpoint)
        yield Plan(str(folder / "node"), endpoint, user, secret, line.rate_bps / 8)
    finally:
        process.terminate()
        await process.wait()


def _answers(endpoint: str) -> None:
    retry = urllib3.Retry(60, backoff_factor=0.1, backoff_max=0.5, status_forcelist=(503,))
    with urllib3.PoolManager(retries=retry, timeout=2.0) as http:
        assert http.request("GET", f"{endpoint}/minio/health/live").status == 200


def plan_of(plan: Plan) -> dict[str, object]:
    """As it is given to the node."""
    return asdict(plan)


def stored_segments(folder: Path) -> int:
    """How many the node's catalogue says are in the Store."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'vms.db'}?mode=ro", uri=True)) as catalogue:
        (count,) = catalogue.execute("SELECT count(*) FROM copies WHERE state = 'verified'").fetchone()
    return int(count)


@contextlib.asynccontextmanager
async def uploading(said: Mapping[str, object], bus: Bus, clock: Clock, meter: LineMeter) -> AsyncIterator[None]:
    """The node's part, until the block ends: its spool is filled at once."""
    plan = Plan(**said)  # type: ignore[arg-type]  # as plan_of has it
    folder = Path(plan.folder)
    folder.mkdir(parents=True)
    pace = Pace()
    options = S3Options(plan.endpoint, "footage", plan.access_key, plan.secret_key, pace=pace)
    stores: dict[str, ObjectStore] = {"home": S3Store("home", options)}
    catalogue = await Catalogue.open(f"sqlite:///{folder / 'vms.db'}", key=bytes(32))
    spool = Spool(SpoolOptions(folder / "spool"))
    await _fill(catalogue, spool, clock)
    uploader = Uploader(
        clock,
        catalogue=catalogue,
        bus=bus,
        spool=spool,
        stores=stores,
        options=UploaderOptions(NODE, paced=frozenset(stores)),
    )
    services = [uploader, *([plan.pacing(clock, pace, meter)] if plan.paced else [])]

    async def run() -> None:
        while not (folder / "go").exists():
            await clock.sleep(0.2)
        await asyncio.gather(*(service.run() for service in services))

    running = asyncio.create_task(run())
    try:
        yield
    finally:
        for service in services:
            service.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await catalogue.close()


async def _fill(catalogue: Catalogue, spool: Spool, clock: Clock) -> None:
    """An hour that ended now."""
    data = random.Random(1).randbytes(SEGMENT_BYTES)
    sha256, stream = hashlib.sha256(data).hexdigest(), StreamRef("backfill", StreamName.MAIN)
    await catalogue.sites.put(Site("site", "sampit", "Sampit"))
    first: Path | None = None
    for number in range(SEGMENTS):
        start_ns = clock.now_ns() - (SEGMENTS - number) * 60 * NS_PER_S
        segment = Segment(
            "runbackfill", number, stream, "site", NODE, 1, start_ns, start_ns + 60 * NS_PER_S, SegmentState.SPOOLED,
            size_bytes=len(data), sha256=sha256, leaf_root="00" * 32, previous_root="00" * 32 if number else "",
        )  # fmt: skip
        path = spool.path(segment.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        if first is None:
            path.write_bytes(data)
        else:
            os.link(first, path)
        first = first or path
        await catalogue.segments.put(segment)
