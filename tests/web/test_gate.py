"""No session, no entry: over the route table of the application, so that a new route cannot forget it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute, iter_route_contexts

from tests.web.conftest import World
from vms.domain.ids import new_id
from web.api.openapi import describe

# The whole list of what is open to anybody. Whoever makes it longer has thought about it.
PUBLIC = {
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("GET", "/api/display/{screen}"),
    ("POST", "/api/display/{screen}/pairing"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/{path:path}"),
    ("HEAD", "/{path:path}"),
}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every HTTP route."""
    found = []
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or ()):
            assert context.path is not None
            found.append((method, context.path))
    return found


def sockets_of(app: FastAPI) -> list[str]:
    """Paths of every WebSocket route."""
    return [
        str(context.path)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIWebSocketRoute)
    ]


def filled(path: str) -> str:
    """A path with something in its places."""
    return re.sub(r"\{[^}]*\}", new_id(), path)


async def test_every_route_needs_a_session(world: World, client: httpx.AsyncClient) -> None:
    """Whatever is not on the public list answers 401 without a session, in problem form, and does nothing."""
    routes = routes_of(world.app)
    assert len(routes) > 20
    assert set(routes) >= PUBLIC
    for method, path in routes:
        if (method, path) in PUBLIC:
            continue
        answer = await client.request(method, filled(path))
        assert answer.status_code == 401, (method, path)
        if method != "HEAD":
            assert answer.json()["code"] == "unauthenticated"
    assert world.streamer.opened == []
    assert world.ingest.probes == []


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "__proto__", "../../etc", "A" * 5000, "é" * 43])
@pytest.mark.parametrize("path", ["/api/cameras", "/api/nothing", "/api", "/metrics"])
async def test_made_up_cookies_open_nothing(client: httpx.AsyncClient, path: str, cookie: str) -> None:
    """A cookie that nobody was given is no session; an address that is not there looks like any other."""
    answer = await client.get(path, headers={b"Cookie": f"vms_session={cookie}".encode()})
    assert answer.status_code == 401


async def test_token_in_the_address_is_no_session(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    """Tokens count in the cookie alone, since addresses end up in logs."""
    token = admin.cookies["vms_session"]
    for params in ({"token": token}, {"vms_session": token}):
        assert (await client.get("/api/cameras", params=params)).status_code == 401
    answer = await client.get("/api/cameras", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_metrics_are_for_this_machine_or_who_is_signed_in(world: World, admin: httpx.AsyncClient) -> None:
    """A program on this machine may scrape; a proxy on this machine may not on somebody's behalf."""
    assert (await admin.get("/metrics")).status_code == 200
    async with world.client(("127.0.0.1", 5)) as local:
        answer = await local.get("/metrics")
        assert answer.status_code == 200
        assert b"vms_packets" in answer.content
        forwarded = await local.get("/metrics", headers={"X-Forwarded-For": "198.51.100.1"})
        assert forwarded.status_code == 401
    async with world.client() as stranger:
        answer = await stranger.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
        assert answer.status_code == 401


async def test_unknown_addresses_and_methods_are_problems(admin: httpx.AsyncClient) -> None:
    """404 and 405 come in problem form."""
    assert (await admin.get("/api/nothing")).json()["code"] == "not_found"
    answer = await admin.put("/api/sites")
    assert (answer.status_code, answer.json()["code"]) == (405, "method")
    assert answer.headers["allow"] == "GET"
    assert (await admin.request("TRACE", "/api/sites")).status_code == 405


async def test_openapi_and_routes_are_in_step(world: World, admin: httpx.AsyncClient) -> None:
    """Every route of the API is described once, with an operation id, errors as problems and the rule of signing in."""
    document = (await admin.get("/api/openapi.json")).json()
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    there = {(method, path) for method, path in routes_of(world.app) if not path.startswith("/{path")}
    assert described == there
    operations: list[dict[str, Any]] = [o for path in document["paths"].values() for o in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert operation["description"]
        for status, answer in operation["responses"].items():
            if status.startswith("4"):
                assert list(answer["content"]) == ["application/problem+json"], operation["operationId"]
    for method, path in there - PUBLIC:
        assert document["paths"][path][method.lower()]["security"], (method, path)
    assert "HTTPValidationError" not in str(document)
    assert describe(world.app) is describe(world.app)


async def test_every_answer_has_security_headers(world: World, admin: httpx.AsyncClient) -> None:
    """Also errors, also pages: no inline script, no frame, no sniffing, no referrer, no cache for the API."""
    for path in ("/api/session", "/api/nothing", "/", "/healthz", "/api/cameras?limit=x", "/a" * 5000):
        headers = (await admin.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "connect-src 'self' ws://vms.test wss://vms.test;" in policy
        assert "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "permissions-policy" in headers
        assert headers["cache-control"] in {"no-store", "no-cache"}
    answer = await admin.get("/", headers={"Host": "x; script-src *"})
    assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, "/api/sites?" + "x" * 10_000, 414),
        ({"X-Long": "x" * 70_000}, "/api/sites", 431),
        ({"Range": "bytes=" + ",".join(["0-0"] * 10_000)}, "/api/sites", 416),
        ({"Range": "bytes=0-1,0-1"}, "/", 416),
        ({"Content-Encoding": "gzip"}, "/api/sites", 415),
    ],
)
async def test_heads_beyond_the_limits(
    admin: httpx.AsyncClient, headers: dict[str, str], path: str, status: int
) -> None:
    """Refused before anybody looks at them."""
    answer = await admin.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_error_of_ours_tells_nothing(
    world: World, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unexpected is a 500 with an id and nothing of what happened."""

    async def broken() -> None:
        raise RuntimeError("rtsp://user:hunter22@10.0.0.1 broke")

    monkeypatch.setattr(world.catalogue.sites, "list", broken)
    answer = await admin.get("/api/sites")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter22" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_shows_no_token_costs_no_query(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cookie, or with one that cannot be a token, the catalogue is not asked."""

    async def asked(_sha256: str) -> None:
        raise AssertionError

    monkeypatch.setattr(world.catalogue.sessions, "by_token", asked)
    for cookie in ("", "vms_session=short", "other=" + "A" * 43):
        assert (await client.get("/api/cameras", headers={"Cookie": cookie})).status_code == 401
