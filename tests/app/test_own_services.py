"""No camera where the system's own services are: which addresses those are, and what wins over them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from vms.own_services import with_own_services
from vms.settings import Settings

S3 = {"kind": "s3", "bucket": "footage", "access_key": "vms", "secret_key": "x"}
CLUSTER: dict[str, Any] = {
    "http": "10.20.0.2:8443",
    "metrics": "10.20.0.3:9101",
    "home_store": S3 | {"endpoint": "https://10.20.0.4:9000"},
    "stores": {"sampit": S3 | {"endpoint": "http://[fd00::5]:9000"}},
    "catalogue": {"url": "postgresql://vms:p%40ss@10.20.0.6:5432,10.20.0.7/vms"},
    "cluster": {"nats": {"url": "tls://10.20.0.8:4222"}},
}
ADDRESSES = {"10.20.0.2", "10.20.0.3", "10.20.0.4", "fd00::5", "10.20.0.6", "10.20.0.7", "10.20.0.8"}


async def _why(settings: Settings, address: str) -> str:
    policy = (await with_own_services(settings)).address_policy()
    return policy.why_refused(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", sorted(ADDRESSES))
async def test_every_service_of_a_cluster_is_refused(address: str) -> None:
    """Stores, all hosts of the catalogue, NATS, page and metrics; an address beside them is not."""
    assert await _why(Settings(**CLUSTER), address) == "belongs to the system itself"
    assert await _why(Settings(**CLUSTER), "10.20.0.9") == ""


async def test_settings_add_and_allow() -> None:
    """A network of the settings is refused too; one that they allow is not, whatever is there."""
    given = {"refused_networks": ["10.30.0.0/16"], "camera_networks": ["10.20.0.8/32"]}
    settings = Settings(**CLUSTER | {"ingest": given})
    assert await _why(settings, "10.30.1.1")
    assert await _why(settings, "10.20.0.8") == ""
    assert await _why(settings, "10.20.0.4")


async def test_names_are_looked_up_and_unknown_ones_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever the resolver answers at the start; a start does not fail for a name that nobody knows."""
    known = {"minio.example": "10.40.0.1"}

    def answer(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    stores = {"gone": S3 | {"endpoint": "http://nowhere.example:9000"}}
    settings = Settings(home_store=S3 | {"endpoint": "https://minio.example"}, stores=stores)  # type: ignore[arg-type]  # as YAML gives them
    assert await _why(settings, "10.40.0.1")
    refused = (await with_own_services(settings)).ingest.refused_networks
    assert [str(one) for one in refused] == ["10.40.0.1/32", "127.0.0.1/32"]


async def test_a_page_at_every_address_counts_them_all() -> None:
    """The wildcard is not an address: the machine's own are."""
    refused = (await with_own_services(Settings(http="0.0.0.0:8080"))).ingest.refused_networks
    assert ipaddress.ip_network("127.0.0.1/32") in refused
    assert ipaddress.ip_network("0.0.0.0/32") not in refused
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return  # a machine without a network
        assert ipaddress.ip_network(asking.getsockname()[0]) in refused
