"""ICE of our own addresses on aiortc's transports: host candidates alone, no STUN or TURN server is ever asked.

aioice leaves out the loopback, so a machine without any network could not show its own wall: here the addresses are
given. It has no port range either: a viewer gets one port, free on each address, out of the range. What is media on
that port is handed over as it arrives; aiortc's queue and coroutines see DTLS alone. Event loop only.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, get_host_addresses
from aioice.stun import Class, Message
from aiortc import RTCIceGatherer

from vms import metrics
from vms.errors import VmsError

_BUFFER_BYTES = 1 << 20
_QUEUE_MAX = 64
_CHECKED_MAX = 64
_COOKIE = bytes.fromhex("2112a442")  # of every STUN message (RFC 8489 §5)
Address = tuple[Any, ...]


def own_addresses() -> list[str]:
    """The addresses of this machine, IPv4 first; the loopback where there is no other."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=False) + get_host_addresses(use_ipv4=False, use_ipv6=True)
    return found or ["127.0.0.1"]


class Ports:
    """UDP ports [first, last] that viewers get in turn; without them, any that the system gives."""

    def __init__(self, first: int | None = None, last: int | None = None) -> None:
        self.first, self.last = first, last
        self._turn = itertools.cycle(range(first, last + 1)) if first is not None and last is not None else None

    def candidates(self) -> Iterator[int]:
        """Ports to try, each once; 0 stands for any."""
        if self._turn is None or self.first is None or self.last is None:
            return iter((0,))
        return itertools.islice(self._turn, self.last - self.first + 1)

    def bind(self, addresses: Sequence[str]) -> list[socket.socket]:
        """Sockets on one port of each of these addresses that is there. VmsError where no port is free."""
        for port in self.candidates():
            sockets = _bound(addresses, port)
            if sockets is not None:
                return sockets
        words = f"no UDP port from {self.first} to {self.last} is free for another viewer"
        raise VmsError(words, hint="Widen streamer.ports: each viewer takes one.")


def _bound(addresses: Sequence[str], port: int) -> list[socket.socket] | None:
    """None where the port is taken on one of them."""
    sockets: list[socket.socket] = []
    for address in addresses:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        try:
            sock.bind((address, port))
        except OSError as error:
            sock.close()
            if port and error.errno == 98:  # EADDRINUSE
                for each in sockets:
                    each.close()
                return None
        else:
            sockets.append(sock)
    return sockets


class MediaProtocol(StunProtocol):
    """One socket: STUN and DTLS go aioice's way, RTP and RTCP (RFC 7983) straight to the connection's `media`. DTLS is
    taken from addresses alone that have made an authentic check: else whoever finds the port could begin a handshake
    in the viewer's place."""

    def __init__(self, receiver: HostConnection, sock: socket.socket) -> None:
        super().__init__(receiver)
        self.sock = sock

    def datagram_received(self, data: bytes | str, addr: Address) -> None:
        """See asyncio.DatagramProtocol."""
        connection = cast("HostConnection", self.receiver)
        raw = data if isinstance(data, bytes) else b""
        if connection.media is not None and len(raw) > 11 and 127 < raw[0] < 192:
            connection.media(raw)
        elif (raw[4:8] == _COOKIE and raw[0] < 4) or addr[:2] in connection.checked:
            super().datagram_received(data, addr)
        else:
            metrics.DROPS.labels("handshake").inc()

    def send_stun(self, message: Message, addr: Address) -> None:
        """As aioice does. A check that is answered with anything but an error was authentic."""
        checked = cast("HostConnection", self.receiver).checked
        if message.message_class is Class.RESPONSE and len(checked) < _CHECKED_MAX:
            checked.add(addr[:2])
        super().send_stun(message, addr)


class HostConnection(Connection):
    """An ICE connection from the given addresses. `media` takes RTP and RTCP once it is set; `heard` is called for
    each check of the viewer that is authentic; `checked`: where such checks came from."""

    def __init__(self, addresses: Sequence[str], ports: Ports | None = None) -> None:
        super().__init__(ice_controlling=False)
        self._own = list(addresses) or own_addresses()
        self._ports = ports or Ports()
        self.media: Callable[[bytes], None] | None = None
        self.heard: Callable[[], None] | None = None
        self.checked: set[Address] = set()

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],  # noqa: ARG002  what aioice found; ours are given
        timeout: int = 5,  # noqa: ARG002  no server is asked
    ) -> list[Candidate]:
        """Bind one UDP socket per address. VmsError where no port is free."""
        loop, candidates = asyncio.get_running_loop(), []
        sockets = self._ports.bind(self._own)
        for n, sock in enumerate(sockets):
            try:
                _, protocol = await loop.create_datagram_endpoint(partial(MediaProtocol, self, sock), sock=sock)
            except BaseException:  # what is a transport already is closed with the connection, the rest by nobody
                for left in sockets[n:]:
                    left.close()
                raise
            host, port = sock.getsockname()[:2]
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host),
                component=component,
                transport="udp",
                priority=candidate_priority(component, "host"),
                host=host,
                port=port,
                type="host",
            )
            candidates.append(protocol.local_candidate)
            self._protocols.append(protocol)
        return candidates

    def data_received(self, data: bytes, component: int) -> None:
        """What is neither STUN nor media, and so DTLS, or anybody's rubbish. aioice's queue has no bound, and until ICE
        is through nobody reads it."""
        if self._queue.qsize() < _QUEUE_MAX:
            super().data_received(data, component)
        else:
            metrics.DROPS.labels("handshake").inc()

    def check_incoming(self, message: Message, addr: Address, protocol: StunProtocol) -> None:
        """A check with the right password came."""
        if self.heard is not None:
            self.heard()
        super().check_incoming(message, addr, protocol)

    def nominated(self) -> tuple[socket.socket, Address] | None:
        """Socket and address of the viewer by the pair in use now; None before and after."""
        pair = self._nominated.get(1)
        if pair is None:
            return None
        return cast("MediaProtocol", pair.protocol).sock, pair.remote_addr

    def drop(self) -> None:
        """Nobody is called any more."""
        self.media = self.heard = None


class HostGatherer(RTCIceGatherer):
    """aiortc's gatherer around a HostConnection."""

    def __init__(self, addresses: Sequence[str] = (), ports: Ports | None = None) -> None:
        super().__init__(iceServers=[])
        self.connection = self._connection = HostConnection(addresses, ports)

    async def close(self) -> None:
        """Give the sockets back, also of a transport that never started; closing twice does nothing."""
        self.connection.drop()
        with suppress(ConnectionError):
            await self.connection.close()
