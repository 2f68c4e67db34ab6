"""The S3 server of the session."""

from __future__ import annotations

from tests.s3_fixture import minio, s3_store

__all__ = ["minio", "s3_store"]
