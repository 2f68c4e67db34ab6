"""Steering over the API: orders reach the camera's node, who holds it is told to all, bad input changes nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import World
from tests.web.test_cameras import add
from vms.bus.base import Value
from vms.errors import ConflictError

DEVICE = "http://10.0.0.5/onvif/device_service"
LOOK = {"presets": [{"token": "1", "name": "Gerbang"}], "position": {"pan": 0.1, "tilt": 0.0, "zoom": 0.5}}


class FakePtz:
    """Answers as ingest does, and remembers."""

    def __init__(self, world: World, camera: str) -> None:
        self.told: list[dict[str, Any]] = []
        self.held: str | None = None
        world.bus.serve(f"ingest.ptz.{camera}", self._serve)
        world.bus.serve("ingest.onvif.*", self._try)

    async def _serve(self, value: Value) -> Value:
        self.told.append({key: item for key, item in value.items() if key != "_subject"})
        if self.held is not None and value["op"] in {"move", "goto"} and not value.get("take_over"):
            raise ConflictError("Budi steers this camera.", reason="ptz_held", params={"name": self.held})
        holder = {"person": value["person"], "name": value["name"], "priority": value["priority"], "left_s": 15.0}
        more = LOOK if value["op"] == "look" else {"preset": "9"} if value["op"] == "keep" else {"taken": True}
        return {**more, "holder": None if value["op"] == "look" else holder}

    async def _try(self, value: Value) -> Value:
        self.told.append(dict(value))
        return {"ok": True, "profiles": ["main"], "ptz": True, "presets": ["Gerbang"]}


async def steered(world: World, admin: httpx.AsyncClient) -> tuple[str, FakePtz]:
    """The path of a camera with an ONVIF device, and who answers for it."""
    camera = await add(admin, onvif=DEVICE)
    assert camera["onvif"] == DEVICE
    return f"/api/cameras/{camera['id']}/ptz", FakePtz(world, camera["id"])


async def test_a_camera_is_steered(world: World, admin: httpx.AsyncClient) -> None:
    """Moves carry who moves; one line of audit when it is taken; another's hand is a 409 that names them."""
    path, fake = await steered(world, admin)
    moved = await admin.post(f"{path}/move", json={"pan": 0.5, "tilt": -1})
    by = {"person": world.admin.id, "name": world.admin.name}
    assert moved.json()["holder"] == {**by, "left_s": 15.0, "above": False}
    order = fake.told[-1]
    assert (order["op"], order["pan"], order["tilt"], order["zoom"], order["priority"]) == ("move", 0.5, -1, 0, 80)
    assert (await admin.post(f"{path}/stop")).status_code == 200
    assert (await admin.delete(f"{path}/holder")).status_code == 200
    assert (fake.told[-1]["op"], fake.told[-1]["person"]) == ("release", world.admin.id)
    fake.held = "Budi"
    refused = await admin.post(f"{path}/move", json={"pan": 0.5})
    assert (refused.status_code, refused.json()["reason"], refused.json()["params"]) == (
        409,
        "ptz_held",
        {"name": "Budi"},
    )
    assert (await admin.post(f"{path}/presets/1/goto", json={"take_over": True})).status_code == 200
    entries, _ = await world.catalogue.audit.list()
    assert [entry.action for entry in entries if entry.action.startswith("ptz")] == ["ptz.goto", "ptz.take"]


async def test_presets_are_named_by_people(world: World, admin: httpx.AsyncClient) -> None:
    """A new one, another name that leaves the direction alone, a new direction, and away, out of the patrol too."""
    path, fake = await steered(world, admin)
    assert (await admin.post(f"{path}/presets", json={"name": "Parkir"})).json() == {"token": "9", "name": "Parkir"}
    assert (await admin.patch(f"{path}/presets/1", json={"name": "Pintu"})).status_code == 204
    assert [order["op"] for order in fake.told] == ["keep", "look"]
    assert (await admin.get(path)).json()["presets"] == [{"token": "1", "name": "Pintu"}]
    assert (await admin.patch(f"{path}/presets/1", json={"here": True})).status_code == 204
    assert fake.told[-1]["label"] == "Pintu"
    patrol = {"on": True, "steps": [{"preset": "1", "dwell_s": 10}]}
    assert (await admin.put(f"{path}/patrol", json=patrol)).json() == {
        "on": True,
        "steps": [{"preset": "1", "dwell_s": 10.0}],
    }
    assert (await admin.get(path)).json()["patrol"]["on"] is True
    assert (await admin.delete(f"{path}/presets/1")).status_code == 204
    assert (await admin.get(path)).json()["patrol"] == {"on": False, "steps": []}
    assert (await admin.delete(f"{path}/presets/7")).json()["reason"] == "preset_gone"


@pytest.mark.parametrize(
    ("method", "where", "body"),
    [
        ("POST", "/move", {"pan": 1.1}), ("POST", "/move", {"pan": "1"}), ("POST", "/move", {"left": 1}),
        ("POST", "/move", {"take_over": "yes"}), ("POST", "/move", []), ("POST", "/presets", {"name": ""}),
        ("POST", "/presets", {"name": "a\nb"}), ("POST", "/presets", {"name": "x" * 65}),
        ("PUT", "/patrol", {"on": True, "steps": []}), ("PUT", "/patrol", {"on": True}),
        ("PUT", "/patrol", {"on": False, "steps": [{"preset": "1", "dwell_s": 1}]}),
        ("PUT", "/patrol", {"on": False, "steps": [{"preset": "", "dwell_s": 10}]}),
        ("PUT", "/patrol", {"on": False, "steps": [{"preset": "1", "dwell_s": 10}] * 33}),
        ("POST", f"/presets/{'x' * 65}/goto", {}),
    ],
)  # fmt: skip
async def test_bad_orders_reach_no_camera(
    world: World, admin: httpx.AsyncClient, method: str, where: str, body: Any
) -> None:
    """422, and nothing is asked of the node."""
    path, fake = await steered(world, admin)
    answer = await admin.request(method, path + where, json=body)
    assert answer.status_code == 422, answer.text
    assert fake.told == []


async def test_a_camera_without_a_device_has_no_ptz(world: World, admin: httpx.AsyncClient) -> None:
    """404 with the way out; too many orders in a second are a 429; nobody signed in is a 401."""
    plain = await add(admin)
    assert (await admin.get(f"/api/cameras/{plain['id']}/ptz")).json()["reason"] == "ptz_none"
    path, _ = await steered(world, admin)
    answers = [(await admin.post(f"{path}/stop")).status_code for _ in range(21)]
    assert (answers[0], answers[-1]) == (200, 429)
    async with world.client() as nobody:
        assert (await nobody.get(path)).status_code == 401


async def test_who_steers_is_known_to_all(world: World, admin: httpx.AsyncClient) -> None:
    """As nodes tell it, until they tell otherwise or the time is over."""
    camera = (await add(admin, onvif=DEVICE))["id"]
    holder = {"person": "p", "name": "Ana", "priority": 50, "left_s": 15.0}
    with world.parts.news.listener() as listener:
        world.bus.publish("ptz.changed", {"camera": camera, "holder": holder})
        assert await listener.get() == ["ptz"]
    items = (await admin.get("/api/ptz")).json()["items"]
    assert items == [{"camera": camera, "holder": {"person": "p", "name": "Ana", "left_s": 15.0, "above": False}}]
    await world.clock.advance(16)
    assert (await admin.get("/api/ptz")).json()["items"] == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "http://169.254.169.254/x", "rtsp://10.0.0.5/x", "http://a:b@10.0.0.5/x", "http://localhost/x",
     "http://10.0.0.5/\r\nX: y", "file:///etc/passwd", "http://[::1]/x", "http://metadata.google.internal/x"],
)  # fmt: skip
async def test_bad_device_urls_are_refused(world: World, admin: httpx.AsyncClient, url: str) -> None:
    """As those of cameras: in the form, in a change, in a try; the field is named and nothing is connected to."""
    path, fake = await steered(world, admin)
    camera = path.removesuffix("/ptz")
    before = await world.snapshot()
    changed = await admin.patch(camera, json={"rev": 1, "onvif": url, "password": "x"})
    assert (changed.status_code, changed.json()["field"]) == (422, "onvif")
    tried = await admin.post("/api/cameras/onvif", json={"url": url})
    assert (tried.status_code, tried.json()["field"]) == (422, "url")
    assert (await world.snapshot(), fake.told) == (before, [])


async def test_a_kept_password_is_tried_at_no_other_host(world: World, admin: httpx.AsyncClient) -> None:
    """Neither by a change of the address nor by a try; at the camera's own host it is used and not shown."""
    path, fake = await steered(world, admin)
    camera = path.split("/")[3]
    elsewhere = "http://10.0.0.99/onvif"
    changed = await admin.patch(f"/api/cameras/{camera}", json={"rev": 1, "onvif": elsewhere})
    assert (changed.status_code, changed.json()["reason"]) == (422, "password_again")
    tried = await admin.post("/api/cameras/onvif", json={"url": elsewhere, "camera": camera})
    assert (tried.json()["reason"], fake.told) == ("password_again", [])
    good = await admin.post("/api/cameras/onvif", json={"url": DEVICE, "camera": camera})
    assert (good.json()["ptz"], good.json()["presets"]) == (True, ["Gerbang"])
    assert fake.told[-1]["password"] == "hunter22hunter"
    assert "hunter22hunter" not in good.text
    assert (await admin.patch(f"/api/cameras/{camera}", json={"rev": 1, "onvif": ""})).json()["onvif"] == ""
