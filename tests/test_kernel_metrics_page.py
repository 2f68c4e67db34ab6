"""The metrics of a node without a page: three addresses, and nothing that comes in does any harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from vms.clock import SystemClock
from vms.metrics_page import MetricsPage
from vms.service import Health

HEALTH = {"recorder": Health(ok=True)}


@pytest.fixture
async def page() -> AsyncIterator[MetricsPage]:
    """One that serves."""
    HEALTH["recorder"] = Health(ok=True)
    served = MetricsPage(SystemClock(), "127.0.0.1", 0, lambda: HEALTH)
    task = asyncio.create_task(served.run())
    while not served.health().ok:
        await asyncio.sleep(0.005)
    yield served
    served.stop()
    await asyncio.wait_for(task, 5)


async def test_what_it_says(page: MetricsPage) -> None:
    """Figures, life, and how the services are."""
    async with httpx.AsyncClient(base_url=f"http://{page.address}") as client:
        answer = await client.get("/metrics")
        assert "vms_loop_lag_seconds_bucket" in answer.text
        assert "vms_streams" in answer.text
        assert (await client.get("/healthz?x=1")).text == "ok\n"
        assert (await client.get("/readyz")).json() == {
            "ready": True,
            "services": {"recorder": {"ok": True, "why": ""}},
        }
        HEALTH["recorder"] = Health(ok=False, why="no answer from rtsp://a:secret@10.0.0.1/")
        bad = await client.get("/readyz")
        assert bad.status_code == 503
        assert "secret" not in bad.text
        head = await client.head("/metrics")
        assert (head.status_code, head.text) == (200, "")
        assert (await client.get("/api/cameras")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


@pytest.mark.parametrize("sent", [b"", b"\0" * 100, b"GET /" + b"a" * 20_000, b"\r\n\r\n", b"GET\r\n\r\n"])
async def test_nonsense_is_dropped(page: MetricsPage, sent: bytes) -> None:
    """And the next one is served."""
    host, _, port = page.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://{page.address}/healthz")).status_code == 200


async def test_an_address_that_is_taken(page: MetricsPage) -> None:
    """Said as health; tried again by itself."""
    other = MetricsPage(SystemClock(), "127.0.0.1", int(page.address.rpartition(":")[2]), dict)
    task = asyncio.create_task(other.run())
    while "cannot be served" not in other.health().why:
        await asyncio.sleep(0.005)
    other.stop()
    await asyncio.wait_for(task, 5)
