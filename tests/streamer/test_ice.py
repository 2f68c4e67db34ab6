"""Our end of the transport: addresses, candidates, certificate."""

from __future__ import annotations

import datetime as dt

import pytest

from streamer import ice
from streamer.ice import HostGatherer, own_addresses
from streamer.peer import Certificates


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
    await gatherer._connection.close()


def test_one_certificate_for_all_until_it_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once; made again in its last week."""
    certificates = Certificates()
    first = certificates.get()
    assert certificates.get() is first
    soon = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=6)
    monkeypatch.setattr(type(first), "expires", property(lambda self: soon))
    assert certificates.get() is not first
