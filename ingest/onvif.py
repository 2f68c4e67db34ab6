"""An ONVIF device as PTZ needs it (ONVIF Core 8, Media 5, PTZ 5): its profiles, movements and presets.

Our own few messages rather than a library: what a device answers is bounded and never leads anywhere else. On the
event loop; each exchange blocks a thread of its own, one at a time.
"""

from __future__ import annotations

import asyncio
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from ingest import onvif_soap as soap
from ingest.onvif_http import OnvifConnection
from ingest.threads import in_thread
from ingest.url import Target, resolve_device
from vms.clock import NS_PER_S, Clock
from vms.domain.camera_url import AddressPolicy
from vms.domain.ptz import NAMES_MAX, TOKEN_MAX
from vms.errors import CameraUnreachableError, CameraUnsupportedError, CameraUrlError, VmsError

TIMEOUT_S = 4.0
MOVE_S = 2
"""A device that hears no more of us stops by itself after so long."""
_TARGET_MAX = 1024


@dataclass(frozen=True, slots=True)
class Preset:
    """A direction that the camera keeps, by its token."""

    token: str
    name: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where it looks: pan and tilt -1 to 1, zoom 0 to 1, in the generic spaces (PTZ 5.7)."""

    pan: float
    tilt: float
    zoom: float


class PtzDevice(Protocol):
    """What steers a camera. Every call may raise CameraError."""

    async def open(self) -> None:
        """Learn what the device can."""

    async def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Go on with this speed, each -1 to 1, until `stop` or the next; ends by itself after MOVE_S."""

    async def stop(self) -> None:
        """Stand still."""

    async def presets(self) -> list[Preset]:
        """The presets it keeps."""

    async def goto(self, preset: str) -> None:
        """Look there."""

    async def keep(self, name: str, preset: str | None = None) -> str:
        """Keep where it looks now, under a new token or an old one; gives the token."""

    async def forget(self, preset: str) -> None:
        """Remove a preset."""

    async def position(self) -> Position | None:
        """Where it looks now."""

    def close(self) -> None:
        """Leave; idempotent."""


Connect = Callable[[str, str, str], PtzDevice]
"""(URL, user, password) -> a device, not opened."""


class OnvifDevice:
    """A PtzDevice by ONVIF. `profiles`: names of its media profiles; `can_move`: one of them has PTZ."""

    def __init__(self, url: str, username: str, password: str, policy: AddressPolicy, clock: Clock) -> None:
        self._url, self._username, self._password = url, username, password
        self._policy, self._clock = policy, clock
        self._target: Target | None = None
        self._connection: OnvifConnection | None = None
        self._offset = timedelta()
        self._paths: dict[str, str] = {}
        self._profile = ""
        self._busy = asyncio.Lock()
        self.profiles: tuple[str, ...] = ()
        self.can_move = False

    async def open(self) -> None:
        """CameraError, CameraUrlError. Devices without PTZ open too; `can_move` is False then."""
        self._target = await self._resolved()
        self._connection = OnvifConnection(self._target, TIMEOUT_S)
        self._paths = {"device": self._target.url.target or "/onvif/device_service"}
        await self._set_clock()
        capabilities = await self._ask("device", "<d:GetCapabilities><d:Category>All</d:Category></d:GetCapabilities>")
        for name in ("Media", "PTZ"):
            address = soap.words(soap.find(capabilities, name, "XAddr"), _TARGET_MAX)
            if address:
                self._paths[name] = self._path(address)
        if "Media" not in self._paths:
            raise CameraUnsupportedError("The ONVIF device has no media profiles.", reason="onvif_no_media")
        answer = await self._ask("Media", "<m:GetProfiles/>")
        found = soap.every(answer, "Profiles")
        self.profiles = tuple(
            soap.words(soap.find(one, "Name"), 64) or str(one.get("token"))[:64] for one in found[:32]
        )
        steered = next((one for one in found if soap.find(one, "PTZConfiguration") is not None), None)
        token = None if steered is None else steered.get("token")
        self.can_move = token is not None and len(token) <= TOKEN_MAX and "PTZ" in self._paths
        self._profile = token or ""

    async def move(self, pan: float, tilt: float, zoom: float) -> None:
        """ContinuousMove (PTZ 5.3.3)."""
        speed = f'<t:PanTilt x="{pan:.3f}" y="{tilt:.3f}"/><t:Zoom x="{zoom:.3f}"/>'
        await self._steer("ContinuousMove", f"<p:Velocity>{speed}</p:Velocity><p:Timeout>PT{MOVE_S}S</p:Timeout>")

    async def stop(self) -> None:
        """Stop (PTZ 5.3.5)."""
        await self._steer("Stop", "<p:PanTilt>true</p:PanTilt><p:Zoom>true</p:Zoom>")

    async def presets(self) -> list[Preset]:
        """GetPresets (PTZ 5.4.2); those with an absurd token are left out."""
        answer = await self._steer("GetPresets")
        found = [
            (one.get("token") or "", soap.words(soap.find(one, "Name"), 64)) for one in soap.every(answer, "Preset")
        ]
        return [Preset(token, name or token) for token, name in found if 0 < len(token) <= TOKEN_MAX][:NAMES_MAX]

    async def goto(self, preset: str) -> None:
        """GotoPreset (PTZ 5.4.4)."""
        await self._steer("GotoPreset", f"<p:PresetToken>{soap.text_of(preset)}</p:PresetToken>")

    async def keep(self, name: str, preset: str | None = None) -> str:
        """SetPreset (PTZ 5.4.1)."""
        token = "" if preset is None else f"<p:PresetToken>{soap.text_of(preset)}</p:PresetToken>"
        answer = await self._steer("SetPreset", f"<p:PresetName>{soap.text_of(name)}</p:PresetName>{token}")
        given = soap.words(soap.find(answer, "PresetToken"), TOKEN_MAX + 1) or preset or ""
        if not 0 < len(given) <= TOKEN_MAX:
            raise soap.corrupt("it gives no token for the preset")
        return given

    async def forget(self, preset: str) -> None:
        """RemovePreset (PTZ 5.4.3)."""
        await self._steer("RemovePreset", f"<p:PresetToken>{soap.text_of(preset)}</p:PresetToken>")

    async def position(self) -> Position | None:
        """GetStatus (PTZ 5.3.6)."""
        place = soap.find(await self._steer("GetStatus"), "Position")
        if place is None:
            return None
        turned, zoomed = soap.find(place, "PanTilt"), soap.find(place, "Zoom")
        return Position(soap.number(turned, "x"), soap.number(turned, "y"), soap.number(zoomed, "x"))

    def close(self) -> None:
        """Leave; idempotent."""
        if self._connection is not None:
            self._connection.close()

    async def _resolved(self) -> Target:
        try:
            return await in_thread(
                lambda: resolve_device(self._url, self._policy, self._username, self._password), "onvif dns", TIMEOUT_S
            )
        except TimeoutError:
            raise CameraUnreachableError("Its name is not found in time.", reason="onvif_name") from None

    async def _set_clock(self) -> None:
        """The device judges a signature by its own clock, which may be years off; it tells it to anybody."""
        try:
            answer = await self._ask("device", "<d:GetSystemDateAndTime/>", signed=False)
            utc = soap.find(answer, "UTCDateTime")
            if utc is not None:
                names = ("Year", "Month", "Day", "Hour", "Minute", "Second")
                year, month, day, hour, minute, second = (int(soap.words(soap.find(utc, n), 4)) for n in names)
                self._offset = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - self._now()
        except CameraUnreachableError:
            raise
        except (VmsError, ValueError, OverflowError):
            self._offset = timedelta()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ns() / NS_PER_S, UTC)

    def _path(self, address: str) -> str:
        """Path of a service on the device itself. A device that names another host is refused: it would have us send
        the camera's login, or our commands, to a machine of somebody's choice."""
        assert self._target is not None
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "").lower()
        except ValueError:
            host, parts = "", urlsplit("")
        if parts.scheme not in {"http", "https"} or host not in {
            self._target.url.host.lower(),
            str(self._target.address),
        }:
            raise CameraUrlError(
                "The ONVIF device names another host for its services.",
                hint="Register it under the address that it believes to have, or correct its network settings.",
                reason="onvif_elsewhere",
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not all("!" <= c <= "~" for c in path):
            raise soap.corrupt("it names an impossible address")
        return path

    async def _steer(self, name: str, body: str = "") -> ET.Element:
        if not self.can_move:
            raise CameraUnsupportedError("The ONVIF device has no PTZ.", reason="onvif_no_ptz")
        token = f"<p:ProfileToken>{soap.text_of(self._profile)}</p:ProfileToken>"
        return await self._ask("PTZ", f"<p:{name}>{token}{body}</p:{name}>")

    async def _ask(self, service: str, body: str, *, signed: bool = True) -> ET.Element:
        connection = self._connection
        assert connection is not None
        async with self._busy:
            header = ""
            if signed and (self._username or self._password):
                created = (self._now() + self._offset).strftime("%Y-%m-%dT%H:%M:%SZ")
                header = soap.username_token(self._username, self._password, secrets.token_bytes(16), created)
            message, path = soap.envelope(body, header), self._paths[service]
            try:
                status, data = await in_thread(lambda: connection.post(path, message), "onvif", TIMEOUT_S + 1)
            except TimeoutError:
                connection.close()
                raise CameraUnreachableError("The ONVIF device does not answer in time.", reason="onvif_late") from None
            return soap.read_answer(data, status)
