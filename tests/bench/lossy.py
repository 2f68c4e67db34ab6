"""C7: one viewer behind a line that loses packets: what NACK brings back, and how long pictures stand still.

The line is tests/cluster/tun_line.py between two namespaces: true loss, both ways. The viewer runs beyond it, a process
of its own that asks for what is missing at once and again after a round trip, as a browser does, and plays units in
order, each when it is whole and no sooner than the server's playout delay says. A freeze is what WebRTC's statistics
call one: more than 150 ms beyond the usual distance, and more than thrice that.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.fanout import lone_streamer
from tests.bench.process import running
from tests.bench.receiver import Receiver
from tests.bench.report import ROOT, Row
from tests.cluster.line import Line, regency

SECONDS = float(os.environ.get("VMS_BENCH_LOSS_S", "120"))
LINE = Line(10_000_000, 100, 0.02)
KBPS, FPS = 1500, 25
WARM_S = 5.0
AGAIN_S, GIVE_UP_S = 0.13, 2.0
FREEZE_S = 0.15 + 1 / FPS


class Player(Receiver):
    """Notices holes, and when each unit is whole."""

    def __init__(self, address: str) -> None:
        super().__init__(address=address)
        self.holes = self.filled = self.given_up = 0
        self.units: list[float] = []
        self._next: int | None = None
        self._lost: dict[int, tuple[float, float]] = {}
        self._ends: list[tuple[int, int]] = []
        self.ssrc = 0
        self.delay_s = 0.0
        self._base_s: float | None = None

    def take(self, data: bytes) -> None:
        """See Receiver."""
        if 192 <= data[1] <= 223:
            self.heard_rtcp(data)
            return
        plain = self.opened(data)
        if plain is None:
            return
        kind, number = plain[1] & 127, int.from_bytes(plain[2:4], "big")
        if kind == 97:
            at = 12 + (4 + 4 * int.from_bytes(plain[14:16], "big") if plain[0] & 0x10 else 0)
            number = int.from_bytes(plain[at : at + 2], "big")
        else:
            self.ssrc = int.from_bytes(plain[8:12], "big")
        self._note(number, int.from_bytes(plain[4:8], "big"), marker=bool(plain[1] & 0x80))
        self._delay(plain)

    def _delay(self, plain: bytes) -> None:
        """The least delay of the playout extension, which stands behind the mid."""
        at = 16 + 1 + (plain[16] & 15) + 1
        if plain[0] & 0x10 and plain[at] >> 4 == 5:
            self.delay_s = (int.from_bytes(plain[at + 1 : at + 4], "big") >> 12) / 100

    def _note(self, number: int, rtp: int, *, marker: bool) -> None:
        now_s = time.monotonic()
        full = self._full(number)
        if self._next is None:
            self._next = full
        for missing in range(self._next, full):
            self._lost[missing] = now_s, 0.0
            self.holes += 1
        if full > self._next:
            self.turn()
        if full < self._next and self._lost.pop(full, None) is not None:
            self.filled += 1
        self._next = max(self._next, full + 1)
        if marker:
            self._ends.append((full, rtp))
            self._ends.sort()
        self._play(now_s)

    def _full(self, number: int) -> int:
        if self._next is None:
            return number
        return self._next + ((number - self._next + 0x8000) & 0xFFFF) - 0x8000

    def _play(self, now_s: float) -> None:
        first = min(self._lost, default=1 << 60)
        while self._ends and self._ends[0][0] < first:
            media_s = self._ends.pop(0)[1] / 90_000
            self._base_s = now_s - media_s if self._base_s is None else min(self._base_s, now_s - media_s)
            shown_s = max(now_s, self._base_s + media_s + self.delay_s)
            self.units.append(max(shown_s, self.units[-1]) if self.units else shown_s)

    def turn(self) -> None:
        """Ask for what is missing."""
        now_s = time.monotonic()
        for number, (since_s, asked_s) in list(self._lost.items()):
            if now_s - since_s > GIVE_UP_S:
                del self._lost[number]
                self.given_up += 1
            elif now_s - asked_s > AGAIN_S:
                self._lost[number] = since_s, now_s
                self._wanted.setdefault(self.ssrc, []).append(number & 0xFFFF)
        self.feed_back(now_s)

    def freezes_s(self) -> float:
        """How long pictures stood still, all freezes together."""
        gaps = (b - a for a, b in zip(self.units, self.units[1:], strict=False))
        return sum(gap for gap in gaps if gap > FREEZE_S)


async def play(address: str) -> None:
    """The viewer's process: prints its offer, reads the answer, prints what it met."""
    player = Player(address)
    print(json.dumps({"sdp": await player.offer()}), flush=True)
    answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await player.connect(answer["sdp"])
    until_s = time.monotonic() + answer["seconds"]
    warm_s = time.monotonic() + WARM_S
    while time.monotonic() < until_s:
        player.turn()
        await asyncio.sleep(0.01)
        if warm_s and time.monotonic() > warm_s:
            warm_s = 0.0
            player.units.clear()
    said = {"holes": player.holes, "filled": player.filled, "given_up": player.given_up}
    print(json.dumps(said | {"units": len(player.units), "freezes_s": player.freezes_s()}), flush=True)
    player.vanish()


async def behind_a_line(_folder: Path) -> Sequence[Row]:
    """2 % of loss, 100 ms round trip, 1.5 Mb/s."""
    async with regency("viewer", LINE) as far, lone_streamer(KBPS, address=far.center_address) as subject:
        command = far.command([sys.executable, "-m", "tests.bench.lossy", far.address])
        async with running(command, cwd=ROOT, stdin=True) as viewer:
            assert viewer.stdin is not None
            assert viewer.stdout is not None
            offer = json.loads(await viewer.stdout.readline())
            answer = await subject.ask(do="open", sdp=offer["sdp"])
            viewer.stdin.write(json.dumps(answer | {"seconds": SECONDS}).encode() + b"\n")
            line = await asyncio.wait_for(viewer.stdout.readline(), SECONDS + 60)
            met = json.loads(line)
    n, frozen_s = met["holes"], met["freezes_s"] / (SECONDS - WARM_S) * 60
    return [
        Row("C7.recovered", "lost packets brought back by NACK (bar 99)", met["filled"] / max(1, n) * 100, "%", n),
        Row("C7.freezes", "pictures stand still, a minute (bar 1)", frozen_s, "s", met["units"]),
    ]


if __name__ == "__main__":
    asyncio.run(play(sys.argv[1]))
