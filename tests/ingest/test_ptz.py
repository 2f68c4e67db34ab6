"""Steering: who holds a camera, the stop of a hand that let go, patrols; a device in memory and a clock by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.onvif import Position, Preset
from ingest.ptz_camera import PtzCamera
from ingest.ptz_hold import HOLD_S, Holder, Patrol, take
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import Camera
from vms.domain.ptz import PatrolStep, PtzPlan, plan_of
from vms.errors import CameraUnreachableError, ConflictError, TooManyError

ANA, BUDI = Holder("a", "Ana", 50, 0), Holder("b", "Budi", 50, 0)
CHIEF = Holder("c", "Kepala", 80, 0)
LEFT = (-0.5, 0.0, 0.0)


class FakeDevice:
    """Remembers what it was told; fails or waits when asked to."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.fails = False
        self.gate: asyncio.Event | None = None
        self.closed = 0

    async def _do(self, what: object) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise CameraUnreachableError("It does not answer.")
        self.told.append(what)

    async def open(self) -> None:
        await self._do("open")

    async def move(self, pan: float, tilt: float, zoom: float) -> None:
        await self._do((pan, tilt, zoom))

    async def stop(self) -> None:
        await self._do("stop")

    async def presets(self) -> list[Preset]:
        await self._do("presets")
        return [Preset("1", "Gerbang")]

    async def goto(self, preset: str) -> None:
        await self._do(f"goto {preset}")

    async def keep(self, name: str, preset: str | None = None) -> str:
        await self._do(f"keep {name}")
        return preset or "9"

    async def forget(self, preset: str) -> None:
        await self._do(f"forget {preset}")

    async def position(self) -> Position | None:
        raise CameraUnreachableError("It has no status.")

    def close(self) -> None:
        self.closed += 1


class Rig:
    """A camera that is steered."""

    def __init__(self, plan: PtzPlan | None = None) -> None:
        self.clock, self.device = ManualClock(), FakeDevice()
        self.changed: list[str] = []
        self.turning: list[float] = []
        row = Camera("cam", "site", "slug", "Pasar", (), onvif="http://10.0.0.5/x", ptz=plan or PtzPlan())
        self.ptz = PtzCamera(
            row, lambda *_: self.device, self.clock, self.changed.append, lambda _, for_s: self.turning.append(for_s)
        )

    async def pass_time(self, seconds: float) -> None:
        """Tend it as the service does, five times a second."""
        for _ in range(round(seconds * 5)):
            await self.clock.advance(0.2)
            await self.ptz.tend()


def test_one_holder_at_a_time() -> None:
    """The first who moves has it; the same priority asks in so many words, the greater just takes, the lesser waits."""
    ana = take(None, ANA, 0, take_over=False)
    assert ana.until_ns == HOLD_S * NS_PER_S
    for who, taken in ((BUDI, False), (replace(ANA, person="x", priority=10), True)):
        with pytest.raises(ConflictError) as refused:
            take(ana, who, 1, take_over=taken)
        assert refused.value.params == {"name": "Ana"}
    assert take(ana, BUDI, 1, take_over=True).person == "b"
    assert take(ana, CHIEF, 1, take_over=False).person == "c"
    assert take(ana, BUDI, ana.until_ns, take_over=False).person == "b"
    assert take(ana, ANA, NS_PER_S, take_over=False).until_ns == ana.until_ns + NS_PER_S


@given(st.lists(st.tuples(st.sampled_from([ANA, BUDI, CHIEF]), st.integers(0, 40), st.booleans()), max_size=20))
def test_nobody_is_pushed_out_by_a_lesser(moves: list[tuple[Holder, int, bool]]) -> None:
    """Whatever happens, a holder whose time runs gives way to equals who ask and to greater ones alone."""
    holder, now_ns = None, 0
    for who, pause_s, over in moves:
        now_ns += pause_s * NS_PER_S
        try:
            after = take(holder, who, now_ns, take_over=over)
        except ConflictError:
            continue
        if holder is not None and holder.until_ns > now_ns and after.person != holder.person:
            assert who.priority > holder.priority or (over and who.priority == holder.priority)
        holder = after


def test_a_patrol_goes_round_while_nobody_steers() -> None:
    """Each step after the dwell of the one before; a hand interrupts it for half a minute."""
    plan, patrol = PtzPlan(True, (PatrolStep("1", 10), PatrolStep("2", 20))), Patrol()
    went = [(s, p) for s in range(70) if (p := patrol.due(plan, s * NS_PER_S, is_held=False)) is not None]
    assert went == [(0, "1"), (10, "2"), (30, "1"), (40, "2"), (60, "1")]
    patrol.disturb(70 * NS_PER_S)
    assert patrol.due(plan, 90 * NS_PER_S, is_held=False) is None
    assert patrol.due(plan, 100 * NS_PER_S, is_held=True) is None
    assert patrol.due(plan, 101 * NS_PER_S, is_held=False) == "2"
    assert patrol.due(replace(plan, patrolling=False), 200 * NS_PER_S, is_held=False) is None


def test_a_plan_is_kept_as_it_was() -> None:
    """JSON and back; a row from before there was any gives an empty one; names are given and taken away."""
    plan = PtzPlan(True, (PatrolStep("1", 10.0),), (("1", "Gerbang"),))
    assert plan_of(plan.as_json()) == plan
    assert plan_of({}) == PtzPlan()
    assert plan.named("0", "Jalan") == (("0", "Jalan"), ("1", "Gerbang"))
    assert plan.named("1", None) == ()


async def test_a_hand_that_lets_go_stops_the_camera() -> None:
    """No renewed move for a second: it is stopped, once; 15 s after the last move nobody has it."""
    rig = Rig()
    assert await rig.ptz.move(ANA, LEFT, take_over=False) is True
    for _ in range(3):
        await rig.pass_time(0.6)
        assert await rig.ptz.move(ANA, LEFT, take_over=False) is False
    assert "stop" not in rig.device.told
    assert rig.device.told.count(LEFT) == 2  # renewed before the device would stop by itself, not at each message
    await rig.pass_time(1.4)
    assert rig.device.told.count("stop") == 1
    await rig.pass_time(10)
    assert (rig.device.told.count("stop"), rig.changed) == (1, ["cam"])
    await rig.pass_time(5)
    assert (rig.ptz.holder, rig.changed) == (None, ["cam", "cam"])


async def test_who_lets_go_frees_the_camera() -> None:
    """It stands still and is free at once; what is another's stays another's."""
    rig = Rig()
    await rig.ptz.move(ANA, LEFT, take_over=False)
    await rig.ptz.release(BUDI)
    assert (rig.device.told[-1], rig.ptz.holder is not None) == (LEFT, True)
    await rig.ptz.release(ANA)
    assert (rig.device.told[-1], rig.ptz.holder, rig.changed) == ("stop", None, ["cam", "cam"])
    await rig.ptz.release(ANA)
    assert rig.device.told.count("stop") == 1
    assert await rig.ptz.move(BUDI, LEFT, take_over=False) is True


async def test_that_somebody_still_steers_is_told_again() -> None:
    """Every few seconds, so that no page takes a camera for free that is not."""
    rig = Rig()
    for _ in range(20):
        await rig.ptz.move(ANA, LEFT, take_over=False)
        await rig.pass_time(0.6)
    assert 3 <= len(rig.changed) <= 5
    assert rig.turning.count(4.0) >= 10  # each move: as long as it may last, and until the picture is at rest


async def test_a_stop_that_was_lost_is_owed() -> None:
    """A device that fails while it moves may move on: it is stopped as soon as it answers again, but not for ever."""
    rig = Rig()
    await rig.ptz.move(ANA, LEFT, take_over=False)
    rig.device.fails = True
    with pytest.raises(CameraUnreachableError):
        await rig.ptz.stop(ANA)
    await rig.pass_time(8)
    assert "stop" not in rig.device.told
    rig.device.fails = False
    await rig.pass_time(7)
    assert rig.device.told.count("stop") == 1
    await rig.ptz.move(ANA, LEFT, take_over=False)
    rig.device.fails = True
    await rig.pass_time(60)
    rig.device.fails = False
    await rig.pass_time(60)
    assert rig.device.told.count("stop") == 1


async def test_a_device_that_takes_its_time_is_not_stopped_meanwhile() -> None:
    """Whoever waits for its answer cannot say the move again: the second of the dead man begins with the answer."""
    rig = Rig()
    rig.device.gate = asyncio.Event()
    moving = asyncio.create_task(rig.ptz.move(ANA, LEFT, take_over=False))
    await asyncio.sleep(0)
    await rig.clock.advance(3)
    rig.device.gate.set()
    await moving
    await rig.pass_time(0.8)
    assert "stop" not in rig.device.told
    await rig.pass_time(0.6)
    assert rig.device.told[-1] == "stop"


async def test_another_is_refused_until_it_is_taken_over() -> None:
    """Move, goto, keep and forget of another reach no device; a stop always does."""
    rig = Rig()
    await rig.ptz.move(ANA, LEFT, take_over=False)
    told = list(rig.device.told)
    for refused in (
        rig.ptz.move(BUDI, LEFT, take_over=False), rig.ptz.goto(BUDI, "1", take_over=False),
        rig.ptz.keep(BUDI, "x", None), rig.ptz.forget(BUDI, "1"),
    ):  # fmt: skip
        with pytest.raises(ConflictError):
            await refused
    assert rig.device.told == told
    await rig.ptz.stop(BUDI)
    assert rig.device.told[-1] == "stop"
    assert await rig.ptz.goto(BUDI, "1", take_over=True) is True
    assert rig.ptz.holder is not None
    assert rig.ptz.holder.name == "Budi"


async def test_a_slow_device_gets_the_newest_move() -> None:
    """What a newer move has overtaken is left out; too many that wait are refused."""
    rig = Rig()
    rig.device.gate = asyncio.Event()
    moves = [asyncio.create_task(rig.ptz.move(ANA, (n / 10, 0.0, 0.0), take_over=False)) for n in range(1, 9)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyError):
        await rig.ptz.move(ANA, (0.9, 0.0, 0.0), take_over=False)
    rig.device.gate.set()
    await asyncio.gather(*moves)
    assert len([told for told in rig.device.told if isinstance(told, tuple)]) <= 1


async def test_a_device_that_fails_is_left_in_peace() -> None:
    """The error reaches who asked; for three seconds nobody asks it again; then it works as before."""
    rig = Rig(PtzPlan(True, (PatrolStep("1", 60),)))
    rig.device.fails = True
    with pytest.raises(CameraUnreachableError):
        await rig.ptz.move(ANA, LEFT, take_over=False)
    closed = rig.device.closed
    with pytest.raises(CameraUnreachableError):
        await rig.ptz.look()
    await rig.ptz.tend()
    assert rig.device.closed == closed
    rig.device.fails = False
    await rig.clock.advance(4)
    look = await rig.ptz.look()
    assert (look.presets, look.position) == ((Preset("1", "Gerbang"),), None)


async def test_a_patrol_is_run_and_gives_way() -> None:
    """It goes to its presets by itself, halts for who steers, and goes on later; a changed device is opened anew."""
    rig = Rig(PtzPlan(True, (PatrolStep("1", 10), PatrolStep("2", 10))))
    await rig.pass_time(12)
    assert [told for told in rig.device.told if str(told).startswith("goto")] == ["goto 1", "goto 2"]
    await rig.ptz.move(ANA, LEFT, take_over=False)
    await rig.pass_time(25)
    assert rig.device.told[-1] == "stop"
    await rig.pass_time(6)
    assert rig.device.told[-1] == "goto 1"
    rig.ptz.follow(replace(rig.ptz.camera, onvif="http://10.0.0.6/x", ptz=PtzPlan()))
    assert rig.device.closed == 1
    await rig.ptz.close()
