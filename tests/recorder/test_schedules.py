"""Bar D9 in short: retention against Holds; `make bench ARGS=D9` plays 10,000 schedules."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.recorder.schedules import SCHEDULES, World


def play(folder: Path | None, examples: int) -> tuple[int, int]:
    """So many schedules in one catalogue (None: of dictionaries); how many were played, and what went in all."""
    with asyncio.Runner() as runner:
        world, played = runner.run(World.open(folder)), 0

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(SCHEDULES)
        def schedules(schedule: object) -> None:
            nonlocal played
            played += 1
            runner.run(world.play(schedule))  # type: ignore[arg-type]  # as SCHEDULES makes them

        try:
            schedules()
            return played, world.deleted
        finally:
            runner.run(world.close())


@pytest.mark.parametrize(("real", "examples"), [(False, 250), (True, 12)])
def test_never_a_held_segment_never_an_unsent_one_always_the_oldest(tmp_path: Path, real: bool, examples: int) -> None:
    """Whatever comes and goes, Holds in the middle of a pass too; and what may go goes."""
    played, deleted = play(tmp_path if real else None, examples)
    assert played >= examples
    assert deleted > examples // 3
