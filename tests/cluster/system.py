"""A cluster for tests: center, regencies and cameras as real processes, each of which can be killed and started again.

    async with running_cluster(folder, Topology((Site("sampit"),), center_nodes=1)) as cluster: ...

With a `line` each regency is a network namespace of its own, with its nodes, NATS leaf, Store and cameras in it;
without, all is on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.line import Line, Regency, regency
from tests.cluster.process import Process, Spot, Way
from tests.simulator_fixture import SMALL, scenes_folder
from tools.cluster import demo, servers
from tools.cluster.node_settings import S3, NodePlace, node_settings, render
from tools.cluster.topology import CENTER, CENTER_SERVICES, SITE_SERVICES, Topology

PASSWORD = "correct horse battery"
CAMERA_USER, CAMERA_PASSWORD = "operator", "rahasia-kamera"


@dataclass
class Client:
    """Somebody signed in at a node."""

    http: httpx.AsyncClient
    way: Way
    csrf: str = ""

    async def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        """As admin; the answer, whatever it is."""
        answer = await self.http.post("/api/session", json={"username": "admin", "password": password})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
            self.http.headers["X-CSRF-Token"] = self.csrf
        return answer

    async def get(self, path: str, **params: str) -> Any:
        """JSON of an address; HTTPStatusError where it is refused."""
        return (await self.http.get(path, params=params)).raise_for_status().json()

    async def close(self) -> None:
        """Give it back."""
        await self.http.aclose()
        await self.way.close()


@dataclass
class Cameras:
    """Simulated cameras of a place: ready line and folder of the send logs."""

    process: Process
    sends: Path
    there: list[dict[str, Any]] = field(default_factory=list)

    async def start(self) -> None:
        """Start, and read which there are."""
        await self.process.start()
        line = next(line for line in self.process.said().splitlines() if '"ready"' in line)
        self.there = json.loads(line)["cameras"]


@dataclass(frozen=True)
class Registered:
    """A camera as the test knows it: id, its regency, and where what it sent is noted."""

    id: str
    zone: str
    sends: Path
    slug: str


@dataclass
class Cluster:
    """What runs. `processes` by name: `postgres`, `minio`, `hub`, `<site> leaf`, `<site> minio`, and the nodes
    `center-1`, `<site>-1`…"""

    topology: Topology
    folder: Path
    state: demo.State
    spots: dict[str, Spot]
    changes: Mapping[str, Any]
    center_address: str = "127.0.0.1"
    processes: dict[str, Process] = field(default_factory=dict)
    cameras: dict[str, Cameras] = field(default_factory=dict)
    registered: list[Registered] = field(default_factory=list)
    regencies: dict[str, Regency] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)

    @property
    def center(self) -> Client:
        """Signed in at the center's first node."""
        return self.clients["center-1"]

    def data(self, node: str) -> Path:
        """The data folder of a node."""
        return self.folder / node

    def nodes(self, zone: str) -> list[str]:
        """Names of a zone's nodes."""
        count = dict(self.topology.zones())[zone]
        return [f"{zone}-{number}" for number in range(1, count + 1)]

    async def client(self, node: str) -> Client:
        """Somebody at the node's own page, not yet signed in; closed with the cluster."""
        if node not in self.clients:
            zone = node.rpartition("-")[0]
            way = Way(self.spots[zone], self.state.port(node))
            self.clients[node] = Client(httpx.AsyncClient(base_url=await way.open(), timeout=30, trust_env=False), way)
        return self.clients[node]

    async def register(self, zone: str, count: int) -> list[Registered]:
        """Cameras of a regency (its simulator's first that are not yet registered), through the API of the center."""
        sites = {site["slug"]: site["id"] for site in (await self.center.get("/api/sites"))["items"]}
        there = self.cameras[zone if self.regencies else CENTER]
        taken = {camera.slug for camera in self.registered if camera.sends == there.sends}
        free = [camera for camera in there.there if camera["slug"] not in taken]
        assert len(free) >= count, f"the simulator of {zone} has no {count} cameras more"
        made = []
        for camera in free[:count]:
            body = {
                "site": sites[zone], "name": f"{zone} {camera['name']}", "username": CAMERA_USER,
                "password": CAMERA_PASSWORD, "streams": [{"name": "main", "url": camera["main"]}],
            }  # fmt: skip
            answer = await self.center.http.post("/api/cameras", json=body)
            assert answer.status_code == 201, answer.text
            made.append(Registered(answer.json()["id"], zone, there.sends, camera["slug"]))
        self.registered += made
        return made

    async def conditions(self, client: Client | None = None) -> dict[str, str]:
        """The state of each camera, as the center (or another node) tells it."""
        items = (await (client or self.center).get("/api/cameras", limit="200"))["items"]
        return {item["id"]: item["state"]["condition"] for item in items}

    async def until_live(self, limit_s: float = 60, client: Client | None = None) -> None:
        """Wait until all registered cameras are live."""
        wanted = {camera.id for camera in self.registered}
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(limit_s):
                while not all(found.get(camera) == "live" for camera in wanted):
                    await asyncio.sleep(0.2)
                    found = await self.conditions(client)
        except TimeoutError:
            raise AssertionError(f"not live after {limit_s} s: {found}") from None


@contextlib.asynccontextmanager
async def running_cluster(
    folder: Path,
    topology: Topology,
    *,
    line: Line | None = None,
    cameras: int = 2,
    simulator: Mapping[str, Any] | None = None,
    site_services: str = SITE_SERVICES,
    services: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Cluster]:
    """All of it, signed in at the center; no camera is registered yet. `cameras`: so many in each simulator;
    `services`: of nodes by name that run others than their zone's; `changes` go into the settings of every node."""
    for name in ("logs", "nats", "sends"):
        (folder / name).mkdir(parents=True)
    async with contextlib.AsyncExitStack() as stack:
        spots = {CENTER: Spot()}
        regencies: dict[str, Regency] = {}
        for site in topology.sites:
            if line is not None:
                regencies[site.slug] = await stack.enter_async_context(regency(site.slug, line))
            spots[site.slug] = Spot(regencies.get(site.slug))
        state = demo.State.read(folder / "cluster.json", topology)
        cluster = Cluster(topology, folder, state, spots, changes, regencies=regencies)
        if regencies:
            cluster.center_address = next(iter(regencies.values())).center_address
        stack.push_async_callback(_stop, cluster)
        await _start_servers(cluster)
        flags = {"cameras": cameras, "streams": "main", **SMALL, **(simulator or {})}
        for zone in regencies or [CENTER]:
            cluster.cameras[zone] = _cameras(cluster, zone, flags)
        _prepare_nodes(cluster, site_services, services or {})
        await asyncio.gather(*(one.start() for one in cluster.cameras.values()), cluster.processes["center-1"].start())
        others = [name for zone, _ in topology.zones() for name in cluster.nodes(zone) if name != "center-1"]
        await asyncio.gather(*(cluster.processes[name].start() for name in others))
        (await (await cluster.client("center-1")).sign_in()).raise_for_status()
        yield cluster


async def _stop(cluster: Cluster) -> None:
    for client in cluster.clients.values():
        await client.close()
    nodes = [name for zone, _ in cluster.topology.zones() for name in cluster.nodes(zone)]
    await asyncio.gather(*(cluster.processes[name].stop() for name in nodes if name in cluster.processes))
    await asyncio.gather(*(process.stop() for process in cluster.processes.values()))
    await asyncio.gather(*(one.process.stop() for one in cluster.cameras.values()))


async def _start_servers(cluster: Cluster) -> None:
    topology, made = cluster.topology, cluster.processes
    postgres = made["postgres"] = await asyncio.to_thread(_postgres, cluster)
    made["minio"] = _minio(cluster, CENTER)
    for site in topology.sites:
        if site.store:
            made[f"{site.slug} minio"] = _minio(cluster, site.slug)
    for zone, _ in topology.zones():
        made["hub" if zone == CENTER else f"{zone} leaf"] = _nats(cluster, zone)
    await asyncio.gather(*(process.start() for process in made.values()))
    await _make_database(cluster, postgres)


def _postgres(cluster: Cluster) -> Process:
    folder, port, programs = cluster.folder / "postgres", cluster.state.port("postgres"), servers.postgres_folder()
    cluster.folder.chmod(0o755)
    as_user = servers.made_postgres(folder, programs, cluster.state.secrets["postgres"])
    argv = [
        *as_user, str(programs / "postgres"), "-D", str(folder), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=", "-c", "synchronous_commit=on",
    ]  # fmt: skip

    async def ready(said: str) -> bool:
        return "database system is ready to accept connections" in said

    log = cluster.folder / "logs/postgres.log"
    return Process("postgres", Spot(), argv, log, ready, stop_signal=signal.SIGINT)


async def _make_database(cluster: Cluster, postgres: Process) -> None:
    programs = servers.postgres_folder()
    environment = {
        "PGPASSWORD": cluster.state.secrets["postgres"], "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.state.port("postgres")), "PGUSER": "vms",
    }  # fmt: skip
    made = await asyncio.create_subprocess_exec(str(programs / "createdb"), "vms", env={**os.environ, **environment})
    assert await made.wait() == 0, postgres.said()[-2000:]


def _minio(cluster: Cluster, zone: str) -> Process:
    port, spot = cluster.state.port(f"{zone} s3"), cluster.spots[zone]
    folder = cluster.folder / "minio" / zone
    argv = [
        servers.minio_program(), "server", "--quiet", f"--address=:{port}",
        f"--console-address=127.0.0.1:{cluster.state.port(f'{zone} s3 console')}", str(folder),
    ]  # fmt: skip
    environment = {
        "MINIO_ROOT_USER": "vms", "MINIO_ROOT_PASSWORD": cluster.state.secrets[f"{zone}_s3"], "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off", "HOME": str(cluster.folder),
    }  # fmt: skip

    async def ready(_said: str) -> bool:
        return await spot.answers(port, "/minio/health/cluster")

    name = "minio" if zone == CENTER else f"{zone} minio"
    return Process(name, spot, argv, cluster.folder / f"logs/{zone}-minio.log", ready, environment)


def _nats(cluster: Cluster, zone: str) -> Process:
    state, spot, folder = cluster.state, cluster.spots[zone], cluster.folder / "nats"
    server = demo.nats_of(zone, state, folder, cluster.topology)
    leafs = f"{cluster.center_address}:{state.port('leafs')}"
    if zone == CENTER:
        server = replace(server, leaf_listen=f"0.0.0.0:{state.port('leafs')}")
    else:
        server = replace(server, remotes=demo.leaf_urls(zone, state, leafs))
    config = folder / f"{zone}.conf"
    config.write_text(server.render(), encoding="utf-8")
    monitor = state.port(f"{zone} nats monitor")

    async def ready(_said: str) -> bool:
        return await spot.answers(monitor, "/healthz")

    name = "hub" if zone == CENTER else f"{zone} leaf"
    argv = [servers.nats_program(), "-c", str(config)]
    return Process(name, spot, argv, cluster.folder / f"logs/{zone}-nats.log", ready)


def _cameras(cluster: Cluster, zone: str, flags: Mapping[str, Any]) -> Cameras:
    sends = cluster.folder / "sends" / zone
    options: dict[str, Any] = {
        "username": CAMERA_USER, "password": CAMERA_PASSWORD, "cache": scenes_folder(), "send_log": sends,
        # The same after a restart: cameras keep their addresses.
        "port": cluster.state.port(f"{zone} cameras"), "control_port": cluster.state.port(f"{zone} cameras control"),
    } | dict(flags)  # fmt: skip
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]

    async def ready(said: str) -> bool:
        return any('"ready"' in line for line in said.splitlines(keepends=True) if line.endswith("\n"))

    argv = [sys.executable, "-u", "-m", "vms.simulator", *arguments]
    log = cluster.folder / f"logs/{zone}-simulator.log"
    return Cameras(Process(f"{zone} cameras", cluster.spots[zone], argv, log, ready), sends)


def _prepare_nodes(cluster: Cluster, site_services: str, others: Mapping[str, str]) -> None:
    state, key = cluster.state, cluster.folder / "installation.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(32))
    for zone, _ in cluster.topology.zones():
        at_site = [] if zone == CENTER else ["--site", zone]
        for name in cluster.nodes(zone):
            services = others.get(name, site_services if at_site else CENTER_SERVICES)
            place = NodePlace(
                zone=zone,
                data=str(cluster.data(name)),
                http=state.address(name),
                nats_url=f"nats://127.0.0.1:{state.port(f'{zone} nats')}",
                key_file=str(key),
                home=_s3(cluster, CENTER),
                stores={site.store_name: _s3(cluster, site.slug) for site in cluster.topology.sites if site.store},
                ctrl_password=demo.nats_passwords(zone, state)[0],
                video_password=demo.nats_passwords(zone, state)[1],
                catalogue_url=f"postgresql://vms:{state.secrets['postgres']}@127.0.0.1:{state.port('postgres')}/vms",
                camera_networks=["127.0.0.0/8"],
            )
            settings = _changed(node_settings(cluster.topology, place), cluster.changes)
            if "web" not in services:
                settings["metrics"] = state.address(name)
            config = cluster.folder / f"{name}.yaml"
            config.write_text(render(settings, f"Node {name} of a test."), encoding="utf-8")
            argv = [sys.executable, "-m", "vms", "node", "--services", services, *at_site, "--config", str(config)]
            log = cluster.folder / f"logs/{name}.log"
            environment = {"VMS_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(servers.ROOT)}
            cluster.processes[name] = Process(name, cluster.spots[zone], argv, log, _node_ready, environment)


async def _node_ready(said: str) -> bool:
    return "VMS node of" in said


def _s3(cluster: Cluster, zone: str) -> S3:
    """Where both sides of the line reach it: the center's by the center's address, a regency's by the regency's."""
    there = cluster.regencies.get(zone)
    address = cluster.center_address if there is None else there.address
    return S3(f"http://{address}:{cluster.state.port(f'{zone} s3')}", "vms", cluster.state.secrets[f"{zone}_s3"])


def _changed(settings: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return settings | {
        key: settings.get(key, {}) | value if isinstance(value, Mapping) else value for key, value in changes.items()
    }
