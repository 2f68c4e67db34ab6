"""Rows of build/bench.json: {id, name, value, unit, rival, rival_value, n, commit}. A figure not taken has no row."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "build" / "bench.json"


@dataclass(frozen=True)
class Row:
    """One figure. `id` is the bar's id, with a suffix where a bar has several figures."""

    id: str
    name: str
    value: float
    unit: str
    n: int
    rival: str | None = None
    rival_value: float | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def commit() -> str:
    """The commit of the work tree, `+` behind it where files differ."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    dirty = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def write(rows: Sequence[Row], file: Path = FILE) -> None:
    """Replace the rows of the ids taken now, keep the others, whole file at once."""
    kept = json.loads(file.read_text()) if file.exists() else []
    taken = {row.id for row in rows}
    at = commit()
    merged = [row for row in kept if row["id"] not in taken] + [asdict(row) | {"commit": at} for row in rows]
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(sorted(merged, key=lambda row: row["id"]), indent=1) + "\n", encoding="utf-8")
    temporary.rename(file)


def line(row: Row) -> str:
    """A row for the terminal."""
    beside = f"   ({row.rival}: {row.rival_value:.4g})" if row.rival is not None and row.rival_value is not None else ""
    return f"{row.id:<16} {row.name:<58} {row.value:>10.4g} {row.unit:<6} n={row.n}{beside}"
