"""Makes the films of an Export (recorder/derivative.py) by an ffmpeg process, driven by ffmpeg-python's command line.

It reads files of the package that is under way and writes beside them; it gets no setting and no secret, less priority
than recording, bounded memory, and ends with whoever waits for it. Event loop.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ffmpeg

from recorder.derivative import Film, Source, Tile
from vms import logs
from vms.errors import FootageError

FPS = 25
_MAX_PIXELS = 7680 * 4352
_NICE = 10
_MEMORY_BYTES = 6_000_000_000
_SAID = 2000


def program() -> str | None:
    """The ffmpeg of this machine, else the one that `make setup` put beside Python; None where there is none."""
    return shutil.which("ffmpeg") or shutil.which("ffmpeg", path=str(Path(sys.executable).parent))


def command(cmd: str, film: Film, subtitles: str) -> list[str]:
    """Its arguments; all paths are below the folder that it works in. Pure but for looking `setpriv` up."""
    black = f"color=c=black:s={film.width}x{film.height}:r={FPS}:d={film.length_s:.3f}"
    picture = ffmpeg.input(black, format="lavfi").video
    for tile in film.tiles:
        for source in tile.sources:
            if source.steps:
                # Before the first picture of a file, and behind its last, what lies below it is seen.
                over = _placed(tile, source)
                picture = ffmpeg.overlay(picture, over, x=tile.x, y=tile.y, eof_action="pass")
    encoded = ffmpeg.output(
        picture.filter("ass", subtitles).filter("format", "yuv420p"),
        film.member,
        vcodec="libx264",
        preset="veryfast",
        crf=23,
        g=2 * FPS,
        threads=2,
        t=f"{film.length_s:.3f}",
        movflags="+faststart",
        map_metadata=-1,
    ).global_args("-hide_banner", "-nostdin", "-y", "-loglevel", "warning", "-progress", "pipe:1", "-nostats")
    arguments: list[str] = ffmpeg.compile(encoded, cmd=cmd)
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *arguments] if setpriv else arguments


def _placed(tile: Tile, source: Source) -> ffmpeg.nodes.Stream:
    """The pictures of a file at their time in the film, as large as its tile."""
    shift = f"{source.steps[0][1]:.4f}"
    for (begin_s, after), (_, before) in zip(source.steps[1:], source.steps, strict=False):
        shift += f"+({after - before:.4f})*gte(T,{begin_s - 0.001:.4f})"
    found = ffmpeg.input(source.member, max_pixels=_MAX_PIXELS, threads=2).video
    found = found.filter("setpts", f"(T+{shift})/TB")
    found = found.filter("scale", tile.width, tile.height, force_original_aspect_ratio="decrease")
    return found.filter("pad", tile.width, tile.height, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1)


async def make(film: Film, folder: Path, subtitles: str, told: Callable[[float], None]) -> None:
    """Write the film below `folder`, where its sources and the subtitles are. `told`: how far it is, 0 to 1; what it
    raises ends the work. FootageError where it cannot be made."""
    cmd = program()
    if cmd is None:
        raise FootageError(
            "there is no ffmpeg on the node that makes exports", hint="Install it.", reason="export_no_ffmpeg"
        )
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(
        *command(cmd, film, subtitles), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, cwd=folder
    )
    said = asyncio.create_task(_listened(process.stderr))
    try:
        with suppress(OSError, ValueError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        assert process.stdout is not None
        async for line in process.stdout:
            name, _, value = line.decode("ascii", "replace").strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit():
                told(min(1.0, max(0.0, int(value) / 1e6 / max(0.001, film.length_s))))
        code, words = await process.wait(), await said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)
        await process.wait()
    if code or "fontselect: failed" in words or not (folder / film.member).exists():
        last = words.strip().rpartition("\n")[2][:200]
        raise FootageError(
            logs.redact(f"a derivative cannot be made: {last or f'ffmpeg ended with {code}'}"),
            hint="Ask for the export without it; where fonts are missing, install fonts-dejavu-core.",
            reason="export_derivative",
        )


async def _listened(stream: asyncio.StreamReader | None) -> str:
    """The last words."""
    words = b""
    while stream is not None and (data := await stream.read(4096)):
        words = (words + data)[-_SAID:]
    return words.decode("utf-8", "replace")
