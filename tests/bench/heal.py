"""C8: the wall through faults. A page with nine tiles and a kiosk in Chromium, from the end of each cause to all tiles
live, with pictures that come; samples that called an old picture live are counted.

One machine whose cameras and whose page stand behind lines of their own (namespaces), then a cluster with the streamer
apart from the web. `VMS_BENCH_HEAL`: how often each; `VMS_BENCH_CUT_S`, `VMS_BENCH_STOPPED_S`: how long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from playwright.async_api import Page

from tests.bench.report import Row, percentile
from tests.cluster.line import Line, Regency, regency
from tests.cluster.process import Process, Spot
from tests.cluster.system import Cluster, running_cluster
from tests.e2e import glass, heal, screens
from tests.e2e.browser import CHROMIUM, running_browser
from tests.e2e.system import PASSWORD, Node, System, write_config
from tests.servers.nats import free_port
from tests.simulator_fixture import SimulatedCamera, scenes_folder
from tools.cluster.topology import Site, Topology

TIMES = int(os.environ.get("VMS_BENCH_HEAL", "10"))
CUT_S = float(os.environ.get("VMS_BENCH_CUT_S", "60"))
STOPPED_S = float(os.environ.get("VMS_BENCH_STOPPED_S", "600"))
REBOOT_S = 30.0
TILES = 9
SUB_FPS, LOOP_S = 15, 20
LAN = Line(100_000_000, 4)
SITE_LINE = Line(10_000_000, 60)
SMALL = {"main_size": "320x180", "main_kbps": 200, "main_fps": 10, "sub_size": "320x180", "sub_kbps": 150}
USER, SECRET = "operator", "rahasia-kamera"
Cause = Callable[[], Awaitable[float]]
"""Does something and undoes it; when the cause was over, in seconds of the wall clock."""


@dataclass
class Eyes:
    """The pages that are looked at, and what was found of each fault."""

    pages: dict[str, Page] = field(default_factory=dict)
    seen: dict[str, heal.Seen] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    old: int = 0
    sends: Path = Path()
    slugs: Mapping[str, str] = field(default_factory=dict)
    shown: dict[str, dict[int, str]] = field(default_factory=dict)

    async def add(self, name: str, page: Page) -> None:
        """Look at one more."""
        self.shown[name] = await glass.tile_cameras(page)
        await heal.record(page, TILES)
        self.pages[name], self.seen[name] = page, heal.Seen()

    async def through(self, kind: str, cause: Cause, pages: Sequence[str] = ()) -> None:
        """One fault, and how long each page took afterwards."""
        over_s = await cause()
        for name in pages or list(self.pages):
            key = kind if name == "wall" else f"{kind}.{name}"
            try:
                healed_s = await heal.until_healed(self.pages[name], self.seen[name], over_s)
            except AssertionError as error:
                self.late.append(f"{key}: {error}")
                healed_s = 60.0
            self.times.setdefault(key, []).append(healed_s)
            print(f"  {key}: {healed_s:.2f} s", flush=True)
        await asyncio.sleep(1)
        shown = {name: await page.evaluate(heal.TAKE) for name, page in self.pages.items()}
        await asyncio.sleep(1)  # the log of what was sent is a little behind
        for name, more in shown.items():
            self._judge(name, more, over_s)

    def _judge(self, name: str, more: Mapping[str, Any], over_s: float) -> None:
        seen = self.seen[name]
        seen.add(more)
        sent = {tile: heal.Sent.read(self.sends, self.slugs[of], "sub") for tile, of in self.shown[name].items()}
        found = heal.old_as_live(seen, sent, SUB_FPS * LOOP_S, over_s)
        for tile, at_s, age_s in found[:3]:
            print(f"  {name}: tile {tile}: live with a picture of {age_s:.1f} s at {at_s - over_s:+.1f} s", flush=True)
        self.old += len(found)
        self.seen[name] = heal.Seen()

    def rows(self, words: Mapping[str, str]) -> list[Row]:
        """A p95 and a worst of each kind."""
        rows = []
        for kind, times in self.times.items():
            what, _, page = kind.partition(".")
            said = words[what] + (", kiosk" if page else "")
            rows += [
                Row(f"C8.{kind}_p95", f"{said}: all tiles live after (bar 5)", percentile(times, 0.95), "s",
                    len(times)),
                Row(f"C8.{kind}_worst", f"{said}, worst", max(times), "s", len(times)),
            ]  # fmt: skip
        return rows


async def through_faults(folder: Path) -> Sequence[Row]:
    """C8."""
    (folder / "one").mkdir()
    return [*await one_machine(folder / "one"), *await cluster(folder / "many")]


async def until_ready(url: str) -> float:
    """When /readyz said 200."""
    async with httpx.AsyncClient(trust_env=False, timeout=1) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return time.time()
            await asyncio.sleep(0.02)


async def until_rtsp(host: str, port: int) -> float:
    """When a camera answered OPTIONS."""
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1)
            try:
                writer.write(b"OPTIONS rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
                if (await asyncio.wait_for(reader.read(64), 1)).startswith(b"RTSP/1.0"):
                    return time.time()
            finally:
                writer.close()
        await asyncio.sleep(0.02)


async def _over(starting: Awaitable[None], answers: Awaitable[float]) -> float:
    """Start something; when it answered."""
    over_s, _ = await asyncio.gather(answers, starting)
    return over_s


@dataclass
class Lab:
    """One machine, its cameras, and pages that look at it."""

    eyes: Eyes
    system: System
    cameras: Process
    camera_port: int
    camera_line: Regency
    page_line: Regency
    marks: tuple[str, ...]

    async def camera(self) -> float:
        """All cameras reboot: connections are refused meanwhile."""
        await self.cameras.kill()
        await asyncio.sleep(REBOOT_S)
        return await _over(self.cameras.start(), until_rtsp(self.camera_line.address, self.camera_port))

    async def dark(self) -> float:
        """All cameras lose their power, or their switch does: nothing answers meanwhile."""
        return await _cut(self.camera_line)

    async def server(self) -> float:
        """SIGKILL, and started again after a while."""
        node = self.system.node
        await node.kill()
        await asyncio.sleep(5)
        over_s = await _over(node.start(), until_ready(self.system.url))
        await self.system.sign_in()
        return over_s

    async def page(self) -> float:
        """The line between page and server."""
        return await _cut(self.page_line)

    async def stopped(self) -> float:
        """The browsers do nothing for a while."""
        pids = [pid for mark in self.marks for pid in heal.browser_processes(mark)]
        with heal.stopped(pids):
            await asyncio.sleep(STOPPED_S)
            return time.time()


async def _cut(line: Regency) -> float:
    await line.cut()
    await asyncio.sleep(CUT_S)
    over_s = time.time()
    await line.mend()
    return over_s


async def one_machine(folder: Path, times: int = TIMES) -> list[Row]:
    """`vms up`."""
    async with lab(folder) as made:
        faults: list[tuple[str, Cause, Sequence[str]]] = [
            ("camera", made.camera, ()),
            ("dark", made.dark, ()),
            ("server", made.server, ()),
            ("page", made.page, ("wall",)),
        ]
        for kind, cause, pages in faults:
            for _ in range(times):
                await made.eyes.through(kind, cause, pages)
        for _ in range(max(1, times // 5)):
            await made.eyes.through("stopped", made.stopped)
    words = {
        "camera": f"cameras rebooted, away {REBOOT_S:.0f} s",
        "dark": f"cameras dark for {CUT_S:.0f} s",
        "server": "server killed and back",
        "page": f"line to the page cut {CUT_S:.0f} s",
        "stopped": f"browser stopped {STOPPED_S:.0f} s",
    }
    for late in made.eyes.late:
        print(f"  {late}", flush=True)
    old = Row("C8.old_as_live", "samples that called an old picture live (bar 0)", made.eyes.old, "", times)
    return [*made.eyes.rows(words), old]


@contextlib.asynccontextmanager
async def lab(folder: Path) -> AsyncIterator[Lab]:
    """All of it runs, and all tiles are live."""
    async with contextlib.AsyncExitStack() as stack:
        camera_line = await stack.enter_async_context(regency("sampit", LAN))
        page_line = await stack.enter_async_context(regency("layar", LAN))
        port = free_port()
        cameras = _cameras(folder, camera_line, port)
        await cameras.start()
        stack.push_async_callback(cameras.stop)
        there = _there(cameras)
        changes: dict[str, Any] = {"http": f"{camera_line.center_address}:{free_port()}", "tls": {"mode": "off"}}
        config = write_config(folder / "vms.yaml", folder / "data", there, TILES, changes)
        node = Node(config, folder / "node.log", {"VMS_ADMIN_PASSWORD": PASSWORD})
        system = System(node, there, folder / "data")
        await node.start()
        stack.push_async_callback(node.stop)
        await system.sign_in()
        await system.until_live(120)
        mark = f"--vms-bench={folder.name}-{port}"
        program = _within(page_line, folder / "chromium")
        browser = running_browser(url=system.url, cookie=system.cookie(), program=program, flags=[mark])
        screen = await stack.enter_async_context(browser)
        kiosk = await stack.enter_async_context(screens.running_screen(folder / "profile", system.url))
        await glass.wall_with(screen.page, f"{system.url}/wall?grid=9", TILES, 60)
        display = (await screens.pair(system, kiosk))["id"]
        view = (await screens.views_of(system, 1, TILES))[0]
        await screens.push(system, display, {"kind": "view", "subject": view["id"]})
        await kiosk.shows(view["cameras"], 30)
        slugs = {camera["id"]: camera["slug"] for camera in system.cameras}
        eyes = Eyes(sends=folder / "sends", slugs=slugs)
        assert kiosk.page is not None
        await eyes.add("wall", screen.page)
        await eyes.add("kiosk", kiosk.page)
        await asyncio.sleep(3)
        marks = (mark, f"--user-data-dir={folder / 'profile'}")
        yield Lab(eyes, system, cameras, port, camera_line, page_line, marks)


def _cameras(folder: Path, line: Regency, port: int) -> Process:
    options = {
        "username": USER, "password": SECRET, "cache": scenes_folder(), "send_log": folder / "sends",
        "host": line.address, "port": port, "control_port": free_port(), "cameras": TILES, "loop_s": LOOP_S,
    } | SMALL  # fmt: skip
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]

    async def ready(said: str) -> bool:
        return any('"ready"' in line for line in said.splitlines(keepends=True) if line.endswith("\n"))

    argv = [sys.executable, "-u", "-m", "vms.simulator", *arguments]
    return Process("cameras", Spot(line), argv, folder / "cameras.log", ready)


def _there(cameras: Process) -> Any:
    """What write_config needs of a simulator."""
    line = next(line for line in cameras.said().splitlines() if '"ready"' in line)
    names = ("site", "site_name", "slug", "name", "main", "sub")
    made = [SimulatedCamera(**{name: each[name] for name in names}) for each in json.loads(line)["cameras"]]
    return SimpleNamespace(cameras=made, username=USER, password=SECRET)


def _within(line: Regency, script: Path) -> str:
    """A Chromium that runs behind the line."""
    words = " ".join(line.command([CHROMIUM]))
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="ascii")
    script.chmod(0o755)
    return str(script)


async def cluster(folder: Path, times: int = TIMES) -> list[Row]:
    """A center with the streamer apart, and a regency behind a line."""
    topology = Topology((Site("sampit", line_mbps=10),), center_nodes=2)
    simulator = {"cameras": TILES, "streams": "main,sub", "loop_s": LOOP_S, "gop_s": 2, **SMALL}
    services = {"center-1": "web,recorder", "center-2": "streamer"}
    async with (
        running_cluster(
            folder, topology, line=SITE_LINE, cameras=TILES, simulator=simulator, site_services="ingest,recorder",
            services=services,
        ) as made,
        running_browser(url=str(made.center.http.base_url), cookie=made.center.http.cookies["vms_session"]) as screen,
    ):  # fmt: skip
        ids = await _register(made)
        url = f"{str(made.center.http.base_url).rstrip('/')}/wall?grid=9&tiles={','.join(ids)}"
        await glass.wall_with(screen.page, url, TILES, 90)
        eyes = Eyes(sends=made.cameras["sampit"].sends, slugs=ids)
        await eyes.add("wall", screen.page)
        await asyncio.sleep(3)
        line = made.regencies["sampit"]
        for name, cause in (
            ("streamer", lambda: _killed(made, "center-2")),
            ("web", lambda: _killed(made, "center-1")),
            ("node", lambda: _killed(made, "sampit-1")),
            ("hub", lambda: _killed(made, "hub")),
            ("line", lambda: _cut(line)),
        ):
            for _ in range(times):
                await eyes.through(name, cause)
    words = {
        "streamer": "streamer killed and back",
        "web": "web killed and back, the streamer not",
        "node": "the site's node killed and back",
        "hub": "NATS hub killed and back",
        "line": f"the site's line cut {CUT_S:.0f} s",
    }
    for late in eyes.late:
        print(f"  {late}", flush=True)
    return [
        *eyes.rows(words),
        Row("C8.cluster_old_as_live", "samples that called an old picture live (bar 0)", eyes.old, "", times),
    ]


async def _register(made: Cluster) -> dict[str, str]:
    """All cameras of the regency with main and sub: slug by id."""
    sites = {site["slug"]: site["id"] for site in (await made.center.get("/api/sites"))["items"]}
    slugs: dict[str, str] = {}
    for camera in made.cameras["sampit"].there[:TILES]:
        body = {
            "site": sites["sampit"], "name": camera["name"], "username": USER, "password": SECRET,
            "streams": [{"name": "main", "url": camera["main"]}, {"name": "sub", "url": camera["sub"]}],
        }  # fmt: skip
        answer = await made.center.http.post("/api/cameras", json=body)
        assert answer.status_code == 201, answer.text
        slugs[answer.json()["id"]] = camera["slug"]
    return slugs


async def _killed(made: Cluster, name: str) -> float:
    """SIGKILL, and started again after a while; when it was ready."""
    process = made.processes[name]
    await process.kill()
    await asyncio.sleep(5)
    if name == "hub":
        await process.start()
        return time.time()
    path, port = "/readyz", made.state.port(name)

    async def ready() -> float:
        while not await process.spot.answers(port, path):
            await asyncio.sleep(0.02)
        return time.time()

    return await _over(process.start(), ready())
