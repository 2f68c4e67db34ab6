"""How fast a node sends to its Stores."""

from __future__ import annotations

import hashlib
import socket
import time
from dataclasses import replace

import pytest

from tests.s3_fixture import MinioServer
from vms.domain.ids import new_id
from vms.objects.pace import SO_MAX_PACING_RATE, UNLIMITED, Pace
from vms.objects.s3 import S3Store


def _pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


def _rate(sock: socket.socket) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE)


def test_the_rate_is_shared_by_the_sockets_that_are_open() -> None:
    """Two sockets get half each; when one is closed the next setting gives the other all; None is no limit."""
    pace = Pace()
    pace.set(1_000_000)
    (one, far_one), (two, far_two) = _pair(), _pair()
    with one, far_one, two, far_two:
        pace.take(one)
        assert _rate(one) == 1_000_000
        pace.take(two)
        assert (_rate(one), _rate(two)) == (500_000, 500_000)
        two.close()
        pace.set(600_000)
        assert _rate(one) == 600_000
        pace.set(None)
        assert _rate(one) & UNLIMITED == UNLIMITED


def test_an_unknown_congestion_control_is_no_error() -> None:
    """The machine's own is used then."""
    near, far = _pair()
    with near, far:
        Pace("no-such-thing").take(near)


@pytest.mark.servers
def test_a_put_keeps_the_pace(minio: MinioServer) -> None:
    """2 MB at 1 MB/s take a second at least, and arrive whole; without a limit they are there at once."""
    pace = Pace()
    options = replace(minio.options(f"pace-{new_id().lower()}"), pace=pace)
    store = S3Store("paced", options)
    store.check()
    data = bytes(2_000_000)
    pace.set(1_000_000)
    began = time.monotonic()
    found = store.put_bytes("footage/slow.bin", data, metadata={}, content_type="application/octet-stream")
    assert time.monotonic() - began > 1.0
    assert found.sha256 == hashlib.sha256(data).hexdigest()
