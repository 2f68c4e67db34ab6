"""Certificates: the installation's word that a key is that of one of its Nodes. Pure.

The text that a key's row carries is canonical JSON of `installation` (the public key that certifies, hex) and
`signature`: Ed25519 over `vms node certificate v1`, a newline, and canonical JSON of `node` and `public_key`.
"""

from __future__ import annotations

import json

from vms.proof.checkpoint import canonical
from vms.proof.keys import NodeKey, fingerprint, verifies

_DOMAIN = b"vms node certificate v1\n"


def certificate(installation: NodeKey, node: str, public_key: str) -> str:
    """The installation certifies a Node's public key (hex)."""
    signature = installation.sign(_DOMAIN + canonical({"node": node, "public_key": public_key}))
    return canonical({"installation": installation.public, "signature": signature}).decode()


def certified_by(text: str, node: str, public_key: str) -> str | None:
    """The fingerprint of the installation whose certificate this is for just that Node and key; None where it is none,
    or does not fit."""
    try:
        value = json.loads(text)
        installation, signature = str(value["installation"]), str(value["signature"])
        signed = _DOMAIN + canonical({"node": node, "public_key": public_key})
        return fingerprint(installation) if verifies(installation, signature, signed) else None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
