"""The service on real sockets: ports, slow and greedy clients, TLS, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from tests.web.conftest import World, sign_in
from vms.clock import SystemClock
from vms.errors import SettingsError
from web.protocol import ConnectionLimits
from web.server import WebServer, bind
from web.tls import GivenFiles, OwnAuthority, is_loopback, machine_names

QUICK = ConnectionLimits(head_s=0.3, stall_s=0.5, linger_s=0.2, head_bytes=20_000, total=20, each=10)


@asynccontextmanager
async def serving(world: World, **options: Any) -> AsyncIterator[WebServer]:
    """The service bound to a free port of this machine."""
    server = WebServer(SystemClock(), world.app, host="127.0.0.1", port=0, **options)
    task = asyncio.create_task(server.run())
    try:
        await asyncio.wait_for(server.listening.wait(), 10)
        yield server
    finally:
        server.stop()
        await asyncio.wait_for(task, 10)


async def talk(port: int, data: bytes, *, then_wait: bool = True) -> bytes:
    """Send bytes; everything that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 5) if then_wait else b""
    finally:
        writer.close()


async def test_it_serves_and_tells_its_port(world: World) -> None:
    """Port 0 becomes a real one; the service is well while it serves and not after."""
    async with serving(world) as server:
        assert server.port > 0
        assert server.health().ok
        async with httpx.AsyncClient(base_url=server.url) as client:
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.text) == (200, "ok\n")
            assert "server" not in answer.headers
    assert not server.health().ok


async def test_anybody_may_knock(world: World) -> None:
    """A page learns by a new connection that the server is back: open for a moment, without a sign-in, once each."""
    async with serving(world) as server:
        async with connect(f"ws://127.0.0.1:{server.port}/healthz") as socket:
            with pytest.raises(ConnectionClosedOK):
                await asyncio.wait_for(socket.recv(), 5)
        with pytest.raises(InvalidStatus, match="401"):
            await connect(f"ws://127.0.0.1:{server.port}/readyz")


async def test_an_address_that_is_taken_is_said_plainly(world: World) -> None:
    """SettingsError with a way out, not a process that ends."""
    async with serving(world) as server:
        with pytest.raises(SettingsError, match="cannot serve") as caught:
            bind("127.0.0.1", server.port)
        assert caught.value.hint
    with pytest.raises(SettingsError):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\r\n", b"GET /healthz HTTP/1.1\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(world: World, data: bytes) -> None:
    """Slow-loris: 408 and closed within the time for a head."""
    async with serving(world, limits=QUICK) as server:
        begun = time.monotonic()
        answer = await talk(server.port, data)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"application/problem+json" in answer
        assert time.monotonic() - begun < 3


async def test_a_dripping_head_is_not_waited_for(world: World) -> None:
    """A byte now and then does not win more time; nor does an idle connection after a first answer."""
    async with serving(world, limits=QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"ok\n")
        begun = time.monotonic()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"\r\n" if time.monotonic() - begun < 0.1 else b"X")
                    await writer.drain()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1000), 0.02)
        assert time.monotonic() - begun < 3
        writer.close()


UPGRADE = (
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    "data",
    [
        b"POST /api/session HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}",
        b"GET /api/x HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}",
        b"GET /api/x HTTP/1.1\r\n" + UPGRADE + b"A: " + b"a" * 9000 + b"\r\n\r\n",
    ],
)
async def test_a_handshake_that_cannot_be_read_is_not_kept_open(world: World, data: bytes) -> None:
    """What the WebSocket protocol leaves without an answer is refused and counted: nobody holds sockets for nothing."""
    async with serving(world) as server:
        answer = await talk(server.port, data)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in answer


async def test_refused_handshakes_give_their_place_back(world: World) -> None:
    """A handshake counts against its address until it is gone, and no longer."""
    async with serving(world, limits=QUICK) as server:
        for _ in range(3 * QUICK.each):
            answer = await talk(server.port, b"GET /api/wall/sessions/x/control HTTP/1.1\r\n" + UPGRADE + b"\r\n")
            assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_a_problem_too(world: World, data: bytes) -> None:
    """Also what the parser refuses is answered as RFC 9457 says; one host must be named (RFC 9112 §3.2)."""
    async with serving(world) as server:
        answer = await talk(server.port, data)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in answer


async def test_preparing_says_what_is_wrong_before_serving(world: World) -> None:
    """An address that is taken is told by prepare; one that is prepared and never served is given back."""
    async with serving(world) as server:
        other = WebServer(SystemClock(), world.app, host="127.0.0.1", port=server.port)
        with pytest.raises(SettingsError, match="cannot serve"):
            await other.prepare()
    free = WebServer(SystemClock(), world.app, host="127.0.0.1", port=0)
    await free.prepare()
    assert free.port > 0
    await free.close()


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
async def test_a_large_body_is_no_large_head(world: World, cut: int) -> None:
    """A body that comes in one piece with its head, or with the end of it, is not counted as a head."""
    async with serving(world, limits=QUICK) as server:
        body = b'{"username":"admin","password":"' + b"x" * 60_000 + b'"}'
        head = b"POST /api/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += b"Content-Length: %d\r\n\r\n" % len(body)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        if cut:
            writer.write(head[:-cut])
            await writer.drain()
            await asyncio.sleep(0.02)  # so that the end of the head is a read of its own
        writer.write(head[len(head) - cut if cut else 0 :] + body)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert not answer.startswith(b"HTTP/1.1 431"), answer[:200]


async def test_an_endless_head_is_cut(world: World) -> None:
    """431 instead of memory."""
    async with serving(world, limits=QUICK) as server:
        head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 30_000
        assert (await talk(server.port, head)).startswith(b"HTTP/1.1 431")


async def test_connections_are_bounded(world: World) -> None:
    """Idle connections beyond the limit of an address are refused; the others go on."""
    slow = ConnectionLimits(total=20, each=10)
    async with serving(world, limits=slow) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
        assert (await talk(server.port, b"")).startswith(b"HTTP/1.1 503")
        held[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(held[0][0].readuntil(b"ok\n"), 5)
        held.pop()[1].close()
        for _ in range(100):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if b"200 OK" in answer:
                break
        assert b"200 OK" in answer
        for _, writer in held:
            writer.close()


async def test_a_refused_body_is_not_read_forever(world: World) -> None:
    """Without a session the body of a POST is not awaited: 401, then closed however much more would come."""
    async with serving(world, limits=QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /api/cameras HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 401")
        begun = time.monotonic()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 3
        writer.close()


async def test_a_chunked_body_beyond_the_limit_is_refused(world: World) -> None:
    """1 MB holds for bodies without a length too."""
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * 65_536

        answer = await client.post("/api/cameras", content=endless(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_stop_is_bounded_while_clients_hang(world: World) -> None:
    """Open connections, half a request, a download that nobody reads: five seconds at most."""
    server = WebServer(SystemClock(), world.app, host="127.0.0.1", port=0)
    task = asyncio.create_task(server.run())
    await asyncio.wait_for(server.listening.wait(), 10)
    hanging = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
    hanging[0][1].write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    hanging[1][1].write(b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{")
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    server.stop()
    server.stop()
    await asyncio.wait_for(task, 10)
    assert time.monotonic() - begun < 6
    for _, writer in hanging:
        writer.close()


def _now(days: float = 0) -> Callable[[], dt.datetime]:
    return lambda: dt.datetime(2026, 11, 24, tzinfo=dt.UTC) + dt.timedelta(days=days)


def test_own_authority_is_made_once_and_renewed_in_time(tmp_path: Path) -> None:
    """Used again; a new certificate near the end or for new names, under the same authority; keys are private."""
    first = OwnAuthority(tmp_path / "tls", ["localhost", "127.0.0.1"], _now())
    assert first.refresh()
    assert not first.refresh()
    files = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "tls").iterdir()}
    assert files == {"authority.pem": 0o600, "ca.crt": 0o644, "server.pem": 0o600}
    ca = first.ca_file.read_bytes()
    assert not OwnAuthority(tmp_path / "tls", ["localhost"], _now(360)).refresh()
    assert OwnAuthority(tmp_path / "tls", ["localhost"], _now(370)).refresh()
    assert OwnAuthority(tmp_path / "tls", ["localhost", "vms.example", "10.1.2.3"], _now(370)).refresh()
    assert first.ca_file.read_bytes() == ca
    (tmp_path / "tls" / "server.pem").write_text("damaged")
    assert OwnAuthority(tmp_path / "tls", ["localhost"], _now(371)).refresh()
    certificate = x509.load_pem_x509_certificate((tmp_path / "tls" / "server.pem").read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < dt.timedelta(days=398)
    assert len(first.fingerprint()) == 95
    (tmp_path / "tls" / "authority.pem").write_text("damaged")
    with pytest.raises(SettingsError):
        first.refresh()


async def test_a_browser_that_trusts_the_authority_gets_in(world: World, tmp_path: Path) -> None:
    """HTTPS with the made certificate, checked as a browser would; old TLS is refused."""
    authority = OwnAuthority(tmp_path / "tls", machine_names("127.0.0.1"), lambda: dt.datetime.now(dt.UTC))
    async with serving(world, certificate=authority) as server:
        assert server.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(authority.ca_file))
        async with httpx.AsyncClient(base_url=server.url, verify=trusting) as client:
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.headers["cross-origin-opener-policy"]) == (200, "same-origin")
            answer = await client.post("/api/session", json={"username": "admin", "password": "x"})
            assert answer.status_code == 401
            await sign_in(client)
            assert client.cookies.jar
        async with httpx.AsyncClient(base_url=server.url, verify=ssl.create_default_context()) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("/healthz")


def test_given_files_that_do_not_fit_are_said_plainly(tmp_path: Path) -> None:
    """SettingsError names the file."""
    (tmp_path / "a.pem").write_text("nothing")
    with pytest.raises(SettingsError, match=r"a\.pem"):
        GivenFiles(tmp_path / "a.pem", tmp_path / "a.pem").load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_what_loopback_is() -> None:
    """Beyond it there is HTTPS."""
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.9.9.9")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "10.0.0.1", "vms.example")))
    assert {"localhost", "127.0.0.1"} <= set(machine_names("0.0.0.0"))
