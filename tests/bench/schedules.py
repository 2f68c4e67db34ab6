"""D9: retention against Holds, 10,000 generated schedules on the real Service and a real catalogue."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.recorder.test_schedules import play

_SCHEDULES = int(os.environ.get("VMS_D9_SCHEDULES", "10000"))


async def against_holds(folder: Path) -> Sequence[Row]:
    """Raises at the first that goes wrong, with the shortest schedule that does."""
    played, deleted = await asyncio.to_thread(play, folder, _SCHEDULES)
    return [
        Row("D9.faults", "schedules in which retention did wrong", 0, "", played),
        Row("D9.deleted", "Segments that it deleted in them", deleted, "", played),
    ]
