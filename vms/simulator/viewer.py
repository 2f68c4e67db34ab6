"""One playing client: RTP headers of its own on packets cut once, over the RTSP connection or over UDP.

Nothing is queued without bound: a client that falls behind loses whole units up to the next key frame, and is closed
when it takes nothing for ten seconds. On the event loop, synchronous.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from vms.clock import NS_PER_S
from vms.simulator.sdp import PAYLOAD_TYPE
from vms.simulator.sendlog import StreamLog

_MARKER = 0x80
_VERSION = 0x80
_INTERLEAVED = struct.Struct(">BBHBBHII")
_RTP = struct.Struct(">BBHII")
_SENDER_REPORT = struct.Struct(">BBHIQIII")
_SDES = struct.Struct(">BBHIBB")
_NTP_EPOCH_S = 2_208_988_800
_MAX_BACKLOG_BYTES = 1_000_000
_GIVE_UP_NS = 10 * NS_PER_S
_REPORT_NS = 5 * NS_PER_S
_BURST = 20
_BURST_GAP_S = 0.002
_MAX_QUEUED = 2000


class Carrier(Protocol):
    """How packets leave."""

    def put(self, packets: Sequence[bytes | None], sender: Sender, timestamp: int) -> bool:
        """Hand over the packets of a unit, None for one lost on the way; False: no room, nothing was taken."""

    def put_rtcp(self, packet: bytes) -> None:
        """Hand over one RTCP packet."""

    def taken(self) -> int:
        """How many units the kernel has wholly taken since the start."""

    def close(self) -> None:
        """Forget what waits."""


class Sender:
    """Counters of one RTP stream to one client: random starts, as RFC 3550 5.1 asks."""

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self.seq = secrets.randbits(16)
        self.packets = 0
        self.octets = 0

    def count(self, packets: Sequence[bytes]) -> None:
        """After a unit of these packets, lost ones too."""
        self.seq = (self.seq + len(packets)) & 0xFFFF
        self.packets += len(packets)
        self.octets += sum(map(len, packets))

    def report(self, timestamp: int, wall_ns: int, cname: bytes = b"kamera") -> bytes:
        """Sender report and SDES (RFC 3550 6.4.1, 6.5): that RTP timestamp is that wall time."""
        seconds, rest = divmod(wall_ns, NS_PER_S)
        ntp = (seconds + _NTP_EPOCH_S) << 32 | (rest << 32) // NS_PER_S
        report = _SENDER_REPORT.pack(
            _VERSION, 200, 6, self.ssrc, ntp, timestamp, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        )
        padded = cname + b"\0" * (4 - (len(cname) + 2) % 4)
        words = (4 + 2 + len(padded)) // 4
        return report + _SDES.pack(_VERSION | 1, 202, words, self.ssrc, 1, len(cname)) + padded


class TcpCarrier:
    """Interleaved in the RTSP connection (RFC 2326 10.12)."""

    def __init__(self, transport: asyncio.Transport, rtp: int, rtcp: int) -> None:
        self._transport = transport
        self._rtp, self._rtcp = rtp, rtcp
        self._ends: deque[int] = deque()
        self._written = 0
        self._units_taken = 0

    def put(self, packets: Sequence[bytes | None], sender: Sender, timestamp: int) -> bool:
        """One write for the whole unit."""
        if self._transport.get_write_buffer_size() > _MAX_BACKLOG_BYTES:
            return False
        last, seq, ssrc = len(packets) - 1, sender.seq, sender.ssrc
        parts: list[bytes] = []
        for i, packet in enumerate(packets):
            if packet is None:
                seq += 1
                continue
            kind = PAYLOAD_TYPE | _MARKER if i == last else PAYLOAD_TYPE
            size = len(packet) + 12
            parts.append(_INTERLEAVED.pack(0x24, self._rtp, size, _VERSION, kind, seq & 0xFFFF, timestamp, ssrc))
            parts.append(packet)
            seq += 1
        self._write(b"".join(parts))
        self._ends.append(self._written)
        return True

    def put_rtcp(self, packet: bytes) -> None:
        """On the channel for RTCP."""
        self._write(struct.pack(">BBH", 0x24, self._rtcp, len(packet)) + packet)

    def taken(self) -> int:
        """Counted by what the transport still holds."""
        flushed = self._written - self._transport.get_write_buffer_size()
        while self._ends and self._ends[0] <= flushed:
            self._ends.popleft()
            self._units_taken += 1
        return self._units_taken

    def close(self) -> None:
        """The connection is closed by its owner."""

    def _write(self, data: bytes) -> None:
        # answers to RTSP requests go through the same transport uncounted: they only make `taken` late, never early
        self._transport.write(data)
        self._written += len(data)


class UdpCarrier:
    """Datagrams from the server's shared pair of sockets, large units paced so that receive buffers hold them."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket, host: str, ports: tuple[int, int]) -> None:
        self._rtp, self._rtcp = rtp, rtcp
        self._to_rtp, self._to_rtcp = (host, ports[0]), (host, ports[1])
        self._waiting: deque[tuple[bytes | None, bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._units_taken = 0

    def put(self, packets: Sequence[bytes | None], sender: Sender, timestamp: int) -> bool:
        """Send the first packets now, the rest in bursts 2 ms apart."""
        if len(self._waiting) > _MAX_QUEUED:
            return False
        last = len(packets) - 1
        for i, packet in enumerate(packets):
            kind = PAYLOAD_TYPE | _MARKER if i == last else PAYLOAD_TYPE
            head = _RTP.pack(_VERSION, kind, (sender.seq + i) & 0xFFFF, timestamp, sender.ssrc)
            self._waiting.append((None if packet is None else head + packet, i == last))
        if self._timer is None:
            self._burst()
        return True

    def put_rtcp(self, packet: bytes) -> None:
        """From the socket for RTCP."""
        with suppress(OSError):
            self._rtcp.sendto(packet, self._to_rtcp)

    def taken(self) -> int:
        """A unit counts when its last datagram was accepted."""
        return self._units_taken

    def close(self) -> None:
        """No datagram leaves after this."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _burst(self) -> None:
        self._timer = None
        for _ in range(min(_BURST, len(self._waiting))):
            packet, is_last = self._waiting[0]
            try:
                if packet is not None:
                    self._rtp.sendto(packet, self._to_rtp)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                # of an earlier datagram: nobody listens there, which a camera does not care about
                pass
            self._waiting.popleft()
            self._units_taken += is_last
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_BURST_GAP_S, self._burst)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection is ended from the stream's side; the text says why, for the log."""

    in_order: Callable[[str], None]
    abrupt: Callable[[str], None]


class Viewer:
    """A client in PLAY."""

    def __init__(self, conn: int, carrier: Carrier, log: StreamLog, ending: Ending) -> None:
        self.conn = conn
        self.sender = Sender()
        self.ending = ending
        self.waits_for_key = True
        self.dropped = 0
        self.played_ns = time.monotonic_ns()
        self._carrier = carrier
        self._log = log
        self._handed: deque[tuple[int, bool, bool]] = deque()
        self._taken = 0
        self._progress_ns = self.played_ns
        self._reported_ns = 0

    def send(self, packets: Sequence[bytes], n: int, timestamp: int, *, is_key: bool, loss: float = 0.0) -> None:
        """Send one access unit, or drop it where the client waits for a key frame or has no room."""
        if self.waits_for_key and not is_key:
            return
        kept = [None if random.random() < loss else packet for packet in packets] if loss else packets
        if not self._carrier.put(kept, self.sender, timestamp):
            self.dropped += 1
            self.waits_for_key = True
            self.settle()
            if time.monotonic_ns() - self._progress_ns > _GIVE_UP_NS:
                self.ending.abrupt("slow")
            return
        self.waits_for_key = False
        self.sender.count(packets)
        self._handed.append((n, is_key, not loss or None not in kept))
        self.settle()
        now_ns = time.monotonic_ns()
        if now_ns - self._reported_ns > _REPORT_NS:
            self._reported_ns = now_ns
            self._carrier.put_rtcp(self.sender.report(timestamp, time.time_ns()))

    def settle(self) -> None:
        """Log the units that the kernel has wholly taken by now; those with a lost packet never are."""
        taken = self._carrier.taken()
        if taken == self._taken:
            return
        now_ns = time.time_ns()
        while self._taken < taken:
            n, is_key, whole = self._handed.popleft()
            if whole:
                self._log.unit(self.conn, n, now_ns, key=is_key)
            self._taken += 1
        self._progress_ns = time.monotonic_ns()

    @property
    def is_settled(self) -> bool:
        """All that was sent is with the kernel."""
        return not self._handed

    def close(self) -> None:
        """Nothing more is sent; what waits is forgotten and not logged."""
        self.settle()
        self._carrier.close()
