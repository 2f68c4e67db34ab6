"""The cameras of these tests: one simulator for all of them, its faults ended and its log begun anew for each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.gst_fixture import gst
from tests.simulator_fixture import ROOT, SMALL, RunningSimulator, _running, scenes_folder

__all__ = ["gst", "shared", "simulator"]


@dataclass
class SharedSimulator(RunningSimulator):
    """A simulator that ran before this test and goes on after it."""

    _before: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self) -> None:
        """What is in the log now belongs to other tests."""
        for slug in (cam.slug for cam in self.cameras):
            for stream in ("main", "sub"):
                self._before[slug, stream] = len(super().read_log(slug, stream))

    def read_log(self, slug: str, stream: str) -> list[dict[str, Any]]:
        """The lines written since the test began."""
        return super().read_log(slug, stream)[self._before.get((slug, stream), 0) :]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSimulator]:
    """The process."""
    log = tmp_path_factory.mktemp("send-log")
    options = {"username": "operator", "password": "rahasia-kamera", "cache": scenes_folder(), "cameras": 1, **SMALL}
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "vms.simulator", "--until-stdin-closes", "--send-log", str(log), *flags]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            ready = json.loads(process.stdout.readline())
            plain = _running(ready, Path(log), None)  # type: ignore[arg-type]  # its process is not an asyncio one
            yield SharedSimulator(**vars(plain))
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.fixture
async def simulator(shared: SharedSimulator) -> AsyncIterator[SharedSimulator]:
    """One small camera with main and sub, a key frame every 0.4 s, a send log."""
    shared.begin()
    yield shared
    await shared.control({"camera": "*", "stream": "*", "fault": "none"})
