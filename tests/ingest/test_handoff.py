"""From many threads to the loop: everything arrives, in order, also when threads and loop meet at the worst moment."""

from __future__ import annotations

import asyncio
import threading

from ingest.handoff import AT_ONCE, LOOK_S, UNWATCHED_LOOK_S, Handoff, Mailbox
from tests.ingest.rig import running
from vms.domain.camera import StreamName, StreamRef


async def test_everything_arrives_in_order() -> None:
    """Eight threads put a thousand batches each, as fast as they can and in spurts."""
    mailbox, got, done = Mailbox(), {i: list[int]() for i in range(8)}, asyncio.Event()

    def taker(i: int) -> Handoff[int]:
        def take(items: list[int]) -> None:
            got[i] += items
            if sum(len(each) for each in got.values()) == 8000:
                done.set()

        return mailbox.open(take)

    def work(handoff: Handoff[int], wait: threading.Event) -> None:
        for n in range(1000):
            handoff.put([n], 10)
            if n % 50 == 0:
                wait.wait(0.001)

    handoffs = [taker(i) for i in range(8)]
    threads = [threading.Thread(target=work, args=(h, threading.Event())) for h in handoffs]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(10):
        await done.wait()
    for thread in threads:
        thread.join()
    assert all(each == list(range(1000)) for each in got.values())
    assert all(h.backlog_bytes == 0 for h in handoffs)


async def test_a_single_item_is_not_left_behind() -> None:
    """One at a time, each only after the one before: no wake-up is lost."""
    mailbox, arrived = Mailbox(), asyncio.Queue[int]()
    handoff: Handoff[int] = mailbox.open(lambda items: [arrived.put_nowait(n) for n in items] and None)
    for n in range(300):
        await asyncio.to_thread(handoff.put, [n], 1)
        async with asyncio.timeout(1):
            assert await arrived.get() == n


async def test_a_closed_handoff_delivers_nothing() -> None:
    """What a thread left behind still says is dropped, and others are served."""
    mailbox, got = Mailbox(), list[int]()
    closed: Handoff[int] = mailbox.open(got.extend)
    open_: Handoff[int] = mailbox.open(got.extend)
    closed.put([1], 1)
    closed.close()
    closed.put([2], 1)
    open_.put([3], 1)
    await asyncio.sleep(0.02)
    assert got == [3]


async def test_a_flood_leaves_the_loop_to_others() -> None:
    """After a share of it others have their turn."""
    mailbox, got, seen = Mailbox(), list[int](), list[int]()
    handoff: Handoff[int] = mailbox.open(got.extend)
    for n in range(3 * AT_ONCE):
        handoff.put([n], 1)
    while len(got) < 3 * AT_ONCE:
        await asyncio.sleep(0)
        seen.append(len(got))
    assert AT_ONCE in seen


def test_after_the_loop_nothing_happens() -> None:
    """A thread outlives the event loop: its items are dropped without a word."""

    async def opened() -> Handoff[int]:
        return Mailbox().open(lambda _items: None)

    asyncio.run(opened()).put([1], 1)


async def test_the_loop_looks_less_often_while_nobody_watches() -> None:
    """Every 10 ms, from the first moment; every 3 ms while at least one Stream is watched."""
    async with running() as rig:
        mailbox, streams = rig.fleet._parts.mailbox, [StreamRef("cam1", name) for name in StreamName]
        looks = [mailbox.look_s]
        for change in (rig.fleet.demand, rig.fleet.release):
            for stream in streams:
                change(stream)
                looks.append(mailbox.look_s)
    assert looks == [UNWATCHED_LOOK_S, LOOK_S, LOOK_S, LOOK_S, UNWATCHED_LOOK_S]
