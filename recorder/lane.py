"""Jobs of one Stream on an executor shared by all: one at a time, in order, with their bytes counted until done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from vms import logs

log = logs.get(__name__)


class Backlog:
    """Bytes handed to the disk and not yet written, over all lanes of a node. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes = 0

    def add(self, count: int) -> None:
        """More (or, negative, less) is waiting."""
        with self._lock:
            self.bytes += count


class Lane:
    """`submit` from any thread; jobs never raise for the caller, what they raise is logged."""

    def __init__(self, executor: Executor, backlog: Backlog) -> None:
        self._executor = executor
        self._backlog = backlog
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._busy = False

    def submit(self, job: Callable[[], None], weight_bytes: int = 0) -> None:
        """Run a job after all before it."""
        self._backlog.add(weight_bytes)
        with self._lock:
            self._jobs.append((job, weight_bytes))
            if self._busy:
                return
            self._busy = True
        self._executor.submit(self._drain)

    def _drain(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._busy = False
                    return
                job, weight = self._jobs.popleft()
            try:
                job()
            except Exception:
                log.exception("a job of the disk failed")
            finally:
                self._backlog.add(-weight)
