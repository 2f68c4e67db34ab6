"""The folder Store: the contract, and what is particular to files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.objects.contract import KEY, TYPE, StoreContract, digest
from vms.errors import ObjectChecksumError, ObjectMissingError, ObjectUnavailableError
from vms.objects import folder
from vms.objects.base import ObjectStore, Seal
from vms.objects.folder import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A Store in a folder that does not exist yet."""
    return FolderStore("home", tmp_path / "objects")


class TestFolderStore(StoreContract):
    """The contract on a folder."""


def _spool(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "segment.mp4"
    path.write_bytes(data)
    return path


def test_on_the_same_disk_nothing_is_written_twice(store: FolderStore, tmp_path: Path) -> None:
    """The object is the spool's own file, linked."""
    path = _spool(tmp_path, b"footage")
    store.put_file(KEY, path, sha256=digest(b"footage"), metadata={}, content_type=TYPE)
    assert path.samefile(tmp_path / "objects" / KEY)


def test_on_another_disk_it_is_copied(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no link is possible the bytes are copied and verified on the way."""

    def refuse(_source: object, _target: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(folder.os, "link", refuse)
    path = _spool(tmp_path, b"footage" * 500_000)
    store.put_file(KEY, path, sha256=digest(path.read_bytes()), metadata={}, content_type=TYPE)
    assert store.get(KEY) == path.read_bytes()
    assert not path.samefile(tmp_path / "objects" / KEY)
    with pytest.raises(ObjectChecksumError):
        store.put_file("other", path, sha256=digest(b""), metadata={}, content_type=TYPE)
    assert list(store.list("other")) == []


@pytest.mark.parametrize("step", ["link", "rename", "fsync"])
def test_a_kill_at_any_step_leaves_no_object(tmp_path: Path, step: str) -> None:
    """A process that dies in the middle of a put leaves nothing visible; the next start can put and sweep."""
    path, root = _spool(tmp_path, b"footage"), tmp_path / "objects"
    script = (
        "import os, sys, pathlib\n"
        "from vms.objects.folder import FolderStore\n"
        f"def die(*a, **k): os._exit(9)\n"
        f"{'pathlib.Path.rename' if step == 'rename' else 'os.' + step} = die\n"
        f"FolderStore('home', pathlib.Path(sys.argv[1])).put_file({KEY!r}, pathlib.Path(sys.argv[2]),"
        f" sha256={digest(b'footage')!r}, metadata={{}}, content_type='video/mp4')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root), str(path)], check=False)
    assert done.returncode == 9
    store = FolderStore("home", root)
    assert list(store.list("")) == []
    with pytest.raises(ObjectMissingError):
        store.stat(KEY)
    store.put_file(KEY, path, sha256=digest(b"footage"), metadata={}, content_type=TYPE)
    assert store.get(KEY) == b"footage"


def test_check_sweeps_what_is_old(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left-overs of an hour ago go; a put that is under way stays."""
    store.check()
    left = tmp_path / "objects" / "~temp" / "left"
    left.write_bytes(b"half")
    store.check()
    assert left.exists()
    later_ns = time.time_ns() + 2 * 3600 * 10**9
    monkeypatch.setattr(folder.time, "time_ns", lambda: later_ns)
    store.check()
    assert not left.exists()


def test_empty_folders_go(store: FolderStore, tmp_path: Path) -> None:
    """Removing the last object of a day leaves no empty folders."""
    store.put_bytes(KEY, b"x", metadata={}, content_type=TYPE)
    store.delete(KEY)
    assert [path.name for path in (tmp_path / "objects").iterdir()] == ["~temp"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Said in plain words, as an error that may pass."""
    (tmp_path / "file").write_bytes(b"")
    store = FolderStore("home", tmp_path / "file" / "objects")
    with pytest.raises(ObjectUnavailableError, match="Not a directory"):
        store.check()


def test_a_full_disk(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC: plain words, a way out, and nothing left behind."""

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.os, "fsync", full)
    with pytest.raises(ObjectUnavailableError, match="No space left") as caught:
        store.put_bytes(KEY, b"x", metadata={}, content_type=TYPE)
    assert "Free space" in caught.value.hint
    monkeypatch.undo()
    assert list(store.list("")) == []


def test_a_lost_sidecar_is_no_lost_object(store: FolderStore, tmp_path: Path) -> None:
    """The bytes are still given; the digest is unknown."""
    store.put_bytes(KEY, b"x", metadata={"a": "b"}, content_type=TYPE)
    (tmp_path / "objects" / f"{KEY}~").unlink()
    assert store.get(KEY) == b"x"
    assert store.stat(KEY).sha256 == ""


def _unread(_file: object, _name: str) -> None:
    raise AssertionError("read")


def test_a_sealed_file_is_linked_unread(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its SHA-256 was taken when it was written, and it is the same file, unchanged."""
    path = _spool(tmp_path, b"footage")
    seal = Seal.of(digest(b"footage"), path.stat())
    monkeypatch.setattr(folder.hashlib, "file_digest", _unread)
    store.put_file(KEY, path, sha256=digest(b"footage"), metadata={}, content_type=TYPE, seal=seal)
    assert store.stat(KEY).sha256 == digest(b"footage")
    assert path.samefile(tmp_path / "objects" / KEY)


@pytest.mark.parametrize("how", ["written since", "another file", "another digest", "copied"])
def test_a_seal_that_does_not_hold_is_no_proof(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever is not the very file that was sealed is read, and refused where it is not what was described."""
    path = _spool(tmp_path, b"footage")
    seal, sha256 = Seal.of(digest(b"footage"), path.stat()), digest(b"footage")
    if how == "written since":
        path.write_bytes(b"fOotage")
        os.utime(path, ns=(0, seal.modified_ns + 1))
    elif how == "another file":
        path.rename(tmp_path / "before")
        path.write_bytes(b"fOotage")
        os.utime(path, ns=(0, seal.modified_ns))
    elif how == "another digest":
        sha256 = digest(b"other")
    else:
        monkeypatch.setattr(folder, "_linked", lambda *_: False)
        sha256 = digest(b"other")
        seal = Seal.of(sha256, path.stat())
    with pytest.raises(ObjectChecksumError):
        store.put_file(KEY, path, sha256=sha256, metadata={}, content_type=TYPE, seal=seal)
    assert list(store.list("")) == []
