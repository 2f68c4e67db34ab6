"""What lists of cameras say of Streams whose node is silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.web.conftest import SITE, World
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.domain.media import StreamCondition, StreamState

REF = StreamRef("aaaaaaaaaaaaaaaa", StreamName.MAIN)
CAMERA = Camera(REF.camera, "site", "a", "A", (Stream(REF, "rtsp://10.0.0.1/"),))


def say(world: World, node: str, since_ns: int = 5) -> None:
    """A node has the Stream, live."""
    state = StreamState(REF, StreamCondition.LIVE, since_ns)
    world.bus.publish(f"ingest.state.{REF.camera}.main", {"state": state, "node": node})


async def test_a_silent_node_is_not_believed(world: World) -> None:
    """Live while its node says that it is alive, then not reported since it was heard last, then live by itself."""
    board = world.parts.board
    world.bus.publish("node.alive", {"node": "n1"})
    say(world, "n1")
    await world.clock.advance(9)
    assert board.of_camera(CAMERA).condition is StreamCondition.LIVE
    heard_ns = world.clock.now_ns() - 9_000_000_000
    await world.clock.advance(2)
    state = board.of_camera(CAMERA)
    assert (state.condition, state.since_ns) == (StreamCondition.NOT_REPORTED, heard_ns)
    assert (state.cause, state.reason) == ("not_reported", "not_reported")
    await world.clock.advance(100)
    assert board.of_camera(CAMERA).condition is StreamCondition.NOT_REPORTED
    asks = world.bus.subscribe("ingest.states.ask")
    world.bus.publish("node.alive", {"node": "n1"})
    await world.clock.advance(0.01)
    assert await asks.get() == ("ingest.states.ask", {})
    assert board.of_camera(CAMERA).condition is StreamCondition.LIVE


async def test_another_node_takes_over(world: World) -> None:
    """What the new one says counts, whatever its clock says."""
    board = world.parts.board
    world.bus.publish("node.alive", {"node": "n1"})
    say(world, "n1", 10)
    await world.clock.advance(12)
    world.bus.publish("node.alive", {"node": "n2"})
    say(world, "n2", 3)
    await world.clock.advance(0)
    assert board.of_camera(CAMERA) == StreamState(REF, StreamCondition.LIVE, 3)


async def test_a_camera_never_reported_while_its_site_is_cut_off(world: World) -> None:
    """Not reported, once there was time to hear of its site; connecting, when a node of it is there."""
    board, one = world.parts.board, replace(CAMERA, site=SITE.id)
    await world.clock.advance(31)
    assert board.of_camera(one).condition is StreamCondition.CONNECTING
    world.bus.publish("node.alive", {"node": "c1", "zone": "center", "services": ["web"]})
    async with asyncio.timeout(5):
        while board.of_camera(one).condition is StreamCondition.CONNECTING:  # the board reads the sites
            await asyncio.sleep(0.01)
    state = board.of_camera(one)
    assert (state.condition, state.reason, state.since_ns) == (StreamCondition.NOT_REPORTED, "not_reported", 0)
    world.bus.publish("node.alive", {"node": "s1", "zone": SITE.slug, "services": ["ingest", "recorder"]})
    await world.clock.advance(0.01)
    assert board.of_camera(one).condition is StreamCondition.CONNECTING
    heard_ns = world.clock.now_ns()
    await world.clock.advance(12)
    assert board.of_camera(one).since_ns in range(heard_ns - 10_000_000, heard_ns + 1)
