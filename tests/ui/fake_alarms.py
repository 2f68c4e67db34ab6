"""The part of a fake API that has alarms and rules, for tests of the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vms.domain.event import EventKind
from vms.domain.ids import new_id


@dataclass
class FakeAlarms:
    """`items` and `rules` are as the API gives them; `tell` says to pages that a topic has changed, `now` is RFC 3339
    of now, `cameras` those of the API."""

    tell: Callable[..., Awaitable[None]]
    now: Callable[[], str]
    cameras: dict[str, dict[str, Any]]
    items: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    preview: dict[str, Any] = field(default_factory=lambda: {"hours": 24, "raised": 0, "times": [], "more": False})
    person: dict[str, str] = field(default_factory=lambda: {"id": "p", "name": "Operator Satu"})

    def routes(self) -> list[Route]:
        """What is served."""
        return [
            Route("/api/alarms", self._alarms, methods=["GET", "POST"]),
            Route("/api/alarms/acknowledgements", self._acknowledge_all, methods=["POST"]),
            Route("/api/alarms/{id}", self._alarm),
            Route("/api/alarms/{id}/acknowledgement", self._acknowledge, methods=["POST"]),
            Route("/api/rules", self._rules, methods=["GET", "POST"]),
            Route("/api/rules/preview", self._preview, methods=["POST"]),
            Route("/api/rules/{id}", self._rule, methods=["PATCH", "DELETE"]),
        ]

    async def raise_one(self, camera: dict[str, Any] | None, kind: str = "camera_down", **more: Any) -> dict[str, Any]:
        """One that a rule raised; every page hears of it."""
        at = more.get("raised", self.now())
        named = None if camera is None else {"id": camera["id"], "name": camera["name"]}
        site = None if camera is None else camera["site"]
        event = {
            "id": new_id(), "kind": kind, "severity": "alarm", "start": at, "end": None, "site": site, "camera": named,
            "stream": None, "node": None, "params": {},
        }  # fmt: skip
        alarm = {
            "id": new_id(), "kind": kind, "priority": 2, "state": "raised", "raised": at, "again": at, "times": 1,
            "over": None, "rule": {"id": new_id(), "name": "Kamera putus"}, "event": event, "site": site,
            "camera": named, "node": None, "raised_by": None, "note": "", "sound": True, "alarm_tile": True,
            "late": False, "displays": [], "acknowledgement": None, **more,
        }  # fmt: skip
        self.items.append(alarm)
        await self.tell("alarms")
        return alarm

    def take(self, alarm: dict[str, Any], name: str, note: str = "") -> None:
        """Somebody acknowledges it."""
        by = {"id": name, "name": name}
        alarm["acknowledgement"] = {"by": by, "at": self.now(), "note": note}
        alarm["state"] = "acknowledged" if alarm["over"] is None and alarm["event"] else "closed"

    async def _alarms(self, request: Request) -> Response:
        if request.method == "POST":
            body = await request.json()
            camera = self.cameras[body["camera"]]
            by_hand = {"event": None, "rule": None, "raised_by": self.person, "note": body["note"]}
            alarm = await self.raise_one(camera, "by_hand", priority=body["priority"], **by_hand)
            return JSONResponse(alarm, 201)
        asked = request.query_params
        found = sorted(self.items, key=lambda alarm: str(alarm["raised"]), reverse=True)
        for name in ("state", "priority"):
            if chosen := asked.getlist(name):
                found = [alarm for alarm in found if str(alarm[name]) in chosen]
        if text := asked.get("q", "").casefold():
            found = [
                alarm for alarm in found if text in str((alarm["camera"], alarm["site"], alarm["note"])).casefold()
            ]
        waiting = [alarm for alarm in self.items if alarm["state"] == "raised"]
        raised = {f"p{p}": sum(alarm["priority"] == p for alarm in waiting) for p in (1, 2, 3)}
        first, limit = int(asked.get("cursor", "0")), int(asked.get("limit", "50"))
        following = str(first + limit) if len(found) > first + limit else None
        return JSONResponse({"items": found[first : first + limit], "next": following, "raised": raised})

    def _one(self, request: Request) -> dict[str, Any]:
        return next(alarm for alarm in self.items if alarm["id"] == request.path_params["id"])

    async def _alarm(self, request: Request) -> Response:
        return JSONResponse(self._one(request))

    async def _acknowledge(self, request: Request) -> Response:
        alarm, body = self._one(request), await request.json()
        self.take(alarm, self.person["name"], body["note"])
        await self.tell("alarms")
        return JSONResponse(alarm)

    async def _acknowledge_all(self, request: Request) -> Response:
        body = await request.json()
        wanted = [alarm for alarm in self.items if alarm["id"] in body["alarms"] and alarm["state"] == "raised"]
        for alarm in wanted:
            self.take(alarm, self.person["name"], body["note"])
        await self.tell("alarms")
        return JSONResponse({"taken": len(wanted), "others": len(body["alarms"]) - len(wanted)})

    async def _rules(self, request: Request) -> Response:
        if request.method == "POST":
            rule = {**await request.json(), "id": new_id(), "rev": 1}
            self.rules.append(rule)
            return JSONResponse(rule, 201)
        return JSONResponse(
            {"items": self.rules, "next": None, "kinds": [kind.value for kind in EventKind], "broken": self.broken}
        )

    async def _rule(self, request: Request) -> Response:
        rule = next(rule for rule in self.rules if rule["id"] == request.path_params["id"])
        if request.method == "DELETE":
            self.rules.remove(rule)
            return Response(status_code=204)
        body = await request.json()
        rule.update(body, rev=body["rev"] + 1)
        return JSONResponse(rule)

    async def _preview(self, _: Request) -> Response:
        return JSONResponse(self.preview)
