"""Addresses of the system's own services, as the settings name them: no camera may be there (DESIGN §10).

Names are looked up once, at the start of who asks; a name that is not known then is left out. Where the page is served
at every address of this machine, all of them count. `ingest.camera_networks` wins over what is found here.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from vms import logs
from vms.domain.camera_url import IPAddress, literal_address
from vms.settings import S3StoreSettings, Settings

log = logs.get(__name__)

LOOK_UP_S = 3.0
_SIOCGIFADDR = 0x8915  # netdevice(7)


async def with_own_services(settings: Settings) -> Settings:
    """The settings with `ingest.refused_networks` filled: Stores, catalogue, NATS, the page and /metrics."""
    found = set().union(*await asyncio.gather(*map(_look_up, sorted(_hosts(settings)))))
    own = tuple(ipaddress.ip_network(address) for address in sorted(found, key=lambda one: (one.version, int(one))))
    ingest = settings.ingest
    refused = tuple(dict.fromkeys((*ingest.refused_networks, *own)))
    return settings.model_copy(update={"ingest": ingest.model_copy(update={"refused_networks": refused})})


def _hosts(settings: Settings) -> set[str]:
    urls = [store.endpoint for store in settings.all_stores().values() if isinstance(store, S3StoreSettings)]
    if settings.cluster is not None:
        urls.append(settings.cluster.nats.url)
    hosts = {urlsplit(url).hostname or "" for url in urls}
    if settings.catalogue.url is not None:
        place = urlsplit(settings.catalogue.url.get_secret_value()).netloc.rpartition("@")[2]
        hosts |= {urlsplit(f"//{one}").hostname or "" for one in place.split(",")}  # libpq takes several
    hosts.add(settings.listen()[0])
    metrics = settings.listen_metrics()
    if metrics is not None:
        hosts.add(metrics[0])
    return hosts - {""}


async def _look_up(host: str) -> set[IPAddress]:
    literal = literal_address(host)
    if literal is not None:
        return set(_of_this_machine()) if literal.is_unspecified else {literal}
    try:
        async with asyncio.timeout(LOOK_UP_S):
            answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        log.warning("a service of the settings has a name that is not known: cameras at its address are not refused")
        return set()
    return {ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers}


def _of_this_machine() -> Iterator[IPAddress]:
    """Every interface's IPv4 address (its first) and IPv6 addresses; Linux."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # it has none
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                yield ipaddress.IPv4Address(answer[20:24])
    with contextlib.suppress(OSError):  # a kernel without IPv6
        for line in Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines():
            yield ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))
