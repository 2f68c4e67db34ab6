"""The ONVIF client against the simulator's device over HTTP, sound and hostile; its service on the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest import onvif_soap as soap
from ingest.fleet import Fleet
from ingest.onvif import OnvifDevice
from ingest.ptz import PtzService
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock, SystemClock
from vms.domain.camera import Camera, RecordMode, Stream, StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, networks, parse_device_url
from vms.errors import (
    CameraAuthError,
    CameraCorruptError,
    CameraError,
    CameraUnreachableError,
    CameraUnsupportedError,
    CameraUrlError,
    NoResponderError,
)
from vms.simulator.onvif import OnvifDevices

LOCAL = AddressPolicy(allowed=networks(["127.0.0.0/8"]))


@pytest.fixture
async def devices() -> AsyncIterator[OnvifDevices]:
    """One camera on a motor."""
    devices = OnvifDevices([("pasar", "Pasar")], "operator", "rahasia")
    await devices.start("127.0.0.1")
    yield devices
    await devices.stop()


def client(devices: OnvifDevices, password: str = "rahasia", clock: Any = None) -> OnvifDevice:
    """A client of that camera."""
    return OnvifDevice(devices.url("pasar"), "operator", password, LOCAL, clock or SystemClock())


async def test_a_device_is_steered(devices: OnvifDevices) -> None:
    """Profiles, movement, stop, presets kept, gone to and removed, where it looks; although our clock is years off."""
    device = client(devices, clock=ManualClock(0))
    await device.open()
    assert (device.profiles, device.can_move) == (("main",), True)
    assert [preset.name for preset in await device.presets()] == ["Gerbang", "Jalan", "Parkir"]
    head = devices.heads["pasar"]
    await device.move(0.5, -0.25, 1)
    assert head.speed == (0.5, -0.25, 1.0)
    await device.stop()
    assert head.speed == (0.0, 0.0, 0.0)
    await device.goto("preset1")
    place = await device.position()
    assert place is not None
    assert (place.pan, place.tilt, place.zoom) == (-0.4, 0.1, 0.3)
    token = await device.keep('Pos <"1">')
    assert head.presets[token][0] == 'Pos <"1">'
    assert await device.keep("Jalan", "preset2") == "preset2"
    await device.forget(token)
    assert token not in head.presets
    with pytest.raises(CameraUnsupportedError):
        await device.goto("nowhere")
    device.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("dtd", CameraCorruptError), ("bomb", CameraCorruptError), ("huge", CameraCorruptError),
        ("garbage", CameraCorruptError), ("elsewhere", CameraUrlError),
    ],
)  # fmt: skip
async def test_hostile_answers_are_refused(devices: OnvifDevices, fault: str, error: type[Exception]) -> None:
    """A document type, entities, four megabytes, no XML, services at another host: an error in plain words."""
    devices.heads["pasar"].fault = fault
    device = client(devices)
    with pytest.raises(error) as refused:
        await device.open()
    assert "passwd" not in str(refused.value)
    assert "rahasia" not in str(refused.value)
    device.close()


async def test_a_wrong_password_is_said(devices: OnvifDevices) -> None:
    """CameraAuthError, and the password goes nowhere in clear."""
    device = client(devices, "salah")
    with pytest.raises(CameraAuthError):
        await device.open()
    device.close()


async def test_a_silent_device_is_given_up(devices: OnvifDevices, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time-out, and nothing is left waiting; one without PTZ says so; a refusal carries its words."""
    monkeypatch.setattr("ingest.onvif.TIMEOUT_S", 0.3)
    head = devices.heads["pasar"]
    head.fault = "silent"
    with pytest.raises(CameraUnreachableError):
        await client(devices).open()
    head.fault = "no_ptz"
    device = client(devices)
    await device.open()
    assert device.can_move is False
    with pytest.raises(CameraUnsupportedError):
        await device.move(1, 0, 0)
    device.close()
    head.fault = "refuse"
    device = client(devices)
    await device.open()
    with pytest.raises(CameraUnsupportedError, match="the motor is stuck"):
        await device.stop()
    device.close()


async def test_addresses_are_judged_as_cameras_are() -> None:
    """Loopback is refused where the settings do not allow it; nothing is connected to."""
    for url in ("http://127.0.0.1:80/x", "http://169.254.169.254/latest", "https://localhost/x"):
        with pytest.raises(CameraUrlError):
            await OnvifDevice(url, "", "", AddressPolicy(), SystemClock()).open()


@pytest.mark.parametrize("url", ["rtsp://10.0.0.5/x", "http://a:b@10.0.0.5/", "http://10.0.0.5/#x", "file:///x", ""])
def test_what_is_no_device_url(url: str) -> None:
    """Other schemes, a login, a fragment."""
    with pytest.raises(CameraUrlError):
        parse_device_url(url)


def test_signatures_are_those_of_the_standard() -> None:
    """The example of the ONVIF Application Programmer's Guide, 6.1.1.3."""
    nonce = b"LKqI6G/AikKCQrN0zqZFlg=="
    import base64

    digest = soap.token_digest(base64.b64decode(nonce), "2010-09-16T07:50:45Z", "userpassword")
    assert digest == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


@pytest.mark.parametrize("data", [b"", b"<a>", b"\xff\xfe<", b"<a>" * 100 + b"</a>" * 100, b"<a/>" * 3, b"<s/>"])
def test_no_answer_is_an_error_of_the_camera(data: bytes) -> None:
    """Never another exception."""
    with pytest.raises(CameraError):
        soap.read_answer(data)


async def test_the_service_on_the_bus(devices: OnvifDevices) -> None:
    """It answers for a camera with a device, tries one that is not registered, and tells when the holder changes."""
    ref = StreamRef("cam", StreamName.MAIN)
    stream = Stream(ref, "rtsp://127.0.0.1/x", RecordMode.OFF)
    row = Camera("cam", "s", "pasar", "Pasar", (stream,), "operator", "rahasia", onvif=devices.url("pasar"))
    fleet, bus = SimpleNamespace(cameras={"cam": row}, specs={ref: None}), MemoryBus()
    service = PtzService(bus=bus, fleet=cast("Fleet", fleet), clock=SystemClock(), policy=LOCAL)
    told, turning = bus.subscribe("ptz.changed"), bus.subscribe("ptz.turning")
    running = asyncio.create_task(service.run())
    await asyncio.sleep(0)
    who = {"person": "p", "name": "Ana", "priority": 50}
    moved = await bus.request("ingest.ptz.cam", {"op": "move", "pan": 1, **who})
    assert (moved["taken"], moved["holder"]["name"]) == (True, "Ana")
    assert (await told.get())[1]["holder"]["person"] == "p"
    assert (await turning.get())[1] == {"camera": "cam", "for_s": 4.0}
    look = await bus.request("ingest.ptz.cam", {"op": "look"})
    assert [preset["token"] for preset in look["presets"]] == ["preset1", "preset2", "preset3"]
    await bus.request("ingest.ptz.cam", {"op": "stop", **who})
    assert (await bus.request("ingest.ptz.cam", {"op": "release", **who}))["holder"] is None
    assert (await told.get())[1] == {"camera": "cam", "holder": None}
    login = {"url": devices.url("pasar"), "username": "operator"}
    tried = await bus.request("ingest.onvif.any", {**login, "password": "rahasia"})
    assert (tried["ok"], tried["ptz"], tried["presets"]) == (True, True, ["Gerbang", "Jalan", "Parkir"])
    assert (await bus.request("ingest.onvif.any", {**login, "password": "salah"}))["reason"] == "onvif_auth"
    fleet.cameras = {}
    async with asyncio.timeout(5):
        while True:
            try:
                await bus.request("ingest.ptz.cam", {"op": "look"})
            except NoResponderError:
                break
            await asyncio.sleep(0.05)
    service.stop()
    await running
    await bus.close()
