"""Saved views as the page knows them, in a dictionary: of one person, with rev and favourites."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vms.domain.ids import new_id


@dataclass
class FakeViews:
    """`stored` by id, as the API gives them."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """What the real API has of them."""
        return [
            Route("/api/views", self._all, methods=["GET", "POST"]),
            Route("/api/views/{id}", self._one, methods=["GET", "PATCH", "DELETE"]),
            Route("/api/views/{id}/favourite", self._favourite, methods=["PUT", "DELETE"]),
        ]

    def add(self, name: str, cameras: list[str | None], layout: dict[str, Any], **more: Any) -> dict[str, Any]:
        """One that is there."""
        view = {
            "id": new_id(), "name": name, "folder": "", "owner": "p" * 16, "owner_name": "Operator", "mine": True,
            "shared": False, "favourite": False, "layout": layout, "cameras": cameras,
            "changed_at": "2026-11-24T08:00:00.000Z", "rev": 1, **more,
        }  # fmt: skip
        self.stored[view["id"]] = view
        return view

    async def _all(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"items": list(self.stored.values()), "next": None})
        return JSONResponse(self.add(**await request.json()), 201)

    async def _one(self, request: Request) -> Response:
        view = self.stored.get(request.path_params["id"])
        if view is None:
            return JSONResponse({"status": 404, "code": "not_found", "detail": "There is no such view."}, 404)
        if request.method == "DELETE":
            del self.stored[view["id"]]
            return Response(status_code=204)
        if request.method == "PATCH":
            body = await request.json()
            if body.pop("rev") != view["rev"]:
                said = {"status": 409, "code": "conflict", "detail": "It has changed.", "reason": "view_changed"}
                return JSONResponse(said, 409, media_type="application/problem+json")
            view |= body | {"rev": view["rev"] + 1}
        return JSONResponse(view)

    async def _favourite(self, request: Request) -> Response:
        self.stored[request.path_params["id"]]["favourite"] = request.method == "PUT"
        return Response(status_code=204)
