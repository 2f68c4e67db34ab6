"""Signing in and out, throttling, CSRF, changing the password."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import httpx
import pytest
from argon2 import PasswordHasher

from tests.web.conftest import CHEAP, PASSWORD, World, sign_in
from vms.clock import NS_PER_S
from vms.errors import InputError, TooManyError
from web.app import create_app, parts_of_app
from web.security.passwords import Passwords, hash_password
from web.security.throttle import ThrottledError


async def test_sign_in_gives_a_strict_cookie_and_the_person(world: World, client: httpx.AsyncClient) -> None:
    """The cookie is HttpOnly and SameSite=Strict; only the SHA-256 of its token is in the catalogue."""
    answer = await client.post("/api/session", json={"username": "ADMIN", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["person"] == {
        "id": world.admin.id, "username": "admin", "name": "Admin", "language": "id", "must_change": False
    }  # fmt: skip
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    token = client.cookies["vms_session"]
    assert await world.catalogue.sessions.by_token(hashlib.sha256(token.encode()).hexdigest()) is not None
    again = await client.get("/api/session")
    assert again.json() == answer.json()


async def test_unknown_user_and_wrong_password_look_the_same(client: httpx.AsyncClient) -> None:
    """Nothing tells whether the user exists, and the password is not repeated."""
    wrong = await client.post("/api/session", json={"username": "admin", "password": "hunter22"})
    unknown = await client.post("/api/session", json={"username": "nobody", "password": "hunter22"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "hunter22" not in wrong.text
    assert wrong.headers["content-type"] == "application/problem+json"


async def test_a_network_of_ipv6_is_one_address(world: World) -> None:
    """Whoever has one address of a /64 has all of them; the next network is somebody else, as is another IPv4."""
    throttle = world.parts.throttle
    for number in range(5):
        throttle.begin("admin", f"2001:db8::{number + 1}")
    with pytest.raises(ThrottledError):
        throttle.begin("admin", "2001:db8::ffff")
    throttle.begin("admin", "2001:db8:0:1::1")
    for _ in range(5):
        throttle.begin("admin", "::ffff:192.0.2.1")
    with pytest.raises(ThrottledError):
        throttle.begin("admin", "192.0.2.1")
    throttle.begin("admin", "192.0.2.2")


async def test_an_address_that_waits_pushes_nobody_out(world: World) -> None:
    """Tries from an address that has to wait leave no trace: what is known of others stays."""
    throttle = world.parts.throttle
    for _ in range(5):
        throttle.begin("admin", "203.0.113.9")
    for number in range(100):
        throttle.begin(f"user{number}", "198.51.100.7")
    for number in range(10_001):
        with pytest.raises(ThrottledError):
            throttle.begin(f"other{number}", "198.51.100.7")
    with pytest.raises(ThrottledError):
        throttle.begin("admin", "203.0.113.9")


async def test_guessing_is_throttled_for_that_user_and_address_alone(world: World) -> None:
    """Of 10,000 tries a handful is looked at; the right password waits too; others sign in as ever."""
    async with world.client() as guesser, world.client(("203.0.113.9", 1)) as other:
        answers = [await guesser.post("/api/session", json={"username": "admin", "password": "x"}) for _ in range(5)]
        assert {a.status_code for a in answers} == {401}
        for _ in range(100):
            await guesser.post("/api/session", json={"username": "admin", "password": "x"})
        for _ in range(10_000):
            with pytest.raises(ThrottledError):
                world.parts.throttle.begin("admin", "203.0.113.5")
        refused = await guesser.post("/api/session", json={"username": "admin", "password": PASSWORD})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) == 5
        assert (await other.post("/api/session", json={"username": "admin", "password": PASSWORD})).status_code == 200
        await world.clock.advance(5)
        assert (await guesser.post("/api/session", json={"username": "admin", "password": PASSWORD})).status_code == 200
    actions = [(e.action, e.detail.get("code")) for e in (await world.catalogue.audit.list())[0]]
    assert actions.count(("refused", "throttled")) == 1


async def test_many_tries_at_once_gain_nothing(world: World, client: httpx.AsyncClient) -> None:
    """Tries are counted when they begin: of thirty at once five are looked at."""
    tries = (client.post("/api/session", json={"username": "admin", "password": "x"}) for _ in range(30))
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 25


async def test_spraying_many_users_from_one_address_ends(world: World) -> None:
    """A hundred users tried from one address close it for five minutes."""
    for number in range(100):
        world.parts.throttle.begin(f"user{number}", "198.51.100.7")
    with pytest.raises(ThrottledError):
        world.parts.throttle.begin("another", "198.51.100.7")
    world.parts.throttle.begin("another", "198.51.100.8")
    await world.clock.advance(301)
    world.parts.throttle.begin("another", "198.51.100.7")


async def test_forwarded_address_of_a_stranger_is_ignored(world: World) -> None:
    """X-Forwarded-For gives no fresh tries to who is no trusted proxy."""
    async with world.client() as client:
        for number in range(6):
            answer = await client.post(
                "/api/session",
                json={"username": "admin", "password": "x"},
                headers={"X-Forwarded-For": f"127.0.0.{number}"},
            )
        assert answer.status_code == 429


async def test_sign_out_ends_the_session(world: World, admin: httpx.AsyncClient) -> None:
    """After DELETE the old cookie is worth nothing."""
    cookie = admin.cookies["vms_session"]
    assert (await admin.delete("/api/session")).status_code == 204
    answer = await admin.get("/api/sites", headers={"Cookie": f"vms_session={cookie}"})
    assert answer.status_code == 401


async def test_session_ends_unused_and_lives_used(world: World, admin: httpx.AsyncClient) -> None:
    """Twelve hours without a request end it; requests in between put that off."""
    world.clock.step(11 * 3600)
    assert (await admin.get("/api/session")).status_code == 200
    world.clock.step(11 * 3600)
    assert (await admin.get("/api/session")).status_code == 200
    world.clock.step(12 * 3600 + 1)
    assert (await admin.get("/api/session")).status_code == 204


async def test_session_ends_at_the_longest(world: World, admin: httpx.AsyncClient) -> None:
    """Thirty days after signing in it is over however much it is used."""
    for _ in range(30 * 24 // 11):
        world.clock.step(11 * 3600)
        await admin.get("/api/session")
    world.clock.step(11 * 3600)
    assert (await admin.get("/api/session")).status_code == 204
    assert (await admin.get("/api/sites")).status_code == 401


async def test_disabled_person_is_out_at_once(world: World, admin: httpx.AsyncClient) -> None:
    """A session of a disabled account opens nothing, and it cannot sign in."""
    await world.catalogue.people.put(replace(world.admin, enabled=False, rev=2))
    assert (await admin.get("/api/sites")).status_code == 401
    answer = await admin.post("/api/session", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "é" * 43])
async def test_change_without_csrf_token_is_refused(world: World, admin: httpx.AsyncClient, token: str) -> None:
    """The cookie alone changes nothing."""
    answer = await admin.request("DELETE", "/api/session", headers={b"X-CSRF-Token": token.encode()})
    assert answer.status_code == 403
    assert (await admin.get("/api/session")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://vms.test:8080"},
        {"Origin": "https://vms.test"},
        {"Origin": "null"},
        {"Origin": "http://vms.test.evil.example"},
        {"Origin": "http://vms.test@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://vms.test"},
        {"Origin": "http://vms.test", "X-Forwarded-Host": "evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_other_pages_can_neither_change_nor_sign_in(admin: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """A request that another page makes is refused, with the right token even."""
    assert (await admin.delete("/api/session", headers=headers)).status_code == 403
    body = {"username": "admin", "password": PASSWORD}
    assert (await admin.post("/api/session", json=body, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://vms.test"},
        {"Origin": "http://vms.test", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_own_page_may(admin: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """What browsers send from our own page passes."""
    assert (await admin.delete("/api/session", headers=headers)).status_code == 204


async def test_password_change_ends_other_sessions(world: World, admin: httpx.AsyncClient) -> None:
    """The session that changed it lives on, another of the same person does not, and the new password holds."""
    async with world.client() as elsewhere:
        await sign_in(elsewhere)
        body = {"old": PASSWORD, "new": "a better password"}
        assert (await admin.post("/api/session/password", json=body)).status_code == 204
        assert (await elsewhere.get("/api/session")).status_code == 204
        assert (await admin.get("/api/session")).status_code == 200
        await sign_in(elsewhere, password="a better password")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", "a better password", "old"),
        (PASSWORD, "sh0rt", "new"),
        (PASSWORD, PASSWORD, "new"),
        (PASSWORD, "x" * 257, "new"),
        (PASSWORD, "a\0b better password", "new"),
    ],
)
async def test_bad_password_change_changes_nothing(
    world: World, admin: httpx.AsyncClient, old: str, new: str, field: str
) -> None:
    """The field is named, the passwords are not."""
    answer = await admin.post("/api/session/password", json={"old": old, "new": new})
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert new not in answer.text
    assert await world.catalogue.people.get(world.admin.id) == world.admin


async def test_password_to_be_changed_comes_before_anything_else(world: World) -> None:
    """With `must_change` only the session and the change of password are open."""
    await world.catalogue.people.put(replace(world.admin, must_change=True, rev=2))
    async with world.client() as client:
        await sign_in(client)
        refused = await client.get("/api/cameras")
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
        await client.post("/api/session/password", json={"old": PASSWORD, "new": "a better password"})
        assert (await client.get("/api/cameras")).status_code == 200


async def test_what_happens_is_in_the_audit_log(world: World, admin: httpx.AsyncClient) -> None:
    """Signing in, being refused and signing out are written down, never with a password."""
    await admin.request("DELETE", "/api/session", headers={"X-CSRF-Token": "wrong"})
    await admin.delete("/api/session")
    entries, _ = await world.catalogue.audit.list()
    assert [entry.action for entry in reversed(entries)] == ["session.open", "refused", "session.close"]
    assert {entry.person for entry in entries} == {world.admin.id}
    assert PASSWORD not in repr(entries)
    assert entries[-1].at_ns // NS_PER_S == world.clock.now_ns() // NS_PER_S


async def test_unknown_user_costs_what_a_known_one_does(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way one Argon2id hash of the same cost is verified."""
    verified: list[str] = []
    real = PasswordHasher.verify

    def counting(self: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored.rpartition("$")[0].rpartition("$")[0])
        return bool(real(self, stored, password))

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    for username in ("admin", "nobody"):
        await client.post("/api/session", json={"username": username, "password": "x"})
    assert len(verified) == 2
    assert verified[0] == verified[1]


async def test_hashing_is_bounded() -> None:
    """Of forty at once sixteen are verified, the others told to wait: memory and time stay bounded."""
    passwords = Passwords(CHEAP)
    stored = hash_password("right", CHEAP)
    results = await asyncio.gather(*(passwords.verify("right", stored) for _ in range(40)), return_exceptions=True)
    passwords.close()
    assert results.count(True) == 16
    assert sum(isinstance(result, TooManyError) for result in results) == 24
    assert await passwords.verify("right", stored)
    assert not await passwords.verify("right", "damaged")
    passwords.close()
    with pytest.raises(InputError):
        hash_password("x" * 300)


@pytest.mark.parametrize(("https", "scheme"), [(True, "http"), (False, "https")])
async def test_cookie_is_secure_where_the_browser_speaks_tls(world: World, https: bool, scheme: str) -> None:
    """By option behind a proxy, or by the scheme of the request."""
    app = create_app(replace(world.parts.context, options=replace(world.parts.options, https=https)))
    transport = httpx.ASGITransport(app=app, client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://vms.test") as client:
        answer = await client.post("/api/session", json={"username": "admin", "password": PASSWORD})
        assert "Secure" in answer.headers["set-cookie"]
    parts_of_app(app).passwords.close()
