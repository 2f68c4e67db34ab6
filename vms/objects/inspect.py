"""What can be seen of a bucket: whether it is there, keeps versions, can lock. Blocks; makes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from vms.objects.s3 import S3Options


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """`error` empty: the server lets us in. `versioned`, `locks`: None where it does not say."""

    error: str = ""
    exists: bool = False
    versioned: bool | None = None
    locks: bool | None = None


def bucket_facts(options: S3Options) -> BucketFacts:
    """Ask the server."""
    url = urlsplit(options.endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=2, read=4), retries=urllib3.Retry(0), ca_certs=options.ca_file
    )
    client = Minio(
        url.netloc,
        access_key=options.access_key,
        secret_key=options.secret_key,
        secure=url.scheme == "https",
        region=options.region,
        http_client=pool,
    )
    try:
        if not _exists(client, options.bucket):
            return BucketFacts()
        return BucketFacts("", True, _versioned(client, options.bucket), _locks(client, options.bucket))
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        code = getattr(error, "code", None)
        return BucketFacts(str(code or type(error).__name__))
    finally:
        pool.clear()


def _exists(client: Minio, bucket: str) -> bool:
    try:
        return client.bucket_exists(bucket)
    except S3Error as error:
        # A regency may not list the center's bucket, and is told of its versions all the same.
        if error.code != "AccessDenied" or _versioned(client, bucket) is None:
            raise
        return True


def _versioned(client: Minio, bucket: str) -> bool | None:
    try:
        return bool(client.get_bucket_versioning(bucket).status == "Enabled")
    except S3Error:
        return None


def _locks(client: Minio, bucket: str) -> bool | None:
    try:
        client.get_object_lock_config(bucket)
    except S3Error as error:
        return False if error.code == "ObjectLockConfigurationNotFoundError" else None
    return True
