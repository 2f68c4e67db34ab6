"""Camera URLs and the networks cameras may be in: pure rules, no resolving, no connection.

Only `rtsp` and `rtsps`, and for ONVIF devices `http` and `https`. User and password are split off; what is left never
holds a secret. Whoever connects resolves the host once (`ingest.url`), asks `AddressPolicy` about the result and
connects to that address and no other.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from vms.errors import CameraUrlError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_BYTES = 4096
MAX_SECRET_CHARS = 256
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
DEVICE_PORTS = {"http": 80, "https": 443}
"""Of ONVIF devices."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_ESCAPED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[fF])")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# libav takes these out of the query of an RTSP URL and obeys them (libavformat/rtsp.c, ff_rtsp_connect).
_LIBAV_OPTIONS = frozenset({"udp", "tcp", "multicast", "filter_src", "listen"})

_PRIVATE = tuple(ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
# Addresses at which clouds answer with credentials, beside the link-local one.
_METADATA = frozenset(ipaddress.ip_address(a) for a in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_EXAMPLE = "Example: rtsp://192.168.1.20:554/stream1"
_DEVICE_EXAMPLE = "Example: http://192.168.1.20/onvif/device_service"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class CameraUrl:
    """A URL taken apart. `host` without brackets; `target` is path and query, begins with `/` or is empty."""

    scheme: str
    host: str
    port: int
    target: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def bare(self) -> str:
        """The URL without user and password, as it is stored and shown; the default port is left out."""
        port = "" if self.port == (DEFAULT_PORTS | DEVICE_PORTS)[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{_bracketed(self.host)}{port}{self.target}"

    def at(self, address: IPAddress, username: str = "", password: str = "") -> str:
        """The URL with the address for the host, and the credentials percent-encoded. Secret: only for libav."""
        userinfo = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username or password else ""
        return f"{self.scheme}://{userinfo}{_bracketed(str(address))}:{self.port}{self.target}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refuse(
    message: str, hint: str = "", name: str = "url", *, reason: str, params: dict[str, str] | None = None
) -> CameraUrlError:
    return CameraUrlError(message, hint=hint, field=name, reason=reason, params=params)


def parse_camera_url(text: str) -> CameraUrl:
    """Take a camera's URL apart, or say plainly why it cannot be one (CameraUrlError; never quotes the URL itself)."""
    _check_letters(text)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in DEFAULT_PORTS or not text[scheme.end() :].startswith("//"):
        raise _refuse("The URL must begin with rtsp:// or rtsps://.", _EXAMPLE, reason="url_scheme")
    return _taken_apart(text, scheme, DEFAULT_PORTS)


def parse_device_url(text: str) -> CameraUrl:
    """The same for the URL of an ONVIF device; user and password are the camera's and may not stand in it."""
    _check_letters(text)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in DEVICE_PORTS or not text[scheme.end() :].startswith("//"):
        raise _refuse("The ONVIF address must begin with http:// or https://.", _DEVICE_EXAMPLE, reason="onvif_scheme")
    url = _taken_apart(text, scheme, DEVICE_PORTS)
    if url.username or url.password or "#" in url.target:
        raise _refuse(
            "The ONVIF address holds a user, a password or a #.",
            "It is asked with the user and password of the camera.",
            reason="onvif_login",
        )
    return url


def _check_letters(text: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_URL_BYTES:
        limit = str(MAX_URL_BYTES)
        raise _refuse(f"The URL is longer than {limit} bytes.", reason="url_long", params={"limit": limit})
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in text) or _ESCAPED_CONTROL.search(text):
        raise _refuse("The URL holds control characters.", reason="url_control")
    if any(ord(c) > 0x7F for c in text) or " " in text or "\\" in text:
        raise _refuse(
            "The URL holds a space, a backslash or letters beyond ASCII.",
            "Write them percent-encoded.",
            reason="url_letters",
        )
    if _BAD_ESCAPE.search(text):
        raise _refuse(
            "A % in the URL is not followed by two hexadecimal digits.", "Write % as %25.", reason="url_escape"
        )


def _taken_apart(text: str, scheme: re.Match[str], ports: Mapping[str, int]) -> CameraUrl:
    name = scheme[1].lower()
    rest = text[scheme.end() + 2 :]
    cut = next((i for i, c in enumerate(rest) if c in "/?#"), len(rest))
    authority, target = rest[:cut], rest[cut:]
    if target.startswith(("?", "#")):
        target = f"/{target}"
    _check_query(target)
    userinfo, at, hostport = authority.rpartition("@")
    username, password = _credentials(userinfo) if at else ("", "")
    host, port = _host_port(hostport, ports[name])
    return CameraUrl(name, host, port, target, username, password)


def _check_query(target: str) -> None:
    query = target.rpartition("?")[2] if "?" in target else ""
    if any(item.partition("=")[0].lower() in _LIBAV_OPTIONS for item in query.split("&")):
        raise _refuse(
            "The URL holds a transport option.",
            "Choose TCP or UDP in the camera's settings instead.",
            reason="url_option",
        )


def _credentials(userinfo: str) -> tuple[str, str]:
    if "@" in userinfo:
        raise _refuse(
            "The URL holds more than one @ before the host.",
            "Write @ in a password as %40, or give user and password in their own fields.",
            reason="url_at",
        )
    user, _, password = userinfo.partition(":")
    username, secret = unquote(user), unquote(password)
    check_credentials(username, secret)
    return username, secret


def check_credentials(username: str, password: str) -> None:
    """Refuse control characters and absurd lengths (CameraUrlError); both go into RTSP headers."""
    for value, name in ((username, "username"), (password, "password")):
        if len(value) > MAX_SECRET_CHARS:
            limit = str(MAX_SECRET_CHARS)
            words = f"The {name} is longer than {limit} characters."
            raise _refuse(words, name=name, reason="text_long", params={"limit": limit})
        if any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
            raise _refuse(f"The {name} holds control characters.", name=name, reason="text_control")


def _host_port(hostport: str, default: int) -> tuple[str, int]:
    if hostport.startswith("["):
        inner, bracket, after = hostport[1:].partition("]")
        no_ipv6 = _refuse("The address in brackets is not an IPv6 address.", reason="url_ipv6")
        if not bracket or (after and not after.startswith(":")) or "%" in inner:
            raise no_ipv6
        try:
            host = str(ipaddress.IPv6Address(inner))
        except ValueError:
            raise no_ipv6 from None
        port = after[1:] if after else None
    else:
        host, colon, text = hostport.partition(":")
        port = text if colon else None
        if not host:
            raise _refuse("The URL names no host.", _EXAMPLE, reason="url_no_host")
        if not _HOST.fullmatch(host) or ".." in host:
            raise _refuse("The host of the URL is not a host name or address.", reason="url_host")
    if port is None:
        return host, default
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
        raise _refuse("The port of the URL is not a number from 1 to 65535.", reason="url_port")
    return host, int(port)


def literal_address(host: str) -> IPAddress | None:
    """The address a host names by itself, without DNS: IPv6, dotted IPv4, and the decimal, octal, hexadecimal and
    short forms that C resolvers accept (inet_aton); None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def networks(texts: Sequence[str]) -> tuple[IPNetwork, ...]:
    """Networks in CIDR notation; ValueError where one is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where cameras may be: private (RFC 1918, RFC 4193) and public addresses; `allowed` adds networks and wins,
    `refused` takes some away (the center's own services)."""

    allowed: tuple[IPNetwork, ...] = ()
    refused: tuple[IPNetwork, ...] = ()

    def why_refused(self, address: IPAddress) -> str:
        """Why no camera may be at this address, in plain words; empty where one may."""
        plain = _embedded(address)
        if _within(plain, self.allowed):
            return ""
        return _special(plain) or ("belongs to the system itself" if _within(plain, self.refused) else "")

    def check(self, address: IPAddress) -> None:
        """CameraUrlError where no camera may be at this address."""
        why = self.why_refused(address)
        if why:
            hint = "An administrator can allow its network in the settings (ingest.camera_networks)."
            raise _refuse(f"The address of the camera {why}; cameras may not be there.", hint, reason="url_address")

    def check_literal(self, url: CameraUrl) -> None:
        """The same for a URL whose host is an address; a name passes and is checked again once resolved."""
        host = url.host.rstrip(".").lower()
        if host == "localhost" or host.endswith(".localhost"):
            self.check(ipaddress.IPv4Address("127.0.0.1"))
        if host in _METADATA_NAMES:
            self.check(ipaddress.IPv4Address("169.254.169.254"))
        address = literal_address(url.host)
        if address is not None:
            self.check(address)


def _within(address: IPAddress, ranges: tuple[IPNetwork, ...]) -> bool:
    return any(address.version == network.version and address in network for network in ranges)


def _embedded(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one that leads to it (mapped, NAT64, 6to4), else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _special(address: IPAddress) -> str:
    checks = (
        (address in _METADATA, "is a cloud's metadata service"),
        (address.is_loopback, "is this machine itself (loopback)"),
        (address.is_unspecified, "is the unspecified address"),
        (address.is_link_local, "is link-local"),
        (address.is_multicast, "is a multicast group"),
    )
    for hit, why in checks:
        if hit:
            return why
    if _within(address, _PRIVATE) or (address.is_global and not address.is_reserved):
        return ""
    return "is reserved"
