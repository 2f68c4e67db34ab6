"""Asks a camera for its description (RTSP DESCRIBE) before libav is let near it. Blocks; bounded in time and bytes.

libav follows redirects to any host and allocates what a reply announces; here a redirect is refused, a reply has a
limit, and what is wrong is said in plain words. Connects to the resolved address of the Target only.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.rtsp import MAX_HEAD_BYTES, MediaLine, Reply, authorization, media_lines, parse_head
from ingest.url import Target
from vms.errors import (
    CameraAuthError,
    CameraError,
    CameraStalledError,
    CameraUnreachableError,
    CameraUnsupportedError,
)

VIDEO_ENCODINGS = frozenset({"H264", "H265"})
_ENCODING = re.compile(r"[A-Z0-9.-]{1,24}")
_SIGN_IN_HINT = "Check the user name and password of the camera."
_PATH_HINT = "Check the path of the URL in the camera's manual."
_PORT_HINT = "Check the port: RTSP is usually 554."


@contextmanager
def described(target: Target, timeout_s: float = 5.0) -> Iterator[list[MediaLine]]:
    """The camera's tracks, at least one video that can be recorded. CameraError with message and hint.

    Asking takes at most `timeout_s`. The connection stays open inside the `with`: some servers take a stream down when
    the only one who asked for it leaves, and refuse it for a moment (gst-rtsp-server does).
    """
    connection: _Connection | None = None
    try:
        try:
            connection = _Connection(target, time.monotonic() + timeout_s)
            lines = _describe(connection, target)
        except (OSError, ValueError) as error:
            raise _plain(error) from None
        _require_video(lines)
        yield lines
    finally:
        if connection is not None:
            connection.close()


def _plain(error: Exception) -> CameraError:
    if isinstance(error, TimeoutError):
        return CameraStalledError(
            "The camera accepts connections and does not answer.", hint=f"{_PORT_HINT} The camera may be busy."
        )
    if isinstance(error, ssl.SSLError):
        return CameraUnreachableError("The camera does not speak TLS here.", hint="Try rtsp:// for rtsps://.")
    if isinstance(error, ValueError):
        return CameraUnreachableError(f"What answers does not speak RTSP properly: {error}.", hint=_PORT_HINT)
    return CameraUnreachableError(
        "The camera closed the connection.", hint="It may have too many viewers, or it restarts."
    )


def _require_video(lines: list[MediaLine]) -> None:
    video = [line.encoding for line in lines if line.kind == "video"]
    if not video:
        raise CameraUnsupportedError("The camera sends no video.", hint=_PATH_HINT)
    if not VIDEO_ENCODINGS.intersection(video):
        name = video[0] if _ENCODING.fullmatch(video[0]) else "an unknown format"
        raise CameraUnsupportedError(
            f"The camera sends {name}, which is not supported.", hint="Set the camera to H.264 or H.265."
        )


def _describe(connection: _Connection, target: Target) -> list[MediaLine]:
    reply, body = connection.request(target.request_url, "")
    if reply.status == 401:
        if not target.username and not target.password:
            raise CameraAuthError("The camera wants a user name and password.", hint=_SIGN_IN_HINT)
        header = authorization(
            reply.all("www-authenticate"), "DESCRIBE", target.request_url, target.username, target.password
        )
        if header is None:
            raise CameraUnsupportedError("The camera asks for a kind of sign-in that is not supported.")
        reply, body = connection.request(target.request_url, f"Authorization: {header}\r\n")
    _judge(reply.status)
    return media_lines(body)


def _judge(status: int) -> None:
    if status in {401, 403, 407}:
        raise CameraAuthError("The camera refuses the user name or password.", hint=_SIGN_IN_HINT)
    if 300 <= status < 400:
        raise CameraUnsupportedError(
            "The camera redirects to another address.", hint="Register the address it redirects to."
        )
    if status in {404, 400, 451, 454, 455}:
        raise CameraUnreachableError("The camera has no stream under this path.", hint=_PATH_HINT)
    if status == 453:
        raise CameraUnreachableError("The camera has no bandwidth left for another viewer.")
    if not 200 <= status < 300:
        raise CameraUnreachableError(f"The camera answers with error {status}.", hint=_PATH_HINT)


class _Connection:
    """One TCP (or TLS) connection with a deadline for everything."""

    def __init__(self, target: Target, deadline: float) -> None:
        self._deadline = deadline
        self._buffer = b""
        self._sequence = 0
        self._socket = _connect(target, self._left())

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def request(self, url: str, headers: str) -> tuple[Reply, bytes]:
        """Send DESCRIBE, give the head and body of its reply."""
        self._sequence += 1
        text = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: {self._sequence}\r\nAccept: application/sdp\r\n{headers}\r\n"
        self._socket.settimeout(self._left())
        self._socket.sendall(text.encode())
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ValueError("its answer has no end")
            self._receive()
        reply = parse_head(self._buffer[:end])
        size = reply.body_bytes()
        self._buffer = self._buffer[end + 4 :]
        while len(self._buffer) < size:
            self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return reply, body

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self._buffer += data


def _connect(target: Target, timeout_s: float) -> socket.socket:
    place = f"{target.url.host}:{target.url.port}"
    try:
        plain = socket.create_connection((str(target.address), target.url.port), timeout_s)
    except ConnectionRefusedError:
        raise CameraUnreachableError(f"{place} refuses connections.", hint=_PORT_HINT) from None
    except TimeoutError:
        raise CameraUnreachableError(
            f"{place} does not answer.", hint="Check the address, and that the camera is on and reachable."
        ) from None
    except OSError:
        raise CameraUnreachableError(f"There is no way to {place}.", hint="Check the network between.") from None
    if target.url.scheme != "rtsps":
        return plain
    # Cameras sign their own certificates and libav does not check them: TLS here hides, it proves nothing.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain)
    except (OSError, ValueError):
        plain.close()
        raise
