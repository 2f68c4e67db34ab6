"""A real Ceph RGW for the session, the second S3 server that Stores are tested on: `rgw` gives its endpoint and keys.

One monitor, one OSD that keeps objects in memory, one gateway, all below one folder and on loopback; about 15 s to
start. Debian: radosgw ceph-mon ceph-osd. Where they are missing, tests are skipped, and fail under VMS_NO_SKIP.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from vms.objects.s3 import S3Options

_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph-authtool", "monmaptool")
_STEP_S = 60
_READY_S = 60
_STOP_S = 10

_CONFIG = """\
[global]
fsid = {fsid}
mon host = {monitor}
public addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 500
osd crush chooseleaf type = 0
admin socket = {folder}/$name.asok
run dir = {folder}
pid file =
log file = {folder}/$name.log
keyring = {folder}/keyring
[mon]
mon data = {folder}/mon
mon data avail crit = 1
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw thread pool size = 32
"""


@dataclass(frozen=True)
class RgwServer:
    """A gateway that runs. `options` for a bucket that need not exist yet."""

    endpoint: str
    access_key: str
    secret_key: str

    def options(self, bucket: str) -> S3Options:
        """How to reach it; impatient, as tests are."""
        return S3Options(self.endpoint, bucket, self.access_key, self.secret_key, connect_s=5.0, read_s=20.0, retries=1)


class Ceph:
    """A cluster of one in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir(parents=True)
        monitor = f"[v2:127.0.0.1:{_free_port()},v1:127.0.0.1:{_free_port()}]"
        fsid, port = str(uuid.uuid4()), _free_port()
        self._config = folder / "ceph.conf"
        self._config.write_text(_CONFIG.format(fsid=fsid, monitor=monitor, folder=folder, port=port))
        self._keys(folder / "keyring")
        self._run("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", monitor, folder / "monmap")
        self.server = RgwServer(f"http://127.0.0.1:{port}", f"AK{secrets.token_hex(8)}", secrets.token_hex(16))

    def start(self) -> None:
        """Everything, and a user; CalledProcessError or RuntimeError with the logs' place when it does not come up."""
        made = ("--mkfs", "-i", "a", "--monmap", self._folder / "monmap", "--keyring", self._folder / "keyring")
        self._run("ceph-mon", "-c", self._config, *made)
        self._spawn("ceph-mon", "-i", "a")
        identity = str(uuid.uuid4())
        self._ceph("osd", "new", identity)
        self._run("ceph-osd", "-c", self._config, "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._ceph("osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self._spawn("ceph-osd", "-i", "0")
        self._spawn("radosgw", "-n", "client.rgw")
        user = ("--uid=vms", "--display-name=vms", f"--access-key={self.server.access_key}")
        secret = f"--secret-key={self.server.secret_key}"
        self._run("radosgw-admin", "-c", self._config, "user", "create", *user, secret)
        self._wait()

    def stop(self) -> None:
        """All of it, the gateway first."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_S
        with urllib3.PoolManager(retries=False, timeout=2.0) as http:
            while time.monotonic() < deadline and all(process.poll() is None for process in self._processes):
                try:
                    if http.request("GET", self.server.endpoint).status == 200:
                        return
                except urllib3.exceptions.HTTPError:
                    time.sleep(0.1)
        raise RuntimeError(f"Ceph does not start: logs in {self._folder}")

    def _keys(self, keyring: Path) -> None:
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        caps = [part for service in ("mon", "osd", "mgr") for part in ("--cap", service, "allow *")]
        for name in ("osd.0", "client.rgw", "client.admin"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *caps)

    def _ceph(self, *arguments: str) -> None:
        self._run("ceph", "-c", self._config, *arguments)

    def _run(self, *argv: str | Path) -> None:
        subprocess.run([*map(str, argv)], check=True, capture_output=True, timeout=_STEP_S)

    def _spawn(self, program: str, *arguments: str) -> None:
        # -f: in the foreground, so that it is ours to end; killed tests leave nothing where setpriv is.
        bound = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        command = [*bound, program, "-f", "-c", str(self._config), *arguments]
        with (self._folder / f"{program}.out").open("wb") as out:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out))


@pytest.fixture(scope="session")
def rgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RgwServer]:
    """One gateway for all tests of the process, stopped in the end."""
    missing = [name for name in _PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        pytest.skip(f"no Ceph here, missing: {', '.join(missing)} (Debian: radosgw ceph-mon ceph-osd)")
    folder = tmp_path_factory.mktemp("ceph")
    ceph = Ceph(folder)
    try:
        ceph.start()
        yield ceph.server
    finally:
        ceph.stop()
        shutil.rmtree(folder / "osd", ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
