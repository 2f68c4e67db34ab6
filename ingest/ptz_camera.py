"""One camera that can be steered: its device, who holds it, the stop of a hand that let go, its patrol. Event loop.

A device that fails costs its own camera alone: calls are one at a time and bounded, and after a failed start it is left
in peace for some seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingest.onvif import Connect, Position, Preset, PtzDevice
from ingest.ptz_hold import Holder, Patrol, take
from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.errors import CameraError, ConflictError, InputError, TooManyError, VmsError

log = logs.get(__name__)

DEAD_MAN_S = 1.0
"""Without a renewed move for so long the camera is stopped."""
RENEW_S = 0.8
PEACE_S = 3.0
OWED_S = 30.0
"""How long a stop that a device did not take is tried again."""
TELL_S = 3.0
"""How often it is told that the holder still has it."""
SETTLE_S = 3.0
TRAVEL_S = 10.0
"""How long pictures are those of a camera that turns: after a stop, and after it was sent to a preset."""
WAITING_MAX = 8
LOOK_S = 2.0
"""How long what the device said of its presets and its position holds."""
Speed = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of the camera now."""

    presets: tuple[Preset, ...]
    position: Position | None


class PtzCamera:
    """See the module. `changed` is called when the holder is another, and while one has it; `turning` with the seconds
    for which it turns because somebody, or its patrol, has it turn."""

    def __init__(
        self, camera: Camera, connect: Connect, clock: Clock, changed: Callable[[str], None],
        turning: Callable[[str, float], None] = lambda _camera, _for_s: None,
    ) -> None:  # fmt: skip
        self.camera = camera
        self.holder: Holder | None = None
        self._connect, self._clock, self._changed, self._turning = connect, clock, changed, turning
        self._told_ns = 0
        self._device: PtzDevice | None = None
        self._busy = asyncio.Lock()
        self._waiting = 0
        self._failed: tuple[int, VmsError] | None = None
        self._wanted: Speed | None = None
        self._wanted_ns = 0
        self._sent: tuple[Speed, int] | None = None
        self._owed_ns = 0
        self._retry_ns = 0
        self._seen: tuple[int, Look] | None = None
        self._patrol = Patrol()

    def follow(self, camera: Camera) -> None:
        """The camera's row has changed: its device may be another."""
        before, self.camera = self.camera, camera
        if (before.onvif, before.username, before.password) != (camera.onvif, camera.username, camera.password):
            self._leave()
            self._failed, self._owed_ns = None, 0

    async def move(self, who: Holder, speed: Speed, *, take_over: bool) -> bool:
        """Go on with this speed, or stand still; whether `who` has newly taken the camera. ConflictError, CameraError.
        A move that a newer one overtakes while the device is slow is left out."""
        fresh = self._take(who, take_over=take_over)
        if speed == (0.0, 0.0, 0.0):
            await self.halt()
            return fresh
        now_ns = self._clock.mono_ns()
        self._wanted, self._wanted_ns = speed, now_ns
        if self._sent is not None and self._sent[0] == speed and now_ns - self._sent[1] < RENEW_S * NS_PER_S:
            return fresh
        async with self._turn() as device:
            if self._wanted is speed:
                now_ns = self._clock.mono_ns()
                self._sent, self._owed_ns = (speed, now_ns), now_ns + int(OWED_S * NS_PER_S)
                self._turning(self.camera.id, DEAD_MAN_S + SETTLE_S)
                await device.move(*speed)
                if self._wanted is speed:
                    self._wanted_ns = self._clock.mono_ns()  # whoever waits for this answer could not renew before it
        return fresh

    async def stop(self, who: Holder) -> None:
        """Stand still. Anybody may who may steer: to stop is never wrong. It gives nobody the camera."""
        log.debug("ptz stop", camera=self.camera.slug, person=who.person)
        await self.halt()

    async def halt(self) -> None:
        """Stand still, whatever was asked before."""
        self._wanted = None
        async with self._turn() as device:
            if self._wanted is None:
                self._turning(self.camera.id, SETTLE_S)
                await device.stop()
                self._sent, self._owed_ns = None, 0

    async def release(self, who: Holder) -> None:
        """Let go: if `who` had it nobody has it any more, and what it moved stands still."""
        if self.holder is None or self.holder.person != who.person:
            return
        self.holder = None
        self._changed(self.camera.id)
        if self._owed_ns:
            await self.halt()

    async def goto(self, who: Holder, preset: str, *, take_over: bool) -> bool:
        """Look at a preset; whether `who` has newly taken the camera."""
        fresh = self._take(who, take_over=take_over)
        self._wanted = self._sent = None
        await self._visit(preset)
        return fresh

    async def keep(self, who: Holder, name: str, preset: str | None) -> str:
        """Keep where it looks now; the preset's token."""
        self._check_free(who)
        async with self._turn() as device:
            self._seen = None
            return await device.keep(name, preset)

    async def forget(self, who: Holder, preset: str) -> None:
        """Remove a preset."""
        self._check_free(who)
        async with self._turn() as device:
            self._seen = None
            await device.forget(preset)

    async def look(self) -> Look:
        """Presets and position, at most LOOK_S old."""
        now_ns = self._clock.mono_ns()
        if self._seen is None or now_ns - self._seen[0] > LOOK_S * NS_PER_S:
            async with self._turn() as device:
                presets = tuple(await device.presets())
                try:
                    position = await device.position()
                except CameraError:  # many have no status; they can be steered all the same
                    position = None
            self._seen = (now_ns, Look(presets, position))
        return self._seen[1]

    async def tend(self) -> None:
        """Stop a hand that let go, let the holder's time run out, go on with the patrol. Called several times a second;
        never raises for what the device does."""
        now_ns = self._clock.mono_ns()
        if self.holder is not None and self.holder.until_ns <= now_ns:
            self.holder = None
            self._changed(self.camera.id)
        preset = None
        try:
            if self._owed_ns and now_ns >= self._retry_ns and now_ns - self._wanted_ns > DEAD_MAN_S * NS_PER_S:
                await self.halt()
            preset = self._patrol.due(self.camera.ptz, now_ns, is_held=self.holder is not None)
            if preset is not None:
                await self._visit(preset)
        except VmsError as error:
            # Most devices stop by themselves after the time that each move names; some do not.
            self._retry_ns = now_ns + int(PEACE_S * NS_PER_S)
            if now_ns >= self._owed_ns:
                self._owed_ns = 0
            log.warning("ptz failed", camera=self.camera.slug, preset=preset, why=logs.redact(error.message))

    async def close(self) -> None:
        """Stop what moves, and leave."""
        if self._owed_ns:
            try:
                await self.halt()
            except VmsError as error:
                log.warning("ptz was not stopped", camera=self.camera.slug, why=logs.redact(error.message))
        self._leave()

    def _take(self, who: Holder, *, take_over: bool) -> bool:
        now_ns = self._clock.mono_ns()
        before = self.holder
        self.holder = take(before, who, now_ns, take_over=take_over)
        self._patrol.disturb(now_ns)
        fresh = before is None or before.person != self.holder.person
        if fresh or now_ns - self._told_ns > TELL_S * NS_PER_S:
            self._told_ns = now_ns
            self._changed(self.camera.id)
        return fresh

    async def _visit(self, preset: str) -> None:
        async with self._turn() as device:
            self._turning(self.camera.id, TRAVEL_S)
            await device.goto(preset)
            self._owed_ns = 0

    def _check_free(self, who: Holder) -> None:
        holder, now_ns = self.holder, self._clock.mono_ns()
        if holder is not None and holder.until_ns > now_ns and holder.person != who.person:
            raise ConflictError(
                f"{holder.name} steers this camera.", hint="Take it over, or wait until it is free.",
                reason="ptz_held", params={"name": holder.name},
            )  # fmt: skip

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[PtzDevice]:
        """The opened device, for one at a time."""
        if self._waiting >= WAITING_MAX:
            raise TooManyError("The camera is slow to obey.", hint="Wait some seconds.", reason="ptz_slow")
        self._waiting += 1
        try:
            async with self._busy:
                try:
                    yield await self._opened()
                except InputError:
                    self._leave()
                    raise
                except CameraError as error:
                    if error.code != "unsupported":  # a refusal is an answer: the connection is sound
                        self._leave()
                    raise
        finally:
            self._waiting -= 1

    async def _opened(self) -> PtzDevice:
        if self._device is not None:
            return self._device
        now_ns = self._clock.mono_ns()
        if self._failed is not None and now_ns - self._failed[0] < PEACE_S * NS_PER_S:
            raise self._failed[1]
        device = self._connect(self.camera.onvif, self.camera.username, self.camera.password)
        try:
            await device.open()
        except VmsError as error:
            device.close()
            self._failed = (now_ns, error)
            raise
        self._device, self._failed = device, None
        return device

    def _leave(self) -> None:
        device, self._device = self._device, None
        self._seen = self._sent = None
        if device is not None:
            device.close()
