"""What of a Stream goes to another zone: sound beside the pictures, and only where somebody listens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

from ingest.bridge import FarBridge
from ingest.credit import Credit
from ingest.line import Line
from tests.streamer.packets import REF, packet
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.media import Packet
from vms.line_meter import LineMeter


def _tracks(events: Any) -> list[int]:
    return [value["item"].track for _, value in events._queue if isinstance(value["item"], Packet)]


async def test_sound_crosses_a_line_where_somebody_listens() -> None:
    """Without a listener pictures alone; with one both; who asks for key frames alone gets no sound."""
    clock, bus = ManualClock(), MemoryBus()
    events = bus.subscribe(f"media.center.{REF.camera}.{REF.name}")
    with ThreadPoolExecutor(1) as pool:
        bridge = FarBridge(
            REF, "center", bus, clock=clock, credit=Credit(Line(), REF, 50), meter=LineMeter(clock), pool=pool,
            run_of=lambda: None,
        )  # fmt: skip

        def sound(seq: int) -> Packet:
            return replace(packet(seq), track=1, is_key=True)

        bridge.burst([packet(0, key=True)])
        bridge.put(sound(1))
        bridge.put(packet(2))
        assert _tracks(events) == [0, 0]
        bridge.sound = True
        bridge.put(sound(3))
        bridge.put(packet(4))
        assert _tracks(events) == [0, 0, 1, 0]
        bridge.quality = "key"
        bridge.put(sound(5))
        bridge.put(packet(6, key=True))
        assert _tracks(events) == [0, 0, 1, 0, 0]
        bridge.close()
    numbers = [cast("int", value["n"]) for _, value in events._queue]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    await bus.close()
