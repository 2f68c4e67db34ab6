"""Every reason the server can give has a message of the page in both languages, with the parameters that it gets."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from web import problem

ROOT = Path(__file__).parents[2]
PACKAGES = ("ingest", "recorder", "streamer", "vms", "web")
LANGUAGES = ("id", "en")


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Every call in the server's sources, with the place where it stands."""
    found: list[tuple[str, ast.Call]] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                nodes = ast.walk(ast.parse(path.read_text()))
                found += [(f"{path.relative_to(ROOT)}:{n.lineno}", n) for n in nodes if isinstance(n, ast.Call)]
    return found


def constants(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression can be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from constants(value)


def given(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def reasons() -> dict[tuple[str, str], set[str] | None]:
    """(place, reason) → names of its parameters, None where they come from elsewhere."""
    found: dict[tuple[str, str], set[str] | None] = {}
    for place, call in calls():
        params = given(call, "params")
        names: set[str] | None = set()
        if isinstance(params, ast.Dict):
            names = {key.value for key in params.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        elif params is not None:
            names = None
        for reason in constants(given(call, "reason")):
            found[place, reason] = names
    found |= {("web/problem.py", reason): {"limit"} for reason, _ in problem._LIMITS.values()}
    found["web/problem.py", "value"] = set()
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_message(language: str) -> None:
    """No more and no fewer messages than there are reasons, and none wants what the server does not send."""
    messages = json.loads((ROOT / "web/ui/messages" / f"{language}.json").read_text())
    said = {key.removeprefix("reason_"): text for key, text in messages.items() if key.startswith("reason_")}
    assert set(said) == {reason for _, reason in reasons()}
    for (place, reason), names in reasons().items():
        wanted = set(re.findall(r"\{(\w+)\}", said[reason]))
        assert names is None or wanted <= names, f"{place}: {reason} wants {wanted}"


def test_what_a_camera_does_has_a_reason() -> None:
    """These errors become states and reports, which people read; one without a reason is English in every language."""
    kinds = re.compile(
        r"Camera(Unreachable|Auth|Stalled|Unsupported|Corrupt|Url)Error|NoKeyFrameError|TextError|Remark"
    )
    made = [
        (place, call) for place, call in calls() if isinstance(call.func, ast.Name) and kinds.fullmatch(call.func.id)
    ]
    assert len(made) > 40
    assert [place for place, call in made if given(call, "reason") is None] == []
