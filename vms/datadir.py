"""The data folder of a node: its id, its keys, the lock that keeps a second process out. Blocking, at start only."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from vms.domain.ids import is_id, new_id
from vms.errors import SettingsError
from vms.proof.keys import NodeKey

KEY_BYTES = 32
INSTALLATION_KEY = "installation.key"


@dataclass(frozen=True)
class DataDir:
    """An opened data folder. `key` encrypts camera passwords at rest (32 bytes); losing it loses them. `signing`: the
    node's own key, which its Checkpoints are signed with."""

    path: Path
    node: str
    name: str
    key: bytes
    lock_fd: int
    signing: NodeKey

    def close(self) -> None:
        """Give the lock back."""
        os.close(self.lock_fd)


def open_data_dir(path: Path, key_file: Path | None = None) -> DataDir:
    """Make the folder where it is missing and lock it; SettingsError in plain words where that cannot be. `key_file`:
    the installation's key where several nodes share it; it must be there."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_fd = _lock(path)
        node, name = _identity(path / "node.json")
        key = shared_key(key_file) if key_file is not None else secret_key(path)
        return DataDir(path, node, name, key, lock_fd, signing_key(path))
    except OSError as error:
        raise SettingsError(
            f"cannot use the data folder {path}: {error.strerror}", hint="Choose another with --data DIR."
        ) from None


def known_key(path: Path, key_file: Path | None = None) -> bytes:
    """The key of a data folder that has been started before; SettingsError where it is none. Makes nothing."""
    try:
        if key_file is not None:
            return shared_key(key_file)
        if not (path / "secret.key").exists():
            raise SettingsError(f"{path} is no data folder", hint="Run vms up once, or give --data DIR.")
        return secret_key(path)
    except OSError as error:
        raise SettingsError(
            f"cannot use the data folder {path}: {error.strerror}", hint="Choose another with --data DIR."
        ) from None


def known_node(path: Path) -> str:
    """The id of the node whose data folder this is, as `known_key`."""
    if not (path / "node.json").exists():
        raise SettingsError(f"{path} is no data folder", hint="Run vms up once, or give --data DIR.")
    return _identity(path / "node.json")[0]


def is_locked(path: Path) -> bool:
    """Whether a process uses a data folder now. Makes nothing."""
    try:
        lock_fd = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock_fd)
    return False


def shared_key(file: Path) -> bytes:
    """The installation's key, which every node of a cluster has; made by `vms key new`."""
    try:
        return _checked(file.read_bytes(), file)
    except OSError as error:
        raise SettingsError(
            f"cannot read the installation's key {file}: {error.strerror}",
            hint="Make it once with vms key new FILE, and bring it to every node.",
        ) from None


def new_key(file: Path) -> None:
    """Make the key of an installation; SettingsError where the file is there already."""
    try:
        if file.exists():
            raise SettingsError(f"{file} is there already", hint="Without it camera passwords are lost: keep it.")
        _write_new(file, secrets.token_bytes(KEY_BYTES))
    except OSError as error:
        raise SettingsError(f"cannot write {file}: {error.strerror}", hint="Choose another file.") from None


def _checked(key: bytes, file: Path) -> bytes:
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{file} is not a key of {KEY_BYTES} bytes", hint="Restore it from a backup.")
    return key


def secret_key(path: Path) -> bytes:
    """The key of the data folder, made at the first start; readable by the owner alone."""
    file = path / "secret.key"
    if not file.exists():
        _write_new(file, secrets.token_bytes(KEY_BYTES))
    return _checked(file.read_bytes(), file)


def signing_key(path: Path) -> NodeKey:
    """The node's own key, made at the first start; readable by the owner alone. A node that lost it gets another one,
    and says so by that."""
    file = path / "node.key"
    if not file.exists():
        _write_new(file, NodeKey.new().pem())
    try:
        return NodeKey.of_pem(file.read_bytes())
    except (ValueError, TypeError):
        raise SettingsError(
            f"{file} is not the key of a node", hint="Restore it from a backup, or remove it: a new one is made."
        ) from None


def installation_key(path: Path, *, make: bool) -> NodeKey | None:
    """The installation's own key, which certifies those of its nodes; readable by the owner alone. `make`: make it
    where it is missing, for an installation of one machine; else None there: in a cluster one node has it."""
    file = path / INSTALLATION_KEY
    if not file.exists():
        if not make:
            return None
        _write_new(file, NodeKey.new().pem())
    try:
        return NodeKey.of_pem(file.read_bytes())
    except (ValueError, TypeError):
        raise SettingsError(f"{file} is not the key of an installation", hint="Restore it from a backup.") from None
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", hint="Look at its rights.") from None


def _lock(path: Path) -> int:
    lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock_fd)
        raise SettingsError(
            f"another vms process uses {path}", hint="Stop it first, or choose another folder with --data DIR."
        ) from None
    return lock_fd


def _identity(file: Path) -> tuple[str, str]:
    if not file.exists():
        _write_new(file, json.dumps({"id": new_id(), "name": socket.gethostname()}).encode())
    try:
        known = json.loads(file.read_bytes())
        node, name = str(known["id"]), str(known["name"])
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{file} is damaged", hint="Restore it from a backup.") from None
    if not is_id(node):
        raise SettingsError(f"{file} holds no node id", hint="Restore it from a backup.")
    return node, name


def _write_new(file: Path, data: bytes) -> None:
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.rename(file)
