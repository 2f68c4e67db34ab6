"""The ONVIF devices of simulated cameras: one HTTP port, a path per camera, WS-Security digest, PTZ with presets.

The pictures are loops and do not turn; where a camera looks is told by GetStatus. asyncio; faults on command.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr, unescape

MESSAGE_BYTES = 64 * 1024
FAULTS = frozenset(
    {
        "none", "silent", "slow", "huge", "dtd", "bomb", "elsewhere", "garbage", "no_ptz", "refuse", "file",
        "other_host", "shy",
    }
)  # fmt: skip
_PATH = re.compile(r"(?:/([a-z0-9-]+))?/onvif/(device|media|ptz)_service")
_TURN_PER_S = 0.4
_ZOOM_PER_S = 0.4
_FRESH_S = 30.0
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a profile says of its stream."""

    name: str
    url: str
    codec: str
    width: int
    height: int
    fps: int
    gop: int


@dataclass(slots=True)
class Head:
    """A camera on its motor. Angles as PTZ's generic spaces: pan and tilt -1 to 1, zoom 0 to 1; speeds -1 to 1."""

    name: str
    place: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    speed: tuple[float, float, float] = (0.0, 0.0, 0.0)
    presets: dict[str, tuple[str, tuple[float, ...]]] = field(default_factory=dict)
    fault: str = "none"
    log: list[str] = field(default_factory=list)
    streams: list[StreamFacts] = field(default_factory=list)
    _at_s: float = 0.0
    _until_s: float = 0.0
    _numbers: int = 0

    def run(self, now_s: float) -> None:
        """Turn on until now, or until the time that the last movement named."""
        passed = max(0.0, min(now_s, self._until_s) - self._at_s)
        for axis, (rate, low) in enumerate(((_TURN_PER_S, -1.0), (_TURN_PER_S, -1.0), (_ZOOM_PER_S, 0.0))):
            self.place[axis] = min(1.0, max(low, self.place[axis] + self.speed[axis] * rate * passed))
        self._at_s = now_s
        if now_s >= self._until_s:
            self.speed = (0.0, 0.0, 0.0)

    def go(self, speed: tuple[float, float, float], now_s: float, timeout_s: float) -> None:
        """Move on."""
        self.speed, self._at_s, self._until_s = speed, now_s, now_s + timeout_s

    def keep(self, name: str, token: str) -> str:
        """Keep where it looks; the token."""
        if not token:
            self._numbers += 1
            token = f"preset{self._numbers}"
        self.presets[token] = (name or token, tuple(self.place))
        return token


class OnvifDevices:
    """All heads behind one port. The last one answers at the path that devices have as a rule too, so that whoever
    looks for cameras finds it."""

    def __init__(self, names: Iterable[tuple[str, str]], username: str, password: str) -> None:
        self._username, self._password = username, password
        self.heads = {slug: _furnished(Head(name)) for slug, name in names}
        self.host, self.port = "", 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int = 0) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MESSAGE_BYTES)
        self.host, self.port = host, int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def stop(self) -> None:
        """Close the port and its connections; safe to call twice."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    def url(self, slug: str) -> str:
        """The device URL of a camera."""
        return f"http://{self.host}:{self.port}/{slug}/onvif/device_service"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await _request(reader)) is not None:
                path, message = request
                status, answer = await self._answer(path, message)
                if answer is None:
                    break
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
                writer.write(f"{head}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # gone, or no HTTP
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, path: str, message: str) -> tuple[str, bytes | None]:
        found = _PATH.fullmatch(path)
        slug = (found[1] or next(reversed(self.heads), "")) if found else ""
        head = self.heads.get(slug)
        if found is None or head is None:
            return "404 Not Found", b""
        name = _operation(message)
        head.log.append(name)
        if head.fault == "silent":
            await asyncio.sleep(3600)
        if head.fault == "slow":
            await asyncio.sleep(0.3)
        if (hostile := _hostile(head.fault)) is not None:
            return "200 OK", hostile
        if name == "GetSystemDateAndTime" and head.fault != "shy":
            return "200 OK", _clock()
        if not self._is_signed(message):
            return "400 Bad Request", _fault("ter:NotAuthorized", "Sender not authorized")
        if head.fault == "refuse" and name in _MOVES:
            return "500 Internal Server Error", _fault("ter:Action", "the motor is stuck")
        base = f"http://{self.host}:{self.port}/{slug}/onvif"
        body = _describe(head, name, base) or _stream(head, name, message) or _steer(head, name, message)
        return ("200 OK", _wrapped(body)) if body else ("400 Bad Request", _fault("ter:ActionNotSupported", "no such"))

    def _is_signed(self, message: str) -> bool:
        """WS-Security UsernameToken with a digest and a time of now, by our own clock."""
        user, digest, nonce, created = (_text(message, name) for name in ("Username", "Password", "Nonce", "Created"))
        try:
            at = datetime.fromisoformat(created)
            raw = base64.b64decode(nonce, validate=True)
        except ValueError:
            return False
        right = hashlib.sha1(raw + created.encode() + self._password.encode(), usedforsecurity=False).digest()
        fresh = abs((datetime.now(UTC) - at).total_seconds()) < _FRESH_S
        return fresh and user == self._username and hmac.compare_digest(base64.b64encode(right).decode(), digest)


_MOVES = frozenset({"ContinuousMove", "GotoPreset", "Stop"})
_HOSTILE = {
    "dtd": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "bomb": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;&b;</x>',
    "garbage": "<html>Login</html",
}


def _hostile(fault: str) -> bytes | None:
    if fault == "huge":
        return b"<x>" + b"a" * (4 * 1024 * 1024) + b"</x>"
    text = _HOSTILE.get(fault)
    return None if text is None else text.encode()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    size = int(fields.get("content-length", "0"))
    if not 0 <= size <= MESSAGE_BYTES:
        raise ValueError("too large")
    return first.split(" ")[1], (await reader.readexactly(size)).decode("utf-8", "replace")


def _operation(message: str) -> str:
    found = re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)", message)
    return found[1] if found else ""


def _text(message: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}(?:\s[^>]*)?>([^<]*)<", message)
    return unescape(found[1]) if found else ""


def _numbers(message: str, name: str) -> dict[str, float]:
    found = re.search(rf"<(?:\w+:)?{name}\s([^>]*)>", message)
    return {key: float(value) for key, value in re.findall(r'(\w)="(-?[\d.]+)"', found[1] if found else "")}


def _describe(head: Head, name: str, base: str) -> str:
    if name == "GetCapabilities":
        media = "http://10.255.255.1/onvif" if head.fault == "elsewhere" else base
        ptz = "" if head.fault == "no_ptz" else f"<tt:PTZ><tt:XAddr>{base}/ptz_service</tt:XAddr></tt:PTZ>"
        media = f"<tt:Media><tt:XAddr>{media}/media_service</tt:XAddr></tt:Media>"
        found = f"<tds:Capabilities>{media}{ptz}</tds:Capabilities>"
        return f"<tds:GetCapabilitiesResponse>{found}</tds:GetCapabilitiesResponse>"
    if name == "GetProfiles":
        steered = (
            ""
            if head.fault == "no_ptz"
            else '<tt:PTZConfiguration token="ptz"><tt:Name>ptz</tt:Name></tt:PTZConfiguration>'
        )
        names = [(one.name, _encoder(one)) for one in head.streams] or [("main", "")]
        profiles = "".join(
            f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>{encoder}{steered}</trt:Profiles>'
            for token, encoder in names
        )
        return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"
    return ""


def _encoder(one: StreamFacts) -> str:
    size = f"<tt:Resolution><tt:Width>{one.width}</tt:Width><tt:Height>{one.height}</tt:Height></tt:Resolution>"
    rate = f"<tt:RateControl><tt:FrameRateLimit>{one.fps}</tt:FrameRateLimit></tt:RateControl>"
    gop = f"<tt:H264><tt:GovLength>{one.gop}</tt:GovLength></tt:H264>"
    inner = f"<tt:Encoding>{one.codec}</tt:Encoding>{size}{rate}{gop}"
    return f'<tt:VideoEncoderConfiguration token="{one.name}">{inner}</tt:VideoEncoderConfiguration>'


def _stream(head: Head, name: str, message: str) -> str:
    """What the device is, and where its streams are."""
    if name == "GetDeviceInformation":
        about = f"<tds:Manufacturer>Simulator</tds:Manufacturer><tds:Model>{escape(head.name)}</tds:Model>"
        about += "<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>1</tds:SerialNumber>"
        return f"<tds:GetDeviceInformationResponse>{about}</tds:GetDeviceInformationResponse>"
    if name == "GetStreamUri":
        token = _text(message, "ProfileToken")
        one = next((stream for stream in head.streams if stream.name == token), None)
        if one is None:
            return ""
        url = {"file": "file:///etc/passwd", "other_host": "rtsp://10.255.255.1/x"}.get(head.fault, one.url)
        uri = f"<trt:MediaUri><tt:Uri>{escape(url)}</tt:Uri></trt:MediaUri>"
        return f"<trt:GetStreamUriResponse>{uri}</trt:GetStreamUriResponse>"
    return ""


def _steer(head: Head, name: str, message: str) -> str:
    """Carry out a PTZ order; its answer, empty where it is none."""
    now_s = time.monotonic()
    head.run(now_s)
    token = _text(message, "PresetToken")
    inner = ""
    if name == "ContinuousMove":
        turn, zoom = _numbers(message, "PanTilt"), _numbers(message, "Zoom")
        head.go((turn.get("x", 0), turn.get("y", 0), zoom.get("x", 0)), now_s, _seconds(_text(message, "Timeout")))
    elif name == "Stop":
        head.speed = (0.0, 0.0, 0.0)
    elif name == "SetPreset":
        inner = f"<tptz:PresetToken>{escape(head.keep(_text(message, 'PresetName'), token))}</tptz:PresetToken>"
    elif name in {"GotoPreset", "RemovePreset"}:
        if token not in head.presets:
            return ""
        if name == "GotoPreset":
            head.speed, head.place = (0.0, 0.0, 0.0), list(head.presets[token][1])
        else:
            del head.presets[token]
    elif name == "GetPresets":
        inner = "".join(
            f"<tptz:Preset token={quoteattr(key)}><tt:Name>{escape(text)}</tt:Name></tptz:Preset>"
            for key, (text, _) in head.presets.items()
        )
    elif name == "GetStatus":
        x, y, z = head.place
        where = f'<tt:PanTilt x="{x:.4f}" y="{y:.4f}"/><tt:Zoom x="{z:.4f}"/>'
        inner = f"<tptz:PTZStatus><tt:Position>{where}</tt:Position></tptz:PTZStatus>"
    else:
        return ""
    return f"<tptz:{name}Response>{inner}</tptz:{name}Response>"


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"PT([\d.]+)S", duration)
    return float(found[1]) if found else 10.0


def _wrapped(body: str) -> bytes:
    spaces = (
        'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
        'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
        'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:ter="http://www.onvif.org/ver10/error"'
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {spaces}><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _fault(code: str, words: str) -> bytes:
    inner = f"<s:Subcode><s:Value>{code}</s:Value></s:Subcode>"
    reason = f'<s:Reason><s:Text xml:lang="en">{words}</s:Text></s:Reason>'
    return _wrapped(f"<s:Fault><s:Code><s:Value>s:Sender</s:Value>{inner}</s:Code>{reason}</s:Fault>")


def _clock() -> bytes:
    now = datetime.now(UTC)
    at = f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
    day = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
    utc = f"<tt:UTCDateTime><tt:Time>{at}</tt:Time><tt:Date>{day}</tt:Date></tt:UTCDateTime>"
    return _wrapped(
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
        f"{utc}</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _furnished(head: Head) -> Head:
    """Three presets, as an installer would leave."""
    for name, place in (("Gerbang", (-0.4, 0.1, 0.3)), ("Jalan", (0.0, 0.0, 0.0)), ("Parkir", (0.5, -0.1, 0.5))):
        head.place = list(place)
        head.keep(name, "")
    head.place = [0.0, 0.0, 0.0]
    return head
