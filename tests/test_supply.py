"""What the system is made of, and whether that is known to be bad: the SBOM and the audit of what is locked."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.test_house import ROOT, read


@pytest.fixture(scope="module")
def tools() -> Iterator[dict[str, ModuleType]]:
    """The two tools, as modules."""
    sys.path.insert(0, str(ROOT / "tools"))
    yield {name: importlib.import_module(name) for name in ("sbom", "audit")}
    sys.path.remove(str(ROOT / "tools"))


def test_the_bill_names_everything_that_is_locked(tools: dict[str, ModuleType]) -> None:
    """CycloneDX with each package of both locks once, its version and hashes; twice the same."""
    bill = tools["sbom"].bill()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    purls = [one["purl"] for one in bill["components"]]
    assert len(set(purls)) == len(purls)
    locked = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", read("locks/runtime.txt"), re.MULTILINE)
    assert {f"pkg:pypi/{name}@{version}" for name, version in locked} <= set(purls)
    page = json.loads(read("web/ui/package-lock.json"))["packages"]
    fetched = {name.rpartition("node_modules/")[2] for name, entry in page.items() if name and not entry.get("link")}
    assert {one["name"] for one in bill["components"] if one["purl"].startswith("pkg:npm/")} == fetched
    assert all(
        re.fullmatch("[0-9a-f]{40,128}", found["content"]) for one in bill["components"] for found in one["hashes"]
    )
    refs = {one["bom-ref"] for one in bill["components"]}
    assert set(bill["dependencies"][0]["dependsOn"]) == refs
    assert bill == tools["sbom"].bill()


def test_what_is_known_to_be_bad_is_named(tools: dict[str, ModuleType]) -> None:
    """A line each, with what mends it; low ones of the page, and what was skipped, are none."""
    said = [
        {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2", "3"]}]},
        {"name": "b", "version": "1", "vulns": []},
        {"name": "c", "skip_reason": "not found"},
    ]
    assert tools["audit"].python_findings(said) == ["a 1: CVE-1, mended in 2, 3"]
    page = {"x": {"range": "<2", "severity": "high"}, "y": {"range": "*", "severity": "low"}}
    assert tools["audit"].page_findings({"vulnerabilities": page}) == ["x <2: high"]


def test_nobody_who_answers_fails_nothing(
    tools: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No network, no registry that tells, no pip-audit: 0, and it says that nothing was audited."""
    audit = tools["audit"]
    monkeypatch.setattr(audit, "run", lambda *_args, **_more: "")
    monkeypatch.setattr(audit, "install", lambda: True)
    assert audit.main() == 0
    assert capsys.readouterr().out.lower().count("not audited") == 3
