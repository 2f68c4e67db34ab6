"""What is burned into a derivative, as subtitles (ASS) that ffmpeg draws: names, the clock, the mark, masks, gaps.

Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator

from recorder.derivative import Film, Tile
from recorder.package_pages import CAUSES

_WIB = dt.timezone(dt.timedelta(hours=7), "WIB")
_S = 10**9
MARK = "TURUNAN, BUKAN REKAMAN ASLI · DERIVATIVE, NOT THE ORIGINAL"
_MASKS, _GAPS, _WORDS = 1, 2, 3
_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Words,DejaVu Sans,{size},&H00FFFFFF,&H00FFFFFF,&H40000000,&H00000000,0,0,0,0,100,100,0,0,3,2,0,7,0,0,0,1
Style: Shape,DejaVu Sans,{size},&H00000000,&H00000000,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def subtitles(film: Film) -> str:
    """The file's text."""
    size = max(10, min(28, film.height // 32))
    events: list[str] = []
    for tile in film.tiles:
        events += _tile(tile, film, size)
    margin = size // 2
    events += _clock(film, f"\\an9\\pos({film.width - margin},{margin})")
    mark = f"\\an1\\pos({margin},{film.height - margin})\\fs{max(8, size * 3 // 4)}"
    events.append(_event(_WORDS, 0.0, film.length_s, "Words", mark, f"{MARK} · {film.export}"))
    return _HEAD.format(width=film.width, height=film.height, size=size) + "\n".join(events) + "\n"


def _tile(tile: Tile, film: Film, size: int) -> Iterator[str]:
    corner = f"\\an7\\pos({tile.x + size // 2},{tile.y + size // 2})"
    yield _event(_WORDS, 0.0, film.length_s, "Words", corner, tile.name)
    for source in tile.sources:
        left, top, width, height = tile.picture_of(source)
        for mask in tile.masks:
            points = [(left + x * width, top + y * height) for x, y in mask]
            for start, end in source.spans:
                yield _shape(_MASKS, start, end, points)
    right, bottom = tile.x + tile.width, tile.y + tile.height
    whole = [(tile.x, tile.y), (right, tile.y), (right, bottom), (tile.x, bottom)]
    middle = f"\\an5\\pos({tile.x + tile.width // 2},{tile.y + tile.height // 2})"
    for start, end, cause in tile.gaps:
        words = " · ".join(CAUSES.get(cause, ("tanpa rekaman", "no footage")))
        yield _shape(_GAPS, start, end, whole)
        yield _event(_WORDS, start, end, "Words", middle, words)


def _clock(film: Film, place: str) -> Iterator[str]:
    """A line a second of the wall clock."""
    end_ns = film.from_ns + math.ceil(film.length_s * _S)
    at_ns = film.from_ns
    while at_ns < end_ns:
        next_ns = min(end_ns, (at_ns // _S + 1) * _S)
        shown = f"{dt.datetime.fromtimestamp(at_ns // _S, _WIB):%Y-%m-%d %H:%M:%S} WIB"
        yield _event(_WORDS, (at_ns - film.from_ns) / _S, (next_ns - film.from_ns) / _S, "Words", place, shown)
        at_ns = next_ns


def _shape(layer: int, start: float, end: float, points: Iterable[tuple[float, float]]) -> str:
    (x, y), *rest = [(round(x), round(y)) for x, y in points]
    path = f"m {x} {y} l " + " ".join(f"{x} {y}" for x, y in rest)
    return _line(layer, start, end, "Shape", f"{{\\an7\\pos(0,0)\\p1}}{path}{{\\p0}}")


def _event(layer: int, start: float, end: float, style: str, place: str, words: str) -> str:
    # No name may hold a command: braces and backslashes are what makes one.
    safe = "".join(" " if one in "{}\\" or not one.isprintable() else one for one in words)
    return _line(layer, start, end, style, f"{{{place}}}{safe}")


def _line(layer: int, start: float, end: float, style: str, text: str) -> str:
    return f"Dialogue: {layer},{_time(start)},{_time(end)},{style},,0,0,0,,{text}"


def _time(seconds: float) -> str:
    """To the hundredth, as the format has it."""
    whole = max(0, round(seconds * 100))
    return f"{whole // 360_000}:{whole // 6000 % 60:02d}:{whole // 100 % 60:02d}.{whole % 100:02d}"
