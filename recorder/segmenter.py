"""Where to cut: Packets of one Run in, fragments and the beginnings of Segments out. Pure; holds one fragment at most.

A fragment ends before the video Packet that would make it longer than `fragment_s`, and before every key frame. A
Segment ends at the first key frame after `segment_s`. Audio goes by its decode time: what lies before the next video
Packet is in this fragment, what comes late is in the next one of its GOP, and a key frame waits up to
`audio_wait_s` of video for the audio before it. Audio more than 2 s away from the video is moved to there.
Decode times leave strictly increasing per track. Of a Run's end, audio after its last video Packet may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from recorder.fmp4 import ticks
from vms.domain.media import CLOCK_HZ, Packet, RunInfo

_SKEW_90K = 2 * CLOCK_HZ
_FALLBACK_90K = CLOCK_HZ // 25
_NEVER_90K = 1 << 60


@dataclass(frozen=True, slots=True)
class CutOptions:
    """Lengths in seconds."""

    segment_s: float = 60.0
    fragment_s: float = 0.2
    audio_wait_s: float = 0.12


class AudioSample(NamedTuple):
    """An audio Packet with its decode time in ticks of its track."""

    dts: int
    packet: Packet


class Cut(NamedTuple):
    """One fragment: never without video. `gop`: number in the Run of the GOP it belongs to."""

    video: list[Packet]
    audio: list[AudioSample]
    last_duration_90k: int
    gop: int
    opens_segment: bool


class Segmenter:
    """The cuts of one Run, from a key frame on; `first_gop` is the number of the GOP it begins with."""

    def __init__(self, info: RunInfo, options: CutOptions, *, first_gop: int = 0) -> None:
        self._segment_90k = round(options.segment_s * CLOCK_HZ)
        self._fragment_90k = round(options.fragment_s * CLOCK_HZ)
        self._wait_90k = round(options.audio_wait_s * CLOCK_HZ)
        self._hz = {track.number: ticks(track) for track in info.tracks[1:]}
        self._last_ticks = dict.fromkeys(self._hz, -1)
        self._video: list[Packet] = []
        self._audio: list[AudioSample] = []
        self._ahead: list[Packet] = []
        self._gop = first_gop - 1
        self._gop_dts = 0
        self._segment_dts: int | None = None
        self._opening = False
        self._last_dts = -1
        self._step_90k = _FALLBACK_90K

    @property
    def holds_video(self) -> bool:
        """Whether video waits to be cut."""
        return bool(self._video)

    def cut_soon(self) -> None:
        """The next key frame begins a Segment, whatever the length of this one."""
        self._segment_dts = None

    def push(self, packet: Packet) -> list[Cut]:
        """Take the next Packet of the Run; the first is a key frame."""
        if packet.track:
            self._push_audio(packet)
            return self._release() if self._ahead and self._audio_passed(self._ahead[0].dts_90k) else []
        if packet.dts_90k <= self._last_dts:
            packet = replace(packet, dts_90k=self._last_dts + 1)
        if self._last_dts >= 0:
            self._step_90k = packet.dts_90k - self._last_dts
        self._last_dts = packet.dts_90k
        if self._ahead:
            self._ahead.append(packet)
            waited = packet.is_key or packet.dts_90k - self._ahead[0].dts_90k > self._wait_90k
            return self._release() if waited else []
        if packet.is_key and self._video and not self._audio_passed(packet.dts_90k):
            self._ahead.append(packet)
            return []
        return self._place(packet)

    def flush(self) -> list[Cut]:
        """Cut now, because the next Packet is late; the length of the last one is taken from the one before."""
        cuts = self._release() if self._ahead else []
        if self._video:
            cuts.append(self._cut(self._video[-1].dts_90k + 1, self._step_90k))
        return cuts

    def finish(self) -> list[Cut]:
        """Cut what is left; the Run is over."""
        cuts = self._release() if self._ahead else []
        if self._video:
            cuts.append(self._cut(_NEVER_90K, self._step_90k))
        return cuts

    def _release(self) -> list[Cut]:
        waiting, self._ahead = self._ahead, []
        return [cut for packet in waiting for cut in self._place(packet)]

    def _place(self, packet: Packet) -> list[Cut]:
        cuts = []
        if self._video:
            start, last = self._video[0].dts_90k, self._video[-1].dts_90k
            if packet.is_key or 2 * packet.dts_90k - last - start > self._fragment_90k:
                cuts.append(self._cut(packet.dts_90k, packet.dts_90k - last))
        if packet.is_key:
            self._begin_gop(packet.dts_90k)
        self._video.append(packet)
        return cuts

    def _begin_gop(self, dts_90k: int) -> None:
        self._gop += 1
        self._gop_dts = dts_90k
        if self._segment_dts is None or dts_90k - self._segment_dts >= self._segment_90k:
            self._segment_dts = dts_90k
            self._opening = True

    def _cut(self, until_90k: int, last_duration_90k: int) -> Cut:
        audio, self._audio = self._audio, []
        if audio:
            self._audio = [sample for sample in audio if not self._before(sample, until_90k)]
            audio = [sample for sample in audio if self._before(sample, until_90k)]
        cut = Cut(self._video, audio, last_duration_90k, self._gop, self._opening)
        self._video, self._opening = [], False
        return cut

    def _push_audio(self, packet: Packet) -> None:
        hz = self._hz.get(packet.track)
        if hz is None:
            return
        near = min(max(packet.dts_90k, self._last_dts - _SKEW_90K), self._last_dts + _SKEW_90K)
        rounded = (2 * near * hz + CLOCK_HZ) // (2 * CLOCK_HZ)
        in_gop = -(-self._gop_dts * hz // CLOCK_HZ)  # what missed its GOP is the first of the next
        found = max(rounded, in_gop, self._last_ticks[packet.track] + 1)
        self._last_ticks[packet.track] = found
        self._audio.append(AudioSample(found, packet))

    def _before(self, audio: AudioSample, dts_90k: int) -> bool:
        return audio.dts * CLOCK_HZ < dts_90k * self._hz[audio.packet.track]

    def _audio_passed(self, dts_90k: int) -> bool:
        """Whether every audio track that is not silent has come as far as this decode time."""
        silent_90k = self._last_dts - _SKEW_90K
        return not any(
            silent_90k * hz <= self._last_ticks[track] * CLOCK_HZ < dts_90k * hz for track, hz in self._hz.items()
        )
