"""Finding cameras: the multicast probe's answers, address ranges, what a device says of itself, sound and hostile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ingest.discovery import Discovery
from ingest.multicast import probe_message, read_matches
from ingest.onvif_soap import parse
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.address_range import addresses_of
from vms.domain.camera_url import AddressPolicy, networks
from vms.errors import InputError
from vms.simulator.onvif import OnvifDevices, StreamFacts

LOCAL = AddressPolicy(allowed=networks(["127.0.0.0/8"]))
ID = "urn:uuid:1"


def answer(addresses: str, *, relates: str = ID, scopes: str = "") -> bytes:
    """A ProbeMatches message."""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>'
        f"<RelatesTo>{relates}</RelatesTo></s:Header><s:Body><ProbeMatches><ProbeMatch><XAddrs>{addresses}</XAddrs>"
        f"<Scopes>{scopes}</Scopes></ProbeMatch></ProbeMatches></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("data", "found", "elsewhere"),
    [
        (answer("http://10.0.0.9/onvif/device_service"), ["http://10.0.0.9/onvif/device_service"], 0),
        (answer("http://[fe80::1]/x http://10.0.0.9:8080/x"), ["http://10.0.0.9:8080/x"], 0),
        (answer("http://10.0.0.8/x"), [], 1),
        (answer("http://127.0.0.1/x"), [], 1),
        (answer("http://169.254.169.254/x"), [], 1),
        (answer("file:///etc/passwd"), [], 1),
        (answer("http://user:pass@10.0.0.9/x"), [], 1),
        (answer("http://camera.example/x"), [], 1),
        (answer(""), [], 1),
        (answer("http://10.0.0.9/x", relates="urn:uuid:2"), [], 0),
        (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", [], 0),
        (b"<x>" * 100 + b"</x>" * 100, [], 0),
        (b"\x00\xff" * 100, [], 0),
        (b"", [], 0),
    ],
)
def test_an_answer_is_taken_from_where_it_came(data: bytes, found: list[str], elsewhere: int) -> None:
    """Addresses of others, of this machine and of the cloud are not believed, nor answers to what was not asked."""
    matches, others = read_matches(data, "10.0.0.9", ID, AddressPolicy())
    assert ([match.url for match in matches], others) == (found, elsewhere)


def test_what_a_device_calls_itself_is_one_short_line() -> None:
    """Percent-encoded words of its scopes, without what cannot be seen."""
    scopes = "onvif://www.onvif.org/name/Pasar%20Besar%0A onvif://www.onvif.org/hardware/DS%2D2" + "x" * 200
    (match,), _ = read_matches(answer("http://10.0.0.9/x", scopes=scopes), "10.0.0.9", ID, AddressPolicy())
    assert (match.name, match.model[:4], len(match.model)) == ("Pasar Besar", "DS-2", 64)
    assert parse(probe_message(ID)).tag.endswith("Envelope")


def test_ranges_are_read_and_bounded() -> None:
    """Networks, from-to in two spellings, single addresses; each once."""
    found = addresses_of(["10.0.0.0/30", "10.0.0.1-3", "10.0.0.3-10.0.0.4", " 10.0.0.9 "], AddressPolicy())
    assert [str(one) for one in found] == [f"10.0.0.{n}" for n in (1, 2, 3, 4, 9)]
    assert len(addresses_of(["192.168.0.0/22"], AddressPolicy())) == 1022


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        (["10.0.0.0/8"], "ranges_large"), (["10.0.0.0/21"], "ranges_large"), (["10.0.0.1-10.0.9.9"], "ranges_large"),
        (["10.0.0.9-1"], "ranges_wrong"), (["x"], "ranges_wrong"), ([""], "ranges_wrong"),
        (["fe80::/64"], "ranges_wrong"),
        (["10.0.0.1-999"], "ranges_wrong"), (["1" * 100], "ranges_wrong"), (["10.0.0.1;reboot"], "ranges_wrong"),
        (["127.0.0.1"], "ranges_refused"), (["169.254.169.254"], "ranges_refused"), (["8.8.8.0/24"], "ranges_refused"),
        (["0.0.0.0/24"], "ranges_refused"), (["224.0.0.0/24"], "ranges_refused"),
    ],
)  # fmt: skip
def test_other_ranges_are_refused(ranges: list[str], reason: str) -> None:
    """Too large, none, or where cameras may not be or where machines of others are."""
    with pytest.raises(InputError) as caught:
        addresses_of(ranges, AddressPolicy())
    assert (caught.value.reason, caught.value.field) == (reason, "ranges")


@pytest.fixture
async def devices() -> AsyncIterator[OnvifDevices]:
    """One camera with two streams at the path that devices have."""
    devices = OnvifDevices([("pasar", "Pasar")], "operator", "rahasia")
    await devices.start("127.0.0.1")
    devices.heads["pasar"].streams = [
        StreamFacts("main", "rtsp://127.0.0.1:554/pasar/main", "H265", 1920, 1080, 25, 50),
        StreamFacts("sub", "rtsp://u:p@127.0.0.1/pasar/sub", "H264", 640, 360, 10, 100),
    ]
    yield devices
    await devices.stop()


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    """With the service behind it."""
    bus = MemoryBus()
    service = Discovery(bus=bus, clock=SystemClock(), policy=LOCAL)
    running = asyncio.create_task(service.run())
    while not service.health().ok:
        await asyncio.sleep(0)
    yield bus
    service.stop()
    await running
    await bus.close()


async def test_a_range_is_walked_and_its_devices_are_greeted(devices: OnvifDevices, bus: MemoryBus) -> None:
    """What listens and speaks ONVIF is found, without a login; what does not is not."""
    look = {"addresses": ["127.0.0.1", "127.0.0.2", "169.254.169.254"], "ports": [devices.port]}
    told = await bus.request("ingest.discover.sampit", look, timeout_s=10)
    (one,) = told["found"]
    assert (one["address"], one["how"]) == ("127.0.0.1", "scan")
    assert one["url"] == f"http://127.0.0.1:{devices.port}/onvif/device_service"
    assert abs(one["clock_off_s"]) < 5
    devices.heads["pasar"].fault = "shy"  # it wants a login even for the time
    (one,) = (await bus.request("ingest.discover.sampit", look, timeout_s=10))["found"]
    assert (one["address"], one["clock_off_s"]) == ("127.0.0.1", None)
    devices.heads["pasar"].fault = "garbage"
    assert (await bus.request("ingest.discover.sampit", look, timeout_s=10))["found"] == []


@pytest.mark.parametrize(
    "look",
    [
        {}, {"addresses": ["10.0.0.1"] * 65, "ports": [80]}, {"addresses": ["x"], "ports": [80]},
        {"addresses": ["10.0.0.1"], "ports": []}, {"addresses": ["10.0.0.1"], "ports": [0]},
        {"addresses": ["10.0.0.1"], "ports": list(range(1, 20))}, {"addresses": "10.0.0.1", "ports": [80]},
    ],
)  # fmt: skip
async def test_a_look_is_bounded_whoever_asks(bus: MemoryBus, look: dict[str, object]) -> None:
    """Some dozens of addresses and a few ports."""
    with pytest.raises(InputError):
        await bus.request("ingest.discover.sampit", look, timeout_s=5)


async def test_a_device_says_what_it_is(devices: OnvifDevices, bus: MemoryBus) -> None:
    """Maker, model, streams without logins, PTZ; a wrong password in words, and no password in them."""
    url = f"http://127.0.0.1:{devices.port}/onvif/device_service"
    told = await bus.request(
        "ingest.describe.x", {"url": url, "username": "operator", "password": "rahasia"}, timeout_s=10
    )
    assert (told["ok"], told["maker"], told["model"], told["ptz"], told["elsewhere"]) == (
        True,
        "Simulator",
        "Pasar",
        True,
        0,
    )
    assert [(feed["url"], feed["codec"], feed["width"], feed["gop"]) for feed in told["feeds"]] == [
        ("rtsp://127.0.0.1/pasar/main", "h265", 1920, 50), ("rtsp://127.0.0.1/pasar/sub", "h264", 640, 100),
    ]  # fmt: skip
    wrong = {"url": url, "username": "operator", "password": "hunter22hunter"}
    refused = await bus.request("ingest.describe.x", wrong, timeout_s=10)
    assert (refused["ok"], refused["reason"]) == (False, "onvif_auth")
    assert "hunter22" not in repr(refused)


@pytest.mark.parametrize("fault", ["file", "other_host", "elsewhere", "dtd", "bomb", "huge", "garbage"])
async def test_a_hostile_device_leads_nowhere(devices: OnvifDevices, bus: MemoryBus, fault: str) -> None:
    """A stream at another host is left out and counted; what is no answer is none."""
    devices.heads["pasar"].fault = fault
    url = f"http://127.0.0.1:{devices.port}/onvif/device_service"
    told = await bus.request(
        "ingest.describe.x", {"url": url, "username": "operator", "password": "rahasia"}, timeout_s=20
    )
    if fault in {"file", "other_host"}:
        assert (told["ok"], told["feeds"], told["elsewhere"]) == (True, [], 2)
    else:
        assert told["ok"] is False
        assert told["reason"].startswith("onvif_")
