"""Finds a pip for an environment that has none, and with it installs uv, pinned by hash, which does the rest.

A fresh Debian has `python3` without `python3-venv`, `ensurepip` and pip; root is not needed in any of the ways here.
Tried in order: ensurepip, Debian's wheel folder, a pip of the machine, Debian's wheel by `apt-get download`.
Standard library only.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DEBIAN_WHEELS = "/usr/share/python-wheels/pip-*.whl"
NO_PIP = """\
No pip is to be had for {python}: it has no ensurepip, there is no pip on this machine, and Debian's package
python3-pip-whl could not be downloaded by apt-get. A way out: apt-get install python3-venv, then make again."""


class SetupError(Exception):
    """The set-up cannot go on; the message says what a person can do."""


def install_uv(python: Path, lock: Path, work: Path) -> None:
    """Install what `lock` (uv, with hashes) names into the environment of `python`; SetupError where no pip does."""
    failed = []
    for way, pip in _pips(python, work):
        command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if result.returncode == 0:
            return
        failed.append(f"with {way}:\n{result.stderr.strip()}")
    if failed:
        raise SetupError("uv could not be installed from the Python package index\n" + "\n".join(failed))
    raise SetupError(NO_PIP.format(python=sys.executable))


def _pips(python: Path, work: Path) -> Iterator[tuple[str, list[str]]]:
    """Ways to call a pip that installs into the environment of `python`, each made only when asked for."""
    if _succeeds([str(python), "-m", "ensurepip"]):
        yield "ensurepip", [str(python), "-m", "pip"]
    for wheel in sorted(glob.glob(DEBIAN_WHEELS), reverse=True):  # noqa: PTH207 (an absolute pattern)
        yield wheel, _of_wheel(python, wheel)
    if _succeeds([sys.executable, "-m", "pip", "--version"]):
        yield f"the pip of {sys.executable}", [sys.executable, "-m", "pip", "--python", str(python)]
    for unpacked in _downloaded(work):
        yield "Debian's python3-pip-whl", _of_wheel(python, str(unpacked))


def _of_wheel(python: Path, wheel: str) -> list[str]:
    """A wheel of pip is a zip that Python can run where it lies."""
    return [str(python), f"{wheel}/pip"]


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _downloaded(work: Path) -> Iterator[Path]:
    """Debian's wheel of pip, unpacked below `work`; package lists of our own where the machine has none."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    folder = (work / "pip").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "lists/partial").mkdir(parents=True)
    own_lists = [
        *("-o", f"Dir::State::Lists={folder}/lists"),
        *("-o", f"Dir::Cache={folder}/cache"),
        *("-o", "APT::Sandbox::User="),
    ]
    for options in ([], own_lists):
        if options:
            _apt(["apt-get", "-qq", *options, "update"], folder)
        _apt(["apt-get", "-qq", *options, "download", "python3-pip-whl"], folder)
        for package in folder.glob("python3-pip-whl_*.deb"):
            _apt(["dpkg-deb", "-x", str(package), str(folder / "tree")], folder)
        wheels = sorted(folder.glob("tree/usr/share/python-wheels/pip-*.whl"))
        if wheels:
            yield from wheels
            return


def _apt(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
