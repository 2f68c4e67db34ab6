"""The house rules that no linter keeps: sizes, names, docstrings, layers, owners of libraries, what may be written."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("vms", "ingest", "recorder", "streamer", "web")
MAX_LINES, MAX_TEST_LINES, MAX_STATEMENTS = 400, 600, 40
CODE = {".py", ".ts", ".js", ".mjs", ".svelte", ".css", ".sh"}
VAGUE = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}

# Each outside library has one owner, so that it can be replaced in one place. Paths are prefixes.
OWNERS = {
    "aioice": ("streamer/",),
    "aiortc": ("streamer/",),
    "aiosqlite": ("vms/store/",),
    "alembic": ("vms/store/",),
    "asyncpg": ("vms/store/",),
    "av": ("ingest/", "recorder/", "streamer/", "vms/simulator/"),
    "cv2": ("ingest/probe", "recorder/analysis", "vms/simulator/"),
    "fastapi": ("web/",),
    "ffmpeg": ("recorder/exporter", "recorder/transcode", "streamer/transcoder"),
    "minio": ("vms/objects/",),
    "msgspec": ("vms/bus/", "vms/store/images"),
    "nats": ("vms/bus/",),
    "numpy": ("ingest/probe", "recorder/analysis", "vms/simulator/"),
    "prometheus_client": ("vms/metrics.py",),
    "pydantic_settings": ("vms/settings.py",),
    "pylibsrtp": ("streamer/",),
    "rfc3161_client": ("vms/proof/timestamp",),
    "rich": ("vms/cli",),
    "sqlalchemy": ("vms/store/",),
    "starlette": ("web/",),
    "structlog": ("vms/logs.py",),
    "typer": ("vms/cli",),
    "yaml": ("vms/settings.py", "web/sheet/"),
}


@functools.cache
def tracked() -> tuple[str, ...]:
    """Paths of all files that are, or would be, committed."""
    # A checkout may belong to somebody else than who tests it.
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, check=True)
    names = listed.stdout.decode().split("\0")
    return tuple(sorted({name for name in names if name and (ROOT / name).is_file()}))


def python_files(*folders: str) -> list[str]:
    """Python files below the folders, all of the project's without any."""
    return [name for name in tracked() if name.endswith(".py") and (not folders or name.split("/")[0] in folders)]


@functools.cache
def parsed(name: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)


def read(name: str) -> str:
    """The text of a file, empty for what is no text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(name: str) -> set[str]:
    """Dotted names of the modules that a file imports absolutely, wherever in it."""
    found = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_no_file_is_longer_than_its_cap() -> None:
    """400 lines, 600 for tests: what is longer is two things."""
    long = {}
    for name in tracked():
        if Path(name).suffix in CODE:
            lines = read(name).count("\n")
            cap = MAX_TEST_LINES if name.startswith("tests/") or ".test." in name else MAX_LINES
            if lines > cap:
                long[name] = lines
    assert not long


def test_no_function_has_more_statements_than_a_reader_holds() -> None:
    """40 statements, nested ones counted."""
    long = {}
    for name in python_files(*PACKAGES, "tools"):
        for function in functions(parsed(name)):
            count = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
            if count > MAX_STATEMENTS:
                long[f"{name}:{function.name}"] = count
    assert not long


def test_every_module_says_what_it_is() -> None:
    """A docstring opens each module that holds anything."""
    assert not [name for name in python_files() if read(name).strip() and not ast.get_docstring(parsed(name))]


def test_every_test_says_in_one_line_what_must_hold() -> None:
    """A one-line docstring in each test function."""
    silent = [
        f"{name}:{function.name}"
        for name in python_files("tests")
        for function in functions(parsed(name))
        if function.name.startswith("test_") and "\n" in (ast.get_docstring(function) or "\n")
    ]
    assert not silent


def test_no_name_means_everything() -> None:
    """No module, class or function is called utils, helpers, common or manager: say what it does."""
    vague = {name for name in tracked() if VAGUE & set(re.split(r"[/._-]", name.lower()))}
    for name in python_files():
        for node in ast.walk(parsed(name)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name).lower().split("_")
                if VAGUE & set(words):
                    vague.add(f"{name}:{node.name}")
    assert not vague


def test_only_the_command_line_prints() -> None:
    """Services log; stdout belongs to the command and to the simulator's one ready line."""
    speaking = {
        name
        for name in python_files(*PACKAGES)
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert not {name for name in speaking if not name.startswith(("vms/cli", "vms/simulator/__main__"))}


def test_layers_are_kept() -> None:
    """import-linter finds no import that goes up or sideways."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_outside_library_has_its_owner() -> None:
    """Nobody else in the packages imports it."""
    strangers = [
        f"{name} imports {module}"
        for name in python_files(*PACKAGES)
        for module in sorted(imports(name))
        if (owners := OWNERS.get(module.partition(".")[0])) is not None and not name.startswith(owners)
    ]
    assert not strangers


def test_the_page_reaches_services_by_bus_alone() -> None:
    """Of the other services, web imports only the read side of the recorder (DESIGN §3)."""
    allowed = ("recorder.playback", "recorder.exporter")
    direct = [
        f"{name} imports {module}"
        for name in python_files("web")
        for module in sorted(imports(name))
        if module.partition(".")[0] in {"ingest", "recorder", "streamer"} and not module.startswith(allowed)
    ]
    assert not direct


def declared() -> list[Requirement]:
    """Every requirement in pyproject.toml."""
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"].values()
    return [Requirement(line) for lines in (project["project"]["dependencies"], *groups) for line in lines]


# The module of a package where it is not the package's name.
MODULES = {
    "argon2-cffi": "argon2",
    "ffmpeg-python": "ffmpeg",
    "nats-py": "nats",
    "opencv-python-headless": "cv2",
    "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
    "pyyaml": "yaml",
    "rfc3161-client": "rfc3161_client",
}
NOT_IMPORTED = {
    "aiosqlite",  # named in the catalogue's URL
}
THROUGH_ANOTHER = {"aioice": "aiortc", "pylibsrtp": "aiortc", "starlette": "fastapi", "uvloop": "uvicorn"}


def test_what_is_imported_is_asked_for_and_nothing_else_is() -> None:
    """Each outside module is a requirement (or part of one that says so), and each requirement is used."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    asked = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    wanted = {MODULES.get(name, name) for name in asked}
    used = {module.partition(".")[0] for name in python_files(*PACKAGES) for module in imports(name)}
    outside = used - set(sys.stdlib_module_names) - {*PACKAGES, "config", "__future__"}
    assert outside - wanted - set(THROUGH_ANOTHER) == set()
    assert wanted - outside - NOT_IMPORTED == set()


def locked() -> dict[str, set[str]]:
    """Versions in locks/ by name of the package."""
    found: dict[str, set[str]] = {}
    for name in tracked():
        if name.startswith("locks/"):
            for package, version in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==(\S+)", read(name), re.MULTILINE):
                found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def test_locks_hold_what_the_project_asks_for() -> None:
    """Each requirement is pinned, to one version that it allows; else `make lock` was forgotten."""
    pinned = locked()
    for requirement in declared():
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert len(versions) == 1, f"{requirement}: locked to {versions}"
        assert requirement.specifier.contains(min(versions), prereleases=True), str(requirement)


def test_locks_pin_every_package_by_hash_and_agree() -> None:
    """No package without a hash, none in two versions, so that any of the files can be installed beside the others."""
    assert {package: versions for package, versions in locked().items() if len(versions) > 1} == {}
    for name in tracked():
        if name.startswith("locks/"):
            entries = re.split(r"\n(?=[\w.-]+(?:\[[^]]*\])?==)", read(name))[1:]
            assert entries
            assert all("--hash=sha256:" in entry for entry in entries), name


def test_the_lock_of_the_page_is_in_step() -> None:
    """package-lock.json answers to package.json, and each package in it that is fetched has its hash."""
    manifest, lock = json.loads(read("web/ui/package.json")), json.loads(read("web/ui/package-lock.json"))
    for key in ("dependencies", "devDependencies"):
        assert lock["packages"][""].get(key, {}) == manifest.get(key, {})
    fetched = {name: entry for name, entry in lock["packages"].items() if name and not entry.get("link")}
    assert not [name for name, entry in fetched.items() if "integrity" not in entry]


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is each machine's own setting, and a named host works only where it is reached."""
    hosts = [
        ("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("registry", "yarnpkg"), ("npmjs", "com"),
        ("crates", "io"), ("proxy", "golang"), ("sum", "golang"), ("deb", "debian"), ("security", "debian"),
        ("repo1", "maven"), ("repo", "maven"), ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("deb", "nodesource"),
    ]  # fmt: skip
    pattern = re.compile("|".join(re.escape(".".join(host)) for host in hosts), re.IGNORECASE)
    assert not {name: pattern.findall(read(name)) for name in tracked() if pattern.search(read(name))}


def test_nothing_is_left_for_later() -> None:
    """No mark of unfinished work in what is committed: an issue is the place for it."""
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
    assert not {name: marks.findall(read(name)) for name in tracked() if marks.search(read(name))}


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link and picture in a Markdown file exists."""
    broken = [
        f"{name}: {target}"
        for name in tracked()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", read(name))
        if not ((ROOT / name).parent / target).exists()
    ]
    assert not broken


def test_the_version_is_said_once() -> None:
    """pyproject, the package and the newest entry of the changelog agree."""
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f'__version__ = "{version}"' in read("vms/__init__.py")
    newest = re.search(r"^## \[(\d[^\]]*)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench", "test-faults", "ui", "lock"])
def test_make_help_lists_the_target(target: str) -> None:
    """What a person can call is said by `make`."""
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(rf"^  make {target} +\S", result.stdout, re.MULTILINE)


def test_the_systemd_unit_starts_what_is_there(tmp_path: Path) -> None:
    """The unit calls a command and options that exist; where systemd is, it finds no fault in the unit."""
    unit = read("config/systemd/vms.service")
    command = re.search(r"^ExecStart=/opt/vms/\.venv/bin/vms (\w+) (.*)$", unit, re.MULTILINE)
    assert command is not None
    usage = subprocess.run(
        [sys.executable, "-c", "from vms.cli import main; main()", command[1], "--help"],
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    options = re.findall(r"--\w+", command[2])
    assert options
    if analyze := shutil.which("systemd-analyze"):
        copy = tmp_path / "vms.service"
        copy.write_text(unit.replace("/opt/vms/.venv/bin/vms", sys.executable).replace("/opt/vms", str(ROOT)))
        result = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")
    assert all(option in usage.stdout for option in options), usage.stdout + usage.stderr
