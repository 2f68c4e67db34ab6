"""The application: middleware from the outside in, then the routes. It makes no connection and starts no task; whoever
serves it runs `parts_of_app(app).running()` around."""

from __future__ import annotations

from typing import cast

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from vms.errors import VmsError
from web import pages
from web.api import (
    alarms,
    bookmarks,
    cameras,
    cases,
    discoveries,
    display,
    displays,
    events,
    exports,
    fills,
    health,
    holds,
    hours,
    live,
    maps,
    news,
    openapi,
    people,
    playback,
    probe,
    ptz,
    report,
    rules,
    search,
    session,
    sheets,
    sites,
    stills,
    thumbnail,
    timeline,
    tours,
    views,
)
from web.context import WebContext, WebOptions
from web.parts import Parts
from web.problem import ErrorGuard, on_http_exception, on_validation_error, on_vms_error
from web.security.gate import Gate
from web.security.headers import SecurityHeaders
from web.security.limits import BodyLimits, EdgeLimits
from web.security.route_rules import authorize

__all__ = ["WebContext", "WebOptions", "create_app", "parts_of_app"]


def create_app(context: WebContext) -> FastAPI:
    """The API and the page over the given catalogue, bus and footage."""
    parts = Parts(context)
    options = context.options
    app = FastAPI(
        title="VMS",
        version=options.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorize)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(ErrorGuard),
            Middleware(EdgeLimits),
            Middleware(
                Gate,
                parts.sessions,
                parts.display_keys,
                parts.audit,
                options.trusted_proxies,
                https=options.https,
            ),
            Middleware(BodyLimits),
        ],
    )
    app.state.parts = parts
    app.add_exception_handler(VmsError, on_vms_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    # `probe`, `ptz` and `sheets` before `cameras`: /api/cameras/probe is no camera's id. The page takes the rest.
    for module in (
        session,
        sites,
        probe,
        ptz,
        sheets,
        cameras,
        discoveries,
        views,
        tours,
        displays,
        display,
        playback,
        timeline,
        thumbnail,
        stills,
        bookmarks,
        cases,
        holds,
        exports,
        search,
        fills,
        report,
        hours,
        events,
        alarms,
        rules,
        live,
        maps,
        news,
        people,
        health,
        openapi,
        pages,
    ):
        app.include_router(module.router)
    return app


def parts_of_app(app: FastAPI) -> Parts:
    """The moving parts behind an application of create_app."""
    return cast("Parts", app.state.parts)
