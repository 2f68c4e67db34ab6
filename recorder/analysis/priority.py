"""How threads of `analysis` stand behind recording and viewers. Linux knows a niceness of each thread."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from recorder.analysis.picture import one_thread

_NICE = 4
"""Not by so much that the thread is left without CPU while it holds the interpreter's lock, for which the event loop
would wait."""


def modest() -> None:
    """Of the thread that calls; elsewhere than on Linux it stays as it is."""
    one_thread()
    with suppress(OSError, AttributeError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + _NICE, 19))
