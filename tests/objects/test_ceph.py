"""The S3 Store on a second server, Ceph RGW: the same contract, so that it is S3 we speak and not MinIO."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from tests.objects.contract import KEY, TYPE, StoreContract, digest
from tests.servers.ceph import RgwServer, rgw
from vms.domain.ids import new_id
from vms.errors import ObjectError
from vms.objects import s3
from vms.objects.base import ObjectStore
from vms.objects.s3 import S3Store

__all__ = ["rgw"]

# One process starts it, the others leave these tests to it.
pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("ceph")]


@pytest.fixture
def store(rgw: RgwServer) -> Iterator[ObjectStore]:
    """A Store in a fresh bucket."""
    made = S3Store("home", rgw.options(f"vms-{new_id()}"))
    made.check()
    yield made
    made.close()


class TestCephStore(StoreContract):
    """The contract on Ceph RGW."""


def test_large_files_go_in_parts(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above one part's size, too, what was sent comes back."""
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    data = os.urandom(11 << 20)
    path = tmp_path / "segment.mp4"
    path.write_bytes(data)
    store.put_file(KEY, path, sha256=digest(data), metadata={}, content_type=TYPE)
    assert hashlib.sha256(store.get(KEY)).hexdigest() == digest(data)
    assert store.get(KEY, 6 << 20, 10) == data[6 << 20 :][:10]


def test_every_version_goes(rgw: RgwServer) -> None:
    """On a versioned bucket nothing of a deleted object stays."""
    bucket = f"vms-{new_id()}"
    client = Minio(
        rgw.endpoint.removeprefix("http://"), access_key=rgw.access_key, secret_key=rgw.secret_key, secure=False
    )
    client.make_bucket(bucket)
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    store = S3Store("home", rgw.options(bucket))
    for data in (b"1", b"2"):
        store.put_bytes("a/b", data, metadata={}, content_type=TYPE)
    store.put_bytes("a/bc", b"x", metadata={}, content_type=TYPE)
    store.delete("a/b")
    left = [found.object_name for found in client.list_objects(bucket, recursive=True, include_version=True)]
    assert left == ["a/bc"]
    store.close()


def test_wrong_keys_are_said(rgw: RgwServer) -> None:
    """A wrong secret or user is refused and said."""
    good = rgw.options(f"vms-{new_id()}")
    for options in (replace(good, secret_key="wrong-secret-123"), replace(good, access_key="nobody")):
        store = S3Store("home", options)
        with pytest.raises(ObjectError, match="refuses us"):
            store.check()
        store.close()
