"""A real MinIO server for the session: `minio` gives its endpoint and keys, `s3_store` a Store in a bucket of its own.

Register with `pytest_plugins = ["tests.s3_fixture"]` or import the fixtures. Where there is no server and none may be
built, tests that ask for it fail under VMS_NO_SKIP and are skipped else.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from vms.domain.ids import new_id
from vms.objects.s3 import S3Options, S3Store

_SCRIPT = Path(__file__).parent.parent / "tools" / "minio.sh"
_TRIES = 3
_READY_S = 30


@dataclass(frozen=True)
class MinioServer:
    """A server that runs. `options` for a bucket that need not exist yet."""

    endpoint: str
    access_key: str
    secret_key: str
    process: subprocess.Popen[bytes]

    def options(self, bucket: str) -> S3Options:
        """How to reach it; impatient, as tests are."""
        return S3Options(self.endpoint, bucket, self.access_key, self.secret_key, connect_s=5.0, read_s=20.0, retries=1)


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """One MinIO for all tests of the process, on a free port, stopped in the end."""
    program = _program()
    folder = tmp_path_factory.mktemp("minio")
    access_key, secret_key = f"key{secrets.token_hex(6)}", secrets.token_hex(20)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "GOMAXPROCS": "2",
    }
    for attempt in range(_TRIES):
        port, console = _free_port(), _free_port()
        command = [
            program,
            "server",
            "--quiet",
            f"--address=127.0.0.1:{port}",
            f"--console-address=127.0.0.1:{console}",
        ]
        with (folder / f"log-{attempt}").open("wb") as log:
            process = subprocess.Popen([*command, str(folder / "data")], env=environment, stdout=log, stderr=log)
        server = MinioServer(f"http://127.0.0.1:{port}", access_key, secret_key, process)
        try:
            if not _ready(server):
                # Somebody took the port between our asking and the server's: once more with another.
                continue
            yield server
            return
        finally:
            _stop(process)
            shutil.rmtree(folder / "data", ignore_errors=True)
    pytest.fail(f"MinIO does not start: {(folder / f'log-{_TRIES - 1}').read_text(errors='replace')[-2000:]}")


@pytest.fixture
def s3_store(minio: MinioServer) -> Iterator[S3Store]:
    """A Store named `home` in a fresh bucket."""
    store = S3Store("home", minio.options(f"vms-{new_id()}"))
    store.check()
    yield store
    store.close()


def _program() -> str:
    known = os.environ.get("VMS_MINIO") or shutil.which("minio")
    if known:
        return known
    found = subprocess.run([str(_SCRIPT), "--check"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    return found.stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(server: MinioServer) -> bool:
    deadline = time.monotonic() + _READY_S
    with urllib3.PoolManager(retries=False, timeout=2.0) as http:
        while time.monotonic() < deadline and server.process.poll() is None:
            try:
                if http.request("GET", f"{server.endpoint}/minio/health/cluster").status == 200:
                    return True
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
