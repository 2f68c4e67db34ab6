"""The ground under the map: tiles of the installation's own, and nothing beside their folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import World
from web.app import WebOptions
from web.map_tiles import MapTiles

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def options(options: WebOptions, tmp_path: Path) -> WebOptions:
    """With a folder of tiles at zooms 5 and 7, a secret beside it and a link that leads there."""
    folder = tmp_path / "tiles"
    for zoom, x in (("5", "26"), ("7", "104"), ("notes", "0")):
        (folder / zoom / x).mkdir(parents=True)
    (folder / "5" / "26" / "16.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_text("secret")
    (folder / "5" / "26" / "17.png").symlink_to(tmp_path / "secret.png")
    return replace(options, map_tiles=MapTiles(folder, "© Badan Informasi Geospasial"))


async def test_what_there_is_to_draw_the_map_with(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    """First and last zoom, whom they are by, and the tiles; only for who is signed in."""
    told = (await admin.get("/api/map")).json()
    assert told == {"zooms": [5, 7], "attribution": "© Badan Informasi Geospasial"}
    tile = await admin.get("/api/map/tiles/5/26/16.png")
    assert (tile.content, tile.headers["content-type"]) == (PNG, "image/png")
    assert tile.headers["cache-control"].startswith("private")
    for path in ("/api/map", "/api/map/tiles/5/26/16.png"):
        assert (await client.get(path)).status_code == 401


async def test_a_tile_that_is_not_there_is_nothing(admin: httpx.AsyncClient) -> None:
    """No error on anybody's console; a link out of the folder is nothing too."""
    for path in ("5/26/15", "9/1/1", "5/26/17"):
        answer = await admin.get(f"/api/map/tiles/{path}.png")
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "path",
    [
        "-1/0/0.png", "23/0/0.png", "5/a/0.png", "5/26/..%2f..%2fsecret.png", "../secret/0/0.png", "5/26/16.jpg",
        "5/26/9999999999.png", "5/26/1.5.png", "%2e%2e/%2e%2e/secret.png", "5/26/16.png%00", "5/26/٣.png",
    ],
)  # fmt: skip
async def test_what_names_no_tile_is_refused(admin: httpx.AsyncClient, path: str) -> None:
    """A clear 4xx, or nothing; never a file beside the folder."""
    answer = await admin.get(f"/api/map/tiles/{path}")
    assert answer.status_code == 204 or 400 <= answer.status_code < 500
    assert b"secret" not in answer.content


async def test_without_a_folder_the_page_draws_its_own(world: World, tmp_path: Path) -> None:
    """Also where the folder is gone or empty."""
    del world
    assert MapTiles().zooms() is None
    assert MapTiles(tmp_path / "gone").zooms() is None
    assert MapTiles(tmp_path / "gone").read(5, 1, 1) is None
    (tmp_path / "empty").mkdir()
    assert MapTiles(tmp_path / "empty").zooms() is None
