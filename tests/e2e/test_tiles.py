"""Tiles of a real wall with cameras that nobody here wrote: they are heard, and what no browser plays is shown."""

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
from vms.simulator.options import Picture

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


async def _louder(page: Page, law: str) -> None:
    """Wait until more sound has come, in this law of G.711, than has."""
    before = await page.evaluate("async () => (await window.heard()).energy")
    more = f"const h = await window.heard(); return h.energy > {before} + 1e-7 && h.codec === 'audio/{law}';"
    await page.wait_for_function(f"async () => {{ {more} }}", polling=100)


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_a_tile_is_heard_and_seen_whatever_its_camera_sends(tmp_path: Path) -> None:
    """G.711 and AAC sound in the page, and follow the tile; H.265 is live in this browser, which decodes none."""
    hevc = Picture(320, 180, codec="h265", kbps=200, gop_s=0.4, loop_s=4)
    async with (
        running_gst(cameras=2, audio="pcma") as law,
        running_gst(audio="aac") as aac,
        running_gst(picture=hevc) as h265,
    ):
        cameras = [
            {"name": "Pasar", "slug": "law", "main": law.url(), "audio": True},
            {"name": "Dermaga", "slug": "aac", "main": aac.url(), "audio": True},
            {"name": "Kantor", "slug": "off", "main": law.url(1)},
            {"name": "Pelabuhan", "slug": "hevc", "main": h265.url()},
        ]
        async with (
            running_node(tmp_path, cameras) as system,
            running_browser(url=system.url, cookie=system.cookie()) as screen,
        ):
            await system.until_live()
            page, ids = screen.page, [system.camera(slug)["id"] for slug in ("law", "aac", "off", "hevc")]
            await page.add_init_script(PEERS)
            await page.goto(f"{system.url}/wall?grid=4&tiles={','.join(ids)}")
            await page.wait_for_selector('[data-tile="1"][data-state="live"]')
            await page.keyboard.press("u")
            await page.wait_for_selector('[data-tile="0"] [data-sound="on"]')
            await _louder(page, "PCMA")
            await page.keyboard.press("Shift+U")
            await page.wait_for_selector('[data-tile="0"] [data-sound="muted"]')
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("u")
            await page.keyboard.press("PageUp")
            await page.wait_for_selector('[data-tile="1"] [data-sound="on"]')
            await _louder(page, "PCMU")
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
            await page.wait_for_selector('[data-tile="3"][data-state="live"] [data-transcoded]')
            seen = "() => window.__vms.tiles()[3].frames"
            before = await page.evaluate(seen)
            await page.wait_for_function(f"() => window.__vms.tiles()[3].frames > {before} + 20")
            assert await page.evaluate("() => window.__vms.tiles()[3].ageMs") < 2000
            assert screen.errors == []
