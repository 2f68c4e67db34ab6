"""`make sbom`: what the system is made of, as CycloneDX 1.6 in build/sbom.cdx.json, from the locks alone.

    python tools/sbom.py [FILE]

Python's packages from locks/runtime.txt, those that the page is built from out of web/ui/package-lock.json, each with
its hashes. Licenses of Python's are those that the installed packages state. The same locks give the same file, byte by
byte. Standard library only.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "build" / "sbom.cdx.json"
_PINNED = re.compile(r"([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)")
_ALGORITHMS = {"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_SPDX = re.compile(r"[A-Za-z0-9.+ ()-]{1,200}")


def main() -> int:
    """Write it; how many components it has."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    made = bill()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{file}: {len(made['components'])} components")
    return 0


def bill() -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = [*of_python(ROOT / "locks" / "runtime.txt"), *of_page(ROOT / "web" / "ui" / "package-lock.json")]
    components.sort(key=lambda one: str(one["bom-ref"]))
    root = f"pkg:generic/{project['name']}@{project['version']}"
    text = json.dumps([root, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, text)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": project["name"], "version": project["version"],
                "description": project["description"], "licenses": _licenses(project["license"]),
            },
            "lifecycles": [{"phase": "build"}],
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [one["bom-ref"] for one in components]}],
    }  # fmt: skip


def of_python(lock: Path) -> Iterator[dict[str, Any]]:
    """Each package of a lock of hashed requirements."""
    for entry in re.split(r"\n(?=[\w.-]+(?:\[[^]]*\])?==)", lock.read_text(encoding="utf-8")):
        pinned = _PINNED.match(entry)
        if pinned is None:
            continue
        name, version = pinned[1].lower().replace("_", "-"), pinned[2]
        hashes = [
            {"alg": "SHA-256", "content": one} for one in sorted(set(re.findall(r"sha256:([0-9a-f]{64})", entry)))
        ]
        yield _component(name, version, f"pkg:pypi/{quote(name)}@{quote(version)}", hashes, _license_of(name, version))


def of_page(lock: Path) -> Iterator[dict[str, Any]]:
    """Each package that npm fetches for the page and its build."""
    seen = set()
    for place, entry in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        name = place.rpartition("node_modules/")[2]
        if not name or entry.get("link") or (name, entry["version"]) in seen:
            continue
        seen.add((name, entry["version"]))
        path = "/".join(quote(part, safe="") for part in name.split("/"))
        purl = f"pkg:npm/{path}@{quote(entry['version'])}"
        hashes = [found for text in entry.get("integrity", "").split() if (found := _integrity(text))]
        made = _component(name, entry["version"], purl, hashes, str(entry.get("license", "")))
        yield made | ({"scope": "optional"} if entry.get("optional") else {})


def _component(name: str, version: str, purl: str, hashes: list[dict[str, str]], license_: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "scope": "required",
    }  # fmt: skip
    if hashes:
        made["hashes"] = hashes
    if license_:
        made["licenses"] = _licenses(license_)
    return made


def _licenses(text: str) -> list[dict[str, Any]]:
    """An SPDX expression where it can be one, else a name."""
    if _SPDX.fullmatch(text) and (" " not in text or re.search(r" (?:AND|OR|WITH) ", text)):
        return [{"expression": text}]
    return [{"license": {"name": text.splitlines()[0][:200]}}]


def _license_of(name: str, version: str) -> str:
    """What the installed package says, where it is this one; empty where it is not."""
    try:
        found = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    if found["Version"] != version:
        return ""
    classifiers = [one.rpartition(" :: ")[2] for one in found.get_all("Classifier") or [] if one.startswith("License")]
    said = [found[name] for name in ("License-Expression", "License") if name in found]
    return str(next(iter([*filter(None, said), *classifiers]), "")).strip()


def _integrity(text: str) -> dict[str, str] | None:
    algorithm, _, digest = text.partition("-")
    if algorithm not in _ALGORITHMS:
        return None
    return {"alg": _ALGORITHMS[algorithm], "content": base64.b64decode(digest).hex()}


if __name__ == "__main__":
    sys.exit(main())
