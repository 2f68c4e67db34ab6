"""The S3 Store: the contract on a real MinIO, and what is particular to S3."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from tests.objects.contract import KEY, TYPE, StoreContract, digest
from tests.s3_fixture import MinioServer
from vms.domain.ids import new_id
from vms.errors import InputError, ObjectChecksumError, ObjectError
from vms.objects import s3
from vms.objects.base import ObjectStore
from vms.objects.s3 import S3Options, S3Store

pytestmark = pytest.mark.servers


@pytest.fixture
def store(s3_store: S3Store) -> ObjectStore:
    """A Store in a fresh bucket."""
    return s3_store


def _client(server: MinioServer) -> Minio:
    return Minio(
        server.endpoint.removeprefix("http://"),
        access_key=server.access_key,
        secret_key=server.secret_key,
        secure=False,
    )


class TestS3Store(StoreContract):
    """The contract on MinIO."""


def test_large_files_go_in_parts(s3_store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above one part's size the upload is verified by the ETag of its parts."""
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    data = os.urandom(11 << 20)
    path = tmp_path / "segment.mp4"
    path.write_bytes(data)
    info = s3_store.put_file(KEY, path, sha256=digest(data), metadata={}, content_type=TYPE)
    assert info.size_bytes == len(data)
    assert hashlib.sha256(s3_store.get(KEY)).hexdigest() == digest(data)
    assert s3_store.get(KEY, 6 << 20, 10) == data[6 << 20 :][:10]


def test_every_version_goes(minio: MinioServer) -> None:
    """On a versioned bucket deletion names the versions: nothing of the object stays, its neighbours do."""
    bucket = f"vms-{new_id()}"
    client = _client(minio)
    client.make_bucket(bucket)
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    store = S3Store("home", minio.options(bucket))
    for data in (b"1", b"2", b"3"):
        store.put_bytes("a/b", data, metadata={}, content_type=TYPE)
    store.put_bytes("a/bc", b"x", metadata={}, content_type=TYPE)
    client.remove_object(bucket, "a/b")
    store.delete("a/b")
    left = [found.object_name for found in client.list_objects(bucket, recursive=True, include_version=True)]
    assert left == ["a/bc"]
    store.close()


def test_wrong_keys_are_said(minio: MinioServer) -> None:
    """A wrong secret or user: one line, a way out, and neither key nor secret in it."""
    good = minio.options(f"vms-{new_id()}")
    for options in (replace(good, secret_key="wrong-secret-123"), replace(good, access_key="nobody")):
        store = S3Store("home", options)
        with pytest.raises(ObjectError, match="refuses us") as caught:
            store.check()
        assert "access key" in caught.value.hint
        assert good.secret_key not in f"{caught.value!r}{caught.value.__cause__!r}{options!r}"
        store.close()


def test_check_makes_the_bucket_once(minio: MinioServer) -> None:
    """Made where it is missing, left where it is."""
    options = minio.options(f"vms-{new_id()}")
    for _ in range(2):
        store = S3Store("home", options)
        store.check()
        store.close()
    assert _client(minio).bucket_exists(options.bucket)


def test_the_server_itself_verifies(s3_store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum travels with the bytes: what is damaged on the way is refused by the server and not kept."""
    path = tmp_path / "segment.mp4"
    path.write_bytes(b"footage")
    monkeypatch.setattr(s3, "_digest", lambda source, _key, _sha256: (7, hashlib.md5(b"footage").hexdigest()))
    with pytest.raises(ObjectChecksumError, match="other bytes than were sent"):
        s3_store.put_file(KEY, path, sha256=digest(b"other"), metadata={}, content_type=TYPE)
    assert list(s3_store.list("")) == []


@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://minio", "http://", "http://u:p@minio", "http://minio/path"])
def test_endpoints_are_checked(endpoint: str) -> None:
    """An endpoint is a plain URL of a server."""
    with pytest.raises(InputError):
        S3Store("home", S3Options(endpoint, "vms", "a", "b"))
