"""Brings the Cameras of Alarms onto Displays, and takes them off again. Event loop; part of the Service `rules`.

What is shown is a row like that of a person's push (vms/domain/alarm_screens.py decides); screens hear of it by
`display.changed`. Where a person is quicker, the row has changed, and it is decided anew a second later.
"""

from __future__ import annotations

from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.alarm import Alarm
from vms.domain.alarm_screens import has_alarm, with_alarms
from vms.domain.display import Display
from vms.errors import ConflictError, NotFoundError, VmsError
from vms.store import Catalogue

log = logs.get(__name__)

DISPLAY_CHANGED = "display.changed"
TELLER = "rules"
"""Who pushed, in the audit log."""


class AlarmScreens:
    """Looks when it is told to; what fails is tried again then, and never stops an Alarm."""

    def __init__(self, clock: Clock, *, catalogue: Catalogue, bus: Bus) -> None:
        self._clock, self._catalogue, self._bus = clock, catalogue, bus
        self._held = True
        self._throttle = logs.Throttle(60 * NS_PER_S)

    async def look(self) -> None:
        """Once: every Display as it should be now. Reads Displays only while an Alarm wants one or has one."""
        try:
            await self._look()
        except VmsError as error:
            if self._throttle.admit(self._clock.mono_ns()) is not None:
                log.warning("alarms are not brought onto screens", why=logs.redact(error.message))

    async def _look(self) -> None:
        now_ns = self._clock.now_ns()
        wanting = {alarm.id: alarm for alarm in await self._catalogue.alarms.on_displays(now_ns)}
        if not wanting and not self._held:
            return
        if wanting:
            there = {camera.id for camera in await self._catalogue.cameras.list()}
            wanting = {ident: alarm for ident, alarm in wanting.items() if alarm.camera in there}
        displays = await self._catalogue.displays.list()
        changed = 0
        for display in displays:
            wanted = with_alarms(display, wanting.values(), now_ns)
            if wanted is not None:
                changed += await self._show(wanted, wanting.get(wanted.showing.alarm or ""))
        self._held = changed > 0 or any(has_alarm(display) for display in displays)
        if changed:
            self._bus.publish(DISPLAY_CHANGED, {})

    async def _show(self, display: Display, alarm: Alarm | None) -> bool:
        try:
            await self._catalogue.displays.update([display])
        except (ConflictError, NotFoundError):
            return False  # somebody was quicker
        action = "display.take_back" if alarm is None else "display.show"
        detail = {"name": display.name}
        if alarm is not None:
            detail |= {"alarm": alarm.id, "kind": "camera", "what": alarm.camera or "", "rule": alarm.rule_name}
        log.info("an alarm comes onto a screen" if alarm else "an alarm leaves a screen", display=display.name)
        await self._catalogue.audit.add(TELLER, action, display.id, detail)
        return True
