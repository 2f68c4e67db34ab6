"""The page's files, and whether the process and its services are well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import World
from vms.service import Health
from web.app import create_app

INDEX = "<!doctype html><div id=app></div>"


@pytest.fixture
def static(world: World, tmp_path: Path) -> Path:
    """A built page, with a secret beside its folder."""
    folder = world.parts.options.static_dir
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "index-abc123.js").write_text("let x = 1")
    (folder / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


async def test_without_a_build_the_page_says_how(client: httpx.AsyncClient) -> None:
    """One plain line instead of an error."""
    answer = await client.get("/")
    assert answer.status_code == 200
    assert "make ui" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.usefixtures("static")
@pytest.mark.parametrize("asked", ["bytes=5-2", "lines=1-2", "bytes=99999999-", "bytes=0-3", "bytes=-0"])
async def test_a_file_of_the_page_is_always_whole(client: httpx.AsyncClient, asked: str) -> None:
    """A Range is ignored, as RFC 9110 lets a server, whatever stands in it."""
    answer = await client.get("/", headers={"Range": asked})
    assert (answer.status_code, answer.text) == (200, INDEX)


@pytest.mark.usefixtures("static")
async def test_every_address_of_the_page_is_the_page(client: httpx.AsyncClient) -> None:
    """Reload changes nothing; hashed files are kept, the rest is asked for again."""
    for path in ("/", "/wall", "/cameras/abc/recordings", "/signin", "/index.html"):
        answer = await client.get(path)
        assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, INDEX, "no-cache"), path
    script = await client.get("/assets/index-abc123.js")
    assert (script.text, script.headers["cache-control"]) == ("let x = 1", "public, max-age=31536000, immutable")
    assert "javascript" in script.headers["content-type"]
    assert (await client.head("/favicon.svg")).headers["content-length"] == "6"
    assert (await client.get("/assets/missing.js")).status_code == 404
    assert (await client.get("/assets")).text == INDEX


@pytest.mark.usefixtures("static")
@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/link.txt",
        "/..%5csecret.txt", "/%00secret.txt", "//etc/passwd.txt", "/%2fetc%2fhosts.conf", "/assets/../../secret.txt",
        "/" + "a/" * 500 + "x.txt", "/" + "x" * 300 + ".txt",
    ],
)  # fmt: skip
async def test_nothing_beside_the_folder_is_served(client: httpx.AsyncClient, path: str) -> None:
    """Whatever the address says, also by a link."""
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.text != "secret"


async def test_alive_and_ready(world: World, client: httpx.AsyncClient) -> None:
    """healthz is 200 while the process answers; readyz is 503 while a service does not work, and says which."""
    assert (await client.get("/healthz")).status_code == 200
    well = await client.get("/readyz")
    assert (well.status_code, well.json()) == (200, {"ready": True, "services": {}})
    health = {"ingest": Health(ok=True), "recorder": Health(ok=False, why="no rtsp://u:hunter22@10.0.0.1")}
    options = replace(world.parts.options, health=lambda: health)
    app = create_app(replace(world.parts.context, options=options))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://vms.test") as other:
        ill = await other.get("/readyz")
    assert ill.status_code == 503
    assert ill.json()["ready"] is False
    assert ill.json()["services"]["ingest"] == {"ok": True, "why": "", "reason": "", "params": {}}
    assert "hunter22" not in ill.text
