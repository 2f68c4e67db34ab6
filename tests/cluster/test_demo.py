"""The cluster demo comes up for real: leafs with both accounts, JetStream in every domain, the catalogue, all nodes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.errors import ServiceUnavailableError

from tools.cluster import demo, servers
from tools.cluster.authority import hub_certificate
from tools.cluster.machines import ROOT
from tools.cluster.nats_server import NatsServer, Tls
from tools.cluster.topology import CENTER, DEMO, Site, Topology
from vms import settings

pytestmark = pytest.mark.servers
SMALL = Topology((Site("sampit", nodes=2, store=True),), center_nodes=1)


async def page(address: str, name: str) -> dict[str, Any]:
    """A page of a server's monitor."""

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{address}/{name}", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    return await asyncio.to_thread(ask)


async def status(url: str) -> int:
    """The answer's code."""

    def ask() -> int:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)

    return await asyncio.to_thread(ask)


async def leafs(monitor: str, count: int) -> list[dict[str, Any]]:
    """Leaf connections of the hub, once there are so many."""
    async with asyncio.timeout(20):
        while len(found := (await page(monitor, "leafz"))["leafs"] or []) < count:
            await asyncio.sleep(0.05)
    return list(found)


@contextlib.asynccontextmanager
async def client(url: str, user: str, password: str) -> AsyncIterator[Client]:
    """A client of one account, as one in the center has its answers."""
    inboxes = "_INBOX.hub"
    connection = await nats.connect(url, user=user, password=password, connect_timeout=5, inbox_prefix=inboxes)
    try:
        yield connection
    finally:
        await connection.close()


async def test_servers_of_a_cluster(tmp_path: Path) -> None:
    """Leafs connect with both accounts, each domain's JetStream answers from the other side, video stays apart."""
    async with demo.running_servers(SMALL, tmp_path / "demo") as grounds:
        hub = demo.nats_of(CENTER, grounds.state, tmp_path, SMALL)
        found = {(leaf["name"], leaf["account"]) for leaf in await leafs(hub.monitor, 2)}
        assert found == {("sampit", "CTRL"), ("sampit", "VIDEO")}
        (ctrl, video), (near_ctrl, near_video) = (
            demo.nats_passwords(zone, grounds.state) for zone in (CENTER, "sampit")
        )
        async with (
            client(grounds.nats[CENTER], "ctrl", ctrl) as center,
            client(grounds.nats["sampit"], "ctrl", near_ctrl) as site,
        ):
            for here, domain in ((center, "sampit"), (center, "hub"), (site, "sampit")):
                assert (await here.jetstream(domain=domain, timeout=10).account_info()).domain == domain
        async with (
            client(grounds.nats[CENTER], "video", video) as there,
            client(grounds.nats["sampit"], "video", near_video) as site,
        ):
            watching = await there.subscribe("media.center.camera.main")
            await there.flush()
            async with asyncio.timeout(10):
                while not (await page(demo.nats_of("sampit", grounds.state, tmp_path).monitor, "leafz?subs=1"))[
                    "leafs"
                ]:
                    await asyncio.sleep(0.05)
                while True:
                    await site.publish("media.center.camera.main", b"picture")
                    with contextlib.suppress(nats.errors.TimeoutError):
                        assert (await watching.next_msg(timeout=0.2)).data == b"picture"
                        break
            with pytest.raises((NoRespondersError, ServiceUnavailableError, nats.errors.TimeoutError)):
                await site.jetstream(timeout=1).account_info()
        for store in grounds.stores.values():
            assert await status(f"{store.endpoint}/minio/health/live") == 200


async def test_the_next_start_finds_what_was_there(tmp_path: Path) -> None:
    """Ports, passwords and the catalogue's rows are the same; two demos at once are refused."""
    seen = []
    for command in ("create table kept (n int)", "insert into kept values (1)"):
        async with demo.running_servers(SMALL, tmp_path / "demo") as grounds:
            seen.append((grounds.catalogue_url, dict(grounds.nats), dict(grounds.stores)))
            psql = [str(servers.postgres_folder() / "psql"), grounds.catalogue_url, "-qc", command]
            assert await (await asyncio.create_subprocess_exec(*psql)).wait() == 0
            with pytest.raises(servers.ServerError, match="another demo"):
                async with demo.running_servers(SMALL, tmp_path / "demo"):
                    pass
    assert seen[0] == seen[1]


def test_settings_of_the_demo_are_read(tmp_path: Path) -> None:
    """Six nodes at regencies, two at the center, each file valid; cameras are the center's to register."""
    state = demo.State.read(tmp_path / "cluster.json", DEMO)
    urls = {zone: f"nats://127.0.0.1:{state.port(zone)}" for zone, _ in DEMO.zones()}
    stores = {name: demo.S3("http://127.0.0.1:9000", "vms", "v" * 20) for name in ("home", "sampit")}
    grounds = demo.Grounds(DEMO, tmp_path, state, urls, "postgresql://vms:v@127.0.0.1/vms", stores)
    camera = {"site": "sampit", "slug": "a", "name": "A", "main": "rtsp://127.0.0.1/a", "sub": "rtsp://127.0.0.1/b"}
    nodes = demo.prepare_nodes(grounds, demo.to_register([camera], state), "127.0.0.1:8080")
    zones = [settings.load(node.config).zone() for node in nodes]
    assert zones == [node.zone for node in nodes]
    assert zones.count(CENTER) == 2
    assert zones.count("sampit") == 2
    assert len(zones) == 8
    assert [len(settings.load(node.config).cameras) for node in nodes] == [1, 1, 0, 0, 0, 0, 0, 0]
    assert {node.config.stat().st_mode & 0o077 for node in nodes} == {0}


def certificate(folder: Path) -> Tls:
    """A certificate of 127.0.0.1, as `new --tls` makes it."""
    made = hub_certificate("127.0.0.1", dt.datetime.now(dt.UTC))
    for name, pem in (("nats.crt", made.certificate), ("nats.key", made.key), ("nats-ca.crt", made.authority)):
        (folder / name).write_bytes(pem)
    return Tls(str(folder / "nats.crt"), str(folder / "nats.key"), str(folder / "nats-ca.crt"))


async def test_leafs_reach_the_hub_by_tls(tmp_path: Path) -> None:
    """With certificate and authority both connections come up encrypted."""
    tls, state = certificate(tmp_path), demo.State.read(tmp_path / "cluster.json", SMALL)
    made = [demo.nats_of(zone, state, tmp_path, SMALL) for zone in (CENTER, "sampit")]
    secured = [
        NatsServer(**{**vars(server), "tls": part})
        for server, part in zip(made, (tls, Tls(authority=tls.authority)), strict=True)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for server in secured:
            config = tmp_path / f"{server.domain}.conf"
            config.write_text(server.render(), encoding="utf-8")
            await stack.enter_async_context(servers.running_nats(config, server.monitor, tmp_path / "log"))
        assert {leaf["account"] for leaf in await leafs(secured[0].monitor, 2)} == {"CTRL", "VIDEO"}
        host, port = secured[0].leaf_listen.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert json.loads((await reader.readline()).removeprefix(b"INFO "))["tls_required"] is True
        writer.close()
        await writer.wait_closed()


def test_a_server_that_does_not_start_is_said(tmp_path: Path) -> None:
    """One line with its own last words."""

    async def start() -> None:
        (tmp_path / "bad.conf").write_text("jetstream {{{")
        async with servers.running_nats(tmp_path / "bad.conf", "127.0.0.1:1", tmp_path / "log"):
            pass

    with pytest.raises(servers.ServerError, match=r"NATS \(bad\) ended with code 1"):
        asyncio.run(start())


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_the_whole_demo(tmp_path: Path) -> None:
    """Everything starts, says where it is, serves the page, and Ctrl-C ends all of it."""
    port = servers.free_port()
    argv = [
        sys.executable,
        "-m",
        "tools.cluster",
        "demo",
        "--data",
        str(tmp_path / "demo"),
        "--http",
        f"127.0.0.1:{port}",
    ]
    environment = {**os.environ, "VMS_ADMIN_PASSWORD": "a password for the test"}
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert f"ready at http://127.0.0.1:{port} | user: admin | password: a password for the test" in said
        pids = [int(process.stdout.readline().split()[-1]) for _ in range(8)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
