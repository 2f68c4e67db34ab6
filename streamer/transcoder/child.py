"""One ffmpeg process: its pipes, its share of the CPU, its sure end. It gets no setting and no secret. Event loop only.

It ends by SIGKILL, for nothing of it is to be kept; where the node is killed it ends by its parent-death signal, else
by the end of its standard input.
"""

from __future__ import annotations

import asyncio
import os
import resource
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vms import metrics
from vms.errors import VmsError

_NICE = 5
_MEMORY_BYTES = 2_000_000_000
_READ_BYTES = 1 << 18
_WRITE_BYTES = 32_000_000
_SAID = 400


def _expendable(pid: int) -> None:
    """The first to go where memory is short."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500", "ascii")


class Child:
    """A process that runs; see `start`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._cpu_s = 0.0
        self._said = b""
        self._listening = asyncio.create_task(self._listen(), name="transcoder says")
        metrics.TRANSCODES.inc()

    @classmethod
    async def start(cls, arguments: Sequence[str]) -> Child:
        """Run it. OSError where it cannot be."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C"}
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, cwd="/"
        )
        # Recording goes first, and a picture that no camera has must not take the memory of the node.
        with suppress(OSError, ValueError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        _expendable(process.pid)
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        """To its standard input. VmsError where it does not read any more."""
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > _WRITE_BYTES:
            raise VmsError("the transcoder does not read")
        stdin.write(data)

    async def read(self) -> bytes:
        """From its standard output. VmsError with its last words where it has ended."""
        assert self._process.stdout is not None
        data = await self._process.stdout.read(_READ_BYTES)
        if not data:
            await self._listening
            words = self._said.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise VmsError("the transcoder ended", hint=words)
        return data

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said = (self._said + data)[-_SAID:]

    def count(self) -> None:
        """Add the CPU that it took since last time to the metrics."""
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
            cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            metrics.TRANSCODE_CPU_S.inc(max(0.0, cpu_s - self._cpu_s))
            self._cpu_s = cpu_s

    async def stop(self) -> None:
        """End it; when this returns it is gone."""
        self.count()
        metrics.TRANSCODES.dec()
        with suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._process.wait()
