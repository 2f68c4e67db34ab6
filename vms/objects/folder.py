"""A Store in a folder. Blocking; safe for several threads and processes on one machine.

An object is a file at its key; beside it `<key>~` holds SHA-256, content type and metadata as JSON (`~` is in no key).
Both are written into `~temp`, synced and renamed, the object last: whatever happens in between, there is no object, or
a whole one. What is left in `~temp` is swept by `check()` after an hour.

`put_file` links the file where spool and Store share a file system, and copies else. A link has the same inode, so
nothing is written twice. The bytes are read once and their SHA-256 compared, because a wrong digest accepted here would
only show in court; except of a link whose seal holds: its digest was taken of these bytes when they were written, and
reading them back from the page cache (13 ms for a minute of 3 Mb/s) tells nothing of the disk. The linked file may not
be changed afterwards; a closed Segment never is.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from vms.clock import NS_PER_S
from vms.errors import ObjectChecksumError, ObjectError, ObjectMissingError, ObjectUnavailableError
from vms.objects.base import ObjectInfo, Seal
from vms.objects.keys import check_key, check_prefix, check_sha256, clean_metadata

_BLOCK_BYTES = 1 << 20
_TEMP = "~temp"
_STALE_NS = 3600 * NS_PER_S
_PLACE_TRIES = 100
_LINK_IMPOSSIBLE = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES}


class FolderStore:
    """See vms.objects.base.ObjectStore."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root

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
        """Link or copy a file, see above. ObjectError where the file is not there."""
        check_key(key)
        check_sha256(sha256)
        with self._plain(key, writing=True), self._temp() as temp:
            try:
                source = path.open("rb")
            except FileNotFoundError as error:
                raise ObjectError(f"the file to store as {key} is not there") from error
            with source:
                if not _linked(source, path, temp):
                    digest = _copy(source, temp)
                elif seal is not None and seal.holds(sha256, os.fstat(source.fileno())):
                    digest = sha256
                else:
                    digest = hashlib.file_digest(source, "sha256").hexdigest()
            if digest != sha256:
                raise ObjectChecksumError(f"the file to store as {key} is not the one that was described")
            return self._publish(key, temp, sha256, clean_metadata(metadata), content_type)

    def put_bytes(self, key: str, data: bytes, *, metadata: Mapping[str, str], content_type: str) -> ObjectInfo:
        """Store bytes."""
        check_key(key)
        with self._plain(key, writing=True), self._temp() as temp:
            _write(temp, data)
            sha256 = hashlib.sha256(data).hexdigest()
            return self._publish(key, temp, sha256, clean_metadata(metadata), content_type)

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Read a range."""
        check_key(key)
        with self._plain(key), self._path(key).open("rb") as file:
            file.seek(offset)
            return file.read() if length is None else file.read(length)

    def stat(self, key: str) -> ObjectInfo:
        """Size from the file, the rest from beside it."""
        check_key(key)
        with self._plain(key):
            found = self._path(key).stat()
            if not self._path(key).is_file():
                raise ObjectMissingError(f"there is no object {key}")
            side = self._side(key)
        return ObjectInfo(key, found.st_size, found.st_mtime_ns, side.get("sha256", ""), dict(side.get("metadata", {})))

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Walk the folders that can hold such keys, in order; without SHA-256 and metadata."""
        check_prefix(prefix)
        with self._plain(prefix):
            yield from self._walk(self._root, "", prefix, start_after)

    def delete(self, key: str) -> None:
        """Remove the object, what lies beside it, and folders that became empty."""
        check_key(key)
        with self._plain(key):
            self._path(key).unlink(missing_ok=True)
            self._side_path(key).unlink(missing_ok=True)
            folder = self._path(key).parent
            while folder != self._root:
                try:
                    folder.rmdir()
                except OSError:
                    break
                folder = folder.parent
            with suppress(FileNotFoundError):
                _sync_folder(folder)

    def protect(self, key: str, until_ns: int) -> bool:  # noqa: ARG002 - of the port
        """A folder cannot."""
        self.stat(key)
        return False

    def legal_hold(self, key: str, *, on: bool) -> bool:  # noqa: ARG002 - of the port
        """A folder has none."""
        self.stat(key)
        return False

    def check(self) -> None:
        """Make the folder, sweep what interrupted puts left, write, read and remove an object."""
        with self._plain(_TEMP, writing=True):
            (self._root / _TEMP).mkdir(parents=True, exist_ok=True)
            for left in (self._root / _TEMP).iterdir():
                with suppress(FileNotFoundError):
                    if time.time_ns() - left.stat().st_ctime_ns > _STALE_NS:
                        left.unlink()
        key = f"check-{secrets.token_hex(8)}"
        self.put_bytes(key, b"check", metadata={}, content_type="text/plain")
        try:
            if self.get(key) != b"check":
                raise ObjectUnavailableError(f"the folder {self._root} gives back other bytes than were written")
        finally:
            self.delete(key)

    def _publish(self, key: str, temp: Path, sha256: str, metadata: dict[str, str], content_type: str) -> ObjectInfo:
        target, found = self._path(key), temp.stat()
        beside = {"sha256": sha256, "size_bytes": found.st_size, "content_type": content_type, "metadata": metadata}
        with self._temp() as side:
            _write(side, json.dumps(beside, sort_keys=True).encode())
            self._place(side, self._side_path(key))
        # A hard link renamed onto another link of the same file does nothing (POSIX rename); _temp() removes it then.
        temp.rename(target)
        _sync_folder(target.parent)
        return ObjectInfo(key, found.st_size, found.st_mtime_ns, sha256, metadata)

    def _place(self, temp: Path, target: Path) -> None:
        for attempt in range(_PLACE_TRIES):
            try:
                _make_folder(target.parent, self._root)
                temp.rename(target)
                return
            except FileNotFoundError:
                # delete() of a neighbour took the folder away as empty between the two steps. Once the first file of
                # an object is in it, it stays.
                if attempt == _PLACE_TRIES - 1:
                    raise

    def _walk(self, folder: Path, before: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        # "a-b" sorts before "a/b" and "a.b" too: a folder's place among its neighbours is that of its name with "/".
        try:
            with os.scandir(folder) as entries:
                named = sorted((e.name + "/" if e.is_dir() else e.name, e) for e in entries if not e.name.endswith("~"))
        except FileNotFoundError:
            return
        for name, entry in named:
            key = before + name
            if name.startswith("~") or not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if name.endswith("/"):
                if key > start_after or start_after.startswith(key):
                    yield from self._walk(Path(entry.path), key, prefix, start_after)
            elif key > start_after and key.startswith(prefix):
                with suppress(FileNotFoundError):
                    found = entry.stat()
                    yield ObjectInfo(key, found.st_size, found.st_mtime_ns)

    @contextmanager
    def _temp(self) -> Iterator[Path]:
        folder = self._root / _TEMP
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def file(self, key: str) -> Path:
        """Where an object lies, for who reads it whole; there need be none."""
        check_key(key)
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / key

    def _side_path(self, key: str) -> Path:
        return self._root / f"{key}~"

    def _side(self, key: str) -> dict[str, Any]:
        try:
            side: dict[str, Any] = json.loads(self._side_path(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return side

    @contextmanager
    def _plain(self, key: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not writing and isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
                raise ObjectMissingError(f"there is no object {key}") from error
            raise ObjectUnavailableError(
                f"the folder {self._root} fails: {os.strerror(error.errno or 0)}", hint=_hint(error)
            ) from error


def _hint(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Free space on the disk."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "Look at the owner and rights of the folder."
    return "Look at the disk."


def _linked(source: BufferedReader, path: Path, temp: Path) -> bool:
    """Link and sync; False where a link is not possible."""
    try:
        os.link(path, temp)
    except OSError as error:
        if error.errno in _LINK_IMPOSSIBLE:
            return False
        raise
    if not os.path.samestat(temp.stat(), os.fstat(source.fileno())):
        temp.unlink()
        return False
    os.fsync(source.fileno())
    return True


def _copy(source: BufferedReader, temp: Path) -> str:
    digest = hashlib.sha256()
    with temp.open("xb") as file:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    if folder != root:
        _make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
