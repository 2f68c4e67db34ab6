"""Opens a package that somebody hands over, a ZIP or a folder it was unpacked to, and trusts nothing of it. Blocking.

Members are read where they lie; none is unpacked. Names that leave the package, links, members that are compressed or
encrypted, and counts and sizes beyond all reason are refused.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MAX_MEMBERS = 20_000
_LOCAL_BYTES = 30
_END_BYTES = 22
_UTF8 = 0x0800
_DIRECTORY_BYTES = 16 << 20
"""Of the list of members at the end of a ZIP at most: what that many names take, with room."""


class BadPackageError(ValueError):
    """Not a package, or not one that can be opened; in words."""


@dataclass(frozen=True, slots=True)
class OpenMember:
    """A member to be read: `size` bytes from `start` of a file on, of one that is open, or of one that is opened for
    each read, since a folder may have more than a process may hold open."""

    file: BinaryIO | None
    path: Path
    start: int
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Bytes there, fewer at the end of the member. A link that took its place is not followed."""
        length = max(0, min(length, self.size - offset))
        if self.file is not None:
            return os.pread(self.file.fileno(), length, self.start + offset) if length else b""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)


class Package:
    """Its members by name. Close it, or use `opened`."""

    def __init__(self, path: Path) -> None:
        """BadPackageError. OSError where it cannot be read."""
        self._files: list[BinaryIO] = []
        self.members: dict[str, OpenMember] = {}
        try:
            if path.is_dir():
                self._folder(path)
            else:
                self._zip(path)
        except BaseException:  # no object is there yet that somebody else could close
            self.close()
            raise

    def close(self) -> None:
        """Let the files go; idempotent."""
        while self._files:
            self._files.pop().close()

    def _folder(self, path: Path) -> None:
        for folder, names, files in os.walk(path, followlinks=False):
            for name in [*names, *files]:
                whole = Path(folder) / name
                mode = whole.lstat().st_mode
                if stat.S_ISDIR(mode):
                    continue
                if not stat.S_ISREG(mode):
                    raise BadPackageError(f"{whole.relative_to(path)} is no plain file")
                self._room()
                member = whole.relative_to(path).as_posix()
                self.members[_safe(member)] = OpenMember(None, whole, 0, whole.lstat().st_size)

    def _zip(self, path: Path) -> None:
        file = path.open("rb")
        self._files.append(file)
        size = os.fstat(file.fileno()).st_size
        try:
            archive = zipfile.ZipFile(_Bounded(file))
        except BadPackageError:
            raise
        # All that zipfile raises of a directory that somebody made up, such as offsets beyond 63 bits.
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as error:
            raise BadPackageError("it is no ZIP, or it is cut off") from error
        for info in archive.infolist():
            # Not is_dir(), which falls over a name of no letters.
            if info.filename.endswith("/") and info.file_size == 0:
                continue
            self._room()
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                raise BadPackageError(
                    f"{info.filename[:100]!r} is compressed, which no package is: unpack it, and give the folder"
                )
            if info.flag_bits & 1:
                raise BadPackageError(f"{info.filename[:100]!r} is encrypted")
            name = _safe(info.filename)
            if name in self.members:
                raise BadPackageError(f"{name} is there twice")
            self.members[name] = self._stored(path, file, info, size)
        end = os.pread(file.fileno(), _END_BYTES, max(0, size - _END_BYTES - len(archive.comment)))
        if min((info.header_offset for info in archive.infolist()), default=0) or end[:4] != b"PK\x05\x06":
            raise BadPackageError("the ZIP has something before its beginning or behind its end")
        self._apart(archive.start_dir)

    def _apart(self, end: int) -> None:
        """No member lies within another or in the list: a ZIP of some bytes may not hold more than they are."""
        for member in sorted(self.members.values(), key=lambda one: one.start, reverse=True):
            if member.start + member.size > end:
                raise BadPackageError("members of the ZIP lie within each other")
            end = member.start

    def _stored(self, path: Path, file: BinaryIO, info: zipfile.ZipInfo, size: int) -> OpenMember:
        inside = 0 <= info.header_offset < size
        head = os.pread(file.fileno(), _LOCAL_BYTES, info.header_offset) if inside else b""
        if len(head) < _LOCAL_BYTES or head[:4] != b"PK\x03\x04":
            raise BadPackageError(f"the ZIP is damaged at {info.filename[:100]!r}")
        start = info.header_offset + _LOCAL_BYTES + int.from_bytes(head[26:28], "little")
        named = os.pread(file.fileno(), start - info.header_offset - _LOCAL_BYTES, info.header_offset + _LOCAL_BYTES)
        if named != info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437", "replace"):
            raise BadPackageError(f"the ZIP has two names for {info.filename[:100]!r}")
        start += int.from_bytes(head[28:30], "little")
        if start + info.file_size > size:
            raise BadPackageError(f"the ZIP is cut off within {info.filename[:100]!r}")
        return OpenMember(file, path, start, info.file_size)

    def _room(self) -> None:
        if len(self.members) >= MAX_MEMBERS:
            raise BadPackageError(f"it has more than {MAX_MEMBERS} members")


class _Bounded(io.BufferedIOBase):
    """The file as zipfile reads it, which takes the whole list of members into memory however long that says it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _DIRECTORY_BYTES:
            raise BadPackageError("its list of members is too long")
        return self._file.read(_DIRECTORY_BYTES if size is None or size < 0 else size)


@contextmanager
def opened(path: Path) -> Iterator[Package]:
    """A package until the block ends. BadPackageError, OSError."""
    package = Package(path)
    try:
        yield package
    finally:
        package.close()


def _safe(name: str) -> str:
    pure = PurePosixPath(name)
    bad = not name or len(name) > 400 or "\\" in name or "\0" in name or ":" in name or name.startswith("/")
    if bad or pure.is_absolute() or ".." in pure.parts or pure.as_posix() != name or not name.isprintable():
        raise BadPackageError(f"a member has the name {name[:100]!r}")
    return name
