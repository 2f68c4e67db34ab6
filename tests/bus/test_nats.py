"""vms.bus.nats and vms.bus.link on real servers: who answers, what survives, what crosses a line, what is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from tests.bus.sides import bussed, linked, options, video_options
from tests.servers.nats import NatsServer, running_nats
from vms.bus import wire
from vms.bus.base import Events, Handler, Value
from vms.bus.client import BURST
from vms.bus.inspect import account_facts
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.nats import NatsBus
from vms.errors import BusError, BusTimeoutError, NoResponderError, SettingsError
from web.tls import OwnAuthority

pytestmark = pytest.mark.servers


def naming(name: str) -> Handler:
    """A handler that says who it is."""

    async def answer(_value: Value) -> Value:
        return {"who": name}

    return answer


async def until_answered(bus: NatsBus, subject: str) -> Value:
    """The answer, asked for until somebody is there to give it."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await bus.request(subject, {}, timeout_s=1.0)
            except (NoResponderError, BusTimeoutError):
                await asyncio.sleep(0.02)


async def until_heard(bus: NatsBus, subject: str, events: Events) -> Value:
    """Publish until the listener hears it."""
    async with asyncio.timeout(20):
        while True:
            bus.publish(subject, {"n": 1})
            try:
                return (await asyncio.wait_for(events.get(), 0.05))[1]
            except TimeoutError:
                continue


async def test_one_of_two_processes_answers(tmp_path: Path) -> None:
    """A request is answered once, by any of those who serve it, and by the one that is left when the other goes."""
    asked: list[str] = []

    def counting(name: str) -> Handler:
        async def answer(_value: Value) -> Value:
            asked.append(name)
            return {"who": name}

        return answer

    async with (
        running_nats(tmp_path) as server,
        bussed(options(server)) as asker,
        bussed(options(server)) as one,
        bussed(options(server)) as two,
    ):
        one.serve("work", counting("one"))
        served = two.serve("work", counting("two"))
        await one.link.flush()
        await two.link.flush()
        for _ in range(40):
            await asker.request("work", {})
        assert len(asked) == 40
        assert set(asked) == {"one", "two"}
        served.close()
        await two.link.flush()
        assert {(await asker.request("work", {}))["who"] for _ in range(10)} == {"one"}


async def test_a_request_under_two_patterns_of_a_process_is_handled_once(tmp_path: Path) -> None:
    """NATS delivers it for each pattern; the handler runs for one, the one served last."""
    count = 0

    async def handler(_value: Value) -> Value:
        nonlocal count
        count += 1
        return {}

    async with running_nats(tmp_path) as server, bussed(options(server)) as asker, bussed(options(server)) as bus:
        bus.serve("close.*", handler)
        bus.serve("close.one", handler)
        await bus.link.flush()
        await asker.request("close.one", {})
        await bus.link.flush()
        await asker.link.flush()
        assert count == 1


async def test_own_services_go_on_without_the_server(tmp_path: Path) -> None:
    """Requests and events within a process do not pass NATS; others fail soon, and what is published counts as lost."""
    async with running_nats(tmp_path) as server, bussed(options(server, patience_s=0.05)) as bus:
        bus.serve("own", naming("me"))
        events = bus.subscribe("e")
        await server.stop()
        bus.publish("e", {"n": 1})
        assert (await bus.request("own", {}))["who"] == "me"
        assert await events.get() == ("e", {"n": 1})
        while bus.link.connected:
            await asyncio.sleep(0.01)
        bus.publish("e", {"n": 2})
        assert bus.link.dropped >= 1
        assert await events.get() == ("e", {"n": 2})
        with pytest.raises(BusTimeoutError):
            await asyncio.wait_for(bus.request("else", {}), 2)


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_comes_back_finds_everything_served_again(tmp_path: Path, how: str) -> None:
    """After a restart requests are answered and events heard, and nobody has done anything for it."""
    async with running_nats(tmp_path) as server, bussed(options(server)) as one, bussed(options(server)) as two:
        changes: list[bool] = []
        two.link.on_change(changes.append)
        two.serve("who", naming("two"))
        events = two.subscribe("e")
        await two.link.flush()
        assert (await one.request("who", {}))["who"] == "two"
        for _ in range(2):
            await (server.stop() if how == "stop" else server.kill())
            await server.start()
            assert (await until_answered(one, "who"))["who"] == "two"
            assert await until_heard(one, "e", events) == {"n": 1}
        assert changes == [False, True, False, True]


async def test_what_changed_while_the_server_was_away_holds_afterwards(tmp_path: Path) -> None:
    """Served, ended, subscribed and closed in the meantime."""
    async with running_nats(tmp_path) as server, bussed(options(server)) as one, bussed(options(server)) as two:
        gone = two.serve("old", naming("two"))
        closed = two.subscribe("e.old")
        await two.link.flush()
        await server.stop()
        while two.link.connected:
            await asyncio.sleep(0.01)
        gone.close()
        closed.close()
        two.serve("new", naming("two"))
        events = two.subscribe("e.new")
        await server.start()
        assert (await until_answered(one, "new"))["who"] == "two"
        assert await until_heard(one, "e.new", events) == {"n": 1}
        with pytest.raises(NoResponderError):
            await one.request("old", {})
        subjects = {s for c in (await server.monitor("connz?subs=1"))["connections"] for s in c["subscriptions_list"]}
        assert not {"old", "e.old"} & subjects


async def test_a_request_under_way_fails_when_the_connection_does(tmp_path: Path) -> None:
    """At once, not when its time is up."""
    began = asyncio.Event()

    async def slow(_value: Value) -> Value:
        began.set()
        await asyncio.Event().wait()
        return {}

    async with running_nats(tmp_path) as server, bussed(options(server)) as one, bussed(options(server)) as two:
        two.serve("slow", slow)
        await two.link.flush()
        asking = asyncio.create_task(one.request("slow", {}, timeout_s=60))
        await began.wait()
        await server.kill()
        with pytest.raises(BusTimeoutError):
            await asyncio.wait_for(asking, 10)


async def test_a_start_while_the_server_is_down(tmp_path: Path) -> None:
    """The link comes up without a connection, and with one when there is a server."""
    async with (
        running_nats(tmp_path, started=False) as server,
        bussed(options(server), wait_s=0.0) as one,
        bussed(options(server), wait_s=0.0) as two,
    ):
        assert not one.link.connected
        with pytest.raises(BusTimeoutError):
            _ = one.link.nc
        two.serve("who", naming("two"))
        waiting = asyncio.create_task(until_answered(one, "who"))
        await server.start()
        assert (await waiting)["who"] == "two"


async def test_a_server_that_hangs_is_noticed_and_does_not_hold_the_close(tmp_path: Path) -> None:
    """No answer, no end of the connection: pings find out; publishing goes on and close is bounded."""
    async with running_nats(tmp_path) as server:
        async with bussed(options(server, ping_s=1.0, queue_bytes=1_000_000)) as bus:
            server.freeze()
            for n in range(20_000):  # more than the sockets take
                bus.publish("media", {"n": n, "data": bytes(2000)})
                if n % 100 == 0:
                    await asyncio.sleep(0)
            assert bus.link.dropped > 0
            assert bus.link.connected
            with pytest.raises(BusTimeoutError):
                await bus.request("who", {}, timeout_s=0.2)
            async with asyncio.timeout(20):
                while bus.link.connected:
                    await asyncio.sleep(0.05)
            started = asyncio.get_running_loop().time()
            await bus.close()
            await bus.link.close()
            assert asyncio.get_running_loop().time() - started < 10
        server.thaw()


async def test_close_while_the_server_hangs_is_bounded(tmp_path: Path) -> None:
    """Also before anybody has noticed, with messages that nobody takes; closing twice is one close."""
    async with running_nats(tmp_path) as server:
        link = await NatsLink.connect(options(server, close_s=0.5))
        server.freeze()
        for _ in range(3000):
            link.publish("media", bytes(10_000))
        await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        await link.close()
        await link.close()
        assert asyncio.get_running_loop().time() - started < 6
        assert not link.connected
        server.thaw()


async def test_a_wrong_password_is_tried_again_and_never_told(tmp_path: Path) -> None:
    """The link goes on trying, says so once, and shows no password anywhere."""
    async with running_nats(tmp_path) as server:
        known = options(server, password="hunter2-wrong", retry_s=0.02, retry_cap_s=0.05)
        with structlog.testing.capture_logs() as logs:
            async with linked(known, wait_s=0.5) as link:
                assert not link.connected
                with pytest.raises(BusError) as caught:
                    await link.request("x", b"", timeout_s=0.1)
        tries = [entry for entry in logs if "why" in entry]
        assert len(tries) == 1
        assert "uthorization" in tries[0]["why"]
        assert "hunter2" not in f"{logs} {caught.value} {known}"


async def test_a_password_that_becomes_right_is_taken(tmp_path: Path) -> None:
    """A server that refused is asked again: its administrator may have mended it."""
    async with running_nats(tmp_path) as server:
        right = server.secrets
        async with linked(options(server), wait_s=5) as link:
            server.secrets = type(right)()
            await server.restart()
            await asyncio.sleep(0.5)
            assert not link.connected
            server.secrets = right
            await server.restart()
            assert await link.wait_connected(10)


@pytest.mark.parametrize("url", ["", "localhost:4222", "http://localhost:4222", "nats://"])
async def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    """Nothing would ever come of trying."""
    with pytest.raises(SettingsError):
        await NatsLink.connect(NatsOptions(url))


async def test_what_is_too_large_is_refused_in_plain_words(tmp_path: Path) -> None:
    """A request and an answer fail with the reason; an event is left out and counted; the connection stays."""

    async def much(_value: Value) -> Value:
        return {"data": bytes(20_000)}

    async with (
        running_nats(tmp_path, max_payload=10_000) as server,
        bussed(options(server)) as one,
        bussed(options(server)) as two,
    ):
        two.serve("much", much)
        events = one.subscribe("e")
        await two.link.flush()
        with pytest.raises(BusError, match="more than one message may have") as caught:
            await one.request("much", {"data": bytes(20_000)})
        assert caught.value.reason == "bus_too_large"
        with pytest.raises(BusError, match="more than one message may have") as caught:
            await one.request("much", {})
        assert caught.value.reason == "bus_too_large"
        two.publish("e", {"data": bytes(20_000)})
        assert two.link.dropped == 1
        assert await until_heard(two, "e", events) == {"n": 1}
        assert (one.link.connected, two.link.connected) == (True, True)


async def test_what_cannot_travel_fails_the_asker_and_not_the_publisher(tmp_path: Path) -> None:
    """An object of no kind that the wire knows."""
    async with running_nats(tmp_path) as server, bussed(options(server)) as bus:
        with pytest.raises(BusError, match="cannot be put"):
            await bus.request("x", {"what": object()})
        bus.publish("x", {"what": object()})


async def test_a_flood_of_small_messages_leaves_others_their_turn(tmp_path: Path) -> None:
    """At most a burst is handled between two turns of the loop, and a subscription nobody reads stays within bounds."""
    count, worst, flooding = 0, 0, True

    def heard(_subject: str, _reply: str, _data: bytes) -> None:
        nonlocal count
        count += 1

    async def turns() -> None:
        nonlocal worst
        while flooding:
            before = count
            await asyncio.sleep(0)
            worst = max(worst, count - before)

    async with running_nats(tmp_path) as server, bussed(options(server)) as bus, linked(options(server)) as other:
        unread = bus.subscribe("e", limit=10)
        bus.link.listen("e", heard)
        await bus.link.flush()
        watching = asyncio.create_task(turns())
        data = wire.encode({"n": 1})
        for _ in range(20):
            for _ in range(1000):
                other.publish("e", data)
            await other.flush()
        async with asyncio.timeout(10):
            while count < 20_000:
                await asyncio.sleep(0)
        flooding = False
        await watching
        assert worst <= 2 * BURST
        assert unread.dropped == 20_000 - 10


async def test_a_listener_that_fails_does_not_end_the_connection(tmp_path: Path) -> None:
    """Its error is logged; the next message comes."""
    async with running_nats(tmp_path) as server, linked(options(server)) as link, linked(options(server)) as other:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        def receive(_subject: str, _reply: str, data: bytes) -> None:
            heard.put_nowait(data)
            raise RuntimeError("a bug")

        link.listen("e", receive)
        await link.flush()
        for data in (b"1", b"2"):
            other.publish("e", data)
            assert await asyncio.wait_for(heard.get(), 5) == data
        assert link.connected


async def test_bytes_of_another_version_are_left_out(tmp_path: Path) -> None:
    """A newer node's messages are counted and said, a request of it is answered with an error, and all goes on."""
    async with running_nats(tmp_path) as server, bussed(options(server)) as bus, linked(options(server)) as other:
        events = bus.subscribe("e")
        bus.serve("s", naming("me"))
        await bus.link.flush()
        for data in (b"", b"\xff\x01rest", b"\x01\x09", b"\x01\x01\xc1", b"\x01\x02\x00"):
            other.publish("e", data)
            assert (await other.request("s", data, timeout_s=5))[:2] == b"\x01\x04"
        async with bussed(options(server)) as good:
            assert await until_heard(good, "e", events) == {"n": 1}


async def test_media_and_control_are_apart_on_hub_and_leaf(tmp_path: Path) -> None:
    """What is said in one account is not heard in the other, on either side of the line."""
    async with (
        running_nats(tmp_path) as hub,
        running_nats(tmp_path, domain="sampit", hub=hub) as leaf,
        bussed(options(hub)) as center,
        bussed(video_options(hub)) as center_media,
        bussed(options(leaf)) as site,
        bussed(video_options(leaf)) as site_media,
    ):
        assert {entry["account"] for entry in await leaf.leafs()} == {"CTRL", "VIDEO"}
        wrong = [center.subscribe("media.>"), site.subscribe("media.>")]
        right = center_media.subscribe("media.>")
        assert await until_heard(site_media, "media.center.camera.main", right) == {"n": 1}
        for bus in (center, site, center_media, site_media):
            await bus.link.flush()
        site.publish("media.end", {})  # passes last wherever control goes
        assert [(await asyncio.wait_for(events.get(), 5))[0] for events in wrong] == ["media.end"] * 2


async def leaf_bytes(leaf: NatsServer, account: str) -> int:
    """How many bytes of messages the leaf has sent to the hub for one account."""
    return sum(int(entry["out_bytes"]) for entry in await leaf.leafs() if entry["account"] == account)


async def test_without_a_watcher_nothing_crosses_the_line(tmp_path: Path) -> None:
    """Not a byte while nobody at the center listens; once, however many listen there; nothing after they ended."""
    async with (
        running_nats(tmp_path) as hub,
        running_nats(tmp_path, domain="sampit", hub=hub) as leaf,
        bussed(video_options(leaf)) as site,
    ):
        await leaf.leafs()

        async def crossed() -> int:
            before = await leaf_bytes(leaf, "VIDEO")
            for _ in range(100):
                site.publish("media.center.camera.sub", {"data": bytes(1000)})
            await site.link.flush()
            return await leaf_bytes(leaf, "VIDEO") - before

        assert await crossed() == 0
        async with bussed(video_options(hub)) as one, bussed(video_options(hub)) as two:
            events = [bus.subscribe("media.center.camera.sub") for bus in (one, one, two)]
            for listener in events:
                await until_heard(site, "media.center.camera.sub", listener)
            once = await crossed()
            assert 100_000 <= once < 115_000
        async with asyncio.timeout(10):
            while await crossed():
                await asyncio.sleep(0.02)


async def test_a_cut_line_is_no_responder_and_heals(tmp_path: Path) -> None:
    """While the hub is away a site's own answer goes on and the center's is soon refused; then all is as before."""
    async with (
        running_nats(tmp_path) as hub,
        running_nats(tmp_path, domain="sampit", hub=hub) as leaf,
        bussed(options(hub)) as center,
        bussed(options(leaf)) as site,
        bussed(options(leaf)) as other,
    ):
        center.serve("center.who", naming("center"))
        other.serve("site.who", naming("other"))
        assert (await until_answered(site, "center.who"))["who"] == "center"
        await hub.kill()
        async with asyncio.timeout(10):
            while True:
                try:
                    await site.request("center.who", {}, timeout_s=0.5)
                except NoResponderError:
                    break
                except BusTimeoutError:
                    continue
        assert (await site.request("site.who", {}))["who"] == "other"
        await hub.start()
        assert (await until_answered(site, "center.who"))["who"] == "center"
        assert (await until_answered(center, "site.who"))["who"] == "other"


async def test_tls_is_believed_by_its_authority_alone(tmp_path: Path) -> None:
    """With the authority's file it connects; without it, or with another's, not; a file that is none is said."""
    authority = OwnAuthority(tmp_path / "tls", ["localhost", "127.0.0.1"], lambda: dt.datetime.now(dt.UTC))
    authority.refresh()
    other = OwnAuthority(tmp_path / "other", ["localhost"], lambda: dt.datetime.now(dt.UTC))
    other.refresh()
    async with running_nats(tmp_path, certificate=tmp_path / "tls" / "server.pem") as hub:
        known = replace(options(hub), ca_file=authority.ca_file)
        async with linked(known) as link:
            assert link.connected
        assert (await account_facts(known)).error == ""
        for believed in (None, other.ca_file):
            async with linked(replace(known, ca_file=believed), wait_s=0.5) as link:
                assert not link.connected
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(SettingsError, match="authority of the NATS server"):
        NatsLink(NatsOptions("tls://127.0.0.1:4222", ca_file=tmp_path / "none.pem"))
