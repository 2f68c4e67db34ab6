"""`vms camera discover`: looks for cameras from this machine, as a site's node does (ingest/discovery.py)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from ingest.discovery import ADDRESSES_EACH, Discovery
from vms.bus.memory import MemoryBus
from vms.cli.camera import allowing
from vms.cli.terminal import ConfigOption, Progress, load, print_table
from vms.clock import SystemClock
from vms.domain.address_range import addresses_of
from vms.errors import SettingsError
from vms.settings import Settings

_PORTS = (80, 8080, 8000, 8899, 554)
_LOOK_S = 60.0


def camera_discover(
    ranges: Annotated[
        list[str] | None, typer.Argument(help="Ranges to look through, such as 10.20.1.0/24 or 10.20.1.10-60.")
    ] = None,
    multicast: Annotated[bool, typer.Option(help="Ask the networks of this machine (WS-Discovery).")] = True,
    port: Annotated[list[int] | None, typer.Option("--port", help="Ports to try in place of the usual ones.")] = None,
    allow: Annotated[list[str] | None, typer.Option("--allow", help="Also look at addresses of this network.")] = None,
    config: ConfigOption = None,
) -> None:
    """Cameras on the network, found and not registered: at most 1,024 addresses at once."""
    chosen = allowing(load(config), allow or [])
    addresses = [str(one) for one in addresses_of(ranges or [], chosen.address_policy())]
    if not addresses and not multicast:
        raise SettingsError("there is nowhere to look", hint="Name a range.")
    looks: list[dict[str, Any]] = [{"multicast": True}] if multicast else []
    looks += [
        {"addresses": addresses[start : start + ADDRESSES_EACH], "ports": port or list(_PORTS)}
        for start in range(0, len(addresses), ADDRESSES_EACH)
    ]
    found = asyncio.run(_look(looks, chosen))
    rows = [
        (one["address"], one["url"] or "RTSP only", " ".join(filter(None, (one["name"], one["model"]))), _off(one))
        for one in found
    ]
    if rows:
        print_table(("address", "onvif", "device", "clock off by"), rows)
    else:
        print("no camera was found")


async def _look(looks: list[dict[str, Any]], chosen: Settings) -> list[dict[str, Any]]:
    bus, progress = MemoryBus(), Progress()
    service = Discovery(bus=bus, clock=SystemClock(), policy=chosen.address_policy())
    running = asyncio.create_task(service.run())
    found: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        await _served(service)
        for number, look in enumerate(looks, 1):
            answer = await bus.request("ingest.discover.here", look, timeout_s=_LOOK_S)
            found |= {(one["address"], one["url"]): one for one in answer["found"]}
            progress.say(f"{100 * number // len(looks)} %, {len(found)} found")
    finally:
        progress.end()
        service.stop()
        await running
        await bus.close()
    return list(found.values())


async def _served(service: Discovery) -> None:
    for _ in range(100):
        if service.health().ok:
            return
        await asyncio.sleep(0.01)


def _off(one: dict[str, Any]) -> str:
    return "-" if one["clock_off_s"] is None else f"{one['clock_off_s']:.0f} s"
