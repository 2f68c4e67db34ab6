"""What uploads take of a line beside live video."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.line_share import upload_bytes_per_s
from recorder.pacing import Pacing, PacingOptions
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.line_meter import LineMeter
from vms.objects.pace import Pace
from vms.sync.neighbours import Neighbours

LINE = 250_000.0


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ([0.0], 0.6 * LINE),
        ([0.2 * LINE], 0.6 * LINE),
        ([0.5 * LINE], 0.4 * LINE),
        ([0.98 * LINE], 0.05 * LINE),
        ([2 * LINE], 0.05 * LINE),
        ([0.25 * LINE, 0.25 * LINE], 0.2 * LINE),
    ],
)
def test_the_rule(live: list[float], expected: float) -> None:
    """60 % of the line, 80 % of what live leaves, never nothing; divided by nodes."""
    assert upload_bytes_per_s(LINE, live) == pytest.approx(expected)


@given(st.floats(1e3, 1e9), st.lists(st.floats(0, 1e9), min_size=1, max_size=6))
def test_uploads_never_starve_and_never_take_all(line: float, live: list[float]) -> None:
    """All nodes together: between a twentieth and six tenths of the line."""
    total = upload_bytes_per_s(line, live) * len(live)
    assert 0.049 * line <= total <= 0.601 * line


async def test_the_meter_forgets() -> None:
    """An average of three seconds, and nothing after they are over."""
    clock = ManualClock()
    meter = LineMeter(clock)
    for _ in range(12):
        meter.sent(10_000)
        await clock.advance(0.25)
    assert meter.bytes_per_s == pytest.approx(40_000, rel=0.1)
    await clock.advance(4)
    assert meter.bytes_per_s == 0


async def test_the_pace_follows_what_all_nodes_send() -> None:
    """Twice a second, and no limit is left behind."""
    clock, pace, own, others = ManualClock(), Pace(), [0.0], [0.0]
    pacing = Pacing(
        clock,
        paces={"home": pace},
        own=lambda: own[0],
        others=lambda: others,
        options=PacingOptions(LINE),
    )
    task = asyncio.create_task(pacing.run())
    await clock.advance(0.1)
    assert pace.bytes_per_s == pytest.approx(0.3 * LINE)
    own[0] = others[0] = LINE / 4
    await clock.advance(0.5)
    assert pace.bytes_per_s == pytest.approx(0.2 * LINE)
    others.clear()
    await clock.advance(0.5)
    assert pace.bytes_per_s == pytest.approx(0.6 * LINE)
    pacing.stop()
    await clock.advance(1)
    await task
    assert pace.bytes_per_s is None


async def test_neighbours_are_those_of_the_zone_that_are_alive() -> None:
    """Their figures are heard; the first by id does the work of those that are gone."""
    clock, bus = ManualClock(), MemoryBus()
    near = Neighbours(bus, clock, "sampit", "b")
    task = asyncio.create_task(near.run())
    await clock.advance(0)
    for node, zone in (("a", "sampit"), ("b", "sampit"), ("c", "sampit"), ("d", "kapuas")):
        bus.publish("node.alive", {"node": node, "zone": zone, "live_bytes_per_s": 7})
    await clock.advance(1)
    assert near.figures("live_bytes_per_s") == [7, 7]
    assert near.left_to() is None
    await clock.advance(8)
    bus.publish("node.alive", {"node": "c", "zone": "sampit"})
    await clock.advance(2)
    assert near.left_to() == {"c"}
    near.stop()
    await clock.advance(1)
    await task
    await bus.close()
