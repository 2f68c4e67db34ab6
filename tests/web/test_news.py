"""News to pages over a real socket: who hears what, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.web.conftest import World
from tests.web.live import closed, operator, server
from web.news import TOPICS
from web.relay import CLOSE_SIGNED_OUT
from web.server import WebServer

__all__ = ["operator", "server"]


@asynccontextmanager
async def news(server: WebServer, client: httpx.AsyncClient) -> AsyncIterator[ClientConnection]:
    """The socket, as a page opens it."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"Cookie": cookie, "Origin": server.url}
    url = f"ws://127.0.0.1:{server.port}/api/news"
    async with connect(url, additional_headers=headers, compression=None) as socket:
        yield socket


async def topics(socket: ClientConnection) -> list[str]:
    """The next message."""
    said: list[str] = json.loads(await asyncio.wait_for(socket.recv(), 5))["topics"]
    return said


async def test_every_page_hears_what_changed(world: World, server: WebServer, operator: httpx.AsyncClient) -> None:
    """Two pages of one person; each topic by its name, what came together as one message."""
    async with news(server, operator) as one, news(server, operator) as other:
        for socket in (one, other):
            assert await topics(socket) == []
        for subject in ("rule.changed", "alarm.changed", "alarm.changed"):
            world.bus.publish(subject, {})
        for socket in (one, other):
            assert await topics(socket) == ["alarms", "rules"]
        world.bus.publish("alarm.changed", {})
        assert await topics(one) == await topics(other) == ["alarms"]


async def test_it_ends_with_the_sign_in(server: WebServer, operator: httpx.AsyncClient) -> None:
    """Closed with a code of its own; nobody gets in without a sign-in, or from another page."""
    async with news(server, operator) as socket:
        assert await topics(socket) == []
        assert (await operator.delete("/api/session")).status_code == 204
        assert await closed(socket) == CLOSE_SIGNED_OUT
    with pytest.raises(InvalidStatus, match="401"):
        await connect(f"ws://127.0.0.1:{server.port}/api/news", additional_headers={"Origin": server.url})


def test_topics_are_plain_words() -> None:
    """Pages compare them; a subject has no wildcard, so that each change is told once."""
    assert all(topic.isalpha() for topic in TOPICS.values())
    assert not any(set(subject) & {"*", ">"} for subject in TOPICS)
