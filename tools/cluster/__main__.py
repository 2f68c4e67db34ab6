"""python -m tools.cluster: files for the machines of a cluster, and the demo. Run in .venv, from the repository.

files              config/cluster anew (an example: a center, Sampit with two nodes and a store, Kapuas)
new DIR …          the same for your own center and regencies, with secrets and the installation's key
demo               a whole cluster on this machine
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

from . import demo, machines
from .authority import hub_certificate
from .servers import ServerError
from .topology import CENTER, EXAMPLE, Site, Topology

SHIPPED = machines.ROOT / "config/cluster"


def example() -> dict[str, str]:
    """What config/cluster holds, by path below it."""
    return machines.files(EXAMPLE, {zone: f"{zone}.example" for zone, _ in EXAMPLE.zones()})


def write_example() -> None:
    """config/cluster as it should be, and nothing else in it."""
    shutil.rmtree(SHIPPED, ignore_errors=True)
    _write(SHIPPED, example())


def new(folder: Path, center: str, sites: list[str], *, tls: bool, key_file: Path | None = None) -> None:
    """A folder per machine, each with its secrets. `sites`: SLUG[:NODES][:store][:MBPSmbps]=HOST; `key_file`: of an
    installation that is to be brought into it. ValueError for anything else."""
    hosts, chosen = {CENTER: center}, []
    for text in sites:
        what, _, host = text.partition("=")
        if not host:
            raise ValueError(f"{text!r} is not SLUG[:NODES][:store][:MBPSmbps]=HOST")
        site = Site.parse(what)
        chosen.append(site)
        hosts[site.slug] = host
    if len(hosts) != len(chosen) + 1:
        raise ValueError("a regency is named twice")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: the secrets in it are perhaps in use")
    topology = Topology(tuple(chosen))
    made = machines.files(topology, hosts, tls=tls)
    known, key = machines.new_secrets(topology), secrets.token_bytes(32)
    if key_file is not None:
        key = key_file.read_bytes()
        if len(key) != 32:
            raise ValueError(f"{key_file} is not a key of 32 bytes: give DATA/secret.key of the old installation")
    os.umask(0o077)
    _write(folder, {path: text for path, text in made.items() if not path.endswith("vms.env.example")})
    for zone, _ in topology.zones():
        (folder / zone / "vms.env").write_text(machines.environment(topology, zone, hosts, known), encoding="utf-8")
        (folder / zone / "installation.key").write_bytes(key)
    if tls:
        made_for = hub_certificate(center, dt.datetime.now(dt.UTC))
        parts = {"nats.crt": made_for.certificate, "nats.key": made_for.key, "nats-ca.crt": made_for.authority}
        for zone, _ in topology.zones():
            for name in machines.tls_files(zone):
                (folder / zone / name).write_bytes(parts[name])
    print(f"{folder}: a folder for each machine. The admin's first password: {known['admin']}")


def _write(folder: Path, made: dict[str, str]) -> None:
    for path, text in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


async def _until_signal(data: Path, http: str) -> None:
    task, loop = asyncio.ensure_future(demo.run(data, http)), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> int:
    """The exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("files", help="config/cluster anew")
    own = commands.add_parser("new", help="a folder for each machine of a new cluster")
    own.add_argument("folder", type=Path)
    own.add_argument("--center", required=True, metavar="HOST", help="how regencies reach the center")
    own.add_argument("--site", required=True, action="append", metavar="SLUG[:NODES][:store][:MBPSmbps]=HOST")
    own.add_argument("--tls", action="store_true", help="leafs reach the hub by TLS")
    own.add_argument("--key", type=Path, metavar="FILE", help="secret.key of a single machine that vms migrate brings")
    local = commands.add_parser("demo", help="a cluster on this machine")
    local.add_argument("--data", type=Path, default=Path(os.environ.get("VMS_DATA", "data/cluster-demo")))
    local.add_argument("--http", default=os.environ.get("VMS_HTTP", "127.0.0.1:8080"), metavar="HOST:PORT")
    chosen = parser.parse_args()
    try:
        match chosen.command:
            case "files":
                write_example()
            case "new":
                new(chosen.folder, chosen.center, chosen.site, tls=chosen.tls, key_file=chosen.key)
            case "demo":
                os.umask(0o077)
                asyncio.run(_until_signal(chosen.data, chosen.http))
    except ValueError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2
    except (ServerError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
