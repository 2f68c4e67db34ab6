"""The send log: which access unit was wholly handed to the kernel, for which connection, when.

One JSON line each, per stream a file, appended; written out every 100 ms and at close. On the event loop: the lines
are small and go to the page cache.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO


class StreamLog:
    """The log of one stream. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._lines: list[str] = []
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="ascii")

    def unit(self, conn: int, n: int, t_ns: int, *, key: bool) -> None:
        """An access unit whose last byte was handed to the kernel at t_ns."""
        if self._file is not None:
            self._lines.append(f'{{"conn":{conn},"n":{n},"t_ns":{t_ns},"key":{"true" if key else "false"}}}\n')

    def event(self, conn: int, event: str, t_ns: int, **more: str) -> None:
        """`play` or `close`; `why` tells who closed."""
        if self._file is not None:
            self._lines.append(json.dumps({"conn": conn, "event": event, "t_ns": t_ns, **more}) + "\n")

    def flush(self) -> None:
        """Write out what is kept."""
        if self._lines and self._file is not None:
            self._file.write("".join(self._lines))
            self._file.flush()
        self._lines.clear()

    def close(self) -> None:
        """Write out and close; safe to call twice."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None
