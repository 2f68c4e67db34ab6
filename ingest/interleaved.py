"""Reads the usual camera without libav: one video track, interleaved in its RTSP connection (RFC 2326 §10.12). Blocks.

In the thread of its session, from SETUP to TEARDOWN, on the connection that DESCRIBE was asked by. What is not plain
(another transport, audio, B-frames) is a NotPlainError, and libav's. No error here holds a URL.

While it may be patient it lets the kernel gather bytes: a thread that wakes for two units finds the interpreter and its
own code warm for the second, which saved a quarter of all CPU with 32 cameras.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

from ingest.arrival import Arrival, OpenOptions
from ingest.control import TRIES
from ingest.handshake import Described, judge_status, plain_error
from ingest.plain import PlainTrack
from ingest.rtp import SLACK_BYTES, Depacketizer, sender_time
from ingest.rtsp import MAX_HEAD_BYTES, Reply, channels, control_url, parse_head, session_of
from vms import metrics
from vms.clock import NS_PER_S, Clock
from vms.domain.media import CLOCK_HZ
from vms.errors import (
    CameraCorruptError,
    CameraError,
    CameraStalledError,
    CameraUnreachableError,
    CameraUnsupportedError,
)

BUFFER_BYTES = 256 * 1024
FRAME_BYTES = 4 + 0xFFFF
TICK_US = 250_000
# Two units at 25 a second, and no multiple of usual frame times: so that now and then one is read when it comes.
PATIENT_US = 85_000
PATIENT_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024
# Statuses by which a server refuses how it is asked, not who asks or for what: libav may ask in a way it likes.
_OTHER_WAY = frozenset({400, 405, 455, 459, 460, 461, 501, 551})
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class NotPlainError(CameraUnsupportedError):
    """This camera needs libav's reader."""


class PlainSource:
    """An open connection with one video track; see ingest.arrival.Reader."""

    audio = None
    holds_back = False

    def __init__(
        self,
        camera: Described,
        track: PlainTrack,
        options: OpenOptions,
        clock: Clock,
        stopping: Callable[[], bool] = lambda: False,
        may_wait: Callable[[], bool] = lambda: False,
    ) -> None:
        """SETUP and PLAY on the connection that is taken over; at most the open timeout. `stopping` is asked four times
        a second at least, `may_wait` after each read: whether to read what comes within 85 ms at once. CameraError."""
        self.codec, self.extradata = track.codec, track.extradata
        self._connection = camera.take()
        self._mono_ns, self._stopping, self._may_wait = clock.mono_ns, stopping, may_wait
        self._waits = False
        self._read_ns = int(options.read_timeout_s * NS_PER_S)
        self._sent_reports: tuple[int, int] | None = None
        self._first_ts: int | None = None
        self._keep_alive = "GET_PARAMETER"
        self._refused = 0
        self._ended = False
        try:
            self._connection.within(options.open_timeout_s)
            rtp, self._rtcp = self._set_up(camera, track)
        except (OSError, ValueError) as error:
            self._connection.close()
            raise plain_error(error) from None
        except CameraError:
            self._connection.close()
            raise
        self._depacketizer = Depacketizer(track.codec, track.payload_type, rtp, may_reorder=track.may_reorder)
        self._leads = (bytes((0x24, rtp)), bytes((0x24, self._rtcp)), b"RTSP/1.")
        early = self._connection.take_over()
        self._data = bytearray(early).ljust(max(BUFFER_BYTES, len(early)) + SLACK_BYTES, b"\0")
        self._view = memoryview(self._data)[: len(self._data) - SLACK_BYTES]
        self._at, self._end = 0, len(early)

    def _set_up(self, camera: Described, track: PlainTrack) -> tuple[int, int]:
        ask = self._connection.request
        url = control_url(camera.base, track.control)
        self._url = control_url(camera.base, camera.description.control)
        reply, _ = ask("SETUP", url, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
        _judge(reply.status)
        pair = channels("".join(reply.all("transport")[:1]))
        session, timeout_s = session_of("".join(reply.all("session")[:1]))
        self._session = f"Session: {session}\r\n"
        self._every_ns = timeout_s * NS_PER_S // 2
        reply, _ = ask("PLAY", self._url, f"{self._session}Range: npt=0.000-\r\n")
        _judge(reply.status)
        sock = self._connection.socket
        sock.settimeout(None)
        self._wait(1, TICK_US)
        return pair

    def _wait(self, least_bytes: int, longest_us: int) -> None:
        """How a read waits. A time-out of the kernel's: Python's own would cost a poll before every read."""
        sock = self._connection.socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least_bytes)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, longest_us))

    def sender_ns(self) -> int | None:
        """The camera's own wall time at the first unit, by its first sender report, once one came."""
        if self._sent_reports is None or self._first_ts is None:
            return None
        wall_ns, timestamp = self._sent_reports
        passed = (timestamp - self._first_ts + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        return wall_ns - passed * NS_PER_S // CLOCK_HZ

    def packets(self) -> Iterator[Arrival]:
        """All units until the connection ends, which is a CameraError; or until `stopping`."""
        depacketizer = self._depacketizer
        self._unit_ns = self._mono_ns()
        self._alive_ns = self._unit_ns + self._every_ns
        self._due_ns = 0
        while not self._stopping():
            now_ns = depacketizer.now_ns = self._mono_ns()
            self._parse()
            failure = self._look(now_ns) if now_ns > self._due_ns or self._ended else None
            if failure is not None:
                depacketizer.flush()
            if depacketizer.units:
                units, depacketizer.units = depacketizer.units, []
                if self._first_ts is None:
                    self._first_ts = units[0].pts
                yield from units
                self._unit_ns = self._mono_ns()
                depacketizer.packets = 0
            if depacketizer.odd:
                raise NotPlainError(f"Another reader is needed: {depacketizer.odd}.")
            if failure is not None:
                raise failure
            if self._may_wait() is not self._waits:
                self._waits = not self._waits
                self._wait(*((PATIENT_BYTES, PATIENT_US) if self._waits else (1, TICK_US)))
            self._fill()

    def close(self) -> None:
        """TEARDOWN, unless the camera has said goodbye itself, and away."""
        if not self._ended:
            self._send("TEARDOWN")
        self._connection.close()

    def _fill(self) -> None:
        """Wait for bytes, a tick at most."""
        if self._at == self._end:
            self._at = self._end = 0
        elif len(self._view) - self._end < FRAME_BYTES:
            rest = self._data[self._at : self._end]
            self._data[: len(rest)] = rest
            self._at, self._end = 0, len(rest)
        try:
            came = self._connection.socket.recv_into(self._view[self._end :])
        except BlockingIOError:
            return
        except OSError:
            came = 0
        self._end += came
        self._ended = came == 0

    def _look(self, now_ns: int) -> CameraError | None:
        """What is due now and then: keep-alive, silence, the end."""
        depacketizer = self._depacketizer
        if depacketizer.damaged:
            metrics.DAMAGED_UNITS.inc(depacketizer.damaged)
            depacketizer.damaged = 0
        if self._ended:
            return CameraUnreachableError("The camera ended the stream.", reason="ended")
        if now_ns - self._unit_ns >= self._read_ns and not depacketizer.units:
            if not depacketizer.packets:
                return CameraStalledError("The camera is connected and silent.", reason="silent")
            if self._first_ts is None:
                return NotPlainError("Another reader is needed: nothing could be made of what the camera sends.")
            return CameraCorruptError("The camera sends what cannot be read.", reason="bad_video")
        if now_ns >= self._alive_ns:
            self._alive_ns = now_ns + self._every_ns
            self._refused = 0
            self._send(self._keep_alive)
        self._due_ns = min(now_ns + NS_PER_S, self._alive_ns, max(self._unit_ns + self._read_ns, now_ns + 1))
        return None

    def _send(self, method: str) -> None:
        """Ask something without waiting. What does not fit into the socket of a camera that reads nothing is not sent
        at all or closes the connection: half a request would garble the next."""
        data = self._connection.written(method, self._url, self._session)
        sock = self._connection.socket
        with suppress(OSError):
            if sock.send(data, socket.MSG_DONTWAIT) < len(data):
                sock.shutdown(socket.SHUT_RDWR)

    def _parse(self) -> None:
        """Take what is whole of what came."""
        data, end, feed = self._data, self._end, self._depacketizer.feed
        at = feed(data, self._at, end)
        while end - at >= len(b"$"):
            if data[at] == 0x24:
                stop = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
                if stop > end or end - at < 4:
                    break
                if data[at + 1] == self._rtcp:
                    self._sent_reports = self._sent_reports or sender_time(data[at + 4 : stop])
            else:
                stop = self._message(at)
                if stop == at:
                    break
            at = feed(data, stop, end)
        self._at = at

    def _message(self, at: int) -> int:
        """An RTSP reply or request between frames, or junk: where it ends; `at` while it is not all there."""
        data, end = self._data, self._end
        close = data.find(b"\r\n\r\n", at, min(end, at + MAX_HEAD_BYTES)) if data[at] in _LETTERS else -1
        if close < 0:
            if data[at] in _LETTERS and end - at < MAX_HEAD_BYTES:
                return at
            return self._resync(at + 1)
        try:
            size, replied = self._understand(bytes(data[at:close]))
        except ValueError:
            return self._resync(at + 1)
        stop = close + 4 + size
        if stop > end:
            return at
        if replied is not None:
            self._replied(replied)
        return stop

    def _resync(self, at: int) -> int:
        """Where the next thing begins that can be understood."""
        found = [place for lead in self._leads if (place := self._data.find(lead, at, self._end)) >= 0]
        return min(found, default=self._end)

    def _understand(self, head: bytes) -> tuple[int, Reply | None]:
        """Length of the body, and the reply unless it is a request. ValueError."""
        reply = None
        if head.startswith(b"RTSP/"):
            reply = parse_head(head)
            size = reply.body_bytes()
        else:
            # a server's own requests (OPTIONS, ANNOUNCE) need no answer here: what counts is whether media comes
            line, _, rest = head.partition(b"\r\n")
            if not line.endswith((b"RTSP/1.0", b"RTSP/2.0")):
                raise ValueError("no RTSP")
            size = parse_head(b"RTSP/1.0 200 OK\r\n" + rest).body_bytes()
        if size > MAX_BODY_BYTES:
            raise ValueError("too long")
        return size, reply

    def _replied(self, reply: Reply) -> None:
        """The answer to a keep-alive."""
        if reply.status == 401 and self._refused < TRIES:
            self._refused += 1
            with suppress(CameraError):
                self._connection.challenged(reply, signed=True)
                self._send(self._keep_alive)
        elif reply.status in _OTHER_WAY and self._keep_alive != "OPTIONS":
            self._keep_alive = "OPTIONS"
            self._send(self._keep_alive)


def _judge(status: int) -> None:
    if status in _OTHER_WAY:
        raise NotPlainError(f"The camera answers with error {status}.")
    judge_status(status)
