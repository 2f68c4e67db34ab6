"""Cases as the page knows them, in a dictionary: of one owner, with notes, holds and who they can be given to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vms.domain.ids import new_id

ME = {"id": "p", "name": "Operator Satu"}
RINA = {"id": "r", "name": "Rina"}
UNTIL = "2199-01-01T00:00:00.000Z"


@dataclass
class FakeCases:
    """`stored` by id, as the API gives them; `now` says the time as it does."""

    now: Callable[[], str]
    cameras: dict[str, dict[str, Any]]
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    holds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """What the real API has of them."""
        return [
            Route("/api/cases", self._all, methods=["GET", "POST"]),
            Route("/api/cases/people", self._people),
            Route("/api/cases/{id}", self._one, methods=["GET", "PATCH"]),
            Route("/api/cases/{id}/notes", self._notes, methods=["GET", "POST"]),
            Route("/api/cases/{id}/holds", self._holds, methods=["GET", "POST"]),
            Route("/api/holds/{id}", self._lift, methods=["DELETE"]),
            Route("/api/holds/{id}/restore", self._restore, methods=["POST"]),
            Route("/api/exports", self._exports),
        ]

    def add(self, title: str, description: str = "") -> dict[str, Any]:
        """One that is there."""
        case = {
            "id": new_id(), "number": f"2026-{len(self.stored) + 1:04d}", "title": title, "description": description,
            "state": "open", "people": [{**ME, "role": "owner"}], "person": ME, "created_at": self.now(),
            "closed_at": None, "may_change": True, "holds": 0, "held_bytes": 0, "held_segments": 0, "rev": 1,
        }  # fmt: skip
        self.stored[case["id"]] = case
        return case

    async def _all(self, request: Request) -> Response:
        if request.method == "POST":
            return JSONResponse(self.add(**await request.json()), 201)
        wanted = request.query_params.get("state")
        found = [one for one in self.stored.values() if wanted in {None, one["state"]}]
        return JSONResponse({"items": found[::-1], "next": None})

    async def _people(self, _: Request) -> Response:
        return JSONResponse({"items": [ME, RINA]})

    async def _one(self, request: Request) -> Response:
        case = self.stored[request.path_params["id"]]
        if request.method == "PATCH":
            body = await request.json()
            assert body.pop("rev") == case["rev"]
            names = {"p": ME["name"], "r": RINA["name"]}
            people = [
                {"id": one["person"], "name": names[one["person"]], "role": one["role"]}
                for one in body.pop("people", [])
            ]
            case |= body | ({"people": people} if people else {}) | {"rev": case["rev"] + 1}
        return JSONResponse(case)

    async def _notes(self, request: Request) -> Response:
        notes = self.notes.setdefault(request.path_params["id"], [])
        if request.method == "GET":
            return JSONResponse({"items": notes})
        note = {"id": new_id(), "text": (await request.json())["text"], "person": ME, "at": self.now()}
        notes.insert(0, note)
        return JSONResponse(note, 201)

    async def _holds(self, request: Request) -> Response:
        case = self.stored[request.path_params["id"]]
        if request.method == "POST":
            body = await request.json()
            for camera in body["cameras"]:
                hold = {
                    "id": new_id(), "case": case["id"], "case_number": case["number"], "camera": camera,
                    "camera_name": self.cameras[camera]["name"], "from": body["from"], "to": body["to"],
                    "reason": body["reason"], "person": ME, "created_at": self.now(), "removed_at": None,
                    "holds_until": None,
                }  # fmt: skip
                self.holds[hold["id"]] = hold
                case |= {"holds": case["holds"] + 1, "held_bytes": 5_400_000_000, "held_segments": 60}
        found = [one for one in self.holds.values() if one["case"] == case["id"]]
        return JSONResponse({"items": found[::-1]})

    async def _lift(self, request: Request) -> Response:
        self.holds[request.path_params["id"]] |= {"removed_at": self.now(), "holds_until": UNTIL}
        return Response(status_code=204)

    async def _restore(self, request: Request) -> Response:
        hold = self.holds[request.path_params["id"]]
        hold |= {"removed_at": None, "holds_until": None}
        return JSONResponse(hold)

    async def _exports(self, _: Request) -> Response:
        return JSONResponse({"items": [], "next": None})
