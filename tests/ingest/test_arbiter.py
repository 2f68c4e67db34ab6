"""The arbiter of a line: nodes of a Site come to one end; over real RTSP a tile is told, switched and switched back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ingest.arbiter import Arbiter, Asked, LineOptions
from ingest.budget import BudgetOptions, Weight
from ingest.watch import WatchOptions
from streamer.fanout import Fanout
from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.pump import Pump
from streamer.tile import WallTile
from tests.ingest.rig import running, with_sub
from tests.ingest.test_live import MAIN, SUB, of
from tests.simulator_fixture import RunningSimulator
from tests.streamer.outlet import Outlet
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.camera import LineClaim, StreamName, StreamRef
from vms.errors import InputError

RATES = {StreamName.MAIN: 250_000.0, StreamName.SUB: 50_000.0}


class Node:
    """One node of the Site, on a bus with the others."""

    def __init__(self, bus: MemoryBus, clock: ManualClock, name: str, line_bytes_s: float | None) -> None:
        self.arbiter = Arbiter(
            bus=bus,
            clock=clock,
            node=name,
            zone="sampit",
            rate_of=lambda stream: RATES[stream.name],
            priority_of=lambda _stream: 40,
            exists=lambda stream: not stream.camera.startswith("only"),
            options=LineOptions(line_bytes_s, BudgetOptions(share=1.0)),
        )
        self.events = bus.subscribe(self.arbiter.subject)
        self.weights: dict[str, Weight | None] = {}
        self.has: set[str] = set()

    def look(self) -> set[str]:
        """The cameras of this node whose main crosses the line."""
        asked = [
            Asked(StreamRef(camera, StreamName.MAIN), "center", weight, camera in self.has)
            for camera, weight in self.weights.items()
        ]
        found = self.arbiter.decide(asked, squeezed=False, cut=False)
        self.has = {stream.camera for stream, zones in found.items() if zones["center"].given}
        return self.has

    async def hear(self) -> None:
        """What the others told."""
        while self.events._queue:
            self.arbiter.hear((await self.events.get())[1])


async def test_nodes_of_a_site_share_its_line() -> None:
    """Two mains fit: of three at two nodes, the enlarged one is among them, and both nodes agree within a round."""
    bus, clock = MemoryBus(), ManualClock()
    nodes = [Node(bus, clock, name, 650_000.0) for name in ("n1", "n2")]
    nodes[0].weights = {"a": Weight.LARGE, "b": Weight.LARGE}
    nodes[1].weights = {"c": Weight.FULL}
    for _ in range(4):
        for node in nodes:
            await node.hear()
            node.look()
        await clock.advance(0.5)
    assert nodes[1].has == {"c"}
    assert nodes[0].has == {"a"}
    # A node that is gone for a while does not hold the line.
    for _ in range(20):
        await clock.advance(0.5)
        nodes[0].look()
    assert nodes[0].has == {"a", "b"}
    # What cannot be read changes nothing.
    for junk in ({}, {"node": "x"}, {"node": "x", "base": 0, "claims": [[1]]}, {"node": "x", "base": "?"}):
        nodes[0].arbiter.hear(junk)
    assert nodes[0].look() == {"a", "b"}


async def test_what_is_watched_whatever_it_costs_is_not_decided_about() -> None:
    """A main that a standard player watches, or of a camera without a sub, gets no verdict and takes its room."""
    node = Node(MemoryBus(), ManualClock(), "n1", 350_000.0)
    node.weights = {"a": None, "b": Weight.LARGE}
    assert node.look() == set()
    node.weights = {"b": Weight.LARGE}
    assert node.look() == {"b"}


async def until(met: Callable[[], bool], tile: WallTile, within_s: float = 10.0) -> None:
    """Judge the tile as its session does until the condition holds."""
    async with asyncio.timeout(within_s):
        while not met():
            await asyncio.sleep(0.02)
            tile.refresh()


async def test_a_tile_is_told_that_the_line_is_full(simulator: RunningSimulator) -> None:
    """A real camera: sub and why, main when it is forced, sub after that; no byte of main in between, always live."""
    thin = WatchOptions("node", "sampit", line=LineOptions(25_000.0, BudgetOptions(share=1.0)))
    async with running(with_sub(of(simulator), simulator.cameras[0].sub), watch=thin) as rig:
        await rig.until_packets(25)
        fanout = Fanout(rig.bus, rig.clock, StreamerOptions(linger_s=0.05))
        said: list[dict[str, Any]] = []
        tile = WallTile(
            0,
            clock=rig.clock,
            fanout=fanout,
            pacer=Pacer(rig.clock, 10**9, 10**6),
            pump=Pump(rig.clock),
            options=StreamerOptions(),
            say=said.append,
        )
        tile.track.bind(Outlet(rig.clock))
        mains = rig.bus.subscribe("media.center.cam1.main")

        def told(stream: str, *, given: bool) -> bool:
            last = next((m for m in reversed(said) if m["type"] == "tile"), {})
            line = last.get("line") or {}
            return (last.get("state"), last.get("stream"), line.get("given")) == ("live", stream, given)

        try:
            tile.show(MAIN, 1, LineClaim.LARGE)
            await until(lambda: told("sub", given=False), tile)
            line = [m for m in said if m["type"] == "tile"][-1]["line"]
            assert (line["why"], line["forced"], line["line_kbps"]) == ("full", False, 200)
            assert line["kbps"] > line["small_kbps"] > 0
            assert not mains._queue
            tile.show(MAIN, 2, LineClaim.FORCED)
            await until(lambda: told("main", given=True), tile)
            assert mains._queue
            tile.show(MAIN, 3, LineClaim.LARGE)
            await until(lambda: told("sub", given=False), tile)
            states = [m["state"] for m in said if m["type"] == "tile" and m["n"] != 1]
            assert set(states) == {"live"}, states
        finally:
            tile.close()
            await fanout.close()


@pytest.mark.parametrize("claim", ["huge", 3, ["large"], {}])
async def test_senseless_claims_are_refused(simulator: RunningSimulator, claim: object) -> None:
    """InputError, and nothing is kept of them."""
    async with running(with_sub(of(simulator), simulator.cameras[0].sub)) as rig:
        await rig.until_packets(1)
        order = {"watcher": "w", "quality": "all", "credit_s": 1, "claim": claim}
        with pytest.raises(InputError):
            await rig.bus.request(f"ingest.watch.{SUB.camera}.{SUB.name}", order)
