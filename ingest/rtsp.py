"""The little of RTSP and SDP that is needed to ask a camera for its video: replies, Digest, media lines, URLs. Pure.

RFC 2326 (RTSP 1.0), RFC 7616 and RFC 2617 (Digest), RFC 4566 (SDP). Everything is bounded; what is wrong is ValueError.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 256 * 1024
MAX_TRACKS = 32
MAX_URL_CHARS = 4096

_STATUS = re.compile(r"RTSP/\d\.\d (\d{3})(?: .*)?")
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"\r\n]*)"|([^\s,"]+))')
_AUTHORITY = re.compile(r"rtsps?://[^/?#]*", re.IGNORECASE)
_VISIBLE = re.compile(r"[!-~]+")
_CHANNELS = re.compile(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?")
_SESSION = re.compile(r"[!-~]{1,256}")
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
# Static RTP payload types (RFC 3551 §6) that cameras use without an rtpmap line.
_STATIC = {"0": "PCMU", "8": "PCMA", "26": "JPEG", "96": ""}


@dataclass(frozen=True, slots=True)
class Reply:
    """Head of an RTSP reply. Header names are lower case; of repeated headers all values are kept."""

    status: int
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]

    def body_bytes(self) -> int:
        """Content-Length; ValueError where it is no sane number."""
        lengths = self.all("content-length")
        if not lengths:
            return 0
        if not (lengths[0].isascii() and lengths[0].isdigit()) or len(lengths[0]) > 9:
            raise ValueError("Content-Length is no number")
        size = int(lengths[0])
        if size > MAX_BODY_BYTES:
            raise ValueError("the description is too long")
        return size


def parse_head(head: bytes) -> Reply:
    """Parse status line and headers (without the empty line); ValueError where it is not RTSP."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    status = _STATUS.fullmatch(lines[0])
    if status is None:
        raise ValueError("not an RTSP reply")
    headers = [
        (name.strip().lower(), value.strip()) for name, colon, value in (li.partition(":") for li in lines[1:]) if colon
    ]
    return Reply(int(status[1]), tuple(headers))


def authorization(
    challenges: list[str], method: str, url: str, username: str, password: str, count: int = 1
) -> str | None:
    """The Authorization header that answers the best of the challenges, None where none is known. `count`: how many
    requests have used the challenge, this one included."""
    digests: dict[str, dict[str, str]] = {}
    basic = False
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "digest":
            values = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}
            digests.setdefault(values.get("algorithm", "MD5").upper(), values)
        elif scheme.lower() == "basic":
            basic = True
    for algorithm in ("SHA-256", "MD5"):
        if algorithm in digests:
            return _digest(digests[algorithm], algorithm, f"{method}:{url}", (username, password), count)
    if basic:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return None


def _digest(values: dict[str, str], algorithm: str, what: str, who: tuple[str, str], count: int) -> str:
    def digest(text: str) -> str:
        return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = values.get("realm", ""), values.get("nonce", "")
    (username, password), url = who, what.partition(":")[2]
    secret, request = digest(f"{username}:{realm}:{password}"), digest(what)
    fields = {"username": _quoted(username), "realm": realm, "nonce": nonce, "uri": url}
    extra = ""
    if "auth" in [q.strip() for q in values.get("qop", "").split(",")]:
        cnonce = secrets.token_hex(8)
        fields |= {"response": digest(f"{secret}:{nonce}:{count:08x}:{cnonce}:auth:{request}"), "cnonce": cnonce}
        extra = f", qop=auth, nc={count:08x}"
    else:
        fields["response"] = digest(f"{secret}:{nonce}:{request}")
    if "opaque" in values:
        fields["opaque"] = values["opaque"]
    if "algorithm" in values:
        extra += f", algorithm={algorithm}"
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items()) + extra


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m-line: `video` or `audio`, its encoding in capitals (`H264`, `H265`, `JPEG`, `MPEG4-GENERIC`, `PCMU`…), the
    profile (`RTP/AVP`), the first payload type, its format parameters (names in lower case) and its control URL."""

    kind: str
    encoding: str
    clock_hz: int
    profile: str = ""
    payload: str = ""
    formats: tuple[tuple[str, str], ...] = ()
    control: str = ""

    def format(self, name: str) -> str:
        """A format parameter (`a=fmtp`), empty where it is not given."""
        return dict(self.formats).get(name, "")


@dataclass(frozen=True, slots=True)
class Description:
    """A session description: its media, and the control URL of the whole."""

    media: tuple[MediaLine, ...]
    control: str = ""


def describe(sdp: bytes) -> Description:
    """Read a session description; ValueError where it has absurdly many media."""
    common, *sections = _sections(sdp.decode("utf-8", "replace").splitlines())
    return Description(tuple(_media_line(lines) for lines in sections if len(lines[0].split()) > 3), _control(common))


def _sections(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            if len(found) > MAX_TRACKS:
                raise ValueError("too many tracks")
            found.append([])
        found[-1].append(line)
    return found


def _media_line(lines: list[str]) -> MediaLine:
    kind, _, profile, payload = lines[0][2:].split()[:4]
    encoding, clock_hz, formats = _STATIC.get(payload, ""), 0, {}
    for line in lines:
        name, _, rest = line.partition(":")
        number, _, value = rest.partition(" ")
        if number.strip() != payload:
            continue
        if name == "a=rtpmap":
            text, _, clock = value.strip().partition("/")
            hz = clock.partition("/")[0]
            encoding, clock_hz = text.upper(), int(hz) if hz.isascii() and hz.isdigit() and len(hz) < 9 else 0
        elif name == "a=fmtp":
            pairs = (item.partition("=") for item in value.split(";"))
            formats = {key.strip().lower(): text.strip() for key, _, text in pairs}
    return MediaLine(kind, encoding, clock_hz, profile, payload, tuple(formats.items()), _control(lines))


def _control(lines: list[str]) -> str:
    return next((line[10:].strip() for line in lines if line.startswith("a=control:")), "")


def control_url(base: str, control: str) -> str:
    """The URL of a track or of the whole (RFC 2326 C.1.1), always on the host and port of `base`. A relative one is
    put behind the base, query included, as all cameras expect it. ValueError."""
    host = _AUTHORITY.match(base)
    absolute = _AUTHORITY.match(control)
    if host is None:
        raise ValueError("not an RTSP URL")
    if absolute is not None:
        url = host[0] + control[absolute.end() :]
    elif control in {"", "*"}:
        url = base
    else:
        url = base + ("" if base.endswith("/") or control.startswith("/") else "/") + control
    if len(url) > MAX_URL_CHARS or not _VISIBLE.fullmatch(url):
        raise ValueError("it names its track by an impossible URL")
    return url


def channels(transport: str) -> tuple[int, int]:
    """The interleaved channels of RTP and RTCP in a Transport header; 0 and 1, which were asked for, where it names
    none. ValueError where the answer is another transport."""
    words = [word.strip() for word in transport.partition(",")[0].split(";")]
    pair = next((_CHANNELS.fullmatch(word) for word in words if word.startswith("interleaved")), None)
    if pair is None:
        if words[0] and "TCP" not in words[0].upper():
            raise ValueError("it does not send over TCP")
        return 0, 1
    first = int(pair[1])
    second = int(pair[2]) if pair[2] else first + 1
    return (first, second) if first < 256 and second < 256 and first != second else (0, 1)


def session_of(header: str) -> tuple[str, int]:
    """Id and time-out in seconds (60 where none is given) of a Session header. ValueError."""
    name, *words = [word.strip() for word in header.split(";")]
    if not _SESSION.fullmatch(name):
        raise ValueError("it gives no session")
    given = next((word[8:] for word in words if word.startswith("timeout=")), "")
    return name, min(max(int(given), 2), 3600) if given.isascii() and given.isdigit() and len(given) < 9 else 60
