"""Searches as the page knows them: what is found is what tests say, line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class FakeSearch:
    """`moments`: what is told; `lines`: of motion, the end is added; `asked`: bodies and queries."""

    moments: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    jpeg: bytes = b""

    def routes(self) -> list[Route]:
        """What the real API has of them."""
        return [
            Route("/api/search", self._moments),
            Route("/api/search/motion", self._motion, methods=["POST"]),
            Route("/api/search/fills", self._fills, methods=["GET", "POST"]),
            Route("/api/cameras/{id}/picture", self._picture),
        ]

    async def _moments(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        words = request.query_params.get("q", "").lower()
        return JSONResponse({"items": [one for one in self.moments if words in str(one).lower()], "next": None})

    async def _motion(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)

        async def told() -> AsyncIterator[bytes]:
            for line in self.lines:
                yield json.dumps(line).encode() + b"\n"
            yield json.dumps({"end": True, "hits": 1, "cut": False}).encode() + b"\n"

        return StreamingResponse(told(), media_type="application/x-ndjson")

    async def _fills(self, request: Request) -> Response:
        if request.method == "POST":
            self.asked.append(await request.json())
            self.fills.append({"id": "f" * 16, "state": "running", "progress": 0.25, "why": ""})
            return JSONResponse(self.fills[-1], 202)
        return JSONResponse({"items": self.fills})

    async def _picture(self, _: Request) -> Response:
        return Response(self.jpeg, media_type="image/jpeg")
