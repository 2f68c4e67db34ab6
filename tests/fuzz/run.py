"""So many runs of a target: each hundred begins from a seed that Hypothesis, or a count, gives, so that whatever is
found is found again by that seed and its number."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS

EACH = 100
LONGEST_S = 1.0


@dataclass
class Found:
    """Runs, the longest, and what went wrong: target, seed, number, error and bytes."""

    runs: int = 0
    slowest_s: float = 0.0
    faults: list[str] = field(default_factory=list)


def hundred(name: str, seed: int, found: Found) -> None:
    """A hundred runs from a seed."""
    target, random = TARGETS[name], Random(seed)
    honest = target.honest()
    for number in range(EACH):
        data = mutated(random, honest)
        began = time.thread_time()
        try:
            target.run(data)
        except Exception as error:
            found.faults.append(f"{name} {seed}/{number}: {type(error).__name__}: {error}: {data[:400]!r}")
        took_s = time.thread_time() - began
        found.runs += 1
        found.slowest_s = max(found.slowest_s, took_s)
        if took_s > LONGEST_S:
            found.faults.append(f"{name} {seed}/{number}: {took_s:.1f} s: {data[:400]!r}")


def many(name: str, first: int, hundreds: int) -> Found:
    """Hundreds from seeds in a row: what a process of the bench does."""
    found = Found()
    for seed in range(first, first + hundreds):
        hundred(name, seed, found)
    return found
