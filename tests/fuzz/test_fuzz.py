"""Bar E3 in its short form: 2,000 runs of every reader of foreign bytes, a thousand requests by our own document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import openapi
from tests.fuzz.run import EACH, LONGEST_S, Found, hundred
from tests.fuzz.targets import TARGETS

RUNS = 2_000


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    """Nothing but what the caller expects is raised, and nothing takes a second."""
    found = Found()

    @settings(max_examples=RUNS // EACH, deadline=None, database=None)
    @given(st.integers(0, 2**63))
    def run(seed: int) -> None:
        hundred(name, seed, found)
        assert not found.faults

    run()
    assert found.runs >= RUNS


def test_no_request_ends_in_an_error_of_ours(tmp_path: Path) -> None:
    """A thousand that schemathesis makes of the OpenAPI document: no answer of 500, none that takes a second."""
    service = openapi.Service(tmp_path)
    try:
        tally = openapi.fuzz(service, each=4)
    finally:
        service.close()
    assert tally.faults == []
    assert tally.requests >= 1_000
    assert tally.slowest_s < LONGEST_S
