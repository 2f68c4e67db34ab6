"""Facts that a Site's nodes wrote before a new node of it was there: asked of a peer, page by page. Event loop.

The stream of facts is trimmed once the center and the nodes that were there have read it, so a node that joins later
would never hear of older footage, and could not replay it while the line is cut. It asks once, at its first start
beside another node, over the Site's own bus; rows go in by the rule of all others, any number of times.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import Clock
from vms.errors import BusError, InputError
from vms.service import Service
from vms.store import Catalogue
from vms.store.images import pack, unpack
from vms.store.notes import FACTS
from vms.store.table_rows import TableRows

log = logs.get(__name__)

_TABLES = tuple(table.name for table in FACTS)
_MARK = "caught_up"
_DONE = "all"
_ROWS = 100
"""With their indexes some hundred kilobytes, packed: a message of NATS carries 1 MB."""
_LOOK_S, _REST_S = 2.0, 0.02


def page_subject(node: str) -> str:
    """Whom to ask for rows."""
    return f"sync.page.{node}"


class CatchUp(Service):
    """Service `catch up`. `peers`: ids of the other nodes of the Site that are alive."""

    name = "catch up"

    def __init__(
        self, clock: Clock, *, catalogue: Catalogue, bus: Bus, node: str, peers: Callable[[], Sequence[str]]
    ) -> None:
        super().__init__(clock)
        self._catalogue, self._bus, self._node, self._peers = catalogue, bus, node, peers

    async def run_once(self) -> None:
        """Answer until stopped; ask until all of a peer is here."""
        served = self._bus.serve(page_subject(self._node), self._page)
        try:
            await self._ask()
            self.ready()
            await self.stopping.wait()
        finally:
            served.close()

    async def _ask(self) -> None:
        outbox = self._catalogue.outbox
        mark = await outbox.remembered(_MARK)
        if mark is None:
            # One that has footage heard of everything as it came; only a new one lacks what was before.
            is_new = not await self._catalogue.table_rows.page("segments", limit=1)
            mark = json.dumps([_TABLES[0], None]) if is_new else _DONE
            await outbox.remember(_MARK, mark)
        while mark != _DONE:
            self.ready()
            peer = min(self._peers(), default=None)
            if peer is None:
                if not await self.pause(_LOOK_S):
                    return
                continue
            try:
                mark = await self._turn(peer, *json.loads(mark))
            except BusError as error:
                log.info("a peer does not say what was before", peer=peer, why=error.message)
            if not await self.pause(_REST_S if mark != _DONE else 0):
                return

    async def _turn(self, peer: str, table: str, after: list[object] | None) -> str:
        """One page; where to go on."""
        answer = await self._bus.request(page_subject(peer), {"table": table, "after": after}, timeout_s=10.0)
        images = await asyncio.to_thread(unpack, answer["rows"])
        await self._catalogue.replica.apply([image for image in images if image.table == table], "peer")
        if answer["last"] is not None:
            mark = json.dumps([table, answer["last"]])
        else:
            rest = _TABLES[_TABLES.index(table) + 1 :]
            mark = json.dumps([rest[0], None]) if rest else _DONE
        await self._catalogue.outbox.remember(_MARK, mark)
        if mark == _DONE:
            log.info("what the site's nodes wrote before is here", peer=peer)
        return mark

    async def _page(self, value: Value) -> Value:
        table, after = value.get("table"), value.get("after")
        if table not in _TABLES or not (after is None or isinstance(after, list)):
            raise InputError("a page is of a table of facts, behind a key", field="table")
        rows = await self._catalogue.table_rows.page(table, after=None if after is None else tuple(after), limit=_ROWS)
        keys = [TableRows.key_of(table, row) for row in rows]
        images = await self._catalogue.outbox.images_of(table, keys)
        packed = await asyncio.to_thread(pack, images)
        return {"rows": packed, "last": list(keys[-1]) if len(keys) == _ROWS else None}
