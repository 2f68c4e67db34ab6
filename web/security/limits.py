"""Limits of one request: address, headers, ranges, body and the shape of its JSON. Pure ASGI.

`EdgeLimits` stands before the gate and reads no body; `BodyLimits` behind it, so that only who may come in is read.
Sizes of connections and slow clients are the business of web.protocol.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problem import HttpError
from web.ranges import wants_many
from web.sheet.rows import BYTES_MAX as SHEET_BYTES_MAX

URL_MAX_BYTES = 8_192
HEADERS_MAX_BYTES = 65_536
BODY_MAX_BYTES = 1_000_000
SIGN_IN_MAX_BYTES = 16_384
BODY_TIMEOUT_S = 15.0
JSON_MAX_DEPTH = 32
JSON_MAX_BRACKETS = 20_000
SHEET_PATH = "/api/cameras/import"
SHEET_TYPES = frozenset({"text/csv", "application/yaml"})
_MEDIA_TYPES = {"application/json", "application/sdp", "application/trickle-ice-sdpfrag"}
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_TOO_LARGE = "What was sent is too large."


class EdgeLimits:
    """Refuses what is too long before anybody looks at it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the head of the request, then pass on."""
        if scope["type"] in {"http", "websocket"}:
            self._check(scope)
        await self._app(scope, receive, send)

    @staticmethod
    def _check(scope: Scope) -> None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > URL_MAX_BYTES:
            raise HttpError(414, "url_too_long", "The address is too long.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_MAX_BYTES:
            raise HttpError(431, "headers_too_large", "The headers are too large.")
        headers = Headers(scope=scope)
        hosts = len(headers.getlist("host"))
        if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):  # RFC 9112 §3.2
            raise HttpError(400, "host", "The request must name one host.")
        if wants_many(headers.get("range")):
            raise HttpError(416, "range", "Only one range of bytes is served at a time.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise HttpError(415, "encoding", "Compressed bodies are not read.", headers={"Accept-Encoding": "identity"})


class BodyLimits:
    """Reads the whole body, bounded in bytes and time, checks its form, and hands it on in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """For methods that carry a body; others pass."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        limit = {"/api/session": SIGN_IN_MAX_BYTES, SHEET_PATH: SHEET_BYTES_MAX}.get(scope["path"], BODY_MAX_BYTES)
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        if not announced.isdigit() or int(announced[:20]) > limit:
            raise HttpError(413, "too_large", _TOO_LARGE)
        try:
            body = await asyncio.wait_for(_read(receive, limit), BODY_TIMEOUT_S)
        except TimeoutError:
            raise HttpError(408, "timeout", "The body came too slowly.") from None
        if body:
            further = SHEET_TYPES if scope["path"] == SHEET_PATH else frozenset[str]()
            check_form(body, headers.get("content-type", ""), further)
        await self._app(scope, _replay(body, receive), send)


def check_form(body: bytes, content_type: str, further: frozenset[str] = frozenset()) -> None:
    """Only the media types of the API, or of this address (`further`), and JSON of sane depth; its syntax is the
    parser's business."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES | further:
        raise HttpError(415, "media_type", "The body must be application/json.")
    if media_type == "application/json" and json_depth_exceeds(body, JSON_MAX_DEPTH):
        raise HttpError(400, "too_deep", "The JSON is nested too deeply or has too many parts.")


def json_depth_exceeds(body: bytes, depth_max: int) -> bool:
    """Whether brackets are nested deeper than `depth_max`, or are too many to look at. A few milliseconds at most."""
    brackets = body.count(b"[") + body.count(b"{")
    if brackets <= depth_max:
        return False
    if brackets > JSON_MAX_BRACKETS:
        return True
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(body):
        first = match.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > depth_max:
                return True
        elif first != b'"':
            depth -= 1
    return False


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "disconnected", "The body ended early.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise HttpError(413, "too_large", _TOO_LARGE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
