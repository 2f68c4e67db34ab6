"""Where a request comes from: the client's address behind trusted proxies, and whether a page of ours sent it.

Pure functions of the ASGI scope. Forwarding headers count only when the peer itself is a trusted proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """What a page is identified by (RFC 6454)."""

    scheme: str
    host: str
    port: int


def peer_address(scope: Scope) -> str:
    """The address of the other end of the connection, empty where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client: the peer, or behind trusted proxies the last address of X-Forwarded-For that is none of them."""
    address = peer_address(scope)
    if not within(address, trusted):
        return address
    listed = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    for entry in reversed([part.strip() for part in listed.split(",") if part.strip()][-20:]):
        try:
            address = str(ipaddress.ip_address(entry))
        except ValueError:
            break
        if not within(address, trusted):
            break
    return address


def is_direct_loopback(scope: Scope) -> bool:
    """Whether a program on this machine asks, itself and not a proxy on its behalf."""
    headers = Headers(scope=scope)
    if any(name in headers for name in _FORWARDING):
        return False
    try:
        parsed = ipaddress.ip_address(peer_address(scope))
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def is_secure(scope: Scope, trusted: Sequence[Network], *, https: bool) -> bool:
    """Whether the browser speaks TLS, to us or to a trusted proxy."""
    if https or scope.get("scheme") in {"https", "wss"}:
        return True
    proto = Headers(scope=scope).get("x-forwarded-proto", "")
    return proto.lower() == "https" and within(peer_address(scope), trusted)


def parse_origin(text: str) -> Origin | None:
    """An Origin header's value; None for `null` and anything that is none."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not host or parts.path not in {"", "/"} or parts.username is not None:
        return None
    return Origin(scheme, host, port or _PORTS[scheme])


def own_origin(scope: Scope, trusted: Sequence[Network], *, https: bool) -> Origin | None:
    """The origin under which the browser knows us, from the Host header."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if within(peer_address(scope), trusted):
        host = headers.get("x-forwarded-host", host)
    scheme = "https" if is_secure(scope, trusted, https=https) else "http"
    return parse_origin(f"{scheme}://{host}")


def is_same_origin(scope: Scope, trusted: Sequence[Network], *, https: bool) -> bool:
    """Whether a request that changes something, or a WebSocket, may come from this page.

    A browser says so by Origin and Sec-Fetch-Site (Fetch standard §3.2, Fetch Metadata §2.3); what is no browser sends
    neither. `Origin: null` is what a page with `no-referrer` sends in some modes, so the other header must vouch.
    """
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    if origin is None:
        return True
    if origin == "null":
        return site == "same-origin"
    given = parse_origin(origin)
    return given is not None and given == own_origin(scope, trusted, https=https)
