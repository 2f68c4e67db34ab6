"""Rows on their way into the catalogue: kept while it is away, the newest of each row only, written one after another.

Event loop. Footage never waits for the catalogue: whoever has a row leaves it here. What is still here when the
process dies, the sweep finds again on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from vms import logs
from vms.clock import Clock
from vms.service import Backoff

log = logs.get(__name__)

Write = Callable[[], Awaitable[object]]
Done = Callable[[], None]


@dataclass
class _Row:
    write: Write
    weight: int
    done: list[Done] = field(default_factory=list)


class RowQueue:
    """`weight` of a row is what it holds in memory, in any unit; the caller bounds it by looking at `weight`."""

    def __init__(self, clock: Clock, *, backoff: Backoff | None = None, limit: int = 50_000) -> None:
        self._clock = clock
        self._backoff = backoff or Backoff(cap_s=10.0)
        self._limit = limit
        self._rows: dict[Hashable, _Row] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._throttle = logs.Throttle(10_000_000_000)
        self.weight = 0
        self.failing = ""

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: Hashable, write: Write, *, weight: int = 0, done: Done | None = None) -> None:
        """Have a row written; a later version of the same row replaces one that waits."""
        row = _Row(write, weight, [] if done is None else [done])
        before = self._rows.get(key)
        if before is not None:
            row.done = before.done + row.done
            self.weight -= before.weight
        elif len(self._rows) >= self._limit:
            oldest = next(iter(self._rows))
            self.weight -= self._rows.pop(oldest).weight
            log.error("too many rows wait for the catalogue, the oldest is left to the sweep", row=str(oldest))
        self._rows[key] = row
        self.weight += weight
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            while not self._rows:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            await self._write_first()

    async def drain(self) -> None:
        """Wait until all is written."""
        await self._idle.wait()

    async def _write_first(self) -> None:
        key = next(iter(self._rows))
        row = self._rows.pop(key)
        self.weight -= row.weight
        try:
            await row.write()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the row must wait and footage must go on
            self._put_back(key, row)
            self.failing = logs.redact(f"{type(error).__name__}: {error}")
            silent = self._throttle.admit(self._clock.mono_ns())
            if silent is not None:
                log.warning("the catalogue takes no rows", why=self.failing, waiting=len(self._rows), silent=silent)
            await self._clock.sleep(self._backoff.next_s())
            return
        except BaseException:
            self._put_back(key, row)
            raise
        self.failing = ""
        self._backoff.reset()
        for done in row.done:
            done()

    def _put_back(self, key: Hashable, row: _Row) -> None:
        """Behind the others, so that one bad row does not hold them up; a newer version is left as it is."""
        newer = self._rows.get(key)
        if newer is not None:
            newer.done = row.done + newer.done
            return
        self._rows[key] = row
        self.weight += row.weight
