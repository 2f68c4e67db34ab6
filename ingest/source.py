"""Opens a camera with libav and reads its packets. Blocks: a thread of its own per Source, which closes it too.

The only place of ingest that gives a URL to libav. Exceptions of libav hold that URL with its password: none leaves
this module, and their text is never used.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream as AvStream
from av.video.stream import VideoStream

from ingest.arrival import Arrival, OpenOptions
from ingest.handshake import unsupported_format
from ingest.url import Target
from vms.domain.media import Codec, Track
from vms.errors import (
    CameraAuthError,
    CameraCorruptError,
    CameraError,
    CameraStalledError,
    CameraUnreachableError,
    CameraUnsupportedError,
)

VIDEO_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
AUDIO_CODECS = {"aac": Codec.AAC, "pcm_mulaw": Codec.PCMU, "pcm_alaw": Codec.PCMA}

# The default probe reads 20 frames to guess a rate nobody needs (1.1 s); with these one access unit is enough (50 ms).
# No `nobuffer`: it throws away what was read while probing, and with it the first key frame.
_OPTIONS = {
    "protocol_whitelist": "rtsp,rtp,tcp,udp,tls",
    "fpsprobesize": "0",
    "probesize": "2048",
    "analyzeduration": "500000",
    "buffer_size": "2097152",
    "max_delay": "200000",
}


class Source:
    """An open connection with one video track and perhaps one audio track; see ingest.arrival.Reader."""

    # libav's parser gives a unit when the next one begins to arrive: at 15 pictures a second 67 ms later
    holds_back = True

    def __init__(self, target: Target, options: OpenOptions) -> None:
        """Connects; at most twice the open timeout. CameraError."""
        self._container = _open(target, options)
        try:
            self._video = _pick_video(self._container)
            self._audio = _pick_audio(self._container) if options.audio else None
        except CameraError:
            self._container.close()
            raise

    @property
    def codec(self) -> Codec:
        """Codec of the video."""
        return VIDEO_CODECS[_codec_name(self._video)]

    @property
    def extradata(self) -> bytes:
        """What the session description says of parameter sets."""
        return bytes(self._video.codec_context.extradata or b"")

    @property
    def audio(self) -> Track | None:
        """The audio track, where there is one that is wanted and supported."""
        if self._audio is None:
            return None
        context = self._audio.codec_context
        return Track(
            number=1,
            codec=AUDIO_CODECS[_codec_name(self._audio)],
            extradata=bytes(context.extradata or b""),
            sample_rate=context.sample_rate,
            channels=context.channels,
        )

    def sender_ns(self) -> int | None:
        """The camera's own wall time at the start of the stream, by RTCP sender reports, once one came."""
        start_us = self._container.start_time_realtime
        return start_us * 1000 if start_us is not None and start_us > 0 else None

    def packets(self) -> Iterator[Arrival]:
        """All units until the connection ends, which is always a CameraError: live streams have no end."""
        streams: list[AvStream] = [self._video] if self._audio is None else [self._video, self._audio]
        video = self._video.index
        try:
            for packet in self._container.demux(streams):
                if packet.size:
                    yield Arrival(packet.stream_index == video, bytes(packet), packet.pts, packet.dts)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _reading(error) from None
        raise CameraUnreachableError("The camera ended the stream.", reason="ended")

    def close(self) -> None:
        """Say goodbye (TEARDOWN, without waiting for the answer) and give everything back."""
        self._container.close()


def _open(target: Target, options: OpenOptions) -> InputContainer:
    if options.transport not in {"tcp", "udp"}:
        raise CameraUnsupportedError("The transport must be tcp or udp.", reason="transport")
    wanted = {
        **_OPTIONS,
        "rtsp_transport": options.transport,
        "allowed_media_types": "video+audio" if options.audio else "video",
    }
    timeouts = (options.open_timeout_s, options.read_timeout_s)
    try:
        return av.open(target.libav_url, mode="r", format="rtsp", options=wanted, timeout=timeouts)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _opening(error) from None


def _opening(error: Exception) -> CameraError:
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return CameraAuthError("The camera refuses the user name or password.", reason="auth_refused")
    if isinstance(error, av.error.HTTPNotFoundError | av.error.HTTPBadRequestError):
        return CameraUnreachableError("The camera has no stream under this path.", reason="no_path")
    if isinstance(error, av.error.HTTPClientError | av.error.HTTPError):
        return CameraUnreachableError("The camera refuses the request.", reason="request_refused")
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return CameraUnreachableError("The camera does not answer in time.", reason="late")
    if isinstance(error, av.error.ConnectionRefusedError):
        return CameraUnreachableError("The camera refuses connections.", reason="refuses_connections")
    if isinstance(error, av.error.InvalidDataError):
        return CameraUnreachableError("The camera's answers cannot be understood.", reason="not_rtsp")
    return CameraUnreachableError("The connection to the camera failed.", reason="failed")


def _reading(error: Exception) -> CameraError:
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return CameraStalledError("The camera is connected and silent.", reason="silent")
    if isinstance(error, av.error.InvalidDataError):
        return CameraCorruptError("The camera sends what cannot be read.", reason="bad_video")
    return CameraUnreachableError("The connection to the camera broke.", reason="broke")


def _pick_video(container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise CameraUnsupportedError("The camera sends no video.", reason="no_video")
    stream = container.streams.video[0]
    if _codec_name(stream) not in VIDEO_CODECS:
        raise unsupported_format(_codec_name(stream))
    return stream


def _codec_name(stream: AvStream) -> str:
    # PyAV has no codec context where libav knows no decoder, and then raises on every attribute but `type`.
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""


def _pick_audio(container: InputContainer) -> AudioStream | None:
    return next((s for s in container.streams.audio if _codec_name(s) in AUDIO_CODECS), None)
