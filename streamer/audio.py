"""RTP of the one sound a wall plays: G.711 as the camera sends it (RFC 3551), AAC made G.711 first by `Transcoder`.

No NACK, no pace: 64 kb/s. Time goes on with the samples, and jumps with the clock where sound began anew. The sender is
the event loop's; a Transcoder belongs to one thread of an executor.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterator
from typing import Any

import av

from streamer import rtcp
from streamer.negotiation import AudioFormat
from streamer.srtp import Seal
from streamer.wire import Lane
from vms.clock import Clock
from vms.domain.media import Codec, Track

HZ = 8_000
# 40 ms, as cameras often have it.
_CHUNK = 320
# Sound that is later than this begins anew: what was missing is silence.
_GAP = HZ // 5
_pack = struct.Struct("!HHII").pack


class AudioSender:
    """One audio m-line. `begin` when the transport is there."""

    def __init__(self, audio: AudioFormat, clock: Clock) -> None:
        self.ssrc = secrets.randbits(32) or 1
        self.id = secrets.token_hex(8)
        self._types = {Codec.PCMU: audio.pcmu, Codec.PCMA: audio.pcma}
        self._clock = clock
        self._origin = secrets.randbits(32)
        self._born_ns = clock.mono_ns()
        self._index = secrets.randbits(15)
        self._next = 0
        self._wire: Lane | None = None
        self._seal: Seal | None = None
        self.packets = self._octets = self._reported = 0

    def begin(self, wire: Lane, seal: Callable[[int], Seal]) -> None:
        """Send over `wire`; `seal` gives the encryption of an SSRC."""
        self._wire, self._seal = wire, seal(self.ssrc)

    def _now(self) -> int:
        return (self._clock.mono_ns() - self._born_ns) * HZ // 1_000_000_000

    def send(self, codec: Codec, samples: bytes) -> None:
        """G.711 that follows what was sent before."""
        wire, seal = self._wire, self._seal
        if wire is None or seal is None:
            return
        anew = abs(self._now() - self._next) > _GAP
        if anew:
            self._next = self._now()
        for at in range(0, len(samples), _CHUNK):
            part = samples[at : at + _CHUNK]
            word = 0x8000 | (0x80 if anew else 0) | self._types[codec]
            rtp = self._origin + self._next & 0xFFFF_FFFF
            header = _pack(word, self._index & 0xFFFF, rtp, self.ssrc)
            wire.send((header, seal(self._index, header, part)), 1)
            anew = False
            self._index += 1
            self._next += len(part)
            self.packets += 1
            self._octets += len(part)

    def report(self) -> bytes:
        """SR and SDES, empty where nothing was sent since the last one."""
        if self.packets == self._reported:
            return b""
        self._reported = self.packets
        rtp = self._origin + self._now() & 0xFFFF_FFFF
        return rtcp.sender_report(
            self.ssrc,
            self.id.encode("ascii"),
            wall_ns=self._clock.now_ns(),
            rtp=rtp,
            packets=self.packets,
            octets=self._octets,
        )

    def stop(self) -> None:
        """Send nothing more; idempotent."""
        self._wire = None


class Transcoder:
    """AAC of one track to PCMU, 8 kHz, mono."""

    def __init__(self, track: Track) -> None:
        self._decoder: Any = av.CodecContext.create("aac", "r")
        self._decoder.extradata = track.extradata
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=HZ)
        self._encoder: Any = av.CodecContext.create("pcm_mulaw", "w")
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = HZ, "mono", "s16"

    def pcmu(self, unit: bytes) -> bytes:
        """The samples of one access unit; nothing of one that is damaged."""
        return b"".join(self._encoded(unit))

    def _encoded(self, unit: bytes) -> Iterator[bytes]:
        try:
            for frame in self._decoder.decode(av.Packet(unit)):
                for part in self._resampler.resample(frame):
                    part.pts = None
                    yield from (bytes(packet) for packet in self._encoder.encode(part))
        except av.FFmpegError:
            return
