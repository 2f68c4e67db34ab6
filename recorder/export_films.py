"""The derivatives of one Export, made beside its footage: asked of recorder/exporter_derivative.py one after the other.

Event loop; files on the executor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from recorder.burn_in import subtitles
from recorder.derivative import Film, films
from recorder.exporter_derivative import make
from recorder.footage import OffLoop
from recorder.package import file_fact
from vms.domain.area import Polygon
from vms.domain.derivative import DerivativeKind
from vms.domain.interval import Interval

_SUBTITLES = "done/burn-in.ass"


@dataclass
class Derived:
    """`values`: what the manifest says of each; `facts`: of the members."""

    values: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)


def _tell(told: Callable[[float], None], n: int, of: int, share: float) -> None:
    """How far all of it is, where the n-th of so many is made to that share."""
    told((n + share) / of)


async def derive(
    asked: Mapping[str, Any],
    export: str,
    cameras: Sequence[Mapping[str, Any]],
    interval: Interval,
    masks: Mapping[str, Sequence[Polygon]],
    folder: Path,
    off_loop: OffLoop,
    told: Callable[[float], None],
) -> Derived:
    """`asked`: `kind` and `masked`; `told`: how far all of it is, 0 to 1. FootageError where one cannot be made."""
    masked, found = bool(asked["masked"]), Derived()
    made = films(DerivativeKind(asked["kind"]), export, cameras, interval, masks if masked else {})
    for n, film in enumerate(made):
        await off_loop(partial(_prepared, folder, film))
        await make(film, folder, _SUBTITLES, partial(_tell, told, n, len(made)))
        found.values.append(film.value(masked=masked))
        found.facts.append(await off_loop(partial(file_fact, folder, film.member)))
    return found


def _prepared(folder: Path, film: Film) -> None:
    (folder / film.member).parent.mkdir(parents=True, exist_ok=True)
    (folder / _SUBTITLES).parent.mkdir(parents=True, exist_ok=True)
    (folder / _SUBTITLES).write_text(subtitles(film), encoding="utf-8")
