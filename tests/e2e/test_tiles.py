"""What an operator does at one tile of a real wall with cameras that nobody here wrote: hear it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Page

from tests.e2e.browser import running_browser
from tests.e2e.system import PASSWORD, Node, System
from tests.gst_fixture import running_gst

# The peers of the page, to ask them what the browser itself counted.
PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.peers.push(this); }
};
window.heard = async () => {
  let found = { energy: 0, codec: "" };
  for (const peer of window.peers.filter((one) => one.connectionState === "connected")) {
    const all = await peer.getStats();
    for (const report of all.values())
      if (report.type === "inbound-rtp" && report.kind === "audio")
        found = { energy: report.totalAudioEnergy ?? 0, codec: all.get(report.codecId)?.mimeType ?? "" };
  }
  return found;
};
"""


@contextlib.asynccontextmanager
async def running_node(folder: Path, cameras: list[Mapping[str, Any]]) -> AsyncIterator[System]:
    """`vms up` with these cameras of one Site."""
    sites = [{"slug": "sampit", "name": "Sampit"}]
    settings = {
        "data": str(folder / "data"), "http": "127.0.0.1:0", "ingest": {"camera_networks": ["127.0.0.0/8"]},
        "sites": sites, "cameras": [{"site": "sampit", **camera} for camera in cameras],
    }  # fmt: skip
    config = folder / "vms.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    system = System(Node(config, folder / "node.log", {"VMS_ADMIN_PASSWORD": PASSWORD}), None, folder / "data")
    try:
        await system.node.start()
        await system.sign_in()
        yield system
    finally:
        await system.node.stop()
        if system.client is not None:
            await system.client.aclose()


async def _louder(page: Page) -> str:
    """Wait until more sound has come than has; the codec it came in."""
    before = await page.evaluate("async () => (await window.heard()).energy")
    await page.wait_for_function(f"async () => (await window.heard()).energy > {before} + 1e-7", polling=100)
    codec: str = await page.evaluate("async () => (await window.heard()).codec")
    return codec


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_a_tile_is_heard_whatever_its_camera_sends(tmp_path: Path) -> None:
    """G.711 as it is and AAC as G.711 sound in the page; it follows the tile, and rests in replays."""
    async with running_gst(cameras=2, audio="pcma") as law, running_gst(audio="aac") as aac:
        cameras = [
            {"name": "Pasar", "slug": "law", "main": law.url(), "audio": True},
            {"name": "Dermaga", "slug": "aac", "main": aac.url(), "audio": True},
            {"name": "Kantor", "slug": "off", "main": law.url(1)},
        ]
        async with (
            running_node(tmp_path, cameras) as system,
            running_browser(url=system.url, cookie=system.cookie()) as screen,
        ):
            await system.until_live()
            page, ids = screen.page, [system.camera(slug)["id"] for slug in ("law", "aac", "off")]
            await page.add_init_script(PEERS)
            await page.goto(f"{system.url}/wall?grid=4&tiles={','.join(ids)}")
            await page.wait_for_selector('[data-tile="1"][data-state="live"]')
            await page.keyboard.press("u")
            await page.wait_for_selector('[data-tile="0"] [data-sound="on"]')
            assert await _louder(page) == "audio/PCMA"
            await page.keyboard.press("Shift+U")
            await page.wait_for_selector('[data-tile="0"] [data-sound="muted"]')
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("u")
            await page.keyboard.press("PageUp")
            await page.wait_for_selector('[data-tile="1"] [data-sound="on"]')
            assert await _louder(page) == "audio/PCMU"
            await page.keyboard.press("p")
            await page.wait_for_selector('[data-tile="1"] [data-sound="held"]')
            await page.keyboard.press("p")
            await page.wait_for_selector('[data-tile="1"] [data-sound="on"]')
            number = system.camera("off")["number"]
            await page.keyboard.press(str(number))
            await page.keyboard.press("Enter")
            await page.wait_for_selector('[data-tile="1"] [data-sound="disabled"]')
            await page.keyboard.press("u")
            await page.wait_for_selector("[data-sound]", state="detached")
            assert screen.errors == []
