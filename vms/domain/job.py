"""Jobs: long work that somebody asked for, with progress, that outlives a restart and can be cancelled. Pure.

A Job is queued, then runs on one Node, and ends once. What it was asked and what came of it are plain JSON values: each
kind of Job knows its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

WHOLE_PPM = 1_000_000


class JobKind(StrEnum):
    """Kinds of long work. `fill`: change grids of footage that has none."""

    EXPORT = "export"
    FILL = "fill"
    DISCOVERY = "discovery"


class JobState(StrEnum):
    """Where a Job is in its life; the last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after it."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class Job:
    """`person`: the id of who asked; `node`: who runs it and keeps what came of it, empty while queued;
    `progress_ppm`: millionths of the work; `expires_ns`: when what came of it is removed; `why`, `reason`: what went
    wrong, in words and by a stable name; `case`: the Case that it belongs to, None: none."""

    id: str
    kind: JobKind
    person: str
    asked: Mapping[str, Any] = field(hash=False)
    created_ns: int
    state: JobState = JobState.QUEUED
    node: str = ""
    progress_ppm: int = 0
    started_ns: int | None = None
    ended_ns: int | None = None
    expires_ns: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict, hash=False)
    why: str = ""
    reason: str = ""
    case: str | None = None
