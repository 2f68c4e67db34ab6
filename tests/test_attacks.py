"""Bar E2: every line of docs/attacks.md has tests that exist, and there are a thousand inputs and more; and the lines
that belong to no other module."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import math
import random
import re
from collections.abc import Sized
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis

from ingest.multicast import ANSWERS_MAX, _Hearing
from ingest.patience import WorkerOptions
from vms.domain.camera_url import AddressPolicy
from vms.domain.ids import is_id, new_id
from vms.service import Backoff

TABLE = Path(__file__).parent.parent / "docs" / "attacks.md"
LINES = 84


def lines() -> dict[int, list[str]]:
    """The tests of each line, as `module::test`."""
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(number): re.findall(r"`(\S+::test_\S+)`", tests) for number, tests in rows}


def found(name: str) -> tuple[ModuleType, Any]:
    """The module of a test, and its function or None."""
    module = importlib.import_module("tests." + name.partition("::")[0].replace("/", "."))
    return module, getattr(module, name.partition("::")[2], None)


@functools.cache
def inputs(name: str) -> tuple[int, int]:
    """How many inputs a test has that somebody wrote down (parametrized, or in tables of its module that it names), and
    how many are made up by Hypothesis."""
    module, test = found(name)
    cases = math.prod(len(mark.args[1]) for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize")
    generated = 0
    if hypothesis.is_hypothesis_test(test):
        generated = getattr(test, "_hypothesis_internal_use_settings", hypothesis.settings.default).max_examples
        test = test.hypothesis.inner_test
    words = {node.id for node in ast.walk(ast.parse(inspect.getsource(test))) if isinstance(node, ast.Name)}
    tables = [vars(module).get(word) for word in words if word.isupper()]
    sizes = [len(table) for table in tables if isinstance(table, Sized) and not isinstance(table, str | bytes)]
    return cases + sum(sizes), generated


def test_every_line_has_a_test() -> None:
    """All 84, each with tests that are there under that name."""
    table = lines()
    assert sorted(table) == list(range(1, LINES + 1))
    assert [number for number, tests in table.items() if not tests] == []
    assert [name for tests in table.values() for name in tests if found(name)[1] is None] == []


def test_there_are_a_thousand_inputs() -> None:
    """Counted once for each test, however many lines name it."""
    names = {name for tests in lines().values() for name in tests}
    written = sum(inputs(name)[0] for name in names)
    generated = sum(inputs(name)[1] for name in names)
    print(f"E2: {len(names)} tests of {LINES} lines, {written} inputs written down, {generated} made up by laws")
    assert written >= 1000
    assert written + generated >= 2000


def test_a_hundred_cameras_come_back_apart() -> None:
    """Line 20: a switch restarts after five minutes: all are tried again within 30 s, never many in one moment."""
    options, chance = WorkerOptions(), random.Random(20)
    back_s = 300.0
    tries: list[float] = []
    for _ in range(100):
        backoff = Backoff(options.backoff_s, options.backoff_cap_s, rng=chance.random)
        at = 0.0
        while at < back_s:
            at += options.connect_watched_s + backoff.next_s()
        tries.append(at - back_s)
    assert max(tries) <= 30
    assert max(sum(abs(one - other) < 0.25 for other in tries) for one in tries) < 20


def test_a_flood_of_answers_is_bounded() -> None:
    """Line 48: of ten thousand datagrams that answer our question some hundred are read, the rest costs nothing."""
    hearing = _Hearing("urn:uuid:1", AddressPolicy())
    body = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><RelatesTo>urn:uuid:1</RelatesTo>'
        "</s:Header><s:Body><ProbeMatch><XAddrs>http://10.0.{}.{}/x</XAddrs></ProbeMatch></s:Body></s:Envelope>"
    )
    for n in range(10_000):
        hearing.datagram_received(body.format(n // 250, n % 250).encode(), (f"10.0.{n // 250}.{n % 250}", 3702))
    assert len(hearing.found) <= ANSWERS_MAX


def test_ids_cannot_be_guessed() -> None:
    """Line 53: ten thousand are all different, of 80 bits, and nothing in them counts or grows."""
    made = [new_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert all(is_id(one) and len(one) == 16 for one in made)
    assert len({one[:4] for one in made}) > 9_000
    assert made != sorted(made)
