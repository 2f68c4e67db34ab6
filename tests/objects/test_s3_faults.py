"""The S3 Store against a server that lies, fails and dawdles, and one that is not there."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.objects.contract import KEY, TYPE, digest
from tests.objects.lying_server import LyingServer, lying_server
from vms.errors import ObjectChecksumError, ObjectError, ObjectMissingError, ObjectUnavailableError
from vms.objects.base import ObjectInfo
from vms.objects.s3 import S3Options, S3Store

DATA = b"footage" * 1000


def _put(server: LyingServer, tmp_path: Path) -> ObjectInfo:
    path = tmp_path / "segment.mp4"
    path.write_bytes(DATA)
    store = S3Store("home", server.options())
    try:
        return store.put_file(KEY, path, sha256=digest(DATA), metadata={"n": "1"}, content_type=TYPE)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:403:AccessDenied", ObjectError),
        ("status:403:RequestTimeTooSkewed", ObjectError),
        ("status:409:OperationAborted", ObjectUnavailableError),
        ("status:500:InternalError", ObjectUnavailableError),
        ("status:503:SlowDown", ObjectUnavailableError),
        ("status:507:XMinioStorageFull", ObjectUnavailableError),
        ("status:404:NoSuchBucket", ObjectUnavailableError),
        ("status:400:BadDigest", ObjectChecksumError),
        ("status:400:Odd", ObjectError),
        ("html", ObjectUnavailableError),
        ("cut", ObjectUnavailableError),
        ("etag", ObjectChecksumError),
        ("size", ObjectChecksumError),
        ("encrypted-lost", ObjectChecksumError),
    ],
)
def test_a_put_that_is_not_sound_is_an_error(fault: str, error: type[ObjectError], tmp_path: Path) -> None:
    """Whatever the server does or claims, a put that is not verified fails, and says which kind of failure it is."""
    with lying_server(fault) as server, pytest.raises(ObjectError) as caught:
        _put(server, tmp_path)
    assert type(caught.value) is error
    assert "secret" not in str(caught.value)


def test_a_lie_is_taken_back(tmp_path: Path) -> None:
    """What is not verified is removed again."""
    with lying_server("etag") as server:
        with pytest.raises(ObjectChecksumError, match="does not hold what was sent"):
            _put(server, tmp_path)
        assert server.requests[:2] == ["PUT", "HEAD"]


def test_a_passing_fault_is_retried(tmp_path: Path) -> None:
    """One 503 costs a second request and no more."""
    with lying_server("once:status:503:SlowDown") as server:
        assert _put(server, tmp_path).size_bytes == len(DATA)
        assert server.requests == ["PUT", "PUT", "HEAD"]
        assert server.body == DATA


def test_encryption_at_the_server_is_verified_by_reading(tmp_path: Path) -> None:
    """An ETag that is no MD5 proves nothing, so the bytes are read back."""
    with lying_server("encrypted") as server:
        assert _put(server, tmp_path).sha256 == digest(DATA)
        assert server.requests == ["PUT", "HEAD", "GET"]


def test_a_range_that_is_ignored_is_cut_here(tmp_path: Path) -> None:
    """A server that answers 200 to a range gives the asked bytes all the same."""
    with lying_server("none") as server:
        _put(server, tmp_path)
        store = S3Store("home", server.options())
        assert store.get(KEY, 3, 5) == DATA[3:8]
        assert store.get(KEY, 0, 5) == DATA[:5]
        assert store.get(KEY, 6990) == DATA[6990:]
        store.close()


def test_a_dripping_server_is_given_up(tmp_path: Path) -> None:
    """One byte now and then keeps no thread for ever."""
    with lying_server("drip") as server:
        server.body = DATA
        store = S3Store("home", server.options())
        started = time.monotonic()
        with pytest.raises(ObjectUnavailableError, match="too slow"):
            store.get(KEY)
        assert time.monotonic() - started < 5
        store.close()


def test_a_thin_line_is_no_dead_line(tmp_path: Path) -> None:
    """An upload may take much longer than a connection may: only a standstill ends it."""
    data = bytes(16 << 20)
    path = tmp_path / "segment.mp4"
    path.write_bytes(data)
    with lying_server("slow") as server:
        store = S3Store("home", replace(server.options(), connect_s=0.4, read_s=5))
        started = time.monotonic()
        store.put_file(KEY, path, sha256=digest(data), metadata={}, content_type=TYPE)
        assert time.monotonic() - started > 0.8
        assert server.requests == ["PUT", "HEAD"]
        store.close()


def test_nobody_there() -> None:
    """A closed port and a listener that never answers: unavailable, within the time-outs."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        for listening in (False, True):
            if listening:
                silent.listen()
            options = S3Options(
                f"http://127.0.0.1:{port}", "vms-bucket", "a", "b", connect_s=0.3, read_s=0.3, retries=0
            )
            store = S3Store("home", options)
            for call in (store.get, store.stat, store.delete):
                with pytest.raises(ObjectUnavailableError, match="does not answer"):
                    call(KEY)
            store.close()


def test_missing_is_not_unavailable() -> None:
    """A 404 for the key is a fact, not a fault."""
    with lying_server("status:404:NoSuchKey") as server:
        store = S3Store("home", server.options())
        with pytest.raises(ObjectMissingError):
            store.get(KEY)
        store.close()


def test_a_server_without_versions() -> None:
    """Where versions cannot be listed, the object itself is removed."""
    with lying_server("unversioned") as server:
        store = S3Store("home", server.options())
        store.delete(KEY)
        store.close()
        assert server.requests == ["GET", "DELETE"]
