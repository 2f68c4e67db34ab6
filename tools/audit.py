"""`make audit`: asks whether what is locked has a known vulnerability, and says plainly where nobody answers.

    python tools/audit.py

Python's packages by pip-audit, in an environment of its own from locks/audit.txt; the page's by `npm audit`. 1 where a
vulnerability is known; 0 where none is, or where the machine's indexes answer no such question: that is said, and fails
nothing. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fingerprint
import setup

ROOT = setup.ROOT
VENV = setup.BUILD / "audit"
STAMP = VENV / "vms-stamp"
LOCK = ROOT / "locks" / "audit.txt"
LIMIT_S = 120


def main() -> int:
    """Ask both; the exit code."""
    found = [*of_python(), *of_page()]
    for line in found:
        print(f"audit: {line}", file=sys.stderr)
    return 1 if found else 0


def of_python() -> list[str]:
    """Known vulnerabilities of locks/runtime.txt and locks/dev.txt."""
    if not install():
        return []
    found: dict[str, None] = {}
    for lock in ("runtime", "dev"):
        command: list[str | Path] = [
            VENV / "bin/pip-audit",
            "--require-hashes",
            "--disable-pip",
            "-r",
            ROOT / "locks" / f"{lock}.txt",
        ]
        said = run([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "10"])
        try:
            packages = json.loads(said)["dependencies"]
        except (ValueError, KeyError, TypeError):
            print(f"audit: locks/{lock}.txt was not audited: its index did not answer")
            continue
        asked = [one for one in packages if "skip_reason" not in one]
        print(f"audit: locks/{lock}.txt: {len(asked)} of {len(packages)} packages are known to who was asked")
        if not asked:
            print(
                f"audit: locks/{lock}.txt was NOT audited: the index of this machine knows of no vulnerabilities at all"
            )
        found |= dict.fromkeys(python_findings(packages))
    return list(found)


def python_findings(packages: list[dict[str, Any]]) -> list[str]:
    """A line for each vulnerability in what pip-audit said."""
    return [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for one in packages
        for fault in one.get("vulns", ())
    ]


def of_page() -> list[str]:
    """Known vulnerabilities of web/ui/package-lock.json, the low ones left out."""
    said = run(["npm", "audit", "--package-lock-only", "--json"], cwd=ROOT / "web/ui")
    try:
        value = json.loads(said)
        counts = value["metadata"]["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        print("audit: web/ui/package-lock.json was NOT audited: the registry of this machine does not answer that")
        return []
    print(f"audit: web/ui/package-lock.json: {counts['total']} known vulnerabilities")
    return page_findings(value)


def page_findings(value: dict[str, Any]) -> list[str]:
    """A line for each package with a vulnerability that is not a low one, in what npm said."""
    return [
        f"{name} {one['range']}: {one['severity']}"
        for name, one in sorted(value["vulnerabilities"].items())
        if one["severity"] not in {"info", "low"}
    ]


def install() -> bool:
    """pip-audit in build/audit; False, and said, where it cannot be had."""
    want = fingerprint.of_paths(ROOT, [LOCK])
    if STAMP.exists() and STAMP.read_text(encoding="ascii") == want:
        return True
    uv = str(setup.VENV / "bin/uv")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(VENV / "bin/python"), str(LOCK)],
    ):
        if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False).returncode:
            print("audit: Python's packages were NOT audited: pip-audit could not be installed")
            return False
    STAMP.write_text(want, encoding="ascii")
    return True


def run(command: list[str | Path], cwd: Path = ROOT) -> str:
    """Standard output of a program that may fail or take too long."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{setup.VENV / 'bin'}"}
    try:
        result = subprocess.run(
            [str(word) for word in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
