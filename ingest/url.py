"""Resolving a camera's URL, once, to an address that is allowed. Blocks on DNS: call it from a thread of your own.

The rules are in `vms.domain.camera_url`. What is connected to is the address found here, never the name again, so that
a name that changes its mind (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field

from vms.domain.camera_url import (
    AddressPolicy,
    CameraUrl,
    IPAddress,
    check_credentials,
    literal_address,
    parse_camera_url,
    parse_device_url,
)
from vms.errors import CameraUnreachableError, CameraUrlError


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and as whom. `libav_url` holds the password and goes nowhere but to libav."""

    url: CameraUrl
    address: IPAddress
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def libav_url(self) -> str:
        """The URL for libav: address, port, target, credentials."""
        return self.url.at(self.address, self.username, self.password)

    @property
    def request_url(self) -> str:
        """The URL in RTSP requests, as libav writes it: with the address, without credentials."""
        return self.url.at(self.address)


def resolve(text: str, policy: AddressPolicy, username: str = "", password: str = "") -> Target:
    """Parse, resolve and judge. Given credentials win over those in the URL. CameraUrlError, CameraUnreachableError."""
    return _resolve(parse_camera_url(text), policy, username, password)


def resolve_device(text: str, policy: AddressPolicy, username: str = "", password: str = "") -> Target:
    """The same for the URL of an ONVIF device."""
    return _resolve(parse_device_url(text), policy, username, password)


def _resolve(url: CameraUrl, policy: AddressPolicy, username: str, password: str) -> Target:
    check_credentials(username, password)
    if not username and not password:
        username, password = url.username, url.password
    policy.check_literal(url)
    literal = literal_address(url.host)
    if literal is not None:
        return Target(url, literal, username, password)
    refused: CameraUrlError | None = None
    for address in _lookup(url.host, url.port):
        try:
            policy.check(address)
        except CameraUrlError as error:
            refused = refused or error
        else:
            return Target(url, address, username, password)
    raise refused or _unknown(url.host)


def _lookup(host: str, port: int) -> list[IPAddress]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _unknown(host) from None
    # A scope (fe80::1%eth0) is of no use here: link-local addresses are refused or allowed as networks.
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


def _unknown(host: str) -> CameraUnreachableError:
    return CameraUnreachableError(
        f"The name {host} is not known.",
        hint="Check the spelling, or give the camera's address in numbers.",
        reason="unknown_name",
        params={"host": host},
    )
