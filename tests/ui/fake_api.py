"""The HTTP API as the page knows it, over things that tests set: people, cameras, states, gaps, probes, faults.

The wall is the real streamer over the fake ingest of its own tests; the rest is a few dictionaries. Event loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.ui.fake_alarms import FakeAlarms
from tests.ui.fake_cases import FakeCases
from tests.ui.fake_ptz import FakePtz
from tests.ui.fake_recordings import GOP_MS, FakeRecordings
from tests.ui.fake_screens import FakeScreens
from tests.ui.fake_search import FakeSearch
from tests.ui.fake_views import FakeViews
from tests.ui.wire import iso, ms_of, now_ms, problem
from vms.bus.memory import MemoryBus
from vms.domain.ids import new_id
from vms.errors import VmsError
from web.security.headers import content_security_policy

__all__ = ["GOP_MS", "FakeApi", "iso", "ms_of", "now_ms", "problem"]

STATIC = Path(__file__).parents[2] / "web" / "static"
SESSION, SECOND = "a-session", "another-session"
PEOPLE = {SESSION: {"id": "p", "name": "Operator Satu"}, SECOND: {"id": "r", "name": "Rina"}}
CSRF = "a-csrf-token"
RIGHTS = ["live", "replay", "export", "ptz", "audio", "operate", "investigate", "admin", "audit"]


@dataclass
class FakeApi(FakeRecordings):
    """`requests` holds method and path of everything asked under /api; `gaps` are (from_ms, to_ms, cause)."""

    bus: MemoryBus
    jpeg: bytes = b""
    password: str = "rahasia-negeri"
    must_change: bool = False
    throttled_s: int = 0
    rights: list[str] = field(default_factory=RIGHTS.copy)
    everywhere: list[str] = field(default_factory=RIGHTS.copy)
    sites: list[dict[str, Any]] = field(default_factory=list)
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    bookmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    views: FakeViews = field(default_factory=FakeViews)
    screens: FakeScreens = field(default_factory=FakeScreens)
    search: FakeSearch = field(default_factory=FakeSearch)
    probe: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    no_wall: bool = False
    port: int = 0
    _walls: dict[str, Any] = field(default_factory=dict)
    _listening: set[WebSocket] = field(default_factory=set)
    _server: uvicorn.Server | None = None
    _serving: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.ptz = FakePtz(self.bus, self.tell, lambda request: PEOPLE[request.cookies["vms_session"]])
        self.search.jpeg = self.jpeg
        self.alarms = FakeAlarms(self.tell, lambda: iso(now_ms()), self.cameras)
        self.cases = FakeCases(lambda: iso(now_ms()), self.cameras)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def add_site(self, name: str) -> dict[str, Any]:
        """A site of that name."""
        site = {
            "id": new_id(), "slug": name.lower().replace(" ", "-"), "name": name, "parent": None, "cameras": 0,
            "home_store": "home", "copies": "on_demand", "line_mbps": None, "stores": ["home"], "longitude": None,
            "latitude": None, "rights": RIGHTS, "rev": 1,
        }  # fmt: skip
        self.sites.append(site)
        return site

    def add_camera(self, site: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
        """A live camera with both streams."""
        ident = new_id()
        state = {"condition": "live", "since": iso(self.registered_ms), "why": ""}
        host = f"rtsp://10.20.{len(self.sites)}.{len(self.cameras) + 11}:554"
        camera = {
            "id": ident, "number": len(self.cameras) + 1, "slug": name.lower().replace(" ", "-"), "name": name,
            "site": {key: site[key] for key in ("id", "slug", "name")}, "enabled": True, "audio": False,
            "transport": "tcp", "username": "operator", "has_password": True, "state": state,
            "streams": [
                {"name": "main", "url": f"{host}/main", "record": "continuous", "state": state},
                {"name": "sub", "url": f"{host}/sub", "record": "off", "state": state},
            ],
            "retention_days": None, "areas": [], "masks": [], "analysis": True, "priority": "normal", "onvif": "",
            "longitude": None, "latitude": None,
            "registered_at": iso(self.registered_ms), "rights": RIGHTS, "rev": 1, **more,
        }  # fmt: skip
        self.cameras[ident] = camera
        site["cameras"] += 1
        return camera

    async def start(self) -> None:
        """Serve; the port is kept over a stop."""
        config = uvicorn.Config(
            self._app(), "127.0.0.1", self.port, log_level="critical", lifespan="off", ws="websockets-sansio"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As if the process were killed: every connection ends."""
        assert self._server is not None
        assert self._serving is not None
        self._server.should_exit = self._server.force_exit = True
        await self._serving
        for wall in list(self._walls):
            await self._close_wall(wall)

    def _app(self) -> Starlette:
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/api/session", self._session, methods=["GET", "POST", "DELETE"]),
            Route("/api/session/password", self._password, methods=["POST"]),
            Route("/api/sites", self._sites),
            Route("/api/sites/{id}", self._site, methods=["PATCH"]),
            Route("/api/cameras", self._cameras, methods=["GET", "POST"]),
            Route("/api/cameras/probe", self._probe, methods=["POST"]),
            Route("/api/cameras/{id}", self._camera, methods=["GET", "PATCH", "DELETE"]),
            Route("/api/cameras/{id}/snapshot", self._snapshot),
            Route("/api/cameras/{id}/coverage", self._coverage),
            Route("/api/timeline", self._timeline),
            Route("/api/cameras/{id}/playlist.m3u8", self._playlist),
            Route("/api/cameras/{id}/segments/{run}/{number}.mp4", self._segment),
            Route("/api/cameras/{id}/key-frames", self._key_frames),
            Route("/api/cameras/{id}/footage.mp4", self._footage),
            Route("/api/events", self._events),
            Route("/api/map", self._map),
            Route("/api/bookmarks", self._bookmarks, methods=["GET", "POST"]),
            Route("/api/bookmarks/{id}", self._bookmark, methods=["PATCH", "DELETE"]),
            *self.alarms.routes(),
            *self.cases.routes(),
            *self.ptz.routes(),
            *self.views.routes(),
            *self.screens.routes(),
            *self.search.routes(),
            Route("/api/wall/sessions", self._open_wall, methods=["POST"]),
            Route("/api/wall/sessions/{id}", self._end_wall, methods=["DELETE"]),
            WebSocketRoute("/api/wall/sessions/{id}/control", self._control),
            WebSocketRoute("/api/news", self._news),
            Route("/{path:path}", self._page),
        ]
        return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._guard)])

    async def _guard(self, request: Request, call_next: Any) -> Response:
        path = request.url.path
        if path.startswith("/api"):
            self.requests.append(f"{request.method} {path}")
            if path != "/api/session" and request.cookies.get("vms_session") not in PEOPLE:
                return problem(401, "unauthenticated", "Nobody is signed in.")
            changes = request.method not in {"GET", "HEAD"} and not (
                path == "/api/session" and request.method == "POST"
            )
            if changes and request.headers.get("x-csrf-token") != CSRF:
                return problem(403, "forbidden", "The CSRF token is missing.")
        response: Response = await call_next(request)
        response.headers["Content-Security-Policy"] = content_security_policy(request.headers.get("host", ""))
        return response

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"alive": True})

    async def _readyz(self, _: Request) -> Response:
        bad = self.no_wall
        services = {"ingest": {"ok": True, "why": ""}, "recorder": {"ok": True, "why": ""}}
        services["streamer"] = {"ok": not bad, "why": "The service is not running." if bad else ""}
        return JSONResponse({"ready": not bad, "services": services}, 503 if bad else 200)

    def _signed_in(self, session: str = SESSION) -> dict[str, Any]:
        person = {**PEOPLE[session], "username": "admin", "language": "id", "must_change": self.must_change}
        return {"person": person, "csrf": CSRF, "rights": self.rights, "everywhere": self.everywhere}

    async def _session(self, request: Request) -> Response:
        if request.method == "DELETE":
            response = Response(status_code=204)
            response.delete_cookie("vms_session")
            return response
        if request.method == "GET":
            session = request.cookies.get("vms_session", "")
            return JSONResponse(self._signed_in(session)) if session in PEOPLE else Response(status_code=204)
        body = await request.json()
        if self.throttled_s:
            return problem(429, "too_many", "Too many tries.", retry_after=self.throttled_s)
        if body["username"] != "admin" or body["password"] != self.password:
            return problem(401, "unauthenticated", "The user name or the password is wrong.")
        answer = JSONResponse(self._signed_in())
        answer.set_cookie("vms_session", SESSION, httponly=True, samesite="strict")
        return answer

    async def _password(self, request: Request) -> Response:
        body = await request.json()
        if body["old"] != self.password:
            return problem(422, "input", "The old password is wrong.", field="old")
        self.password, self.must_change = body["new"], False
        return Response(status_code=204)

    async def _sites(self, _: Request) -> Response:
        return JSONResponse({"items": self.sites, "next": None})

    async def _site(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(dict(body))
        site = next(site for site in self.sites if site["id"] == request.path_params["id"])
        if body["rev"] != site["rev"]:
            return problem(409, "conflict", "It has changed meanwhile.")
        site.update(body, rev=site["rev"] + 1)
        return JSONResponse(site)

    async def _cameras(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"items": list(self.cameras.values()), "next": None})
        body = await request.json()
        self.bodies.append(body)
        site = next(site for site in self.sites if site["id"] == body["site"])
        camera = self.add_camera(site, body["name"], username=body["username"], has_password="password" in body)
        return JSONResponse(camera, 201)

    async def _camera(self, request: Request) -> Response:
        camera = self.cameras.get(request.path_params["id"])
        if camera is None:
            return problem(404, "not_found", "There is no such camera.")
        if request.method == "DELETE":
            del self.cameras[camera["id"]]
            return Response(status_code=204)
        if request.method == "PATCH":
            body = await request.json()
            self.bodies.append(dict(body))
            if body.pop("rev") != camera["rev"]:
                return problem(409, "conflict", "It has changed meanwhile.")
            body.pop("password", None), body.pop("site", None), body.pop("streams", None)
            camera.update(body, rev=camera["rev"] + 1)
            if "enabled" in body:
                condition = "live" if body["enabled"] else "disabled"
                camera["state"] = {"condition": condition, "since": iso(now_ms()), "why": ""}
        return JSONResponse(camera)

    async def _probe(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        return JSONResponse(self.probe)

    async def _snapshot(self, _: Request) -> Response:
        return Response(self.jpeg, media_type="image/jpeg", headers={"X-Captured-At": iso(now_ms() - 300)})

    async def _map(self, _: Request) -> Response:
        return JSONResponse({"zooms": None, "attribution": ""})

    async def _events(self, request: Request) -> Response:
        """`events` are as the API gives them, in any order; the cursor is how many were given."""
        asked, limit = request.query_params.get("open"), int(request.query_params.get("limit", "50"))
        known = sorted(self.events, key=lambda event: str(event["start"]), reverse=True)
        wanted = [event for event in known if asked is None or (event["end"] is None) == (asked == "true")]
        kinds, without = request.query_params.getlist("kind"), request.query_params.getlist("without")
        wanted = [one for one in wanted if (not kinds or one["kind"] in kinds) and one["kind"] not in without]
        first = int(request.query_params.get("cursor", "0"))
        counts = dict.fromkeys(("notice", "warning", "alarm"), 0)
        for event in known:
            counts[event["severity"]] += event["end"] is None
        following = str(first + limit) if len(wanted) > first + limit else None
        return JSONResponse({"items": wanted[first : first + limit], "next": following, "open": counts})

    async def _news(self, socket: WebSocket) -> None:
        """Until the page leaves: what `tell` says."""
        await socket.accept()
        self._listening.add(socket)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()
        self._listening.discard(socket)

    async def tell(self, *topics: str) -> None:
        """Say to every page that these have changed."""
        for socket in list(self._listening):
            await socket.send_json({"topics": topics})

    async def _bookmarks(self, request: Request) -> Response:
        if request.method == "GET":
            camera = request.query_params.get("camera")
            case = request.query_params.get("case")
            found = [one for one in self.bookmarks.values() if camera in {None, one["camera"]["id"]}]
            found = [one for one in found if case in {None, (one["case"] or {}).get("id")}]
            return JSONResponse({"items": sorted(found, key=lambda one: str(one["at"]), reverse=True), "next": None})
        body = await request.json()
        camera = self.cameras[body["camera"]]
        one = {
            "id": new_id(), "at": body["at"], "note": body["note"], "created_at": iso(now_ms()),
            "camera": {"id": camera["id"], "name": camera["name"]}, "site": camera["site"],
            "person": {"id": "p", "name": "Operator Satu"}, "case": None,
        }  # fmt: skip
        self.bookmarks[one["id"]] = one
        return JSONResponse(one, 201)

    async def _bookmark(self, request: Request) -> Response:
        if request.method == "DELETE":
            del self.bookmarks[request.path_params["id"]]
            return Response(status_code=204)
        one = self.bookmarks[request.path_params["id"]]
        body = await request.json()
        if body.get("case"):
            body["case"] = {name: self.cases.stored[body["case"]][name] for name in ("id", "number", "title")}
        one |= body
        return JSONResponse(one)

    async def _open_wall(self, request: Request) -> Response:
        if self.no_wall:
            return problem(503, "no_responder", "No streamer is there.")
        body, ident = await request.json(), new_id()
        self._walls[ident] = self.bus.subscribe(f"streamer.wall.event.{ident}", limit=2048)
        try:
            answer = await self.bus.request("streamer.wall.open", {"session": ident, "person": "p", **body})
        except VmsError as error:
            return problem(error.status, error.code, error.message)
        return JSONResponse({"id": ident, "sdp": answer["sdp"]}, 201)

    async def _end_wall(self, request: Request) -> Response:
        await self._close_wall(request.path_params["id"])
        return Response(status_code=204)

    async def _close_wall(self, ident: str) -> None:
        events = self._walls.pop(ident, None)
        if events is not None:
            events.close()
            try:
                await self.bus.request(f"streamer.wall.close.{ident}", {})
            except VmsError:
                return  # it ended by itself

    async def _control(self, socket: WebSocket) -> None:
        ident = socket.path_params["id"]
        events = self._walls.get(ident)
        if events is None:
            await socket.close(4404)
            return
        await socket.accept()

        async def tell() -> None:
            async for _, value in events:
                await socket.send_text(json.dumps(value["message"]))

        telling = asyncio.create_task(tell())
        try:
            while True:
                await self.bus.request(f"streamer.wall.message.{ident}", json.loads(await socket.receive_text()))
        except (WebSocketDisconnect, VmsError):
            telling.cancel()
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _page(self, request: Request) -> Response:
        found = STATIC / request.path_params["path"]
        return FileResponse(found if found.is_file() else STATIC / "index.html")
