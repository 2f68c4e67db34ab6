"""A Store on an S3 server (MinIO, Ceph and others) through the minio client. Blocking; threads may share one.

A put of up to 64 MB is one request, so that an interrupted one leaves nothing; larger ones go in parts, given up when
they fail. The payload travels with its SHA-256 (signature over http, checksum header always) and is verified
afterwards by what the server says it holds: size, ETag (MD5) and kept SHA-256; where an ETag is no MD5 (server-side
encryption), by reading it back.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

import urllib3
import urllib3.connection
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.error import MinioException, S3Error
from minio.retention import Retention

from vms.errors import InputError, ObjectChecksumError, ObjectError, ObjectUnavailableError
from vms.objects.base import ObjectInfo, Seal
from vms.objects.keys import SHA256_NAME, check_key, check_prefix, check_sha256, clean_metadata
from vms.objects.pace import Pace
from vms.objects.s3_errors import plain_error

PART_BYTES = 64 << 20
_SEND_BYTES = 256 << 10
_PACED_SEND_BYTES = 32 << 10
"""One block has the connect time-out, at the slowest pace too."""
_READ_BYTES = 256 << 10
_META = "x-amz-meta-"
_NO_LOCK = {
    "InvalidRequest",
    "NotImplemented",
    "MethodNotAllowed",
    "AccessDenied",
    "ObjectLockConfigurationNotFoundError",
}


@dataclass(frozen=True, slots=True)
class S3Options:
    """Where and how. `endpoint` is a URL without path; `least_bytes_per_s`: a slower answer is given up; `pace`: how
    fast to send, where the line is shared."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    ca_file: str | None = None
    connect_s: float = 10.0
    read_s: float = 60.0
    retries: int = 3
    least_bytes_per_s: int = 20_000
    connections: int = 8
    pace: Pace | None = None


class _Response(Protocol):
    status: int

    def read1(self, amt: int) -> bytes:
        """What has arrived, at most amt bytes."""


class _Pool(urllib3.PoolManager):
    """Sends bodies in blocks. urllib3 gives a body of bytes to one sendall() under the *connect* time-out, which no
    thin line can hold for 20 MB; of a file it sends block after block, each with that time."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]  # as the parent has it, less its overloads
        """As urllib3 does."""
        body = kw.get("body")
        if isinstance(body, bytes) and len(body) > _SEND_BYTES:
            kw["body"] = io.BytesIO(body)
        return super().urlopen(method, url, redirect, **kw)


def _paced(pool: _Pool, pace: Pace) -> None:
    """Every connection that the pool opens is told to the pace, before TLS begins on it."""

    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _taken(super()._new_conn(), pace)

    class Secure(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _taken(super()._new_conn(), pace)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _taken(sock: socket.socket, pace: Pace) -> socket.socket:
    pace.take(sock)
    return sock


class S3Store:
    """See vms.objects.base.ObjectStore."""

    def __init__(self, name: str, options: S3Options) -> None:
        self.name = name
        self._options = options
        self._bucket = options.bucket
        url = urlsplit(options.endpoint)
        if url.scheme not in {"http", "https"} or not url.netloc or url.path not in {"", "/"} or url.username:
            raise InputError(
                "the endpoint of an S3 store is a URL such as https://minio.example:9000", field="endpoint"
            )
        retry = urllib3.Retry(
            options.retries, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), allowed_methods=None
        )
        pool = _Pool(
            timeout=urllib3.Timeout(connect=options.connect_s, read=options.read_s),
            retries=retry,
            maxsize=options.connections,
            blocksize=_SEND_BYTES if options.pace is None else _PACED_SEND_BYTES,
            ca_certs=options.ca_file,
        )
        if options.pace is not None:
            _paced(pool, options.pace)
        self._http = pool
        self._client = Minio(
            url.netloc,
            access_key=options.access_key,
            secret_key=options.secret_key,
            secure=url.scheme == "https",
            region=options.region,
            http_client=pool,
        )

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        content_type: str,
        seal: Seal | None = None,  # noqa: ARG002 - of the port; bytes that travel are verified where they arrive
    ) -> ObjectInfo:
        """Upload a file; at most one part of it, 64 MB, is in memory. ObjectError where the file is not there."""
        check_sha256(sha256)
        try:
            with path.open("rb") as file:
                return self._put(key, file, sha256, metadata, content_type)
        except FileNotFoundError as error:
            raise ObjectError(f"the file to store as {key} is not there") from error

    def put_bytes(self, key: str, data: bytes, *, metadata: Mapping[str, str], content_type: str) -> ObjectInfo:
        """Upload bytes."""
        return self._put(key, io.BytesIO(data), hashlib.sha256(data).hexdigest(), metadata, content_type)

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """A ranged GET; ObjectUnavailableError also where it comes slower than `least_bytes_per_s`."""
        check_key(key)
        if length == 0:
            self.stat(key)
            return b""
        with self._plain(key):
            try:
                response = self._client.get_object(self._bucket, key, offset, length or 0)
            except S3Error as error:
                if error.code == "InvalidRange":
                    return b""
                raise
            try:
                return self._read(response, offset, length)
            finally:
                response.close()
                response.release_conn()

    def stat(self, key: str) -> ObjectInfo:
        """A HEAD."""
        check_key(key)
        with self._plain(key):
            found = self._client.stat_object(self._bucket, key)
        headers = {name.lower(): str(value) for name, value in (found.metadata or {}).items()}
        meta = {name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)}
        sha256 = meta.pop(SHA256_NAME, "")
        return ObjectInfo(key, found.size or 0, _modified_ns(found), sha256, meta)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Pages of 1000; without SHA-256 and metadata."""
        check_prefix(prefix)
        with self._plain(prefix):
            for found in self._client.list_objects(
                self._bucket, prefix=prefix or None, recursive=True, start_after=start_after or None
            ):
                yield ObjectInfo(found.object_name or "", found.size or 0, _modified_ns(found))

    def delete(self, key: str) -> None:
        """Remove every version and delete marker, by name of the version where the bucket has versions."""
        check_key(key)
        with self._plain(key):
            for version in self._versions(key):
                self._client.remove_object(self._bucket, key, version_id=version)

    def _versions(self, key: str) -> Sequence[str | None]:
        """All of an object; only the present one where the server knows no versions, or does not let us see them."""
        try:
            listed = tuple(self._client.list_objects(self._bucket, prefix=key, include_version=True))
        except S3Error as error:
            if error.code not in {"NotImplemented", "AccessDenied"}:
                raise
            return (None,)
        return [found.version_id for found in listed if found.object_name == key]

    def protect(self, key: str, until_ns: int) -> bool:
        """Object Lock, mode GOVERNANCE: who may bypass it can, the keys a node should have cannot. By a request of its
        own: over http minio-py sends no checksum that strict servers want of a PUT with a lock."""
        check_key(key)
        until = dt.datetime.fromtimestamp(until_ns // 1_000_000_000, tz=dt.UTC)
        with self._plain(key):
            try:
                self._client.set_object_retention(self._bucket, key, Retention(GOVERNANCE, until))
            except S3Error as error:
                if error.code in _NO_LOCK:
                    self.stat(key)
                    return False
                raise
        return True

    def legal_hold(self, key: str, *, on: bool) -> bool:
        """Object Lock's legal hold on the present version: nobody removes that, not even who may bypass GOVERNANCE."""
        check_key(key)
        act = self._client.enable_object_legal_hold if on else self._client.disable_object_legal_hold
        with self._plain(key):
            try:
                act(self._bucket, key)
            except S3Error as error:
                if error.code in _NO_LOCK:
                    self.stat(key)
                    return False
                raise
        return True

    def check(self) -> None:
        """Make the bucket where it is missing, with Object Lock (so versioned) where the server has it; write, read and
        remove an object."""
        with self._plain(self._bucket):
            try:
                is_there = self._client.bucket_exists(self._bucket)
            except S3Error as error:  # whose rights are about a regency's own keys alone (vms/objects/s3_rights.py)
                if error.code != "AccessDenied":
                    raise
                is_there = True
            if not is_there:
                self._make_bucket()
        key = f"check-{secrets.token_hex(8)}"
        self.put_bytes(key, b"check", metadata={}, content_type="text/plain")
        try:
            if self.get(key) != b"check":
                raise ObjectUnavailableError(f"the store {self.name} gives back other bytes than were written")
        finally:
            self.delete(key)

    def _make_bucket(self) -> None:
        """Object Lock, which a Hold needs, can only be had when a bucket is made."""
        for lock in (True, False):
            try:
                self._client.make_bucket(self._bucket, object_lock=lock)
            except S3Error as error:
                if error.code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    return
                if not lock or error.code not in {"NotImplemented", "InvalidRequest", "MethodNotAllowed"}:
                    raise
            else:
                return

    def close(self) -> None:
        """Close idle connections; the store can be used again."""
        self._http.clear()

    def _put(
        self, key: str, source: BinaryIO, sha256: str, metadata: Mapping[str, str], content_type: str
    ) -> ObjectInfo:
        check_key(key)
        kept = clean_metadata(metadata)
        size, etag = _digest(source, key, sha256)
        headers: dict[str, str | list[str] | tuple[str]] = {**kept, SHA256_NAME: sha256}
        if size <= PART_BYTES:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode("ascii")
        with self._plain(key):
            put = self._client.put_object(
                self._bucket,
                key,
                source,
                size,
                content_type,
                headers,
                part_size=PART_BYTES,
                num_parallel_uploads=1,
            )
        info = self.stat(key)
        # Of Ceph's answer to the end of a multipart upload the client makes no ETag; a HEAD has it.
        told = (put.etag or self._etag(key)).strip('"').lower()
        encrypted = "x-amz-server-side-encryption" in {name.lower() for name in put.http_headers}
        sound = info.size_bytes == size and info.sha256 == sha256
        if sound and (told == etag or (encrypted and self._reads_back(key, size, sha256))):
            return info
        with suppress(ObjectError):
            self.delete(key)
        raise ObjectChecksumError(f"the store {self.name} does not hold what was sent as {key}")

    def _etag(self, key: str) -> str:
        with self._plain(key):
            return self._client.stat_object(self._bucket, key).etag or ""

    def _reads_back(self, key: str, size: int, sha256: str) -> bool:
        digest = hashlib.sha256()
        for offset in range(0, size, PART_BYTES):
            digest.update(self.get(key, offset, PART_BYTES))
        return digest.hexdigest() == sha256

    def _read(self, response: _Response, offset: int, length: int | None) -> bytes:
        whole = response.status == 200 and offset > 0
        wanted = None if length is None else length + (offset if whole else 0)
        data, started = bytearray(), time.monotonic()
        while wanted is None or len(data) < wanted:
            block = response.read1(_READ_BYTES)
            if not block:
                break
            data += block
            spent_s = time.monotonic() - started
            if spent_s > self._options.read_s and len(data) < spent_s * self._options.least_bytes_per_s:
                raise ObjectUnavailableError(f"the store {self.name} is too slow")
        # A server that ignores the range answers 200 with everything.
        return bytes(data[offset:wanted] if whole else data[:wanted])

    @contextmanager
    def _plain(self, key: str) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise plain_error(self.name, self._bucket, key, error) from error


def _digest(source: BinaryIO, key: str, sha256: str) -> tuple[int, str]:
    """Size, and the ETag a server gives to this content: MD5, of parts the MD5 of their MD5s and their number.
    ObjectChecksumError where the SHA-256 is another."""
    whole, parts, size = hashlib.sha256(), [], 0
    while block := source.read(PART_BYTES):
        whole.update(block)
        parts.append(hashlib.md5(block, usedforsecurity=False).digest())
        size += len(block)
    source.seek(0)
    if whole.hexdigest() != sha256:
        raise ObjectChecksumError(f"the file to store as {key} is not the one that was described")
    if len(parts) == 1:
        return size, parts[0].hex()
    joined = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return size, joined if not parts else f"{joined}-{len(parts)}"


def _modified_ns(found: Any) -> int:
    return 0 if found.last_modified is None else int(found.last_modified.timestamp() * 1_000_000_000)
