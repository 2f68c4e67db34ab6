"""A regency's key in the center's Store: its own footage in, and nothing else, on a real MinIO."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.s3_fixture import MinioServer, minio
from vms.domain.ids import new_id
from vms.errors import InputError, ObjectError
from vms.objects.inspect import bucket_facts
from vms.objects.s3 import S3Store
from vms.objects.s3_rights import grant, site_policy

__all__ = ["minio"]

OWN, OTHER = "s" * 16, "t" * 16


def test_a_policy_is_for_ids() -> None:
    """Not for patterns that would be more."""
    for sites in ([], ["*"], ["s" * 16, "a/b"]):
        with pytest.raises(InputError):
            site_policy("footage", sites)


def test_a_regency_has_its_own_footage_alone(minio: MinioServer, tmp_path: Path) -> None:
    """It stores and reads its own; it cannot read, list, change or delete another's, nor delete its own."""
    options = minio.options(f"rights-{new_id()}")
    root = S3Store("home", options)
    root.check()
    root.put_bytes(f"footage/{OTHER}/c/main/x.mp4", b"another's", metadata={}, content_type="video/mp4")
    for _ in range(2):  # again is harmless
        grant(options, "vms-sampit", "v" * 20, [OWN])
    site = S3Store("home", replace(options, access_key="vms-sampit", secret_key="v" * 20))
    site.check()
    seen = bucket_facts(replace(options, access_key="vms-sampit", secret_key="v" * 20))
    assert (seen.error, seen.exists, seen.versioned, seen.locks) == ("", True, True, True)
    assert bucket_facts(replace(options, access_key="nobody", secret_key="v" * 20)).error
    file = tmp_path / "x.mp4"
    file.write_bytes(b"mine")
    key = f"footage/{OWN}/c/main/x.mp4"
    sha256 = hashlib.sha256(b"mine").hexdigest()
    site.put_file(key, file, sha256=sha256, metadata={"version": "1"}, content_type="video/mp4")
    assert site.get(key) == b"mine"
    checkpoint = f"checkpoints/{OWN}/n/2026/11/24/1.json"
    site.put_bytes(checkpoint, b"{}", metadata={}, content_type="application/json")
    assert site.protect(checkpoint, 4_000_000_000 * 10**9)
    with pytest.raises(ObjectError):
        site.get(f"footage/{OTHER}/c/main/x.mp4")
    with pytest.raises(ObjectError):
        site.put_bytes(f"footage/{OTHER}/c/main/x.mp4", b"forged", metadata={}, content_type="video/mp4")
    with pytest.raises(ObjectError):
        list(site.list("footage/"))
    with pytest.raises(ObjectError):
        site.delete(key)
    with pytest.raises(ObjectError):
        S3Store("home", replace(options, bucket="another", access_key="vms-sampit", secret_key="v" * 20)).check()
    assert root.get(f"footage/{OTHER}/c/main/x.mp4") == b"another's"
    assert root.get(key) == b"mine"
