"""The routes of steering as the page knows them, over the real service of ingest and a device of the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.fleet import Fleet
from ingest.ptz import PtzService
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, networks
from vms.errors import VmsError
from vms.simulator.onvif import Head, OnvifDevices
from web.steering import Steering

USER, PASSWORD = "operator", "rahasia"


class FakePtz:
    """`steer` gives a camera a device; `patrol` is what was set last. Without a device every route is a 404."""

    def __init__(
        self,
        bus: MemoryBus,
        tell: Callable[..., Awaitable[None]],
        person: Callable[[Request], dict[str, str]],
    ) -> None:
        self.patrol: dict[str, Any] = {"on": False, "steps": []}
        self._bus, self._tell, self._person = bus, tell, person
        self._clock = SystemClock()
        self._steering = Steering(bus, self._clock)
        self._names: dict[str, str] = {}
        self._devices: OnvifDevices | None = None
        self._service: PtzService | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def steer(self, camera: dict[str, Any]) -> Head:
        """From now on this camera has a device; its head."""
        self._devices = OnvifDevices([("kepala", camera["name"])], USER, PASSWORD)
        await self._devices.start("127.0.0.1")
        camera["onvif"] = self._devices.url("kepala")
        row = Camera(camera["id"], "s", "kepala", camera["name"], (), USER, PASSWORD, onvif=camera["onvif"])
        fleet = SimpleNamespace(cameras={row.id: row}, specs={StreamRef(row.id, StreamName.MAIN): None})
        policy = AddressPolicy(allowed=networks(["127.0.0.0/8"]))
        self._service = PtzService(bus=self._bus, fleet=cast("Fleet", fleet), clock=self._clock, policy=policy)
        works = (self._service.run(), self._steering.run(), self._listen())
        self._tasks = [asyncio.create_task(work) for work in works]
        return self._devices.heads["kepala"]

    async def stop(self) -> None:
        """Nothing is left."""
        if self._service is not None:
            self._service.stop()
            await self._tasks[0]
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._devices is not None:
            await self._devices.stop()

    def routes(self) -> list[Route]:
        """Below /api."""
        camera = "/api/cameras/{id}/ptz"
        return [
            Route("/api/ptz", self._list),
            Route(camera, self._get),
            Route(f"{camera}/move", self._op("move"), methods=["POST"]),
            Route(f"{camera}/stop", self._op("stop"), methods=["POST"]),
            Route(f"{camera}/holder", self._op("release"), methods=["DELETE"]),
            Route(f"{camera}/presets", self._op("keep"), methods=["POST"]),
            Route(f"{camera}/presets/{{preset}}/goto", self._op("goto"), methods=["POST"]),
            Route(f"{camera}/presets/{{preset}}", self._rename, methods=["PATCH"]),
            Route(f"{camera}/presets/{{preset}}", self._op("forget"), methods=["DELETE"]),
            Route(f"{camera}/patrol", self._patrol, methods=["PUT"]),
        ]

    async def _listen(self) -> None:
        async for _ in self._bus.subscribe("ptz.changed"):
            await self._tell("ptz")

    async def _list(self, _: Request) -> Response:
        held = self._steering.held()
        return JSONResponse({"items": [{"camera": camera, "holder": dict(one)} for camera, one in held.items()]})

    async def _get(self, request: Request) -> Response:
        found = await self._order(request, "look", {})
        if isinstance(found, Response):
            return found
        presets = [{**one, "name": self._names.get(one["token"], one["name"])} for one in found["presets"]]
        return JSONResponse({**found, "presets": presets, "patrol": self.patrol})

    async def _rename(self, request: Request) -> Response:
        self._names[request.path_params["preset"]] = (await request.json())["name"]
        return Response(status_code=204)

    async def _patrol(self, request: Request) -> Response:
        self.patrol = await request.json()
        return JSONResponse(self.patrol)

    def _op(self, op: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            body = await request.json() if await request.body() else {}
            found = await self._order(request, op, body | ({"label": body["name"]} if op == "keep" else {}))
            if isinstance(found, Response):
                return found
            made = {"token": found["preset"], "name": body["name"]} if op == "keep" else found
            return JSONResponse(made, 201 if op == "keep" else 200)

        return answer

    async def _order(self, request: Request, op: str, body: dict[str, Any]) -> Any:
        person, where = self._person(request), request.path_params
        value = {**body, "op": op, "person": person["id"], "name": person["name"], "priority": 50}
        value |= {"preset": where["preset"]} if "preset" in where else {}
        try:
            return await self._bus.request(f"ingest.ptz.{where['id']}", value)
        except VmsError as error:
            body = {"title": error.code, "status": error.status, "detail": error.message, "code": error.code}
            body |= {"reason": error.reason, "params": error.params}
            return JSONResponse(body, error.status, media_type="application/problem+json")
