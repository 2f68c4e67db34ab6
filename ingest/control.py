"""The RTSP connection to a camera: requests and their replies, signed in. Blocks; bounded in time and bytes.

A redirect is the caller's to refuse; nothing is ever connected to but the resolved address of the Target. Media that
comes between the replies is kept, in order, for whoever reads it.
"""

from __future__ import annotations

import socket
import ssl
import time

from ingest.rtsp import MAX_HEAD_BYTES, Reply, authorization, parse_head
from ingest.url import Target
from vms.errors import CameraAuthError, CameraUnreachableError, CameraUnsupportedError

SIGN_IN_HINT = "Check the user name and password of the camera."
PORT_HINT = "Check the port: RTSP is usually 554."
TRIES = 3
MAX_EARLY_BYTES = 4 * 1024 * 1024


class Connection:
    """One TCP (or TLS) connection with a deadline for everything."""

    def __init__(self, target: Target, timeout_s: float, connect_s: float | None = None) -> None:
        """Connects, within `connect_s` where that is given. CameraUnreachableError, OSError."""
        self._target = target
        self._deadline = time.monotonic() + timeout_s
        self._buffer = b""
        self._early: list[bytes] = []
        self._early_bytes = 0
        self._sequence = 0
        self._challenges: list[str] = []
        self._used = 0
        self._accepted = False
        self.socket = _connect(target, min(self._left(), connect_s or timeout_s))

    def close(self) -> None:
        """Leave; idempotent."""
        self.socket.close()

    def within(self, timeout_s: float) -> None:
        """Let what follows take so long."""
        self._deadline = time.monotonic() + timeout_s

    def request(self, method: str, url: str, headers: str = "") -> tuple[Reply, bytes]:
        """Send a request, give the head and body of its reply; signs in where it is asked to, in at most TRIES.
        CameraAuthError, CameraUnsupportedError, OSError, ValueError."""
        for last in (False,) * (TRIES - 1) + (True,):
            signed = bool(self._challenges)
            text = self.written(method, url, headers)
            self.socket.settimeout(self._left())
            self.socket.sendall(text)
            reply, body = self._reply()
            if reply.status != 401:
                self._accepted = self._accepted or signed
                break
            if last or not self.challenged(reply, signed=signed):
                break
        return reply, body

    def written(self, method: str, url: str, headers: str = "") -> bytes:
        """The request as it is sent, signed where the camera wants that."""
        self._sequence += 1
        signature = ""
        if self._challenges:
            self._used += 1
            target = self._target
            header = authorization(self._challenges, method, url, target.username, target.password, self._used)
            signature = f"Authorization: {header}\r\n"
        return f"{method} {url} RTSP/1.0\r\nCSeq: {self._sequence}\r\n{headers}{signature}\r\n".encode()

    def challenged(self, reply: Reply, *, signed: bool) -> bool:
        """Take up the challenges of a 401; whether it is worth to ask again. A signature is refused for good unless the
        camera says that it was merely stale, or has taken one before on this connection."""
        target = self._target
        if not target.username and not target.password:
            raise CameraAuthError("The camera wants a user name and password.", hint=SIGN_IN_HINT, reason="auth_wanted")
        challenges = reply.all("www-authenticate")
        if authorization(challenges, "OPTIONS", "*", target.username, target.password) is None:
            raise CameraUnsupportedError(
                "The camera asks for a kind of sign-in that is not supported.", reason="auth_kind"
            )
        stale = any("stale=true" in challenge.lower().replace('"', "") for challenge in challenges)
        self._challenges, self._used = challenges, 0
        return not signed or stale or self._accepted

    def take_over(self) -> bytes:
        """What came and is no reply yet; whoever takes it reads the socket from here on."""
        data = b"".join([*self._early, self._buffer])
        self._early, self._buffer = [], b""
        return data

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _reply(self) -> tuple[Reply, bytes]:
        while not self._set_media_aside() or (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if self._buffer[:1] != b"$" and len(self._buffer) > MAX_HEAD_BYTES:
                raise ValueError("its answer has no end")
            self._receive()
        reply = parse_head(self._buffer[:end])
        size = reply.body_bytes()
        self._buffer = self._buffer[end + 4 :]
        while len(self._buffer) < size:
            self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return reply, body

    def _set_media_aside(self) -> bool:
        """Keep the frames (RFC 2326 §10.12) that stand before a reply; whether none is under way."""
        while self._buffer[:1] == b"$":
            size = 4 + int.from_bytes(self._buffer[2:4], "big")
            if len(self._buffer) < max(4, size):
                return False
            self._early.append(self._buffer[:size])
            self._buffer = self._buffer[size:]
            self._early_bytes += size
            if self._early_bytes > MAX_EARLY_BYTES:
                raise ValueError("it sends media instead of an answer")
        return True

    def _receive(self) -> None:
        self.socket.settimeout(self._left())
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self._buffer += data


def _connect(target: Target, timeout_s: float) -> socket.socket:
    place = f"{target.url.host}:{target.url.port}"
    try:
        plain = socket.create_connection((str(target.address), target.url.port), timeout_s)
    except ConnectionRefusedError:
        raise CameraUnreachableError(
            f"{place} refuses connections.", hint=PORT_HINT, reason="refuses", params={"place": place}
        ) from None
    except TimeoutError:
        raise CameraUnreachableError(
            f"{place} does not answer.",
            hint="Check the address, and that the camera is on and reachable.",
            reason="no_answer",
            params={"place": place},
        ) from None
    except OSError:
        raise CameraUnreachableError(
            f"There is no way to {place}.", hint="Check the network between.", reason="no_way", params={"place": place}
        ) from None
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
