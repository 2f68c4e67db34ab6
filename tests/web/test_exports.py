"""Exports over HTTP: asked for, followed, cancelled, downloaded; and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import World
from tests.web.test_cameras import add
from vms.bus.base import Value
from vms.domain.job import JobKind
from web.times import format_time

SECOND_NS = 10**9
ZIP = bytes(range(256)) * 5000


async def body(world: World, camera: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A minute of a camera."""
    now = world.clock.now_ns()
    times = {"from": format_time(now - 70 * SECOND_NS), "to": format_time(now - 10 * SECOND_NS)}
    return {"cameras": [camera["id"]], **times, "reason": "Kasus 12/2026", **changes}


async def test_an_export_is_asked_for_made_and_taken_away(world: World, admin: httpx.AsyncClient) -> None:
    """202 and a Job; once its exporter says so, the package whole and by ranges; all of it in the audit log."""
    camera = await add(admin)
    queued = world.bus.subscribe("job.queued")
    wanted = {"kind": "burned", "masked": True}
    made = await admin.post("/api/exports", json=await body(world, camera, derivative=wanted))
    assert made.status_code == 202, made.text
    assert made.json()["derivative"] == wanted
    one, path = made.json(), made.headers["Location"]
    assert (one["state"], one["progress"], one["package"], one["reason"]) == ("queued", 0, None, "Kasus 12/2026")
    assert (await queued.get())[1] == {"job": one["id"]}
    assert (await admin.get(f"{path}/package")).json()["reason"] == "export_not_done"
    jobs = world.catalogue.jobs
    await jobs.take(JobKind.EXPORT, "node222222222222", world.clock.now_ns())
    assert await jobs.progress(one["id"], 250_000)
    assert (await admin.get(path)).json()["progress"] == 0.25
    result = {"size_bytes": len(ZIP), "manifest_sha256": "ab" * 32, "signer": "cd" * 32}
    assert await jobs.done(one["id"], result, world.clock.now_ns(), world.clock.now_ns() + SECOND_NS)

    async def read(value: Value) -> Value:
        return {"data": ZIP[value["offset"] : value["offset"] + value["length"]]}

    world.bus.serve("exports.read.node222222222222", read)
    done = (await admin.get("/api/exports")).json()["items"][0]
    assert (done["state"], done["progress"], done["package"]["size_bytes"]) == ("done", 1, len(ZIP))
    whole = await admin.get(f"{path}/package")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, ZIP, "application/zip")
    assert done["package"]["name"] in whole.headers["content-disposition"]
    part = await admin.get(
        f"{path}/package", headers={"Range": "bytes=450000-900000", "If-Range": whole.headers["etag"]}
    )
    assert (part.status_code, part.content) == (206, ZIP[450_000:900_001])
    assert (await admin.get(f"{path}/package", headers={"Range": "bytes=9999999-"})).status_code == 416
    await jobs.emptied(one["id"])
    assert (await admin.get(f"{path}/package")).json()["reason"] == "export_gone"
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert {"export.add", "export.download"} <= set(actions)


async def test_one_that_waits_or_runs_can_be_cancelled(world: World, admin: httpx.AsyncClient) -> None:
    """Once; who made it hears at its next word that nobody wants it."""
    made = await admin.post("/api/exports", json=await body(world, await add(admin)))
    path, jobs = made.headers["Location"], world.catalogue.jobs
    job = await jobs.take(JobKind.EXPORT, "node222222222222", world.clock.now_ns())
    assert job is not None
    assert (await admin.delete(path)).status_code == 204
    assert not await jobs.progress(job.id, 1)
    assert not await jobs.done(job.id, {"size_bytes": 1}, 1, None)
    again = await admin.delete(path)
    assert (again.status_code, again.json()["reason"]) == (409, "export_ended")
    assert (await admin.get(path)).json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cameras": []}, "cameras"),
        ({"cameras": ["aaaaaaaaaaaaaaaa"]}, "cameras"),
        ({"cameras": ["../../etc"]}, "cameras.0"),
        ({"cameras": "all"}, "cameras"),
        ({"cameras": ["aaaaaaaaaaaaaaaa"] * 65}, "cameras"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2020-01-01T00:00:00Z"}, "to"),
        ({"to": "2199-01-01T00:00:00Z"}, "to"),
        ({"from": "2000-01-01T00:00:00Z"}, "to"),
        ({"stream": "third"}, "stream"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "a\x1b[31m"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"path": "/etc"}, ""),
        ({"derivative": {"kind": "animated"}}, "derivative.kind"),
        ({"derivative": {"kind": "composite"}}, "derivative"),
    ],
)
async def test_what_cannot_be_exported_is_refused(
    world: World, admin: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    """With the field named, and no Job is there."""
    answer = await admin.post("/api/exports", json=await body(world, await add(admin), **changes))
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert field in {problem.get("field"), *(one["field"] for one in problem.get("errors") or [])}, problem
    assert (await admin.get("/api/exports")).json()["items"] == []


async def test_they_are_paged_and_bounded(world: World, admin: httpx.AsyncClient) -> None:
    """Newest first, each once; who has twenty that wait is told so."""
    wanted, made = await body(world, await add(admin)), []
    for _ in range(20):
        made.append((await admin.post("/api/exports", json=wanted)).json()["id"])
        await world.clock.advance(1)
    many = await admin.post("/api/exports", json=wanted)
    assert (many.status_code, many.json()["reason"]) == (429, "exports_many")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await admin.get("/api/exports", params={"limit": 7} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    for bad in ("x", "eyJhIjoxfQ"):
        assert (await admin.get("/api/exports", params={"cursor": bad})).status_code == 422


@pytest.mark.parametrize("export", ["aaaaaaaaaaaaaaaa", "x", "AAAAAAAAAAAAAAAA"])
async def test_there_is_no_such_export(world: World, admin: httpx.AsyncClient, export: str) -> None:
    """Whatever is asked of it."""
    for answer in (
        await admin.get(f"/api/exports/{export}"),
        await admin.get(f"/api/exports/{export}/package"),
        await admin.delete(f"/api/exports/{export}"),
    ):
        assert answer.status_code == 404
