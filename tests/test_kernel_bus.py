"""vms.bus.memory: who is asked, who hears, what happens when nobody answers or somebody fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.bus.base import Value
from vms.bus.memory import MemoryBus, matches
from vms.errors import BusError, BusTimeoutError, CameraAuthError, NoResponderError

TOKENS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5)


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    """A bus that is closed afterwards."""
    bus = MemoryBus()
    yield bus
    await bus.close()


async def echo(value: Value) -> Value:
    """Answers what it was asked."""
    return value


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


async def test_a_request_finds_its_handler_and_the_subject(bus: MemoryBus) -> None:
    """The handler gets the value and, under `_subject`, what exactly was asked."""
    bus.serve("ingest.watch.*.*", echo)
    answer = await bus.request("ingest.watch.cam.main", {"watcher": "w"})
    assert answer == {"watcher": "w", "_subject": "ingest.watch.cam.main"}


async def test_nobody_answers(bus: MemoryBus) -> None:
    """NoResponderError at once, before serving and after."""
    with pytest.raises(NoResponderError):
        await bus.request("a.b", {})
    served = bus.serve("a.b", echo)
    await bus.request("a.b", {})
    served.close()
    served.close()
    with pytest.raises(NoResponderError):
        await bus.request("a.b", {})


async def test_the_newest_of_two_answers(bus: MemoryBus) -> None:
    """A service that comes again takes over from its former self, and gives back when it goes."""

    async def newer(_value: Value) -> Value:
        return {"who": "newer"}

    bus.serve("who", echo)
    served = bus.serve("who", newer)
    assert (await bus.request("who", {}))["who"] == "newer"
    served.close()
    assert "who" not in await bus.request("who", {})


async def test_an_error_of_the_project_arrives_as_it_is(bus: MemoryBus) -> None:
    """Its class, message and hint reach the one who asked."""

    async def refuse(_value: Value) -> Value:
        raise CameraAuthError("the camera refuses", hint="check the password")

    bus.serve("probe", refuse)
    with pytest.raises(CameraAuthError, match="the camera refuses") as caught:
        await bus.request("probe", {})
    assert caught.value.hint == "check the password"


@pytest.mark.parametrize("error", [ValueError("secret detail"), TimeoutError("of something inside")])
async def test_any_other_error_is_a_bus_error_without_its_text(bus: MemoryBus, error: Exception) -> None:
    """A bug in a handler shows its class alone, and a time-out inside it is not taken for one of the bus."""

    async def broken(_value: Value) -> Value:
        raise error

    bus.serve("broken", broken)
    with pytest.raises(BusError, match=type(error).__name__) as caught:
        await bus.request("broken", {})
    assert str(error) not in caught.value.message
    assert not isinstance(caught.value, BusTimeoutError)


async def test_time_up_cancels_the_handler(bus: MemoryBus) -> None:
    """BusTimeoutError after the time given; the handler does not go on for nobody."""
    ended = asyncio.Event()

    async def slow(_value: Value) -> Value:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    bus.serve("slow", slow)
    with pytest.raises(BusTimeoutError):
        await bus.request("slow", {}, timeout_s=0.01)
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_handler_that_will_not_end_does_not_hold_the_asker(bus: MemoryBus) -> None:
    """The time is the asker's, however long the handler takes to clean up after its cancellation."""
    release = asyncio.Event()

    async def clinging(_value: Value) -> Value:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()
        return {}

    bus.serve("clinging", clinging)
    with pytest.raises(BusTimeoutError):
        await asyncio.wait_for(bus.request("clinging", {}, timeout_s=0.01), 5)
    release.set()


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


async def test_closing_the_bus_fails_requests_and_ends_subscriptions() -> None:
    """Who asked gets a BusError, not a cancellation of its own; iteration stops; closing twice is one close."""
    bus = MemoryBus()
    began = asyncio.Event()

    async def slow(_value: Value) -> Value:
        began.set()
        await asyncio.Event().wait()
        return {}

    bus.serve("slow", slow)
    events = bus.subscribe(">")
    asking = asyncio.create_task(bus.request("slow", {}))
    await began.wait()
    await bus.close()
    await bus.close()
    with pytest.raises(BusError):
        await asking
    assert [item async for item in events] == []
    with pytest.raises(BusError):
        await events.get()


async def test_events_reach_whom_they_concern_in_order(bus: MemoryBus) -> None:
    """Each subscription gets what falls under its pattern, from its beginning on, in the order of publishing."""
    bus.publish("state.a", {"n": 0})
    one, every = bus.subscribe("state.a"), bus.subscribe("state.>")
    for n, subject in enumerate(("state.a", "state.b", "other", "state.a"), 1):
        bus.publish(subject, {"n": n})
    assert [(await one.get())[1]["n"] for _ in range(2)] == [1, 4]
    assert [await every.get() for _ in range(3)] == [
        ("state.a", {"n": 1}),
        ("state.b", {"n": 2}),
        ("state.a", {"n": 4}),
    ]


async def test_a_full_subscription_drops_its_oldest_and_counts(bus: MemoryBus) -> None:
    """The publisher never waits, and the freshest events are the ones that remain."""
    slow, quick = bus.subscribe("e", limit=3), bus.subscribe("e")
    for n in range(10):
        bus.publish("e", {"n": n})
    assert (slow.dropped, quick.dropped) == (7, 0)
    assert [(await slow.get())[1]["n"] for _ in range(3)] == [7, 8, 9]


async def test_a_waiting_listener_is_woken_by_an_event_and_by_close(bus: MemoryBus) -> None:
    """get() sleeps until there is something, and does not sleep on after close."""
    events = bus.subscribe("e")
    waiting = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    bus.publish("e", {"n": 1})
    assert (await asyncio.wait_for(waiting, 5))[1] == {"n": 1}
    waiting = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    events.close()
    events.close()
    with pytest.raises(BusError):
        await asyncio.wait_for(waiting, 5)
    bus.publish("e", {"n": 2})
