"""Who watched what live, in the audit log: a line a person, camera and stretch, however often tiles are switched."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import World
from vms.clock import NS_PER_S
from web.viewing import ACTION, Viewings


async def _lines(world: World) -> list[tuple[str, str, Any]]:
    entries, _ = await world.catalogue.audit.list(100)
    assert await world.catalogue.audit.first_broken() is None
    return [(one.person, one.subject, one.detail) for one in reversed(entries) if one.action == ACTION]


async def test_a_stretch_is_one_line(world: World) -> None:
    """A tour that comes back within a minute goes on with it; who is away for longer begins another."""
    viewings = Viewings(world.catalogue, world.clock, {}.items)
    begun_ns = world.clock.now_ns()
    for camera in ("a", "b", "a", "b", "a"):
        viewings.saw("ani", [camera])
        world.clock.step(20)
        await viewings.look()
    assert await _lines(world) == []
    world.clock.step(61)
    await viewings.look()
    lines = await _lines(world)
    assert [(person, camera) for person, camera, _ in lines] == [("ani", "a"), ("ani", "b")]
    assert world.clock.now_ns() - begun_ns == 161 * NS_PER_S
    viewings.saw("ani", ["a"])
    await viewings.close()
    assert len(await _lines(world)) == 3


async def test_a_long_look_is_written_now_and_then(world: World) -> None:
    """A wall that stands all day has a line a quarter of an hour and camera, the last at the end."""
    shown = {"wall": {"a", "b"}}
    viewings = Viewings(world.catalogue, world.clock, shown.items)
    for _ in range(400):
        await viewings.look()
        world.clock.step(5)
    assert len(await _lines(world)) == 2 * 2
    shown.clear()
    world.clock.step(61)
    await viewings.look()
    lines = await _lines(world)
    assert len(lines) == 2 * 3
    ends = [detail["end"] for _, camera, detail in lines if camera == "a"]
    starts = [detail["start"] for _, camera, detail in lines if camera == "a"]
    assert starts[1:] == ends[:-1]
