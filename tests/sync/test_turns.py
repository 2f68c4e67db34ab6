"""One Node of a Site does what one has to do, and another does it when that one is gone."""

from __future__ import annotations

from tests.sync.kv_fake import FakeBucket, FakeLink, FakeService
from vms.clock import ManualClock
from vms.sync.turns import TTL_S, SiteTurns


async def test_one_at_a_time_and_the_next_when_it_is_gone() -> None:
    """Who has the turn keeps it between two looks; gone for the time of the Lease, another gets it."""
    clock = ManualClock(10**18)
    service = FakeService(clock)
    links = [FakeLink(), FakeLink()]
    one, two = (SiteTurns(clock, FakeBucket(service, "turns", TTL_S, link), f"n{i}") for i, link in enumerate(links))

    async def mine(turns: SiteTurns, work: str = "retention") -> bool:
        async with turns.take(work) as found:
            return found

    assert (await mine(one), await mine(two)) == (True, False)
    await clock.advance(100)
    assert (await mine(two), await mine(one)) == (False, True)
    assert await mine(two, "another")
    for link in links:
        link.up.clear()
    assert (await mine(one), await mine(two)) == (True, False)
    links[1].up.set()
    await clock.advance(TTL_S + 1)
    assert await mine(two)
    links[0].up.set()
    assert not await mine(one)
    links[0].up.clear()
    assert not await mine(one)


async def test_long_work_keeps_its_turn() -> None:
    """Renewed while it is done."""
    clock = ManualClock(10**18)
    service = FakeService(clock)
    one, two = (SiteTurns(clock, FakeBucket(service, "turns", TTL_S, FakeLink()), f"n{i}") for i in range(2))
    async with one.take("retention") as mine:
        assert mine
        for _ in range(10):
            before = service.revision
            await clock.advance(60)
            assert service.revision > before
            async with two.take("retention") as other:
                assert not other
