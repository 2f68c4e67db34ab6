"""Bar A8: bad camera URLs and bodies get a clear 4xx in RFC 9457 form, change nothing and show no secret anywhere."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
import structlog

from tests.web.conftest import World

SECRET = "S3cr3t-hunter22"
LOGIN = f"operator:{SECRET}"

BAD_URLS = [
    # other protocols and what libav would open
    f"http://{LOGIN}@10.0.0.5/x", f"https://{LOGIN}@10.0.0.5/x", f"ftp://{LOGIN}@10.0.0.5/x", "gopher://10.0.0.5/x",
    f"tcp://{LOGIN}@10.0.0.5:554", "udp://10.0.0.5:554", f"rtmp://{LOGIN}@10.0.0.5/x", "srt://10.0.0.5:554",
    "file:///etc/passwd", "/etc/passwd", "etc/passwd", "C:\\windows\\win.ini", "\\\\server\\share",
    "concat:/etc/passwd|/etc/shadow", f"subfile,,start,0,end,100,,:rtsp://{LOGIN}@10.0.0.5/x",
    "async:file:/etc/passwd", "cache:/etc/passwd", "pipe:0", "unix:/run/x.sock", "data:text/plain,hello",
    "crypto:rtsp://10.0.0.5/x", "ffconcat version 1.0\nfile /etc/passwd", "tee:rtsp://10.0.0.5/x", "rtsp:10.0.0.5",
    "rtsp:/10.0.0.5/x", "rtsp+file://10.0.0.5/x", " rtsp://10.0.0.5/x", "javascript:alert(1)",
    # loopback, unspecified, link-local, metadata, multicast, in every spelling
    f"rtsp://{LOGIN}@127.0.0.1/x", "rtsp://localhost/x", "rtsp://LOCALHOST./x", "rtsp://[::1]/x", "rtsp://0.0.0.0/x",
    "rtsp://[::ffff:127.0.0.1]/x", "rtsp://[::ffff:7f00:1]/x", "rtsp://2130706433/x", "rtsp://0177.0.0.1/x",
    "rtsp://0x7f.1/x", "rtsp://127.1/x", "rtsp://0/x", "rtsp://[::]/x", "rtsp://[64:ff9b::7f00:1]/x",
    f"rtsp://{LOGIN}@169.254.169.254/latest/meta-data", "rtsp://169.254.0.9/x", "rtsp://[fe80::1]/x",
    "rtsp://[fe80::1%25eth0]/x", "rtsp://[fd00:ec2::254]/x", "rtsp://100.100.100.200/x", "rtsp://224.0.0.1/x",
    "rtsp://255.255.255.255/x", "rtsp://metadata.google.internal/x",
    # forms that two parsers read differently, control characters, sizes
    f"rtsp://operator@evil:{SECRET}@10.0.0.5/x", f"rtsp://operator:{SECRET}%0d%0aDESCRIBE@10.0.0.5/x",
    "rtsp://10.0.0.5/x%0d%0aTEARDOWN", "rtsp://10.0.0.5/x\r\nTEARDOWN", "rtsp://10.0.0.5/\0", "rtsp://10.0.0.5/\x1b[2J",
    "rtsp://10.0.0.5/\u202egpj", "rtsp://10.0.0.5\\@127.0.0.1/x", "rtsp://10.0.0.5 127.0.0.1/x", "rtsp:///x", "rtsp://",
    "rtsp://:554/x", "rtsp://10.0.0.5:0/x", "rtsp://10.0.0.5:65536/x", "rtsp://10.0.0.5:-1/x", "rtsp://10.0.0.5:5x/x",
    "rtsp://10.0.0.5:٣/x", "rtsp://[10.0.0.5]/x", "rtsp://[::1/x", "rtsp://-i/x", "rtsp://$(reboot)/x",
    "rtsp://`reboot`/x", "rtsp://;reboot/x", "rtsp://a..b/x", "rtsp://10.0.0.5/%zz", "rtsp://10.0.0.5/x?tcp",
    f"rtsp://{LOGIN}@10.0.0.5/" + "x" * 65_536, "rtsp://" + "a" * 300 + "/x", "", "x" * 900_000, "rtsp://пример/x",
]  # fmt: skip

GOOD = {"name": "main", "url": f"rtsp://{LOGIN}@10.0.0.5/main"}


def _body(**changes: Any) -> dict[str, Any]:
    return {"site": "SITE", "name": "Pasar", "username": "operator", "password": SECRET, "streams": [GOOD]} | changes


BAD_BODIES: list[Any] = [
    _body(name="x" * 1_000_000), _body(name="x" * 101), _body(name=""), _body(name="   "), _body(name="a\0b"),
    _body(name="a\x1b[31mb"), _body(name="a\nb"), _body(name="abc\u202egpj.exe"), _body(name="a\u2066b"),
    _body(name="\u200b\u200b"), _body(name="a\u2028b"), _body(name="\ud800"), _body(name=7), _body(name=None),
    _body(name={"$gt": ""}), _body(name=["a"]), _body(site="nowhere"), _body(site="aaaaaaaaaaaaaaaa"),
    _body(site="../../etc"), _body(site="' OR 1=1 --"), _body(site=None), _body(slug="../x"), _body(slug="A B"),
    _body(slug=">"), _body(slug="a.*"), _body(slug="x" * 61), _body(username="a\r\nb"), _body(username="x" * 65),
    _body(password=SECRET * 30), _body(password=SECRET + "\r\nX: y"), _body(password=SECRET + "\0"),
    _body(password=[SECRET]), _body(password=12345678), _body(transport="http"), _body(transport="-i"),
    _body(enabled="yes"), _body(enabled=1), _body(audio=None), _body(retention_days=0), _body(retention_days=-1),
    _body(retention_days=10**12), _body(retention_days=1.5), _body(retention_days="30"), _body(streams=[]),
    _body(streams=[GOOD, GOOD]), _body(streams=[GOOD] * 3), _body(streams={"main": GOOD}), _body(streams=None),
    _body(streams=[{"name": "main"}]), _body(streams=[GOOD | {"name": "third"}]), _body(streams=[GOOD | {"x": SECRET}]),
    _body(streams=[GOOD | {"record": "sometimes"}]), _body(streams=[GOOD, GOOD | {"name": "sub", "url": "rtsp://a:b@10.0.0.5/s"}]),
    _body(id="aaaaaaaaaaaaaaaa"), _body(rev=9), _body(__proto__={"x": 1}), _body(constructor="x"), _body(**{SECRET: 1}),
    [], "text", 5, None, [_body()],
]  # fmt: skip

RAW_BODIES = [
    b"", b"{", b'{"site":', b"\xff\xfe\xfd", b"[" * 1_000_000, b'{"a":' * 30_000, b"NaN", b"1e999", b"9" * 5_000,
    b'{"name":"' + SECRET.encode(), b"\x1f\x8b\x08" + SECRET.encode(), b"{}" * 2_000_000,
]  # fmt: skip


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Any:
    """Everything that is logged during a test, by structlog and the standard library, as one text."""
    caplog.set_level(logging.INFO)
    with structlog.testing.capture_logs() as entries:
        yield lambda: repr(entries) + caplog.text


def _check(answer: httpx.Response, logged: str) -> dict[str, Any]:
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert 0 < len(problem["detail"]) < 500
    assert SECRET not in answer.text
    assert SECRET not in logged
    assert len(answer.text) < 8_000
    return problem


@pytest.mark.parametrize("url", BAD_URLS, ids=range(len(BAD_URLS)))
async def test_bad_url_is_refused_everywhere(world: World, admin: httpx.AsyncClient, logged: Any, url: str) -> None:
    """Registering, changing and probing refuse the URL, name the field, and connect to nothing."""
    site = world.site.id
    added = await admin.post("/api/cameras", json=_body(site=site, streams=[GOOD | {"url": "rtsp://10.0.0.5/main"}]))
    assert added.status_code == 201, added.text
    camera, before = added.json(), await world.snapshot()
    streams = [{"name": "main", "url": url}]
    problem = _check(await admin.post("/api/cameras", json=_body(site=site, streams=streams)), logged())
    assert problem["field"] == "streams.0.url"
    patch = {"rev": 1, "password": SECRET, "streams": streams}
    _check(await admin.patch(f"/api/cameras/{camera['id']}", json=patch), logged())
    probe = {"url": url, "username": "operator", "password": SECRET}
    assert _check(await admin.post("/api/cameras/probe", json=probe), logged())["field"] == "url"
    assert await world.snapshot() == before
    assert world.ingest.probes == []


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
async def test_bad_body_registers_nothing(world: World, admin: httpx.AsyncClient, logged: Any, body: Any) -> None:
    """The body is refused with the field named; nothing changes and nobody is told of a change."""
    changed = world.bus.subscribe("cameras.changed")
    before = await world.snapshot()
    content = json.dumps(body).replace('"SITE"', json.dumps(world.site.id)).encode()
    headers = {"Content-Type": "application/json"}
    _check(await admin.post("/api/cameras", content=content, headers=headers), logged())
    assert await world.snapshot() == before
    changed.close()
    assert [item async for item in changed] == []


@pytest.mark.parametrize("content", RAW_BODIES, ids=range(len(RAW_BODIES)))
async def test_raw_body_is_refused(admin: httpx.AsyncClient, logged: Any, content: bytes) -> None:
    """What is no JSON, too deep, too large, or compressed is refused without an error of ours."""
    headers = {"Content-Type": "application/json"}
    for path in ("/api/cameras", "/api/cameras/probe", "/api/session", "/api/wall/sessions"):
        _check(await admin.post(path, content=content, headers=headers), logged())


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_media_types_are_refused(admin: httpx.AsyncClient, logged: Any, headers: dict[str, str]) -> None:
    """A form of another page cannot even be parsed."""
    answer = await admin.post("/api/cameras", content=b'{"name": "x"}', headers=headers)
    assert answer.status_code == 415
    _check(answer, logged())


@pytest.mark.parametrize(
    "change",
    [
        {"rev": 2}, {"rev": 0}, {"rev": "1"}, {}, {"rev": 1, "name": "\0"}, {"rev": 1, "site": "aaaaaaaaaaaaaaaa"},
        {"rev": 1, "slug": "sampit-taken"}, {"rev": 1, "registered_ns": 5}, {"rev": 1, "deleted_ns": 5},
        {"rev": 1, "streams": [{"name": "main", "url": "rtsp://10.0.0.99/x"}]}, {"rev": 1, "retention_days": 0},
    ],
    ids=repr,
)  # fmt: skip
async def test_bad_change_changes_nothing(
    world: World, admin: httpx.AsyncClient, logged: Any, change: dict[str, Any]
) -> None:
    """Stale, unknown or impossible changes are refused; so is sending the kept password to another host."""
    body = _body(site=world.site.id, slug="sampit-one", streams=[{"name": "main", "url": "rtsp://10.0.0.5/main"}])
    camera = (await admin.post("/api/cameras", json=body)).json()
    await admin.post("/api/cameras", json=body | {"slug": "sampit-taken"})
    before = await world.snapshot()
    _check(await admin.patch(f"/api/cameras/{camera['id']}", json=change), logged())
    assert await world.snapshot() == before


async def test_refusals_are_in_the_audit_log(world: World, admin: httpx.AsyncClient) -> None:
    """A refused registration leaves a line, without the URL or the password."""
    await admin.post("/api/cameras", json=_body(site=world.site.id, streams=[GOOD | {"url": "file:///etc/passwd"}]))
    entries, _ = await world.catalogue.audit.list()
    assert (entries[0].action, entries[0].subject) == ("refused", "POST /api/cameras")
    assert SECRET not in repr(entries)


def test_there_are_enough() -> None:
    """The bar asks for sixty and more."""
    assert len(BAD_URLS) + len(BAD_BODIES) + len(RAW_BODIES) >= 150
