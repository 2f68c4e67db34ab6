"""Rows that wait for the catalogue, and jobs that wait for the disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from recorder.lane import Backlog, Lane
from recorder.rows import RowQueue
from tests.recorder.rig import until
from vms.clock import SystemClock
from vms.service import Backoff


class Table:
    """Takes rows, or does not."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int]] = []
        self.tries = 0
        self.away = False
        self.bad: set[str] = set()

    def write(self, key: str, rev: int) -> Callable[[], Awaitable[None]]:
        """The writing of one row."""

        async def write() -> None:
            self.tries += 1
            await asyncio.sleep(0)
            if self.away or key in self.bad:
                raise OSError("away")
            self.rows.append((key, rev))

        return write


@asynccontextmanager
async def queue(limit: int = 100) -> AsyncIterator[tuple[RowQueue, Table]]:
    """A running queue before a table."""
    rows = RowQueue(SystemClock(), backoff=Backoff(0.001, 0.002), limit=limit)
    task = asyncio.create_task(rows.run())
    try:
        yield rows, Table()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_rows_are_written_in_order_and_told() -> None:
    """Each once, and its caller hears of it."""
    async with queue() as (rows, table):
        done: list[str] = []
        for key in "abc":
            rows.put(key, table.write(key, 1), done=lambda key=key: done.append(key))  # type: ignore[misc]  # binds key
        await rows.drain()
        assert (table.rows, done) == ([("a", 1), ("b", 1), ("c", 1)], ["a", "b", "c"])


async def test_only_the_newest_of_a_row_waits() -> None:
    """While the catalogue is away versions of a row replace each other; all who waited are told."""
    async with queue() as (rows, table):
        table.away = True
        done: list[int] = []
        for rev in (1, 2, 3):
            rows.put("a", table.write("a", rev), weight=5, done=lambda rev=rev: done.append(rev))  # type: ignore[misc]  # binds rev
            await until(lambda: rows.failing)
        assert len(rows) <= 1
        table.away = False
        await rows.drain()
        # The try under way when the catalogue came back may still carry the first version.
        assert table.rows[-1] == ("a", 3)
        assert ("a", 2) not in table.rows
        assert done == [1, 2, 3]
        assert (rows.weight, rows.failing) == (0, "")


async def test_a_bad_row_does_not_hold_up_the_others() -> None:
    """A row that is always refused goes to the end again and again."""
    async with queue() as (rows, table):
        table.bad = {"a"}
        for key in "abc":
            rows.put(key, table.write(key, 1))
        await until(lambda: len(table.rows) == 2)
        table.bad = set()
        await rows.drain()
        assert [key for key, _ in table.rows] == ["b", "c", "a"]


async def test_the_queue_is_bounded() -> None:
    """The oldest row is dropped when there are too many; the sweep finds what it was about."""
    async with queue(limit=3) as (rows, table):
        table.away = True
        for key in "abcde":
            rows.put(key, table.write(key, 1), weight=1)
        assert (len(rows), rows.weight) == (3, 3)
        table.away = False
        await rows.drain()
        assert {key for key, _ in table.rows} == {"c", "d", "e"}


def test_a_lane_keeps_the_order_and_survives() -> None:
    """Jobs of one lane run one at a time in order, on whatever thread; a job that fails is not the last."""
    backlog = Backlog()
    with ThreadPoolExecutor(4) as executor:
        lanes = [Lane(executor, backlog) for _ in range(3)]
        seen: list[list[int]] = [[] for _ in lanes]
        together = [0] * len(lanes)
        gate = threading.Event()

        def job(lane: int, n: int) -> None:
            gate.wait()
            together[lane] += 1
            assert together[lane] == 1
            seen[lane].append(n)
            together[lane] -= 1
            if n == 7:
                raise ValueError("this one fails")

        for n in range(50):
            for at, lane in enumerate(lanes):
                lane.submit(lambda at=at, n=n: job(at, n), 10)  # type: ignore[misc]  # binds at and n
        assert backlog.bytes == 1500
        gate.set()
    assert seen == [list(range(50))] * 3
    assert backlog.bytes == 0
