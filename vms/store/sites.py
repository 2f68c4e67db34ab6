"""Rows of Sites, Nodes and Stores."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.exc import IntegrityError

from vms.domain.camera import CopyPolicy, Site
from vms.domain.footage import Store, StoreKind
from vms.domain.node import Node
from vms.domain.position import position_columns, position_in
from vms.errors import ConflictError
from vms.store.database import Database
from vms.store.tables import nodes, sites, stores


class Sites:
    """Places that own cameras."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self) -> list[Site]:
        """All, by name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(sites).order_by(sites.c.name, sites.c.id))
        return [_site(row) for row in rows]

    async def get(self, site_id: str) -> Site | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(sites).where(sites.c.id == site_id))).first()
        return None if row is None else _site(row)

    async def by_slug(self, slug: str) -> Site | None:
        """One by its short name."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(sites).where(sites.c.slug == slug))).first()
        return None if row is None else _site(row)

    async def put(self, site: Site) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not. ConflictError: the slug is taken, or the
        parent does not exist."""
        values = {
            "id": site.id,
            "slug": site.slug,
            "name": site.name,
            "parent": site.parent,
            "home_store": site.home_store,
            "copies": site.copies.value,
            "rev": site.rev,
            **position_columns(site.position),
        }
        try:
            async with self._db.write() as connection:
                return await self._db.upsert(connection, sites, values)
        except IntegrityError as error:
            raise ConflictError(
                f"the site {site.slug} cannot be kept: its short name is taken or its parent is unknown"
            ) from error


class Nodes:
    """Processes of the installation."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self) -> list[Node]:
        """All, by name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(nodes).order_by(nodes.c.name, nodes.c.id))
        return [Node(row.id, row.name, row.site, row.registered_ns, row.rev) for row in rows]

    async def put(self, node: Node) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        values = {
            "id": node.id,
            "name": node.name,
            "site": node.site,
            "registered_ns": node.registered_ns,
            "rev": node.rev,
        }
        async with self._db.write() as connection:
            return await self._db.upsert(connection, nodes, values)


class Stores:
    """Names of object storages."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self) -> list[Store]:
        """All, by name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(stores).order_by(stores.c.name))
        return [Store(row.name, StoreKind(row.kind), row.location, row.rev) for row in rows]

    async def put(self, store: Store) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        values = {"name": store.name, "kind": store.kind.value, "location": store.location, "rev": store.rev}
        async with self._db.write() as connection:
            return await self._db.upsert(connection, stores, values)


def _site(row: Row[Any]) -> Site:
    position = position_in(row.longitude, row.latitude)
    return Site(row.id, row.slug, row.name, row.parent, row.home_store, row.rev, CopyPolicy(row.copies), position)
