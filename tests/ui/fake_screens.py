"""Tours and screens as the page of a small installation knows them: some tours, and no screen yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vms.domain.ids import new_id


@dataclass
class FakeScreens:
    """`tours` as the API gives them."""

    tours: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> list[Route]:
        """What the real API has of them."""
        return [
            Route("/api/tours", self._tours, methods=["GET"]),
            Route("/api/walls", self._none, methods=["GET"]),
            Route("/api/displays", self._none, methods=["GET"]),
        ]

    def add_tour(self, name: str, pages: list[list[str | None]], dwell_s: int) -> dict[str, Any]:
        """One of views with a tile each."""
        layout = {"grid": "1"}
        shown = [{"name": "", "view": None, "layout": layout, "cameras": page, "dwell_s": dwell_s} for page in pages]
        steps = [{"view": None, "camera": page[0], "dwell_s": dwell_s} for page in pages]
        tour = {
            "id": new_id(), "name": name, "owner": "p" * 16, "owner_name": "Operator", "mine": True, "shared": False,
            "layout": layout, "steps": steps, "pinned": [], "pages": shown, "rev": 1,
            "changed_at": "2026-11-24T08:00:00.000Z",
        }  # fmt: skip
        self.tours.append(tour)
        return tour

    async def _tours(self, _request: Request) -> Response:
        return JSONResponse({"items": self.tours, "next": None})

    async def _none(self, _request: Request) -> Response:
        return JSONResponse({"items": [], "next": None})
