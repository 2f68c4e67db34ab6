"""Who steers which camera, as nodes of ingest tell it, and how many orders a second one person may give. Event loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.errors import TooManyError

ORDERS_PER_S = 20
_LIMIT = 256


class Steering:
    """`run` listens; `held` is what it heard and is not over."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._held: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._orders: dict[str, tuple[int, int]] = {}

    async def run(self) -> None:
        """Hear until cancelled."""
        events = self._bus.subscribe("ptz.changed", limit=_LIMIT)
        try:
            async for _subject, value in events:
                self.hear(str(value.get("camera", "")), value.get("holder"))
        finally:
            events.close()

    def hear(self, camera: str, holder: Mapping[str, Any] | None) -> None:
        """This is who has the camera now. A node that is gone says nothing more: the time runs out here too."""
        if holder is None:
            self._held.pop(camera, None)
        else:
            until_ns = self._clock.mono_ns() + int(float(holder["left_s"]) * NS_PER_S)
            self._held[camera] = (until_ns, holder)

    def held(self) -> dict[str, Mapping[str, Any]]:
        """Camera -> its holder, with the seconds that are left."""
        now_ns = self._clock.mono_ns()
        self._held = {camera: held for camera, held in self._held.items() if held[0] > now_ns}
        return {
            camera: {**holder, "left_s": round((until_ns - now_ns) / NS_PER_S, 1)}
            for camera, (until_ns, holder) in self._held.items()
        }

    def count(self, person: str) -> None:
        """One more order of a person. TooManyError beyond ORDERS_PER_S in a second."""
        second = self._clock.mono_ns() // NS_PER_S
        begun, given = self._orders.get(person, (second, 0))
        given = given + 1 if begun == second else 1
        if len(self._orders) > _LIMIT:
            self._orders = {known: order for known, order in self._orders.items() if order[0] == second}
        self._orders[person] = (second, given)
        if given > ORDERS_PER_S:
            words = "These are more orders to cameras than a hand gives."
            raise TooManyError(words, hint="Wait a second.", reason="ptz_many")
