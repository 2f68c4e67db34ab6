"""What the bus asks of a camera that can be steered: `ingest.ptz.<camera>`, and `ingest.onvif.<site>` to try a device.

Served by the node that ingests the camera, as its snapshots are. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Any

from ingest.fleet import Fleet
from ingest.onvif import Connect, OnvifDevice
from ingest.ptz_camera import PtzCamera
from ingest.ptz_hold import Holder
from vms import logs
from vms.bus.base import Bus, Served, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy
from vms.errors import InputError, NotFoundError, TooManyError, VmsError
from vms.service import Service

TEND_S = 0.2
CHANGED = "ptz.changed"
TURNING = "ptz.turning"
"""A camera turns because somebody has it turn, and will for `for_s` seconds: what looks at pictures looks away."""
TRIES_MAX = 4
_WORD_MAX = 128
_Op = Callable[[PtzCamera, Value], Awaitable[dict[str, object]]]


class PtzService(Service):
    """Steers the cameras of this node that have an ONVIF device."""

    name = "ptz"

    def __init__(
        self, *, bus: Bus, fleet: Fleet, clock: Clock, policy: AddressPolicy, site: str | None = None,
        connect: Connect | None = None,
    ) -> None:  # fmt: skip
        super().__init__(clock)
        self._bus, self._fleet, self._policy, self._site = bus, fleet, policy, site
        self._connect = connect or self._onvif
        self._cameras: dict[str, PtzCamera] = {}
        self._served: dict[str, Served] = {}
        self._tending: dict[str, asyncio.Task[None]] = {}
        self._tries = 0
        self._ops: dict[str, _Op] = {
            "look": _look, "move": _move, "stop": _stop, "goto": _goto, "keep": _keep, "forget": _forget,
            "release": _release,
        }  # fmt: skip

    async def run_once(self) -> None:
        """Serve until stopped."""
        tried = self._bus.serve(f"ingest.onvif.{self._site or '*'}", self._try)
        self.ready()
        try:
            while True:
                self._follow()
                for ident, camera in self._cameras.items():
                    if ident not in self._tending:  # a slow device holds up its own camera alone
                        self._spawn(ident, camera.tend())
                if not await self.pause(TEND_S):
                    return
        finally:
            tried.close()
            for served in self._served.values():
                served.close()
            self._served.clear()
            await asyncio.gather(*self._tending.values(), return_exceptions=True)
            leaving, self._cameras = list(self._cameras.values()), {}
            await asyncio.gather(*(camera.close() for camera in leaving))

    def _follow(self) -> None:
        wanted = {ident: camera for ident, camera in self._fleet.cameras.items() if self._is_ours(camera)}
        for ident in [ident for ident in self._cameras if ident not in wanted]:
            self._served.pop(ident).close()
            self._spawn(f"{ident} leaves", self._cameras.pop(ident).close())
        for ident, camera in wanted.items():
            known = self._cameras.get(ident)
            if known is None:
                self._cameras[ident] = PtzCamera(camera, self._connect, self.clock, self._tell, self._turns)
                self._served[ident] = self._bus.serve(f"ingest.ptz.{ident}", self._serve)
            elif known.camera is not camera:
                known.follow(camera)

    def _spawn(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        def done(_: asyncio.Task[None]) -> None:
            self._tending.pop(key, None)

        task = self._tending[key] = asyncio.create_task(work)
        task.add_done_callback(done)

    def _is_ours(self, camera: Camera) -> bool:
        """Two nodes may have the two streams of a camera: the one with the smaller steers it."""
        if not camera.onvif or not camera.enabled or camera.deleted_ns is not None:
            return False
        name = StreamName.SUB if camera.stream(StreamName.SUB) is not None else StreamName.MAIN
        return StreamRef(camera.id, name) in self._fleet.specs

    def _onvif(self, url: str, username: str, password: str) -> OnvifDevice:
        return OnvifDevice(url, username, password, self._policy, self.clock)

    def _tell(self, ident: str) -> None:
        camera = self._cameras.get(ident)
        if camera is not None:
            self._bus.publish(CHANGED, {"camera": ident, "holder": self._holder(camera)})

    def _turns(self, ident: str, for_s: float) -> None:
        self._bus.publish(TURNING, {"camera": ident, "for_s": for_s})

    def _holder(self, camera: PtzCamera) -> dict[str, object] | None:
        holder, now_ns = camera.holder, self.clock.mono_ns()
        if holder is None or holder.until_ns <= now_ns:
            return None
        left_s = round((holder.until_ns - now_ns) / NS_PER_S, 1)
        return {"person": holder.person, "name": holder.name, "priority": holder.priority, "left_s": left_s}

    async def _serve(self, value: Value) -> Value:
        camera = self._cameras.get(str(value["_subject"]).split(".")[2])
        op = self._ops.get(str(value.get("op")))
        if camera is None:
            raise NotFoundError("This camera cannot be steered from here.", reason="ptz_none")
        if op is None:
            raise InputError("There is no such order to a camera.", field="op")
        answer = await op(camera, value)
        return {**answer, "holder": self._holder(camera)}

    async def _try(self, value: Value) -> Value:
        """What a device can, or why it gives nothing; never raises for what the device does."""
        if self._tries >= TRIES_MAX:
            raise TooManyError("Too many cameras are tried at this moment.", reason="probes_many")
        password = str(value.get("password", ""))
        device = self._onvif(str(value.get("url", "")), str(value.get("username", "")), password)
        self._tries += 1
        try:
            await device.open()
            presets = await device.presets() if device.can_move else []
        except VmsError as error:
            secret = (password,) if len(password) > 2 else ()
            params = {name: logs.redact(text, secret) for name, text in error.params.items()}
            message, hint = logs.redact(error.message, secret), logs.redact(error.hint, secret)
            return {"ok": False, "message": message, "hint": hint, "reason": error.reason, "params": params}
        finally:
            self._tries -= 1
            device.close()
        names = [preset.name for preset in presets]
        return {"ok": True, "profiles": list(device.profiles), "ptz": device.can_move, "presets": names}


def _who(value: Value) -> Holder:
    person, name, priority = value.get("person"), value.get("name"), value.get("priority")
    if not isinstance(person, str) or not isinstance(name, str) or not isinstance(priority, int):
        raise InputError("An order to a camera says whose it is.", field="person")
    return Holder(person, name, priority, 0)


def _word(value: Value, name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _WORD_MAX:
        raise InputError("A preset is named by its token.", field=name)
    return text


def _speed(value: Value) -> tuple[float, float, float]:
    parts = [value.get(name, 0.0) for name in ("pan", "tilt", "zoom")]
    if not all(isinstance(part, int | float) and -1 <= part <= 1 for part in parts):
        raise InputError("Speeds are from -1 to 1.", field="pan")
    pan, tilt, zoom = (round(float(part), 2) + 0.0 for part in parts)
    return pan, tilt, zoom


async def _look(camera: PtzCamera, _value: Value) -> dict[str, object]:
    look = await camera.look()
    position = None if look.position is None else asdict(look.position)
    return {"presets": [asdict(preset) for preset in look.presets], "position": position}


async def _move(camera: PtzCamera, value: Value) -> dict[str, object]:
    return {"taken": await camera.move(_who(value), _speed(value), take_over=value.get("take_over") is True)}


async def _stop(camera: PtzCamera, value: Value) -> dict[str, object]:
    await camera.stop(_who(value))
    return {}


async def _release(camera: PtzCamera, value: Value) -> dict[str, object]:
    await camera.release(_who(value))
    return {}


async def _goto(camera: PtzCamera, value: Value) -> dict[str, object]:
    preset = _word(value, "preset")
    return {"taken": await camera.goto(_who(value), preset, take_over=value.get("take_over") is True)}


async def _keep(camera: PtzCamera, value: Value) -> dict[str, object]:
    preset = None if value.get("preset") is None else _word(value, "preset")
    return {"preset": await camera.keep(_who(value), _word(value, "label"), preset)}


async def _forget(camera: PtzCamera, value: Value) -> dict[str, object]:
    await camera.forget(_who(value), _word(value, "preset"))
    return {}
