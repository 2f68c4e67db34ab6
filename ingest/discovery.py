"""Finding cameras from where they are: `ingest.discover.<site>` and `ingest.describe.<site>` of the bus.

A request is one look: the multicast probe of WS-Discovery (OASIS WS-Discovery 1.1 §5; ONVIF Core 7.3), or some dozens
of addresses one after the other. Whoever asks goes on, or stops asking. Found devices are told, never registered. Event
loop; what blocks is in threads of its own.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ingest.multicast import Match, probe_interfaces
from ingest.onvif_facts import DEVICE_PATH, OnvifFacts
from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import Clock
from vms.domain.camera_url import AddressPolicy, IPAddress
from vms.errors import CameraAuthError, InputError, TooManyError, VmsError
from vms.service import Service

ADDRESSES_EACH = 64
PORTS_MAX = 8
CONNECT_S = 1.0
STARTS_PER_S = 100
"""Connections begun in a second: a range is walked, not stormed."""
_AT_ONCE = 32
_LOOKS_MAX = 2
_DESCRIBED_MAX = 4
_RTSP_PORT = 554


class Discovery(Service):
    """Looks for cameras on the network of this node when it is asked to."""

    name = "discovery"

    def __init__(self, *, bus: Bus, clock: Clock, policy: AddressPolicy, site: str | None = None) -> None:
        super().__init__(clock)
        self._bus, self._policy, self._site = bus, policy, site
        self._looks = self._described = 0

    async def run_once(self) -> None:
        """Serve until stopped."""
        site = self._site or "*"
        served = [
            self._bus.serve(f"ingest.discover.{site}", self._discover),
            self._bus.serve(f"ingest.describe.{site}", self._describe),
        ]
        self.ready()
        try:
            await self.stopping.wait()
        finally:
            for one in served:
                one.close()

    async def _discover(self, value: Value) -> Value:
        """`{"multicast": true}` or `{"addresses": […], "ports": […]}` -> `{"found": […], "elsewhere": n}`."""
        if self._looks >= _LOOKS_MAX:
            raise TooManyError("Cameras are being looked for already.", hint="Wait for it.", reason="discoveries_many")
        self._looks += 1
        try:
            if value.get("multicast"):
                matches, elsewhere = await probe_interfaces(self._policy)
                found = [await self._of_match(match) for match in matches]
                return {"found": found, "elsewhere": elsewhere}
            addresses, ports = _asked(value)
            allowed = [address for address in addresses if not self._policy.why_refused(address)]
            return {"found": await self._scan(allowed, ports), "elsewhere": 0}
        finally:
            self._looks -= 1

    async def _of_match(self, match: Match) -> dict[str, Any]:
        _, clock_off_s = await self._greeted(match.url)
        return _found(match.address, match.url, clock_off_s, name=match.name, model=match.model, how="multicast")

    async def _scan(self, addresses: Iterable[IPAddress], ports: tuple[int, ...]) -> list[dict[str, Any]]:
        slots = asyncio.Semaphore(_AT_ONCE)
        looking: list[asyncio.Task[dict[str, Any] | None]] = []

        async def look(address: IPAddress, port: int) -> dict[str, Any] | None:
            async with slots:
                return await self._look_at(address, port)

        try:
            for address in addresses:
                for port in ports:
                    looking.append(asyncio.create_task(look(address, port)))
                    await self.clock.sleep(1 / STARTS_PER_S)
            found = [one for one in await asyncio.gather(*looking) if one is not None]
        finally:
            for task in looking:
                task.cancel()
        with_onvif = {one["address"] for one in found if one["url"]}
        return [one for one in found if one["url"] or one["address"] not in with_onvif]

    async def _look_at(self, address: IPAddress, port: int) -> dict[str, Any] | None:
        """An ONVIF device, else whether something listens where cameras do."""
        if not await _listens(str(address), port):
            return None
        if port == _RTSP_PORT:
            return _found(str(address), "", None, how="scan")
        host = f"[{address}]" if address.version == 6 else str(address)
        url = f"http://{host}{'' if port == 80 else f':{port}'}{DEVICE_PATH}"
        is_there, clock_off_s = await self._greeted(url)
        return _found(str(address), url, clock_off_s, how="scan") if is_there else None

    async def _greeted(self, url: str) -> tuple[bool, float | None]:
        """Whether a device is there, and its clock less ours where it tells. One that wants a login even for the time,
        which ONVIF leaves to anybody (Core 5.9.4.3), is there too: ipycam is such a one."""
        device = OnvifFacts(url, "", "", self._policy, self.clock)
        try:
            await device.greet()
        except CameraAuthError:
            return True, None
        except VmsError:
            return False, None
        finally:
            device.close()
        return True, device.clock_off_s

    async def _describe(self, value: Value) -> Value:
        """`{"url", "username", "password"}` -> what the device is, or why it does not say; raises for neither."""
        if self._described >= _DESCRIBED_MAX:
            raise TooManyError("Too many cameras are tried at this moment.", reason="probes_many")
        password = str(value.get("password", ""))
        device = OnvifFacts(
            str(value.get("url", "")), str(value.get("username", "")), password, self._policy, self.clock
        )
        self._described += 1
        try:
            await device.open()
            return {"ok": True, **(await device.facts()).as_value()}
        except VmsError as error:
            secret = (password,) if len(password) > 2 else ()
            params = {name: logs.redact(text, secret) for name, text in error.params.items()}
            message, hint = logs.redact(error.message, secret), logs.redact(error.hint, secret)
            return {"ok": False, "message": message, "hint": hint, "reason": error.reason, "params": params}
        finally:
            self._described -= 1
            device.close()


def _found(
    address: str, url: str, clock_off_s: float | None, *, how: str, name: str = "", model: str = ""
) -> dict[str, Any]:
    return {"address": address, "url": url, "clock_off_s": clock_off_s, "name": name, "model": model, "how": how}


def _asked(value: Value) -> tuple[list[IPAddress], tuple[int, ...]]:
    """What is to be looked at, whoever asks for it."""
    addresses, ports = value.get("addresses"), value.get("ports")
    if not isinstance(addresses, list) or not isinstance(ports, list):
        raise InputError("Addresses and ports are lists.", field="addresses")
    if len(addresses) > ADDRESSES_EACH or not 0 < len(ports) <= PORTS_MAX:
        raise InputError("Too many addresses or ports.", field="addresses")
    if not all(isinstance(port, int) and 0 < port < 65536 for port in ports):
        raise InputError("A port is a number from 1 to 65535.", field="ports")
    try:
        return [ipaddress.ip_address(str(text)) for text in addresses], tuple(dict.fromkeys(ports))
    except ValueError:
        raise InputError("This is no address.", field="addresses") from None


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
