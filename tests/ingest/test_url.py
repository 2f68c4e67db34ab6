"""Camera URLs: what is parsed, what is refused, and where cameras may be."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.url import resolve
from vms.domain.camera_url import AddressPolicy, literal_address, networks, parse_camera_url
from vms.errors import CameraUnreachableError, CameraUrlError

REFUSED = [
    "",
    "rtsp",
    "rtsp:",
    "rtsp://",
    "rtsp:///stream",
    "rtsp://:554/stream",
    "rtsp:/host/stream",
    "/etc/passwd",
    "file:///etc/passwd",
    "concat:rtsp://a|rtsp://b",
    "subfile,,start,0,end,9,,:/etc/passwd",
    "async:rtsp://host/x",
    "cache:rtsp://host/x",
    "pipe:0",
    "unix:/run/socket",
    "data:text/plain,x",
    "http://host/stream",
    "https://host/stream",
    "ftp://host/stream",
    "gopher://host/1",
    "tcp://host:554",
    "rtmp://host/live",
    "rtspu://host/live",
    "rtsp+http://host/live",
    "-i rtsp://host/x",
    "rtsp://-i/stream",
    "rtsp://host:0/x",
    "rtsp://host:65536/x",
    "rtsp://host:port/x",
    "rtsp://host:+554/x",
    "rtsp://host:５５４/x",
    "rtsp://host:554:554/x",
    "rtsp://a@b:c@host/x",
    "rtsp://user%0d%0aX:pass@host/x",
    "rtsp://user:pa%00ss@host/x",
    "rtsp://host/x%0d%0aSETUP",
    "rtsp://host/x\r\nSETUP y",
    "rtsp://host/\x00",
    "rtsp://host/a b",
    "rtsp://host/straße",
    "rtsp://ho st/x",
    "rtsp://host..name/x",
    "rtsp://host/%zz",
    "rtsp://host\\@evil/x",
    "rtsp://[::1/x",
    "rtsp://[fe80::1%25eth0]/x",
    "rtsp://[not-an-address]/x",
    "rtsp://[::1]554/x",
    "rtsp://host/x?udp",
    "rtsp://host/x?a=1&multicast",
    "rtsp://host/x?tcp&b",
    "rtsp://host/x?filter_src",
    "rtsp://$(id)/x",
    "rtsp://`id`/x",
    "rtsp://host;id/x",
    "rtsp://" + "u" * 300 + ":p@host/x",
    "rtsp://host/" + "x" * 4096,
    "rtsp://host/" + "x" * 65536,
    "rtsp://host/" + "x" * 1_000_000,
    "rtsp://host/\u202egpj",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text)[:40])
def test_what_is_no_camera_url_is_refused_in_plain_words(text: str) -> None:
    """Other protocols, control characters, options, absurd lengths: CameraUrlError that does not quote the URL."""
    with pytest.raises(CameraUrlError) as caught:
        parse_camera_url(text)
    assert caught.value.field in {"url", "username", "password"}
    assert len(caught.value.message) < 120
    assert text[:200] not in caught.value.message or len(text) < 10


def test_user_and_password_are_split_off_and_never_shown() -> None:
    """The bare URL and the repr hold no secret; percent-encoding is undone."""
    url = parse_camera_url("rtsp://admin:p%40ss%2Fw%3A@10.0.0.9:8554/h264?channel=1&subtype=0")
    assert (url.username, url.password, url.host, url.port) == ("admin", "p@ss/w:", "10.0.0.9", 8554)
    assert url.bare == "rtsp://10.0.0.9:8554/h264?channel=1&subtype=0"
    assert "p@ss" not in repr(url)
    assert url.at(ipaddress.ip_address("10.0.0.9"), url.username, url.password).startswith(
        "rtsp://admin:p%40ss%2Fw%3A@10.0.0.9:8554/h264?"
    )


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("RTSP://Cam.Local/x", "rtsp://Cam.Local/x"),
        ("rtsp://cam", "rtsp://cam"),
        ("rtsp://cam:554/x", "rtsp://cam/x"),
        ("rtsps://cam/x", "rtsps://cam/x"),
        ("rtsp://cam?channel=2", "rtsp://cam/?channel=2"),
        ("rtsp://[fd00::5]:8554/x", "rtsp://[fd00::5]:8554/x"),
        ("rtsp://cam/Streaming/Channels/101;x=$(id)`id`", "rtsp://cam/Streaming/Channels/101;x=$(id)`id`"),
    ],
)
def test_what_cameras_have_is_understood(text: str, bare: str) -> None:
    """Scheme in any case, default ports, queries, IPv6, odd paths: literal."""
    assert parse_camera_url(text).bare == bare
    assert parse_camera_url(parse_camera_url(text).bare).bare == bare


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but CameraUrlError comes out, whatever goes in."""
    for candidate in (text, f"rtsp://{text}", f"rtsp://host/{text}"):
        try:
            url = parse_camera_url(candidate)
        except CameraUrlError:
            continue
        assert parse_camera_url(url.bare).bare == url.bare
        assert not any(ord(c) < 0x21 or ord(c) > 0x7E for c in url.bare)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.1.1",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "100.100.100.200",
        "fd00:ec2::254",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "100.64.0.1",
        "0.1.2.3",
    ],
)
def test_addresses_that_no_camera_has_are_refused(address: str) -> None:
    """Loopback, link-local, metadata, multicast, unspecified, reserved, and IPv6 ways to them."""
    with pytest.raises(CameraUrlError):
        AddressPolicy().check(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.1.20", "fd12::1", "203.160.1.1", "2600::1"])
def test_private_and_public_addresses_are_allowed(address: str) -> None:
    """RFC 1918, RFC 4193 and the internet."""
    assert AddressPolicy().why_refused(ipaddress.ip_address(address)) == ""


def test_networks_can_be_allowed_and_taken_away() -> None:
    """The demo allows loopback; the center's own network can be refused; what is allowed wins."""
    policy = AddressPolicy(allowed=networks(["127.0.0.0/8", "10.9.0.0/16"]), refused=networks(["10.0.0.0/8"]))
    assert policy.why_refused(ipaddress.ip_address("127.0.0.1")) == ""
    assert policy.why_refused(ipaddress.ip_address("10.9.1.1")) == ""
    assert policy.why_refused(ipaddress.ip_address("10.8.1.1")) != ""
    assert policy.why_refused(ipaddress.ip_address("::1")) != ""


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "[::1]"])
def test_every_spelling_of_loopback_is_loopback(host: str) -> None:
    """Decimal, octal, hexadecimal and short forms are what a C resolver makes of them."""
    url = parse_camera_url(f"rtsp://{host}/x")
    assert literal_address(url.host) in {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    with pytest.raises(CameraUrlError):
        AddressPolicy().check_literal(url)
    with pytest.raises(CameraUrlError):
        resolve(url.bare, AddressPolicy())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "camera.localhost"])
def test_localhost_is_refused_without_asking_dns(host: str) -> None:
    """RFC 6761: the name is loopback."""
    with pytest.raises(CameraUrlError):
        AddressPolicy().check_literal(parse_camera_url(f"rtsp://{host}/x"))


def answer(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let the resolver give these addresses; the list holds the names asked for."""
    asked: list[str] = []

    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


def test_a_name_is_resolved_once_and_its_address_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding gains nothing: libav is given the address that was judged."""
    asked = answer(monkeypatch, "192.168.1.20")
    target = resolve("rtsp://cam.example:8554/x", AddressPolicy(), "admin", "s3cr:t@")
    assert asked == ["cam.example"]
    assert target.libav_url == "rtsp://admin:s3cr%3At%40@192.168.1.20:8554/x"
    assert target.request_url == "rtsp://192.168.1.20:8554/x"
    assert "s3cr" not in repr(target)
    assert asked == ["cam.example"]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["169.254.169.254"], ["::1", "127.0.0.1"]])
def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """The address counts, not the name."""
    answer(monkeypatch, *addresses)
    with pytest.raises(CameraUrlError):
        resolve("rtsp://innocent.example/x", AddressPolicy())


def test_of_several_addresses_an_allowed_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a refused and an allowed address leads to the allowed one."""
    answer(monkeypatch, "127.0.0.1", "10.0.0.7")
    assert str(resolve("rtsp://two.example/x", AddressPolicy()).address) == "10.0.0.7"


def test_an_unknown_name_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that DNS does not know is not reachable, with a hint."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(CameraUnreachableError, match=r"nowhere\.example is not known") as caught:
        resolve("rtsp://nowhere.example/x", AddressPolicy())
    assert caught.value.hint
