"""Rows of Jobs. Each lives in the catalogue of the Node that was asked, and of those that share it.

What ends a Job is one conditional UPDATE: whoever comes second changes nothing and is told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, or_, select, update

from vms.domain.case import EXPORTS_KEPT_NS
from vms.domain.job import WHOLE_PPM, Job, JobKind, JobState
from vms.store.database import Database
from vms.store.tables import cases, jobs

Place = tuple[int, str]
"""Where a list goes on: created_ns and id of the last Job that was read."""

_UNDER_WAY = (JobState.QUEUED.value, JobState.RUNNING.value)


class Jobs:
    """Long work."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, job: Job) -> None:
        """Queue a new one."""
        values = {
            "id": job.id,
            "kind": job.kind.value,
            "person": job.person,
            "asked": dict(job.asked),
            "created_ns": job.created_ns,
            "state": job.state.value,
            "node": job.node,
            "progress_ppm": job.progress_ppm,
            "started_ns": job.started_ns,
            "ended_ns": job.ended_ns,
            "expires_ns": job.expires_ns,
            "result": dict(job.result),
            "why": job.why,
            "reason": job.reason,
            "case": job.case,
        }
        async with self._db.write() as connection:
            await connection.execute(insert(jobs), values)

    async def get(self, job_id: str) -> Job | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(jobs).where(jobs.c.id == job_id))).first()
        return None if row is None else _job(row)

    async def newest(
        self, kind: JobKind, limit: int, after: Place | None = None, *, case: str | None = None
    ) -> list[Job]:
        """Newest first, at most `limit`; `after`: those that come behind this place; `case`: of this Case alone."""
        c = jobs.c
        statement = select(jobs).where(c.kind == kind.value).order_by(c.created_ns.desc(), c.id.desc()).limit(limit)
        if case is not None:
            statement = statement.where(c.case == case)
        if after is not None:
            at_ns, job_id = after
            statement = statement.where(or_(c.created_ns < at_ns, and_(c.created_ns == at_ns, c.id < job_id)))
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [_job(row) for row in rows]

    async def under_way(self, kind: JobKind, person: str | None = None) -> int:
        """How many are queued or run, of a Person or of all."""
        statement = select(func.count()).where(jobs.c.kind == kind.value, jobs.c.state.in_(_UNDER_WAY))
        if person is not None:
            statement = statement.where(jobs.c.person == person)
        async with self._db.read() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def take(self, kind: JobKind, node: str, now_ns: int) -> Job | None:
        """The oldest that is queued becomes this Node's; None where none is."""
        oldest = (
            select(jobs)
            .where(jobs.c.kind == kind.value, jobs.c.state == JobState.QUEUED.value)
            .order_by(jobs.c.created_ns, jobs.c.id)
            .limit(1)
        )
        async with self._db.write() as connection:
            await self._db.alone(connection, "jobs")
            row = (await connection.execute(oldest)).first()
            if row is None:
                return None
            taken = {"state": JobState.RUNNING.value, "node": node, "started_ns": row.started_ns or now_ns}
            await connection.execute(update(jobs).where(jobs.c.id == row.id).values(**taken))
        return await self.get(row.id)

    async def again(self, kind: JobKind, node: str) -> int:
        """What this Node ran when it went down is queued anew; says how many."""
        mine = (jobs.c.kind == kind.value, jobs.c.node == node, jobs.c.state == JobState.RUNNING.value)
        async with self._db.write() as connection:
            done = await connection.execute(update(jobs).where(*mine).values(state=JobState.QUEUED.value))
            return int(done.rowcount)

    async def with_result(self, kind: JobKind, node: str) -> list[Job]:
        """Of this Node, those of which something is kept."""
        mine = (jobs.c.kind == kind.value, jobs.c.node == node, jobs.c.state == JobState.DONE.value)
        async with self._db.read() as connection:
            rows = await connection.execute(select(jobs).where(*mine))
        return [found for found in map(_job, rows) if found.result]

    async def anew(self, job_id: str) -> None:
        """What came of it did not outlive a power failure: it is queued again."""
        values: dict[str, Any] = {"state": JobState.QUEUED.value, "result": {}, "ended_ns": None, "expires_ns": None}
        done = (jobs.c.id == job_id, jobs.c.state == JobState.DONE.value)
        async with self._db.write() as connection:
            await connection.execute(update(jobs).where(*done).values(**values))

    async def progress(self, job_id: str, progress_ppm: int, why: str = "", reason: str = "") -> bool:
        """How far it is, and why it waits; False where it does not run any more."""
        share = min(WHOLE_PPM, max(0, progress_ppm))
        return await self._running(job_id, {"progress_ppm": share, "why": why, "reason": reason})

    async def done(self, job_id: str, result: Mapping[str, Any], now_ns: int, expires_ns: int | None) -> bool:
        """It ended well; False where it was cancelled before."""
        values = {"state": JobState.DONE.value, "progress_ppm": WHOLE_PPM, "result": dict(result)}
        values |= {"why": "", "reason": ""}
        return await self._running(job_id, {**values, "ended_ns": now_ns, "expires_ns": expires_ns})

    async def failed(self, job_id: str, why: str, reason: str, now_ns: int) -> bool:
        """It cannot be done."""
        values = {"state": JobState.FAILED.value, "why": why, "reason": reason, "ended_ns": now_ns}
        return await self._running(job_id, values)

    async def cancel(self, job_id: str, now_ns: int) -> bool:
        """Nobody wants it any more; False where it has ended already."""
        values = {"state": JobState.CANCELLED.value, "ended_ns": now_ns}
        statement = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(_UNDER_WAY)).values(**values)
        async with self._db.write() as connection:
            return bool((await connection.execute(statement)).rowcount)

    async def expired(self, kind: JobKind, node: str, now_ns: int) -> list[Job]:
        """Of this Node, those of which what came is to be removed by now: none that its Case keeps."""
        mine = (jobs.c.kind == kind.value, jobs.c.node == node, jobs.c.state == JobState.DONE.value)
        statement = select(jobs).where(*mine, jobs.c.expires_ns <= now_ns, ~_kept_by_case(now_ns))
        async with self._db.read() as connection:
            return [job for job in map(_job, await connection.execute(statement)) if job.result]

    async def emptied(self, job_id: str) -> None:
        """What came of it is removed."""
        async with self._db.write() as connection:
            await connection.execute(update(jobs).where(jobs.c.id == job_id).values(result={}))

    async def forget(self, kind: JobKind, before_ns: int) -> int:
        """Rows that ended before a time go, those with something left or of a Case that lives do not; says how many."""
        old = (jobs.c.kind == kind.value, jobs.c.ended_ns < before_ns)
        gone = or_(jobs.c.state != JobState.DONE.value, jobs.c.expires_ns < before_ns)
        async with self._db.write() as connection:
            return int((await connection.execute(delete(jobs).where(*old, gone, ~_kept_by_case(before_ns)))).rowcount)

    async def _running(self, job_id: str, values: Mapping[str, Any]) -> bool:
        running = (jobs.c.id == job_id, jobs.c.state == JobState.RUNNING.value)
        async with self._db.write() as connection:
            return bool((await connection.execute(update(jobs).where(*running).values(**values))).rowcount)


def _kept_by_case(now_ns: int) -> ColumnElement[bool]:
    """Of a row: its Case is open, or was until not long ago."""
    c = cases.c
    lives = or_(c.closed_ns.is_(None), c.closed_ns > now_ns - EXPORTS_KEPT_NS)
    return exists(select(c.id).where(c.id == jobs.c.case, lives).correlate(jobs))


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        JobKind(row.kind),
        row.person,
        row.asked,
        row.created_ns,
        JobState(row.state),
        row.node,
        row.progress_ppm,
        row.started_ns,
        row.ended_ns,
        row.expires_ns,
        row.result,
        row.why,
        row.reason,
        row.case,
    )
