"""What can be seen of a NATS server from outside: whether it lets an account in, whether that has JetStream, and what
the server's monitoring port says of its clock and of JetStream's writes. Event loop; for `vms doctor`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from vms.bus.link import NatsOptions

MONITOR_PORT = 8222


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """`error` empty: it lets us in. `domain`: of its JetStream, empty where the account has none."""

    error: str = ""
    version: str = ""
    rtt_s: float = 0.0
    jetstream: bool = False
    domain: str = ""


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """Of `/varz`. `ahead_s`: how far its clock is ahead of ours, `±` half the way there and back."""

    sync_always: bool
    ahead_s: float
    unsure_s: float


async def account_facts(options: NatsOptions, timeout_s: float = 4.0) -> AccountFacts:
    """Connect, ask, and leave."""
    seen: list[str] = []

    async def erred(error: Exception) -> None:
        seen.append(str(error))

    client = Client()
    try:
        async with asyncio.timeout(timeout_s):
            await client.connect(
                options.url,
                name="vms doctor",
                user=options.user or None,
                password=options.password or None,
                allow_reconnect=False,
                max_reconnect_attempts=0,
                connect_timeout=max(1, round(timeout_s / 2)),
                tls=options.tls(),
                error_cb=erred,
            )
    except (NatsError, OSError, TimeoutError) as error:
        return AccountFacts(seen[0] if seen else str(error) or "no answer")
    try:
        begun = time.monotonic()
        await client.flush(timeout=2)
        rtt_s = time.monotonic() - begun
        domain, jetstream = "", False
        try:
            info = await client.jetstream(timeout=2).account_info()
            domain, jetstream = info.domain or "", True
        except (JetStreamError, NatsError):
            jetstream = False
        return AccountFacts("", str(client.connected_server_version), rtt_s, jetstream, domain)
    except (NatsError, OSError, TimeoutError) as error:
        return AccountFacts(str(error) or "no answer")
    finally:
        await client.close()


async def monitor_facts(url: str, monitor: str | None = None) -> MonitorFacts | None:
    """Of the server at this URL; `monitor`: URL of its monitoring port, else 8222 of the same host. None where nothing
    answers there."""
    parts = urlsplit(monitor or f"//{urlsplit(url).hostname}:{MONITOR_PORT}")
    return await asyncio.to_thread(_varz, parts.hostname or "", parts.port or MONITOR_PORT)


def _varz(host: str, port: int) -> MonitorFacts | None:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.connect()
        sent = time.time()
        connection.request("GET", "/varz")
        found = json.load(connection.getresponse())
        took = time.time() - sent
        now = dt.datetime.fromisoformat(_microseconds(str(found["now"]))).timestamp()
        config = found.get("jetstream", {}).get("config", {})
        return MonitorFacts(bool(config.get("sync_always", False)), now - (sent + took / 2), took / 2)
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError):
        return None
    finally:
        connection.close()


def _microseconds(text: str) -> str:
    """Go writes nine digits of a second and leaves zeros out; Python 3.11 reads six."""
    whole, dot, rest = text.rstrip("Z").partition(".")
    return f"{whole}.{rest[:6].ljust(6, '0')}+00:00" if dot else f"{whole}+00:00"
