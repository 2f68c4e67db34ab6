"""A catalogue in a file of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vms.clock import ManualClock
from vms.store.catalogue import Catalogue

KEY = bytes(range(32))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'vms.db'}"


@pytest.fixture
async def catalogue(url: str) -> AsyncIterator[Catalogue]:
    """An open catalogue whose clock stands still."""
    opened = await Catalogue.open(url, key=KEY, clock=ManualClock(), node="n" * 16)
    yield opened
    await opened.close()
