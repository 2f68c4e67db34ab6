"""Sound on the wire: G.711 in time with its samples, AAC made G.711."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from streamer import listening
from streamer.audio import AudioSender, Transcoder
from streamer.negotiation import AudioFormat
from vms.clock import ManualClock
from vms.domain.media import Codec, Track


class Lane:
    """A wire that keeps headers and payloads."""

    def __init__(self) -> None:
        self.packets: list[tuple[bytes, bytes]] = []

    def send(self, parts: Any, count: int) -> None:
        """See Wire."""
        self.packets.append((parts[0], parts[1]))


def test_samples_keep_time(clock: ManualClock) -> None:
    """Time goes on with the samples, whatever the jitter; after silence it jumps, marked; each law has its type."""
    lane, sender = Lane(), AudioSender(AudioFormat(0, 8), clock)
    sender.send(Codec.PCMU, b"before")
    sender.begin(lane, lambda _ssrc: lambda _index, _header, payload: payload)
    clock._move(10_000_000_000)
    sender.send(Codec.PCMU, b"\x11" * 800)
    clock._move(90_000_000)
    sender.send(Codec.PCMA, b"\x22" * 320)
    clock._move(5_000_000_000)
    sender.send(Codec.PCMU, b"\x33" * 320)
    times = [int.from_bytes(header[4:8], "big") for header, _ in lane.packets]
    assert [(b - a) & 0xFFFFFFFF for a, b in pairwise(times)] == [320, 320, 160, 39_920]
    assert [header[1] for header, _ in lane.packets] == [0x80, 0, 0, 8, 0x80]
    assert [len(payload) for _, payload in lane.packets] == [320, 320, 160, 320, 320]
    assert sender.report()
    assert not sender.report()


def test_aac_becomes_g711() -> None:
    """A second of a tone stays a tone of that height; damage gives nothing."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 16_000, "mono", "fltp"
    units = []
    for n in range(16):
        wave = np.sin((np.arange(1024) + n * 1024) * 2 * math.pi * 440 / 16_000).astype(np.float32) * 0.5
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        frame.pts = n * 1024
        units += [bytes(packet) for packet in encoder.encode(frame)]
    transcoder = Transcoder(Track(1, Codec.AAC, bytes(encoder.extradata), sample_rate=16_000, channels=1))
    law = b"".join(transcoder.pcmu(unit) for unit in units)
    assert transcoder.pcmu(b"\xff\xff\xff") == b""
    decoder: Any = av.CodecContext.create("pcm_mulaw", "r")
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    samples = np.concatenate([f.to_ndarray()[0] for f in decoder.decode(av.Packet(law))]).astype(float)
    assert len(samples) > 6_500
    spectrum = np.abs(np.fft.rfft(samples[1000:5000]))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 4


async def test_sound_goes_on_after_a_transcoder_fell_over(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another takes its place with the next unit; while nothing comes of what arrives the tile is called silent."""

    class Falling:
        def __init__(self, _track: Track) -> None:
            pass

        def pcmu(self, unit: bytes) -> bytes:
            if unit == b"bad":
                raise ValueError("Frame does not match AudioResampler setup.")
            return unit

    monkeypatch.setattr(listening, "Transcoder", Falling)
    lane, sender, said = Lane(), AudioSender(AudioFormat(0, 8), clock), list[dict[str, Any]]()
    sender.begin(lane, lambda _ssrc: lambda _index, _header, payload: payload)
    takes: list[Any] = []
    track = Track(1, Codec.AAC, b"", sample_rate=16_000, channels=1)
    run = SimpleNamespace(info=SimpleNamespace(tracks=(track,)))
    feed = SimpleNamespace(run=run, listen=takes.append, unlisten=takes.remove)
    listener = listening.Listener(sender, said.append, clock)
    listener.listen(SimpleNamespace(index=0, feed=feed))  # type: ignore[arg-type]  # as much of a tile as is used
    for unit in (b"one", b"bad", b"two"):
        takes[0](SimpleNamespace(track=1, payload=unit))
    async with asyncio.timeout(5):
        while len(lane.packets) < 2:
            await asyncio.sleep(0.005)
    assert [payload for _, payload in lane.packets] == [b"one", b"two"]
    clock._move(4_000_000_000)
    takes[0](SimpleNamespace(track=1, payload=b"bad"))
    listener.follow()
    assert [message["state"] for message in said] == ["on", "silent"]
    listener.close()
