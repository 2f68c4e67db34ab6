"""Whether the process lives, whether its services work, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response, WebSocket

from vms import metrics
from vms.logs import redact
from web.api.errors import problems
from web.deps import PartsOf
from web.schemas import ReadyOut, ServiceOut

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="isAlive", response_class=Response, responses={200: {"description": "Alive."}})
async def is_alive() -> Response:
    """200 while the process answers at all."""
    return Response("ok\n", media_type="text/plain")


@router.websocket("/healthz")
async def knock(socket: WebSocket) -> None:
    """The same by a WebSocket, open for a moment (RFC 6455). A browser makes a new connection for each, while its HTTP
    requests wait behind connections that it began before a line was cut."""
    await socket.accept()
    await socket.close()


@router.get("/readyz", operation_id="isReady", responses={503: {"model": ReadyOut, "description": "Not all work."}})
async def is_ready(response: Response, parts: PartsOf) -> ReadyOut:
    """200 when every service does its work, else 503; each with why not."""
    health = parts.options.health()
    services = {
        name: ServiceOut(ok=state.ok, why=redact(state.why), reason=state.reason, params=dict(state.params))
        for name, state in health.items()
    }
    ready = all(service.ok for service in services.values())
    response.status_code = 200 if ready else 503
    return ReadyOut(ready=ready, services=services)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses=problems() | {200: {"content": {"text/plain": {}}, "description": "Prometheus text format."}},
)
async def get_metrics() -> Response:
    """For who is signed in, and for programs on this machine."""
    return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
