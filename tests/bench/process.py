"""Processes under measurement: their CPU time and PSS from /proc, and their certain end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time so far, seconds; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_bytes(pid: int) -> int:
    """Proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss of {pid}")


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str], *, cwd: Path | None = None, stdin: bool = False, quiet: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with its stdout (and `stdin`, where asked for) on a pipe, terminated and then killed at the end;
    `quiet`: what it says on stderr is not shown."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL if quiet else None,
        start_new_session=True,
        limit=1 << 26,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


async def cpu_over(pids: Sequence[int], seconds: float) -> float:
    """CPU seconds that the processes used during so many seconds of wall time."""
    before = sum(cpu_s(pid) for pid in pids)
    await asyncio.sleep(seconds)
    return sum(cpu_s(pid) for pid in pids) - before
