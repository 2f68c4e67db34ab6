"""The port of object storage. Calls block: callers run them on a named executor, never on the event loop.

Every implementation passes tests/objects/contract.py. Keys are relative POSIX paths of [A-Za-z0-9._/-]; anything else,
an empty part, `.` or `..` is an InputError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object. `sha256` (hex) as given at put, empty where unknown (listings may leave it and metadata out)."""

    key: str
    size_bytes: int
    modified_ns: int
    sha256: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seal:
    """The SHA-256 of a file by who wrote it: taken of the bytes as they were handed to the disk. It holds while the
    file is the same inode and was not written since."""

    sha256: str
    device: int
    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, sha256: str, found: os.stat_result) -> Seal:
        """Of a file that is complete and synced."""
        return cls(sha256, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def holds(self, sha256: str, found: os.stat_result) -> bool:
        """Whether a file is the sealed one, unchanged, with that SHA-256."""
        return self == Seal.of(sha256, found)


class ObjectStore(Protocol):
    """A Store. All methods raise ObjectUnavailableError when the storage does not answer."""

    name: str

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        content_type: str,
        seal: Seal | None = None,
    ) -> ObjectInfo:
        """Store a file. Returns only when it is durable and its checksum is verified; ObjectChecksumError else, and
        then, as after any interruption, there is no object. Putting the same again is harmless. A Store that keeps the
        very file, and copies no byte of it, may take a `seal` that holds for the verification."""

    def put_bytes(self, key: str, data: bytes, *, metadata: Mapping[str, str], content_type: str) -> ObjectInfo:
        """The same for bytes at hand."""

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes [offset, offset+length), to the end when None; short at the end of the object. ObjectMissingError."""

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object. ObjectMissingError."""

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with the prefix (any prefix, not only folders), in the order of their keys."""

    def delete(self, key: str) -> None:
        """Remove, and with it every version. No error when it is not there."""

    def protect(self, key: str, until_ns: int) -> bool:
        """Keep an object, as it is now, from being changed or removed before a time; False where the Store has no such
        thing (a folder, a bucket without Object Lock, rights that do not reach so far). ObjectMissingError."""

    def legal_hold(self, key: str, *, on: bool) -> bool:
        """Keep an object, as it is now, from being removed by anybody until this is taken off; False where the Store
        has no such thing, as with `protect`. ObjectMissingError."""

    def check(self) -> None:
        """Prove that the Store can be written to and read; makes the bucket or folder where it is missing."""
