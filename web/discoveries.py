"""Looking for cameras as Jobs of this web node: it asks the site's node for one look after the other, so that progress
is told and a cancelled one ends with the look that is under way. Nothing that is found is registered by itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.job import WHOLE_PPM, Job, JobKind, JobState
from vms.errors import InputError, NoResponderError, TooManyError, VmsError
from vms.store.catalogue import Catalogue
from web.uncut import uncut

LOOK_S = 40.0
KEPT_NS = 24 * 3600 * NS_PER_S
LONGEST_NS = 30 * 60 * NS_PER_S
FOUND_MAX = 2_048
EACH = 64
RUNNING_MAX = 4


async def ask_at(
    bus: Bus, catalogue: Catalogue, what: str, site: str | None, request: Value, timeout_s: float
) -> Value:
    """By a node of the Site, or of one above it. Without a Site: by any, where there is one machine."""
    sites = {known.id: known for known in await uncut(catalogue.sites.list())}
    at = None if site is None else sites.get(site)
    if site is not None and at is None:
        raise InputError("There is no such site.", field="site", reason="site_gone")
    while at is not None:
        above = None if at.parent is None else sites.get(at.parent)
        try:
            return await bus.request(f"ingest.{what}.{at.slug}", request, timeout_s=timeout_s)
        except NoResponderError:
            if above is None:
                raise
        at = above
    return await bus.request(f"ingest.{what}.any", request, timeout_s=timeout_s)


class Discoveries:
    """Those that run here. `spawn` runs work beside the requests."""

    def __init__(
        self, catalogue: Catalogue, bus: Bus, clock: Clock, spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._catalogue, self._bus, self._clock, self._spawn = catalogue, bus, clock, spawn
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._elsewhere: dict[str, int] = {}

    async def begin(self, job: Job) -> None:
        """Keep a new Job and run it. TooManyError."""
        if len(self._found) >= RUNNING_MAX:
            raise TooManyError("Cameras are being looked for already.", hint="Wait for it.", reason="discoveries_many")
        self._found[job.id], self._elsewhere[job.id] = [], 0
        try:
            await self._catalogue.jobs.forget(JobKind.DISCOVERY, self._clock.now_ns() - KEPT_NS)
            await self._catalogue.jobs.add(job)
        except BaseException:
            self._forget(job.id)
            raise
        self._spawn(self._run(job))

    async def get(self, job_id: str) -> Job | None:
        """As it is now, what was found so far too; one whose node was stopped has failed."""
        job = await self._catalogue.jobs.get(job_id)
        if job is None or job.kind is not JobKind.DISCOVERY:
            return None
        is_late = self._clock.now_ns() - job.created_ns > LONGEST_NS
        if not job.state.is_end and job.id not in self._found and is_late:
            words = "The node that looked was stopped."
            await self._catalogue.jobs.failed(job.id, words, reason="discovery_ended", now_ns=self._clock.now_ns())
            job = await self._catalogue.jobs.get(job_id)
        return job

    def so_far(self, job: Job) -> tuple[list[dict[str, Any]], int]:
        """What was found, and how many answers were not believed."""
        if job.id in self._found:
            return self._found[job.id], self._elsewhere[job.id]
        return list(job.result.get("found", ())), int(job.result.get("elsewhere", 0))

    async def _run(self, job: Job) -> None:
        jobs = self._catalogue.jobs
        try:
            if await self._look_all(job):
                now_ns = self._clock.now_ns()
                result = {"found": self._found[job.id], "elsewhere": self._elsewhere[job.id]}
                await jobs.done(job.id, result, now_ns, now_ns + KEPT_NS)
        except VmsError as error:
            await jobs.failed(job.id, logs.redact(error.message), error.reason, self._clock.now_ns())
        finally:
            self._forget(job.id)

    async def _look_all(self, job: Job) -> bool:
        """False: it was cancelled."""
        asked = job.asked
        addresses: Sequence[str] = asked["addresses"]
        looks: list[Value] = [{"multicast": True}] if asked["multicast"] else []
        looks += [
            {"addresses": list(addresses[start : start + EACH]), "ports": list(asked["ports"])}
            for start in range(0, len(addresses), EACH)
        ]
        for number, look in enumerate(looks, 1):
            answer = await ask_at(self._bus, self._catalogue, "discover", asked["site"], look, LOOK_S)
            self._take(job.id, answer)
            if not await self._catalogue.jobs.progress(job.id, WHOLE_PPM * number // len(looks)):
                return False
        return True

    def _take(self, job_id: str, answer: Value) -> None:
        found = self._found[job_id]
        known = {(one["address"], one["url"]) for one in found}
        new = [one for one in answer["found"] if (one["address"], one["url"]) not in known]
        found += new[: FOUND_MAX - len(found)]
        self._elsewhere[job_id] += int(answer.get("elsewhere", 0))

    def _forget(self, job_id: str) -> None:
        self._found.pop(job_id, None)
        self._elsewhere.pop(job_id, None)


def new_job(job_id: str, person: str, asked: dict[str, Any], now_ns: int) -> Job:
    """A Job that runs at once: nobody queues for it."""
    return Job(job_id, JobKind.DISCOVERY, person, asked, now_ns, JobState.RUNNING, started_ns=now_ns)
