"""`vms index` as a person runs it: from a Store alone to a catalogue, and whether both say the same."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.app.test_cli import Here, folder, here, refused
from tests.recorder.test_rebuild import faulted, rows_of
from vms.datadir import open_data_dir
from vms.objects.folder import FolderStore

__all__ = ["folder", "here"]


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> FolderStore:
    """The home Store of an installation whose catalogue is lost; beside it, in `truth`, what was in it."""
    open_data_dir(folder / "data").close()
    found = FolderStore("home", folder / "data" / "footage")
    work = tmp_path / "work"
    last = asyncio.run(faulted(work, found))
    (tmp_path / "truth").mkdir()
    shutil.copy(last / "vms.db", tmp_path / "truth" / "vms.db")
    return found


def test_rebuild_and_check(folder: Path, tmp_path: Path, store: FolderStore, here: Here) -> None:
    """Rows come back, both agree; what is gone is listed with exit code 1, and entered in the ledger when asked."""
    done = here(folder, "index", "rebuild")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 left out" in done.stdout
    truth = rows_of(tmp_path / "truth")
    shutil.copy(folder / "data" / "catalogue.db", tmp_path / "vms.db")
    for name in ("-wal", "-shm"):
        if (folder / "data" / f"catalogue.db{name}").exists():
            shutil.copy(folder / "data" / f"catalogue.db{name}", tmp_path / f"vms.db{name}")
    assert rows_of(tmp_path) == truth
    assert here(folder, "index", "check").returncode == 0
    assert "not empty" in refused(here(folder, "index", "rebuild"), 2)
    gone = next(iter(store.list("footage/"))).key
    store.delete(gone)
    done = here(folder, "index", "check", "--say-lost")
    assert done.returncode == 1
    assert f"lost: home {gone}" in done.stdout
    assert here(folder, "index", "check").returncode == 0  # the ledger says it now
    with closing(sqlite3.connect(folder / "data" / "catalogue.db")) as connection:
        assert connection.execute("SELECT count(*) FROM gaps WHERE cause = 'lost'").fetchone() == (1,)


def test_what_it_refuses(folder: Path, store: FolderStore, here: Here) -> None:
    """A Store that is none; what is damaged is one line and exit code 1, and the rest goes into another catalogue."""
    assert "there is no Store away" in refused(here(folder, "index", "rebuild", "--store", "away"), 2)
    store.put_bytes("footage/a/b/main/2026/01/01/00/1-c.mp4", b"none", metadata={}, content_type="video/mp4")
    done = here(folder, "index", "rebuild", "--store", "home", "--into", f"sqlite:///{folder}/other.db")
    assert done.returncode == 1
    assert "left out: home footage/a/b/main/2026/01/01/00/1-c.mp4: " in done.stdout
    assert "1 left out" in done.stdout


def test_the_key_of_a_node(folder: Path) -> None:
    """Made once, for the owner alone, and kept."""
    first = open_data_dir(folder / "data")
    first.close()
    again = open_data_dir(folder / "data")
    again.close()
    assert first.signing.fingerprint == again.signing.fingerprint
    assert (folder / "data" / "node.key").stat().st_mode & 0o777 == 0o600
