"""What the web service is given: catalogue, bus, read side of footage, clock and options. Nothing is a global."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vms.bus.base import Bus
from vms.clock import Clock
from vms.domain.camera_url import AddressPolicy
from vms.service import Health
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.map_tiles import MapTiles
from web.playback import Playback
from web.security.origin import Network
from web.security.passwords import Argon2Cost

STATIC_DIR = Path(__file__).parent / "static"


def _nothing_to_report() -> Mapping[str, Health]:
    return {}


@dataclass(frozen=True)
class WebOptions:
    """`addresses`: where cameras may be; `https`: whether browsers reach us by TLS
    (cookies are then Secure); `session_ttl_s`: how long a sign-in holds unused; `session_longest_s`: at the longest;
    `trusted_proxies`: peers whose forwarding headers count; `health`: how each service is, by name; `walls_max`: wall
    sessions of one person; `probes_max`: probes at once; `reconnect_s`: how long a wall waits for its socket;
    `stores`: names of this node's Stores; `map_tiles`: tiles of the installation's own.
    """

    addresses: AddressPolicy = field(default_factory=AddressPolicy)
    https: bool = False
    static_dir: Path = STATIC_DIR
    session_ttl_s: float = 12 * 3600.0
    session_longest_s: float = 30 * 24 * 3600.0
    trusted_proxies: tuple[Network, ...] = ()
    map_tiles: MapTiles = field(default_factory=MapTiles)
    health: Callable[[], Mapping[str, Health]] = _nothing_to_report
    argon2: Argon2Cost = field(default_factory=Argon2Cost)
    walls_max: int = 32
    probes_max: int = 4
    reconnect_s: float = 15.0
    version: str = "0.1.0"
    stores: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WebContext:
    """Everything `create_app` needs."""

    catalogue: Catalogue
    bus: Bus
    playback: Playback
    clock: Clock
    presence: Presence
    options: WebOptions = field(default_factory=WebOptions)
