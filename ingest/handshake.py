"""Asks a camera for its description (RTSP DESCRIBE) before any of its media is read. Blocks; bounded in time and bytes.

libav follows redirects to any host and allocates what a reply announces; here a redirect is refused, a reply has a
limit, and what is wrong is said in plain words. Connects to the resolved address of the Target only.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.control import PORT_HINT, SIGN_IN_HINT, Connection
from ingest.rtsp import Description, MediaLine, control_url, describe
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
_PATH_HINT = "Check the path of the URL in the camera's manual."


@dataclass(slots=True)
class Described:
    """A camera's description, the URL its control URLs are relative to, and the connection it came by, which is closed
    with the `with` unless somebody has `taken` it."""

    description: Description
    base: str
    connection: Connection
    taken: bool = False

    @property
    def lines(self) -> tuple[MediaLine, ...]:
        """The media."""
        return self.description.media

    def take(self) -> Connection:
        """Whoever takes the connection closes it."""
        self.taken = True
        return self.connection


@contextmanager
def described(target: Target, timeout_s: float = 5.0, connect_s: float | None = None) -> Iterator[Described]:
    """The camera's tracks, at least one video that can be recorded. CameraError with message and hint.

    Asking takes at most `timeout_s`, connecting alone `connect_s`. The connection stays open inside the `with`: some
    servers take a stream down when the only one who asked for it leaves, and refuse it for a moment (gst-rtsp-server).
    """
    found: Described | None = None
    connection: Connection | None = None
    try:
        try:
            connection = Connection(target, timeout_s, connect_s)
            found = _describe(connection, target)
        except (OSError, ValueError) as error:
            raise plain_error(error) from None
        _require_video(found.lines)
        yield found
    finally:
        if connection is not None and not (found and found.taken):
            connection.close()


def plain_error(error: Exception) -> CameraError:
    """What broke a conversation, in plain words."""
    if isinstance(error, TimeoutError):
        return CameraStalledError(
            "The camera accepts connections and does not answer.",
            hint=f"{PORT_HINT} The camera may be busy.",
            reason="accepts_only",
        )
    if isinstance(error, ssl.SSLError):
        return CameraUnreachableError(
            "The camera does not speak TLS here.", hint="Try rtsp:// for rtsps://.", reason="no_tls"
        )
    if isinstance(error, ValueError):
        return CameraUnreachableError(
            f"What answers does not speak RTSP properly: {error}.", hint=PORT_HINT, reason="not_rtsp"
        )
    return CameraUnreachableError(
        "The camera closed the connection.",
        hint="It may have too many viewers, or it restarts.",
        reason="closed",
    )


def _require_video(lines: tuple[MediaLine, ...]) -> None:
    video = [line.encoding for line in lines if line.kind == "video"]
    if not video:
        raise CameraUnsupportedError("The camera sends no video.", hint=_PATH_HINT, reason="no_video")
    if not VIDEO_ENCODINGS.intersection(video):
        raise unsupported_format(video[0] if _ENCODING.fullmatch(video[0]) else "")


def unsupported_format(name: str) -> CameraUnsupportedError:
    """The camera sends a format of video that is not supported; `name` is empty where it is not known."""
    return CameraUnsupportedError(
        f"The camera sends {name or 'an unknown format'}, which is not supported.",
        hint="Set the camera to H.264 or H.265.",
        reason="format" if name else "format_unknown",
        params={"name": name},
    )


def _describe(connection: Connection, target: Target) -> Described:
    reply, body = connection.request("DESCRIBE", target.request_url, "Accept: application/sdp\r\n")
    judge_status(reply.status)
    named = [*reply.all("content-base"), *reply.all("content-location")]
    base = target.request_url
    if named and named[0].lower().startswith(("rtsp://", "rtsps://")):
        base = control_url(base, named[0])
    return Described(describe(body), base, connection)


def judge_status(status: int) -> None:
    """CameraError where the status of a reply is none of success."""
    if status in {401, 403, 407}:
        raise CameraAuthError("The camera refuses the user name or password.", hint=SIGN_IN_HINT, reason="auth_refused")
    if 300 <= status < 400:
        raise CameraUnsupportedError(
            "The camera redirects to another address.",
            hint="Register the address it redirects to.",
            reason="redirects",
        )
    if status in {404, 400, 451, 454, 455}:
        raise CameraUnreachableError("The camera has no stream under this path.", hint=_PATH_HINT, reason="no_path")
    if status == 453:
        raise CameraUnreachableError("The camera has no bandwidth left for another viewer.", reason="no_bandwidth")
    if not 200 <= status < 300:
        raise CameraUnreachableError(
            f"The camera answers with error {status}.", hint=_PATH_HINT, reason="status", params={"status": str(status)}
        )
