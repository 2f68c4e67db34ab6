"""The manifest of an Export: the closed list of what a package holds, and what it is about, signed. Pure.

`manifest.json` is canonical JSON (see vms/proof/checkpoint.py) of `statement` and `signature`: Ed25519 by the exporting
Node over `vms export v1`, a newline, and the canonical JSON of the statement. Fields: docs/footage-format.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vms.proof.certificate import certified_by
from vms.proof.checkpoint import canonical
from vms.proof.keys import NodeKey, fingerprint, verifies

VERSION = 1
KIND = "export"
NAME = "manifest.json"
STAMP = "manifest.tsr"
"""An authority's word about the manifest's bytes (RFC 3161); the manifest says whether there is one."""
MAX_BYTES = 64 << 20
_DOMAIN = b"vms export v1\n"


class BadManifestError(ValueError):
    """Not a manifest, of a newer version, or damaged."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read. `whole`: the signature fits the statement, and the bytes are the canonical ones;
    `signer`: fingerprint of the key that signs; `installation`: fingerprint of the installation that certifies that
    key, None where none does."""

    statement: Mapping[str, Any]
    whole: bool
    signer: str
    installation: str | None


def sealed(statement: Mapping[str, Any], key: NodeKey) -> bytes:
    """The file's bytes. `statement["key"]` is the row of that key."""
    return canonical({"signature": key.sign(_DOMAIN + canonical(statement)), "statement": statement})


def read(data: bytes) -> Manifest:
    """The inverse. A manifest that was changed is read as far as it can be, and is not `whole`. BadManifestError."""
    try:
        value = json.loads(data)
        statement, signature = value["statement"], str(value["signature"])
        if statement["kind"] != KIND:
            raise BadManifestError("it is no manifest of an export")
        if statement["version"] != VERSION:
            raise BadManifestError("it has a format that is not known; a newer version of vms may read it")
        key = statement["key"]
        public, node = str(key["public_key"]), str(key["node"])
        signed = verifies(public, signature, _DOMAIN + canonical(statement))
        whole = signed and key["fingerprint"] == fingerprint(public) and canonical(value) == data
        return Manifest(statement, whole, fingerprint(public), certified_by(str(key["certificate"]), node, public))
    except BadManifestError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadManifestError("it is damaged") from error
