"""The gate in front of every route: no session, no entry, unless the address is on the short list of public ones.

Deny by default: a route that is new needs a session without anybody having thought of it. Also refuses what a page of
another origin sends, and a missing CSRF token. Pure ASGI, for HTTP and WebSocket alike.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from enum import Enum

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from vms.errors import ForbiddenError, UnauthenticatedError
from web.audit import Audit
from web.security import display_keys
from web.security.display_keys import DisplayKeys, DisplayPrincipal
from web.security.origin import Network, client_address, is_direct_loopback, is_same_origin
from web.security.sessions import COOKIE, Principal, Sessions

_SAFE = {"GET", "HEAD", "OPTIONS"}
_READ = {"GET", "HEAD"}
_CSRF = "x-csrf-token"
_DISPLAY = re.compile(r"/api/display/[0-9]{1,2}(/.*)?", re.DOTALL)


class Access(Enum):
    """What an address asks of who comes."""

    PUBLIC = "public"
    SIGN_IN = "sign_in"
    ASK = "ask"
    LOOPBACK_OR_SESSION = "loopback_or_session"
    SESSION = "session"
    PAIRING = "pairing"
    ASK_DISPLAY = "ask_display"
    DISPLAY = "display"


class PasswordChangeError(ForbiddenError):
    """The person must choose a password of their own first."""

    code = "password_change_required"


def access_of(method: str, path: str) -> Access:
    """What the address asks. Pages are public: they hold nothing, all they show comes from /api."""
    if path == "/api/session" and method == "POST":
        return Access.SIGN_IN
    if path == "/api/session" and method in _READ:
        return Access.ASK
    screen = _DISPLAY.fullmatch(path)
    if screen is not None:
        return _access_of_screen(method, screen.group(1) or "")
    if (method, path) == ("WEBSOCKET", "/healthz"):
        return Access.PUBLIC
    if path == "/metrics":
        return Access.LOOPBACK_OR_SESSION
    if path == "/api" or path.startswith("/api/") or method not in _READ:
        return Access.SESSION
    return Access.PUBLIC


def _access_of_screen(method: str, rest: str) -> Access:
    """A browser that is or wants to be a screen: it asks what it is, asks for a code, and all else needs its key."""
    if method in _READ and not rest:
        return Access.ASK_DISPLAY
    return Access.PAIRING if method == "POST" and rest == "/pairing" else Access.DISPLAY


class Gate:
    """Lets in, or raises one of the project's errors for the guard outside to answer."""

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        displays: DisplayKeys,
        audit: Audit,
        trusted: Sequence[Network],
        *,
        https: bool,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._displays = displays
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

    async def _principal(self, scope: Scope) -> Principal | DisplayPrincipal | None:
        is_socket = scope["type"] == "websocket"
        method, path = ("WEBSOCKET" if is_socket else scope["method"]), scope["path"]
        access = access_of(method, path)
        if access is Access.PUBLIC or (access is Access.LOOPBACK_OR_SESSION and is_direct_loopback(scope)):
            return None
        changes = method not in _SAFE
        if changes and not is_same_origin(scope, self._trusted, https=self._https):
            raise ForbiddenError(
                "This request comes from another page.", hint="Use the page of this system.", reason="other_page"
            )
        if access in {Access.SIGN_IN, Access.PAIRING}:
            return None
        if access in {Access.ASK_DISPLAY, Access.DISPLAY}:
            return await self._screen(scope, access)
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

    async def _screen(self, scope: Scope, access: Access) -> DisplayPrincipal | None:
        """A key opens what lies under its screen's address, where nothing else counts: no sign-in, no other key."""
        found = await self._displays.find(HTTPConnection(scope).cookies.get(display_keys.COOKIE))
        if found is None and access is Access.DISPLAY:
            raise UnauthenticatedError("This browser is no screen.", hint="Pair it first.", reason="no_display")
        return found

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
