"""The multicast probe of WS-Discovery (OASIS WS-Discovery 1.1 §5) on each interface, and what is believed of answers.

Anybody on the network can answer, as often as they like: answers are bounded in number and size, must name our
question, and an address is taken only where the answer itself came from (attacks 45, 48).
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import socket
import struct
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from ingest import onvif_soap as soap
from vms.domain.camera_url import AddressPolicy, literal_address, parse_device_url
from vms.errors import CameraUrlError

GROUP, PORT = "239.255.255.250", 3702
LISTEN_S = 3.0
ANSWERS_MAX = 512
DEVICES_MAX = 512
_SIOCGIFADDR = 0x8915
_SCOPE = "onvif://www.onvif.org/"
_ADDRESSES_MAX = 8
_NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Match:
    """A device that answered: its URL is at the address from where the answer came."""

    address: str
    url: str
    name: str = ""
    model: str = ""


def probe_message(message_id: str) -> bytes:
    """Who is an ONVIF video transmitter? (ONVIF Core 7.3.2)"""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
        'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
        f"<a:MessageID>{message_id}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe>"
        "<d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()


def read_matches(data: bytes, sender: str, message_id: str, policy: AddressPolicy) -> tuple[list[Match], int]:
    """Devices of an answer, one for each that gives an address of its own; and how many gave none. Pure."""
    root = soap.read_datagram(data)
    if root is None or soap.words(soap.find(root, "RelatesTo"), 128) != message_id:
        return [], 0
    found: list[Match] = []
    elsewhere = 0
    for match in soap.every(root, "ProbeMatch")[:4]:
        texts = soap.words(soap.find(match, "XAddrs"), 2048).split()[:_ADDRESSES_MAX]
        url = next((good for text in texts if (good := _own(text, sender, policy))), "")
        if not url:
            elsewhere += 1
            continue
        scopes = soap.words(soap.find(match, "Scopes"), 4096).split()
        found.append(Match(sender, url, _scope(scopes, "name"), _scope(scopes, "hardware")))
    return found, elsewhere


def _own(text: str, sender: str, policy: AddressPolicy) -> str:
    try:
        url = parse_device_url(text)
        policy.check_literal(url)
    except CameraUrlError:
        return ""
    return url.bare if literal_address(url.host) == literal_address(sender) else ""


def _scope(scopes: Iterable[str], name: str) -> str:
    begin = f"{_SCOPE}{name}/"
    text = next((unquote(scope[len(begin) :]) for scope in scopes if scope.startswith(begin)), "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_NAME_MAX]


async def probe_interfaces(policy: AddressPolicy, listen_s: float = LISTEN_S) -> tuple[list[Match], int]:
    """Ask on each interface, listen for some seconds: devices by address, and how many gave another's."""
    message_id = f"urn:uuid:{uuid.uuid4()}"
    hearing = _Hearing(message_id, policy)
    loop = asyncio.get_running_loop()
    transports: list[asyncio.DatagramTransport] = []
    try:
        for address in _own_addresses():
            with suppress(OSError):
                transport, _ = await loop.create_datagram_endpoint(lambda: hearing, sock=_socket(address))
                transports.append(transport)
                transport.sendto(probe_message(message_id), (GROUP, PORT))
        if transports:
            await asyncio.sleep(listen_s)
    finally:
        for transport in transports:
            transport.close()
    return list(hearing.found.values()), hearing.elsewhere


class _Hearing(asyncio.DatagramProtocol):
    def __init__(self, message_id: str, policy: AddressPolicy) -> None:
        self._message_id, self._policy = message_id, policy
        self._heard = 0
        self.found: dict[str, Match] = {}
        self.elsewhere = 0

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """One answer; those beyond a few hundred are not read."""
        self._heard += 1
        if self._heard > ANSWERS_MAX or len(self.found) >= DEVICES_MAX:
            return
        matches, elsewhere = read_matches(data, str(addr[0]), self._message_id, self._policy)
        self.elsewhere += elsewhere
        for match in matches:
            self.found.setdefault(match.url, match)


def _own_addresses() -> list[str]:
    """IPv4 addresses of this machine's interfaces but loopback (netdevice(7))."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                address = socket.inet_ntoa(answer[20:24])
                if not ipaddress.IPv4Address(address).is_loopback:
                    found.append(address)
    return found


def _socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        made.bind((address, 0))
    except OSError:
        made.close()
        raise
    return made
