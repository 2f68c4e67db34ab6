"""`vms doctor` on one machine with nothing, and before the servers of a center: NATS, PostgreSQL and S3, all real."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import typer
import yaml
from minio import Minio
from typer.testing import CliRunner

from tests.s3_fixture import MinioServer, minio
from tests.servers.nats import NatsServer, free_port, running_nats
from tests.servers.postgres import PostgresServer, postgres
from vms import datadir, settings
from vms.bus.inspect import monitor_facts
from vms.cli.doctor import doctor, look
from vms.doctor.checks import Check, Level
from vms.store import Catalogue

__all__ = ["minio", "postgres"]

app = typer.Typer()
app.command()(doctor)


def by_name(found: list[Check]) -> dict[str, Check]:
    """Each once."""
    names = {check.name: check for check in found}
    assert len(names) == len(found)
    return names


def write(path: Path, **values: object) -> Path:
    """A settings file."""
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


async def test_one_machine_before_its_first_start(tmp_path: Path) -> None:
    """Nothing is made; servers that are not named are not asked for."""
    chosen = settings.load(write(tmp_path / "vms.yaml", data=str(tmp_path / "data"), http=f"127.0.0.1:{free_port()}"))
    found = by_name(await look(chosen))
    assert {
        "versions",
        "clock",
        "data",
        "spool",
        "spool.speed",
        "spool.room",
        "store.home",
        "http",
        "ffmpeg",
        "catalogue",
    } == set(found)
    assert all(check.level is not Level.BAD for check in found.values())
    assert not (tmp_path / "data").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vms.yaml"]


def test_the_command(tmp_path: Path) -> None:
    """A line each, or JSON; exit code 1 where something is bad."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    key = data / "secret.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    file = write(tmp_path / "vms.yaml", data=str(data), http=f"127.0.0.1:{free_port()}")
    answer = CliRunner().invoke(app, ["--config", str(file), "--json"])
    found = {check["name"]: check for check in json.loads(answer.stdout)}
    assert (answer.exit_code, found["key"]["level"], found["data"]["level"]) == (1, "bad", "warn")
    assert "chmod 600" in found["key"]["do"]
    key.chmod(0o600)
    data.chmod(0o700)
    plain = CliRunner().invoke(app, ["--config", str(file)])
    assert plain.exit_code == 0, plain.stdout
    assert " 0 bad" in plain.stdout


async def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    """One that answers may be ours; one that does not is not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        chosen = settings.load(write(tmp_path / "vms.yaml", data=str(tmp_path / "data"), http=f"127.0.0.1:{port}"))
        assert by_name(await look(chosen))["http"].level is Level.BAD
        taken.listen()
        assert by_name(await look(chosen))["http"].level is Level.OK


def cluster(tmp_path: Path, nats: NatsServer, postgres_url: str, s3: MinioServer, zone: str) -> settings.Settings:
    """The settings of a node."""
    key_file = tmp_path / "cluster.key"
    if not key_file.exists():
        datadir.new_key(key_file)
    return settings.load(
        write(
            tmp_path / f"{zone}.yaml",
            data=str(tmp_path / zone),
            http=f"127.0.0.1:{free_port()}",
            key_file=str(key_file),
            catalogue={"url": postgres_url},
            home_store={
                "kind": "s3", "endpoint": s3.endpoint, "bucket": "footage-doctor", "access_key": s3.access_key,
                "secret_key": s3.secret_key,
            },
            cluster={
                "zone": zone, "line_mbps": 2,
                "nats": {
                    "url": nats.url, "ctrl_user": nats.ctrl_user, "ctrl_password": nats.ctrl_password,
                    "video_user": nats.video_user, "video_password": nats.video_password,
                },
            },
        )
    )  # fmt: skip


@pytest.mark.servers
async def test_the_servers_of_a_center(tmp_path: Path, postgres: PostgresServer, minio: MinioServer) -> None:
    """All well; then what each of them lacks is named, and no password is in any line."""
    url = postgres.new_schema()
    endpoint = minio.endpoint.removeprefix("http://")
    client = Minio(endpoint, access_key=minio.access_key, secret_key=minio.secret_key, secure=False)
    async with running_nats(tmp_path) as nats:
        monitor = f"http://{nats.host}:{nats.monitor_port}"
        chosen = cluster(tmp_path, nats, url, minio, "center")
        first = by_name(await look(chosen, monitor))
        assert first["store.home"].level is Level.WARN  # no bucket yet
        client.make_bucket("footage-doctor", object_lock=True)
        key = datadir.known_key(chosen.data, chosen.key_file)
        await (await Catalogue.open(url, key=key)).close()
        found = by_name(await look(chosen, monitor))
        well = {
            "nats.ctrl", "nats.ctrl.jetstream", "nats.video", "nats.sync", "nats.clock", "postgres", "postgres.clock",
            "store.home", "store.home.lock", "catalogue",
        }  # fmt: skip
        assert {name: found[name].level for name in well} == dict.fromkeys(well, Level.OK), found
        assert {"tcp.congestion", "tcp.notsent_lowat"} <= set(found)
        assert "line" not in found
        seen = await monitor_facts(nats.url, monitor)
        assert seen is not None
        assert abs(seen.ahead_s) < 1
        words = json.dumps([check.what + check.do for check in found.values()])
        assert not any(secret in words for secret in (nats.ctrl_password, postgres.password, minio.secret_key))
    away = by_name(await look(chosen, monitor))
    assert {away[name].level for name in ("nats.ctrl", "nats.video")} == {Level.BAD}
    client.remove_bucket("footage-doctor")


@pytest.mark.servers
async def test_a_site_whose_line_is_too_thin(tmp_path: Path, minio: MinioServer) -> None:
    """Two cameras that are recorded far away, 2 Mb/s each, on a line of 2."""
    from tests.store.samples import SITE, camera

    async with running_nats(tmp_path / "nats", domain="sampit") as nats:
        file = tmp_path / "sampit"
        file.mkdir(mode=0o700)
        url = f"sqlite:///{file}/catalogue.db"
        chosen = cluster(tmp_path, nats, url, minio, "sampit")
        key = datadir.known_key(chosen.data, chosen.key_file)
        catalogue = await Catalogue.open(url, key=key)
        await catalogue.sites.put(SITE)
        await catalogue.cameras.add(camera("one"))
        await catalogue.cameras.add(camera("two"))
        await catalogue.close()
        found = by_name(await look(chosen, f"http://{nats.host}:{nats.monitor_port}"))
        assert found["line"].level is Level.BAD
        assert "4.0 Mb/s" in found["line"].what
