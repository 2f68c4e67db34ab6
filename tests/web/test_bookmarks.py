"""Bookmarks over HTTP: marked, noted, listed, narrowed, paged, deleted; and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_cameras import add
from web.times import format_time

SECOND_NS = 10**9


async def mark(admin: httpx.AsyncClient, camera: dict[str, Any], at_ns: int, note: str = "") -> dict[str, Any]:
    """One that is kept."""
    made = await admin.post("/api/bookmarks", json={"camera": camera["id"], "at": format_time(at_ns), "note": note})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def listed(admin: httpx.AsyncClient, **params: Any) -> list[str]:
    """Ids of what is answered."""
    answer = await admin.get("/api/bookmarks", params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_a_moment_is_marked_noted_and_deleted(world: World, admin: httpx.AsyncClient) -> None:
    """At once and without a note; the note comes later; each step stands in the audit log."""
    camera, now = await add(admin), world.clock.now_ns()
    one = await mark(admin, camera, now - 10 * SECOND_NS)
    path = f"/api/bookmarks/{one['id']}"
    assert (one["note"], one["at"], one["created_at"]) == ("", format_time(now - 10 * SECOND_NS), format_time(now))
    assert one["camera"] == {"id": camera["id"], "name": camera["name"]}
    assert (one["site"]["slug"], one["person"]["name"]) == (SITE.slug, "Admin")
    changed = await admin.patch(path, json={"note": "  Motor merah, dua orang  "})
    assert (changed.status_code, changed.json()["note"]) == (200, "Motor merah, dua orang")
    assert (await admin.get(path)).json() == changed.json()
    assert (await admin.delete(path)).status_code == 204
    for gone in (await admin.get(path), await admin.delete(path), await admin.patch(path, json={"note": "x"})):
        assert (gone.status_code, gone.json()["reason"]) == (404, "bookmark_gone")
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert {"bookmark.add", "bookmark.change", "bookmark.remove"} <= set(actions)


async def test_they_are_narrowed_and_paged(world: World, admin: httpx.AsyncClient) -> None:
    """By moment, camera and site, newest first, each once; those of a removed camera stay."""
    here = await add(admin)
    there = await add(admin, site=OTHER_SITE.id, name="Dermaga", slug=None)
    now = world.clock.now_ns()
    made = [(await mark(admin, there if i % 2 else here, now - i // 2 * SECOND_NS))["id"] for i in range(7)]
    assert sorted(await listed(admin)) == sorted(made)
    assert (
        set(await listed(admin, camera=there["id"])) == set(made[1::2]) == set(await listed(admin, site=OTHER_SITE.id))
    )
    times = {"from": format_time(now - 2 * SECOND_NS), "to": format_time(now)}
    assert set(await listed(admin, **times)) == set(made[2:6])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = (await admin.get("/api/bookmarks", params=params)).json()
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == await listed(admin)
    assert (await admin.delete(f"/api/cameras/{here['id']}")).status_code == 204
    assert set(await listed(admin, camera=here["id"])) == set(made[0::2])


async def test_a_clock_a_little_ahead_marks_now(world: World, admin: httpx.AsyncClient) -> None:
    """A wall whose clock is some seconds ahead still marks; what is yet to come is refused."""
    camera, now = await add(admin), world.clock.now_ns()
    assert (await mark(admin, camera, now + 5 * SECOND_NS))["at"] == format_time(now)
    late = {"camera": camera["id"], "at": format_time(now + 60 * SECOND_NS)}
    refused = await admin.post("/api/bookmarks", json=late)
    assert (refused.status_code, refused.json()["reason"]) == (422, "bookmark_ahead")


@pytest.mark.parametrize(
    "change",
    [
        {"camera": "a" * 16}, {"camera": "x"}, {"camera": None}, {"at": "yesterday"}, {"at": None}, {"at": 1},
        {"at": "1960-01-01T00:00:00Z"}, {"note": "x" * 501}, {"note": "x" * 100_000}, {"note": "a\0b"},
        {"note": "a\u202eb"}, {"note": 7}, {"person": "p"}, {"id": "a" * 16},
    ],
)  # fmt: skip
async def test_what_cannot_be_marked_is_refused(world: World, admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """In problem details; nothing is kept."""
    body = {"camera": (await add(admin))["id"], "at": format_time(world.clock.now_ns())} | change
    answer = await admin.post("/api/bookmarks", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert await listed(admin) == []


@pytest.mark.parametrize(
    "params",
    [
        {"from": "yesterday"}, {"from": "2026-09-21T14:00:00Z", "to": "2026-09-21T13:00:00Z"}, {"site": "x"},
        {"site": "a" * 16}, {"camera": "x"}, {"limit": 0}, {"limit": 501}, {"cursor": "x"}, {"cursor": "WyIxIiwiMiJd"},
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(admin: httpx.AsyncClient, params: dict[str, Any]) -> None:
    """As everywhere."""
    answer = await admin.get("/api/bookmarks", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_they_are_for_who_is_signed_in(client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    """Nobody else reads, marks or deletes; and all of it is described."""
    assert (await client.get("/api/bookmarks")).status_code == 401
    assert (await client.post("/api/bookmarks", json={})).status_code == 401
    paths = (await admin.get("/api/openapi.json")).json()["paths"]
    assert set(paths["/api/bookmarks"]) == {"get", "post"}
    assert set(paths["/api/bookmarks/{bookmark_id}"]) == {"get", "patch", "delete"}
