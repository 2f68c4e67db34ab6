"""`make setup`: brings .venv to exactly what locks/ says, from a bare `python3` on; says nothing when nothing is to do.

    python3 tools/setup.py runtime|cluster|dev

Standard library only, on the machine's own Python. `cluster` is `runtime` and a NATS server, `dev` is that and what
checks and tests need; an environment that has more keeps it. The NATS server, Node and the ffmpeg program come from the
Python package index where the machine has none.
The state is kept inside .venv, so that it goes when that goes. One run at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import fingerprint
import pip_source
from pip_source import SetupError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BUILD = ROOT / "build"
LOCKS = ROOT / "locks"
STATE = VENV / "vms-setup.json"
OLDEST_NODE = (20, 19)
PROFILES = ("runtime", "cluster", "dev")  # each holds those before it


def main() -> int:
    """Bring the environment up to date, if it is not; the exit code of the process."""
    profile = sys.argv[1] if len(sys.argv) > 1 else "runtime"
    if profile not in PROFILES:
        print(f"usage: {sys.argv[0]} {'|'.join(PROFILES)}", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            bring(profile)
        except SetupError as error:
            print(f"make setup: {error}", file=sys.stderr)
            return 1
    return 0


def bring(profile: str) -> None:
    """Make .venv what `profile` wants; nothing happens when its state says that it is that already."""
    state = read_state()
    profile = max(profile, state.get("profile", "runtime"), key=PROFILES.index)
    node, ffmpeg = system_program("node"), system_program("ffmpeg")
    want = fingerprint.of_text(
        profile,
        sys.version,
        str(ROOT),
        f"node={node} npm={system_program('npm')} ffmpeg={ffmpeg} nats={system_program('nats-server')}",
        fingerprint.of_paths(ROOT, [LOCKS, ROOT / "pyproject.toml", Path(__file__).resolve()]),
    )
    if state.get("fingerprint") == want and (VENV / "bin/vms").exists() and (VENV / "bin/python").exists():
        return
    started = time.monotonic()
    print(f"setup: {profile} environment in .venv (Python {platform.python_version()})", file=sys.stderr)
    STATE.unlink(missing_ok=True)
    make_venv()
    own_node, own_ffmpeg = not usable_node(node), ffmpeg is None
    locks = [LOCKS / "uv.txt", LOCKS / ("dev.txt" if profile == "dev" else "runtime.txt")]
    locks += [LOCKS / "nats.txt"] * (profile == "cluster" and system_program("nats-server") is None)
    locks += [LOCKS / "node.txt"] * own_node + [LOCKS / "ffmpeg.txt"] * own_ffmpeg
    if not (VENV / "bin/uv").exists():
        pip_source.install_uv(VENV / "bin/python", LOCKS / "uv.txt", BUILD)
    uv("sync", "--require-hashes", *map(str, locks))
    uv("install", "--no-deps", "--no-build-isolation", "--offline", "--editable", str(ROOT))
    if own_ffmpeg:
        link_ffmpeg()
    facts = {"fingerprint": want, "profile": profile, "node": "venv" if own_node else "system"}
    STATE.write_text(json.dumps(facts) + "\n", encoding="ascii")
    print(f"setup: done in {time.monotonic() - started:.0f} s", file=sys.stderr)


def read_state() -> dict[str, str]:
    """What the last finished run left, empty when none did."""
    try:
        state: dict[str, str] = json.loads(STATE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return state


def make_venv() -> None:
    """A virtual environment of this Python, kept when it is one already; never needs ensurepip."""
    config = VENV / "pyvenv.cfg"
    if config.exists() and _runs_as(VENV / "bin/python") == sys.version:
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    # Of an activated .venv the Python below it: the environment may be about to be made anew.
    python: str = sys._base_executable  # type: ignore[attr-defined]  # noqa: SLF001 - the only name it has
    result = subprocess.run(
        [python, "-m", "venv", "--without-pip", str(VENV)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        detail = (result.stderr or result.stdout).strip()
        raise SetupError(f"{python} cannot make a virtual environment: {detail}")


def _runs_as(python: Path) -> str:
    try:
        result = subprocess.run(
            [str(python), "-c", "import sys; print(sys.version, end='')"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return result.stdout


def uv(what: str, *arguments: str) -> None:
    """Run `uv pip WHAT` on .venv, with pip's own index settings where a machine has only those."""
    environment = {**os.environ, "UV_NO_PROGRESS": "1"}
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    for ours, theirs in (("UV_DEFAULT_INDEX", "PIP_INDEX_URL"), ("UV_INDEX", "PIP_EXTRA_INDEX_URL")):
        if theirs in environment:
            environment.setdefault(ours, environment[theirs])
    command = [str(VENV / "bin/uv"), "pip", what, "--quiet", "--python", str(VENV / "bin/python"), *arguments]
    if subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise SetupError(f"uv pip {what} failed (above); the same call again goes on where it stopped")


def system_program(name: str) -> str | None:
    """Path of a program of the machine; what .venv itself brought does not count."""
    folders = [p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(p) != VENV / "bin"]
    return shutil.which(name, path=os.pathsep.join(folders))


def usable_node(node: str | None) -> bool:
    """Whether the machine's Node and npm can build the web client."""
    if node is None or system_program("npm") is None:
        return False
    result = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.(\d+)", result.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def link_ffmpeg() -> None:
    """Put the ffmpeg program of imageio-ffmpeg where `.venv/bin/ffmpeg` is looked for."""
    binaries = sorted(VENV.glob("lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg-*"))
    if not binaries:
        raise SetupError("imageio-ffmpeg holds no program for this machine; a way out: apt-get install ffmpeg")
    link = VENV / "bin/ffmpeg"
    link.unlink(missing_ok=True)
    link.symlink_to(binaries[0])


if __name__ == "__main__":
    sys.exit(main())
