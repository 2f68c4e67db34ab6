"""The settings file of a node, for machines as for the demo. Secrets stay out of it unless they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .topology import CENTER, Topology

BUCKET = "footage"


@dataclass(frozen=True)
class S3:
    """How a Store is reached; without `secret_key` the environment has it."""

    endpoint: str
    access_key: str
    secret_key: str = ""

    def settings(self) -> dict[str, str]:
        """As `home_store` and `stores` have it."""
        found = {"kind": "s3", "endpoint": self.endpoint, "bucket": BUCKET, "access_key": self.access_key}
        return found | ({"secret_key": self.secret_key} if self.secret_key else {})


@dataclass(frozen=True)
class NodePlace:
    """Where a node and what it needs are. `stores`: by name of the Store, those of regencies with one of their own.
    Passwords and `catalogue_url` (with its password) are empty where the environment has them."""

    zone: str
    data: str
    http: str
    nats_url: str
    key_file: str
    home: S3
    stores: Mapping[str, S3]
    ctrl_password: str = ""
    video_password: str = ""
    catalogue_url: str = ""
    camera_networks: Sequence[str] = ()
    cameras: Sequence[Mapping[str, Any]] = ()


def node_settings(topology: Topology, place: NodePlace) -> dict[str, Any]:
    """Settings as vms.settings reads them. A regency's node knows the center's Store and its own; sites and cameras are
    the center's to say."""
    at_center = place.zone == CENTER
    nats: dict[str, str] = {"url": place.nats_url}
    if place.ctrl_password:
        nats |= {"ctrl_password": place.ctrl_password, "video_password": place.video_password}
    found: dict[str, Any] = {
        "data": place.data,
        "http": place.http,
        "key_file": place.key_file,
        "cluster": {"zone": place.zone, "nats": nats},
    }
    if not at_center and topology.site(place.zone).line_mbps is not None:
        found["cluster"]["line_mbps"] = topology.site(place.zone).line_mbps
    if place.catalogue_url and at_center:
        found["catalogue"] = {"url": place.catalogue_url}
    found["home_store"] = place.home.settings()
    mine = {site.store_name for site in topology.sites if site.store and (at_center or site.slug == place.zone)}
    found |= (
        {"stores": {name: store.settings() for name, store in place.stores.items() if name in mine}} if mine else {}
    )
    if place.camera_networks:
        found["ingest"] = {"camera_networks": list(place.camera_networks)}
    if at_center:
        found["sites"] = topology.registered()
        found["cameras"] = [dict(camera) for camera in place.cameras]
    return found


def render(settings: Mapping[str, Any], heading: str) -> str:
    """As a YAML file with a comment above."""
    return f"# {heading}\n" + yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=120)
