"""YAML as a tree of texts that know their place. Pure.

Made from the parser's events: no object of any kind is built, tags, anchors and aliases are refused (attacks 67: YAML
tags; a billion laughs), depth and size are bounded. Texts stay texts: what they mean their column says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from web.sheet.rows import SheetError, no_text

_DEPTH_MAX = 8
_NODES_MAX = 250_000
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,15}")


@dataclass(slots=True)
class Tree:
    """A text, a list or a mapping (one of the three), with the line and character, from 1, at which it begins."""

    line: int
    place: int
    text: str | None = None
    items: list[Tree] | None = None
    entries: dict[str, Tree] | None = field(default=None)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_plain: bool = False

    @property
    def value(self) -> Any:
        """As YAML means it: a text without quotation marks may be a number, yes or no, or nothing."""
        if self.items is not None:
            return [item.value for item in self.items]
        if self.entries is not None:
            return {key: entry.value for key, entry in self.entries.items()}
        text = self.text or ""
        if not self.is_plain:
            return text
        if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if _WHOLE.fullmatch(text):
            return int(text)
        return float(text) if _DECIMAL.fullmatch(text) else text or None


def read_yaml(data: bytes) -> Tree:
    """The one document of a file. SheetError: it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise no_text() from None
    try:
        return _document(iter(yaml.parse(text, Loader=_Loader)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "1" if mark is None else str(mark.line + 1)
        raise SheetError(
            f"Line {line} is no YAML.", hint="Look at its indentation.", reason="sheet_yaml", params={"line": line}
        ) from None


def _document(events: Iterator[yaml.Event]) -> Tree:
    count = 0
    found: Tree | None = None
    open_: list[tuple[Tree, list[Tree]]] = []  # a collection, and for a mapping the key that waits for its value
    for event in events:
        count += 1
        mark = event.start_mark
        line, place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.DocumentStartEvent) and found is not None:
                raise _refused(line)
            continue
        tree = _node(event, line, place)
        if count > _NODES_MAX or len(open_) > _DEPTH_MAX:
            raise _refused(line)
        if open_:
            _hang(tree, *open_[-1])
        else:
            found = tree
        if tree.text is None:
            open_.append((tree, []))
    if found is None:
        raise SheetError("The file is empty.", hint="It names cameras.", reason="sheet_empty")
    return found


def _node(event: yaml.NodeEvent, line: int, place: int) -> Tree:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _refused(line)
    if getattr(event, "tag", None) is not None:
        raise _refused(line)
    if isinstance(event, yaml.ScalarEvent):
        is_plain = event.implicit[0]
        text = "" if is_plain and event.value in _NOTHING else event.value
        return Tree(line, place, text=text, is_plain=is_plain)
    if isinstance(event, yaml.SequenceStartEvent):
        return Tree(line, place, items=[])
    return Tree(line, place, entries={})


def _hang(tree: Tree, above: Tree, waiting: list[Tree]) -> None:
    if above.items is not None:
        above.items.append(tree)
        return
    assert above.entries is not None
    if not waiting:
        if tree.text is None or tree.text in above.entries:
            raise _refused(tree.line)
        waiting.append(tree)
        return
    key = waiting.pop()
    assert key.text is not None
    above.entries[key.text] = tree
    above.keys[key.text] = (key.line, key.place)


def _refused(line: int) -> SheetError:
    return SheetError(
        f"Line {line} holds a tag, an anchor, a key that is there already, or is nested too deeply.",
        hint="Write it plainly.",
        reason="sheet_yaml_plain",
        params={"line": str(line)},
    )
