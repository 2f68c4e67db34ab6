"""D3 and D4: the timeline of sixteen cameras and a month of rows, and thumbnails while scrubbing, in Chromium.

A catalogue on SQLite as B10's is shaped: Segments of a minute, Runs of six hours, half a minute of Gap, motion every
quarter of an hour; sprites of a picture each ten seconds for the newest day in a folder Store. The web service runs in
this process; no footage is there. VMS_BENCH_TIMELINE_DAYS: another number of days.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from recorder.playback import Playback
from tests.bench.report import Row, percentile
from tests.e2e.browser import running_browser
from tests.store.samples import SITE
from tests.ui.conftest import jpeg
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, SystemClock
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from vms.domain.sprite import EVERY_NS, HOUR_NS, Sprite, hour_of, pack
from vms.objects.folder import FolderStore
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.app import WebContext, create_app
from web.security.passwords import Argon2Cost, hash_password
from web.server import WebServer
from web.times import format_time

DAYS = int(os.environ.get("VMS_BENCH_TIMELINE_DAYS", "30"))
CAMERAS, ASKED, OPENINGS, SCRUBS = 16, 60, 12, 400
SEGMENT_S, RUN_SEGMENTS, GAP_S, DAY_S, MOTION_S = 60, 360, 30, 86_400, 900
NODE, PASSWORD = "n" * 16, "a bench's password"
_TRACKS = (
    '[{"number":0,"codec":"h264","extradata":"","width":1280,"height":720,"sample_rate":0,"channels":0,"profile":null}]'
)
_FRAMES = """
async (acts) => {
  const slider = document.querySelector('canvas[role="slider"]');
  const box = slider.getBoundingClientRect();
  const y = box.top + box.height / 2;
  const at = (x, more = {}) => ({ bubbles: true, cancelable: true, clientX: box.left + x, clientY: y, ...more });
  const frames = [];
  let before = null;
  for (const [kind, x, amount] of acts) {
    if (kind === "wheel") slider.dispatchEvent(new WheelEvent("wheel", at(x, { deltaY: amount })));
    else slider.dispatchEvent(new PointerEvent(kind, at(x, { pointerId: 1, button: kind === "pointermove" ? -1 : 0 })));
    const now = await new Promise((done) => requestAnimationFrame(done));
    if (before !== null) frames.push(now - before);
    before = now;
  }
  return frames;
}
"""
_SCRUB = """
async ([camera, times]) => {
  const took = [];
  for (const at of times) {
    const began = performance.now();
    const answer = await fetch(`/api/cameras/${camera}/thumbnail?at=${at}`);
    if (answer.status !== 200) throw new Error(`no thumbnail of ${at}: ${answer.status}`);
    await createImageBitmap(await answer.blob());
    took.push(performance.now() - began);
  }
  return took;
}
"""


@dataclass
class Month:
    """A running web service over a month of rows."""

    url: str
    cookie: str
    cameras: list[str]
    end_ns: int


def _rows(camera: str, number: int, start_ns: int, end_ns: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Rows of one camera by table, in order of time."""
    at_ns = start_ns + number * 290_000_000
    segment_ns, run_ns = SEGMENT_S * NS_PER_S, SEGMENT_S * RUN_SEGMENTS * NS_PER_S
    while at_ns + run_ns <= end_ns:
        run, until_ns = new_id(), at_ns + run_ns
        yield "runs", (run, camera, "main", SITE.id, NODE, 1, _TRACKS, at_ns, until_ns, "stream_stalled", at_ns, None,
                       "boot", 5, at_ns, 1, None, None, 2)  # fmt: skip
        for k in range(RUN_SEGMENTS):
            first_ns = at_ns + k * segment_ns
            yield "segments", (run, k, camera, "main", SITE.id, NODE, 1, first_ns, first_ns + segment_ns, "stored", 800,
                               11_000_000, bytes(32), bytes(32), b"", k * 30, 30, 3)  # fmt: skip
        gap_ns = GAP_S * NS_PER_S
        yield (
            "gaps",
            (new_id(), camera, "main", SITE.id, NODE, until_ns, until_ns + gap_ns, "stream_stalled", "closed", 2),
        )
        at_ns = until_ns + gap_ns
    for moved_ns in range(start_ns, end_ns, MOTION_S * NS_PER_S):
        yield "events", (new_id(), "motion", NODE, moved_ns, moved_ns + 40 * NS_PER_S, "notice", SITE.id, camera, "sub",
                         None, "{}", 2)  # fmt: skip


def _fill(path: Path, cameras: Sequence[str], start_ns: int, end_ns: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for number, camera in enumerate(cameras):
            by_table: dict[str, list[tuple[Any, ...]]] = {}
            for table, row in _rows(camera, number, start_ns, end_ns):
                by_table.setdefault(table, []).append(row)
            for table, rows in by_table.items():
                connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
        connection.commit()
        connection.execute("ANALYZE")


async def _sprites(catalogue: Catalogue, store: FolderStore, cameras: Sequence[str], end_ns: int) -> None:
    """The newest day of each camera."""
    picture = jpeg()
    for camera in cameras:
        for start_ns in range(hour_of(end_ns) - 24 * HOUR_NS, hour_of(end_ns), HOUR_NS):
            data = pack(start_ns, [(start_ns + at_ns, picture) for at_ns in range(0, HOUR_NS, EVERY_NS)])
            sprite = Sprite(camera, start_ns, NODE, SITE.id, "home", start_ns + HOUR_NS, HOUR_NS // EVERY_NS, len(data))
            put = partial(store.put_bytes, sprite.key, data, metadata={}, content_type="application/octet-stream")
            await asyncio.to_thread(put)
            await catalogue.sprites.put(sprite)


@asynccontextmanager
async def serving(folder: Path, *, days: int = DAYS, sprites: bool = False) -> AsyncIterator[Month]:
    """The rows, and who shows them."""
    clock, bus = SystemClock(), MemoryBus()
    end_ns = clock.now_ns()
    start_ns = end_ns - days * DAY_S * NS_PER_S
    cheap = Argon2Cost(passes=1, memory_kib=64, lanes=1)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    await catalogue.sites.put(SITE)
    await catalogue.people.put(
        Person(new_id(), "admin", "Admin", hash_password(PASSWORD, cheap), grants=EVERYTHING.grants)
    )
    cameras = [new_id() for _ in range(CAMERAS)]
    for number, camera in enumerate(cameras):
        stream = Stream(StreamRef(camera, StreamName.MAIN), "rtsp://192.0.2.1/main")
        await catalogue.cameras.add(
            Camera(camera, SITE.id, f"pasar-{number}", f"Pasar {number + 1}", (stream,), registered_ns=start_ns)
        )
    await asyncio.to_thread(_fill, folder / "vms.db", cameras, start_ns, end_ns)
    store = FolderStore("home", folder / "store")
    if sprites:
        await _sprites(catalogue, store, cameras, end_ns)
    playback = Playback(catalogue, {"home": store}, bus, clock)
    app = create_app(WebContext(catalogue, bus, playback, clock, Presence(bus, clock)))
    server = WebServer(clock, app, host="127.0.0.1", port=0)
    await server.prepare()
    running = asyncio.create_task(server.run())
    try:
        url = server.url
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await client.post("/api/session", json={"username": "admin", "password": PASSWORD})
            yield Month(url, client.cookies["vms_session"], cameras, end_ns)
    finally:
        server.stop()
        await running
        await server.close()
        await playback.close()
        await bus.close()
        await catalogue.close()


async def month_of_sixteen(folder: Path) -> Sequence[Row]:
    """D3."""
    async with serving(folder) as month, running_browser(url=month.url, cookie=month.cookie) as screen:
        answers = await _answers(month, ASKED)
        page, opened = screen.page, list[float]()
        times = {"from": format_time(month.end_ns - DAYS * DAY_S * NS_PER_S), "to": format_time(month.end_ns)}
        address = f"{month.url}/coverage?" + urlencode({"site": SITE.id, **times})
        for _ in range(OPENINGS):
            await page.goto(address)
            await page.wait_for_function("() => (window.__vms.timeline?.paintedAt() ?? null) !== null")
            opened.append(
                await page.evaluate("() => window.__vms.timeline.paintedAt() - window.__vms.timeline.openedAt()")
            )
        frames = await _moved(page)
    first = "first picture of 16 cameras and a month (bar 300)"
    asked = f"GET /api/timeline, {CAMERAS} cameras, {DAYS} days, on SQLite"
    return [
        Row("D3.first_paint.p95", first, percentile(opened, 0.95), "ms", len(opened)),
        Row("D3.frames.p95", "frames of zoom and pan (bar 40)", percentile(frames, 0.95), "ms", len(frames)),
        Row("D3.frames.p50", "the same, median", percentile(frames, 0.5), "ms", len(frames)),
        Row("D3.answer.p95", asked, percentile(answers, 0.95), "ms", len(answers)),
        Row("D3.answer.p50", "the same, median", percentile(answers, 0.5), "ms", len(answers)),
    ]


async def _answers(month: Month, count: int) -> list[float]:
    """Milliseconds of the whole month out of SQLite, over HTTP."""
    found: list[float] = []
    times = {"from": format_time(month.end_ns - DAYS * DAY_S * NS_PER_S), "to": format_time(month.end_ns)}
    async with httpx.AsyncClient(base_url=month.url, cookies={"vms_session": month.cookie}, timeout=60) as client:
        for _ in range(count):
            answer = await client.get(
                "/api/timeline", params={"cameras": ",".join(month.cameras), "step": 1800, **times}
            )
            assert answer.status_code == 200, answer.text
            assert sum(len(one["gaps"]) for one in answer.json()["cameras"]) >= CAMERAS * (DAYS - 1) * 3
            found.append(answer.elapsed.total_seconds() * 1e3)
    return found


async def _moved(page: Any) -> list[float]:
    """Milliseconds from frame to frame: into a second at one place, out to the month again, dragged to and fro."""
    width = await page.evaluate("() => document.querySelector('canvas[role=\"slider\"]').clientWidth")
    x = width * 0.62
    inwards, outwards = [["wheel", x, -120]] * 55, [["wheel", x, 120]] * 55
    away = [["pointermove", x - 12 * k, 0] for k in range(40)]
    drags = [["pointerdown", x, 0], *away, *reversed(away), ["pointerup", x, 0]]
    frames: list[float] = []
    for acts in (inwards, drags, outwards, drags):
        frames += await page.evaluate(_FRAMES, acts)
    return frames


async def thumbnails(folder: Path) -> Sequence[Row]:
    """D4: places near each other, as a hand goes, and places anywhere in the day."""
    chance = random.Random(4)
    async with (
        serving(folder, days=2, sprites=True) as month,
        running_browser(url=month.url, cookie=month.cookie) as screen,
    ):
        await screen.page.goto(f"{month.url}/coverage")
        first_ns = hour_of(month.end_ns) - 24 * HOUR_NS
        hand, anywhere = list[float](), list[float]()
        for camera in month.cameras[:4]:
            at_ns = first_ns + chance.randrange(20) * HOUR_NS
            near = [format_time(at_ns + k * EVERY_NS) for k in range(SCRUBS // 4)]
            hand += await screen.page.evaluate(_SCRUB, [camera, near])
            far = [format_time(first_ns + chance.randrange(24 * 360) * EVERY_NS) for _ in range(SCRUBS // 4)]
            anywhere += await screen.page.evaluate(_SCRUB, [camera, far])
    return [
        Row("D4.p95", "thumbnails while scrubbing (bar 100)", percentile(hand, 0.95), "ms", len(hand)),
        Row("D4.p50", "the same, median", percentile(hand, 0.5), "ms", len(hand)),
        Row("D4.anywhere.p95", "thumbnails anywhere in a day", percentile(anywhere, 0.95), "ms", len(anywhere)),
    ]
