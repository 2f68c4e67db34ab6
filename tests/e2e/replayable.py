"""What can really be replayed: reads a playlist as a player does and finds the frame numbers in the bytes."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import av
import httpx

from vms.simulator import sei


@dataclass
class Section:
    """Ranges that follow each other under one init."""

    init: tuple[str, int, int]
    start_s: float
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    duration_s: float = 0.0


@dataclass(frozen=True)
class Unit:
    """One access unit that can be replayed: its number in the simulator and the time it is shown at."""

    n: int
    shown_ns: int
    is_key: bool


def rfc3339(ns: int) -> str:
    """A time as the API takes it, to the microsecond."""
    at = dt.datetime.fromtimestamp(ns // 1_000_000_000, tz=dt.UTC).replace(microsecond=ns % 1_000_000_000 // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _range(text: str, url: str, at: int) -> tuple[str, int, int]:
    length, _, offset = text.partition("@")
    return url, int(offset) if offset else at, int(length)


def sections(playlist: str, base: str) -> list[Section]:
    """The playlist's ranges, grouped by init and discontinuity."""
    found: list[Section] = []
    init: tuple[str, int, int] | None = None
    start_s, pending, fresh, at, duration_s = 0.0, "", True, 0, 0.0
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            uri, span = re.search(r'URI="([^"]+)"', line), re.search(r'BYTERANGE="([^"]+)"', line)
            assert uri is not None
            assert span is not None
            init, fresh = _range(span.group(1), urljoin(base, uri.group(1)), 0), True
        elif line.startswith("#EXT-X-DISCONTINUITY"):
            fresh = True
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            start_s = dt.datetime.fromisoformat(line.split(":", 1)[1]).timestamp()
        elif line.startswith("#EXTINF:"):
            duration_s = float(line.split(":")[1].rstrip(","))
        elif line.startswith("#EXT-X-BYTERANGE:"):
            pending = line.split(":", 1)[1]
        elif line and not line.startswith("#"):
            assert init is not None
            if fresh:
                found.append(Section(init, start_s))
                fresh = False
            piece = _range(pending, urljoin(base, line), at)
            at = piece[1] + piece[2]
            found[-1].ranges.append(piece)
            found[-1].duration_s += duration_s
    return found


async def _bytes(http: httpx.AsyncClient, piece: tuple[str, int, int]) -> bytes:
    url, offset, length = piece
    answer = await http.get(url, headers={"Range": f"bytes={offset}-{offset + length - 1}"})
    assert answer.status_code == 206, f"{answer.status_code} for {url}: {answer.text[:200]}"
    assert len(answer.content) == length, f"{len(answer.content)} of {length} bytes of {url}"
    return answer.content


def _joined(ranges: list[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    current: tuple[str, int, int] | None = None
    for url, offset, length in ranges:
        if current is not None and (url, offset) == (current[0], current[1] + current[2]) and current[2] < 4_000_000:
            current = (url, current[1], current[2] + length)
        else:
            if current is not None:
                yield current
            current = (url, offset, length)
    if current is not None:
        yield current


def _number(payload: bytes) -> tuple[int, int] | None:
    """The SEI in a unit of length-prefixed NAL units: one header byte, type and size stand before the UUID."""
    at = payload.find(sei.SEI_UUID)
    return sei.parse(payload[at - 3 : at + 93]) if at >= 3 else None


def units_of(media: bytes, start_s: float) -> list[Unit]:
    """All units of one section's bytes, decodable order kept."""
    found: list[Unit] = []
    with av.open(io.BytesIO(media)) as container:
        first: int | None = None
        for packet in container.demux(container.streams.video[0]):
            if packet.size == 0 or packet.pts is None:
                continue
            first = packet.pts if first is None else first
            said = _number(bytes(packet))
            assert said is not None, "a replayable unit without its number"
            assert packet.time_base is not None
            shown_ns = round((start_s + float((packet.pts - first) * packet.time_base)) * 1e9)
            found.append(Unit(said[0], shown_ns, packet.is_keyframe))
    return found


async def replayable(
    http: httpx.AsyncClient, camera: str, start_ns: int, end_ns: int, stream: str = "main"
) -> list[Unit]:
    """Every unit that the playlist of the interval leads to; empty where there is none."""
    path = f"/api/cameras/{camera}/playlist.m3u8"
    asked = {"from": rfc3339(start_ns), "to": rfc3339(end_ns), "stream": stream}
    answer = await http.get(path, params=asked)
    if answer.status_code == 404:
        return []
    answer.raise_for_status()
    found: list[Unit] = []
    for section in sections(answer.text, str(answer.url)):
        parts = [await _bytes(http, section.init)]
        parts += [await _bytes(http, piece) for piece in _joined(section.ranges)]
        found += units_of(b"".join(parts), section.start_s)
    return found
