"""What an ONVIF device says of itself: maker and model, its clock, its streams (Core 8.1, Media 5.2 and 5.15).

The client of PTZ (ingest/onvif.py), so its bounds hold here too: one host, no document types, small answers. A stream
that the device would have us fetch from another host is left out and counted (attacks 46).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest import onvif_soap as soap
from ingest.onvif import OnvifDevice
from ingest.onvif_http import OnvifConnection
from vms.clock import Clock
from vms.domain.camera_url import AddressPolicy, literal_address, parse_camera_url
from vms.domain.ptz import TOKEN_MAX
from vms.errors import CameraUrlError, VmsError

PROFILES_MAX = 8
GREET_S = 2.0
DEVICE_PATH = "/onvif/device_service"
_CODECS: Mapping[str, str] = {"H264": "h264", "H265": "h265", "HEVC": "h265", "JPEG": "mjpeg", "MPEG4": "mpeg4"}
_URL_MAX = 2048


@dataclass(frozen=True, slots=True)
class Feed:
    """A stream by a media profile. `fps` and `gop` (pictures from key frame to key frame) are 0 where not told."""

    name: str
    url: str
    codec: str
    width: int
    height: int
    fps: int
    gop: int


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """`clock_off_s`: its clock less ours; `elsewhere`: streams that were left out, being at another host."""

    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    clock_off_s: float = 0.0
    ptz: bool = False
    elsewhere: int = 0
    feeds: tuple[Feed, ...] = field(default=())

    def as_value(self) -> dict[str, Any]:
        """For the bus."""
        return asdict(self) | {"feeds": [asdict(feed) for feed in self.feeds]}


class OnvifFacts(OnvifDevice):
    """A device that is asked what it is."""

    def __init__(self, url: str, username: str, password: str, policy: AddressPolicy, clock: Clock) -> None:
        super().__init__(url, username, password, policy, clock)
        self.clock_off_s = 0.0

    async def greet(self) -> None:
        """Whether there is an ONVIF device, by the one question that needs no login. CameraError: there is none."""
        self._target = await self._resolved()
        self._connection = OnvifConnection(self._target, GREET_S)
        self._paths = {"device": self._target.url.target or DEVICE_PATH}
        answer = await self._ask("device", "<d:GetSystemDateAndTime/>", signed=False)
        if soap.find(answer, "SystemDateAndTime") is None:
            raise soap.corrupt("it does not tell the time")
        await self._set_clock()
        self.clock_off_s = round(self._offset.total_seconds(), 1)

    async def facts(self) -> DeviceFacts:
        """After `open`. CameraError."""
        about = await self._ask("device", "<d:GetDeviceInformation/>")
        answer = await self._ask("Media", "<m:GetProfiles/>")
        feeds, elsewhere = [], 0
        for profile in soap.every(answer, "Profiles")[:PROFILES_MAX]:
            try:
                feed = await self._feed(profile)
            except CameraUrlError:
                elsewhere += 1
                continue
            except VmsError:
                continue  # a profile without a stream is no reason to have none
            if feed is not None:
                feeds.append(feed)
        return DeviceFacts(
            soap.words(soap.find(about, "Manufacturer"), 64),
            soap.words(soap.find(about, "Model"), 64),
            soap.words(soap.find(about, "FirmwareVersion"), 64),
            soap.words(soap.find(about, "SerialNumber"), 64),
            round(self._offset.total_seconds(), 1),
            self.can_move,
            elsewhere,
            tuple(feeds),
        )

    async def _feed(self, profile: ET.Element) -> Feed | None:
        token = profile.get("token") or ""
        encoder = soap.find(profile, "VideoEncoderConfiguration")
        if not 0 < len(token) <= TOKEN_MAX or encoder is None:
            return None
        setup = "<t:Stream>RTP-Unicast</t:Stream><t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport>"
        body = f"<m:StreamSetup>{setup}</m:StreamSetup><m:ProfileToken>{soap.text_of(token)}</m:ProfileToken>"
        answer = await self._ask("Media", f"<m:GetStreamUri>{body}</m:GetStreamUri>")
        url = parse_camera_url(soap.words(soap.find(answer, "Uri"), _URL_MAX))
        assert self._target is not None
        ours = {self._target.url.host.lower(), str(self._target.address)}
        if url.host.lower() not in ours and literal_address(url.host) != self._target.address:
            raise CameraUrlError("The stream is at another host.", reason="onvif_elsewhere")
        spelled = soap.words(soap.find(encoder, "Encoding"), 16).upper()
        return Feed(
            soap.words(soap.find(profile, "Name"), 64) or token[:64],
            url.bare,
            _CODECS.get(spelled, spelled.lower()),
            _whole(soap.find(encoder, "Resolution", "Width")),
            _whole(soap.find(encoder, "Resolution", "Height")),
            _whole(soap.find(encoder, "RateControl", "FrameRateLimit")),
            _whole(soap.find(encoder, "GovLength")),
        )


def _whole(element: ET.Element | None) -> int:
    text = soap.words(element, 12).partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() else 0
