"""The spool: where Segments lie from their first fragment until their home Store has them. Blocks; executor threads.

Order of closing: file synced, renamed from `.part`, folders synced; only then may the row say `spooled`. What is open
is synced once a second, together. The spool never deletes to make room: at its limit it says `full`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recorder.disk import Disk
from vms.errors import InputError, ObjectMissingError
from vms.objects.base import Seal

PART = ".part"
DAMAGED = "damaged"
_PROBE = "probe"
LEVELS = (0.70, 0.85, 0.95)
_RESUME_RATIO = 0.95
_KEY = re.compile(r"footage(?:/[A-Za-z0-9_-]+){7}/\d+-[A-Za-z0-9_-]+\.mp4")

Write = Callable[[int, bytes | memoryview], int]


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """`limit_bytes` None: nine tenths of what the disk has for it. Below `reserve_bytes` free the spool is full too."""

    root: Path
    limit_bytes: int | None = None
    reserve_bytes: int = 128 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """How full the spool is; `level` counts the alarms passed (0 to 3), 4 when full."""

    used_bytes: int
    limit_bytes: int
    full: bool
    oldest_ms: int | None = None

    @property
    def ratio(self) -> float:
        """Used of the limit; above 1 when over it."""
        return self.used_bytes / max(1, self.limit_bytes)

    @property
    def level(self) -> int:
        """Alarms passed."""
        return 4 if self.full else sum(self.ratio >= at for at in LEVELS)


class PartFile:
    """An open Segment. `append` is all or nothing; one thread appends, another may sync."""

    def __init__(self, key: str, path: Path, fd: int, write: Write, disk: Disk) -> None:
        self.key = key
        self.path = path
        self.size = 0
        self._fd = fd
        self._write = write
        self._disk = disk
        self._lock = threading.Lock()
        self._dirty = False
        self._entered = False
        self._failure: OSError | None = None

    def append(self, data: bytes) -> None:
        """Write behind what is there; after an OSError the file is as before, as far as the disk allows."""
        if self._failure is not None:
            raise self._failure
        try:
            with self._disk.writing():
                left = memoryview(data)
                while left:
                    left = left[self._write(self._fd, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += len(data)
        self._dirty = True

    def sync(self, root: Path) -> None:
        """Make what was appended durable; a failure is raised by the next append."""
        with self._lock:
            if self._fd < 0 or not self._dirty:
                return
            self._dirty = False
            try:
                with self._disk.writing(sync=True):
                    os.fdatasync(self._fd)
                    if not self._entered:
                        sync_folders(self.path, root)
                        self._entered = True
            except OSError as error:
                self._failure = error

    def fsync(self) -> os.stat_result:
        """Make the file durable, its size included; OSError. What it is now."""
        if self._failure is not None:
            raise self._failure
        with self._disk.writing(sync=True):
            os.fsync(self._fd)
        return os.fstat(self._fd)

    def close(self) -> None:
        """Give the descriptor back; idempotent."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class Spool:
    """Files of one node under one folder, on one disk."""

    def __init__(self, options: SpoolOptions, *, write: Write = os.write) -> None:
        self.root = options.root
        self._options = options
        self._write = write
        self._lock = threading.Lock()
        self._open: dict[str, PartFile] = {}
        self._settled: dict[str, int] = {}
        self._seals: dict[str, Seal] = {}
        self._full = False
        self.disk = Disk()

    def path(self, key: str) -> Path:
        """Where a closed Segment lies; InputError for what is no key of footage."""
        if not _KEY.fullmatch(key):
            raise InputError("this is not the key of a Segment", field="key")
        return self.root / key

    def part_path(self, key: str) -> Path:
        """Where it lies while it is open."""
        path = self.path(key)
        return path.with_name(path.name + PART)

    def create(self, key: str) -> PartFile:
        """A new, empty file for a Segment; OSError, also when it exists."""
        path = self.part_path(key)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        for last in (False, False, True):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(path, flags, 0o640)
                break
            except FileNotFoundError:  # the folder was empty and `remove` took it away just now
                if last:
                    raise
            except OSError as error:
                if not isinstance(error, FileExistsError):
                    self.disk.failed(error)
                raise
        part = PartFile(key, path, fd, self._write, self.disk)
        with self._lock:
            self._open[key] = part
        return part

    def settle(self, part: PartFile, sha256: str = "") -> None:
        """Close a Segment's file for good; OSError leaves the `.part`. `sha256` of what was appended seals it."""
        try:
            found = part.fsync()
        finally:
            self.abandon(part)
        self.rename(part.key)
        if sha256 and found.st_size == part.size:
            with self._lock:
                self._seals[part.key] = Seal.of(sha256, found)

    def seal(self, key: str) -> Seal | None:
        """The seal of a Segment that was settled since this process started."""
        with self._lock:
            return self._seals.get(key)

    def rename(self, key: str) -> None:
        """From `.part` to its own name, durable. The content must be synced already."""
        path = self.path(key)
        self.part_path(key).rename(path)
        sync_folders(path, self.root)
        with self._lock:
            self._settled[key] = path.stat().st_size

    def abandon(self, part: PartFile) -> None:
        """Close the descriptor and leave the `.part` to the sweep; what it takes stays counted."""
        part.close()
        with self._lock:
            if self._open.pop(part.key, None) is not None and part.size:
                self._settled.setdefault(part.key, part.size)

    def discard(self, part: PartFile) -> None:
        """Take back a file in which nothing was written."""
        part.close()
        with self._lock:
            self._open.pop(part.key, None)
        with suppress(OSError):
            part.path.unlink()

    def remove(self, key: str) -> None:
        """Delete a Segment's file and the folders it leaves empty; no error when it is not there."""
        path = self.path(key)
        for found in (path, self.part_path(key)):
            found.unlink(missing_ok=True)
        self._forget(key)
        for folder in path.parents:
            if folder == self.root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def set_aside(self, key: str, *, rest_at: int | None = None) -> Path:
        """Take a damaged file out of the way and keep it under `damaged`, for a person to look at; with `rest_at` only
        a copy of its bytes from there on. OSError."""
        source = next(path for path in (self.part_path(key), self.path(key)) if path.exists() or path == self.path(key))
        target = self.root / DAMAGED / source.relative_to(self.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        while target.exists():
            target = target.with_name(target.name + "~")
        if rest_at is None:
            source.rename(target)
            sync_folders(source, self.root)
            self._forget(key)
        else:
            with source.open("rb") as whole, target.open("xb") as rest:
                whole.seek(rest_at)
                shutil.copyfileobj(whole, rest)
                rest.flush()
                os.fsync(rest.fileno())
        sync_folders(target, self.root)
        return target

    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of a closed or open Segment, short at its end; ObjectMissingError."""
        for path in (self.path(key), self.part_path(key), self.path(key)):  # it may be renamed in between
            with suppress(FileNotFoundError):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    return os.pread(fd, length, offset)
                finally:
                    os.close(fd)
        raise ObjectMissingError("the spool no longer holds this Segment", hint="It is in its home Store.")

    def holds(self, key: str) -> bool:
        """Whether the closed Segment is here."""
        return self.path(key).is_file()

    def files(self) -> Iterator[tuple[str, bool]]:
        """(key, whether it is a `.part`) of all that lies here, oldest folder first."""
        top = self.root / "footage"
        found = sorted(p.relative_to(self.root).as_posix() for p in top.rglob("*.mp4*") if p.is_file())
        for name in found:
            key = name.removesuffix(PART)
            if _KEY.fullmatch(key):
                yield key, name != key

    def measure(self) -> None:
        """Count what lies here anew."""
        sizes: dict[str, int] = {}
        for key, is_part in self.files():
            with suppress(FileNotFoundError):
                sizes[key] = (self.part_path(key) if is_part else self.path(key)).stat().st_size
        with self._lock:
            in_order = sorted(sizes.items(), key=lambda item: start_ms(item[0]))
            self._settled = {key: size for key, size in in_order if key not in self._open}

    def sync(self) -> None:
        """Make all that is open durable."""
        for part in self._parts():
            part.sync(self.root)

    def usage(self) -> Usage:
        """How full it is now; full until it has fallen below 95 % again."""
        parts = self._parts()
        with self._lock:
            used = sum(self._settled.values()) + sum(part.size for part in parts)
            oldest = next(iter(self._settled), None)
        disk = os.statvfs(self.root)
        free = disk.f_bavail * disk.f_frsize
        limit = self._options.limit_bytes or (used + free) * 9 // 10
        reserve = self._options.reserve_bytes
        if self._full:
            self._full = used >= limit * _RESUME_RATIO or free < reserve * 5 // 4
        else:
            self._full = used >= limit or free < reserve
        return Usage(used, limit, self._full, None if oldest is None else start_ms(oldest))

    def probe(self) -> None:
        """Write a little, make it durable and take it away again; OSError where the disk does not let us."""
        path = self.root / _PROBE
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            self._write(fd, bytes(4096))
            os.fdatasync(fd)
        finally:
            os.close(fd)
            with suppress(OSError):
                path.unlink()

    def touch(self, name: str, now_ns: int) -> None:
        """Set the time of a file beside the footage; a disk that does not let us is noted."""
        try:
            (self.root / name).touch()
            os.utime(self.root / name, ns=(now_ns, now_ns))
        except OSError as error:
            self.disk.failed(error)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._settled.pop(key, None)
            self._seals.pop(key, None)

    def _parts(self) -> list[PartFile]:
        with self._lock:
            return list(self._open.values())


def start_ms(key: str) -> int:
    """The time in a key, milliseconds."""
    return int(key.rsplit("/", 1)[1].split("-", 1)[0])


def sync_folders(path: Path, root: Path) -> None:
    """fsync the folders from that of a file up to the root, so that its name survives a loss of power."""
    for folder in path.parents:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        if folder == root:
            return


def no_room(error: OSError) -> bool:
    """Whether a disk error means that there is no room, rather than that the disk fails."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
