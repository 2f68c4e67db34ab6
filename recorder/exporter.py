"""The Service that makes Exports: takes queued Jobs, a few at a time, and keeps packages until their time is over.

Event loop; footage is read as playback reads it, and written below `folder/<job>` on an executor. A Job that a restart
cut off goes on with the first file that was not finished. Whoever is asked for a package reads it over the bus from the
Node that made it, so that any web node serves it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from recorder.export_job import ExportParts, ExportWork, JobCancelledError
from recorder.export_wait import Place
from recorder.package import is_settled, read_zip, settle, zip_layout
from recorder.zip_layout import ZipLayout
from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.ids import is_id
from vms.domain.job import Job, JobKind
from vms.errors import CatalogueError, InputError, ObjectError, VmsError
from vms.service import Service
from vms.store import Catalogue

log = logs.get(__name__)

READ_BYTES = 400_000
"""Of a package in one answer: NATS carries 1 MB in a message."""
BLOCK_BYTES = 4 << 20
"""Of footage in one read, where it does not cross a line."""
_DAY_NS = 86_400 * NS_PER_S
_FAILURES = (VmsError, OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""Whatever footage makes of the work ends that Job alone; else it would begin again for ever, and all others wait."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ExporterOptions:
    """`folder`: where packages are; `at_once`: how many are made at a time; `keep_days`: for how long one is kept;
    `rows_days`: for how long it is known that there was one."""

    node: str
    folder: Path
    at_once: int = 2
    keep_days: int = 14
    rows_days: int = 400
    look_s: float = 5.0


def package_subject(node: str) -> str:
    """Whom to ask for bytes of a package."""
    return f"exports.read.{node}"


class Exporter(Service):
    """Service `exporter`."""

    name = "exporter"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        parts: Callable[[Executor], ExportParts],
        options: ExporterOptions,
        close: Callable[[], Any] | None = None,
    ) -> None:
        """`parts`: what a Job works with, given the executor. `close`: awaited at the end, where given."""
        super().__init__(clock)
        self._catalogue = catalogue
        self._bus = bus
        self._options = options
        self._closing = close
        self._pool = ThreadPoolExecutor(2 + 2 * options.at_once, thread_name_prefix="exporter")
        self._parts = parts(self._pool)
        self._wake = asyncio.Event()
        self._layouts: dict[str, ZipLayout] = {}

    async def run_once(self) -> None:
        """Make packages until stopped."""
        await self._blocking(partial(self._options.folder.mkdir, parents=True, exist_ok=True))
        await self._catalogue.jobs.again(JobKind.EXPORT, self._options.node)
        for job in await self._catalogue.jobs.with_result(JobKind.EXPORT, self._options.node):
            if not await self._blocking(partial(is_settled, self._options.folder / job.id)):
                await self._catalogue.jobs.anew(job.id)
        with ExitStack() as stack:
            told = self._bus.subscribe("job.queued")
            stack.callback(told.close)
            stack.callback(self._bus.serve(package_subject(self._options.node), self._read).close)
            self.ready()
            duties = [
                asyncio.create_task(duty)
                for duty in (
                    self.stopping.wait(),
                    self._listen(told),
                    self._tidy(),
                    self._work(),
                )
            ]
            try:
                done, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for duty in duties:
                    duty.cancel()
                await asyncio.gather(*duties, return_exceptions=True)
            for task in done:
                task.result()

    async def close(self) -> None:
        """Let threads and readers go."""
        if self._closing is not None:
            await self._closing()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _listen(self, told: Any) -> None:
        while True:
            await told.get()
            self._wake.set()

    async def _work(self) -> None:
        """Take Jobs while there is a place; one that waits for a line leaves its own to others."""
        places = asyncio.Semaphore(self._options.at_once)
        async with asyncio.TaskGroup() as group:
            while True:
                await places.acquire()
                self._wake.clear()
                job = await self._catalogue.jobs.take(JobKind.EXPORT, self._options.node, self.clock.now_ns())
                if job is not None:
                    group.create_task(self._do(job, Place(places)))
                    continue
                places.release()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._options.look_s):
                        await self._wake.wait()

    async def _do(self, job: Job, place: Place) -> None:
        try:
            await self._make(job, place)
        finally:
            place.leave()

    async def _make(self, job: Job, place: Place) -> None:
        folder = self._options.folder / job.id
        try:
            result = await ExportWork(job, folder, self._parts, place).run()
        except JobCancelledError:
            await self._blocking(partial(shutil.rmtree, folder, ignore_errors=True))
            return
        except _FAILURES as error:
            await self._failed(job, folder, error)
            return
        now_ns = self.clock.now_ns()
        kept = await self._catalogue.jobs.done(job.id, result, now_ns, now_ns + self._options.keep_days * _DAY_NS)
        if kept:
            names = ("manifest_sha256", "signer", "size_bytes", "left_out_count")
            asked = {name: job.asked[name] for name in ("cameras", "from_ns", "to_ns", "stream", "reason")}
            about = {**asked, **{name: result[name] for name in names}}
            with suppress(CatalogueError):  # the package is there, and so is the line of who asked for it
                await self._catalogue.audit.add(job.person, "export.done", job.id, about)
        else:
            await self._blocking(partial(shutil.rmtree, folder, ignore_errors=True))
        self._bus.publish("job.changed", {"job": job.id})
        with suppress(OSError):  # cancelled and removed meanwhile
            await self._blocking(partial(settle, folder))

    async def _failed(self, job: Job, folder: Path, error: Exception) -> None:
        why, reason = f"{type(error).__name__}", ""
        if isinstance(error, OSError):
            error = ObjectError(f"the disk of the packages: {error.strerror}", reason="export_disk")
        if isinstance(error, VmsError):
            why, reason = f"{error.message}. {error.hint}".strip(), error.reason
        else:
            log.error("an export failed", job=job.id, exc_info=error)
        await self._blocking(partial(shutil.rmtree, folder, ignore_errors=True))
        await self._catalogue.jobs.failed(job.id, logs.redact(why), reason, self.clock.now_ns())
        self._bus.publish("job.changed", {"job": job.id})

    async def _tidy(self) -> None:
        """Remove packages whose time is over, and what Jobs left that ended otherwise."""
        jobs = self._catalogue.jobs
        while True:
            now_ns = self.clock.now_ns()
            for job in await jobs.expired(JobKind.EXPORT, self._options.node, now_ns):
                await self._blocking(partial(shutil.rmtree, self._options.folder / job.id, ignore_errors=True))
                self._layouts.pop(job.id, None)
                await jobs.emptied(job.id)
            for name in await self._blocking(self._folders):
                known = await jobs.get(name) if is_id(name) else None
                gone = known is None or (known.state.is_end and not known.result)
                if gone and is_id(name):
                    await self._blocking(partial(shutil.rmtree, self._options.folder / name, ignore_errors=True))
                    self._layouts.pop(name, None)
            await jobs.forget(JobKind.EXPORT, now_ns - self._options.rows_days * _DAY_NS)
            await self.clock.sleep(60.0)

    def _folders(self) -> list[str]:
        return [path.name for path in self._options.folder.iterdir() if path.is_dir()]

    async def _read(self, value: Value) -> Value:
        job, offset, length = value.get("job"), value.get("offset"), value.get("length")
        if not isinstance(job, str) or not is_id(job) or not isinstance(offset, int) or not isinstance(length, int):
            raise InputError("a range of a package needs job, offset and length")
        if offset < 0 or not 0 <= length <= READ_BYTES:
            raise InputError(f"a range may have {READ_BYTES} bytes", field="length")
        return {"data": await self._blocking(partial(self._bytes, job, offset, length))}

    def _bytes(self, job: str, offset: int, length: int) -> bytes:
        folder = self._options.folder / job
        layout = self._layouts.get(job)
        if layout is None:
            layout = self._layouts[job] = zip_layout(folder)
        return read_zip(folder, layout, offset, length)

    async def _blocking(self, work: partial[_T] | Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
