"""`make cluster-demo`: a cluster on this machine, for real: PostgreSQL, two MinIOs, a NATS hub and a leaf per regency,
simulated cameras, two nodes at the center and six at the regencies; every one a process, all on loopback.

Ports, keys and footage lie in the data folder, so that the next start goes on where this one ended. What a process says
is in DATA/logs. One that dies stays dead: that is what there is to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import servers
from .machines import new_secrets
from .nats_server import HUB_DOMAIN, LeafRights, NatsServer
from .node_settings import S3, NodePlace, node_settings, render
from .servers import ServerError, running
from .topology import CENTER, CENTER_SERVICES, DEMO, SITE_SERVICES, Topology

NODE_READY_S = 120.0
SCENES_READY_S = 600.0
CAMERAS = 12
REGISTERED = 10
USER = "operator"


@dataclass
class State:
    """What stays from one start to the next, in DATA/cluster.json: ports by name and secrets by name."""

    file: Path
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path, topology: Topology) -> State:
        """That of the folder, or a new one."""
        known = json.loads(file.read_bytes()) if file.exists() else {"ports": {}, "secrets": {}}
        made = new_secrets(topology) | {"camera": "v" + secrets.token_hex(8)}
        return cls(file, known["ports"], made | known["secrets"])

    def port(self, name: str, wish: int = 0) -> int:
        """The port of that name: the same as last time, else the wished one where it is free, else any."""
        if name not in self.ports:
            self.ports[name] = wish or next(p for p in iter(servers.free_port, 0) if p not in self.ports.values())
        return self.ports[name]

    def address(self, name: str, wish: int = 0) -> str:
        """The same as HOST:PORT."""
        return f"127.0.0.1:{self.port(name, wish)}"

    def write(self) -> None:
        """Keep it, for the owner alone."""
        temporary = self.file.with_suffix(".new")
        with open(temporary, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump({"ports": self.ports, "secrets": self.secrets}, out, indent=1)
        temporary.replace(self.file)


@dataclass(frozen=True)
class Node:
    """A node to start: its settings file, and where its page is."""

    name: str
    zone: str
    config: Path
    url: str

    def command(self) -> list[str]:
        """How it is started by hand, too."""
        chosen = (
            ["--services", CENTER_SERVICES]
            if self.zone == CENTER
            else ["--services", SITE_SERVICES, "--site", self.zone]
        )
        return [str(Path(sys.executable).parent / "vms"), "node", *chosen, "--config", str(self.config)]


@dataclass(frozen=True)
class Grounds:
    """The servers that run: what nodes need to know of them."""

    topology: Topology
    data: Path
    state: State
    nats: Mapping[str, str]
    catalogue_url: str
    stores: Mapping[str, S3]


@contextlib.asynccontextmanager
async def running_servers(topology: Topology, data: Path) -> AsyncIterator[Grounds]:
    """PostgreSQL, MinIO, NATS hub and leafs, in folders below `data`; ServerError where that cannot be."""
    for folder in ("logs", "nats"):
        (data / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    state = State.read(data / "cluster.json", topology)
    minio = servers.minio_program()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_alone(data))
        stores: dict[str, S3] = {}
        for zone, name in [(CENTER, "home"), *((site.slug, site.store_name) for site in topology.sites if site.store)]:
            address, secret = state.address(f"{zone} s3"), state.secrets[f"{zone}_s3"]
            log = data / "logs" / f"{zone}-minio.log"
            await stack.enter_async_context(
                servers.running_minio(minio, data / "minio" / zone, address, "vms", secret, log)
            )
            stores[name] = S3(f"http://{address}", "vms", secret)
        catalogue_url = await stack.enter_async_context(
            servers.running_postgres(
                data / "postgres", state.port("postgres"), state.secrets["postgres"], data / "logs/postgres.log"
            )
        )
        nats: dict[str, str] = {}
        for zone, _ in topology.zones():
            server = nats_of(zone, state, data / "nats", topology)
            config = data / "nats" / f"{zone}.conf"
            _write(config, server.render())
            log = data / "logs" / f"{zone}-nats.log"
            await stack.enter_async_context(servers.running_nats(config, server.monitor, log))
            nats[zone] = f"nats://{server.listen}"
        state.write()
        yield Grounds(topology, data, state, nats, catalogue_url, stores)


def nats_passwords(zone: str, state: State) -> tuple[str, str]:
    """Of `ctrl` and `video` at the server of a zone, each zone's its own."""
    near = "" if zone == CENTER else f"{zone}_"
    return state.secrets[f"{near}ctrl"], state.secrets[f"{near}video"]


def leaf_urls(zone: str, state: State, leafs: str) -> tuple[str, str]:
    """How a regency's server reaches the hub at HOST:PORT, as the regency's own users."""
    password = state.secrets[f"{zone}_leaf"]
    return f"nats-leaf://ctrl-{zone}:{password}@{leafs}", f"nats-leaf://video-{zone}:{password}@{leafs}"


def nats_of(zone: str, state: State, folder: Path, topology: Topology = DEMO) -> NatsServer:
    """The NATS server of a zone on loopback."""
    hub = zone == CENTER
    ctrl, video = nats_passwords(zone, state)
    leafs = state.address("leafs")
    return NatsServer(
        domain=HUB_DOMAIN if hub else zone,
        listen=state.address(f"{zone} nats"),
        monitor=state.address(f"{zone} nats monitor"),
        folder=str(folder.absolute() / zone),
        ctrl_password=ctrl,
        video_password=video,
        leaf_listen=leafs if hub else "",
        remotes=() if hub else leaf_urls(zone, state, leafs),
        file_store="1GB",
        leaf_users=tuple(LeafRights(s.slug, state.secrets[f"{s.slug}_leaf"]) for s in topology.sites) if hub else (),
    )


def prepare_nodes(grounds: Grounds, cameras: Sequence[Mapping[str, Any]], http: str) -> list[Node]:
    """Write the settings file of each node; the center's first, whose first page is at `http`."""
    key = grounds.data / "installation.key"
    if not key.exists():
        _write(key, secrets.token_bytes(32))
    nodes = []
    for zone, count in grounds.topology.zones():
        for number in range(1, count + 1):
            name = f"{zone}-{number}"
            address = http if name == f"{CENTER}-1" else grounds.state.address(name)
            place = NodePlace(
                zone=zone,
                data=str((grounds.data / name).absolute()),
                http=address,
                nats_url=grounds.nats[zone],
                key_file=str(key.absolute()),
                home=grounds.stores["home"],
                stores=grounds.stores,
                ctrl_password=nats_passwords(zone, grounds.state)[0],
                video_password=nats_passwords(zone, grounds.state)[1],
                catalogue_url=grounds.catalogue_url,
                camera_networks=["127.0.0.0/8"],
                cameras=cameras,
            )
            config = grounds.data / f"{name}.yaml"
            _write(
                config,
                render(node_settings(grounds.topology, place), f"Node {name} of the demo, made anew at each start."),
            )
            nodes.append(Node(name, zone, config, f"http://{address}"))
    grounds.state.write()
    return nodes


@contextlib.asynccontextmanager
async def running_nodes(
    grounds: Grounds, nodes: Sequence[Node]
) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    """All nodes by name, once each says that it is ready. The center's first makes the catalogue for the others."""
    environment = {"VMS_ADMIN_PASSWORD": admin_password(grounds.state)}
    processes: dict[str, asyncio.subprocess.Process] = {}
    async with contextlib.AsyncExitStack() as stack:

        async def start(node: Node) -> None:
            log = grounds.data / "logs" / f"{node.name}.log"
            log.unlink(missing_ok=True)

            async def ready(_process: asyncio.subprocess.Process) -> bool:
                return b"VMS node of" in log.read_bytes()

            process = running(node.name, node.command(), log, ready, environment=environment, limit_s=NODE_READY_S)
            processes[node.name] = await stack.enter_async_context(process)

        await start(nodes[0])
        await asyncio.gather(*(start(node) for node in nodes[1:]))
        try:
            yield processes
        finally:
            for process in processes.values():  # all at once; the stack then waits for each
                servers.ask_to_end(process)


@contextlib.asynccontextmanager
async def running_cameras(state: State, logs: Path) -> AsyncIterator[list[dict[str, Any]]]:
    """The simulator; its cameras as it names them."""
    log = logs / "simulator.log"
    log.unlink(missing_ok=True)
    argv = [
        sys.executable, "-u", "-m", "vms.simulator", "--cameras", str(CAMERAS),
        "--cache", str(servers.ROOT / "build/scenes"), "--port", str(state.port("cameras", 8554)),
        "--username", USER, "--password", state.secrets["camera"],
    ]  # fmt: skip

    async def ready(_process: asyncio.subprocess.Process) -> bool:
        return b'"ready"' in log.read_bytes()

    async with running("the simulator", argv, log, ready, limit_s=SCENES_READY_S):
        line = next(line for line in log.read_text(encoding="utf-8").splitlines() if '"ready"' in line)
        yield json.loads(line)["cameras"]


def to_register(cameras: Sequence[Mapping[str, Any]], state: State) -> list[dict[str, Any]]:
    """The first ten, as settings name cameras."""
    keys = ("site", "name", "slug", "main", "sub")
    known = {"username": USER, "password": state.secrets["camera"]}
    return [{key: camera[key] for key in keys} | known for camera in cameras[:REGISTERED]]


def admin_password(state: State) -> str:
    """That of the environment, else one made for the folder."""
    return os.environ.get("VMS_ADMIN_PASSWORD") or state.secrets["admin"]


async def run(data: Path, http: str) -> None:
    """Start all, say where it is, and wait to be ended."""
    _say("PostgreSQL, MinIO and NATS are started")
    async with running_servers(DEMO, data) as grounds:
        _say("cameras are started; the first time their scenes are drawn, which takes minutes")
        async with running_cameras(grounds.state, data / "logs") as cameras:
            nodes = prepare_nodes(grounds, to_register(cameras, grounds.state), http)
            _say(f"{len(nodes)} nodes are started")
            async with running_nodes(grounds, nodes) as processes:
                print("\n".join(ready_lines(grounds.state, nodes, processes, data)), flush=True)
                await _watch(processes)


def _say(what: str) -> None:
    print(f"cluster: {what}", file=sys.stderr, flush=True)


def ready_lines(
    state: State, nodes: Sequence[Node], processes: Mapping[str, asyncio.subprocess.Process], data: Path
) -> list[str]:
    """What a person needs to know, once everything runs."""
    first = f"VMS cluster ready at {nodes[0].url} | user: admin | password: {admin_password(state)}"
    rest = [f"  {node.name:18} {node.url}  process {processes[node.name].pid}" for node in nodes]
    return [first, *rest, f"  logs in {data / 'logs'}; kill a process to see what happens; Ctrl-C ends all"]


async def _watch(processes: Mapping[str, asyncio.subprocess.Process]) -> None:
    async def said(name: str, process: asyncio.subprocess.Process) -> None:
        print(f"{name} has ended with code {await process.wait()}", flush=True)

    await asyncio.gather(*(said(name, process) for name, process in processes.items()))


@contextlib.contextmanager
def _alone(data: Path) -> Any:
    """Two demos in one folder would write over each other."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"another demo runs in {data}; choose another folder with --data DIR") from None
        yield


def _write(path: Path, content: str | bytes) -> None:
    raw = content.encode() if isinstance(content, str) else content
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as out:  # noqa: PTH123 - a descriptor
        out.write(raw)
