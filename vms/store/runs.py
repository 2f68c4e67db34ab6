"""Rows of Runs and of the grants they were recorded under."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Row, and_, func, insert, literal, or_, select
from sqlalchemy.exc import IntegrityError

from vms.domain.camera import StreamName, StreamRef
from vms.domain.grant import LeaseGrant
from vms.domain.interval import Interval
from vms.domain.media import ClockState, Codec, EndReason, Run, RunInfo, Track
from vms.errors import CatalogueError
from vms.store import window
from vms.store.database import Database
from vms.store.tables import grants, runs
from vms.store.tables.footage import IS_CORRECTED

_GRANT_TRIES = 5
_AT_ONCE = 500
_IN_INTERVAL = select(runs).where(window.not_ended_before(runs)).order_by(runs.c.epoch, runs.c.start_ns)
_CORRECTED = select(runs.c.correction_ns).where(IS_CORRECTED, window.of_stream(runs))
_FIRST_CORRECTED = select(func.min(runs.c.start_ns + runs.c.correction_ns)).where(IS_CORRECTED, window.of_stream(runs))
_CORRECTIONS = select(
    _CORRECTED.order_by(runs.c.correction_ns).limit(1).scalar_subquery(),
    _CORRECTED.order_by(runs.c.correction_ns.desc()).limit(1).scalar_subquery(),
)


class Runs:
    """Stretches of connections."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, run: Run) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        async with self._db.write() as connection:
            return await self._db.upsert(connection, runs, run_values(run))

    async def get(self, run_id: str) -> Run | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(runs).where(runs.c.id == run_id))).first()
        return None if row is None else _run(row)

    async def of_ids(self, ids: Collection[str]) -> list[Run]:
        """Several by their ids, in any order."""
        found: list[Run] = []
        wanted = sorted(ids)
        for at in range(0, len(wanted), _AT_ONCE):
            found += await self._db.rows(select(runs).where(runs.c.id.in_(wanted[at : at + _AT_ONCE])), _runs)
        return found

    async def open_on(self, node: str) -> list[Run]:
        """Those of a Node that have no end, oldest first."""
        statement = select(runs).where(runs.c.node == node, runs.c.end_ns.is_(None)).order_by(runs.c.start_ns)
        return await self._db.rows(statement, _runs)

    async def of_boot(self, node: str, boot_id: str) -> list[Run]:
        """Those that a Node began since a boot of its machine, in the order of its monotonic time. Reads the table."""
        c = runs.c
        statement = select(runs).where(c.node == node, c.clock_boot_id == boot_id).order_by(c.clock_mono_ns)
        return await self._db.rows(statement, _runs)

    async def in_interval(self, stream: StreamRef, interval: Interval) -> list[Run]:
        """Those of a Stream that overlap the interval by their own wall times, oldest first."""
        return await self._db.rows(_IN_INTERVAL, _runs, window.values(stream, interval))

    async def nodes(self, camera: str, interval: Interval) -> list[str]:
        """Nodes that recorded a Camera then, whichever Stream of it, and the one that did so last; by id."""
        c = runs.c
        not_over = or_(c.end_ns.is_(None), c.end_ns > interval.start_ns)
        there = and_(c.camera == camera, c.start_ns < interval.end_ns, not_over)
        async with self._db.read() as connection:
            found = set((await connection.execute(select(c.node).where(there).distinct())).scalars())
        last = await self.last_node(camera)
        return sorted(found if last is None else {*found, last})

    async def last_node(self, camera: str) -> str | None:
        """The Node of a Camera's newest Run; None: it has none."""
        newest = select(runs.c.node).where(runs.c.camera == camera).order_by(runs.c.start_ns.desc()).limit(1)
        async with self._db.read() as connection:
            node: str | None = (await connection.execute(newest)).scalar()
        return node

    async def correction_range(self, stream: StreamRef) -> tuple[int, int]:
        """The least and the greatest correction of a Stream's Runs in nanoseconds, 0 included: how far its shown times
        lie from its wall times."""
        async with self._db.read() as connection:
            low, high = tuple((await connection.execute(_CORRECTIONS, window.values(stream))).one())
        return min(0, low or 0), max(0, high or 0)

    async def first_corrected_ns(self, stream: StreamRef) -> int | None:
        """Where the earliest of a Stream's corrected Runs begins in shown time; None where none is corrected."""
        async with self._db.read() as connection:
            first: int | None = (await connection.execute(_FIRST_CORRECTED, window.values(stream))).scalar()
        return first


class Grants:
    """Who got the right to ingest a Stream, epoch by epoch."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def next(self, stream: StreamRef, node: str, granted_ns: int) -> LeaseGrant:
        """Grant to a Node: the epoch is one more than the last, whoever asks at the same time."""
        name = stream.name.value
        last = select(func.coalesce(func.max(grants.c.epoch), 0) + 1).where(
            grants.c.camera == stream.camera, grants.c.stream == name
        )
        source = select(
            literal(stream.camera), literal(name), last.scalar_subquery(), literal(node), literal(granted_ns)
        )
        statement = (
            insert(grants)
            .from_select(["camera", "stream", "epoch", "node", "granted_ns"], source)
            .returning(grants.c.epoch)
        )
        for _ in range(_GRANT_TRIES):
            try:
                async with self._db.write() as connection:
                    await self._db.alone(connection, f"grants.{stream}")
                    epoch = (await connection.execute(statement)).scalar_one()
                    key = {"camera": stream.camera, "stream": name, "epoch": epoch}
                    await self._db.notes.note(connection, grants, key)
                return LeaseGrant(stream, epoch, node, granted_ns)
            except IntegrityError:
                # PostgreSQL: a row that was applied meanwhile took this epoch between our read and our insert.
                continue
        raise CatalogueError(f"no grant for {stream}: too many ask at once", hint="Try again.")

    async def put(self, grant: LeaseGrant) -> bool:
        """Enter one whose epoch was given elsewhere; the same again changes nothing."""
        values = {
            "camera": grant.stream.camera,
            "stream": grant.stream.name.value,
            "epoch": grant.epoch,
            "node": grant.node,
            "granted_ns": grant.granted_ns,
        }
        async with self._db.write() as connection:
            return await self._db.upsert(connection, grants, values)

    async def latest(self, stream: StreamRef) -> LeaseGrant | None:
        """The one that holds."""
        return next(iter(await self.of(stream, limit=1)), None)

    async def of(self, stream: StreamRef, limit: int | None = None) -> list[LeaseGrant]:
        """All of a Stream, newest first."""
        statement = (
            select(grants)
            .where(grants.c.camera == stream.camera, grants.c.stream == stream.name.value)
            .order_by(grants.c.epoch.desc())
            .limit(limit)
        )
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [LeaseGrant(stream, row.epoch, row.node, row.granted_ns) for row in rows]


def run_values(run: Run) -> dict[str, Any]:
    """The row of a Run."""
    return {
        "id": run.id,
        "camera": run.stream.camera,
        "stream": run.stream.name.value,
        "site": run.site,
        "node": run.node,
        "epoch": run.epoch,
        "tracks": [_track_value(track) for track in run.info.tracks],
        "start_ns": run.start_ns,
        "end_ns": run.end_ns,
        "end_reason": None if run.end_reason is None else run.end_reason.value,
        "anchor_ns": run.anchor_ns,
        "correction_ns": run.correction_ns,
        "clock_boot_id": run.clock.boot_id,
        "clock_mono_ns": run.clock.mono_ns,
        "clock_wall_ns": run.clock.wall_ns,
        "clock_synchronized": run.clock.synchronized,
        "clock_offset_ns": run.clock.offset_ns,
        "clock_rtcp_ns": run.clock.rtcp_sender_ns,
        "rev": run.rev,
    }


def _runs(rows: Iterable[Row[Any]]) -> list[Run]:
    return [_run(row) for row in rows]


def _run(row: Row[Any]) -> Run:
    clock = ClockState(
        boot_id=row.clock_boot_id,
        mono_ns=row.clock_mono_ns,
        wall_ns=row.clock_wall_ns,
        synchronized=row.clock_synchronized,
        offset_ns=row.clock_offset_ns,
        rtcp_sender_ns=row.clock_rtcp_ns,
    )
    return Run(
        id=row.id,
        stream=StreamRef(row.camera, StreamName(row.stream)),
        site=row.site,
        node=row.node,
        epoch=row.epoch,
        info=RunInfo(tuple(_track(value) for value in row.tracks)),
        start_ns=row.start_ns,
        clock=clock,
        anchor_ns=row.anchor_ns,
        end_ns=row.end_ns,
        end_reason=None if row.end_reason is None else EndReason(row.end_reason),
        correction_ns=row.correction_ns,
        rev=row.rev,
    )


def _track_value(track: Track) -> dict[str, Any]:
    return {
        "number": track.number,
        "codec": track.codec.value,
        "extradata": base64.b64encode(track.extradata).decode("ascii"),
        "width": track.width,
        "height": track.height,
        "sample_rate": track.sample_rate,
        "channels": track.channels,
        "profile": track.profile,
    }


def _track(value: dict[str, Any]) -> Track:
    return Track(
        number=value["number"],
        codec=Codec(value["codec"]),
        extradata=base64.b64decode(value["extradata"]),
        width=value["width"],
        height=value["height"],
        sample_rate=value["sample_rate"],
        channels=value["channels"],
        profile=value["profile"],
    )
