"""From what is wrong to rows: one node, its cameras and its catalogue; the center and what it hears of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import Camera, Site, Stream, StreamName, StreamRef
from vms.domain.event import Event, EventKind, Severity
from vms.domain.event_book import Look, Trouble
from vms.domain.ids import new_id
from vms.domain.media import StreamCondition, StreamState
from vms.errors import CatalogueError
from vms.store.catalogue import Catalogue
from vms.store.events import Events, Wanted
from vms.sync.events import TOLD, EventOptions, EventWriter, Places
from vms.sync.presence import Presence
from vms.sync.troubles import BusTroubles, CameraTroubles, ClockTroubles, FarTroubles, Source

KEY = b"k" * 32
NODE = "n" * 16
SITE = Site(new_id(), "sampit", "Sampit")
CAMERA = new_id()
MAIN, SUB = StreamRef(CAMERA, StreamName.MAIN), StreamRef(CAMERA, StreamName.SUB)


@dataclass
class World:
    """A catalogue, a bus, a clock moved by hand, and the states of one camera."""

    catalogue: Catalogue
    bus: MemoryBus
    clock: ManualClock
    states: list[StreamState] = field(default_factory=list)
    places: Places = field(default_factory=Places)

    async def pass_s(self, seconds: int) -> None:
        """Let time pass, a second at a time, with everything that is due done."""
        for _ in range(seconds):
            await self.clock.advance(1.0)
            for _ in range(8):
                await asyncio.sleep(0.002)

    async def events(self, **wanted: object) -> list[Event]:
        """Rows, newest first."""
        return await self.catalogue.events.find(Wanted(**wanted), 100)  # type: ignore[arg-type]  # by name

    def say(self, main: StreamCondition, cause: str = "", sub: StreamCondition | None = None) -> None:
        """The camera's states from now on."""
        now_ns = self.clock.now_ns()
        self.states[:] = [StreamState(MAIN, main, now_ns, cause=cause)]
        if sub is not None:
            self.states.append(StreamState(SUB, sub, now_ns, cause=cause if sub is not StreamCondition.LIVE else ""))

    def cameras(self) -> CameraTroubles:
        """The source that sees them."""
        return CameraTroubles(lambda: self.states, self.places.site_of, NODE)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """With one site and one camera."""
    clock, bus = ManualClock(), MemoryBus()
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=KEY, clock=clock, node=NODE)
    await catalogue.sites.put(SITE)
    await catalogue.cameras.add(Camera(CAMERA, SITE.id, "pasar", "Pasar", (Stream(MAIN, "rtsp://10.0.0.1/main"),)))
    yield World(catalogue, bus, clock)
    await bus.close()
    await catalogue.close()


@asynccontextmanager
async def writing(
    world: World, *sources: Source, in_center: bool = False, presence: Presence | None = None
) -> AsyncIterator[EventWriter]:
    """The Service, running."""
    options = EventOptions(NODE, in_center=in_center)
    writer = EventWriter(
        world.clock, catalogue=world.catalogue, bus=world.bus, sources=sources, places=world.places, options=options,
        presence=presence,
    )  # fmt: skip
    task = asyncio.create_task(writer.run())
    await asyncio.sleep(0.05)
    try:
        yield writer
    finally:
        writer.stop()
        await task


async def test_a_camera_that_is_down(world: World) -> None:
    """One Event with its cause and Site, from the moment it went; a try in between changes nothing; over when live."""
    world.say(StreamCondition.LIVE, sub=StreamCondition.LIVE)
    async with writing(world, world.cameras()):
        await world.pass_s(10)
        assert await world.events() == []
        down_ns = world.clock.now_ns()
        world.say(StreamCondition.UNREACHABLE, "camera_unreachable", StreamCondition.UNREACHABLE)
        await world.pass_s(8)
        world.say(StreamCondition.CONNECTING, "camera_unreachable", StreamCondition.UNREACHABLE)
        await world.pass_s(5)
        (begun,) = await world.events(is_open=True)
        assert (begun.kind, begun.start_ns, begun.site, begun.camera) == ("camera_down", down_ns, SITE.id, CAMERA)
        assert (begun.stream, begun.severity, begun.params) == (None, Severity.ALARM, {"cause": "camera_unreachable"})
        world.say(StreamCondition.UNREACHABLE, "camera_unreachable", StreamCondition.LIVE)
        await world.pass_s(12)
        (changed,) = await world.events()
        assert (changed.id, changed.stream) == (begun.id, StreamName.MAIN)
        world.say(StreamCondition.LIVE, sub=StreamCondition.LIVE)
        await world.pass_s(2)
        (ended,) = await world.events()
        assert (ended.id, ended.end_ns is not None) == (begun.id, True)


async def test_a_flapping_camera_is_no_flood(world: World) -> None:
    """Ten times down within minutes are one Event that counts."""
    async with writing(world, world.cameras()):
        for _ in range(10):
            world.say(StreamCondition.STALLED, "stream_stalled")
            await world.pass_s(12)
            world.say(StreamCondition.LIVE)
            await world.pass_s(8)
    (one,) = await world.events()
    assert one.params["times"] == 10


@pytest.mark.parametrize("well", [True, False])
async def test_a_restart(world: World, *, well: bool) -> None:
    """What was open is closed where all is well by now, and goes on where it is not."""
    world.say(StreamCondition.AUTH_FAILED, "auth_failed")
    async with writing(world, world.cameras()):
        await world.pass_s(12)
    world.places = Places()
    world.say(StreamCondition.CONNECTING)
    async with writing(world, world.cameras()):
        await world.pass_s(5)
        assert len(await world.events(is_open=True)) == 1
        world.say(*((StreamCondition.LIVE,) if well else (StreamCondition.AUTH_FAILED, "auth_failed")))
        await world.pass_s(40)
    (one,) = await world.events()
    assert (one.end_ns is not None) == well


async def test_while_the_catalogue_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens is said on the bus, the catalogue's absence is an Event too, and all rows are there afterwards."""
    real, told = Events.put, world.bus.subscribe(TOLD)

    async def away(*_args: object) -> bool:
        raise CatalogueError("the catalogue is away")

    async with writing(world, world.cameras()) as writer:
        await world.pass_s(2)
        monkeypatch.setattr(Events, "put", away)
        world.say(StreamCondition.STALLED, "stream_stalled")
        await world.pass_s(30)
        assert {one.kind for one in writer.open()} == {EventKind.CAMERA_DOWN, EventKind.CATALOGUE_AWAY}
        _, value = await asyncio.wait_for(told.get(), 1)
        assert [one["kind"] for one in value["events"]] == ["camera_down"]
        monkeypatch.setattr(Events, "put", real)
        await world.pass_s(6)
        rows = {one.kind: one for one in await world.events()}
        assert rows["catalogue_away"].end_ns is not None
        assert rows["camera_down"].end_ns is None


async def test_the_center_writes_what_it_is_told(world: World) -> None:
    """The same row as the node's own, when that comes; nonsense is left alone."""
    event = {
        "id": new_id(), "kind": "disk_error", "teller": "t" * 16, "start_ns": 1, "end_ns": None, "severity": "alarm",
        "site": SITE.id, "camera": None, "stream": None, "node": "t" * 16, "params": {"cause": "io"}, "rev": 1,
    }  # fmt: skip
    async with writing(world, in_center=True):
        for value in ({"events": [{"id": "x"}]}, {}, {"events": [event]}, {"events": [event]}):
            world.bus.publish(TOLD, value)
        await world.pass_s(1)
        (one,) = await world.events()
        assert (one.id, one.kind, one.severity, one.node) == (event["id"], "disk_error", Severity.ALARM, "t" * 16)


async def test_one_source_that_fails_does_not_silence_others(world: World) -> None:
    """It is logged; the rest is seen."""

    class Broken:
        def look(self) -> Look:
            raise RuntimeError("broken")

    world.say(StreamCondition.STALLED, "stream_stalled")
    async with writing(world, Broken(), world.cameras()):
        await world.pass_s(12)
        assert len(await world.events()) == 1


async def test_a_lost_node_is_written_with_its_name(world: World) -> None:
    """Whatever the names of its figures are: the writer goes on."""

    class Lost:
        def look(self) -> Look:
            return Look((Trouble(EventKind.NODE_LOST, 7, Severity.ALARM, node="b", params={"node": "Simpul B"}),))

    async with writing(world, Lost()) as writer:
        await world.pass_s(12)
        (lost,) = await world.events()
        assert (lost.kind, lost.node, lost.params["node"]) == ("node_lost", "b", "Simpul B")
        assert writer.health().ok


# What the center sees of others


@dataclass
class Far:
    """A center, what it heard, and whether domains answer."""

    clock: ManualClock
    presence: Presence
    source: FarTroubles
    reached: dict[str, bool]

    def alive(self, node: str, zone: str = "sampit", ahead_s: float = 0.0) -> None:
        """A sign of life."""
        now_ns = self.clock.now_ns() + int(ahead_s * NS_PER_S)
        self.presence.take({"node": node, "name": node, "zone": zone, "now_ns": now_ns})

    def look(self) -> Sequence[Trouble]:
        """What is wrong."""
        return self.source.look().troubles


@pytest.fixture
def far() -> Far:
    """Nothing heard yet."""
    clock, reached = ManualClock(), dict[str, bool]()
    presence = Presence(MemoryBus(), clock)
    source = FarTroubles(presence, clock, lambda: reached, lambda: {"sampit": SITE.id}, "center")
    return Far(clock, presence, source, reached)


async def test_one_of_two_nodes_is_lost(far: Far) -> None:
    """Since it was heard last; two that see it make one Event of it."""
    far.reached["sampit"] = True
    far.alive("a"), far.alive("b")
    heard_ns = far.clock.now_ns()
    await far.clock.advance(6)
    far.alive("a")
    await far.clock.advance(6)
    (lost,) = far.look()
    assert (lost.kind, lost.node, lost.site, lost.since_ns) == ("node_lost", "b", SITE.id, heard_ns)
    assert lost.mark == str(heard_ns)
    far.alive("b")
    assert far.look() == ()


async def test_a_site_that_does_not_answer_is_cut_off(far: Far) -> None:
    """And its nodes are not said to be lost; where it answers, they are."""
    far.alive("a"), far.alive("b")
    await far.clock.advance(12)
    assert [one.kind for one in far.look()] == ["site_cut_off"]
    far.reached["sampit"] = True
    assert [one.kind for one in far.look()] == ["node_lost", "node_lost"]


async def test_what_is_far_stays_open_over_a_restart_of_the_center(world: World) -> None:
    """Nothing is heard of a site that is still cut off; when it is back, the Event is over."""
    presence, reached = Presence(world.bus, world.clock), {"sampit": False}

    def source(heard: Presence) -> FarTroubles:
        return FarTroubles(heard, world.clock, lambda: reached, lambda: {"sampit": SITE.id}, "center")

    presence.take({"node": "a" * 16, "name": "a", "zone": "sampit", "now_ns": world.clock.now_ns()})
    async with writing(world, source(presence), in_center=True):
        await world.pass_s(20)
        (begun,) = await world.events(is_open=True)
    assert begun.kind == "site_cut_off"
    async with writing(world, source(Presence(world.bus, world.clock)), in_center=True):
        await world.pass_s(45)
        assert [one.id for one in await world.events(is_open=True)] == [begun.id]
        reached["sampit"] = True
        await world.pass_s(3)
        assert await world.events(is_open=True) == []


async def test_a_node_of_the_center_is_lost_and_no_site_is(far: Far) -> None:
    """The center is not cut off from itself."""
    far.alive("c", "center")
    await far.clock.advance(12)
    assert [one.kind for one in far.look()] == ["node_lost"]


async def test_a_clock_that_is_off(far: Far) -> None:
    """Known after five signs; a late message alone is none."""
    far.reached["sampit"] = True
    for delay_s in (0.0, -5.0, 0.0, 0.0, 0.0, 0.0):
        far.alive("a", ahead_s=delay_s)
        assert far.look() == ()
        await far.clock.advance(2)
    for _ in range(6):
        far.alive("a", ahead_s=3600)
        found = far.look()
        await far.clock.advance(2)
    assert [(one.kind, one.params["offset_ms"]) for one in found] == [("clock_off", 3_600_000)]


@pytest.mark.parametrize(
    ("state", "cause"),
    [((True, 0), None), ((True, None), None), ((False, None), "not_synchronized"), ((True, 2 * NS_PER_S), "offset")],
)
def test_a_nodes_own_clock(state: tuple[bool, int | None], cause: str | None) -> None:
    """Held by the kernel and near, or not."""
    look = ClockTroubles(lambda: state, ManualClock(), lambda: None, NODE).look()
    assert [one.params["cause"] for one in look.troubles] == ([] if cause is None else [cause])
    assert bool(look.well) == (cause is None)


def test_a_bus_that_is_away() -> None:
    """And back."""
    connected: Callable[[], bool] = lambda: up  # noqa: E731 - a name for the question
    up = False
    source = BusTroubles(connected, ManualClock(), lambda: SITE.id, NODE)
    assert [one.kind for one in source.look().troubles] == ["bus_away"]
    up = True
    assert source.look().troubles == ()
