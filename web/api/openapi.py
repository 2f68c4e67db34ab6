"""The description of the API: what FastAPI derives, with errors as problem details and the rules of signing in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request

from web.api.errors import problems
from web.deps import Who
from web.problem import MEDIA_TYPE
from web.security.gate import Access, access_of
from web.security.sessions import COOKIE

router = APIRouter(prefix="/api", tags=["openapi"])

_TITLE = "VMS"
_ABOUT = (
    "Video management of the command center. Sign in with `POST /api/session`; the cookie it sets is the sign-in. "
    "Whatever changes something needs the header `X-CSRF-Token` with the `csrf` given there. Errors are problem "
    "details (RFC 9457) with a stable `code`. Times are RFC 3339. Lists are `{items, next}`; `next` is the cursor of "
    "the following page. The wall's messages run over a WebSocket at `/api/wall/sessions/{session}/control`."
)
_METHODS = {"get", "post", "put", "patch", "delete", "head"}


@router.get("/openapi.json", operation_id="getOpenapi", responses=problems())
async def openapi_document(request: Request, _who: Who) -> dict[str, Any]:
    """This document."""
    app: FastAPI = request.app
    return describe(app)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document; made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=_TITLE, version=app.version, description=_ABOUT, routes=app.routes)
        document.setdefault("components", {})["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        }
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method in _METHODS:
                    _finish(operation, method, path)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"].get("schemas", {}).pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _finish(operation: dict[str, Any], method: str, path: str) -> None:
    access = access_of(method.upper(), path)
    if access is Access.SESSION:
        operation["security"] = [{"session": []} if method in {"get", "head"} else {"session": [], "csrf": []}]
    elif access in {Access.LOOPBACK_OR_SESSION, Access.ASK}:
        operation["security"] = [{}, {"session": []}]
    else:
        operation["security"] = []
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if status.startswith(("4", "5")) and schema.get("$ref", "").endswith("/ProblemOut"):
            answer["content"] = {MEDIA_TYPE: {"schema": schema}}
