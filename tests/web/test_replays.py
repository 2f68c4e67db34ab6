"""What a replay leaves in the audit log: one line, whatever the player asks for on its way."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.web.conftest import World
from tests.web.test_cameras import add
from tests.web.test_playback import DATA, put_segment
from vms.domain.audit import AuditEntry

DAY = "2026-09-21T"


async def _said(world: World, count: int) -> list[AuditEntry]:
    """The lines of replays, oldest first, once there are so many."""
    async with asyncio.timeout(5):
        while True:
            found = [one for one in (await world.catalogue.audit.list())[0] if one.action == "footage.replay"]
            if len(found) >= count:
                return found[::-1]
            await asyncio.sleep(0.01)


async def _look(
    client: httpx.AsyncClient, camera: dict[str, Any], start: str, end: str, noun: str = "playlist.m3u8"
) -> None:
    params = {"from": f"{DAY}{start}Z", "to": f"{DAY}{end}Z"}
    answer = await client.get(f"/api/cameras/{camera['id']}/{noun}", params=params)
    assert answer.status_code == 200, answer.text


async def test_several_cameras_are_one_line(world: World, admin: httpx.AsyncClient) -> None:
    """With all cameras and the whole interval; seeks within it say nothing more, key frames neither."""
    one, other = await add(admin), await add(admin)
    world.playback.download = put_segment(world, one["id"], data=DATA)
    for camera in (one, other):
        await _look(admin, camera, "14:00:00", "14:03:00")
        await _look(admin, camera, "14:03:00", "14:06:00")
        await _look(admin, camera, "14:01:00", "14:02:00")
    await _look(admin, one, "14:02:00", "14:03:00", "key-frames")
    await world.clock.advance(1)
    (line,) = await _said(world, 1)
    assert (line.person, line.subject) == (world.admin.id, "")
    assert line.detail == {
        "cameras": sorted([one["id"], other["id"]]), "stream": "main",
        "start": "2026-09-21T14:00:00.000Z", "end": "2026-09-21T14:06:00.000Z",
    }  # fmt: skip
    await _look(admin, one, "14:00:00", "14:06:00")
    await world.clock.advance(400)
    assert len(await _said(world, 1)) == 1


async def test_what_it_reaches_later_is_gathered(world: World, admin: httpx.AsyncClient) -> None:
    """In a line five minutes later; a replay after a pause is another one; what is gathered is written at the end."""
    camera = await add(admin)
    await _look(admin, camera, "14:00:00", "14:03:00")
    await world.clock.advance(1)
    await _said(world, 1)
    await _look(admin, camera, "14:03:00", "14:06:00")
    await _look(admin, camera, "18:00:00", "18:03:00")
    await world.clock.advance(299)
    assert len(await _said(world, 1)) == 1
    await world.clock.advance(2)
    later = (await _said(world, 2))[1]
    assert (later.subject, later.detail["start"], later.detail["end"]) == (
        camera["id"], "2026-09-21T14:03:00.000Z", "2026-09-21T18:03:00.000Z",
    )  # fmt: skip
    assert len(later.detail["parts"]) == 2
    await world.clock.advance(700)
    await _look(admin, camera, "14:00:00", "14:03:00")
    await world.parts.stop()
    assert (await _said(world, 3))[2].detail["end"] == "2026-09-21T14:03:00.000Z"
