"""The `vms` command as a person runs it: processes of their own, exit codes 0, 1 and 2, errors on one line."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog
import yaml

from tests.simulator_fixture import SMALL, running_simulator
from vms.cli import main, serve
from vms.settings import Settings
from vms.simulator.onvif import OnvifDevices

ROOT = Path(__file__).parents[2]
PASSWORD = "ulin-dan-meranti"
START_S = 60


def prepared(folder: Path) -> Path:
    """The folder with a vms.yaml of one site, whose data lies beside it."""
    values = {
        "data": str(folder / "data"),
        "http": "127.0.0.1:0",
        "sites": [{"slug": "sampit", "name": "Sampit"}],
        "ingest": {"camera_networks": ["127.0.0.0/8"]},
    }
    (folder / "vms.yaml").write_text(yaml.safe_dump(values))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of settings."""
    return prepared(tmp_path)


def environment(**more: str) -> dict[str, str]:
    """Ours without anything that is a setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VMS_")} | more


def command(folder: Path, *arguments: str) -> list[str]:
    """The command line, with the settings of the folder where the command takes any."""
    config = ["--config", str(folder / "vms.yaml")] if arguments[0] != "version" else []
    return [sys.executable, "-m", "vms", *arguments, *config]


def vms(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a process of its own."""
    return subprocess.run(
        command(folder, *arguments),
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


Here = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """The same in this process, where starting another one would prove nothing more."""
    for name in [name for name in os.environ if name.startswith("VMS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    mask = os.umask(0o022)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    drawn = structlog.get_config()

    def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", command(folder, *arguments)[2:])
            for name, value in more.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), *capsys.readouterr())

    yield run
    os.umask(mask)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.configure(**drawn)


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line of an error that ended the command with the code."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vms: ")
    return line


@asynccontextmanager
async def running(folder: Path, *arguments: str, **more: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A command that goes on, with its ready line; ended by SIGTERM, which it must obey within seconds."""
    process = await asyncio.create_subprocess_exec(
        *command(folder, *arguments),
        cwd=ROOT,
        env=environment(**more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        yield process, line.decode()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
        process._transport.close()  # type: ignore[attr-defined]  # else it warns when collected


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which vms up has run, with the admin's password given."""
    folder = prepared(tmp_path_factory.mktemp("system"))

    async def start() -> str:
        async with running(folder, "up", VMS_ADMIN_PASSWORD=PASSWORD) as (_, line):
            return line

    line = asyncio.run(start())
    assert "as given in VMS_ADMIN_PASSWORD" in line
    assert PASSWORD not in line
    return folder


@pytest.fixture
def system(once: Path, folder: Path) -> Path:
    """A copy of it, to change."""
    shutil.copytree(once / "data", folder / "data")
    return folder


async def test_first_start_tells_everything_in_one_line(folder: Path) -> None:
    """Address, user and a password that signs in and must be changed; nothing in the folder is others' to read."""
    async with running(folder, "up", VMS_ADMIN_PASSWORD="") as (_, line):
        found = re.fullmatch(r"VMS ready at (http://\S+) \| user: (\S+) \| password: (\S+) \(change it.*\)\n", line)
        assert found, line
        async with httpx.AsyncClient(base_url=found[1]) as client:
            answer = await client.post("/api/session", json={"username": found[2], "password": found[3]})
            assert answer.json()["person"]["must_change"] is True
    for path in [folder / "data", *(folder / "data").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    async with running(folder, "up") as (_, again):
        assert re.fullmatch(r"VMS ready at http://\S+\n", again)


async def test_password_is_changed_while_it_runs(folder: Path) -> None:
    """The old password and the sessions under it end; the new one signs in; the audit log has it."""
    async with running(folder, "up", VMS_ADMIN_PASSWORD=PASSWORD) as (_, line):
        url = line.split()[3]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.post("/api/session", json={"username": "admin", "password": PASSWORD})).is_success
            done = await asyncio.to_thread(vms, folder, "user", "password", "admin", VMS_PASSWORD="kapuas-kahayan")
            assert (done.returncode, done.stderr) == (0, "")
            assert (await client.get("/api/cameras")).status_code == 401
            old = await client.post("/api/session", json={"username": "admin", "password": PASSWORD})
            new = await client.post("/api/session", json={"username": "admin", "password": "kapuas-kahayan"})
            assert (old.status_code, new.status_code) == (401, 200)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_while_it_starts_ends_it_in_order(folder: Path, number: signal.Signals) -> None:
    """Asked to end as soon as it works on its folder: exit code 0, nothing said, the lock given back."""
    process = await asyncio.create_subprocess_exec(
        *command(folder, "up"),
        cwd=ROOT,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        while not (folder / "data" / "lock").exists():
            await asyncio.sleep(0.005)
    process.send_signal(number)
    _, said = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, said
    assert b"Traceback" not in said


def test_cameras_are_added_and_listed(system: Path, here: Here) -> None:
    """A URL with a password is taken apart; names are text, and no line is cut where no terminal bounds it."""
    url = f"rtsp://operator:rahasia1@10.20.1.11/{'a' * 90}"
    assert here(system, "camera", "add", "sampit", "[/red]", url).stdout == "registered sampit-red as number 1\n"
    assert here(system, "camera", "add", "sampit", "[/red]", url).stdout == "registered sampit-red-2 as number 2\n"
    given = vms(
        system, "camera", "add", "sampit", "Gerbang", "rtsp://10.20.1.12/m", "--username", "u", VMS_PASSWORD="p"
    )
    assert given.returncode == 0
    listed = vms(system, "camera", "list")
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 4
    assert f"rtsp://10.20.1.11/{'a' * 90} " in listed.stdout
    assert "[/red]" in listed.stdout
    assert "rahasia1" not in listed.stdout
    assert "admin" in here(system, "user", "list").stdout
    assert re.fullmatch(r"the catalogue is at schema \d{4}\n", here(system, "db", "upgrade").stdout)


async def test_many_cameras_come_by_file_and_by_looking(system: Path) -> None:
    """As processes: a file is applied, a sheet comes in and goes out without passwords, devices are found."""

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(vms, system, *arguments)

    declared, sheet, out = system / "a.yaml", system / "b.csv", system / "out.yaml"
    declared.write_text("cameras:\n  - {site: sampit, name: Dermaga, main: 'rtsp://u:rahasia1@10.20.1.12/m'}\n")
    sheet.write_text("site,name,main,username,password\nsampit,Pasar,rtsp://10.20.1.11/m,u,rahasia2\nsampit,,x,,\n")
    unasked = await run("apply", str(declared))
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    made = await run("apply", str(declared), "--yes")
    assert (made.returncode, made.stdout.splitlines()[-1]) == (0, "done"), made.stdout + made.stderr
    came = await run("camera", "import", str(sheet))
    assert (came.returncode, "1 new, 0 changed, 0 unchanged, 1 refused" in came.stdout) == (1, True), (
        came.stdout + came.stderr
    )
    gone = await run("camera", "export", str(out))
    assert gone.stdout == f"2 cameras in {out}\n", gone.stderr
    devices = OnvifDevices([("pasar", "Pasar")], "operator", "rahasia3")
    port = await devices.start("127.0.0.1")
    try:
        look = ("--no-multicast", "--port", str(port))
        found = await run("camera", "discover", "127.0.0.1-3", *look)
    finally:
        await devices.stop()
    assert f"http://127.0.0.1:{port}/onvif/device_service" in found.stdout, found.stderr
    said = "".join(one.stdout + one.stderr for one in (unasked, made, came, gone, found)) + out.read_text()
    assert "rahasia" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("camera", "add", "sampit", "x", "rtsp://a:rahasia1@b@10.0.0.1/"), 2, "more than one @"),
        (("camera", "add", "sampit", "x", "file:///etc/passwd"), 2, "'x': main: "),
        (("camera", "add", "sampit", "x", "rtsp://169.254.169.254/m"), 2, "metadata"),
        (("camera", "add", "nowhere", "x", "rtsp://10.0.0.1/m"), 2, "site 'nowhere'"),
        (("camera", "add", "sampit", "x", "rtsp://10.0.0.1/m", "--username", "u"), 2, "VMS_PASSWORD"),
        (("camera", "add", "sampit", "", "rtsp://10.0.0.1/m"), 2, "name"),
        (("user", "password", "nobody", "--password", PASSWORD), 2, "'nobody'"),
        (("user", "password", "admin", "--password", "short"), 2, "shorter than 8"),
        (("user", "password", "admin"), 2, "VMS_PASSWORD"),
        (("camera", "list", "--data", "/etc/hostname"), 2, "/etc/hostname is no data folder"),
        (("camera", "list", "--data", "/nowhere"), 2, "/nowhere is no data folder"),
        (("up", "--data", "/etc/hostname"), 2, "cannot use the data folder"),
        (("up", "--http", "nonsense"), 2, "HOST:PORT"),
        (("up", "--http", "192.0.2.1:1"), 2, "cannot serve at 192.0.2.1:1"),
    ],
)
def test_errors_are_one_line_with_a_way_out(
    once: Path, here: Here, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """No traceback, no secret, nothing on standard output."""
    line = refused(here(once, *arguments), code)
    assert said in line
    assert "rahasia1" not in line


def test_wrong_environment_is_one_line_too(folder: Path, here: Here) -> None:
    """What is no JSON, and a poor password; an empty variable is none."""
    assert "sites" in refused(here(folder, "up", VMS_SITES="["), 2)
    assert "shorter than 8" in refused(here(folder, "up", VMS_ADMIN_PASSWORD="admin"), 2)
    assert not (folder / "secret.key").exists()
    assert "no data folder" in refused(here(folder, "camera", "list", "--data", str(folder), VMS_DATA=""), 2)
    assert not (folder / "secret.key").exists()


def test_lost_key_is_a_failure(system: Path, here: Here) -> None:
    """Exit code 1: the settings are right, the catalogue is not to be opened."""
    (system / "data" / "secret.key").write_bytes(b"x" * 32)
    assert "key" in refused(here(system, "camera", "list"), 1)


def test_demo_says_another_port_before_it_starts(folder: Path, here: Here) -> None:
    """Where the page's port is taken, in the words of `make` too, with one that is free; nothing is drawn or made."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = refused(here(folder, "demo", "--data", str(folder / "demo"), "--http", f"127.0.0.1:{port}"), 2)
    assert f"127.0.0.1:{port}" in line
    assert re.search(r'make demo ARGS="--http 127\.0\.0\.1:\d+"', line)
    assert not (folder / "demo").exists()


@pytest.mark.parametrize(("terminal", "level"), [(True, "WARNING"), (False, "INFO")])
def test_ready_line_stands_out_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, level: str
) -> None:
    """There it stands between empty lines, and streams are quiet; a program gets one line and the log as set."""
    levels: list[str] = []
    monkeypatch.setattr("vms.logs.configure", levels.append)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    serve._quietly(Settings())
    serve._say("VMS ready at http://127.0.0.1:8080")
    assert levels == [level]
    said = capsys.readouterr().out
    assert said == ("\nVMS ready at http://127.0.0.1:8080\n\n" if terminal else "VMS ready at http://127.0.0.1:8080\n")


def test_version_and_wrong_usage(folder: Path, here: Here) -> None:
    """0 and 2, also as exit codes of a process; its error is one line."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", here(folder, "version").stdout)
    assert here(folder, "nonsense").returncode == 2
    assert "is no data folder" in refused(vms(folder, "camera", "list"), 2)


async def test_probe_says_what_a_url_gives(folder: Path, here: Here) -> None:
    """A simulated camera in facts, with its picture; a wrong password and a wrong picture's place in plain words."""
    async with running_simulator(cameras=1, **SMALL) as simulator:
        url, user = simulator.cameras[0].main, simulator.username
        picture = folder / "picture.jpg"

        async def probe(password: str, to: Path) -> subprocess.CompletedProcess[str]:
            arguments = ("camera", "probe", url, "--username", user, "--picture", str(to))
            return await asyncio.to_thread(here, folder, *arguments, VMS_PASSWORD=password)

        good = await probe(simulator.password, picture)
        bad = await probe("salah-sekali", picture)
        nowhere = await probe(simulator.password, folder / "no" / "x")
        (folder / "vms.yaml").write_text("{}")
        strange = await probe(simulator.password, picture)
        allowed = await asyncio.to_thread(
            here, folder, "camera", "probe", url, "--username", user, "--allow", "127.0.0.0/8",
            VMS_PASSWORD=simulator.password,
        )  # fmt: skip
        no_network = await asyncio.to_thread(here, folder, "camera", "probe", url, "--allow", "demo")
    assert good.returncode == 0, good.stderr
    assert "codec: h264" in good.stdout
    assert "width: 320" in good.stdout
    assert picture.read_bytes().startswith(b"\xff\xd8")
    assert bad.returncode == 1
    assert "password" in bad.stdout
    assert nowhere.returncode == 2
    assert "cannot write" in nowhere.stderr
    assert strange.returncode == 1
    assert "loopback" in strange.stdout
    assert "--allow 127.0.0.0/8" in strange.stdout
    assert allowed.returncode == 0, allowed.stdout
    assert "--allow" in refused(no_network, 2)
    assert simulator.password not in good.stdout + bad.stdout + good.stderr + bad.stderr + nowhere.stderr
    assert "salah-sekali" not in bad.stdout + bad.stderr
