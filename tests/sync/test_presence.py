"""Nodes say that they are alive; who is silent is not there, who speaks again is back."""

from __future__ import annotations

import asyncio

from tests.streamer.conftest import settle
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.sync.presence import Alive, Identity, Presence

SITE = Identity("n1", "sampit-1", "sampit", "siteid", ("ingest", "recorder"), "0.3.0", "boot")


async def test_nodes_come_and_go() -> None:
    """Every 2 s with what changes; gone after 10 s without; told when it comes back."""
    clock, bus = ManualClock(), MemoryBus()
    presence = Presence(bus, clock)
    back: list[str] = []
    presence.on_return = back.append
    listening = asyncio.create_task(presence.listen())
    await settle()
    streams = iter(range(100))
    alive = Alive(bus=bus, clock=clock, identity=SITE, facts=lambda: {"streams": next(streams)})
    running = asyncio.create_task(alive.run())
    await clock.advance(7)
    assert back == ["n1"]
    assert [seen.identity for seen in presence.zones()["sampit"]] == [SITE]
    seen = presence.of("n1")
    assert seen is not None
    assert seen.facts["streams"] == 3
    alive.stop()
    await running
    await clock.advance(9)
    assert presence.zones() == {"sampit": [seen]}
    await clock.advance(3)
    assert (presence.zones(), presence.is_alive("n1"), presence.nodes()) == ({}, False, [seen])
    presence.take(seen.facts)
    assert (back, presence.is_alive("n1")) == (["n1", "n1"], True)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await bus.close()
