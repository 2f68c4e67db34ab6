"""The cameras of these tests."""

from __future__ import annotations

from tests.gst_fixture import gst
from tests.simulator_fixture import simulator

__all__ = ["gst", "simulator"]
