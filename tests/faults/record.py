"""Keeps what long runs with faults found: a line each in docs/reliability.jsonl, summed up in docs/reliability.md.

    await recorded("B1", lambda: kills(folder, count=25, seed=3))

`python -m tests.faults.record` writes the summary anew. A run that fails is a line too.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from tests.cluster.faults import Outcome

ROOT = Path(__file__).resolve().parents[2]
LINES = ROOT / "docs/reliability.jsonl"
PAGE = ROOT / "docs/reliability.md"
_BEGIN, _END = "<!-- counts: tests/faults/record.py -->", "<!-- end of counts -->"
_WHAT = {
    "B1": "SIGKILL of any process",
    "B3": "three lines cut at once",
    "B4": "node of a site of two killed",
    "B5": "NATS hub, NATS leaf, PostgreSQL, MinIO restarted",
}


async def recorded(bar: str, run: Callable[[], Awaitable[Outcome]], **about: Any) -> Outcome:
    """Run, note what came of it, and check it. `about`: what the counts do not say."""
    found = await run()
    why = ""
    try:
        found.check()
    except AssertionError as error:
        why = str(error)[:300] or "failed"
        raise
    finally:
        append(bar, found, why, about)
    return found


def append(bar: str, found: Outcome, why: str, about: dict[str, Any]) -> None:
    """One line more."""
    verdict = found.verdict
    line = {
        "bar": bar,
        "at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "faults": found.faults,
        "owed": verdict.owed,
        "lost": sum(map(len, verdict.lost.values())),
        "unreadable": len(verdict.unreadable),
        "unexplained": len(verdict.unexplained),
        "rows_missing": len(verdict.rows),
        "rows_s": round(found.rows_s, 1),
        "tails_s": [round(tail, 2) for tail in verdict.tails_s],
        "times_s": [round(time, 1) for time in found.times_s],
        "failed": why,
        **about,
    }
    with LINES.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def table(lines: Iterable[dict[str, Any]]) -> str:
    """All runs of each bar together."""
    heads = [
        "bar",
        "what was done",
        "runs",
        "faults",
        "units owed",
        "lost",
        "unreadable",
        "longest tail",
        "p95",
        "failed",
    ]
    rows = [heads, ["---"] * len(heads)]
    by_bar: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_bar.setdefault(line["bar"], []).append(line)
    for bar, runs in sorted(by_bar.items()):
        times = sorted(time for run in runs for time in run["times_s"])
        tails = [tail for run in runs for tail in run["tails_s"]]
        p95 = f"{times[min(len(times) - 1, len(times) * 95 // 100)]} s" if times else ""
        counts = [sum(run[name] for run in runs) for name in ("faults", "owed", "lost", "unreadable")]
        longest = f"{max(tails)} s" if tails else "none"
        failed = sum(bool(run["failed"]) for run in runs)
        rows.append([bar, _WHAT.get(bar, ""), str(len(runs)), *map(str, counts), longest, p95, str(failed)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def summarize() -> None:
    """Write the table into the page, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()] if LINES.exists() else []
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{table(lines)}\n\n{_END}{after}", encoding="utf-8")


def _commit() -> str:
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.stdout.strip()


if __name__ == "__main__":
    summarize()
