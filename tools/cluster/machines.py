"""Files for the machines of a cluster: one folder per zone with compose file, NATS and node settings, and an example of
its secrets; systemd units and kernel settings for all. Without a registry: what has no image of its own is built.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from .nats_server import HUB_DOMAIN, Env, LeafRights, NatsServer, Tls
from .node_settings import S3, NodePlace, node_settings, render
from .topology import CENTER, CENTER_SERVICES, SITE_SERVICES, Site, Topology

ROOT = Path(__file__).resolve().parents[2]
CTRL, VIDEO = "VMS_CLUSTER__NATS__CTRL_PASSWORD", "VMS_CLUSTER__NATS__VIDEO_PASSWORD"
NATS_PORT, MONITOR_PORT, LEAF_PORT, POSTGRES_PORT, S3_PORT, PAGE_PORT = 4222, 8222, 7422, 5432, 9000, 8443
ETC = "/etc/vms"
STATE = "/var/lib/vms"


def files(topology: Topology, hosts: Mapping[str, str], *, tls: bool = False) -> dict[str, str]:
    """Every file by its path below config/cluster. `hosts`: how each zone's machine is reached from the others."""
    made = {"Dockerfile": _dockerfile(), "Dockerfile.dockerignore": _IGNORED, "sysctl.conf": _SYSCTL}
    for zone, count in topology.zones():
        made[f"{zone}/compose.yaml"] = _compose(topology, zone, count, tls=tls)
        made[f"{zone}/nats.conf"] = nats(topology, zone, tls=tls).render()
        for number in range(1, count + 1):
            settings = node_settings(topology, _place(topology, zone, number, hosts))
            heading = (
                f"Node {number} of {zone}. Made by tools/cluster; secrets are in vms.env. Every key: config/vms.yaml"
            )
            made[f"{zone}/node-{number}.yaml"] = render(settings, heading)
        made[f"{zone}/vms.env.example"] = environment(topology, zone, hosts, None)
    return made | _units()


def nats(topology: Topology, zone: str, *, tls: bool) -> NatsServer:
    """The NATS server of a zone's machine: clients by loopback, leafs from outside, each a user of its own."""
    hub = zone == CENTER
    return NatsServer(
        domain=HUB_DOMAIN if hub else zone,
        listen=f"127.0.0.1:{NATS_PORT}",
        monitor=f"127.0.0.1:{MONITOR_PORT}",
        folder=f"{STATE}/nats",
        ctrl_password=Env(CTRL),
        video_password=Env(VIDEO),
        leaf_listen=f"0.0.0.0:{LEAF_PORT}" if hub else "",
        remotes=() if hub else (Env("VMS_HUB_CTRL_URL"), Env("VMS_HUB_VIDEO_URL")),
        tls=_tls(hub) if tls else Tls(),
        leaf_users=tuple(LeafRights(site.slug, Env(leaf_variable(site))) for site in topology.sites) if hub else (),
    )


def leaf_variable(site: Site) -> str:
    """The variable of the center's environment with the password of a regency's leaf."""
    return f"VMS_LEAF_{site.store_name.upper()}_PASSWORD"


def environment(topology: Topology, zone: str, hosts: Mapping[str, str], known: Mapping[str, str] | None) -> str:
    """The secrets of a machine as VMS_… lines, from `known` (of new_secrets), else to be filled in."""

    def secret(name: str) -> str:
        return known[name] if known is not None else "CHANGE-ME"

    near = "" if zone == CENTER else f"{zone}_"
    lines = [(CTRL, secret(f"{near}ctrl")), (VIDEO, secret(f"{near}video"))]
    lines.append(("VMS_HOME_STORE__SECRET_KEY", secret("center_s3" if zone == CENTER else f"{zone}_home_s3")))
    stores = [site for site in topology.sites if site.store and zone in (CENTER, site.slug)]
    lines += [(f"VMS_STORES__{s.store_name.upper()}__SECRET_KEY", secret(f"{s.slug}_s3")) for s in stores]
    if zone == CENTER:
        url = f"postgresql://vms:{secret('postgres')}@127.0.0.1:{POSTGRES_PORT}/vms"
        lines += [("VMS_ADMIN_PASSWORD", secret("admin")), ("VMS_CATALOGUE__URL", url)]
        for site in topology.sites:  # what `vms store grant` and the hub know them by
            name = site.store_name.upper()
            lines.append((leaf_variable(site), secret(f"{site.slug}_leaf")))
            lines.append((f"VMS_SITE_{name}_S3_PASSWORD", secret(f"{site.slug}_home_s3")))
        lines += [("POSTGRES_USER", "vms"), ("POSTGRES_DB", "vms"), ("POSTGRES_PASSWORD", secret("postgres"))]
    else:
        for account in ("ctrl", "video"):
            url = f"nats-leaf://{account}-{zone}:{secret(f'{zone}_leaf')}@{hosts[CENTER]}:{LEAF_PORT}"
            lines.append((f"VMS_HUB_{account.upper()}_URL", url))
    if zone == CENTER or stores:
        lines += [("MINIO_ROOT_USER", "vms"), ("MINIO_ROOT_PASSWORD", secret(f"{zone}_s3")), ("MINIO_BROWSER", "off")]
    heading = "# Secrets of this machine, readable by root alone. Letters and digits, a letter first."
    return "\n".join([heading, *(f"{name}={value}" for name, value in lines), ""])


def new_secrets(topology: Topology) -> dict[str, str]:
    """Passwords of a new installation by name. They begin with a letter: a configuration may read them as a word."""
    names = ["ctrl", "video", "postgres", "admin", "center_s3", *(f"{s.slug}_s3" for s in topology.sites if s.store)]
    names += [f"{site.slug}_{what}" for site in topology.sites for what in ("ctrl", "video", "leaf", "home_s3")]
    return {name: "v" + secrets.token_hex(16) for name in names}


def _tls(hub: bool) -> Tls:
    return Tls(f"{ETC}/nats.crt", f"{ETC}/nats.key") if hub else Tls(authority=f"{ETC}/nats-ca.crt")


def _place(topology: Topology, zone: str, number: int, hosts: Mapping[str, str]) -> NodePlace:
    def s3(store_zone: str) -> S3:
        host = "127.0.0.1" if store_zone == zone else hosts[store_zone]
        return S3(f"http://{host}:{S3_PORT}", "vms")

    home = s3(CENTER)
    return NodePlace(
        zone=zone,
        data=f"{STATE}/node-{number}",
        http=f"0.0.0.0:{PAGE_PORT + number - 1}",
        nats_url=f"nats://127.0.0.1:{NATS_PORT}",
        key_file=f"{ETC}/installation.key",
        home=home if zone == CENTER else replace(home, access_key=f"vms-{zone}"),
        stores={site.store_name: s3(site.slug) for site in topology.sites if site.store},
    )


def tls_files(zone: str) -> tuple[str, ...]:
    """What a zone's NATS server needs beside its configuration, with TLS."""
    return ("nats.crt", "nats.key") if zone == CENTER else ("nats-ca.crt",)


def _compose(topology: Topology, zone: str, count: int, *, tls: bool) -> str:
    hub = zone == CENTER
    certificates = [f"./{name}:{ETC}/{name}:ro" for name in tls_files(zone)] if tls else []
    services: dict[str, dict[str, Any]] = {
        "nats": _service(
            image="nats:2.15-alpine",
            command=["--config", f"{ETC}/nats.conf"],
            volumes=[f"./nats.conf:{ETC}/nats.conf:ro", *certificates, f"nats:{STATE}/nats"],
        )
    }
    if hub:
        services["postgres"] = _service(
            image="postgres:15-alpine",
            command=["postgres", "-c", "listen_addresses=127.0.0.1", "-c", "synchronous_commit=on", "-c", "fsync=on"],
            volumes=["postgres:/var/lib/postgresql/data"],
            healthcheck={
                "test": ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "vms"],
                "interval": "5s",
                "retries": 12,
            },
        )
    if hub or topology.site(zone).store:
        services["minio"] = _service(
            build=_build("minio"),
            image="vms-minio",
            command=["server", "/data", "--address", f":{S3_PORT}"],
            volumes=["minio:/data"],
        )
    needs: dict[str, Any] = {
        name: {"condition": "service_healthy" if name == "postgres" else "service_started"} for name in services
    }
    for number in range(1, count + 1):
        chosen = ["--services", CENTER_SERVICES] if hub else ["--services", SITE_SERVICES, "--site", zone]
        services[f"node-{number}"] = _service(
            build=_build("vms"),
            image="vms",
            command=["node", *chosen, "--config", f"{ETC}/node.yaml"],
            volumes=[
                f"./node-{number}.yaml:{ETC}/node.yaml:ro",
                f"./installation.key:{ETC}/installation.key:ro",
                f"node-{number}:{STATE}/node-{number}",
            ],
            stop_grace_period="60s",
            ulimits={"nofile": 65536},
            depends_on={name: dict(need) for name, need in needs.items()},
        )
    volumes = sorted(
        {v.partition(":")[0] for service in services.values() for v in service["volumes"] if v[0].isalpha()}
    )
    document = {"services": services, "volumes": {name: {} for name in volumes}}
    return f"{_COMPOSE_HEADING.format(zone=zone)}{yaml.safe_dump(document, sort_keys=False, width=120)}"


def _build(target: str) -> dict[str, str]:
    return {"context": "${VMS_REPOSITORY:-/opt/vms}", "dockerfile": "config/cluster/Dockerfile", "target": target}


def _service(**keys: Any) -> dict[str, Any]:
    # The host's network: cameras that send UDP, WebRTC, and the host's congestion control on the line.
    return keys | {"network_mode": "host", "env_file": ["vms.env"], "restart": "unless-stopped"}


def _units() -> dict[str, str]:
    network = "network-online.target"
    node = "/opt/vms/.venv/bin/vms node --services {} --config /etc/vms/%i.yaml --data /var/lib/vms/%i"
    after = f"{network} time-sync.target vms-nats.service vms-minio.service"
    wants = f"{network} vms-nats.service"
    about = "video management system"
    units = {
        "vms-nats": (f"NATS server of the {about}", network, network, "vms/nats", _NATS_COMMAND, 30),
        "vms-minio": (f"S3 store of the {about}", network, network, "vms/minio", _MINIO_COMMAND, 30),
        "vms-center@": (
            "Video management system, node %i of the center",
            f"{after} postgresql.service", wants, "vms/%i", node.format(CENTER_SERVICES), 60,
        ),
        "vms-site@": (
            "Video management system, node %i of a regency",
            after, wants, "vms/%i", node.format(SITE_SERVICES), 60,
        ),
    }  # fmt: skip
    names = ("what", "after", "wants", "state", "command", "stop")
    return {
        f"systemd/{name}.service": _UNIT.format(**dict(zip(names, values, strict=True)))
        for name, values in units.items()
    }


def _dockerfile() -> str:
    script = (ROOT / "tools/minio.sh").read_text(encoding="utf-8")
    found = re.search(r"^version=(\S+)\nmodule=(\S+)$", script, re.MULTILINE)
    assert found is not None
    return _DOCKERFILE.format(module=found[2], version=found[1])


_NATS_COMMAND = "/usr/local/bin/nats-server --config /etc/vms/nats.conf"
_MINIO_COMMAND = f"/usr/local/bin/minio server /var/lib/vms/minio --address :{S3_PORT}"

_COMPOSE_HEADING = """\
# Machine of {zone}. Made by tools/cluster. Beside it: vms.env (from vms.env.example) and installation.key.
# The repository is in /opt/vms, or where VMS_REPOSITORY says:  docker compose up -d --build
"""

_DOCKERFILE = """\
# Images of the video management system, and of MinIO, which has none of its own any more. Made by tools/cluster.
FROM golang:1.26-bookworm AS minio-build
RUN GOBIN=/out CGO_ENABLED=0 GOFLAGS=-trimpath go install {module}@{version}

FROM debian:bookworm-slim AS minio
COPY --from=minio-build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=minio-build /out/minio /usr/local/bin/minio
ENTRYPOINT ["/usr/local/bin/minio"]

FROM python:3.11-slim-bookworm AS vms
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/vms
COPY . .
RUN python3 -B tools/setup.py runtime && python3 -B tools/ui.py build
ENTRYPOINT ["/opt/vms/.venv/bin/vms"]
"""

_IGNORED = """\
.git
.venv
build
data
dist
web/static
web/ui/node_modules
**/vms.env
**/installation.key
**/__pycache__
"""

_SYSCTL = """\
# To /etc/sysctl.d/60-vms.conf of every machine, center and regencies; made by tools/cluster.
# On a line of 10 Mb/s, 200 ms and 2 % loss BBR carries ten times what cubic does, and the sender's side decides.
net.core.default_qdisc = fq
net.ipv4.tcp_congestion_control = bbr
# What is not yet sent waits in the program, which can still drop it, and not in the kernel, which cannot. Bytes.
net.ipv4.tcp_notsent_lowat = 32768
"""

_UNIT = """\
# Made by tools/cluster. How to install it: docs/cluster.md.
[Unit]
Description={what}
After={after}
Wants={wants}

[Service]
Type=exec
User=vms
Group=vms
StateDirectory={state}
StateDirectoryMode=0700
ConfigurationDirectory=vms
# Secrets, readable by root alone.
EnvironmentFile=/etc/vms/vms.env
ExecStart={command}
Restart=always
RestartSec=2
TimeoutStopSec={stop}
KillMode=mixed
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictSUIDSGID=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=multi-user.target
"""
