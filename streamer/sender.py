"""RTP of one m-line to one viewer: header, SRTP and send of Frames that were packetized for all; NACK answered by RTX.

Knows no cameras and no pace. Sequence numbers are counted in 48 bits, as SRTP wants them: rollover counter and number.
Without RTX (RFC 4588) a packet is repeated bit by bit. Event loop only; nothing here waits.
"""

from __future__ import annotations

import secrets
import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence

from streamer import rtcp
from streamer.negotiation import MediaOffer, VideoFormat
from streamer.rtp import Frame
from streamer.srtp import Seal, SrtpError
from streamer.ssrcs import Ssrcs
from streamer.wire import Lane
from vms import metrics
from vms.clock import NS_PER_S, Clock

# A viewer's history: what it may ask for again. Two seconds of 20 Mb/s, and no more than four of anything.
HISTORY_PACKETS = 4_096
HISTORY_NS = 4 * NS_PER_S
# How many packets a viewer may have sent again: at once, and per second.
RESENDS = 1_024
RESENDS_S = 1_000
_HEADER = 12


class Budget:
    """Of one viewer: NACKs are cheap to send and dear to answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(RESENDS)
        self._at_ns = clock.mono_ns()

    def take(self) -> bool:
        """Whether one packet more may be sent again now."""
        now_ns = self._clock.mono_ns()
        self._left = min(RESENDS, self._left + (now_ns - self._at_ns) * RESENDS_S / NS_PER_S)
        self._at_ns = now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


def header_extensions(media: MediaOffer, delay_ms: int = 0) -> bytes:
    """The header extensions of a video, the same on each packet (RFC 8285 §4.2): its mid, and a playout delay, least
    and most, in steps of 10 ms. One of 0 makes Chromium show a picture when it is decoded; a jitter buffer target of 0
    alone lets its delay rise with each late picture, and fall by no more than 0.1 s a second. Empty where neither was
    offered."""
    packed = b""
    if media.mid_extension is not None and len(media.mid) <= 16:
        mid = media.mid.encode("ascii")
        packed += bytes([media.mid_extension << 4 | len(mid) - 1]) + mid
    if media.playout_extension is not None:
        steps = delay_ms // 10
        packed += bytes([media.playout_extension << 4 | 2]) + (steps << 12 | steps).to_bytes(3, "big")
    if not packed:
        return b""
    packed += bytes(-len(packed) % 4)
    return struct.pack("!HH", 0xBEDE, len(packed) // 4) + packed


def _index_of(record: tuple[int, int, int, Frame, int, int]) -> int:
    return record[0]


class _Numbered:
    """One RTP stream: its SSRC, the index of its next packet, and how a packet is put on the wire."""

    def __init__(self, extensions: bytes, ssrc: int) -> None:
        self.ssrc = ssrc
        # Below 2^15, so that the first loss cannot be taken for a rollover (RFC 3711 §3.3.1).
        self.index = secrets.randbits(15)
        self.seal: Seal | None = None
        self.extensions = extensions
        self.first = 0x9000 if extensions else 0x8000
        self.pack = struct.Struct(f"!HHII{len(extensions)}s").pack


class RtpSender:
    """`begin` when the transport is there; `send` from then on. `packets`, `octets`: sent so far. `budget`, `ssrcs`: of
    the viewer."""

    def __init__(self, media: MediaOffer, clock: Clock, budget: Budget, ssrcs: Ssrcs) -> None:
        extensions = header_extensions(media)
        self._media = media
        self._video, self._again = (_Numbered(extensions, ssrcs.draw()) for _ in range(2))
        self._clock, self._budget = clock, budget
        self._formats: tuple[VideoFormat | None, VideoFormat | None] = (media.video, media.hevc)
        self._wire: Lane | None = None
        self._records: deque[tuple[int, int, int, Frame, int, int]] = deque()
        self.packets = self.octets = 0
        self.asked = self.resent = 0
        self.last_rtp = self.last_ns = 0
        self._reported = 0

    @property
    def ssrcs(self) -> tuple[int, int]:
        """SSRC of the video and of its RTX."""
        return self._video.ssrc, self._again.ssrc

    def begin(self, wire: Lane, seal: Callable[[int], Seal]) -> None:
        """Send over `wire`; `seal` gives the encryption of an SSRC."""
        self._video.seal, self._again.seal = seal(self._video.ssrc), seal(self._again.ssrc)
        self._wire = wire

    def send(self, frame: Frame, start: int, end: int, rtp: int) -> None:
        """Payloads [start, end) of a Frame, one of its batches, with RTP timestamp `rtp`."""
        wire, video, payload_format = self._wire, self._video, self._formats[frame.hevc]
        seal = video.seal
        if wire is None or seal is None or payload_format is None:
            return
        index, ssrc, pack, extensions = video.index, video.ssrc, video.pack, video.extensions
        word = video.first | payload_format.payload_type
        last = len(frame.payloads) - 1
        parts: list[bytes] = []
        add = parts.append
        number = index
        for at in range(start, end):
            payload = frame.payloads[at]
            header = pack(word | 0x80 if at == last else word, number & 0xFFFF, rtp, ssrc, extensions)
            add(header)
            add(seal(number, header, payload))
            self.octets += len(payload)
            number += 1
        video.index = number
        wire.send(parts, end - start)
        now_ns = self._clock.mono_ns()
        self.packets += end - start
        self.last_rtp, self.last_ns = rtp, now_ns
        self._remember(index, start, rtp, frame, end - start, now_ns)

    def _remember(self, index: int, start: int, rtp: int, frame: Frame, count: int, now_ns: int) -> None:
        records = self._records
        records.append((index, start, rtp, frame, count, now_ns))
        oldest = records[0]
        while index - oldest[0] > HISTORY_PACKETS or now_ns - oldest[5] > HISTORY_NS:
            records.popleft()
            oldest = records[0]

    def resend(self, numbers: Sequence[int]) -> None:
        """Send again what a NACK names, within the budget: once that is spent, the rest is not even looked for."""
        self.asked += len(numbers)
        if not self._records:
            return
        newest, oldest = self._video.index - 1, self._records[0][0]
        for number in numbers:
            index = newest - (newest - number & 0xFFFF)
            if index < oldest:
                continue
            if not self._budget.take():
                return
            first, start, rtp, frame, _, _ = self._records[bisect_right(self._records, index, key=_index_of) - 1]
            self._resend(frame, start + index - first, index, rtp)

    def _resend(self, frame: Frame, at: int, index: int, rtp: int) -> None:
        payload_format, wire = self._formats[frame.hevc], self._wire
        if payload_format is None or wire is None:
            return
        stream, payload, payload_type = self._video, frame.payloads[at], payload_format.payload_type
        if payload_format.rtx is not None:
            stream, payload_type = self._again, payload_format.rtx
            payload = (index & 0xFFFF).to_bytes(2, "big") + payload
            index, stream.index = stream.index, stream.index + 1
        if stream.seal is None:
            return
        marker = 0x80 if at == len(frame.payloads) - 1 else 0
        word = stream.first | marker | payload_type
        header = stream.pack(word, index & 0xFFFF, rtp, stream.ssrc, stream.extensions)
        try:
            wire.send((header, stream.seal(index, header, payload)), 1)
        except SrtpError:  # libsrtp repeats nothing that is older than its window
            return
        self.resent += 1
        metrics.RESENT.inc()

    def hold_back(self, delay_ms: int) -> None:
        """Tell the browser to show pictures so much later. Not without RTX: a packet that is repeated must be the same
        bit by bit, or its cipher is given away."""
        if all(f is None or f.rtx is not None for f in self._formats):
            self._video.extensions = self._again.extensions = header_extensions(self._media, delay_ms)

    def report(self, cname: bytes) -> bytes:
        """SR and SDES, empty where nothing was sent since the last one."""
        if self.packets == self._reported:
            return b""
        self._reported = self.packets
        rtp = self.last_rtp + (self._clock.mono_ns() - self.last_ns) * 9 // 100_000 & 0xFFFF_FFFF
        return rtcp.sender_report(
            self._video.ssrc, cname, wall_ns=self._clock.now_ns(), rtp=rtp, packets=self.packets, octets=self.octets
        )

    def stop(self) -> None:
        """Send nothing more, forget everything; idempotent."""
        self._wire = None
        self._records.clear()
