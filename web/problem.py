"""Every error as RFC 9457 problem details, and the outermost guard that turns the unexpected into a plain 500.

No value that a client sent is ever repeated. Text that came from libav, a camera or a service is redacted on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vms import logs
from vms.domain.ids import new_id
from vms.errors import InputError, VmsError
from web.text import TextError

log = logs.get(__name__)

MEDIA_TYPE = "application/problem+json"
_PLAIN_KEY = re.compile(r"[a-z][a-z_]{0,30}")
# Kinds of pydantic's errors that have a limit: our reason, and where the limit is in the error's context.
_LIMITS = {
    "less_than_equal": ("value_greatest", "le"),
    "greater_than_equal": ("value_least", "ge"),
    "string_too_long": ("text_long", "max_length"),
}
_WORDS = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "What was sent is too large.",
}


class HttpError(VmsError):
    """An error that only HTTP knows, with its status and code; `headers` go with the answer."""

    def __init__(
        self, status: int, code: str, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.headers = headers or {}


class ProblemResponse(Response):
    """One problem; usable as the denial of a WebSocket handshake too."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        reason: str = "",
        params: Mapping[str, str] | None = None,
        field: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body: dict[str, Any] = {
            "type": f"urn:vms:problem:{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
        }
        further = {"hint": hint, "reason": reason, "params": params, "field": field, "errors": list(errors)}
        body |= {name: value for name, value in further.items() if value}
        extra = {"Cache-Control": "no-store", **(headers or {})}
        if status == HTTPStatus.UNAUTHORIZED:
            extra["WWW-Authenticate"] = 'Session realm="vms"'
        super().__init__(orjson.dumps(body), status_code=status, headers=extra)


def problem_of(error: VmsError) -> ProblemResponse:
    """The answer for one of the project's errors."""
    headers = dict(getattr(error, "headers", {}))
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    field = error.field if isinstance(error, InputError) else ""
    return ProblemResponse(
        error.status,
        error.code,
        logs.redact(error.message),
        hint=logs.redact(error.hint),
        reason=error.reason,
        params={name: logs.redact(value) for name, value in error.params.items()},
        field=field,
        headers=headers,
    )


def _field_of(location: Sequence[Any]) -> str:
    """`streams.0.url` of pydantic's location. A key made up by the client is shown only where it is a plain word."""
    parts = [str(part) for part in location if part not in {"body", "query", "path", "header"}]
    return ".".join(part if part.isdigit() or _PLAIN_KEY.fullmatch(part) else "(unknown)" for part in parts[:8])


def _words_of(error: Mapping[str, Any]) -> str:
    kind = str(error.get("type", ""))
    if kind == "json_invalid":
        return "is not valid JSON"
    if kind == "extra_forbidden":
        return "is not known here"
    return str(error.get("msg", "is wrong")).removeprefix("Value error, ")


def _reason_of(error: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Reason and parameters, as in VmsError, of what pydantic found."""
    context = error.get("ctx") or {}
    cause = context.get("error")
    if isinstance(cause, TextError):
        return cause.reason, cause.params
    limit = _LIMITS.get(str(error.get("type", "")))
    if limit is None:
        return "value", {}
    reason, name = limit
    return reason, {"limit": str(context.get(name, ""))}


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> ProblemResponse:
    """422 with each field and what is wrong with it; never what was given."""
    listed = [{"field": _field_of(e.get("loc", ())), "message": _words_of(e)} for e in errors[:50]]
    first = listed[0] if listed else {"field": "", "message": "is wrong"}
    named = f"{first['field']}: {first['message']}" if first["field"] else f"the request {first['message']}"
    reason, params = _reason_of(errors[0]) if errors else ("value", {})
    return ProblemResponse(422, "input", named, reason=reason, params=params, field=first["field"], errors=listed)


async def _write_down(request: Request, code: str) -> None:
    """A change that a person wanted and was refused belongs into the audit log."""
    if request.scope["type"] != "http":  # the handlers serve the handshake of WebSockets too
        return
    principal = getattr(request.state, "principal", None)
    if principal is not None and request.method not in {"GET", "HEAD", "OPTIONS"}:
        what = f"{request.method} {request.url.path}"
        try:
            await request.app.state.parts.audit.refused(principal.viewer.id, request.state.address, what, code)
        except VmsError as error:
            log.warning("refusal not written down", code=code, why=error.message)


async def on_vms_error(request: Request, error: Exception) -> Response:
    """Handler for VmsError."""
    assert isinstance(error, VmsError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", code=error.code, why=error.message)
    else:
        await _write_down(request, error.code)
    return problem_of(error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Handler for bodies and parameters that do not fit."""
    assert isinstance(error, RequestValidationError)
    await _write_down(request, InputError.code)
    return validation_problem(error.errors())


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """Handler for what the framework refuses: no such route, method, body."""
    assert isinstance(error, HTTPException)
    words = _WORDS.get(error.status_code, HTTPStatus(error.status_code).phrase)
    code = {404: "not_found", 405: "method", 413: "too_large"}.get(error.status_code, "request")
    return ProblemResponse(error.status_code, code, words, headers=error.headers)


class ErrorGuard:
    """Outermost: what nothing else caught becomes a 500 with an id to look for in the log, and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; after the first byte of an answer an error can only cut the connection, which returning does."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in {"http.response.start", "websocket.accept"}
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except VmsError as error:
            if not started:
                await problem_of(error)(scope, receive, send)
                return
            log.warning("answer cut short", path=scope.get("path"), code=error.code, why=error.message)
        except Exception:
            incident = new_id()
            log.exception("unexpected error", incident=incident, path=scope.get("path"))
            if not started:
                detail = f"Something went wrong on our side. The log names it {incident}."
                params = {"incident": incident}
                await ProblemResponse(500, "internal", detail, reason="internal", params=params)(scope, receive, send)
