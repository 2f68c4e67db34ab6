"""Cases and Holds over HTTP: who sees which; what is held, taken off and put back; what belongs to them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_cameras import add
from tests.web.test_exports import body as export_body
from tests.web.test_rights import camera_at, signed_in
from vms.domain.rights import Grant, PersonRole
from web.times import format_time

INVESTIGATOR = Grant(PersonRole.INVESTIGATOR, SITE.id)
SPAN = {"from": "2026-11-23T07:00:00Z", "to": "2026-11-23T09:00:00Z"}


async def opened(client: httpx.AsyncClient, title: str = "Pasar", **more: Any) -> dict[str, Any]:
    """A new case."""
    answer = await client.post("/api/cases", json={"title": title, **more})
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


async def actions(world: World) -> list[str]:
    """What the audit log has, the oldest first."""
    return [entry.action for entry in (await world.catalogue.audit.list())[0]][::-1]


async def test_a_case_is_seen_by_its_people(world: World, admin: httpx.AsyncClient) -> None:
    """And by admins of everything; members add, owners say who sees it; a number each; all in the audit log."""
    async with signed_in(world, INVESTIGATOR) as one, signed_in(world, INVESTIGATOR) as two:
        case = await opened(one, description="Baris satu\nbaris dua")
        assert (case["number"], case["state"], case["may_change"]) == ("2026-0001", "open", True)
        assert (await opened(two))["number"] == "2026-0002"
        path = f"/api/cases/{case['id']}"
        for other, seen in ((two, False), (admin, True)):
            assert (await other.get(path)).status_code == (200 if seen else 404)
            assert (await other.post(f"{path}/notes", json={"text": "x"})).status_code == (201 if seen else 404)
        assert [item["number"] for item in (await two.get("/api/cases")).json()["items"]] == ["2026-0002"]
        assert len((await admin.get("/api/cases")).json()["items"]) == 2
        me = (await two.get("/api/session")).json()["person"]["id"]
        assert me in {person["id"] for person in (await one.get("/api/cases/people")).json()["items"]}
        people = [{"person": case["person"]["id"], "role": "owner"}, {"person": me, "role": "member"}]
        shared = await one.patch(path, json={"rev": 1, "people": people})
        assert shared.status_code == 200, shared.text
        assert (await two.get(path)).json()["may_change"] is False
        refused = await two.patch(path, json={"rev": 2, "title": "Mine"})
        assert (refused.status_code, refused.json()["reason"]) == (403, "case_not_owner")
        await world.clock.advance(1)
        assert (await two.post(f"{path}/notes", json={"text": "Saksi\nmenelepon"})).status_code == 201
        assert [note["text"] for note in (await one.get(f"{path}/notes")).json()["items"]] == ["Saksi\nmenelepon", "x"]
        stale = await one.patch(path, json={"rev": 1, "title": "Late"})
        assert (stale.status_code, stale.json()["reason"]) == (409, "case_changed")
        closed = await one.patch(path, json={"rev": 2, "state": "closed"})
        assert closed.json()["closed_at"] == format_time(world.clock.now_ns())
        assert (await two.post(f"{path}/notes", json={"text": "y"})).json()["reason"] == "case_closed"
        assert [item["state"] for item in (await one.get("/api/cases?state=closed")).json()["items"]] == ["closed"]
        assert (await one.get("/api/cases?state=open")).json()["items"] == []
    assert [action for action in await actions(world) if action.startswith("case.")] == [
        "case.add", "case.add", "case.note", "case.change", "case.note", "case.change",
    ]  # fmt: skip


async def test_footage_is_held_let_go_and_held_again(world: World, admin: httpx.AsyncClient) -> None:
    """One hold a camera, also without an end; others learn that it is held, not why; for an hour it can be put back."""
    camera = await camera_at(admin, SITE.id, "Pasar")
    async with signed_in(world, INVESTIGATOR) as one, signed_in(world, Grant(PersonRole.OPERATOR, SITE.id)) as viewer:
        case = await opened(one)
        path = f"/api/cases/{case['id']}/holds"
        body = {"cameras": [camera], **SPAN, "reason": "Permintaan Polres"}
        held = await one.post(path, json=body)
        assert held.status_code == 201, held.text
        (hold,) = held.json()["items"]
        assert (hold["case_number"], hold["camera_name"], hold["to"]) == (
            "2026-0001",
            "Pasar",
            "2026-11-23T09:00:00.000Z",
        )
        await one.post(path, json=body | {"to": None, "from": "2030-01-01T00:00:00Z"})
        asked = {"cameras": camera, **SPAN}
        (seen,) = (await one.get("/api/holds", params=asked)).json()["items"]
        assert seen == hold
        (other,) = (await viewer.get("/api/holds", params=asked)).json()["items"]
        assert (other["from"], other["case"], other["case_number"], other["reason"]) == (hold["from"], None, None, "")
        for who, number in ((one, "2026-0001"), (viewer, "")):
            (strip,) = (await who.get("/api/timeline", params=asked)).json()["cameras"]
            assert strip["holds"] == [{"id": hold["id"], "case_number": number, "start": 0, "end": 7_200_000}]
        late = {"cameras": camera, "from": "2040-01-01T00:00:00Z", "to": "2041-01-01T00:00:00Z"}
        assert [item["to"] for item in (await one.get("/api/holds", params=late)).json()["items"]] == [None]
        assert (await one.get(f"/api/cases/{case['id']}")).json()["holds"] == 2
        assert (await viewer.delete(f"/api/holds/{hold['id']}")).status_code == 403
        async with signed_in(world, INVESTIGATOR) as stranger:
            assert (await stranger.delete(f"/api/holds/{hold['id']}")).status_code == 404
        assert (await one.delete(f"/api/holds/{hold['id']}")).status_code == 204
        assert (await one.delete(f"/api/holds/{hold['id']}")).status_code == 204
        await world.clock.advance(3599)
        (lifted,) = (await one.get("/api/holds", params=asked)).json()["items"]
        assert (lifted["removed_at"], lifted["holds_until"]) != (None, None)
        assert (await one.post(f"/api/holds/{hold['id']}/restore")).json()["removed_at"] is None
        assert (await one.delete(f"/api/holds/{hold['id']}")).status_code == 204
        await world.clock.advance(3600)
        assert (await one.get("/api/holds", params=asked)).json()["items"] == []
        again = await one.post(f"/api/holds/{hold['id']}/restore")
        assert (again.status_code, again.json()["reason"]) == (409, "hold_let_go")
        assert len((await one.get(path)).json()["items"]) == 2
    told = [action for action in await actions(world) if action.startswith("hold.")]
    assert told == ["hold.add", "hold.add", "hold.remove", "hold.restore", "hold.remove"]
    entry = next(one for one in (await world.catalogue.audit.list())[0] if one.action == "hold.add")
    assert {"number", "cameras", "start", "end", "reason"} <= set(entry.detail)


async def test_nobody_holds_what_they_may_not_see(world: World, admin: httpx.AsyncClient) -> None:
    """Cameras elsewhere are not there; on one that may be replayed the right to investigate is asked too."""
    other = await camera_at(admin, OTHER_SITE.id, "Pelabuhan")
    async with signed_in(world, INVESTIGATOR) as one:
        path = f"/api/cases/{(await opened(one))['id']}/holds"
        refused = await one.post(path, json={"cameras": [other], **SPAN, "reason": "x"})
        assert (refused.status_code, refused.json()["reason"]) == (422, "camera_gone")
        assert (await one.get("/api/holds", params={"cameras": other, **SPAN})).status_code == 422
    async with signed_in(world, INVESTIGATOR, Grant(PersonRole.OPERATOR, OTHER_SITE.id)) as one:
        path = f"/api/cases/{(await opened(one))['id']}/holds"
        refused = await one.post(path, json={"cameras": [other], **SPAN, "reason": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "no_right")
    assert await world.catalogue.holds.in_force(0) == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"title": ""}, "title"),
        ("", {"title": "x" * 201}, "title"),
        ("", {"title": "a\nb"}, "title"),
        ("", {"title": "a", "description": "x" * 4001}, "description"),
        ("", {"title": "a", "description": "a\x1b[31m"}, "description"),
        ("", {"title": "a", "number": "2026-0001"}, "number"),
        ("", {"title": "a", "people": [{"person": "aaaaaaaaaaaaaaaa"}]}, "people"),
        ("", {"title": "a", "people": [{"person": "x", "role": "king"}]}, "people.0.role"),
        ("/notes", {"text": "  \n "}, "text"),
        ("/notes", {"text": "\ud800"}, ""),
        ("/holds", {"cameras": [], **SPAN, "reason": "x"}, "cameras"),
        ("/holds", {"cameras": ["aaaaaaaaaaaaaaaa"], **SPAN, "reason": "x"}, "cameras"),
        ("/holds", {"cameras": ["CAMERA"] * 65, **SPAN, "reason": "x"}, "cameras"),
        ("/holds", {"cameras": ["CAMERA"], **SPAN, "reason": ""}, "reason"),
        ("/holds", {"cameras": ["CAMERA"], **SPAN}, "reason"),
        ("/holds", {"cameras": ["CAMERA"], "from": SPAN["from"], "reason": "x"}, "to"),
        ("/holds", {"cameras": ["CAMERA"], "from": "yesterday", "to": None, "reason": "x"}, "from"),
        ("/holds", {"cameras": ["CAMERA"], "from": SPAN["to"], "to": SPAN["from"], "reason": "x"}, "to"),
    ],
)
async def test_what_cannot_be_is_refused(
    world: World, admin: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    """With the field named, and nothing is there after it."""
    case, camera = await opened(admin), await add(admin)
    before = await actions(world)
    if "CAMERA" in body.get("cameras", ()):
        body = body | {"cameras": [camera["id"]] * len(body["cameras"])}
    address = f"/api/cases/{case['id']}{path}" if path else "/api/cases"
    answer = await admin.post(address, json=body) if field else await admin.post(address, content=b'{"text":"\\ud800"}')
    assert 400 <= answer.status_code < 500, answer.text
    problem = answer.json()
    assert not field or field in {problem.get("field"), *(one["field"] for one in problem.get("errors") or [])}, problem
    assert len((await admin.get("/api/cases")).json()["items"]) == 1
    assert await world.catalogue.holds.in_force(0) == []
    assert (await admin.get(f"/api/cases/{case['id']}/notes")).json()["items"] == []
    assert [action for action in await actions(world) if action != "refused"] == before


async def test_bookmarks_and_exports_belong_to_a_case(world: World, admin: httpx.AsyncClient) -> None:
    """They name it to who sees it, are listed by it, and none goes into one that is closed or another's."""
    camera = await add(admin)
    async with signed_in(world, INVESTIGATOR) as one, signed_in(world, INVESTIGATOR) as two:
        case = await opened(one)
        ref = {name: case[name] for name in ("id", "number", "title")}
        at = format_time(world.clock.now_ns())
        mark = await one.post("/api/bookmarks", json={"camera": camera["id"], "at": at, "case": case["id"]})
        assert mark.json()["case"] == ref
        path = f"/api/bookmarks/{mark.json()['id']}"
        assert (await two.get(path)).json()["case"] is None
        assert (await two.patch(path, json={"case": None})).json()["reason"] == "case_not_yours"
        assert (await two.delete(path)).json()["reason"] == "case_not_yours"
        assert (await two.patch(path, json={"note": "gelap"})).json()["note"] == "gelap"
        assert (await one.patch(path, json={"case": None})).json()["case"] is None
        assert (await one.patch(path, json={"case": case["id"]})).json()["note"] == "gelap"
        asked = await export_body(world, camera, case=case["id"])
        made = await one.post("/api/exports", json=asked)
        assert made.json()["case"] == ref
        assert (await two.get(made.headers["Location"])).json()["case"] is None
        await one.post("/api/exports", json=await export_body(world, camera))
        for what in ("bookmarks", "exports"):
            assert len((await one.get(f"/api/{what}?case={case['id']}")).json()["items"]) == 1
            assert (await two.get(f"/api/{what}?case={case['id']}")).status_code == 404
        refused = await two.post("/api/exports", json=asked)
        assert (refused.status_code, refused.json()["reason"]) == (422, "case_gone")
        await one.patch(f"/api/cases/{case['id']}", json={"rev": 1, "state": "closed"})
        refused = await one.post("/api/exports", json=asked)
        assert (refused.status_code, refused.json()["field"], refused.json()["reason"]) == (422, "case", "case_closed")
