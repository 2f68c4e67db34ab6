"""The gate in front of every route: no session, no entry, unless the address is on the short list of public ones.

Deny by default: a route that is new needs a session without anybody having thought of it. Also refuses what a page of
another origin sends, and a missing CSRF token. Pure ASGI, for HTTP and WebSocket alike.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import Enum

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from vms.errors import ForbiddenError, UnauthenticatedError
from web.audit import Audit
from web.security.origin import Network, client_address, is_direct_loopback, is_same_origin
from web.security.sessions import COOKIE, Principal, Sessions

_SAFE = {"GET", "HEAD", "OPTIONS"}
_READ = {"GET", "HEAD"}
_CSRF = "x-csrf-token"


class Access(Enum):
    """What an address asks of who comes."""

    PUBLIC = "public"
    SIGN_IN = "sign_in"
    ASK = "ask"
    LOOPBACK_OR_SESSION = "loopback_or_session"
    SESSION = "session"


class PasswordChangeError(ForbiddenError):
    """The person must choose a password of their own first."""

    code = "password_change_required"


def access_of(method: str, path: str) -> Access:
    """What the address asks. Pages are public: they hold nothing, all they show comes from /api."""
    if path == "/api/session" and method == "POST":
        return Access.SIGN_IN
    if path == "/api/session" and method in _READ:
        return Access.ASK
    if path == "/metrics":
        return Access.LOOPBACK_OR_SESSION
    if path == "/api" or path.startswith("/api/") or method not in _READ:
        return Access.SESSION
    return Access.PUBLIC


class Gate:
    """Lets in, or raises one of the project's errors for the guard outside to answer."""

    def __init__(
        self, app: ASGIApp, sessions: Sessions, audit: Audit, trusted: Sequence[Network], *, https: bool
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._audit = audit
        self._trusted = trusted
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on with the principal in `scope["state"]`."""
        if scope["type"] in {"http", "websocket"}:
            state = scope.setdefault("state", {})
            state["address"] = client_address(scope, self._trusted)
            state["principal"] = await self._principal(scope)
        await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal | None:
        is_socket = scope["type"] == "websocket"
        method, path = ("WEBSOCKET" if is_socket else scope["method"]), scope["path"]
        access = Access.SESSION if is_socket else access_of(method, path)
        if access is Access.PUBLIC or (access is Access.LOOPBACK_OR_SESSION and is_direct_loopback(scope)):
            return None
        changes = method not in _SAFE
        if changes and not is_same_origin(scope, self._trusted, https=self._https):
            raise ForbiddenError(
                "This request comes from another page.", hint="Use the page of this system.", reason="other_page"
            )
        if access is Access.SIGN_IN:
            return None
        principal = await self._sessions.find(HTTPConnection(scope).cookies.get(COOKIE))
        if principal is None and access is Access.ASK:
            return None
        if principal is None:
            raise UnauthenticatedError("Nobody is signed in.", hint="Sign in first.", reason="nobody")
        try:
            self._allow(principal, scope, method, path)
        except ForbiddenError as error:
            await self._audit.refused(principal.person.id, scope["state"]["address"], f"{method} {path}", error.code)
            raise
        return principal

    @staticmethod
    def _allow(principal: Principal, scope: Scope, method: str, path: str) -> None:
        if method not in _SAFE and method != "WEBSOCKET":
            given = Headers(scope=scope).get(_CSRF, "")
            if not secrets.compare_digest(given.encode(), principal.session.csrf.encode()):
                raise ForbiddenError(
                    "The X-CSRF-Token header is missing or wrong.",
                    hint="Send the csrf that GET /api/session gives.",
                    reason="csrf",
                )
        if principal.person.must_change and path not in {"/api/session", "/api/session/password"}:
            raise PasswordChangeError(
                "The password must be changed before anything else.",
                hint="POST /api/session/password.",
                reason="must_change",
            )
