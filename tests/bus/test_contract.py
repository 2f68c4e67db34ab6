"""What every bus does: in memory, over a NATS server, over a leaf line, and in one process whose server is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.sides import Sides, sides
from vms.bus.base import Value
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Packet, StreamCondition, StreamState
from vms.errors import (
    BusError,
    BusTimeoutError,
    CameraAuthError,
    CameraUrlError,
    ConflictError,
    NoResponderError,
    ObjectMissingError,
    VmsError,
)

STREAM = StreamRef("camera", StreamName.SUB)


_KINDS = ["memory", "away", *(pytest.param(kind, marks=pytest.mark.servers) for kind in ("nats", "line"))]


@pytest.fixture(params=_KINDS)
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sides]:
    """Both ends of a bus of each kind."""
    async with sides(request.param, tmp_path) as both:
        yield both


async def echo(value: Value) -> Value:
    """Answers what it was asked."""
    return value


async def test_a_request_finds_its_handler_and_the_subject(bus: Sides) -> None:
    """The handler gets the value and, under `_subject`, what exactly was asked."""
    bus.there.serve("ingest.watch.*.*", echo)
    await bus.settle()
    answer = await bus.here.request("ingest.watch.cam.main", {"watcher": "w"})
    assert answer == {"watcher": "w", "_subject": "ingest.watch.cam.main"}


async def test_requests_go_both_ways_and_many_at_once(bus: Sides) -> None:
    """Each asker gets its own answer."""
    bus.there.serve("there", echo)
    bus.here.serve("here", echo)
    await bus.settle()
    asked = [bus.here.request("there", {"n": n}) for n in range(50)]
    asked += [bus.there.request("here", {"n": n}) for n in range(50)]
    assert [answer["n"] for answer in await asyncio.gather(*asked)] == [*range(50), *range(50)]


async def test_nobody_answers(bus: Sides) -> None:
    """NoResponderError at once, before serving and after; without a server and a handler, no answer."""
    with pytest.raises((NoResponderError, BusTimeoutError)):
        await bus.here.request("a.b", {}, timeout_s=0.2)
    served = bus.there.serve("a.b", echo)
    await bus.settle()
    await bus.here.request("a.b", {})
    served.close()
    served.close()
    await bus.settle()
    with pytest.raises((NoResponderError, BusTimeoutError)):
        await bus.here.request("a.b", {}, timeout_s=0.2)


async def test_the_newest_of_two_in_a_process_answers(bus: Sides) -> None:
    """A service that comes again takes over from its former self, and gives back when it goes."""

    async def newer(_value: Value) -> Value:
        return {"who": "newer"}

    bus.there.serve("who", echo)
    served = bus.there.serve("who", newer)
    await bus.settle()
    assert (await bus.here.request("who", {}))["who"] == "newer"
    served.close()
    await bus.settle()
    assert "who" not in await bus.here.request("who", {})


@pytest.mark.parametrize(
    "error",
    [
        CameraAuthError("the camera refuses", hint="check the password", reason="camera_auth", params={"user": "x"}),
        CameraUrlError("no such scheme", field="url", reason="url_scheme"),
        ObjectMissingError("gone"),
        ConflictError("somebody was first"),
        VmsError("of no kind"),
    ],
    ids=lambda error: error.code,
)
async def test_an_error_of_the_project_arrives_as_it_is(bus: Sides, error: VmsError) -> None:
    """Its class, message, hint, reason and params reach the one who asked."""

    async def refuse(_value: Value) -> Value:
        raise error

    bus.there.serve("probe", refuse)
    await bus.settle()
    with pytest.raises(VmsError) as caught:
        await bus.here.request("probe", {})
    assert type(caught.value) is type(error)
    for name in ("message", "hint", "reason", "params", "field"):
        assert getattr(caught.value, name, None) == getattr(error, name, None)


@pytest.mark.parametrize("error", [ValueError("secret detail"), TimeoutError("of something inside")])
async def test_any_other_error_is_a_bus_error_without_its_text(bus: Sides, error: Exception) -> None:
    """A bug in a handler shows its class alone, and a time-out inside it is not taken for one of the bus."""

    async def broken(_value: Value) -> Value:
        raise error

    bus.there.serve("broken", broken)
    await bus.settle()
    with pytest.raises(BusError, match=type(error).__name__) as caught:
        await bus.here.request("broken", {})
    assert str(error) not in caught.value.message
    assert not isinstance(caught.value, BusTimeoutError)


async def test_time_up_cancels_the_handler(bus: Sides) -> None:
    """BusTimeoutError after the time given; the handler does not go on for nobody."""
    ended = asyncio.Event()

    async def slow(_value: Value) -> Value:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    bus.there.serve("slow", slow)
    await bus.settle()
    with pytest.raises(BusTimeoutError):
        await bus.here.request("slow", {}, timeout_s=0.05)
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_handler_that_will_not_end_does_not_hold_the_asker(bus: Sides) -> None:
    """The time is the asker's, however long the handler takes to clean up after its cancellation."""
    release = asyncio.Event()

    async def clinging(_value: Value) -> Value:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()
        return {}

    bus.there.serve("clinging", clinging)
    await bus.settle()
    with pytest.raises(BusTimeoutError):
        await asyncio.wait_for(bus.here.request("clinging", {}, timeout_s=0.05), 5)
    release.set()


@pytest.mark.parametrize("end", ["here", "there"])
async def test_closing_the_bus_fails_requests_and_ends_subscriptions(bus: Sides, end: str) -> None:
    """Who asked gets a BusError, not a cancellation of its own; iteration stops; closing twice is one close."""
    began = asyncio.Event()

    async def slow(_value: Value) -> Value:
        began.set()
        await asyncio.Event().wait()
        return {}

    closing = getattr(bus, end)
    bus.there.serve("slow", slow)
    events = closing.subscribe("e.>")
    await bus.settle()
    asking = asyncio.create_task(bus.here.request("slow", {}))
    await asyncio.wait_for(began.wait(), 5)
    await closing.close()
    await closing.close()
    with pytest.raises(BusError):
        await asyncio.wait_for(asking, 3)
    assert [item async for item in events] == []
    with pytest.raises(BusError):
        await events.get()


async def test_events_reach_whom_they_concern_in_order(bus: Sides) -> None:
    """Each subscription gets what falls under its pattern, once, from its beginning on, in the order of publishing."""
    bus.there.publish("state.a", {"n": 0})
    await bus.settle()
    one, every, own = bus.here.subscribe("state.a"), bus.here.subscribe("state.>"), bus.there.subscribe("state.*")
    await bus.settle()
    for n, subject in enumerate(("state.a", "state.b", "other", "state.a"), 1):
        bus.there.publish(subject, {"n": n})
    async with asyncio.timeout(5):
        assert [(await one.get())[1]["n"] for _ in range(2)] == [1, 4]
        for events in (every, own):
            assert [await events.get() for _ in range(3)] == [
                ("state.a", {"n": 1}),
                ("state.b", {"n": 2}),
                ("state.a", {"n": 4}),
            ]
    bus.there.publish("state.z", {})
    async with asyncio.timeout(5):
        assert [(await events.get())[0] for events in (every, own)] == ["state.z"] * 2


async def test_several_listeners_of_one_pattern_each_get_all_until_they_end(bus: Sides) -> None:
    """One that closes takes nothing from the others."""
    first, second = bus.here.subscribe("e.*"), bus.here.subscribe("e.*")
    await bus.settle()
    bus.there.publish("e.1", {"n": 1})
    async with asyncio.timeout(5):
        assert (await first.get(), await second.get()) == (("e.1", {"n": 1}), ("e.1", {"n": 1}))
    first.close()
    await bus.settle()
    bus.there.publish("e.2", {"n": 2})
    async with asyncio.timeout(5):
        assert await second.get() == ("e.2", {"n": 2})
    with pytest.raises(BusError):
        await first.get()


async def test_a_full_subscription_drops_its_oldest_and_counts(bus: Sides) -> None:
    """The publisher never waits, and the freshest events are the ones that remain."""
    slow, quick = bus.here.subscribe("e", limit=3), bus.here.subscribe("e")
    await bus.settle()
    for n in range(10):
        bus.there.publish("e", {"n": n})
    async with asyncio.timeout(5):
        assert [(await quick.get())[1]["n"] for _ in range(10)] == list(range(10))
        assert (slow.dropped, quick.dropped) == (7, 0)
        assert [(await slow.get())[1]["n"] for _ in range(3)] == [7, 8, 9]


async def test_a_waiting_listener_is_woken_by_an_event_and_by_close(bus: Sides) -> None:
    """get() sleeps until there is something, and does not sleep on after close."""
    events = bus.here.subscribe("e")
    await bus.settle()
    waiting = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    bus.there.publish("e", {"n": 1})
    assert (await asyncio.wait_for(waiting, 5))[1] == {"n": 1}
    waiting = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    events.close()
    events.close()
    with pytest.raises(BusError):
        await asyncio.wait_for(waiting, 5)
    bus.there.publish("e", {"n": 2})


async def test_a_watcher_subscribes_asks_and_misses_nothing(bus: Sides) -> None:
    """What is published as soon as a request is served reaches one who had subscribed before asking."""

    async def watch(_value: Value) -> Value:
        for n in range(5):
            bus.there.publish("media.center.camera.sub", {"item": packet(n)})
        return {"gop": [packet(100)]}

    bus.there.serve("ingest.watch.camera.sub", watch)
    await bus.settle()
    events = bus.here.subscribe("media.center.camera.sub")
    answer = await bus.here.request("ingest.watch.camera.sub", {"watcher": "w"})
    assert answer["gop"] == [packet(100)]
    async with asyncio.timeout(5):
        assert [(await events.get())[1]["item"] for _ in range(5)] == [packet(n) for n in range(5)]


def packet(n: int) -> Packet:
    """The n-th of a Run."""
    return Packet(
        STREAM, "run", 0, n, n * 3600, n * 3600, 1_790_000_000_000_000_000 + n, n == 0, bytes([n % 256]) * 1000
    )


async def test_media_and_states_arrive_equal(bus: Sides) -> None:
    """Nouns are nouns on the other side, beside plain data and within lists."""
    state = StreamState(STREAM, StreamCondition.UNREACHABLE, 5, "no route", "camera_unreachable", "r", {"host": "x"})
    value = {"item": packet(3), "n": 7, "sent_ns": 2**62, "more": [state, None, {"deep": packet(4)}], "b": b"\0\xff"}
    events = bus.here.subscribe("media.>")
    await bus.settle()
    bus.there.publish("media.center.camera.sub", value)
    subject, got = await asyncio.wait_for(events.get(), 5)
    assert (subject, got) == ("media.center.camera.sub", value)
    assert isinstance(got["more"][0].condition, StreamCondition)
