"""A hub and a leaf for each test that asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sync.rig import Rig, rig


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Rig]:
    """A hub and a leaf."""
    async with rig(tmp_path) as made:
        yield made
