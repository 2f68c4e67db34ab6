"""The pump: one tile's trouble is not the others', and is not a flood of lines."""

from __future__ import annotations

import pytest

from streamer.pump import Pump
from tests.streamer.conftest import settle
from vms.clock import ManualClock


class Broken:
    """Fails whenever it may send."""

    queued = False
    steps = 0

    def step(self) -> bool:
        """See pump.Sending."""
        self.steps += 1
        raise RuntimeError("no")


class Fine:
    """Sends."""

    queued = False
    steps = 0

    def step(self) -> bool:
        """See pump.Sending."""
        self.steps += 1
        return False


async def test_a_tile_that_fails_is_said_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred failures in a second are one line, the next says how many there were; others go on."""
    clock = ManualClock()
    pump, broken, fine = Pump(clock), Broken(), Fine()
    for _ in range(100):
        pump.wake(broken)
        pump.wake(fine)
        await settle(2)
    assert (broken.steps, fine.steps) == (100, 100)
    said = capsys.readouterr()
    assert (said.out + said.err).count("a tile could not send") == 1
    await clock.advance(1.0)
    pump.wake(broken)
    await settle(2)
    said = capsys.readouterr()
    assert "100" in said.out + said.err
    await pump.close()
