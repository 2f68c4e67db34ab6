"""`vms demo`: a simulator process with twelve cameras, ten of them registered, and every service in this process.

The simulator is a camera like any other to the rest: real RTSP over a socket, reached because the demo allows loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vms.clock import Clock
from vms.domain.camera import Camera
from vms.domain.camera_url import AddressPolicy
from vms.errors import SettingsError
from vms.registration import ADMIN, ensure_cameras
from vms.settings import CameraSettings, Settings
from vms.store import Catalogue

REGISTERED = 10
START_LIMIT_S = 600.0
STOP_LIMIT_S = 5.0
PREFERRED_PORT = 8554
STORE_LIMIT_GB = 10.0
"""Ten simulated cameras record 7 GB an hour: a demo that is forgotten must not fill the disk."""


@dataclass(frozen=True)
class SimulatedCamera:
    """A camera of the simulator and where it streams."""

    site: str
    slug: str
    name: str
    main: str
    sub: str
    onvif: str = ""
    longitude: float | None = None
    latitude: float | None = None


@dataclass(frozen=True)
class Simulated:
    """A running simulator."""

    cameras: tuple[SimulatedCamera, ...]
    username: str
    password: str


def demo_settings(data: Path, http: str, base: Settings) -> Settings:
    """Settings of the demo: loopback cameras allowed, footage limited, everything else as given."""
    ingest = base.ingest.model_copy(update={"camera_networks": _loopback(base)})
    recorder = base.recorder.model_copy(update={"store_limit_gb": base.recorder.store_limit_gb or STORE_LIMIT_GB})
    return base.model_copy(update={"data": data, "http": http, "ingest": ingest, "recorder": recorder})


def _loopback(base: Settings) -> tuple[Any, ...]:
    import ipaddress

    return (*base.ingest.camera_networks, ipaddress.ip_network("127.0.0.0/8"))


@contextlib.asynccontextmanager
async def running_simulator(cache: Path, *, port: int = PREFERRED_PORT) -> AsyncIterator[Simulated]:
    """Start the simulator, wait until it serves (the first time it draws its scenes), stop it at the end."""
    process = await _spawn(cache, port)
    try:
        yield await _ready(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _spawn(cache: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vms.simulator", "--cameras", "12", "--cache", str(cache), "--port", str(_free(port)),
        "--username", "operator", "--until-stdin-closes",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def _free(port: int) -> int:
    return port if _can_bind("127.0.0.1", port) else 0


def check_port(host: str, port: int) -> None:
    """SettingsError where the page's port is taken: before scenes are drawn, and in the words of who typed `make`."""
    if _can_bind(host, port):
        return
    shown = f"[{host}]" if ":" in host else host
    other = next((p for p in range(port + 1, min(port + 20, 65536)) if _can_bind(host, p)), 0)
    raise SettingsError(
        f"cannot serve at {shown}:{port}: the port is taken or the address is not this machine's",
        hint=f'Give another: make demo ARGS="--http {shown}:{other}", or vms demo --http {shown}:{other}.',
    )


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def _ready(process: asyncio.subprocess.Process) -> Simulated:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
    except TimeoutError:
        line = b""
    if not line:
        raise SettingsError("the simulated cameras did not start", hint="Their reason stands above.")
    return parse_ready(json.loads(line))


def parse_ready(said: Mapping[str, Any]) -> Simulated:
    """The simulator's ready line."""
    cameras = tuple(
        SimulatedCamera(
            c["site"],
            c["slug"],
            c["name"],
            c["main"],
            c["sub"],
            c.get("onvif", ""),
            c.get("longitude"),
            c.get("latitude"),
        )
        for c in said["cameras"]
    )
    return Simulated(cameras, said["username"], said["password"])


async def register(catalogue: Catalogue, simulated: Simulated, clock: Clock, policy: AddressPolicy) -> None:
    """Register the first ten; where an earlier demo has them already, point them at today's simulator. SettingsError
    where the catalogue is not a demo's: the demo sets the admin's password anew."""
    ever = {camera.slug for camera in await catalogue.cameras.list(include_deleted=True)}
    if await catalogue.people.count() and not ever.issuperset(c.slug for c in simulated.cameras[:REGISTERED]):
        raise SettingsError(
            "the data folder holds a system of its own, not the demo", hint="Choose another with --data DIR."
        )
    wanted = [
        CameraSettings.model_validate(
            {
                "site": c.site, "name": c.name, "slug": c.slug, "main": c.main, "sub": c.sub,
                "username": simulated.username, "password": simulated.password, "onvif": c.onvif,
                "longitude": c.longitude, "latitude": c.latitude,
            }
        )
        for c in simulated.cameras[:REGISTERED]
    ]  # fmt: skip
    await ensure_cameras(catalogue, wanted, clock, policy)
    for camera in await catalogue.cameras.list():
        await _repoint(catalogue, camera, simulated)


async def _repoint(catalogue: Catalogue, camera: Camera, simulated: Simulated) -> None:
    """By the path of its streams on this machine: a person may have registered it under any name."""
    today = {urlsplit(url).path: url for source in simulated.cameras for url in (source.main, source.sub)}
    streams = tuple(replace(stream, url=_today(stream.url, today)) for stream in camera.streams)
    if not any(stream.url in today.values() for stream in streams):
        return
    devices = {urlsplit(source.main).path: source.onvif for source in simulated.cameras}
    onvif = next((devices[path] for stream in streams if (path := urlsplit(stream.url).path) in devices), camera.onvif)
    changed = replace(camera, streams=streams, username=simulated.username, password=simulated.password, onvif=onvif)
    if changed != camera:
        await catalogue.cameras.update(replace(changed, rev=camera.rev + 1))


def _today(url: str, today: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    return today.get(parts.path, url) if parts.hostname in {"127.0.0.1", "::1", "localhost"} else url


def ready_line(url: str, password: str, simulated: Simulated) -> str:
    """What the demo prints, in one line, once everything runs."""
    spare = ", ".join(
        f"{camera.main} (user {simulated.username}, password {simulated.password})"
        for camera in simulated.cameras[REGISTERED:]
    )
    return f"VMS demo ready at {url} | user: {ADMIN} | password: {password} | cameras not yet registered: {spare}"
