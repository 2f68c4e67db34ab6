"""The little of RTSP and SDP that is needed to ask a camera what it has: replies, Digest, media lines. Pure.

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

_STATUS = re.compile(r"RTSP/\d\.\d (\d{3})(?: .*)?")
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"\r\n]*)"|([^\s,"]+))')
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


def authorization(challenges: list[str], method: str, url: str, username: str, password: str) -> str | None:
    """The Authorization header that answers the best of the challenges, None where none is known."""
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
            return _digest(digests[algorithm], algorithm, method, url, username, password)
    if basic:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return None


def _digest(values: dict[str, str], algorithm: str, method: str, url: str, username: str, password: str) -> str:
    def digest(text: str) -> str:
        return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = values.get("realm", ""), values.get("nonce", "")
    secret, request = digest(f"{username}:{realm}:{password}"), digest(f"{method}:{url}")
    fields = {"username": _quoted(username), "realm": realm, "nonce": nonce, "uri": url}
    extra = ""
    if "auth" in [q.strip() for q in values.get("qop", "").split(",")]:
        cnonce = secrets.token_hex(8)
        fields |= {"response": digest(f"{secret}:{nonce}:00000001:{cnonce}:auth:{request}"), "cnonce": cnonce}
        extra = ", qop=auth, nc=00000001"
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
    """One m-line: `video` or `audio`, its encoding in capitals (`H264`, `H265`, `JPEG`, `MPEG4-GENERIC`, `PCMU`…)."""

    kind: str
    encoding: str
    clock_hz: int


def media_lines(sdp: bytes) -> list[MediaLine]:
    """The media of a session description; ValueError where there are absurdly many."""
    found: list[MediaLine] = []
    kind = payload = ""
    encodings: dict[str, tuple[str, int]] = {}

    def close() -> None:
        if kind:
            encoding, hz = encodings.get(payload, (_STATIC.get(payload, ""), 0))
            found.append(MediaLine(kind, encoding, hz))

    for line in sdp.decode("utf-8", "replace").splitlines():
        if line.startswith("m="):
            close()
            words = line[2:].split()
            kind, payload = (words[0], words[3]) if len(words) > 3 else ("", "")
            encodings = {}
            if len(found) > MAX_TRACKS:
                raise ValueError("too many tracks")
        elif line.startswith("a=rtpmap:"):
            number, _, rest = line[9:].partition(" ")
            name, _, clock = rest.strip().partition("/")
            hz = clock.partition("/")[0]
            encodings[number.strip()] = (name.upper(), int(hz) if hz.isascii() and hz.isdigit() and len(hz) < 9 else 0)
    close()
    return found
