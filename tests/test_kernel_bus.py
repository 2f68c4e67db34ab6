"""vms.bus.memory beyond the contract of every bus (tests/bus/test_contract.py): patterns, and askers that go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.bus.base import Value
from vms.bus.memory import MemoryBus, matches

TOKENS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5)


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    """A bus that is closed afterwards."""
    bus = MemoryBus()
    yield bus
    await bus.close()


@given(TOKENS)
def test_a_subject_matches_itself_and_every_star_of_it(tokens: list[str]) -> None:
    """Any token may be a star; the tail may be `>`, which stands for one token or more and never for none."""
    subject = ".".join(tokens)
    assert matches(subject, subject)
    assert matches(".".join("*" for _ in tokens), subject)
    for i in range(len(tokens)):
        assert matches(".".join([*tokens[:i], "*", *tokens[i + 1 :]]), subject)
        assert matches(".".join([*tokens[:i], ">"]), subject)
    assert not matches(f"{subject}.>", subject)
    assert not matches(f"{subject}.*", subject)


@given(TOKENS, TOKENS)
def test_two_plain_subjects_match_only_when_equal(left: list[str], right: list[str]) -> None:
    """Without wildcards a pattern is its subject and no other."""
    assert matches(".".join(left), ".".join(right)) == (left == right)


async def test_an_asker_that_is_cancelled_cancels_the_handler(bus: MemoryBus) -> None:
    """Nothing goes on for somebody who has gone."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def slow(_value: Value) -> Value:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    bus.serve("slow", slow)
    asking = asyncio.create_task(bus.request("slow", {}))
    await began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(ended.wait(), 5)
