"""The simulator: clips loaded, feeds paced, an RTSP port, a pair of UDP sockets, a control port. asyncio, one thread.

Building clips that are missing happens in other processes and is awaited before the ports open.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from dataclasses import dataclass, replace
from typing import Any

from vms.errors import InputError
from vms.simulator import clip, encoder
from vms.simulator.clip import ClipKey
from vms.simulator.connection import Connection, Shared
from vms.simulator.control import Control
from vms.simulator.digest import Digest
from vms.simulator.faults import Fault, Order
from vms.simulator.feed import Feed
from vms.simulator.onvif import OnvifDevices, StreamFacts
from vms.simulator.options import Picture, SimulatorOptions
from vms.simulator.pacer import Pacer
from vms.simulator.places import STEERED, Place, places
from vms.simulator.sendlog import StreamLog


@dataclass(frozen=True, slots=True)
class _Source:
    feed: Feed
    key: ClipKey


class Simulator:
    """Start, serve, stop."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.places = places(options.cameras)
        self.port = 0
        self.control_port = 0
        spare = self.places[-1:]  # the demo registers all but the last ones: it is there to be found
        heads = [(place.slug, place.name) for place in self.places if place.slug in STEERED and place not in spare]
        heads += [(place.slug, place.name) for place in spare]
        self.devices = OnvifDevices(heads, options.username, options.password)
        self._sources: dict[str, _Source] = {}
        self._server: asyncio.Server | None = None
        self._pacer: Pacer | None = None
        self._control = Control(self._apply)
        self._udp: tuple[socket.socket, ...] = ()
        self._opened: set[Connection] = set()

    async def start(self) -> None:
        """Build what is missing, load, listen."""
        options = self.options
        keys = [ClipKey.of(place, picture) for place in self.places for _, picture in options.streams]
        await asyncio.to_thread(encoder.build_missing, keys, options.cache)
        for place in self.places:
            for name, picture in options.streams:
                self._add(place, name, picture)
        self._udp = _pair(options.host)
        loop = asyncio.get_running_loop()
        for sock in self._udp:
            loop.add_reader(sock, _drain, sock)
        numbers = itertools.count(1)
        shared = Shared(
            host=options.host,
            find=self._find,
            digest=lambda: Digest(options.username, options.password),
            rtp=self._udp[0],
            rtcp=self._udp[1],
            next_conn=lambda: next(numbers),
            opened=self._opened,
        )
        self._server = await loop.create_server(lambda: Connection(shared), options.host, options.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.control_port = await self._control.start(options.host, options.control_port)
        await self.devices.start(options.host)
        for slug, head in self.devices.heads.items():
            head.streams = [self._told(slug, name, picture) for name, picture in options.streams]
        self._pacer = Pacer([source.feed for source in self._sources.values()])
        self._pacer.start()

    async def stop(self) -> None:
        """Close everything; safe to call twice."""
        if self._pacer is not None:
            self._pacer.stop()
        await self._control.stop()
        await self.devices.stop()
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._opened):
                connection.drop("shutdown")
            await self._server.wait_closed()
            self._server = None
        loop = asyncio.get_running_loop()
        for sock in self._udp:
            loop.remove_reader(sock)
            sock.close()
        self._udp = ()
        for source in self._sources.values():
            source.feed.log.close()

    def facts(self) -> dict[str, Any]:
        """What the ready line says."""
        base = f"rtsp://{self.options.host}:{self.port}"
        cameras = []
        for place in self.places:
            about: dict[str, Any] = {
                "site": place.site,
                "site_name": place.site_name,
                "slug": place.slug,
                "name": place.name,
            }
            about |= {"longitude": place.longitude, "latitude": place.latitude}
            about |= {"onvif": self.devices.url(place.slug)} if place.slug in STEERED else {}
            cameras.append(about | {name: f"{base}/{place.slug}/{name}" for name, _ in self.options.streams})
        return {
            "ready": True,
            "port": self.port,
            "control_port": self.control_port,
            "username": self.options.username,
            "password": self.options.password,
            "cameras": cameras,
        }

    def _add(self, place: Place, name: str, picture: Picture) -> None:
        key = ClipKey.of(place, picture)
        folder = self.options.send_log
        log = StreamLog(folder / f"{place.slug}.{name}.jsonl" if folder is not None else None)
        feed = Feed(place.slug, name, key.title, clip.load(key, self.options.cache), log)
        self._sources[f"{place.slug}/{name}"] = _Source(feed, key)

    def _told(self, slug: str, name: str, picture: Picture) -> StreamFacts:
        """A stream as its ONVIF device tells of it."""
        url = f"rtsp://{self.options.host}:{self.port}/{slug}/{name}"
        gop = round(picture.gop_s * picture.fps)
        return StreamFacts(name, url, picture.codec.upper(), picture.width, picture.height, picture.fps, gop)

    def _find(self, path: str) -> Feed | None:
        source = self._sources.get("/".join(path.split("/")[:2]))
        return source.feed if source is not None else None

    async def _apply(self, order: Order) -> dict[str, Any]:
        meant = [s for s in self._sources.values() if order.meets(s.feed.slug, s.feed.name)]
        if not meant:
            raise InputError(f"no such stream: {order.camera}/{order.stream}")
        fault = order.fault
        if fault.kind == "status":
            return {"streams": [_status(source.feed) for source in meant]}
        if fault.kind == "drop":
            for source in meant:
                for viewer in tuple(source.feed.viewers):
                    viewer.ending.abrupt("drop")
            return {}
        if fault.kind == "resolution":
            await self._resize(meant, fault)
        for source in meant:
            if fault.kind != "resolution" and source.feed.fault.kind == "resolution":
                source.feed.switch(await asyncio.to_thread(clip.load, source.key, self.options.cache))
            source.feed.fault = fault
        return {}

    async def _resize(self, meant: list[_Source], fault: Fault) -> None:
        keys = [_resized(source.key, fault.size) for source in meant]
        await asyncio.to_thread(encoder.build_missing, keys, self.options.cache, apart=True)
        for source, key in zip(meant, keys, strict=True):
            source.feed.switch(await asyncio.to_thread(clip.load, key, self.options.cache))


def _resized(key: ClipKey, size: tuple[int, int] | None) -> ClipKey:
    picture = key.picture
    width, height = size or (picture.width // 4 * 2, picture.height // 4 * 2)
    try:
        return replace(key, picture=replace(picture, width=width, height=height))
    except ValueError as error:
        raise InputError(str(error), field="size") from error


def _status(feed: Feed) -> dict[str, Any]:
    playing = [{"conn": viewer.conn, "dropped": viewer.dropped} for viewer in feed.viewers]
    return {"camera": feed.slug, "stream": feed.name, "n": feed.next_n, "fault": feed.fault.kind, "playing": playing}


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Sockets on an even port and the next one (RFC 3550 11)."""
    for _ in range(100):
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        try:
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                for sock in (rtp, rtcp):
                    sock.setblocking(False)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError("no pair of free UDP ports")


def _drain(sock: socket.socket) -> None:
    """Receiver reports and hole punching of clients: read and forgotten."""
    try:
        while sock.recv(2048):
            pass
    except OSError:
        # nothing left, or the ICMP error of a datagram to a client that is gone
        return
