"""Derivatives of an Export: films that are made from its footage by re-encoding it, and prove nothing. What each is
made of, and where and when each picture stands in it. Pure; recorder/exporter_derivative.py makes them.

A film runs by the clock, from the beginning of what was asked to its end: where nothing is recorded its tile is black.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vms.domain.area import Polygon
from vms.domain.derivative import DerivativeKind
from vms.domain.interval import Interval

MAX_WIDTH, MAX_HEIGHT = 1920, 1080
_SAME_S = 0.02
_NS = 1e9


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the package: `steps`: from when on (s in the file), what is to be added for the time in the film (s);
    `spans`: stretches [from, to) of the film that it has pictures for; the size of its pictures."""

    member: str
    steps: tuple[tuple[float, float], ...]
    spans: tuple[tuple[float, float], ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A camera's place in a film, in pixels. `gaps`: [from, to) in the film without footage, and the Gap's cause."""

    camera: str
    name: str
    x: int
    y: int
    width: int
    height: int
    sources: tuple[Source, ...]
    gaps: tuple[tuple[float, float, str], ...]
    masks: tuple[Polygon, ...] = ()

    def picture_of(self, source: Source) -> tuple[float, float, float, float]:
        """Left, top, width and height of the picture within the film: as large as fits, in the middle of the tile."""
        scale = min(self.width / max(1, source.width), self.height / max(1, source.height))
        width, height = source.width * scale, source.height * scale
        return self.x + (self.width - width) / 2, self.y + (self.height - height) / 2, width, height


@dataclass(frozen=True, slots=True)
class Film:
    """One derivative. `from_ns`: the moment of its first picture; `export`: the Export that it belongs to."""

    member: str
    kind: DerivativeKind
    export: str
    from_ns: int
    length_s: float
    width: int
    height: int
    tiles: tuple[Tile, ...]

    @property
    def of(self) -> list[str]:
        """The originals that it is made of."""
        return [source.member for tile in self.tiles for source in tile.sources]

    def value(self, *, masked: bool) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "member": self.member,
            "kind": self.kind.value,
            "of": self.of,
            "cameras": [tile.camera for tile in self.tiles],
            "masked": masked,
            "size": [self.width, self.height],
            "how": "re-encoded (H.264), without sound; name, time and mark burned in",
        }


def films(
    kind: DerivativeKind,
    export: str,
    cameras: Sequence[Mapping[str, Any]],
    interval: Interval,
    masks: Mapping[str, Sequence[Polygon]],
) -> list[Film]:
    """`cameras`: as the manifest has them; those without footage are in a composite too, black. `masks`: by camera,
    what is to be covered."""
    length_s = interval.duration_ns / _NS
    if kind is DerivativeKind.BURNED:
        made = []
        for camera in cameras:
            if not camera["files"]:
                continue
            width, height = _size(camera)
            tile = _tile(camera, interval, masks, (0, 0, width, height))
            member = camera["files"][0]["member"].replace("footage/", "derivatives/").replace(".mp4", "-burned.mp4")
            made.append(Film(member, kind, export, interval.start_ns, length_s, width, height, (tile,)))
        return made
    columns = math.ceil(math.sqrt(len(cameras)))
    rows = math.ceil(len(cameras) / columns)
    width, height = _even(MAX_WIDTH // columns), _even(MAX_HEIGHT // max(columns, rows))
    places = [((n % columns) * width, (n // columns) * height, width, height) for n in range(len(cameras))]
    tiles = tuple(_tile(camera, interval, masks, at) for camera, at in zip(cameras, places, strict=True))
    size = width * columns, height * rows
    return [Film("derivatives/composite.mp4", kind, export, interval.start_ns, length_s, *size, tiles)]


def _tile(
    camera: Mapping[str, Any],
    interval: Interval,
    masks: Mapping[str, Sequence[Polygon]],
    at: tuple[int, int, int, int],
) -> Tile:
    sources = tuple(_source(file, interval) for file in camera["files"])
    name = camera["name"] if not camera["site"]["name"] else f"{camera['site']['name']} · {camera['name']}"
    covered = sorted(span for source in sources for span in source.spans)
    gaps, reached, length_s = [], 0.0, interval.duration_ns / _NS
    for start, end in [*covered, (length_s, length_s)]:
        if start - reached > _SAME_S:
            gaps.append((reached, start, _cause(camera["gaps"], interval, reached, start)))
        reached = max(reached, end)
    return Tile(camera["id"], name, *at, sources, tuple(gaps), tuple(masks.get(camera["id"], ())))


def _source(file: Mapping[str, Any], interval: Interval) -> Source:
    """By its points: where in the file which moment is."""
    origin_90k = file["shown_90k"][0]
    end_s = (file["shown_90k"][1] - origin_90k) / 90_000
    steps: list[tuple[float, float]] = []
    spans: list[tuple[float, float]] = []
    begins = [(at_90k - origin_90k) / 90_000 for at_90k, _, _ in file["points"]]
    for n, (begin_s, (_, ns, _)) in enumerate(zip(begins, file["points"], strict=True)):
        shift = (ns - interval.start_ns) / _NS - begin_s
        until_s = min(end_s, begins[n + 1] if n + 1 < len(begins) else end_s)
        if until_s <= max(0.0, begin_s):
            continue
        if not steps or abs(shift - steps[-1][1]) > _SAME_S:
            steps.append((begin_s, shift))
        start, end = max(0.0, begin_s) + shift, until_s + shift
        if spans and abs(start - spans[-1][1]) <= _SAME_S:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    video = file["tracks"][0]
    return Source(file["member"], tuple(steps), tuple(spans), int(video["width"]), int(video["height"]))


def _cause(gaps: Sequence[Mapping[str, Any]], interval: Interval, start: float, end: float) -> str:
    """The cause of most of a stretch without footage; empty where none is known."""
    shares: dict[str, float] = {}
    for gap in gaps:
        low = max(start, (gap["from_ns"] - interval.start_ns) / _NS)
        high = min(end, (gap["to_ns"] - interval.start_ns) / _NS)
        if high > low:
            shares[gap["cause"]] = shares.get(gap["cause"], 0.0) + high - low
    return max(shares, key=lambda cause: shares[cause], default="")


def _size(camera: Mapping[str, Any]) -> tuple[int, int]:
    video = camera["files"][0]["tracks"][0]
    width, height = int(video["width"]) or MAX_WIDTH, int(video["height"]) or MAX_HEIGHT
    scale = min(1.0, MAX_WIDTH / width, MAX_HEIGHT / height)
    return _even(width * scale), _even(height * scale)


def _even(value: float) -> int:
    return max(2, int(value) // 2 * 2)
