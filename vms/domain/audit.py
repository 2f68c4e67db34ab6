"""Entries of the audit log and the hash that chains them: pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """The number of the first entry of one Node's chain, given from number 1 on, that was changed, removed or put in;
    None where the chain is whole."""
    previous, number = "", 1
    for entry in entries:
        if entry.number != number or entry.previous != previous or entry.hash != entry_hash(entry):
            return number
        previous, number = entry.hash, number + 1
    return None
