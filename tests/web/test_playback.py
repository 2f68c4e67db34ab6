"""Coverage, playlists, bytes of Segments and downloads, over a read side in memory."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.web.conftest import World, sign_in
from tests.web.fakes import FakeCoverage, FakeFile, FakeGap
from tests.web.test_cameras import add
from tests.web.test_server import serving
from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from web.api.playback import download_name
from web.protocol import ConnectionLimits

FROM, TO = "2026-09-21T14:00:00Z", "2026-09-21T15:00:00Z"
FROM_NS = 1_789_999_200_000_000_000
HOUR_NS = 3_600_000_000_000
DATA = bytes(range(256)) * 4


def put_segment(
    world: World, camera: str, *, data: bytes = DATA, state: SegmentState = SegmentState.STORED
) -> FakeFile:
    """A Segment that can be read."""
    run = new_id()
    ref = StreamRef(camera, StreamName.MAIN)
    sha256 = "" if state is SegmentState.OPEN else "ab" * 32
    segment = Segment(run, 3, ref, "site", "node", 1, FROM_NS, FROM_NS + 1, state, size_bytes=len(data), sha256=sha256)
    world.playback.files[(run, 3)] = FakeFile(segment, data)
    return world.playback.files[(run, 3)]


def url_of(camera: str, file: FakeFile) -> str:
    """Where a player finds it."""
    return f"/api/cameras/{camera}/segments/{file.segment.run}/{file.segment.number}.mp4"


async def test_coverage_says_what_is_there_and_why_not(world: World, admin: httpx.AsyncClient) -> None:
    """Recorded intervals and gaps with causes, in RFC 3339, of the part that can be."""
    camera = await add(admin)
    middle = FROM_NS + HOUR_NS // 2
    world.playback.covered = FakeCoverage(
        Interval(FROM_NS, FROM_NS + HOUR_NS),
        [Interval(FROM_NS, middle)],
        [FakeGap(middle, FROM_NS + HOUR_NS, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)],
    )
    answer = await admin.get(f"/api/cameras/{camera['id']}/coverage", params={"from": FROM, "to": TO, "stream": "sub"})
    assert answer.json() == {
        "from": "2026-09-21T14:00:00.000Z",
        "to": "2026-09-21T15:00:00.000Z",
        "recorded_s": 1800.0,
        "intervals": [{"from": "2026-09-21T14:00:00.000Z", "to": "2026-09-21T14:30:00.000Z"}],
        "gaps": [
            {
                "from": "2026-09-21T14:30:00.000Z",
                "to": "2026-09-21T15:00:00.000Z",
                "cause": "camera_unreachable",
                "state": "open",
            }
        ],
    }
    asked = ("coverage", camera["id"], StreamName.SUB, Interval(FROM_NS, FROM_NS + HOUR_NS))
    assert world.playback.asked == [asked]
    world.playback.covered = FakeCoverage(None)
    empty = await admin.get(f"/api/cameras/{camera['id']}/coverage", params={"from": FROM, "to": TO})
    assert (empty.json()["from"], empty.json()["recorded_s"]) == (empty.json()["to"], 0.0)


@pytest.mark.parametrize(
    "params",
    [
        {}, {"from": FROM}, {"to": TO}, {"from": TO, "to": FROM}, {"from": FROM, "to": FROM},
        {"from": "1926-01-01T00:00:00Z", "to": TO}, {"from": "2026-09-21T14:00:00Z", "to": "2126-09-21T14:00:00Z"},
        {"from": "NaN", "to": TO}, {"from": "-1", "to": TO}, {"from": "1789999200", "to": "1790002800"},
        {"from": "2026-09-21 14:00:00", "to": TO}, {"from": "2026-09-21T14:00:00", "to": TO},
        {"from": "2026-09-21T14:00:00 07:00", "to": TO}, {"from": FROM, "to": "2027-09-23T14:00:00Z"},
        {"from": FROM + "x" * 100, "to": TO}, {"from": FROM, "to": TO, "stream": "third"},
        {"from": "<script>", "to": TO}, {"from": "\0", "to": TO},
    ],
    ids=range(18),
)  # fmt: skip
async def test_impossible_intervals(world: World, admin: httpx.AsyncClient, params: dict[str, str]) -> None:
    """422 with the field, before anything is read."""
    camera = await add(admin)
    for noun in ("coverage", "playlist.m3u8", "key-frames", "footage.mp4"):
        answer = await admin.get(f"/api/cameras/{camera['id']}/{noun}", params=params)
        assert answer.status_code == 422, noun
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["field"] in {"from", "to", "stream"}
        assert "<script>" not in answer.text
    assert world.playback.asked == []


async def test_playlist_is_hls_and_written_down(world: World, admin: httpx.AsyncClient) -> None:
    """Its media type is that of HLS; who replayed what is in the audit log; more than six hours is not served."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}/playlist.m3u8"
    answer = await admin.get(path, params={"from": FROM, "to": TO})
    assert (answer.text, answer.headers["content-type"]) == ("#EXTM3U\n", "application/vnd.apple.mpegurl")
    await world.clock.advance(1)
    while (entry := (await world.catalogue.audit.list())[0][0]).action != "footage.replay":
        await asyncio.sleep(0)
    assert (entry.action, entry.subject, entry.detail["stream"]) == ("footage.replay", camera["id"], "main")
    longer = await admin.get(path, params={"from": FROM, "to": "2026-09-21T20:00:01Z"})
    assert (longer.status_code, longer.json()["code"]) == (422, "interval")


async def test_key_frames_of_ten_minutes_at_most(world: World, admin: httpx.AsyncClient) -> None:
    """As bytes that nobody keeps; of nothing it is 404."""
    camera = await add(admin)
    path = f"/api/cameras/{camera['id']}/key-frames"
    params = {"from": FROM, "to": "2026-09-21T14:10:00Z"}
    assert (await admin.get(path, params=params)).status_code == 404
    world.playback.download = put_segment(world, camera["id"])
    answer = await admin.get(path, params=params)
    assert (answer.content, answer.headers["content-type"]) == (DATA, "application/octet-stream")
    assert answer.headers["cache-control"] == "no-store"
    longer = await admin.get(path, params={"from": FROM, "to": "2026-09-21T14:10:01Z"})
    assert (longer.status_code, longer.json()["code"]) == (422, "interval")


async def test_whole_segment_and_ranges(world: World, admin: httpx.AsyncClient) -> None:
    """200 for all, 206 for one range; the browser may keep it, other caches may not."""
    camera = await add(admin)
    file = put_segment(world, camera["id"])
    url = url_of(camera["id"], file)
    whole = await admin.get(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, DATA, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    assert "private" in whole.headers["cache-control"]
    assert "immutable" in whole.headers["cache-control"]
    for header, part, content_range in (
        ("bytes=10-19", DATA[10:20], "bytes 10-19/1024"),
        ("bytes=1000-", DATA[1000:], "bytes 1000-1023/1024"),
        ("bytes=-4", DATA[-4:], "bytes 1020-1023/1024"),
        ("bytes=1000-5000", DATA[1000:], "bytes 1000-1023/1024"),
    ):
        answer = await admin.get(url, headers={"Range": header})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"] == content_range
        assert answer.headers["content-length"] == str(len(part))
    etag = whole.headers["etag"]
    assert (await admin.get(url, headers={"If-None-Match": etag})).status_code == 304
    same = await admin.get(url, headers={"Range": "bytes=0-0", "If-Range": etag})
    other = await admin.get(url, headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=9-5", "bytes=x", "bytes=0-1,2-3", "bytes=-0", "pages=1-2"])
async def test_other_ranges_are_416(world: World, admin: httpx.AsyncClient, header: str) -> None:
    """One range inside the Segment, or nothing."""
    camera = await add(admin)
    answer = await admin.get(url_of(camera["id"], put_segment(world, camera["id"])), headers={"Range": header})
    assert (answer.status_code, answer.json()["code"]) == (416, "range")


async def test_ten_thousand_ranges_are_refused_at_once(world: World, admin: httpx.AsyncClient) -> None:
    """Overlapping or not: 416 in less than 50 ms of work."""
    camera = await add(admin)
    url = url_of(camera["id"], put_segment(world, camera["id"]))
    many = "bytes=" + ",".join(["0-"] * 10_000)
    begun = time.perf_counter()
    answer = await admin.get(url, headers={"Range": many})
    assert answer.status_code == 416
    assert time.perf_counter() - begun < 0.5


async def test_open_segment_is_not_kept(world: World, admin: httpx.AsyncClient) -> None:
    """It still grows."""
    camera = await add(admin)
    answer = await admin.get(url_of(camera["id"], put_segment(world, camera["id"], state=SegmentState.OPEN)))
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_segment_of_another_camera_is_not_there(world: World, admin: httpx.AsyncClient) -> None:
    """The address names the camera, and rights go by it."""
    camera, other = await add(admin), await add(admin)
    url = url_of(camera["id"], put_segment(world, camera["id"]))
    assert (await admin.get(url)).status_code == 200
    wrong = (
        url.replace(camera["id"], other["id"]), url.replace("3.mp4", "4.mp4"), url.replace("3.mp4", "-1.mp4"),
        url.replace("3.mp4", "99999999999999999999.mp4"), url.replace("3.mp4", "%2e%2e%2fx.mp4"),
        url_of(new_id(), put_segment(world, camera["id"])),
    )  # fmt: skip
    for address in wrong:
        assert (await admin.get(address)).status_code in {404, 422}, address


async def test_footage_of_a_removed_camera_stays(world: World, admin: httpx.AsyncClient) -> None:
    """Until its retention is over."""
    camera = await add(admin)
    url = url_of(camera["id"], put_segment(world, camera["id"]))
    await admin.delete(f"/api/cameras/{camera['id']}")
    assert (await admin.get(url)).status_code == 200


async def test_download_is_one_named_file(world: World, admin: httpx.AsyncClient) -> None:
    """Streamed as an attachment with a name that says what it is; written down."""
    camera = await add(admin, name="Pasar Besar")
    path = f"/api/cameras/{camera['id']}/footage.mp4"
    nothing = await admin.get(path, params={"from": FROM, "to": TO})
    assert (nothing.status_code, nothing.json()["detail"]) == (404, "nothing is recorded in this interval")
    world.playback.download = put_segment(world, camera["id"], data=DATA * 1000)
    answer = await admin.get(path, params={"from": "2026-09-21T21:00:00+07:00", "to": TO})
    assert (answer.status_code, answer.content) == (200, DATA * 1000)
    name = "sampit-pasar-besar-20260921T140000Z-20260921T150000Z.mp4"
    assert answer.headers["content-disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert answer.headers["cache-control"] == "no-store"
    entry = (await world.catalogue.audit.list())[0][0]
    assert (entry.action, entry.subject) == ("footage.download", camera["id"])
    longer = await admin.get(path, params={"from": FROM, "to": "2026-09-22T14:00:01Z"})
    assert longer.status_code == 422


def test_names_of_downloads() -> None:
    """The site is named once."""
    hour = Interval(FROM_NS, FROM_NS + HOUR_NS)
    assert download_name("kapuas", "gate", hour) == "kapuas-gate-20260921T140000Z-20260921T150000Z.mp4"
    assert download_name("", "gate", hour).startswith("gate-2026")


async def test_what_cannot_be_read_is_a_problem_and_never_a_short_file(world: World, admin: httpx.AsyncClient) -> None:
    """Before the first byte: 404. After it: the connection is cut, so that nobody takes the part for the whole."""
    camera = await add(admin)
    path, params = f"/api/cameras/{camera['id']}/footage.mp4", {"from": FROM, "to": TO}
    world.playback.download = put_segment(world, camera["id"], data=DATA * 1000)
    world.playback.download.breaks_at = 0
    answer = await admin.get(path, params=params)
    assert (answer.status_code, answer.json()["code"]) == (404, "object_missing")
    world.playback.download.breaks_at = 300_000
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(path, params=params)
        assert (await client.get("/api/session")).status_code == 200


async def _begin(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, Any]:
    request = client.build_request("GET", path, params={"from": FROM, "to": TO})
    answer = await client.send(request, stream=True)
    parts = answer.aiter_raw()
    await anext(parts)
    return answer, parts


async def test_downloads_are_bounded_and_end_with_the_client_or_the_session(world: World) -> None:
    """One block at a time, four at once per person; who leaves frees a place, who signs out is cut."""
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        await sign_in(client)
        camera = await add(client)
        path = f"/api/cameras/{camera['id']}/footage.mp4"
        big = world.playback.download = put_segment(world, camera["id"], data=bytes(60_000_000))
        running = [await _begin(client, path) for _ in range(4)]
        assert big.taken * big.block < 4 * 30_000_000
        refused = await client.get(path, params={"from": FROM, "to": TO})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
        await running.pop()[0].aclose()
        for _ in range(200):
            if world.parts.downloads._held.total() == 3:
                break
            await asyncio.sleep(0.01)
        assert world.parts.downloads._held.total() == 3
        await client.delete("/api/session")
        for answer, parts in running:
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in parts:
                    pass
            await answer.aclose()
        for _ in range(200):
            if not world.parts.downloads._held:
                break
            await asyncio.sleep(0.01)
        assert not world.parts.downloads._held


async def test_a_client_that_does_not_read_is_let_go(world: World) -> None:
    """An answer that nobody takes is ended, and its place is free again."""
    limits = ConnectionLimits(stall_s=0.3)
    async with serving(world, limits=limits) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        camera = await add(client)
        world.playback.download = put_segment(world, camera["id"], data=bytes(60_000_000))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1000)
        target = f"/api/cameras/{camera['id']}/footage.mp4?from={FROM}&to={TO}"
        cookie = f"vms_session={client.cookies['vms_session']}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 5)
        assert world.parts.downloads._held.total() == 1
        async with asyncio.timeout(10):
            while world.parts.downloads._held:
                await asyncio.sleep(0.02)
        writer.close()
