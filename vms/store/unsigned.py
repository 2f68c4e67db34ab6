"""Which rows wait for a Node's signature, and the keys that Nodes sign with. Async, on the catalogue's connections.

Every write of a fact by the Node puts an entry here, in its own transaction, from `keep` on; rows that came from other
catalogues are stated by who wrote them. An entry goes once a Checkpoint with the row lies on the Node's disk.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import String, cast, delete, func, insert, literal, null, select

from vms.domain.node import NodeSigningKey
from vms.store.database import Database
from vms.store.images import RowImage, table_of
from vms.store.notes import SIGNED
from vms.store.outbox import read_images
from vms.store.tables import audit, cameras, grants, node_keys, segments, unsigned

_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class UnsignedRow:
    """A row that waits, as it is now; `seqs` of its entries. `site`: None where nobody knows it any more."""

    seqs: tuple[int, ...]
    site: str | None
    image: RowImage | None


class Unsigned:
    """See the head of the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, node: str) -> None:
        """From now on what is written through this catalogue is this Node's to state."""
        self._db.notes.signer = node

    async def keep_all(self, node: str) -> int:
        """Let everything that a Node ever wrote wait, as for its first Checkpoint; says how many rows."""
        count = 0
        async with self._db.write() as connection:
            for table in SIGNED:
                key = list(table.primary_key.columns)
                listed = func.json_array(*key) if self._db.is_sqlite else cast(func.json_build_array(*key), String)
                place = table.c.site if "site" in table.c else null()
                rows = select(literal(node), literal(table.name), listed, place).where(table.c.node == node)
                if table is segments:
                    rows = rows.where(table.c.state != "open")
                names = ["node", "table_name", "row_key", "site"]
                count += (await connection.execute(insert(unsigned).from_select(names, rows))).rowcount
        return count

    async def waiting(self, node: str, limit: int) -> list[UnsignedRow]:
        """The oldest rows that wait, at most `limit` entries of them."""
        statement = select(unsigned).where(unsigned.c.node == node).order_by(unsigned.c.seq).limit(limit)
        async with self._db.read() as connection:
            entries = (await connection.execute(statement)).all()
        seqs: dict[str, dict[tuple[Any, ...], list[int]]] = {}
        for entry in entries:
            seqs.setdefault(entry.table_name, {}).setdefault(tuple(json.loads(entry.row_key)), []).append(entry.seq)
        found = []
        for name, keys in seqs.items():
            async with self._db.read() as connection:
                images = await read_images(connection, table_of(name), keys, parts=False)
            sites = await self._sites_of_cameras(keys) if name == grants.name else {}
            for key, numbers in keys.items():
                image = images.get(key)
                site = None if image is None else image.values.get("site") or sites.get(key[0])
                found.append(UnsignedRow(tuple(numbers), site, image))
        return found

    async def done(self, rows: Iterable[UnsignedRow]) -> None:
        """A Checkpoint states them."""
        seqs = [seq for row in rows for seq in row.seqs]
        async with self._db.write() as connection:
            for at in range(0, len(seqs), _AT_ONCE):
                await connection.execute(delete(unsigned).where(unsigned.c.seq.in_(seqs[at : at + _AT_ONCE])))

    async def audit_head(self, node: str) -> tuple[int, str] | None:
        """Number and hash of the newest entry of a Node's audit chain; None where it has none."""
        newest = select(audit.c.number, audit.c.hash).where(audit.c.node == node).order_by(audit.c.number.desc())
        async with self._db.read() as connection:
            row = (await connection.execute(newest.limit(1))).first()
        return None if row is None else (row.number, row.hash)

    async def add_key(self, key: NodeSigningKey) -> bool:
        """Enter a Node's key, or its newer certificate; the same again changes nothing."""
        async with self._db.write() as connection:
            return await self._db.upsert(connection, node_keys, key_values(key))

    async def own_key(self, key: NodeSigningKey) -> NodeSigningKey:
        """The row of a Node's key as it is from now on: entered where it is missing, and certified by what `key` says
        where that is another certificate than before."""
        known = next((one for one in await self.keys(key.node) if one.fingerprint == key.fingerprint), None)
        if known is not None and key.certificate in {"", known.certificate}:
            return known
        row = key if known is None else replace(known, certificate=key.certificate, rev=known.rev + 1)
        await self.add_key(row)
        return row

    async def keys(self, node: str | None = None) -> list[NodeSigningKey]:
        """Keys of a Node, or of all, oldest first."""
        statement = select(node_keys).order_by(node_keys.c.made_ns, node_keys.c.fingerprint)
        if node is not None:
            statement = statement.where(node_keys.c.node == node)
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [
            NodeSigningKey(row.fingerprint, row.node, row.public_key, row.made_ns, row.certificate, row.rev)
            for row in rows
        ]

    async def _sites_of_cameras(self, keys: Collection[tuple[Any, ...]]) -> Mapping[str, str]:
        ids = sorted({key[0] for key in keys})
        found: dict[str, str] = {}
        async with self._db.read() as connection:
            for at in range(0, len(ids), _AT_ONCE):
                some = select(cameras.c.id, cameras.c.site).where(cameras.c.id.in_(ids[at : at + _AT_ONCE]))
                found |= {row.id: row.site for row in await connection.execute(some)}
        return found


def key_values(key: NodeSigningKey) -> dict[str, Any]:
    """The row of a key."""
    return {
        "fingerprint": key.fingerprint,
        "node": key.node,
        "public_key": key.public_key,
        "made_ns": key.made_ns,
        "certificate": key.certificate,
        "rev": key.rev,
    }
