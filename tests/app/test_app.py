"""A node as the composition root makes it: services on a folder of a test, with a real simulated camera."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import yaml

from tests.simulator_fixture import SMALL, RunningSimulator, running_simulator
from vms import demo, registration, settings
from vms.app import Node, catalogue_url, running_node
from vms.clock import SystemClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, networks
from vms.domain.media import StreamCondition
from vms.errors import InputError, SettingsError
from vms.metrics_page import MetricsPage
from vms.registration import ADMIN
from vms.settings import CameraSettings, Settings
from vms.store import Catalogue

PASSWORD = "ulin-dan-meranti"
LOOPBACK = AddressPolicy(allowed=networks(["127.0.0.0/8"]))
SITES = [{"slug": "kalteng", "name": "Kalimantan Tengah"}, {"slug": "sampit", "name": "Sampit", "parent": "kalteng"}]


def written(folder: Path, **values: object) -> Settings:
    """Settings read from a file in the folder; data beside it, any free port of loopback."""
    file = folder / "vms.yaml"
    base = {"data": str(folder / "data"), "http": "127.0.0.1:0", "admin_password": PASSWORD, "sites": SITES}
    file.write_text(yaml.safe_dump(base | values))
    return settings.load(file)


def camera(**values: object) -> CameraSettings:
    """A camera of the settings."""
    base = {"site": "sampit", "name": "Pasar Besar", "main": "rtsp://10.20.1.11/main"}
    return CameraSettings.model_validate(base | values)


def plain_hash(password: str) -> str:
    """Instead of Argon2id, which costs 64 MiB a time."""
    return f"hash of {password}"


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """An empty catalogue with the site sampit."""
    opened = await Catalogue.open(f"sqlite:///{tmp_path}/catalogue.db", key=b"k" * 32)
    await registration.ensure_sites(opened, Settings(sites=SITES).sites)  # type: ignore[arg-type]  # as YAML gives them
    yield opened
    await opened.close()


async def until(true: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(limit_s):
        while not true():
            await asyncio.sleep(0.05)


# --- registration


async def test_sites_and_cameras_are_registered_once(catalogue: Catalogue) -> None:
    """A second start adds nothing and keeps what was changed meanwhile; a new camera is added."""
    wanted = [camera(), camera(name="Pelabuhan", record_sub=True, sub="rtsp://10.20.1.12/sub")]
    assert await registration.ensure_cameras(catalogue, wanted, SystemClock(), AddressPolicy()) == 2
    before = await catalogue.cameras.list()
    await registration.ensure_sites(catalogue, Settings(sites=SITES).sites)  # type: ignore[arg-type]  # as YAML gives them
    changed = [camera(main="rtsp://10.20.1.99/main"), *wanted[1:], camera(name="Gerbang")]
    assert await registration.ensure_cameras(catalogue, changed, SystemClock(), AddressPolicy()) == 1
    after = {c.slug: c for c in await catalogue.cameras.list()}
    assert [after.pop(c.slug) for c in before] == before
    assert list(after) == ["sampit-gerbang"]
    assert len(await catalogue.sites.list()) == 2


async def test_camera_removed_on_the_page_stays_removed(catalogue: Catalogue) -> None:
    """A start does not bring back what the settings still name, given a slug or not; another slug is another camera."""
    wanted = [camera(), camera(name="Pelabuhan", slug="sampit-dermaga")]
    assert await registration.ensure_cameras(catalogue, wanted, SystemClock(), AddressPolicy()) == 2
    for known in await catalogue.cameras.list():
        await catalogue.cameras.remove(known.id, 1)
    assert await registration.ensure_cameras(catalogue, wanted, SystemClock(), AddressPolicy()) == 0
    assert await catalogue.cameras.list() == []
    anew = [camera(slug="sampit-pasar-02")]
    assert await registration.ensure_cameras(catalogue, anew, SystemClock(), AddressPolicy()) == 1


@pytest.mark.parametrize("sub", [None, "rtsp://operator:rahasia1@10.20.1.11/sub", "rtsp://10.20.1.11/sub"])
async def test_password_of_a_url_is_split_off(catalogue: Catalogue, sub: str | None) -> None:
    """What is stored and shown of a URL holds neither user nor password; they lie sealed in fields of their own."""
    item = camera(main="rtsp://operator:rahasia1@10.20.1.11/main", sub=sub)
    added = await registration.add_camera(catalogue, item, SystemClock(), AddressPolicy())
    stored = await catalogue.cameras.get(added.id)
    assert stored == added
    assert (added.username, added.password) == ("operator", "rahasia1")
    assert {s.url for s in added.streams} <= {"rtsp://10.20.1.11/main", "rtsp://10.20.1.11/sub"}
    assert "rahasia1" not in repr(added)
    given = camera(name="Lain", main="rtsp://a:b@10.20.1.11/main", username="vms", password="sendiri")
    own = await registration.add_camera(catalogue, given, SystemClock(), AddressPolicy())
    assert (own.username, own.password) == ("vms", "sendiri")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"main": "file:///etc/passwd"}, "'Pasar Besar': main: .*rtsp://"),
        ({"main": "rtsp://127.0.0.1/main"}, "main: .*loopback"),
        ({"main": "rtsp://2130706433/main"}, "main: .*loopback"),
        ({"main": "rtsp://[::ffff:169.254.169.254]/main"}, "main: .*metadata"),
        ({"main": "rtsp://localhost/main"}, "main: .*loopback"),
        ({"main": "rtsp://u:rahasia1@x@10.0.0.1/main"}, "main: .*more than one @"),
        ({"main": "rtsp://10.0.0.1/a%0d%0aX"}, "main: .*control"),
        ({"sub": "http://10.0.0.1/sub"}, "sub: .*rtsp://"),
        ({"main": "rtsp://a:rahasia1@10.0.0.1/m", "sub": "rtsp://b:rahasia1@10.0.0.1/s"}, "different users"),
        ({"name": "e\u202eb"}, "name holds control"),
        ({"username": "a\r\nb"}, "username"),
        ({"site": "nowhere"}, "site 'nowhere'"),
    ],
)
async def test_wrong_camera_is_refused_by_name(catalogue: Catalogue, wrong: dict[str, str], said: str) -> None:
    """The rules of the page's form hold; the error names the camera and the key, shows no secret; nothing is added."""
    with pytest.raises(SettingsError, match=said) as caught:
        await registration.ensure_cameras(catalogue, [camera(**wrong)], SystemClock(), AddressPolicy())
    assert "rahasia1" not in caught.value.message + caught.value.hint
    assert caught.value.hint
    assert await catalogue.cameras.list(include_deleted=True) == []


async def test_first_admin_is_made_once_and_never_with_a_poor_password(catalogue: Catalogue) -> None:
    """Generated: shown once and to be changed. Given: by the rule of the page. Later starts make nobody."""
    for poor in ("", "short", "admin"):
        with pytest.raises(SettingsError, match="admin's password"):
            await registration.first_admin(catalogue, poor, plain_hash)
    made = await registration.first_admin(catalogue, None, plain_hash)
    assert made is not None
    person = await catalogue.people.by_username(ADMIN)
    assert person is not None
    assert (person.must_change, person.password_hash) == (True, f"hash of {made.password}")
    assert await registration.first_admin(catalogue, None, plain_hash) is None
    with pytest.raises(InputError, match="shorter"):
        await registration.set_password(catalogue, ADMIN, "short", plain_hash, must_change=False)
    assert not await registration.set_password(catalogue, "nobody", PASSWORD, plain_hash, must_change=False)


async def test_demo_keeps_away_from_a_real_system(catalogue: Catalogue) -> None:
    """It sets the admin's password anew, so only on a fresh folder or its own; there it points at today's simulator."""
    cameras = [
        demo.SimulatedCamera(
            "sampit", f"sampit-{n}", f"Kamera {n}", f"rtsp://127.0.0.1:1/{n}/main", f"rtsp://127.0.0.1:1/{n}/sub"
        )
        for n in range(12)
    ]
    simulated = demo.Simulated(tuple(cameras), "operator", "satu")
    await demo.register(catalogue, simulated, SystemClock(), LOOPBACK)
    await registration.first_admin(catalogue, PASSWORD, plain_hash)
    await demo.register(catalogue, demo.Simulated(tuple(cameras), "operator", "dua"), SystemClock(), LOOPBACK)
    assert {c.password for c in await catalogue.cameras.list()} == {"dua"}
    assert len(await catalogue.cameras.list()) == 10
    other = demo.Simulated(
        tuple(demo.SimulatedCamera("sampit", f"x-{c.slug}", c.name, c.main, c.sub) for c in cameras), "o", "p"
    )
    with pytest.raises(SettingsError, match="not the demo"):
        await demo.register(catalogue, other, SystemClock(), LOOPBACK)
    assert len(await catalogue.cameras.list()) == 10


# --- a node


async def test_a_node_without_a_page_tells_its_figures(tmp_path: Path) -> None:
    """Where `metrics` names an address: alive, ready, and what Prometheus reads."""
    chosen = written(tmp_path, metrics="127.0.0.1:0")
    async with running_node(chosen, SystemClock(), services={"recorder"}) as node:
        (page,) = [service for service in node.supervisor.services if isinstance(service, MetricsPage)]
        await until(lambda: page.address != "")
        async with httpx.AsyncClient(base_url=f"http://{page.address}") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert "vms_loop_lag_seconds" in (await client.get("/metrics")).text


async def test_web_alone_serves_the_page(tmp_path: Path) -> None:
    """A node of web alone: alive, sign-in with the given password, no other service; all is given back at the end."""
    chosen = written(tmp_path)
    async with running_node(chosen, SystemClock(), services={"web"}) as node:
        assert node.first_admin == registration.FirstAdmin(ADMIN, None)
        assert set(node.supervisor.health()) == {"checkpoints", "events", "exporter", "filler", "loop", "stills", "web"}
        async with httpx.AsyncClient(base_url=node.url) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/api/cameras")).status_code == 401
            answer = await client.post("/api/session", json={"username": ADMIN, "password": PASSWORD})
            assert (answer.status_code, answer.json()["person"]["must_change"]) == (200, False)
            assert len((await client.get("/api/sites")).json()["items"]) == 2
        with pytest.raises(SettingsError, match="another vms process"):
            async with running_node(chosen, SystemClock(), services={"web"}):
                pass
        port = node.url.rpartition(":")[2]
        taken = written(tmp_path, data=str(tmp_path / "other"), http=f"127.0.0.1:{port}")
        with pytest.raises(SettingsError, match=r"cannot serve at .* in use") as caught:
            async with running_node(taken, SystemClock()):
                pass
        assert "--http" in caught.value.hint
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            await client.get(node.url)
    async with running_node(chosen, SystemClock(), services={"web"}) as again:
        assert (again.data.node, again.first_admin) == (node.data.node, None)


async def test_ingest_without_recorder_is_refused(tmp_path: Path) -> None:
    """A recorded Stream must not run where nobody writes it down; nothing is made."""
    with pytest.raises(SettingsError, match="needs the recorder"):
        async with running_node(written(tmp_path), SystemClock(), services={"ingest", "web"}):
            pass
    assert not (tmp_path / "data").exists()


async def test_wrong_key_and_wrong_certificate_stop_the_start(tmp_path: Path) -> None:
    """Both are said in plain words, and the folder is free again after."""
    missing = {"mode": "files", "certificate": str(tmp_path / "no.crt"), "key": str(tmp_path / "no.key")}
    with pytest.raises(SettingsError, match=r"certificate .*no\.crt"):
        async with running_node(written(tmp_path, tls=missing), SystemClock(), services={"web"}):
            pass
    with pytest.raises(SettingsError, match="certificate or key is missing"):
        async with running_node(written(tmp_path, tls={"mode": "files"}), SystemClock(), services={"web"}):
            pass
    (tmp_path / "data" / "secret.key").write_bytes(b"x" * 32)
    with pytest.raises(Exception, match="key file does not belong") as caught:
        async with running_node(written(tmp_path), SystemClock(), services={"web"}):
            pass
    assert "Restore" in caught.value.hint  # type: ignore[attr-defined]  # a CatalogueError


async def recorded_s(client: httpx.AsyncClient, camera_id: str) -> float:
    """Seconds of `main` that are replayable of the last hours."""
    asked = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
    answer = await client.get(f"/api/cameras/{camera_id}/coverage", params=asked)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["recorded_s"])


def is_live(node: Node, camera_id: str) -> bool:
    """Whether both streams of the camera are live."""
    live = {state.stream for state in node.hub.states() if state.condition is StreamCondition.LIVE}
    return live == {StreamRef(camera_id, name) for name in StreamName}


async def test_camera_of_the_settings_is_pulled_and_recorded(tmp_path: Path) -> None:
    """From YAML with the password in the URL to live streams, coverage over the API, and footage after a restart."""
    async with running_simulator(cameras=1, **SMALL) as simulator:
        chosen = written(
            tmp_path,
            ingest={"camera_networks": ["127.0.0.0/8"]},
            cameras=[_of(simulator)],
        )
        async with running_node(chosen, SystemClock()) as node:
            (registered,) = await node.catalogue.cameras.list()
            assert simulator.password not in str([s.url for s in registered.streams])
            await until(lambda: is_live(node, registered.id))
            await until(lambda: all(health.ok for health in node.supervisor.health().values()))
            async with httpx.AsyncClient(base_url=node.url) as client:
                await client.post("/api/session", json={"username": ADMIN, "password": PASSWORD})
                assert (await client.get("/readyz")).status_code == 200
                async with asyncio.timeout(20):
                    while await recorded_s(client, registered.id) < 1:
                        await asyncio.sleep(0.1)
                before = await recorded_s(client, registered.id)
    async with running_node(chosen, SystemClock(), services={"recorder", "web"}) as node:
        assert await node.catalogue.cameras.list() == [registered]
        async with httpx.AsyncClient(base_url=node.url) as client:
            await client.post("/api/session", json={"username": ADMIN, "password": PASSWORD})
            assert await recorded_s(client, registered.id) >= before
    assert catalogue_url(chosen).endswith("/data/catalogue.db")
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert simulator.password.encode() not in file.read_bytes(), file


def _of(simulator: RunningSimulator) -> dict[str, str]:
    seen = simulator.cameras[0]
    return {
        "site": "sampit", "name": seen.name,
        "main": seen.with_login(simulator), "sub": seen.with_login(simulator, "sub"),
    }  # fmt: skip
