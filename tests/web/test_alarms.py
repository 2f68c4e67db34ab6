"""Alarms and rules over HTTP: raised by hand, acknowledged, listed, narrowed, tried, changed; and what is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import text

from tests.web.conftest import CHEAP, OTHER_SITE, PASSWORD, SITE, World, sign_in
from tests.web.screens import pair
from tests.web.test_cameras import add
from tests.web.test_events import T0, put
from vms.clock import NS_PER_S
from vms.domain.event import EventKind
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING, Grant, PersonRole
from vms.domain.rule import Rule
from web.security.passwords import hash_password

RULE = {"name": "Gerak di dermaga", "kinds": ["motion"], "priority": 1, "cooldown_s": 60}


async def raised(admin: httpx.AsyncClient, camera: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One by hand."""
    answer = await admin.post("/api/alarms", json={"camera": camera["id"]} | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def listed(admin: httpx.AsyncClient, **params: Any) -> list[str]:
    """Ids of what is answered."""
    answer = await admin.get("/api/alarms", params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


@asynccontextmanager
async def colleague(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Another operator, signed in."""
    await world.catalogue.people.put(
        Person(new_id(), "rina", "Rina", hash_password(PASSWORD, CHEAP), grants=EVERYTHING.grants)
    )
    async with world.client() as client:
        await sign_in(client, "rina")
        yield client


async def test_an_alarm_is_raised_and_acknowledged(world: World, admin: httpx.AsyncClient) -> None:
    """By one person for all, who hear of both at once; another is told who was first; each step is in the audit log."""
    camera = await add(admin)
    told = world.bus.subscribe("alarm.changed")
    one = await raised(admin, camera, note="  Asap di dermaga ", priority=1)
    assert (one["kind"], one["state"], one["note"], one["event"]) == ("by_hand", "raised", "Asap di dermaga", None)
    assert (one["camera"]["name"], one["site"]["slug"], one["raised_by"]["name"]) == (
        camera["name"],
        SITE.slug,
        "Admin",
    )
    assert (await admin.get("/api/alarms")).json()["raised"] == {"p1": 1, "p2": 0, "p3": 0}
    async with colleague(world) as rina:
        path = f"/api/alarms/{one['id']}/acknowledgement"
        taken = (await rina.post(path, json={"note": "pemadam sudah ditelepon"})).json()
        assert (taken["state"], taken["over"] is not None) == ("closed", True)
        assert taken["acknowledgement"]["by"]["name"] == "Rina"
        assert (await rina.post(path, json={})).json() == taken
        refused = await admin.post(path, json={"note": "x"})
        assert (refused.status_code, refused.json()["reason"]) == (409, "alarm_acknowledged")
    assert (await admin.get(f"/api/alarms/{one['id']}")).json() == taken
    assert [(await told.get())[1] for _ in range(2)] == [{"ids": [one["id"]]}] * 2
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert {"alarm.raise", "alarm.acknowledge"} <= set(actions)


async def test_several_are_taken_on_at_once(world: World, admin: httpx.AsyncClient) -> None:
    """What another took on stays theirs; where one is not there none is taken on; who may not operate takes none."""
    camera = await add(admin)
    ids = [(await raised(admin, camera))["id"] for _ in range(4)]
    async with colleague(world) as rina:
        await rina.post(f"/api/alarms/{ids[0]}/acknowledgement", json={})
    path = "/api/alarms/acknowledgements"
    for bad, status in (
        ({"alarms": [*ids, new_id()]}, 404), ({"alarms": []}, 422), ({"alarms": ["../x"]}, 422), ({}, 422),
        ({"alarms": [new_id() for _ in range(201)]}, 422), ({"alarms": ids, "note": "x" * 501}, 422),
    ):  # fmt: skip
        assert (await admin.post(path, json=bad)).status_code == status
    name = f"p{new_id()}"
    viewer = Person(new_id(), name, name, hash_password(PASSWORD, CHEAP), grants=(Grant(PersonRole.VIEWER),))
    await world.catalogue.people.put(viewer)
    async with world.client() as client:
        await sign_in(client, name)
        assert (await client.post(path, json={"alarms": ids})).status_code == 403
    assert len(await listed(admin, state="raised")) == 3
    told = world.bus.subscribe("alarm.changed")
    answer = await admin.post(path, json={"alarms": [*ids, ids[1]], "note": "jalur putus"})
    assert (answer.status_code, answer.json()) == (200, {"taken": 3, "others": 1})
    assert (await told.get())[1] == {"ids": ids[1:]}
    by = [(await admin.get(f"/api/alarms/{one}")).json()["acknowledgement"] for one in ids]
    assert [(one["by"]["name"], one["note"]) for one in by] == [("Rina", "")] + [("Admin", "jalur putus")] * 3
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert actions.count("alarm.acknowledge") == 4


async def test_an_alarm_of_a_rule_has_its_event(world: World, admin: httpx.AsyncClient) -> None:
    """With what the event says, and nothing secret."""
    camera = await add(admin)
    down = await put(world, 0, 60, site=SITE.id, camera=camera["id"], params={"why": "rtsp://u:secret@10.0.0.1/x"})
    rule = Rule(new_id(), "Kamera putus", ("camera_down",))
    alarm = await world.catalogue.alarms.raise_of(rule, down, T0 + 30 * NS_PER_S)
    assert alarm is not None
    await world.catalogue.alarms.end_over(T0 + 61 * NS_PER_S)
    answer = await admin.get(f"/api/alarms/{alarm.id}")
    shown = answer.json()
    assert shown["event"]["start"] == "2026-09-21T14:13:20.000Z"
    assert (shown["raised"], shown["over"]) == ("2026-09-21T14:13:50.000Z", "2026-09-21T14:14:20.000Z")
    assert (shown["rule"], shown["state"]) == ({"id": rule.id, "name": "Kamera putus"}, "raised")
    assert "secret" not in answer.text


async def test_they_are_narrowed_and_paged(world: World, admin: httpx.AsyncClient) -> None:
    """By state, priority, camera, site, time and what is typed; newest first, each once."""
    here, there = await add(admin), await add(admin, site=OTHER_SITE.id, name="Dermaga Barito", slug=None)
    made = []
    for i in range(7):
        made.append((await raised(admin, there if i % 2 else here, priority=i % 3 + 1, note=f"nomor {i}"))["id"])
        await world.clock.advance(1)
    await admin.post(f"/api/alarms/{made[0]}/acknowledgement", json={"note": "sudah aman"})
    newest = made[::-1]
    assert await listed(admin) == newest
    assert await listed(admin, state="raised") == newest[:-1]
    assert await listed(admin, state=["acknowledged", "closed"]) == await listed(admin, q="AMAN") == [made[0]]
    assert await listed(admin, priority=[1]) == [made[6], made[3], made[0]]
    assert (
        await listed(admin, camera=there["id"])
        == await listed(admin, site=OTHER_SITE.id)
        == [made[5], made[3], made[1]]
    )
    assert await listed(admin, q="barito") == [made[5], made[3], made[1]]
    assert await listed(admin, q="nomor 4") == [made[4]]
    assert await listed(admin, q="admin", limit=2) == newest[:2]
    assert await listed(admin, q="%", rule=new_id()) == []
    first = (await admin.get("/api/alarms", params={"limit": 4})).json()
    assert [one["id"] for one in first["items"]] == newest[:4]
    assert await listed(admin, limit=4, cursor=first["next"]) == newest[4:]


BAD: list[tuple[str, str, dict[str, Any] | None, int]] = [
    ("POST", "/api/alarms", {"camera": "CAMERA", "priority": 0}, 422),
    ("POST", "/api/alarms", {"camera": "CAMERA", "priority": "1"}, 422),
    ("POST", "/api/alarms", {"camera": "a" * 16}, 422), ("POST", "/api/alarms", {}, 422),
    ("POST", "/api/alarms", {"camera": "CAMERA", "note": "x" * 501}, 422),
    ("POST", "/api/alarms", {"camera": "CAMERA", "note": "a\u202eb"}, 422),
    ("POST", "/api/alarms", {"camera": "CAMERA", "raised_by": "me"}, 422),
    ("GET", "/api/alarms?state=perhaps", None, 422), ("GET", "/api/alarms?cursor=x", None, 422),
    ("GET", "/api/alarms?camera=x", None, 422), ("GET", "/api/alarms?rule=x", None, 422),
    ("GET", "/api/alarms?site=aaaaaaaaaaaaaaaa", None, 422), ("GET", "/api/alarms?limit=0", None, 422),
    ("GET", "/api/alarms?from=2026-09-21T14:00:00Z&to=2026-09-21T13:00:00Z", None, 422),
    ("GET", "/api/alarms/x", None, 404), ("GET", "/api/alarms/aaaaaaaaaaaaaaaa", None, 404),
    ("POST", "/api/alarms/x/acknowledgement", {}, 404),
    ("POST", "/api/alarms/aaaaaaaaaaaaaaaa/acknowledgement", {}, 404),
    ("POST", "/api/rules", RULE | {"kinds": []}, 422), ("POST", "/api/rules", RULE | {"kinds": ["rain"]}, 422),
    ("POST", "/api/rules", RULE | {"name": " "}, 422), ("POST", "/api/rules", RULE | {"priority": 4}, 422),
    ("POST", "/api/rules", RULE | {"sites": ["a" * 16]}, 422),
    ("POST", "/api/rules", RULE | {"cameras": ["x"]}, 422),
    ("POST", "/api/rules", RULE | {"schedule": {"days": []}}, 422),
    ("POST", "/api/rules", RULE | {"schedule": {"days": [7]}}, 422),
    ("POST", "/api/rules", RULE | {"schedule": {"days": [1], "from_min": 5, "to_min": 5}}, 422),
    ("POST", "/api/rules", RULE | {"min_duration_s": -1}, 422), ("POST", "/api/rules", RULE | {"enabled": 1}, 422),
    ("POST", "/api/rules", RULE | {"cooldown_s": 10**9}, 422), ("POST", "/api/rules/preview", {"name": "x"}, 422),
    ("PATCH", "/api/rules/RULE", {"rev": 2, "name": "y"}, 409), ("PATCH", "/api/rules/RULE", {"name": "y"}, 422),
    ("PATCH", "/api/rules/RULE", {"rev": 1, "cameras": ["a" * 16]}, 422),
    ("PATCH", "/api/rules/aaaaaaaaaaaaaaaa", {"rev": 1}, 404), ("DELETE", "/api/rules/RULE?rev=2", None, 409),
    ("DELETE", "/api/rules/x", None, 404), ("GET", "/api/rules/x", None, 404),
]  # fmt: skip


async def test_bad_input_changes_nothing(admin: httpx.AsyncClient) -> None:
    """A clear 4xx in problem form; the rows stay as they were."""
    camera = await add(admin)
    rule = (await admin.post("/api/rules", json=RULE)).json()
    for method, path, body, status in BAD:
        given = {**(body or {})}
        if given.get("camera") == "CAMERA":
            given["camera"] = camera["id"]
        answer = await admin.request(method, path.replace("RULE", rule["id"]), json=None if body is None else given)
        said = (answer.status_code, answer.headers["content-type"])
        assert said == (status, "application/problem+json"), (method, path, body, answer.text)
    assert await listed(admin) == []
    assert (await admin.get("/api/rules")).json()["items"] == [rule]


async def test_a_rule_is_kept_changed_and_deleted(world: World, admin: httpx.AsyncClient) -> None:
    """With what is given and defaults; looking for something else it begins anew; each change is told and audited."""
    camera = await add(admin)
    told = world.bus.subscribe("rule.changed")
    schedule = {"days": [0, 4], "from_min": 1320, "to_min": 300}
    made = await admin.post(
        "/api/rules", json=RULE | {"cameras": [camera["id"]], "sites": [SITE.id], "schedule": schedule}
    )
    assert made.status_code == 201, made.text
    rule = made.json()
    assert (rule["schedule"], rule["sound"], rule["rev"]) == (schedule, True, 1)
    assert (await admin.get(made.headers["location"])).json() == rule
    path = f"/api/rules/{rule['id']}"
    begun_ns = world.clock.now_ns()
    await world.clock.advance(10)
    quiet = (await admin.patch(path, json={"rev": 1, "sound": False})).json()
    assert quiet == rule | {"sound": False, "rev": 2}
    assert (await admin.patch(path, json={"rev": 2, "sound": False})).json() == quiet
    kept = await world.catalogue.rules.get(rule["id"])
    assert isinstance(kept, Rule)
    assert kept.since_ns == begun_ns
    await admin.delete(f"/api/cameras/{camera['id']}")  # what was chosen may go; the rule can be changed all the same
    longer = await admin.patch(path, json={"rev": 2, "min_duration_s": 5, "cameras": [camera["id"]]})
    assert longer.json()["min_duration_s"] == 5
    kept = await world.catalogue.rules.get(rule["id"])
    assert isinstance(kept, Rule)
    assert kept.since_ns == world.clock.now_ns()
    assert (await admin.delete(path, params={"rev": 3})).status_code == 204
    assert (await admin.get("/api/rules")).json()["items"] == []
    assert [(await told.get())[1]["rule"] for _ in range(4)] == [rule["id"]] * 4
    actions = [entry.action for entry in (await world.catalogue.audit.list())[0]]
    assert {"rule.add", "rule.change", "rule.remove"} <= set(actions)


async def test_a_rule_that_cannot_be_read_is_said_and_deleted(world: World, admin: httpx.AsyncClient) -> None:
    """The others are listed and changed as ever; of the broken one a name is left, and the way to be rid of it."""
    bad, good = [(await admin.post("/api/rules", json=RULE | {"name": name})).json() for name in ("Rusak", "Baik")]
    async with world.catalogue._db.write() as connection:
        await connection.execute(text("UPDATE rules SET days = '[9]' WHERE name = 'Rusak'"))
    listed = (await admin.get("/api/rules")).json()
    assert ([one["id"] for one in listed["items"]], listed["broken"]) == (
        [good["id"]], [{"id": bad["id"], "name": "Rusak", "rev": 1}],
    )  # fmt: skip
    path = f"/api/rules/{bad['id']}"
    for answer in (await admin.get(path), await admin.patch(path, json={"rev": 1, "sound": False})):
        assert (answer.status_code, answer.json()["reason"]) == (409, "rule_broken")
    assert (await admin.patch(f"/api/rules/{good['id']}", json={"rev": 1, "sound": False})).status_code == 200
    assert (await admin.delete(path, params={"rev": 1})).status_code == 204
    assert (await admin.get("/api/rules")).json()["broken"] == []


async def test_a_rule_names_screens_that_are_there(world: World, admin: httpx.AsyncClient) -> None:
    """Those that have gone since stay named, and do no harm."""
    async with world.client() as browser:
        display = await pair(admin, browser)
    gone = await admin.post("/api/rules", json=RULE | {"displays": ["a" * 16]})
    assert (gone.status_code, gone.json()["reason"]) == (422, "display_gone")
    rule = (await admin.post("/api/rules", json=RULE | {"displays": [display["id"]], "display_s": 60})).json()
    assert (rule["displays"], rule["display_s"]) == ([display["id"]], 60)
    assert (await admin.delete(f"/api/displays/{display['id']}")).status_code == 204
    kept = await admin.patch(f"/api/rules/{rule['id']}", json={"rev": 1, "displays": [display["id"]], "display_s": 0})
    assert (kept.status_code, kept.json()["display_s"]) == (200, 0)


async def test_the_log_as_a_table(world: World, admin: httpx.AsyncClient) -> None:
    """Narrowed like the list; formulas are defused; that somebody took it along is in the audit log."""
    camera = await add(admin)
    one = await raised(admin, camera, note='=HYPERLINK("x")', priority=1)
    await raised(admin, camera, note="lain", priority=3)
    await admin.post(f"/api/alarms/{one['id']}/acknowledgement", json={"note": "sudah, dilihat"})
    answer = await admin.get("/api/alarms.csv", params={"priority": 1, "language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    (line,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (line["note"], line["remark"], line["camera"]) == ('\'=HYPERLINK("x")', "sudah, dilihat", camera["name"])
    assert line["raised"].endswith("+07:00")
    assert (await admin.get("/api/alarms.csv", params={"priority": 9})).text.count("\n") == 1
    assert "alarm.export" in [entry.action for entry in (await world.catalogue.audit.list())[0]]


async def test_the_most_pressing_come_first(world: World, admin: httpx.AsyncClient) -> None:
    """However many newer ones there are: who asks for a few gets those that matter."""
    camera = await add(admin)
    urgent = await raised(admin, camera, priority=1)
    others = []
    for _ in range(4):
        await world.clock.advance(1)
        others.append((await raised(admin, camera, priority=3))["id"])
    assert await listed(admin, order="pressing", limit=3) == [urgent["id"], *others[:2]]
    answer = await admin.get("/api/alarms", params={"order": "loudest"})
    assert answer.status_code == 422


async def test_a_rule_is_tried_before_it_is_kept(world: World, admin: httpx.AsyncClient) -> None:
    """How often in the last day, at its cooldown; of the site and those below it; nothing is kept."""
    now_s = (world.clock.now_ns() - T0) // NS_PER_S
    for ago_s in (90_000, 3600, 3580, 1800, 20):
        await put(world, now_s - ago_s, now_s - ago_s + 15, kind=EventKind.MOTION, site=SITE.id, camera="c" * 16)
    await put(world, now_s - 100, now_s - 90, kind=EventKind.MOTION, site=OTHER_SITE.id)
    tried = (await admin.post("/api/rules/preview", json=RULE | {"sites": [SITE.id], "enabled": False})).json()
    assert (tried["raised"], tried["hours"], tried["more"], len(tried["times"])) == (3, 24, False, 3)
    assert tried["times"] == sorted(tried["times"], reverse=True)
    assert (await admin.post("/api/rules/preview", json=RULE | {"min_duration_s": 16})).json()["raised"] == 0
    assert (await admin.get("/api/rules")).json()["items"] == []
