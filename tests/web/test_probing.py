"""Attacks 55 and 66: tokens that praise themselves, and hostile words in every place of every address."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from tests.web.conftest import World
from tests.web.test_cameras import SECRET, add
from vms.domain.ids import new_id

WORDS = ("' OR '1'='1", "facts.>", "..\\..\\x", "\x00\r\nX-Evil: 1", "NaN", "__proto__")


def _part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _jwt(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    return f"{_part(header)}.{_part(claims)}.{_part(signature) if signature else ''}"


ADMIN = {"sub": "admin", "roles": ["admin"], "exp": 4_000_000_000}
JWTS = [
    _jwt({"alg": "none", "typ": "JWT"}, ADMIN), _jwt({"alg": "None"}, ADMIN), _jwt({"alg": "NONE"}, ADMIN, b"x"),
    _jwt({"alg": "HS256"}, ADMIN, bytes(32)), _jwt({"alg": "RS256", "kid": "../../dev/null"}, ADMIN, bytes(256)),
    _jwt({"alg": "HS256", "kid": "' UNION SELECT 'k"}, ADMIN, bytes(32)),
    _jwt({"alg": "RS256", "jku": "http://10.0.0.66/keys"}, ADMIN, bytes(256)),
    _jwt({"alg": "RS256", "x5u": "http://10.0.0.66/c"}, ADMIN, bytes(256)),
    _jwt({"alg": "ES256", "jwk": {"kty": "EC"}}, ADMIN, bytes(64)), _jwt({"alg": "HS256"}, ADMIN | {"exp": 1}, b"x"),
    _jwt({"alg": "HS256"}, ADMIN | {"aud": "somebody-else"}, b"x"), _jwt({"alg": "HS256"}, ADMIN | {"nbf": 4e9}, b"x"),
    "a.b.c", "...", "", "x" * 4000, _part({"alg": "none"}) + ".." ,
]  # fmt: skip


@pytest.mark.parametrize("token", JWTS, ids=range(len(JWTS)))
async def test_tokens_that_say_of_themselves_that_they_are_good_open_nothing(
    client: httpx.AsyncClient, token: str
) -> None:
    """Unsigned, expired, for others, with keys of their own choosing: 401, wherever they are carried."""
    for headers in (
        {"Authorization": f"Bearer {token}"}, {"Authorization": f"bearer {token}"}, {"Authorization": token},
        {"Cookie": f"vms_session={token}"}, {"X-Forwarded-User": "admin", "X-Remote-User": "admin"},
    ):  # fmt: skip
        for path in ("/api/cameras", "/api/people", "/metrics"):
            assert (await client.get(path, headers=headers)).status_code == 401


def _asked(app: Any) -> list[tuple[str, list[str]]]:
    """Each GET route of the API: its path, and the names of its parameters in the query."""
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and "GET" in (context.methods or ()) and str(context.path).startswith("/api/"):
            found.append((str(context.path), [str(one.alias) for one in route.dependant.query_params]))
    return found


async def test_hostile_words_in_addresses_are_answered_plainly(world: World, admin: httpx.AsyncClient) -> None:
    """In the place of every id and of every parameter: an answer below 500 in its form, quickly, nothing changed."""
    await add(admin)
    before, slowest = await world.snapshot(), 0.0
    for word, (path, names) in itertools.product(WORDS, _asked(world.app)):
        filled = re.sub(r"\{[^}]*\}", lambda _: new_id(), path)
        pieces = re.split(r"\{[^}]*\}", path)
        places = [(quote(word, safe="").join(pieces), {})] if len(pieces) > 1 else []
        for url, params in [*places, *((filled, {name: word}) for name in names)]:
            began = time.thread_time()
            try:
                answer = await admin.get(url, params=params)
            except httpx.InvalidURL:
                continue  # no client can ask for it
            slowest = max(slowest, time.thread_time() - began)
            assert answer.status_code < 500, (url[:80], params, answer.text[:300])
            assert SECRET not in answer.text
            assert "X-Evil" not in answer.headers
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", (url[:80], answer.text[:200])
    assert slowest < 1
    assert await world.snapshot() == before
