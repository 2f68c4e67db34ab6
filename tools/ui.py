"""`make ui`: builds the web client from web/ui into web/static, only when its sources have changed.

    python3 tools/ui.py [build | check | test]

Standard library only. `check` is svelte-check and `test` is vitest, both through npm scripts of web/ui.
Node is the machine's, or the one that set-up put into .venv.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import fingerprint
import setup

UI = setup.ROOT / "web/ui"
BUILT = setup.ROOT / "web/static/index.html"
STAMP = setup.BUILD / "ui.stamp"
MODULES_STAMP = UI / "node_modules/.vms-stamp"


def main() -> int:
    """Build, check or test; the exit code of the process."""
    what = sys.argv[1] if len(sys.argv) > 1 else "build"
    setup.BUILD.mkdir(exist_ok=True)
    with (setup.BUILD / "ui.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if what != "build":
            return install() or npm("run", what)
        return build()


def build() -> int:
    """Install and `npm run build` where the sources are not those of the last build."""
    want = fingerprint.of_paths(setup.ROOT, sources())
    if BUILT.exists() and STAMP.exists() and STAMP.read_text(encoding="ascii") == want:
        return 0
    started = time.monotonic()
    print("ui: building web/static from web/ui", file=sys.stderr)
    failed = install() or npm("run", "build")
    if failed:
        return failed
    if not BUILT.exists():
        print(f"ui: the build left no {BUILT.relative_to(setup.ROOT)}", file=sys.stderr)
        return 1
    STAMP.write_text(want, encoding="ascii")
    print(f"ui: done in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def sources() -> list[Path]:
    """What the build reads; paraglide writes notes of its own into project.inlang."""
    inlang = UI / "project.inlang"
    return [path for path in UI.iterdir() if path != inlang] + [inlang / "settings.json"]


def install() -> int:
    """Put node_modules in place when package.json, its lock or Node have changed.

    Not `npm ci`: it refuses a lock that lacks an optional package of another platform, and npm leaves those out of the
    lock whose files an index does not have. `npm install --no-save` takes the same versions and checks the same hashes.
    """
    want = fingerprint.of_text(
        setup.read_state().get("node", ""),
        fingerprint.of_paths(setup.ROOT, [UI / "package.json", UI / "package-lock.json"]),
    )
    if MODULES_STAMP.exists() and MODULES_STAMP.read_text(encoding="ascii") == want:
        return 0
    failed = npm("install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    if not failed:
        MODULES_STAMP.write_text(want, encoding="ascii")
    return failed


def npm(*arguments: str) -> int:
    """Run npm in web/ui; quiet unless it fails."""
    environment = {**os.environ, "CI": "true", "NO_COLOR": "1", "npm_config_update_notifier": "false"}
    path = environment.get("PATH", os.defpath)
    if setup.read_state().get("node") == "venv":
        path = f"{setup.VENV / 'bin'}{os.pathsep}{path}"
    environment["PATH"] = path
    command = ["npm", *arguments]
    result = subprocess.run(
        command, cwd=UI, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        print(result.stdout, file=sys.stderr, end="")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
