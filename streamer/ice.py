"""ICE of our own addresses on aiortc's transports: host candidates alone, no STUN or TURN server is ever asked.

aioice leaves out the loopback, so a machine without any network could not show its own wall: here the addresses are
given. The one UDP port range of DESIGN §7 will come in here too. Event loop only.
"""

from __future__ import annotations

from collections.abc import Sequence

from aioice import Candidate, Connection
from aioice.ice import get_host_addresses
from aiortc import RTCIceGatherer


def own_addresses() -> list[str]:
    """The addresses of this machine, IPv4 first; the loopback where there is no other."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=False) + get_host_addresses(use_ipv4=False, use_ipv6=True)
    return found or ["127.0.0.1"]


class HostConnection(Connection):
    """An ICE connection from the given addresses."""

    def __init__(self, addresses: Sequence[str]) -> None:
        super().__init__(ice_controlling=False)
        self._own = list(addresses) or own_addresses()

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],  # noqa: ARG002  what aioice found; ours are given
        timeout: int = 5,
    ) -> list[Candidate]:
        """Bind one UDP socket per address."""
        return await super().get_component_candidates(component, self._own, timeout)


class HostGatherer(RTCIceGatherer):
    """aiortc's gatherer around a HostConnection."""

    def __init__(self, addresses: Sequence[str] = ()) -> None:
        super().__init__(iceServers=[])
        self._connection = HostConnection(addresses)
