"""Checkpoints: what a Node states about a Site since its last one, signed. Pure.

The object is canonical JSON (RFC 8785 for these types: sorted keys, no blanks, UTF-8, integers exact) of `statement`
and `signature`. The signature is Ed25519 over `vms checkpoint v1` and a newline, then the canonical JSON of the
statement; the statement's own SHA-256 is what the next one names as `previous`. Fields: docs/footage-format.md.
Golden vector: tests/proof/vectors.json.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vms.proof.keys import NodeKey, fingerprint, verifies

VERSION = 1
PREFIX = "checkpoints/"
CONTENT_TYPE = "application/json"
_DOMAIN = b"vms checkpoint v1\n"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


class BadCheckpointError(ValueError):
    """Not a Checkpoint, of a newer version, or not signed by the key that it names."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`number` counts the Node's Checkpoints of that Site from 0; `previous`: SHA-256 of the statement before, empty
    for the first. `rows`: whole rows of the catalogue by table, each as it was at `to_ns`. `kept`: of Segments that are
    not expired `[run, number, state, rev]`. `heads`: `[run, number, head]` of each Run whose footage grew. `audit`:
    number and hash of the newest entry of the Node's audit chain. `key`: the row of the key that signs."""

    site: str
    node: str
    number: int
    previous: str
    from_ns: int
    to_ns: int
    key: Mapping[str, Any]
    rows: Rows = field(default_factory=dict)
    kept: Sequence[Sequence[Any]] = ()
    heads: Sequence[Sequence[Any]] = ()
    audit: Sequence[Any] = ()

    def statement(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "version": VERSION,
            "kind": "checkpoint",
            "site": self.site,
            "node": self.node,
            "number": self.number,
            "previous": self.previous,
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "key": dict(self.key),
            "rows": {table: [dict(row) for row in rows] for table, rows in self.rows.items()},
            "kept": [list(one) for one in self.kept],
            "heads": [list(one) for one in self.heads],
            "audit": list(self.audit),
        }

    @property
    def sha256(self) -> str:
        """What the next one's `previous` is, hex."""
        return hashlib.sha256(canonical(self.statement())).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Of the key that signs."""
        return fingerprint(self.key["public_key"])


def checkpoint_key(site: str, node: str, to_ns: int) -> str:
    """checkpoints/<site>/<node>/<yyyy>/<mm>/<dd>/<time_ms>.json, UTC."""
    at = dt.datetime.fromtimestamp(to_ns // 1_000_000_000, tz=dt.UTC)
    return f"{PREFIX}{site}/{node}/{at:%Y/%m/%d}/{to_ns // 1_000_000}.json"


def canonical(value: Any) -> bytes:
    """Canonical JSON. TypeError for a number that is no integer: its text is not the same everywhere."""
    _only_exact(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(checkpoint: Checkpoint, key: NodeKey) -> bytes:
    """The object's bytes."""
    statement = checkpoint.statement()
    return canonical({"signature": key.sign(_DOMAIN + canonical(statement)), "statement": statement})


def opened(data: bytes) -> Checkpoint:
    """The inverse of `signed`, its signature checked against the key that it names. Whether that key is the Node's own
    is for the caller to say. BadCheckpointError."""
    try:
        value = json.loads(data)
        statement, signature = value["statement"], value["signature"]
        if statement["version"] != VERSION or statement["kind"] != "checkpoint":
            raise BadCheckpointError("a Checkpoint of a version that is not known")
        made = Checkpoint(
            site=str(statement["site"]),
            node=str(statement["node"]),
            number=int(statement["number"]),
            previous=str(statement["previous"]),
            from_ns=int(statement["from_ns"]),
            to_ns=int(statement["to_ns"]),
            key=dict(statement["key"]),
            rows={str(table): [dict(row) for row in rows] for table, rows in statement["rows"].items()},
            kept=[list(one) for one in statement["kept"]],
            heads=[list(one) for one in statement["heads"]],
            audit=list(statement["audit"]),
        )
        known = verifies(str(made.key["public_key"]), str(signature), _DOMAIN + canonical(statement))
    except BadCheckpointError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadCheckpointError("it is no Checkpoint, or it is damaged") from error
    if not known:
        raise BadCheckpointError("its signature does not fit: it was changed after it was signed")
    if made.statement() != statement:
        raise BadCheckpointError("a Checkpoint with more than is known")
    return made


def broken_links(chain: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Of one Node's Checkpoints of one Site, in order of their numbers, those that do not follow the one before."""
    previous, number, broken = "", 0, []
    for one in chain:
        if one.previous != previous or one.number != number:
            broken.append(one)
        previous, number = one.sha256, one.number + 1
    return broken


def _only_exact(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a number that is no integer")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise TypeError("a name that is no text")
            _only_exact(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _only_exact(inner)
