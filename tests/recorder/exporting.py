"""An exporter over a shelf of Segments: footage in, packages out, with the Checkpoints that vouch for them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from recorder.checkpoints import CheckpointOptions, Checkpoints
from recorder.export_job import ExportParts
from recorder.export_plan import Planner
from recorder.export_proof import CheckpointSearch
from recorder.exporter import BLOCK_BYTES, Exporter, ExporterOptions, package_subject
from recorder.playback import Playback, PlaybackOptions
from tests.recorder.shelf import Shelf
from tests.recorder.synth import CAMERA, NODE, START_NS
from vms.bus.base import Value
from vms.clock import NS_PER_S, SystemClock
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from vms.domain.job import Job, JobKind
from vms.domain.person import Person
from vms.objects.folder import FolderStore
from vms.proof.certificate import certificate
from vms.proof.keys import NodeKey

PERSON = "person2222222222"


class At(SystemClock):
    """The real clock, said to be two hours after the footage began."""

    def __init__(self) -> None:
        super().__init__()
        self._off_ns = START_NS + 7200 * NS_PER_S - super().now_ns()

    def now_ns(self) -> int:
        return super().now_ns() + self._off_ns


@dataclass
class Exports:
    """`key`: of the node, certified by `installation`."""

    shelf: Shelf
    folder: Path
    key: NodeKey
    installation: NodeKey
    exporter: Exporter
    checkpoints: Checkpoints

    async def ask(
        self,
        interval: Interval,
        *,
        cameras: Iterable[str] = (CAMERA,),
        reason: str = "Kasus 12",
        derivative: dict[str, Any] | None = None,
    ) -> Job:
        """Queue an export."""
        asked: dict[str, Any] = {
            "cameras": list(cameras),
            "from_ns": interval.start_ns,
            "to_ns": interval.end_ns,
            "stream": "main",
            "reason": reason,
        }
        if derivative is not None:
            asked["derivative"] = derivative
        job = Job(new_id(), JobKind.EXPORT, PERSON, asked, At().now_ns())
        await self.shelf.catalogue.jobs.add(job)
        self.shelf.bus.publish("job.queued", {"job": job.id})
        return job

    async def ended(self, job: Job, limit_s: float = 60) -> Job:
        """Wait for its end."""
        async with asyncio.timeout(limit_s):
            while True:
                found = await self.shelf.catalogue.jobs.get(job.id)
                assert found is not None
                if found.state.is_end:
                    return found
                await asyncio.sleep(0.01)

    async def package(self, interval: Interval, path: Path, **options: Any) -> Path:
        """An export of an interval, as the ZIP that a browser gets."""
        done = await self.ended(await self.ask(interval, **options))
        assert done.state == "done", done.why
        return await self.download(done, path)

    async def download(self, job: Job, path: Path) -> Path:
        """The ZIP, over the bus."""
        with path.open("wb") as file:
            for offset in range(0, job.result["size_bytes"], 400_000):
                value = {"job": job.id, "offset": offset, "length": 400_000}
                answer = await self.shelf.bus.request(package_subject(NODE), value)
                file.write(answer["data"])
        assert path.stat().st_size == job.result["size_bytes"]
        return path


@asynccontextmanager
async def exports(folder: Path, shelf: Shelf | None = None) -> AsyncIterator[Exports]:
    """A running exporter; the shelf is made where none is given."""
    made = shelf or await Shelf.build(folder, {"home": FolderStore("home", folder / "objects")}, NODE)
    clock, key, installation = At(), NodeKey.of_seed(hashlib.sha256(b"node").digest()), NodeKey.of_seed(bytes(32))
    await made.catalogue.people.put(Person(PERSON, "ratna", "Ratna <Penyidik>", "-"))
    made.catalogue.unsigned.keep(NODE)
    word = certificate(installation, NODE, key.public)
    options = CheckpointOptions(NODE, folder / "checkpoints", certificate=word)
    checkpoints = Checkpoints(
        clock, catalogue=made.catalogue, bus=made.bus, stores=made.stores, key=key, options=options
    )
    checkpoints._executor = ThreadPoolExecutor(1)
    await checkpoints._prepare()

    async def asked(_value: Value) -> Value:
        await checkpoints.make()
        return {"waiting": await checkpoints.send()}

    served = made.bus.serve(f"recorder.checkpoint.{NODE}", asked)
    playback = Playback(
        made.catalogue, made.stores, made.bus, clock, PlaybackOptions(hot_s=8000, block_bytes=BLOCK_BYTES)
    )

    def parts(pool: ThreadPoolExecutor) -> ExportParts:
        search = CheckpointSearch(made.catalogue, made.stores, made.bus, partial(_on, pool))
        planner = Planner(playback, made.bus, clock, wait_s=5.0)
        return ExportParts(made.catalogue, playback, planner, search, clock, key, NODE, pool)

    exporter = Exporter(
        clock,
        catalogue=made.catalogue,
        bus=made.bus,
        parts=parts,
        options=ExporterOptions(NODE, folder / "exports", look_s=0.2),
        close=playback.close,
    )
    found = Exports(made, folder / "exports", key, installation, exporter, checkpoints)
    task = asyncio.create_task(exporter.run())
    try:
        yield found
    finally:
        exporter.stop()
        await task
        served.close()
        checkpoints._executor.shutdown()
        if shelf is None:
            await made.close()


async def _on(pool: ThreadPoolExecutor, work: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(pool, work)
