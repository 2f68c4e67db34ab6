"""One HTTP connection to an ONVIF device, always to the address that its URL was resolved to. Blocks: in a thread.

Nothing is followed: no redirect, no other host. Every exchange is bounded in time and bytes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from contextlib import suppress

from ingest.onvif_soap import ANSWER_BYTES, corrupt
from ingest.rtsp import authorization
from ingest.url import Target
from vms.errors import CameraUnreachableError

_PIECE_BYTES = 65_536


class _Http(http.client.HTTPConnection):
    """To an address, whatever name the URL has; TLS where the URL says so."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        super().__init__(target.url.host, target.url.port, timeout=timeout_s)
        self._target = target

    def connect(self) -> None:
        """Connect and, for https, begin TLS."""
        plain = socket.create_connection((str(self._target.address), self._target.url.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if self._target.url.scheme == "https":
            # Cameras sign their own certificates: TLS here hides, it proves nothing (see ingest/control.py).
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(plain)


class OnvifConnection:
    """Posts messages, one after another; opens again what the device closed."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        self._target, self._timeout_s = target, timeout_s
        self._http: _Http | None = None
        self._challenges: list[str] = []
        self._used = 0

    def post(self, path: str, message: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. CameraUnreachableError, CameraCorruptError."""
        deadline = time.monotonic() + self._timeout_s
        reused = self._http is not None
        try:
            return self._exchange(path, message, deadline)
        except (http.client.BadStatusLine, ConnectionError):
            self.close()
            if not reused:
                raise self._gone() from None
        except (TimeoutError, OSError):
            self.close()
            raise self._gone() from None
        except http.client.HTTPException:
            self.close()
            raise corrupt("it does not speak HTTP") from None
        # A kept connection may have ended meanwhile: once more, on a new one.
        try:
            return self._exchange(path, message, deadline)
        except (OSError, http.client.HTTPException):
            self.close()
            raise self._gone() from None

    def close(self) -> None:
        """Leave; idempotent, from any thread: what waits for the device ends."""
        connection, self._http = self._http, None
        if connection is not None:
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                connection.close()

    def _exchange(self, path: str, message: bytes, deadline: float) -> tuple[int, bytes]:
        status, headers, body = self._once(path, message, deadline)
        challenges = [
            text for text in headers.get_all("WWW-Authenticate", []) if text.lower().startswith("digest ")
        ]  # Basic would show the password to whoever listens
        if status == 401 and challenges and self._target.password:
            self._challenges, self._used = challenges, 0
            status, _, body = self._once(path, message, deadline)
        return status, body

    def _once(self, path: str, message: bytes, deadline: float) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._http is None:
            self._http = _Http(self._target, self._timeout_s)
        connection = self._http
        headers = {"Content-Type": "application/soap+xml; charset=utf-8", "Accept": "application/soap+xml"}
        if self._challenges:
            self._used += 1
            target = self._target
            signed = authorization(self._challenges, "POST", path, target.username, target.password, self._used)
            headers |= {"Authorization": signed} if signed else {}
        connection.request("POST", path, message, headers)
        answer = connection.getresponse()
        body = bytearray()
        while piece := answer.read1(_PIECE_BYTES):
            body += piece
            if len(body) > ANSWER_BYTES:
                self.close()
                raise corrupt("its answer is too large")
            if time.monotonic() > deadline:
                raise TimeoutError
        answer.close()  # read1 leaves one of a known length open, and the connection unfit for another
        if answer.will_close:
            self.close()
        return answer.status, answer.headers, bytes(body)

    def _gone(self) -> CameraUnreachableError:
        place = f"{self._target.url.host}:{self._target.url.port}"
        return CameraUnreachableError(
            f"The ONVIF device at {place} does not answer.",
            hint="Check the address and port of its ONVIF service.",
            reason="onvif_silent",
            params={"place": place},
        )
