"""What an operator copies to machines is up to date, and read without a fault by the programs it is meant for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools.cluster import __main__ as command
from tools.cluster.machines import ROOT, new_secrets
from tools.cluster.nats_server import LeafRights
from tools.cluster.topology import EXAMPLE, Site
from vms import settings

SHIPPED = ROOT / "config/cluster"
ZONES = [zone for zone, _ in EXAMPLE.zones()]


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that must work, with nothing of VMS_ from outside."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VMS_")} | variables
    result = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def secrets_of(zone: str) -> dict[str, str]:
    """The variables of a machine."""
    lines = (SHIPPED / zone / "vms.env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def nats_program() -> str:
    """The server of the environment."""
    found = shutil.which("nats-server") or shutil.which("nats-server", path=str(Path(sys.executable).parent))
    assert found is not None
    return found


def test_the_shipped_files_are_what_the_description_makes() -> None:
    """After a change: python -m tools.cluster files."""
    there = {str(path.relative_to(SHIPPED)): path.read_text() for path in SHIPPED.rglob("*") if path.is_file()}
    assert there == command.example()


@pytest.mark.parametrize("zone", ZONES)
def test_node_settings_are_read(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node's file is valid, its zone right, and its secrets come from the machine's variables."""
    for name, value in secrets_of(zone).items():
        monkeypatch.setenv(name, value)
    files = sorted((SHIPPED / zone).glob("node-*.yaml"))
    assert len(files) == dict(EXAMPLE.zones())[zone]
    for file in files:
        read = settings.load(file)
        assert read.zone() == zone
        assert read.cluster is not None
        stores = read.all_stores()
        assert set(stores) == ({"home"} if zone == "kapuas" else {"home", "sampit"})
        given = [store.secret_key for store in stores.values() if isinstance(store, settings.S3StoreSettings)]
        given += [read.cluster.nats.ctrl_password, read.cluster.nats.video_password]
        assert {secret.get_secret_value() for secret in given} == {"CHANGE-ME"}
        assert (read.catalogue.url is not None) == (zone == "center")


def test_nodes_of_a_machine_do_not_meet() -> None:
    """Data folders and ports differ."""
    for zone in ZONES:
        read = [yaml.safe_load(file.read_text()) for file in (SHIPPED / zone).glob("node-*.yaml")]
        for key in ("data", "http"):
            assert len({one[key] for one in read}) == len(read)


@pytest.mark.servers
@pytest.mark.parametrize("zone", ZONES)
def test_nats_reads_its_configuration(zone: str, tmp_path: Path) -> None:
    """nats-server finds no fault, and what keeps acknowledged rows and slow lines safe is set."""
    text = (SHIPPED / zone / "nats.conf").read_text(encoding="utf-8").replace("/var/lib/vms", str(tmp_path))
    config = tmp_path / "nats.conf"
    config.write_text(text, encoding="utf-8")
    run(nats_program(), "-t", "-c", str(config), **secrets_of(zone))
    for line in ("sync_interval: always", 'write_deadline: "3s"', 'ping_interval: "2s"'):
        assert line in text


def compose_program() -> list[str]:
    """`docker compose` where its plugin is, else docker-compose."""
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    pytest.skip("neither docker compose nor docker-compose is here")


@pytest.mark.servers
@pytest.mark.parametrize("zone", ZONES)
def test_compose_reads_its_file(zone: str, tmp_path: Path) -> None:
    """`docker compose config` finds no fault, and prints every service."""
    shutil.copytree(SHIPPED / zone, tmp_path / zone)
    (tmp_path / zone / "vms.env.example").rename(tmp_path / zone / "vms.env")
    said = run(*compose_program(), "-f", str(tmp_path / zone / "compose.yaml"), "config", VMS_REPOSITORY=str(ROOT))
    services = yaml.safe_load(said.stdout)["services"]
    nodes = {f"node-{number}" for number in range(1, dict(EXAMPLE.zones())[zone] + 1)}
    servers = {"center": {"nats", "minio", "postgres"}, "sampit": {"nats", "minio"}, "kapuas": {"nats"}}[zone]
    assert set(services) == nodes | servers


@pytest.mark.parametrize("zone", ZONES)
def test_compose_mounts_what_is_there(zone: str) -> None:
    """Files that services mount lie beside the compose file, the key and secrets are the operator's to bring."""
    services = yaml.safe_load((SHIPPED / zone / "compose.yaml").read_text())["services"]
    mounted = {v.split(":")[0] for s in services.values() for v in s["volumes"] if v.startswith("./")}
    missing = {path for path in mounted if not (SHIPPED / zone / path).exists()}
    assert missing == {"./installation.key"}


def options_of(subcommand: str) -> str:
    """What `vms … --help` says."""
    program = [sys.executable, "-c", "from vms.cli import main; main()", subcommand, "--help"]
    return run(*program, COLUMNS="200", NO_COLOR="1", TERM="dumb").stdout


def test_nodes_are_started_with_what_the_command_has() -> None:
    """Options in compose files and units exist, and the services are such."""
    usage = options_of("node")
    calls = [
        " ".join(service["command"])
        for zone in ZONES
        for name, service in yaml.safe_load((SHIPPED / zone / "compose.yaml").read_text())["services"].items()
        if name.startswith("node-")
    ]
    for unit in (SHIPPED / "systemd").glob("*@.service"):
        found = re.search(r"^ExecStart=/opt/vms/\.venv/bin/vms (node .*)$", unit.read_text(), re.MULTILINE)
        assert found is not None
        calls.append(found[1])
    for call in calls:
        assert call.startswith("node ")
        assert not [option for option in re.findall(r"--\w+", call) if option not in usage]
        services = re.search(r"--services (\S+)", call)
        assert services is not None
        assert set(services[1].split(",")) <= {"ingest", "recorder", "streamer", "web"}


@pytest.mark.parametrize("name", sorted(path.name for path in (SHIPPED / "systemd").iterdir()))
def test_systemd_reads_the_unit(name: str, tmp_path: Path) -> None:
    """systemd-analyze finds no fault in it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not here")
    for unit in (SHIPPED / "systemd").iterdir():
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    instance = name.replace("@.", "@node-1.")
    if instance != name:
        shutil.copy(tmp_path / name, tmp_path / instance)
    assert run(analyze, "verify", str(tmp_path / instance)).stderr == ""


def test_the_kernel_settings_are_what_thin_lines_need() -> None:
    """BBR, and little waiting unsent in the kernel."""
    lines = [line for line in (SHIPPED / "sysctl.conf").read_text().splitlines() if not line.startswith("#")]
    found = dict(line.split(" = ") for line in lines)
    assert found["net.ipv4.tcp_congestion_control"] == "bbr"
    assert int(found["net.ipv4.tcp_notsent_lowat"]) <= 128 * 1024
    assert all(Path("/proc/sys", *name.split(".")).exists() for name in found if name.startswith("net.ipv4."))


def test_images_are_built_with_the_minio_of_the_tests() -> None:
    """One version of it, in tools/minio.sh."""
    version = re.search(r"^version=(\S+)$", (ROOT / "tools/minio.sh").read_text(), re.MULTILINE)
    assert version is not None
    assert f"minio@{version[1]}\n" in (SHIPPED / "Dockerfile").read_text()


def test_a_cluster_of_ones_own(tmp_path: Path) -> None:
    """`new` makes a folder for each machine: one key, passwords of its own, for the owner alone."""
    umask = os.umask(0o022)
    try:
        command.new(tmp_path / "mine", "10.20.0.5", ["muara-teweh:2:store=10.20.3.2", "kapuas=10.20.4.2"], tls=True)
    finally:
        os.umask(umask)
    zones = ("center", "muara-teweh", "kapuas")
    made = {zone: (tmp_path / "mine" / zone / "vms.env").read_text() for zone in zones}
    assert not any("CHANGE-ME" in text for text in made.values())
    # A machine that is lost gives away its own rights alone: no password of it is another machine's.
    known = {zone: set(re.findall(r"=(v[0-9a-f]{32})$", text, re.MULTILINE)) for zone, text in made.items()}
    assert not known["kapuas"] & known["muara-teweh"]
    assert not known["kapuas"] & set(
        re.findall(r"^(?:MINIO_ROOT|VMS_HOME_STORE)\S+=(\S+)", made["center"], re.MULTILINE)
    )
    assert len({(tmp_path / "mine" / zone / "installation.key").read_bytes() for zone in zones}) == 1
    assert {(tmp_path / "mine" / zone / "vms.env").stat().st_mode & 0o077 for zone in zones} == {0}
    assert "ctrl-kapuas:" in made["kapuas"]
    assert "@10.20.0.5:7422" in made["kapuas"]
    assert (
        yaml.safe_load((tmp_path / "mine/kapuas/node-1.yaml").read_text())["home_store"]["access_key"] == "vms-kapuas"
    )
    assert "VMS_STORES__MUARA_TEWEH__SECRET_KEY" in made["center"]
    assert "MINIO_ROOT" not in made["kapuas"]
    assert "ca_file" in (tmp_path / "mine/kapuas/nats.conf").read_text()
    for zone in zones:  # all that its containers mount is there
        services = yaml.safe_load((tmp_path / "mine" / zone / "compose.yaml").read_text())["services"]
        mounted = {v.split(":")[0] for s in services.values() for v in s["volumes"] if v.startswith("./")}
        assert {path for path in mounted if not (tmp_path / "mine" / zone / path).exists()} == set()
        assert any("crt" in path for path in mounted)
    with pytest.raises(ValueError, match="not empty"):
        command.new(tmp_path / "mine", "10.20.0.5", ["kapuas=10.20.4.2"], tls=False)


@pytest.mark.parametrize("text", ["Sampit", "center", "a--b", "sampit:0", "sampit:x", "sampit:1:2", ""])
def test_what_is_no_regency_is_refused(text: str) -> None:
    """A slug, and from 1 to 16 nodes."""
    with pytest.raises(ValueError, match=r"slug|nodes|not SLUG"):
        Site.parse(text)


def test_what_a_line_carries_is_said_to_its_nodes() -> None:
    """Of `sampit:2:store:8mbps`; the example has it in the settings of the regency's nodes, not in the center's."""
    assert Site.parse("sampit:2:store:8.5mbps") == Site("sampit", 2, store=True, line_mbps=8.5)
    assert yaml.safe_load((SHIPPED / "sampit/node-2.yaml").read_text())["cluster"]["line_mbps"] == 8
    assert "line_mbps" not in (SHIPPED / "center/node-1.yaml").read_text()


SERVED = re.compile(r"""\.serve\(\s*f?"((?:ingest|recorder|analysis|sync)\.[^"]*)\"""")
STAYS = {"sync.page"}
"""Asked by the site's own nodes alone."""


def test_what_a_regency_answers_may_be_asked() -> None:
    """Every subject that ingest and recorder serve is one that the hub lets through to a regency."""
    (ctrl, _) = LeafRights("sampit", "x").users()
    rights = ctrl[ctrl.index("subscribe:") :]
    allowed = [pattern.split(".") for pattern in re.findall(r'"([^"]+)"', rights)]
    text = "".join(
        path.read_text() for folder in ("ingest", "recorder", "vms/sync") for path in (ROOT / folder).rglob("*.py")
    )
    served = set(SERVED.findall(text)) | {
        "ingest.watch.{a}.{b}",
        "ingest.unwatch.{a}.{b}",
        "ingest.snapshot.{a}",
        "recorder.cut.{a}.{b}",
    }
    assert len(served) >= 9
    for subject in served:
        tokens = re.sub(r"\{[^}]*site[^}]*\}", "sampit", subject).split(".")
        if ".".join(tokens[:2]) not in STAYS:
            assert any(_covers(pattern, tokens) for pattern in allowed), subject


def _covers(pattern: list[str], tokens: list[str]) -> bool:
    if pattern[-1] == ">":
        return tokens[: len(pattern) - 1] == pattern[:-1]
    return pattern == tokens


def test_new_passwords_are_words() -> None:
    """A letter first: in its configuration NATS would read another as a number."""
    assert all(re.fullmatch(r"[a-z][a-z0-9]{32}", secret) for secret in new_secrets(EXAMPLE).values())
