"""Our end of the transport: addresses, candidates, certificate."""

from __future__ import annotations

import datetime as dt
import socket

import pytest

from streamer import ice
from streamer.ice import HostGatherer, Ports, own_addresses
from streamer.peer import Certificates
from vms.errors import VmsError


def test_the_loopback_is_used_where_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any network shows its own wall; one with a network does not offer the loopback."""
    monkeypatch.setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [])
    assert own_addresses() == ["127.0.0.1"]
    monkeypatch.setattr(
        ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["192.0.2.7"] if use_ipv4 else ["fd00::7"]
    )
    assert own_addresses() == ["192.0.2.7", "fd00::7"]


async def test_candidates_are_the_addresses_given() -> None:
    """One UDP socket for each that can be bound, and no server is asked."""
    gatherer = HostGatherer(["127.0.0.1", "192.0.2.250"])
    await gatherer.gather()
    assert [(c.ip, c.type) for c in gatherer.getLocalCandidates()] == [("127.0.0.1", "host")]
    assert gatherer._connection.stun_server is None
    await gatherer.close()


async def test_ports_are_taken_in_turn_out_of_the_range() -> None:
    """One for each viewer; where none is free it is said; a port that is given back is used again."""
    first = free_ports(2)
    ports = Ports(first, first + 1)
    one, two, three = (HostGatherer(["127.0.0.1"], ports) for _ in range(3))
    await one.gather()
    await two.gather()
    taken = {gatherer.getLocalCandidates()[0].port for gatherer in (one, two)}
    assert taken == {first, first + 1}
    with pytest.raises(VmsError, match=f"no UDP port from {first} to {first + 1}"):
        await three.gather()
    await one.close()
    again = HostGatherer(["127.0.0.1"], ports)
    await again.gather()
    assert {again.getLocalCandidates()[0].port} | {two.getLocalCandidates()[0].port} == taken
    for gatherer in (two, three, again):
        await gatherer.close()


async def test_media_is_handed_over_and_nothing_else() -> None:
    """Media goes to `media` as it arrives; the rest of who was checked is aioice's, as is all while nobody listens."""
    gatherer = HostGatherer(["127.0.0.1"])
    await gatherer.gather()
    gatherer.connection.checked.add(("127.0.0.1", 9))
    protocol, seen = gatherer.connection._protocols[0], []
    packet = b"\x81\xc9\0\1" + bytes(12)
    protocol.datagram_received(packet, ("127.0.0.1", 9))
    gatherer.connection.media = seen.append
    for data in (packet, b"\x16\xfe\xfd" + bytes(20), b"\x80", b""):
        protocol.datagram_received(data, ("127.0.0.1", 9))
        protocol.datagram_received(data, ("127.0.0.1", 10))
    assert seen == [packet, packet]
    assert gatherer.connection._queue.qsize() == 4
    await gatherer.close()


async def test_rubbish_before_the_handshake_fills_no_memory() -> None:
    """Whoever finds the port of a viewer that is still connecting can send what they like: little of it is kept."""
    gatherer = HostGatherer(["127.0.0.1"])
    await gatherer.gather()
    protocol = gatherer.connection._protocols[0]
    for _ in range(5_000):
        protocol.datagram_received(b"\x16\xfe\xfd" + bytes(1_400), ("203.0.113.66", 9))
    assert gatherer.connection._queue.qsize() < 100
    await gatherer.close()


def free_ports(count: int) -> int:
    """The first of so many UDP ports in a row that are free."""
    for first in range(42_000, 60_000, count):
        if all(_is_free(first + n) for n in range(count)):
            return first
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_one_certificate_for_all_until_it_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once; made again in its last week."""
    certificates = Certificates()
    first = certificates.get()
    assert certificates.get() is first
    soon = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=6)
    monkeypatch.setattr(type(first), "expires", property(lambda self: soon))
    assert certificates.get() is not first
