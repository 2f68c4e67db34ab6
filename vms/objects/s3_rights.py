"""What a regency may do in the center's bucket, and its user on MinIO with just these rights. Blocking.

It puts and reads footage, thumbnails and Checkpoints of its own Sites, and deletes nothing: where the bucket has
versions, as those that we make, nothing of what it ever put can be changed with its key either. Other S3 servers take
the same policy.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException
from minio.minioadmin import MinioAdmin

from vms.errors import InputError, ObjectError, ObjectUnavailableError
from vms.objects.s3 import S3Options

_ID = re.compile(r"[a-z0-9]{8,64}")


def site_policy(bucket: str, sites: Collection[str]) -> dict[str, Any]:
    """The policy, as S3 writes it. `sites`: ids of the regency's Site and of all below it."""
    if not sites or not all(_ID.fullmatch(site) for site in sites):
        raise InputError("a policy is for ids of Sites", field="sites")
    arn = f"arn:aws:s3:::{bucket}"
    own = [f"{arn}/{place}/{site}/*" for place in ("checkpoints", "footage", "thumbnails") for site in sorted(sites)]
    sealed = [key for key in own if "/checkpoints/" in key]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(["s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"], [arn]),
            _allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], own),
            _allow(["s3:GetObjectRetention", "s3:PutObjectRetention"], sealed),
            _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"], [f"{arn}/check-*"]),
        ],
    }


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def grant(options: S3Options, user: str, password: str, sites: Collection[str]) -> None:
    """Make the user, or give it this password and these rights; `options` are of MinIO's root. ObjectError in plain
    words; where the server is no MinIO, `site_policy` is to be given by its own means."""
    url = urlsplit(options.endpoint)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=10, read=30), retries=1, ca_certs=options.ca_file)
    admin = MinioAdmin(
        endpoint=url.netloc,
        credentials=StaticProvider(options.access_key, options.secret_key),
        region=options.region,
        secure=url.scheme == "https",
        http_client=pool,
    )
    try:
        admin.policy_add(user, policy=site_policy(options.bucket, sites))
        admin.user_add(user, password)
        admin.policy_set(user, user=user)
    except MinioAdminException as error:
        raise ObjectError(
            "the store does not let us make users",
            hint="It must be MinIO, with its root's key; on another server give the policy that --print shows.",
        ) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ObjectUnavailableError("the store does not answer", hint="Is the server up?") from error
    finally:
        pool.clear()
