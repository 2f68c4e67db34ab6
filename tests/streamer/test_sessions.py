"""Sessions over the bus, with aiortc as the viewer: opened, watched, told and asked; limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.streamer.conftest import Studio, settle
from tests.streamer.player import entry, open_files, player, shade, until, value_of
from vms import metrics
from vms.domain.ids import new_id
from vms.domain.media import Codec
from vms.errors import ConflictError, InputError, NoResponderError, NotFoundError, TooManyError


async def test_a_wall_plays_switches_and_is_freed(studio: Studio) -> None:
    """Two tiles of two cameras; one is switched; closing frees sockets, feeds and gauges."""
    ingest, bus = studio.ingest, studio.bus
    red, blue, green = (ingest.add(grey) for grey in (60, 120, 180))
    ingest.play(red, blue, green)
    sockets = open_files()
    viewers, tiles = value_of(metrics.VIEWERS), value_of(metrics.TILES)
    session = new_id()
    events = bus.subscribe(f"streamer.wall.event.{session}")
    async with player(2) as viewer:
        value = {
            "session": session,
            "person": "p",
            "sdp": await viewer.offer(),
            "tiles": [entry(0, red), entry(1, blue)],
        }
        answer = await bus.request("streamer.wall.open", value)
        assert answer["session"] == session
        await viewer.answer(answer["sdp"])
        await viewer.until(shade(60), 0)
        await viewer.until(shade(120), 1)
        show = {"type": "show", **entry(1, green), "n": 4}
        await bus.request(f"streamer.wall.message.{session}", show)
        await viewer.until(shade(180), 1)
        assert (value_of(metrics.VIEWERS), value_of(metrics.TILES)) == (viewers + 1, tiles + 2)
        assert await bus.request(f"streamer.wall.close.{session}", {}) == {}
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] != "closed":
        told.append((await events.get())[1]["message"])
    assert {"type": "switched", "tile": 1, "n": 4} in [{k: v for k, v in m.items() if k != "rtp"} for m in told]
    assert (value_of(metrics.VIEWERS), value_of(metrics.TILES)) == (viewers, tiles)
    await until(lambda: not studio.streamer.fanout.watched and not red.watchers)
    await settle()
    assert open_files() == sockets
    with pytest.raises(NoResponderError):
        await bus.request(f"streamer.wall.message.{session}", {"type": "ping", "t": 1})


async def test_one_tile_is_heard(studio: Studio) -> None:
    """G.711 passes as it is; what has no sound is said to be silent; sound follows the tile, and ends when asked to."""
    ingest, bus = studio.ingest, studio.bus
    loud, silent = ingest.add(60, sound=Codec.PCMU), ingest.add(120)
    ingest.play(loud, silent)
    session = new_id()
    events = bus.subscribe(f"streamer.wall.event.{session}")
    async with player(2, audios=1) as viewer:
        value = {"session": session, "sdp": await viewer.offer(), "tiles": [entry(0, loud), entry(1, silent)]}
        await viewer.answer((await bus.request("streamer.wall.open", value))["sdp"])
        await viewer.until(shade(60), 0)

        def told(tile: int | None, state: str) -> dict[str, Any]:
            cause = "no_track" if state == "silent" else None
            return {"type": "listening", "tile": tile, "state": state, "cause": cause}

        async def listen(tile: int | None, state: str) -> None:
            await bus.request(f"streamer.wall.message.{session}", {"type": "listen", "tile": tile})
            async with asyncio.timeout(5):
                while (await events.get())[1]["message"] != told(tile, state):
                    pass

        await listen(0, "on")
        sound = next(track for track in viewer.tracks if track.kind == "audio")
        level = 0
        for _ in range(100):
            frame: Any = await asyncio.wait_for(sound.recv(), 5)
            level = max(level, abs(frame.to_ndarray().astype(int)).max())
        assert level > 8000
        await listen(1, "silent")
        taken = await bus.request(f"streamer.wall.take.{session}", {"by": "n2"})
        assert taken["heard"] == 1
        await bus.request(f"streamer.wall.message.{session}", {"type": "show", **entry(1, loud), "n": 4})
        async with asyncio.timeout(5):
            while (await events.get())[1]["message"] != told(1, "on"):
                pass
        await listen(None, "off")
        feed = studio.streamer.sessions[session].tiles[0].feed
        assert feed is not None
        assert not feed.heard


async def test_messages(studio: Studio) -> None:
    """Ping is answered; what cannot be obeyed is said back and changes nothing; a first message brings all states."""
    stream = studio.ingest.add()
    session = new_id()
    async with player(2) as viewer:
        value = {"session": session, "sdp": await viewer.offer(), "tiles": [entry(0, stream)]}
        await studio.bus.request("streamer.wall.open", value)
        await settle()
        events = studio.bus.subscribe(f"streamer.wall.event.{session}")

        async def say(message: dict[str, Any]) -> list[dict[str, Any]]:
            await studio.bus.request(f"streamer.wall.message.{session}", message)
            await settle()
            out = []
            while events._queue:  # type: ignore[attr-defined]
                out.append((await events.get())[1]["message"])
            return out

        first = await say({"type": "ping", "t": 12.5})
        assert {m["tile"] for m in first if m["type"] == "tile"} == {0, 1}
        assert [m["t"] for m in first if m["type"] == "pong"] == [12.5]
        for bad in (
            {"type": "show", "tile": 2, "camera": stream.ref.camera},
            {"type": "show", "tile": -1, "camera": None},
            {"type": "show", "tile": True, "camera": None},
            {"type": "show", "tile": 0, "camera": "x.>"},
            {"type": "show", "tile": 0, "camera": stream.ref.camera, "stream": "third"},
            {"type": "show", "tile": 0, "camera": stream.ref.camera, "n": "1"},
            {"type": "show", "tiles": {"tile": 0}},
            {"type": "show", "tiles": [1]},
            {"type": "show", "tiles": [{"tile": 0, "camera": None}, {"tile": 2, "camera": None}]},
            {"type": "dance"},
            {},
        ):
            assert "error" in [m["type"] for m in await say(bad)], bad
        shown = studio.streamer.sessions[session].tiles[0].message()
        assert shown["camera"] == stream.ref.camera
        both = [{"tile": 0, "camera": None, "n": 7}, {"tile": 1, "camera": stream.ref.camera, "stream": "sub", "n": 8}]
        await say({"type": "show", "tiles": both})
        told = [tile.message() for tile in studio.streamer.sessions[session].tiles]
        assert [(tile["camera"], tile["n"]) for tile in told] == [(None, 7), (stream.ref.camera, 8)]


async def test_limits_and_refusals(studio: Studio) -> None:
    """Too many viewers, a session twice, tiles that do not exist, an offer without ICE, another kind of media."""
    async with player(1, audios=2) as mixed, player() as viewer:
        sdp, both = await viewer.offer(), await mixed.offer()
        viewers = value_of(metrics.VIEWERS)

        async def refused(error: type[Exception], **value: Any) -> None:
            with pytest.raises(error):
                await studio.bus.request("streamer.wall.open", {"session": new_id(), "sdp": sdp, "tiles": [], **value})

        await refused(InputError, sdp=both)
        await refused(InputError, sdp="")
        await refused(InputError, sdp=sdp.replace("a=ice-pwd", "a=ice"))
        await refused(InputError, session="a.b")
        await refused(InputError, tiles=[{"tile": 1, "camera": new_id()}])
        await refused(InputError, tiles=[7])
        await refused(InputError, tiles="all")
        assert value_of(metrics.VIEWERS) == viewers
        assert not studio.streamer.sessions
        await studio.bus.request("streamer.wall.open", {"session": "once", "sdp": sdp, "tiles": []})
        await refused(ConflictError, session="once")
        object.__setattr__(studio.streamer._options, "max_sessions", 1)
        await refused(TooManyError)


async def test_whep_plays_and_ends(studio: Studio) -> None:
    """A standard player with audio and video gets one video; PATCH takes candidates and refuses a restart."""
    stream = studio.ingest.add(150)
    studio.ingest.play(stream)
    async with player(1, audios=1) as viewer:
        sdp = await viewer.offer()
        value = {"camera": stream.ref.camera, "stream": "sub", "person": "p", "sdp": sdp}
        answer = await studio.bus.request("streamer.whep.open", value)
        # aiortc does not take an answer that refuses audio by port 0 and no codec: give it the video alone
        assert "m=audio 0 " in answer["sdp"]
    async with player(1) as viewer:
        answer = await studio.bus.request("streamer.whep.open", value | {"sdp": await viewer.offer()})
        await viewer.answer(answer["sdp"])
        await viewer.until(shade(150))
        ident = answer["session"]
        ufrag = studio.streamer.sessions[ident].offer.ufrag
        fragment = f"a=ice-ufrag:{ufrag}\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
        assert await studio.bus.request(f"streamer.whep.patch.{ident}", {"fragment": fragment}) == {}
        for bad in (fragment.replace(ufrag, "other"), "", None, "a=" + "x" * 20_000):
            with pytest.raises(InputError):
                await studio.bus.request(f"streamer.whep.patch.{ident}", {"fragment": bad})
        with pytest.raises(NoResponderError):
            await studio.bus.request(f"streamer.wall.close.{ident}", {})
        assert await studio.bus.request(f"streamer.whep.close.{ident}", {}) == {}
    for verb in ("patch", "close"):
        with pytest.raises(NoResponderError):
            await studio.bus.request(f"streamer.whep.{verb}.{ident}", {"fragment": "a=x"})


async def test_a_wish_for_a_key_frame_brings_the_burst(studio: Studio) -> None:
    """PLI over the wire: the cached GOP is sent again."""
    stream = studio.ingest.add()
    studio.ingest.step(stream, 20)
    async with player() as viewer:
        value = {"camera": stream.ref.camera, "stream": "sub", "sdp": await viewer.offer()}
        await viewer.answer((await studio.bus.request("streamer.whep.open", value))["sdp"])
        (session,) = studio.streamer.sessions.values()
        track = session.tiles[0].track
        await until(lambda: track.packets == 20)
        receiver = viewer.pc.getReceivers()[0]
        (source,) = [s.source for s in receiver.getSynchronizationSources()]
        await asyncio.sleep(0.5)  # a burst is not sent again sooner
        await receiver._send_rtcp_pli(source)
        await until(lambda: track.packets == 40)


async def test_a_wall_of_many_viewers_costs_one_watch(studio: Studio) -> None:
    """Four viewers of one camera: ingest is watched once."""
    stream = studio.ingest.add(90)
    studio.ingest.play(stream)
    async with player() as a, player() as b, player() as c, player() as d:
        for viewer in (a, b, c, d):
            value = {"camera": stream.ref.camera, "stream": "sub", "sdp": await viewer.offer()}
            await viewer.answer((await studio.bus.request("streamer.whep.open", value))["sdp"])
        for viewer in (a, b, c, d):
            await viewer.until(shade(90))
        assert studio.ingest.watches == 1
        assert len(stream.watchers) == 1


async def test_another_web_node_takes_a_wall(studio: Studio) -> None:
    """Its own person's alone: told what is shown, all is said again, and the one before can end it no more."""
    stream = studio.ingest.add()
    studio.ingest.play(stream)
    async with player() as viewer:
        value = {"session": "w", "person": "ana", "by": "n1", "sdp": await viewer.offer(), "tiles": [entry(0, stream)]}
        await studio.bus.request("streamer.wall.open", value)
        await studio.bus.request("streamer.wall.message.w", {"type": "ping", "t": 1})
        with pytest.raises(NotFoundError):
            await studio.bus.request("streamer.wall.take.w", {"person": "budi", "by": "n2"})
        events = studio.bus.subscribe("streamer.wall.event.w")
        taken = await studio.bus.request("streamer.wall.take.w", {"person": "ana", "by": "n2"})
        assert taken == {"tiles": [{"tile": 0, "camera": stream.ref.camera}], "heard": None}
        await studio.bus.request("streamer.wall.message.w", {"type": "ping", "t": 2})
        async with asyncio.timeout(5):
            while (await events.get())[1]["message"]["type"] != "tile":
                pass
        await studio.bus.request("streamer.wall.close.w", {"by": "n1"})
        assert "w" in studio.streamer.sessions
        await studio.bus.request("streamer.wall.close.w", {"by": "n2"})
        assert "w" not in studio.streamer.sessions
