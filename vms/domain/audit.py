"""Entries of the audit log and the hash that chains them: pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did, or was refused, what to what, when. `previous` and `hash` are hex; `number` counts from 1 per Node."""

    node: str
    number: int
    at_ns: int
    person: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    previous: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What is to be written of somebody who did something."""

    person: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first entries of a chain, from `number` to `upto`, that are not as they were written; `words` say how."""

    number: int
    upto: int
    words: str


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 (hex) over the canonical JSON (RFC 8785 for these types: sorted keys, no spaces, UTF-8) of the list
    [1, node, number, at_ns, person, action, subject, detail, previous]; 1 is the version of this rule."""
    fields = [
        1,
        entry.node,
        entry.number,
        entry.at_ns,
        entry.person,
        entry.action,
        entry.subject,
        dict(entry.detail),
        entry.previous,
    ]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ChainWalk:
    """Goes along one Node's chain, `add` for each entry in order, from number 1 on. `count`: entries that fit so far;
    `vouched`: the newest of them that was stated; `fault`: the first that does not fit; nothing behind it counts."""

    def __init__(self, stated: Mapping[int, Collection[str]] | None = None) -> None:
        """`stated`: by number, the hashes that signed Checkpoints have of entries."""
        self._stated = dict(stated or {})
        self._previous = ""
        self.count = 0
        self.vouched = 0
        self.fault: AuditFault | None = None

    def add(self, entry: AuditEntry) -> None:
        """The next entry that is there."""
        if self.fault is not None:
            return
        due = self.count + 1
        if entry.number != due:
            self.fault = AuditFault(due, entry.number - 1, f"{_some(due, entry.number - 1)} missing")
        elif entry.hash != entry_hash(entry):
            self.fault = AuditFault(due, due, f"entry {due} was edited")
        elif entry.previous != self._previous:
            first = max(1, due - 1)
            self.fault = AuditFault(first, due, f"entry {first} or {due} was written anew: they do not fit together")
        elif set(self._stated.get(due, {entry.hash})) != {entry.hash}:
            first = self.vouched + 1
            words = f"something in entries {first} to {due} was written anew"
            words = words if first < due else f"entry {due} was edited"
            self.fault = AuditFault(first, due, f"{words}: a signed Checkpoint states another hash of entry {due}")
        else:
            self.count, self._previous = due, entry.hash
            if due in self._stated:
                self.vouched = due

    def beyond(self) -> AuditFault | None:
        """Entries that a Checkpoint states and that are not there any more, at the end of the chain."""
        last = max(self._stated, default=0)
        if self.fault is not None or last <= self.count:
            return None
        words = f"{_some(self.count + 1, last)} missing, which a signed Checkpoint states"
        return AuditFault(self.count + 1, last, words)


def _some(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
