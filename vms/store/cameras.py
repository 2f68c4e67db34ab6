"""Rows of Cameras with their Streams. Passwords are sealed on the way in and opened on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.area import area_of, polygon_of
from vms.domain.camera import Camera, LinePriority, RecordMode, Stream, StreamName, StreamRef
from vms.domain.position import position_columns, position_in
from vms.domain.ptz import plan_of
from vms.errors import ConflictError, NotFoundError
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.holds import move_holds
from vms.store.numbers import next_number, number_all
from vms.store.secret import Sealer
from vms.store.tables import cameras, streams

_SELECT = select(
    cameras, streams.c.name.label("stream_name"), streams.c.url.label("stream_url"), streams.c.record
).outerjoin(streams, streams.c.camera == cameras.c.id)

_PART = 50


class Cameras:
    """What an admin registers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._db = database
        self._sealer = sealer

    async def list(self, site: str | None = None, include_deleted: bool = False) -> list[Camera]:
        """Those of a Site or all, by slug; removed ones only on demand."""
        statement = _SELECT
        if site is not None:
            statement = statement.where(cameras.c.site == site)
        if not include_deleted:
            statement = statement.where(cameras.c.deleted_ns.is_(None))
        async with self._db.read() as connection:
            rows = await connection.execute(statement.order_by(cameras.c.slug, cameras.c.id, streams.c.name))
        return _cameras(rows, self._sealer)

    async def get(self, camera_id: str) -> Camera | None:
        """One by its id, also when it was removed."""
        statement = _SELECT.where(cameras.c.id == camera_id).order_by(streams.c.name)
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return next(iter(_cameras(rows, self._sealer)), None)

    async def add(self, camera: Camera) -> Camera:
        """Register; gives it back with its number, the next one. ConflictError: the id or slug is taken, or the Site
        does not exist."""
        try:
            async with self._db.write() as connection:
                await self._db.notes.note(connection, cameras, self._values(camera))
                camera = replace(camera, number=await next_number(self._db, connection))
                await connection.execute(insert(cameras), self._values(camera))
                await self._put_streams(connection, camera)
        except IntegrityError as error:
            raise _conflict(camera) from error
        return camera

    async def number_all(self) -> None:
        """Give a number to those that are from before there were any (vms/store/numbers.py)."""
        await number_all(self._db)

    async def update(self, camera: Camera) -> None:
        """Replace, streams too, all but the number. ConflictError: the row's rev is not `camera.rev - 1`, the slug is
        taken, the Site does not exist. NotFoundError: there is no such camera, or it was removed."""
        try:
            async with self._db.write() as connection:
                await self._update(connection, camera)
        except IntegrityError as error:
            raise _conflict(camera) from error

    async def _update(self, connection: Connection, camera: Camera) -> None:
        statement = update(cameras).where(
            cameras.c.id == camera.id, cameras.c.rev == camera.rev - 1, cameras.c.deleted_ns.is_(None)
        )
        before = (await connection.execute(select(cameras.c.site).where(cameras.c.id == camera.id))).scalar()
        for site in {before, camera.site} - {None}:  # the site that it leaves hears of it too
            await self._db.notes.note(connection, cameras, {"id": camera.id, "site": site})
        values = {name: value for name, value in self._values(camera).items() if name != "number"}
        result = await connection.execute(statement, values)
        if result.rowcount == 0:
            await _why_not(connection, camera)
        if before != camera.site:
            await move_holds(self._db, connection, camera.id, camera.site)
        await connection.execute(delete(streams).where(streams.c.camera == camera.id))
        await self._put_streams(connection, camera)

    async def remove(self, camera_id: str, at_ns: int) -> None:
        """Mark as removed: its slug is free again, its footage stays. NotFoundError where there is none."""
        async with self._db.write() as connection:
            await self._remove(connection, camera_id, at_ns)

    async def put_all(
        self, added: Sequence[Camera], changed: Sequence[Camera], removed: Sequence[str] = (), at_ns: int = 0
    ) -> Sequence[Camera]:
        """Register, replace and remove many in one transaction: all of it or nothing. Gives those that were registered
        back with their numbers. Errors as `add`, `update` and `remove` have them."""
        numbered: tuple[Camera, ...] = ()
        try:
            async with self._db.write() as connection:
                for camera_id in removed:  # first: their slugs are free for the others
                    await self._remove(connection, camera_id, at_ns)
                for camera in changed:
                    await self._update(connection, camera)
                number = await next_number(self._db, connection) if added else 0
                for start in range(0, len(added), _PART):
                    part = [
                        replace(one, number=number + start + i) for i, one in enumerate(added[start : start + _PART])
                    ]
                    await self._insert(connection, part)
                    numbered += tuple(part)
        except IntegrityError as error:
            raise ConflictError(
                "one of these cameras has a short name that is taken, or a site that is gone",
                hint="Look at them again and repeat it.",
            ) from error
        return numbered

    async def _insert(self, connection: Connection, part: Sequence[Camera]) -> None:
        values = [self._values(camera) for camera in part]
        for row in values:
            await self._db.notes.note(connection, cameras, row)
        await connection.execute(insert(cameras), values)
        await connection.execute(insert(streams), [row for camera in part for row in _stream_values(camera)])

    async def _remove(self, connection: Connection, camera_id: str, at_ns: int) -> None:
        statement = (
            update(cameras)
            .where(cameras.c.id == camera_id, cameras.c.deleted_ns.is_(None))
            .values(deleted_ns=at_ns, rev=cameras.c.rev + 1)
        )
        await self._db.notes.note(connection, cameras, {"id": camera_id})
        if (await connection.execute(statement)).rowcount == 0:
            raise NotFoundError("there is no such camera")

    def _values(self, camera: Camera) -> dict[str, Any]:
        return {
            "id": camera.id,
            "site": camera.site,
            "slug": camera.slug,
            "name": camera.name,
            "username": camera.username,
            "password": self._sealer.seal(camera.password, camera.id),
            "enabled": camera.enabled,
            "audio": camera.audio,
            "transport": camera.transport,
            "retention_days": camera.retention_days,
            "registered_ns": camera.registered_ns,
            "deleted_ns": camera.deleted_ns,
            "rev": camera.rev,
            "areas": [area.as_json() for area in camera.areas],
            "masks": [[list(point) for point in polygon] for polygon in camera.masks],
            "analysis": camera.analysis,
            "number": camera.number,
            "priority": camera.priority.value,
            "onvif": camera.onvif,
            "ptz": camera.ptz.as_json(),
            **position_columns(camera.position),
        }

    async def _put_streams(self, connection: Connection, camera: Camera) -> None:
        values = _stream_values(camera)
        if values:
            await connection.execute(insert(streams), values)


def _stream_values(camera: Camera) -> list[dict[str, Any]]:
    return [
        {"camera": camera.id, "name": s.ref.name.value, "url": s.url, "record": s.record.value} for s in camera.streams
    ]


def _cameras(rows: Iterable[Row[Any]], sealer: Sealer) -> list[Camera]:
    grouped: dict[str, list[Row[Any]]] = {}
    for row in rows:
        grouped.setdefault(row.id, []).append(row)
    return [_camera(same, sealer) for same in grouped.values()]


def _camera(rows: list[Row[Any]], sealer: Sealer) -> Camera:
    first = rows[0]
    return Camera(
        id=first.id,
        site=first.site,
        slug=first.slug,
        name=first.name,
        streams=tuple(
            Stream(StreamRef(row.id, StreamName(row.stream_name)), row.stream_url, RecordMode(row.record))
            for row in rows
            if row.stream_name is not None
        ),
        username=first.username,
        password=sealer.open(first.password, first.id),
        enabled=first.enabled,
        audio=first.audio,
        transport=first.transport,
        retention_days=first.retention_days,
        registered_ns=first.registered_ns,
        deleted_ns=first.deleted_ns,
        rev=first.rev,
        areas=tuple(area_of(value) for value in first.areas),
        masks=tuple(polygon_of(points) for points in first.masks),
        analysis=first.analysis,
        number=first.number,
        priority=LinePriority(first.priority),
        onvif=first.onvif,
        ptz=plan_of(first.ptz),
        position=position_in(first.longitude, first.latitude),
    )


async def _why_not(connection: Connection, camera: Camera) -> None:
    row = (await connection.execute(select(cameras.c.deleted_ns).where(cameras.c.id == camera.id))).first()
    if row is None or row.deleted_ns is not None:
        raise NotFoundError("there is no such camera")
    raise ConflictError("the camera has changed meanwhile", hint="Load it again and repeat the change.")


def _conflict(camera: Camera) -> ConflictError:
    return ConflictError(f"the camera {camera.slug} cannot be kept: its short name is taken or its site is unknown")
