"""RTSP 1.0 messages (RFC 2326) out of bytes and back; interleaved frames of the client are skipped. Pure, bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vms.errors import InputError

MAX_HEAD_BYTES = 16_384
MAX_BODY_BYTES = 65_536
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
}
_URL_PATH = re.compile(r"rtsp://[^/]*(/[^?#]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Path of the URL, without slashes at its ends; empty for `*` and for the root."""
        match = _URL_PATH.match(self.url)
        return (match[1] or "").strip("/") if match else ""


class Reader:
    """Collects bytes of a connection and gives whole requests."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests that are complete now. InputError: this is no RTSP, close."""
        self._data += data
        while self._data:
            if self._data[0] == 0x24:
                if not self._skip_interleaved():
                    return
                continue
            request = self._request()
            if request is None:
                return
            yield request

    def _skip_interleaved(self) -> bool:
        if len(self._data) < 4:
            return False
        size = 4 + int.from_bytes(self._data[2:4], "big")
        if len(self._data) < size:
            return False
        del self._data[:size]
        return True

    def _request(self) -> Request | None:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > MAX_HEAD_BYTES:
                raise InputError("the head of the request does not end")
            return None
        lines = self._data[:end].decode("utf-8", "replace").lstrip("\r\n").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("RTSP/"):
            raise InputError("not an RTSP request")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise InputError("a header without a colon")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise InputError("the length of the body is not acceptable")
        whole = end + 4 + int(length)
        if len(self._data) < whole:
            return None
        del self._data[:whole]
        return Request(words[0], words[1], headers)


def reply(status: int, cseq: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """An answer, ready to be written."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}", f"CSeq: {cseq}", "Server: vms-simulator"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class Transport:
    """One acceptable transport of a SETUP: interleaved channels for TCP, else the client's UDP ports."""

    tcp: bool
    first: int
    second: int


def parse_transport(header: str) -> Transport | None:
    """The first transport of the header (RFC 2326 12.39) that is served here, None where none is."""
    for offer in header.split(","):
        parts = [part.strip() for part in offer.split(";")]
        options = dict(part.partition("=")[::2] for part in parts[1:])
        if "multicast" in options:
            continue
        kind = parts[0].upper()
        if kind == "RTP/AVP/TCP":
            pair = _pair(options.get("interleaved", "0-1"), 255)
        elif kind in {"RTP/AVP", "RTP/AVP/UDP"}:
            pair = _pair(options.get("client_port", ""), 65535)
        else:
            continue
        if pair is not None:
            return Transport(kind == "RTP/AVP/TCP", *pair)
    return None


def _pair(text: str, limit: int) -> tuple[int, int] | None:
    first, dash, second = text.partition("-")
    if not first.isdecimal() or (dash and not second.isdecimal()):
        return None
    low = int(first)
    high = int(second) if dash else low + 1
    return (low, high) if low <= limit and high <= limit else None
