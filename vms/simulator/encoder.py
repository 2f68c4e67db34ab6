"""Draw a scene and encode its loop, once, to the cache; many of them in parallel processes with progress on stderr.

H.264 constrained baseline by libx264 (any decoder and any WebRTC peer takes it), closed GOPs of fixed length, parameter
sets at each key frame, no access unit delimiters. Runs in processes of its own; nothing here is on an event loop.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vms.simulator import barcode, clip, scenes
from vms.simulator.clip import ClipKey, EncodedUnit
from vms.simulator.options import Picture


def build(key: ClipKey, path: Path) -> float:
    """Draw and encode one clip to the path; seconds it took."""
    begun = time.monotonic()
    clip.save(path, _encode(key))
    return time.monotonic() - begun


def build_missing(keys: Iterable[ClipKey], folder: Path, *, apart: bool = False) -> None:
    """Bring every clip into the cache that is not there yet. Blocks; tells on stderr what it does. `apart`: never in
    this process, which has streams to serve. BrokenProcessPool after `abandon`."""
    missing = {key: key.path(folder) for key in keys}
    missing = {key: path for key, path in missing.items() if not path.exists()}
    if not missing:
        return
    workers = min(len(missing), os.cpu_count() or 1)
    _say(f"drawing and encoding {len(missing)} scenes into {folder} (once)")
    if workers == 1 and not apart:
        for key, path in missing.items():
            build(key, path)
        return
    # the large ones first, so that the last worker does not end on one of them
    ordered = sorted(missing, key=lambda key: -key.picture.width * key.picture.height * key.picture.loop_frames)
    # not fork: the caller may have threads
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        waiting = {pool.submit(build, key, missing[key]): key for key in ordered}
        for done, future in enumerate(as_completed(waiting), 1):
            key = waiting[future]
            seconds = future.result()
            size = f"{key.picture.width}x{key.picture.height}"
            _say(f"{done} of {len(missing)}: {key.scene} {size} in {seconds:.1f} s")


def abandon() -> None:
    """End the processes that are still encoding for this one, so that it can stop at once."""
    for child in multiprocessing.active_children():
        child.terminate()


def _end_with_parent() -> None:
    """A worker of a killed parent would wait for work for ever: both ends of its queue are its own."""
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _encode(key: ClipKey) -> Iterator[EncodedUnit]:
    picture = key.picture
    scene = scenes.build(key.scene, picture, key.title)
    codec = _open(picture)
    sent = 0
    for k in range(picture.loop_frames):
        planes = scene.frame(k)
        barcode.draw(planes, k)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = k
        for packet in codec.encode(frame):
            yield _unit(packet, sent, picture)
            sent += 1
    for packet in codec.encode(None):
        yield _unit(packet, sent, picture)
        sent += 1


def _unit(packet: av.Packet[VideoStream], turn: int, picture: Picture) -> EncodedUnit:
    if packet.pts is None:
        raise ValueError("the encoder gave a packet without pts")
    nals = tuple(nal for nal in split(bytes(packet)) if not _is_notice(nal, h265=picture.codec == "h265"))
    return EncodedUnit(packet.is_keyframe, packet.pts - turn, nals)


def split(annex_b: bytes) -> list[bytes]:
    """NAL units of an Annex-B access unit, without start codes and trailing zeros."""
    return [part.rstrip(b"\x00") for part in annex_b.split(b"\x00\x00\x01")[1:]]


def _is_notice(nal: bytes, *, h265: bool) -> bool:
    """SEI of the encoder itself (its name and settings): not for the wire."""
    kind = nal[0] >> 1 & 0x3F if h265 else nal[0] & 0x1F
    return kind in {39, 40} if h265 else kind == 6


def _open(picture: Picture) -> VideoCodecContext:
    gop, kbps = picture.gop_frames, picture.kbps
    rate = f"vbv-maxrate={kbps}:vbv-bufsize={max(kbps * 6 // 10, 60)}"
    shared = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={picture.b_frames}:repeat-headers=1:{rate}"
    codec = av.CodecContext.create("libx265" if picture.codec == "h265" else "libx264", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "yuv420p"
    codec.framerate, codec.time_base = Fraction(picture.fps), Fraction(1, picture.fps)
    codec.bit_rate = kbps * 1000
    codec.gop_size, codec.thread_count = gop, 1
    if picture.codec == "h265":
        codec.options = {
            "preset": "ultrafast",
            "x265-params": f"{shared}:open-gop=0:pools=none:frame-threads=1:log-level=none",
        }
    else:
        profile = "main" if picture.b_frames else "baseline"
        codec.options = {
            "preset": "superfast",
            "profile": profile,
            "x264-params": f"{shared}:threads=1:rc-lookahead=10:mbtree=0:colormatrix=smpte170m",
        }
    return codec


def _say(text: str) -> None:
    sys.stderr.write(f"simulator: {text}\n")
    sys.stderr.flush()
