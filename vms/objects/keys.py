"""What keys and metadata may be, the same for every Store. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vms.errors import InputError

METADATA_BYTES = 2048
"""S3's own limit for the metadata of one object, names and values together."""

SHA256_NAME = "sha256"
"""The metadata name a Store keeps an object's SHA-256 under; given out as ObjectInfo.sha256 only."""

_KEY = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_PREFIX = re.compile(r"([A-Za-z0-9._-]+/)*[A-Za-z0-9._-]*")
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_key(key: str) -> None:
    """InputError unless it is a relative POSIX path of [A-Za-z0-9._/-] without an empty part, `.` or `..`."""
    if len(key) > 512 or _KEY.fullmatch(key) is None or {".", ".."} & set(key.split("/")):
        raise InputError(f"not a key of an object: {key[:100]!r}", field="key")


def check_prefix(prefix: str) -> None:
    """InputError unless a key could begin with it."""
    if len(prefix) > 512 or _PREFIX.fullmatch(prefix) is None or {".", ".."} & set(prefix.split("/")[:-1]):
        raise InputError(f"not the beginning of a key: {prefix[:100]!r}", field="prefix")


def check_sha256(sha256: str) -> None:
    """InputError unless it is 64 lower-case hex digits."""
    if _SHA256.fullmatch(sha256) is None:
        raise InputError("a SHA-256 has 64 lower-case hex digits", field="sha256")


def clean_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata without the name a Store keeps for itself. InputError unless names are of [a-z0-9-], values of
    printable ASCII without a blank at an end, and all together at most 2 KB: what survives every S3 server."""
    for name, value in metadata.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None or value != value.strip():
            raise InputError(f"metadata cannot be kept: {name[:64]!r}", field="metadata")
    kept = {name: value for name, value in metadata.items() if name != SHA256_NAME}
    if sum(len(name) + len(value) for name, value in kept.items()) > METADATA_BYTES - 128:
        raise InputError("metadata is longer than 2 KB", field="metadata")
    return kept
